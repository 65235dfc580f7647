//! Why a message is not delivered yet: the one thing that holds it now.

use super::{OrderError, describe::EntryReport};
use crate::supervisor::Supervisor;
use actix::prelude::*;
use mailwright_engine::{id::QueueId, time::UnixMillis};
use serde::Serialize;

/// Asks what holds each entry of a message. Empty when the message is not in the queue.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "Result<Vec<Holding>, OrderError>")]
pub struct Why(pub QueueId);

/// What holds one entry.
#[derive(Debug, Clone, Serialize)]
pub struct Holding {
    /// The destination.
    pub domain: String,
    /// Recipients still to be served.
    pub recipients: usize,
    /// The one thing that holds it.
    pub reason: Reason,
    /// In words.
    pub detail: String,
    /// When it should go, as far as anybody can say.
    pub until: Option<UnixMillis>,
}

/// The kinds of things that hold mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is being delivered.
    InFlight,
    /// An operator suspended its domain, site, source or tenant.
    Suspension,
    /// It was deferred, and its next attempt is not due.
    Retry,
    /// Where the mail goes is not known.
    Dns,
    /// None of its sources may be used.
    Source,
    /// The site cannot be reached, or a policy cannot be met.
    Site,
    /// The breaker of a dead destination is open.
    Breaker,
    /// A rule on replies slowed down or suspended the site.
    Rule,
    /// The rate of messages or connections.
    Rate,
    /// All connections that the site may have are busy.
    Concurrency,
    /// Other mail is before it.
    Turn,
}

impl Handler<Why> for Supervisor {
    type Result = ResponseFuture<Result<Vec<Holding>, OrderError>>;

    fn handle(&mut self, Why(id): Why, _: &mut Self::Context) -> Self::Result {
        let reports = self.entry_reports(id);
        Box::pin(async move { Ok(reports.await?.iter().map(holding).collect()) })
    }
}

fn holding(report: &EntryReport) -> Holding {
    let (reason, detail, until) = report.decide();
    Holding { domain: report.domain.clone(), recipients: report.recipients, reason, detail, until }
}
