//! Offering a domain's mail to the sites that carry it, one for each source it leaves from.

use super::{DomainActor, Hold, HoldKind, Lane, plan::Known};
use crate::{
    delivery::Ready,
    site::{Flow, OfferWork, Site, SiteKey, SiteTarget},
    supervisor::FindSite,
};
use actix::prelude::*;
use mailwright_engine::{
    class::{SourceName, TransportSecurity},
    smtp::verdict::Verdict,
};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// A domain's tie to the site of one source.
#[derive(Debug, Default)]
struct Link {
    site: Option<Addr<Site>>,
    asked: bool,
    /// The site is out of order: for all mail, or for what asks this of TLS.
    holds: HashMap<Option<TransportSecurity>, Hold>,
}

impl Link {
    fn hold(&self, security: TransportSecurity) -> Option<&Hold> {
        let holds = [self.holds.get(&None), self.holds.get(&Some(security))];
        holds.into_iter().flatten().find(|hold| !hold.is_over())
    }
}

/// The sites of the plan, by source.
#[derive(Debug, Default)]
pub(super) struct Links {
    target: Option<SiteTarget>,
    by_source: HashMap<SourceName, Link>,
}

impl Links {
    /// Leaves the sites of another target.
    pub(super) fn follow(&mut self, known: &Known) {
        if self.target.as_ref() != Some(&known.target) {
            *self = Self { target: Some(known.target.clone()), by_source: HashMap::new() };
        }
    }

    /// Forgets sites whose actor has ended; returns the sources that need another.
    pub(super) fn forget_dead(&mut self) -> Vec<SourceName> {
        let is_dead = |link: &Link| link.site.as_ref().is_some_and(|site| !site.connected());
        let dead = self.by_source.iter_mut().filter(|(_, link)| is_dead(link));
        dead.map(|(source, link)| {
            link.site = None;
            source.clone()
        })
        .collect()
    }

    /// Tries again what was out of order.
    pub(super) fn forget_holds(&mut self) {
        for link in self.by_source.values_mut() {
            link.holds.clear();
        }
    }

    /// Whether the supervisor was asked for a site and has not answered.
    pub(super) fn any_asked(&self) -> bool {
        self.by_source.values().any(|link| link.asked)
    }

    fn link(&mut self, source: &SourceName) -> &mut Link {
        self.by_source.entry(source.clone()).or_default()
    }

    /// Whether mail that leaves from `source` and asks `security` of TLS must wait.
    pub(super) fn is_held(&self, source: &SourceName, security: TransportSecurity) -> bool {
        self.held_until(source, security).is_some()
    }

    /// Until when such mail must wait, if it must.
    pub(super) fn held_until(&self, source: &SourceName, security: TransportSecurity) -> Option<Instant> {
        self.by_source.get(source)?.hold(security).map(|hold| hold.until)
    }

    /// Whether the plan leads to `site` for what leaves from `source`.
    fn leads_to(&self, source: &SourceName, site: &Addr<Site>) -> bool {
        self.by_source.get(source).is_some_and(|link| link.site.as_ref() == Some(site))
    }

    /// The holds in force, by source.
    pub(super) fn holds(&self) -> impl Iterator<Item = (&SourceName, &Hold)> {
        let holds = self
            .by_source
            .iter()
            .flat_map(|(source, link)| link.holds.values().map(move |hold| (source, hold)));
        holds.filter(|(_, hold)| !hold.is_over())
    }
}

impl DomainActor {
    /// Tells each site how much is ready for it.
    pub(super) fn offer(&mut self, ctx: &mut Context<Self>) {
        for (lane, ready) in self.queue.take_changed() {
            if self.links.is_held(&lane.source, lane.class.security)
                || self.deps.suspensions.lane(&lane).is_some()
            {
                continue;
            }
            match self.links.link(&lane.source).site.clone().filter(Addr::connected) {
                Some(site) => self.offer_lane(lane, ready, &site, ctx),
                None => self.find_site(&lane.source, ctx),
            }
        }
    }

