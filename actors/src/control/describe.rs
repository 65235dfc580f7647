//! The queue and its actors as operators see them.

use super::{
    OrderError, Reason,
    why::{Held, held_by_domain, held_by_site},
};
use crate::{
    clock,
    domain::{DescribeDomain, DomainActor, DomainSnapshot, PlanSnapshot},
    places::Places,
    site::{DescribeSite, Site, SiteKey, SiteSnapshot},
    supervisor::{Deps, Supervisor},
};
use actix::prelude::*;
use futures_util::future::join_all;
use mailwright_engine::{address::Domain, id::QueueId, time::UnixMillis};
use mailwright_storage::{
    QueueEntry,
    control::{Suspension, SuspensionScope},
};
use serde::Serialize;
use std::{collections::HashMap, rc::Rc};

/// Asks every actor what it is doing.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "QueueReport")]
pub struct DescribeQueue;

/// What the actors are doing.
#[derive(Debug, Clone, Serialize)]
pub struct QueueReport {
    /// Domains with work now or lately: those that are active, and those that rest until they may be tried again.
    pub domains: Vec<DomainSnapshot>,
    /// Sites with an actor.
    pub sites: Vec<SiteSnapshot>,
    /// Sources.
    pub sources: Vec<SourceSnapshot>,
}

/// A source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceSnapshot {
    /// Its name.
    pub source: String,
    /// The addresses it binds.
    pub addresses: Vec<String>,
    /// What its warm-up still allows today; `None`: no limit.
    pub left_today: Option<u64>,
    /// Whether it may be used now.
    pub usable: bool,
}

/// Asks for the entries of a message with all that is known about why they wait.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "Result<Vec<EntryReport>, OrderError>")]
pub struct DescribeEntry(pub QueueId);

/// An entry and its surroundings.
#[derive(Debug, Clone, Serialize)]
pub struct EntryReport {
    /// The destination.
    pub domain: String,
    /// Recipients still to be served.
    pub recipients: usize,
    /// Attempts made.
    pub attempts: u32,
    /// When it may be tried next.
    pub due: UnixMillis,
    /// What came of the last attempt, in words.
    pub last: Option<String>,
    /// Whether it is being delivered.
    pub in_flight: bool,
    /// The suspension that holds it, in words, and its end.
    pub suspension: Option<(String, Option<UnixMillis>)>,
    /// Why none of its sources may be used, if none may, and until when.
    pub no_source: Option<(String, Option<UnixMillis>)>,
    /// How many domains wait for a place among the active ones, if its domain is one of them.
    pub domains_in_line: Option<usize>,
    /// Its domain, if it is active or rests.
    pub domain_state: Option<DomainSnapshot>,
    /// The sites that carry its domain's mail.
    pub sites: Vec<SiteSnapshot>,
}

impl EntryReport {
    /// The one thing that holds the entry: the first that would still hold it if those after it were gone.
    pub(super) fn decide(&self) -> Held {
        let now = clock::now();
        if self.in_flight {
            return (Reason::InFlight, "it is being delivered now".to_owned(), None);
        }
        if let Some((what, until)) = &self.suspension {
            return (Reason::Suspension, what.clone(), *until);
        }
        if self.due > now && self.attempts == 0 && self.last.is_none() {
            return (Reason::Schedule, "its sender asked for it to go later".to_owned(), Some(self.due));
        }
        if self.due > now {
            let last = self.last.as_deref().unwrap_or("it was put off");
            return (Reason::Retry, format!("attempt {} failed: {last}", self.attempts), Some(self.due));
        }
        if let Some((why, until)) = &self.no_source {
            return (Reason::Source, why.clone(), *until);
        }
        if let Some(waiting) = self.domains_in_line {
            let why = format!(
                "its domain is one of {waiting} that wait until others have no more to do: as many are active as \
                 delivery.max_active_domains allows"
            );
            return (Reason::Turn, why, None);
        }
        let sites: Vec<&SiteSnapshot> = self.sites.iter().collect();
        let by_domain = self.domain_state.as_ref().and_then(|domain| held_by_domain(domain, &sites));
        by_domain.or_else(|| held_by_site(&sites)).unwrap_or_else(|| {
            (Reason::Turn, "other mail of its domain or site is before it".to_owned(), None)
        })
    }
}

impl Handler<DescribeQueue> for Supervisor {
    type Result = ResponseFuture<QueueReport>;

    fn handle(&mut self, _: DescribeQueue, _: &mut Self::Context) -> Self::Result {
        let domains =
            join_all(self.domain_actors().values().map(|active| active.addr().send(DescribeDomain)));
        let sites = join_all(self.site_actors().values().map(|addr| addr.send(DescribeSite)));
        let (sources, resting) = (sources(&self.deps()), self.deps().places.describe_all());
        Box::pin(async move {
            // Actors that ended meanwhile have nothing to say.
            let domains = domains.await.into_iter().flatten().chain(resting).collect();
            let sites = sites.await.into_iter().flatten().collect();
            QueueReport { domains, sites, sources }
        })
    }
}

