//! Orders.

use super::OrderError;
use crate::{
    clock,
    domain::CancelEntries,
    settings::NextHop,
    supervisor::{Deps, FindDomain, Supervisor},
};
use actix::prelude::*;
use mailwright_engine::{address::Domain, class::PoolName};
use mailwright_storage::{
    EntryPlace, ListCursor, ListFilter, Outcome, QueueEntry, Spool,
    control::{StoredReroute, Suspension, SuspensionScope},
    events::{
        Event,
        event::{Rerouted, Resumed, Suspended},
    },
};
use std::{rc::Rc, sync::Arc};

/// Entries worked on at a time.
const PAGE: usize = 1_000;
/// Actors of a domain that an order is given to, one after the other, before it is given up.
const ACTORS_ASKED: usize = 3;

/// How many entries an order concerned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Ordered {
    /// Entries changed.
    pub changed: u64,
    /// Entries left alone because they were being delivered.
    pub in_flight: u64,
}

type Answer<T> = ResponseActFuture<Supervisor, Result<T, OrderError>>;

/// Suspends a domain, site, source or tenant; kept over restarts.
#[derive(Message, Debug)]
#[rtype(result = "Result<(), OrderError>")]
pub struct Suspend(pub Suspension);

impl Handler<Suspend> for Supervisor {
    type Result = Answer<()>;

    fn handle(&mut self, Suspend(suspension): Suspend, _: &mut Self::Context) -> Self::Result {
        let (control, stored) = (Arc::clone(&self.deps().control), suspension.clone());
        let stored = blocking(move || Ok(control.suspend(stored)?));
        Box::pin(stored.into_actor(self).map(|stored, supervisor, ctx| {
            stored?;
            let deps = supervisor.deps();
            let Suspension { scope, by, until, reason, .. } = suspension.clone();
            deps.events.record(clock::now(), None, Event::Suspended(Suspended { scope, by, until, reason }));
            deps.suspensions.put(suspension);
            supervisor.reconsider(ctx);
            Ok(())
        }))
    }
}

/// Ends a suspension; false if there was none.
#[derive(Message, Debug)]
#[rtype(result = "Result<bool, OrderError>")]
pub struct Resume {
    /// What to resume.
    pub scope: SuspensionScope,
    /// Who says so.
    pub by: String,
}

impl Handler<Resume> for Supervisor {
    type Result = Answer<bool>;

    fn handle(&mut self, Resume { scope, by }: Resume, _: &mut Self::Context) -> Self::Result {
        let (control, stored) = (Arc::clone(&self.deps().control), scope.clone());
        let ended = blocking(move || Ok(control.resume(&stored)?.is_some()));
        Box::pin(ended.into_actor(self).map(|ended, supervisor, ctx| {
            let deps = supervisor.deps();
            let was = ended? | deps.suspensions.remove(&scope);
            if was {
                deps.events.record(clock::now(), None, Event::Resumed(Resumed { scope, by }));
                supervisor.reconsider(ctx);
            }
            Ok(was)
        }))
    }
}

/// Does what blocks off the actors' thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OrderError> + Send + 'static,
) -> Result<T, OrderError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(OrderError::Stopping))
}

/// Tries entries again now, whatever their schedule and the pauses of their domain. Rates, suspensions and a
/// breaker stay.
#[derive(Message, Debug)]
#[rtype(result = "Result<Ordered, OrderError>")]
pub struct RetryNow {
    /// Which.
    pub filter: ListFilter,
    /// Who says so.
    pub by: String,
}

impl Handler<RetryNow> for Supervisor {
    type Result = Answer<Ordered>;

    fn handle(&mut self, RetryNow { filter, by }: RetryNow, _: &mut Self::Context) -> Self::Result {
        let deps = self.deps();
        let now = clock::now();
        let due_now = move |entry: &QueueEntry| {
            (entry.place.due > now).then(|| {
                let mut after = entry.clone();
                after.place.due = now;
                after
            })
        };
        let changed = async move { change(&deps, filter, &by, due_now).await };
        Box::pin(changed.into_actor(self).map(|ordered, supervisor, ctx| {
            supervisor.reconsider(ctx);
            supervisor.sweep(ctx);
            ordered
        }))
    }
}

/// Sends a domain's mail through another next hop (`via`; `None`: as the configuration and DNS say), or
/// entries through another pool of sources.
#[derive(Message, Debug)]
#[rtype(result = "Result<Ordered, OrderError>")]
pub enum Reroute {
    /// A domain, kept over restarts.
    Domain {
        /// Which.
        domain: Domain,
        /// Where its mail goes.
        via: Option<NextHop>,
    },
    /// Entries.
    Entries {
        /// Which.
        filter: ListFilter,
        /// Their pool from now on.
        pool: Option<PoolName>,
        /// Who says so.
        by: String,
    },
}

impl Handler<Reroute> for Supervisor {
    type Result = Answer<Ordered>;

    fn handle(&mut self, reroute: Reroute, _: &mut Self::Context) -> Self::Result {
        let deps = self.deps();
        let changed = async move {
            match reroute {
                Reroute::Domain { domain, via } => reroute_domain(&deps, domain, via).await,
                Reroute::Entries { filter, pool, by } => {
                    let moved = move |entry: &QueueEntry| {
                        (entry.place.class.pool != pool).then(|| {
                            let mut after = entry.clone();
                            after.place.class.pool.clone_from(&pool);
                            after
                        })
                    };
                    change(&deps, filter, &by, moved).await
                }
            }
        };
        Box::pin(changed.into_actor(self).map(|ordered, supervisor, ctx| {
            supervisor.reconsider(ctx);
            supervisor.sweep(ctx);
            ordered
        }))
    }
}