    /// What the sites may have been told is ready, each with its site.
    pub(super) fn offered(&self) -> Vec<(Addr<Site>, Flow)> {
        let lanes = self.queue.lanes().map(|(lane, _)| lane);
        let site_of = |lane: &Lane| self.links.by_source.get(&lane.source)?.site.clone();
        lanes
            .filter_map(|lane| Some((site_of(lane)?, Flow { domain: self.name.clone(), lane: lane.clone() })))
            .collect()
    }

    fn offer_lane(&self, lane: Lane, ready: usize, site: &Addr<Site>, ctx: &mut Context<Self>) {
        let Some(known) = self.plan.known() else { return };
        let weight = self.deps.settings.weight_of(lane.class.tenant.as_ref());
        site.do_send(OfferWork {
            flow: Flow { domain: self.name.clone(), lane },
            addr: ctx.address(),
            tls: Arc::clone(&known.tls),
            weight,
            ready,
        });
    }

    /// Asks for the site of what leaves from `source`.
    fn find_site(&mut self, source: &SourceName, ctx: &mut Context<Self>) {
        let Some(target) = self.plan.known().map(|known| known.target.clone()) else { return };
        let own = self.own_shaping();
        let link = self.links.link(source);
        if std::mem::replace(&mut link.asked, true) {
            return;
        }
        let key = SiteKey { target, source: source.clone(), own };
        let found = self.supervisor.send(FindSite(key.clone()));
        let source = source.clone();
        ctx.spawn(found.into_actor(self).map(move |found, actor, ctx| {
            // The plan may have changed meanwhile.
            if actor.plan.known().is_some_and(|known| known.target == key.target) {
                let link = actor.links.link(&source);
                link.asked = false;
                link.site = found.ok();
                actor.queue.touch(&source);
                actor.advance(ctx);
            }
        }));
    }

    /// The next entry of `lane` for `site`, if the plan still leads there and the source may be used.
    pub(super) fn next_for(
        &mut self,
        lane: &Lane,
        site: &Addr<Site>,
        ctx: &mut Context<Self>,
    ) -> Option<Ready> {
        let open = !self.is_held()
            && !self.is_suspended()
            && self.links.leads_to(&lane.source, site)
            && !self.links.is_held(&lane.source, lane.class.security)
            && self.deps.suspensions.lane(lane).is_none();
        if !open {
            return None;
        }
        if !self.deps.sources.take(&lane.source) {
            // Suspended meanwhile, or the day's allowance is spent: what waits for it chooses anew.
            for ready in self.queue.take_where(|other, _| other.source == lane.source) {
                self.admit(ready.entry, ready.message, ctx);
            }
            self.advance(ctx);
            return None;
        }
        let next = self.queue.pop(lane);
        if next.is_none() {
            self.deps.sources.give_back(&lane.source);
        }
        next
    }

    /// Rests what leaves from `source`; with `security` only what asks that of TLS.
    pub(super) fn hold_link(
        &mut self,
        source: SourceName,
        security: Option<TransportSecurity>,
        pause: Duration,
        verdict: &Verdict,
        ctx: &mut Context<Self>,
    ) {
        let kind = if verdict.phase.is_about_tls() { HoldKind::Policy } else { HoldKind::Site };
        self.links.link(&source).holds.insert(security, Hold::new(pause, kind, verdict.to_string()));
        // What another source may carry goes there.
        for ready in self.queue.take_where(|lane, _| lane.is_of(&source, security)) {
            self.admit(ready.entry, ready.message, ctx);
        }
        self.queue.drop_contents();
        self.advance(ctx);
        ctx.run_later(pause, move |actor, ctx| {
            let link = actor.links.link(&source);
            link.holds.retain(|_, hold| !hold.is_over());
            if !link.holds.contains_key(&security) {
                actor.queue.touch(&source);
                actor.advance(ctx);
            }
        });
    }
}
