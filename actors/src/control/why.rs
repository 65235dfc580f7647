//! Why a message is not delivered yet: the one thing that holds it now.

use super::{OrderError, describe::EntryReport};
use crate::{domain::HoldKind, supervisor::Supervisor};
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
    /// It waits for the time that its sender asked for.
    Schedule,
    /// It was deferred, and its next attempt is not due.
    Retry,
    /// Where the mail goes is not known.
    Dns,
    /// None of its sources may be used.
    Source,
    /// The site cannot be reached.
    Site,
    /// The site's servers do not do what a TLS policy asks.
    Policy,
    /// Our own disk could not promise to remember an attempt.
    Storage,
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

impl Reason {
    /// Its name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Suspension => "suspension",
            Self::Schedule => "schedule",
            Self::Retry => "retry",
            Self::Dns => "dns",
            Self::Source => "source",
            Self::Site => "site",
            Self::Policy => "policy",
            Self::Storage => "storage",
            Self::Breaker => "breaker",
            Self::Rule => "rule",
            Self::Rate => "rate",
            Self::Concurrency => "concurrency",
            Self::Turn => "turn",
        }
    }
}

impl From<HoldKind> for Reason {
    fn from(kind: HoldKind) -> Self {
        match kind {
            HoldKind::Dns => Self::Dns,
            HoldKind::Site => Self::Site,
            HoldKind::Policy => Self::Policy,
            HoldKind::Storage => Self::Storage,
        }
    }
}

impl Handler<Why> for Supervisor {
    type Result = ResponseFuture<Result<Vec<Holding>, OrderError>>;

    fn handle(&mut self, Why(id): Why, _: &mut Self::Context) -> Self::Result {
        let reports = self.entry_reports(id);
        Box::pin(async move { Ok(reports.await?.iter().map(EntryReport::holding).collect()) })
    }
}

impl EntryReport {
    /// The one thing that holds the entry.
    pub fn holding(&self) -> Holding {
        let (reason, detail, until) = self.decide();
        Holding { domain: self.domain.clone(), recipients: self.recipients, reason, detail, until }
    }
}