fn sources(deps: &Deps) -> Vec<SourceSnapshot> {
    let describe =
        |(source, left_today, availability): (std::sync::Arc<mailwright_engine::source::Source>, _, _)| {
            let v4 = source.ipv4.map(|ip| ip.to_string());
            let v6 = source.ipv6.map(|ip| ip.to_string());
            SourceSnapshot {
                source: source.name.to_string(),
                addresses: v6.into_iter().chain(v4).collect(),
                left_today,
                usable: availability == mailwright_engine::source::Availability::Usable,
            }
        };
    deps.sources.describe().into_iter().map(describe).collect()
}

impl Handler<DescribeEntry> for Supervisor {
    type Result = ResponseFuture<Result<Vec<EntryReport>, OrderError>>;

    fn handle(&mut self, DescribeEntry(id): DescribeEntry, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.entry_reports(id))
    }
}

impl Supervisor {
    /// The entries of a message with all that is known about why they wait.
    pub(super) fn entry_reports(
        &self,
        id: QueueId,
    ) -> impl Future<Output = Result<Vec<EntryReport>, OrderError>> + use<> {
        let deps = self.deps();
        let domains = self.domain_actors().iter().map(|(name, active)| (name.clone(), active.addr().clone()));
        let actors = Actors { domains: domains.collect(), sites: self.site_actors().clone() };
        async move {
            let entries = deps.spool.entries_of(id).await?;
            let mut reports = Vec::new();
            for entry in entries {
                reports.push(actors.report(&deps, entry).await);
            }
            Ok(reports)
        }
    }
}

struct Actors {
    domains: HashMap<Domain, Addr<DomainActor>>,
    sites: HashMap<SiteKey, Addr<Site>>,
}

impl Actors {
    async fn report(&self, deps: &Rc<Deps>, entry: QueueEntry) -> EntryReport {
        let domain_state = match self.domains.get(&entry.place.domain) {
            Some(addr) => addr.send(DescribeDomain).await.ok(),
            None => deps.places.describe(&entry.place.domain),
        };
        let site_name = domain_state.as_ref().and_then(|domain| match &domain.plan {
            PlanSnapshot::Known { site, .. } => Some(site.clone()),
            _ => None,
        });
        let is_its = |key: &SiteKey| site_name.as_ref().is_some_and(|name| key.name() == *name);
        let sites = self.sites.iter().filter(|(key, _)| is_its(key)).map(|(_, site)| site.send(DescribeSite));
        let sites: Vec<SiteSnapshot> = join_all(sites).await.into_iter().flatten().collect();
        EntryReport {
            domain: entry.place.domain.to_string(),
            recipients: entry.pending.len(),
            attempts: entry.attempts,
            due: entry.place.due,
            last: entry.last.as_ref().map(|last| last.text.clone()),
            in_flight: deps.in_flight.contains(entry.key()),
            suspension: suspension(deps, &entry, site_name.as_deref()),
            no_source: no_source(deps, &entry),
            domains_in_line: in_line(&deps.places, &entry.place.domain),
            domain_state,
            sites,
        }
    }
}

/// How many domains wait in line, if `domain` does.
fn in_line(places: &Places, domain: &Domain) -> Option<usize> {
    places.is_waiting(domain).then(|| places.census().waiting)
}

/// Why none of an entry's sources may be used, if none may.
fn no_source(deps: &Deps, entry: &QueueEntry) -> Option<(String, Option<UnixMillis>)> {
    deps.sources.choose(entry).err().map(|none| (none.to_string(), none.until))
}

/// The suspension that holds an entry, in words, and its end.
fn suspension(deps: &Deps, entry: &QueueEntry, site: Option<&str>) -> Option<(String, Option<UnixMillis>)> {
    let suspensions = &deps.suspensions;
    let tenant = entry.place.class.tenant.as_ref().and_then(|tenant| suspensions.tenant(tenant));
    let found = suspensions
        .domain(&entry.place.domain)
        .or(tenant)
        .or_else(|| site.and_then(|site| suspensions.site(site)))
        .or_else(|| suspended_source(deps, entry))?;
    Some((format!("{} is suspended by {}: {}", found.scope, found.by, found.reason), found.until))
}

/// The suspension of a source without which the entry would have one.
fn suspended_source(deps: &Deps, entry: &QueueEntry) -> Option<Suspension> {
    deps.sources.choose(entry).err()?;
    let is_source = |suspension: &Suspension| matches!(suspension.scope, SuspensionScope::Source(_));
    deps.suspensions.all().into_iter().find(is_source)
}
