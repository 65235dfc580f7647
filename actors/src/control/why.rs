//! Why a message is not delivered yet: the one thing that holds it now.

use super::{OrderError, describe::EntryReport};
use crate::{
    clock,
    domain::{DomainSnapshot, HoldKind, PlanSnapshot},
    site::SiteSnapshot,
    supervisor::Supervisor,
};
use actix::prelude::*;
use mailwright_engine::{governor::HoldCause, id::QueueId, time::UnixMillis};
use serde::Serialize;
use std::time::Duration;

/// What holds mail, in words, and until when.
pub type Held = (Reason, String, Option<UnixMillis>);

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

impl From<&HoldCause> for Reason {
    fn from(cause: &HoldCause) -> Self {
        match cause {
            HoldCause::ConnectionRate | HoldCause::MessageRate => Self::Rate,
            HoldCause::Concurrency | HoldCause::ConnectionCap => Self::Concurrency,
            HoldCause::Breaker => Self::Breaker,
            HoldCause::Rule(_) => Self::Rule,
        }
    }
}

/// What holds the mail of a domain that `sites` carry, if the domain itself waits for something.
pub fn held_by_domain(domain: &DomainSnapshot, sites: &[&SiteSnapshot]) -> Option<Held> {
    if let PlanSnapshot::Asked = domain.plan {
        return Some((Reason::Dns, "its mail exchangers are being looked up".to_owned(), None));
    }
    let of_all = domain.holds.iter().find(|hold| hold.source.is_none());
    let hold = of_all.or_else(|| domain.holds.first())?;
    let until = clock::now().saturating_add(Duration::from_secs(hold.seconds));
    let dead = sites.iter().find_map(|site| site.governor.dead_until);
    match dead.filter(|dead| hold.kind == HoldKind::Site && *dead > until) {
        // The breaker stays open when the domain's own pause is over.
        Some(dead) => {
            let why = format!("the destination counts as dead after failed connections: {}", hold.why);
            Some((Reason::Breaker, why, Some(dead)))
        }
        None => Some((hold.kind.into(), hold.why.clone(), Some(until))),
    }
}

/// What holds the mail that `sites` carry, if one of them waits for something.
pub fn held_by_site(sites: &[&SiteSnapshot]) -> Option<Held> {
    let hold = sites.iter().find_map(|site| site.hold.as_ref())?;
    Some((Reason::from(&hold.cause), hold.detail.clone(), Some(hold.until)))
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