async fn reroute_domain(deps: &Deps, domain: Domain, via: Option<NextHop>) -> Result<Ordered, OrderError> {
    let (control, name, hop) = (Arc::clone(&deps.control), domain.clone(), via.clone());
    blocking(move || match hop {
        Some(NextHop { host, port }) => {
            Ok(control.set_reroute(&StoredReroute { domain: name, host, port })?)
        }
        None => Ok(control.remove_reroute(&name)?),
    })
    .await?;
    deps.reroutes.set(domain, via);
    Ok(Ordered::default())
}

/// Journals what `change` makes of each entry that `filter` names, page by page.
async fn change(
    deps: &Rc<Deps>,
    filter: ListFilter,
    by: &str,
    change: impl Fn(&QueueEntry) -> Option<QueueEntry>,
) -> Result<Ordered, OrderError> {
    let mut ordered = Ordered::default();
    let mut pages = Pages::new(deps.spool.clone(), filter);
    while let Some(page) = pages.next().await? {
        let (in_flight, free): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|entry| deps.in_flight.contains(entry.key()));
        ordered.in_flight += in_flight.len() as u64;
        let changed: Vec<_> = free.iter().filter_map(|entry| Some((entry, change(entry)?))).collect();
        ordered.changed += changed.len() as u64;
        for (entry, after) in &changed {
            let EntryPlace { class, due, .. } = &after.place;
            let rerouted =
                Rerouted { group: entry.key().group, pool: class.pool.clone(), due: *due, by: by.to_owned() };
            deps.events.record(clock::now(), Some(entry.key().id), Event::Rerouted(rerouted));
        }
        let outcomes =
            changed.into_iter().map(|(entry, after)| Outcome::by_operator(entry.place.clone(), Some(after)));
        deps.spool.record(outcomes.collect())?;
    }
    Ok(ordered)
}

/// The entries a filter names, page by page.
struct Pages {
    spool: Spool,
    filter: ListFilter,
    after: Option<ListCursor>,
    over: bool,
}

impl Pages {
    fn new(spool: Spool, filter: ListFilter) -> Self {
        Self { spool, filter, after: None, over: false }
    }

    async fn next(&mut self) -> Result<Option<Vec<QueueEntry>>, OrderError> {
        if self.over {
            return Ok(None);
        }
        let view = self.spool.view().await?;
        let (filter, after) = (self.filter.clone(), self.after.take());
        let page = blocking(move || Ok(view.list(&filter, after.as_ref(), PAGE)?)).await?;
        self.over = page.next.is_none();
        self.after = page.next;
        Ok(Some(page.entries))
    }
}

/// Ends entries as failed without another attempt. Those being delivered are left alone.
#[derive(Message, Debug)]
#[rtype(result = "Result<Ordered, OrderError>")]
pub struct Cancel {
    /// Which.
    pub filter: ListFilter,
    /// Who says so.
    pub by: String,
}

impl Handler<Cancel> for Supervisor {
    type Result = Answer<Ordered>;

    fn handle(&mut self, Cancel { filter, by }: Cancel, ctx: &mut Self::Context) -> Self::Result {
        let (deps, own) = (self.deps(), ctx.address());
        Box::pin(async move { cancel(&deps, &own, filter, by).await }.into_actor(self))
    }
}

async fn cancel(
    deps: &Rc<Deps>,
    supervisor: &Addr<Supervisor>,
    filter: ListFilter,
    by: String,
) -> Result<Ordered, OrderError> {
    let mut ordered = Ordered::default();
    let mut pages = Pages::new(deps.spool.clone(), filter);
    while let Some(page) = pages.next().await? {
        for (domain, entries) in by_domain(page) {
            let done = cancel_in(supervisor, &domain, CancelEntries { entries, by: by.clone() }).await?;
            ordered.changed += done.changed;
            ordered.in_flight += done.in_flight;
        }
    }
    Ok(ordered)
}

/// Gives the order to the actor of `domain`; if that is just leaving, to the next one.
async fn cancel_in(
    supervisor: &Addr<Supervisor>,
    domain: &Domain,
    order: CancelEntries,
) -> Result<Ordered, OrderError> {
    for _ in 0..ACTORS_ASKED {
        let found = supervisor.send(FindDomain(domain.clone())).await;
        let actor = found.map_err(|_| OrderError::Stopping)?;
        if let Ok(done) = actor.send(order.clone()).await {
            return Ok(done);
        }
    }
    Err(OrderError::Stopping)
}

fn by_domain(entries: Vec<QueueEntry>) -> std::collections::HashMap<Domain, Vec<QueueEntry>> {
    let mut domains = std::collections::HashMap::<_, Vec<_>>::new();
    for entry in entries {
        domains.entry(entry.place.domain.clone()).or_default().push(entry);
    }
    domains
}

/// Puts a new shaping file in force; the old one stays when the new is not valid.
#[derive(Message, Debug)]
#[rtype(result = "Result<(), OrderError>")]
pub struct ReloadShaping;

impl Handler<ReloadShaping> for Supervisor {
    type Result = Result<(), OrderError>;

    fn handle(&mut self, _: ReloadShaping, ctx: &mut Self::Context) -> Self::Result {
        self.deps().shaping.reload().map_err(OrderError::Invalid)?;
        self.reconsider(ctx);
        Ok(())
    }
}
