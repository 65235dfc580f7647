//! Where a domain's mail goes: a configured route, an address literal, or MX records.

use super::{DomainActor, HoldKind};
use crate::{clock, site::SiteTarget, supervisor::Deps, tls::DomainTls};
use actix::prelude::*;
use mailwright_engine::{
    address::Domain,
    mx::MxPlan,
    smtp::verdict::{Outcome, Verdict},
};
use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

/// Shortest and longest time a plan is kept.
const TTL: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// What is known of where the mail goes.
pub(super) enum Plan {
    /// Not looked up.
    Unknown,
    /// Being looked up.
    Asked,
    /// There, until the answer expires.
    Known(Known),
}

/// A plan.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) target: SiteTarget,
    /// What the domain asks of TLS.
    pub(super) tls: Arc<DomainTls>,
    pub(super) until: Instant,
}

impl Plan {
    pub(super) fn is_current(&self) -> bool {
        self.known().is_some_and(|known| known.until > Instant::now())
    }

    pub(super) fn is_asked(&self) -> bool {
        matches!(self, Self::Asked)
    }

    pub(super) fn known(&self) -> Option<&Known> {
        match self {
            Self::Known(known) => Some(known),
            Self::Unknown | Self::Asked => None,
        }
    }
}

impl DomainActor {
    /// Finds out where the mail goes.
    pub(super) fn find_plan(&mut self, ctx: &mut Context<Self>) {
        self.plan = Plan::Asked;
        let (deps, name) = (Rc::clone(&self.deps), self.name.clone());
        let found = async move { find(&deps, &name).await };
        ctx.spawn(found.into_actor(self).map(|found, actor, ctx| match found {
            Ok(known) => {
                actor.failures = 0;
                actor.follow(known);
                actor.advance(ctx);
            }
            Err(verdict) => actor.nowhere_to_go(&verdict, ctx),
        }));
    }

    /// Takes a plan; sites of another target are left.
    fn follow(&mut self, known: Known) {
        self.links.follow(&known);
        self.plan = Plan::Known(known);
        // Site or TLS policy may be others now.
        self.queue.touch_all();
    }

    /// There is no plan: a hard verdict bounces what is ready, a soft one holds the domain.
    fn nowhere_to_go(&mut self, verdict: &Verdict, ctx: &mut Context<Self>) {
        if verdict.outcome == Outcome::Hard {
            return self.give_up(verdict, |_| true, ctx);
        }
        self.plan = Plan::Unknown;
        self.failures = self.failures.saturating_add(1);
        let pause = self.deps.settings.backoff(self.failures);
        tracing::warn!(domain = %self.name, reason = %verdict, ?pause, "no mail exchanger found");
        self.expire_ready(verdict, |_| true, ctx);
        self.end_outlived(verdict, None, ctx);
        self.hold(pause, HoldKind::Dns, verdict.to_string(), ctx);
    }
}

async fn find(deps: &Deps, name: &Domain) -> Result<Known, Verdict> {
    let (target, ttl) = target(deps, name).await?;
    let tls = match &target {
        // A configured next hop is ours: what the recipient's domain publishes is for its own hosts.
        SiteTarget::Route(_) => Arc::new(DomainTls::of_route()),
        SiteTarget::Exchangers { .. } => deps.tls.domain(name).await?,
    };
    Ok(Known { target, tls, until: Instant::now() + ttl.clamp(TTL.0, TTL.1) })
}

async fn target(deps: &Deps, name: &Domain) -> Result<(SiteTarget, Duration), Verdict> {
    let route = deps.reroutes.get(name).or_else(|| deps.settings.routes.for_domain(name).cloned());
    if let Some(hop) = route {
        return Ok((SiteTarget::Route(hop), TTL.1));
    }
    if let Some(plan) = MxPlan::literal(name) {
        return Ok((exchangers(deps, plan), TTL.1));
    }
    let found = deps.dns.mx(name).await;
    let plan = MxPlan::new(name, found.answer, &deps.settings.own_names, clock::unix_micros())?;
    Ok((exchangers(deps, plan), found.valid_until.saturating_duration_since(Instant::now())))
}

fn exchangers(deps: &Deps, plan: MxPlan) -> SiteTarget {
    SiteTarget::Exchangers { name: plan.site_name(), hosts: plan.hosts, port: deps.settings.port }
}

impl DomainActor {
    /// The domain itself, if shaping has a section for it alone: then it does not share its site.
    pub(super) fn own_shaping(&self) -> Option<Domain> {
        self.deps.shaping.has_domain(&self.name).then(|| self.name.clone())
    }
}
