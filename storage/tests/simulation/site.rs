//! In place of the Site actor: the connections to one set of mail exchangers, and whose turn it is.

use super::{Event, Flow, World, connection::Connection, machine::Step, names::group_of};
use mailwright_engine::{
    address::Domain,
    class::TenantName,
    fair::FairShares,
    governor::{Governor, Hold, Opening},
    mx::{MxHost, MxPlan},
    shaping::{Limits, Rule},
    smtp::verdict::Verdict,
    time::UnixMillis,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

/// A site.
pub(super) struct Site {
    pub(super) hosts: Vec<String>,
    pub(super) limits: Arc<Limits>,
    pub(super) governor: Governor,
    pub(super) shares: FairShares<Flow>,
    pub(super) flows: BTreeSet<Flow>,
    /// Connections that wait for work, longest first.
    pub(super) idle: VecDeque<u64>,
    pub(super) connections: BTreeSet<u64>,
    pub(super) opening: BTreeSet<u64>,
    timer: Option<UnixMillis>,
    hold: Option<Hold>,
    pub(super) failures: u32,
    pub(super) unreachable: Option<(UnixMillis, Verdict)>,
    /// Until when a rule keeps us away.
    pub(super) kept_away: Option<(UnixMillis, Verdict)>,
    pub(super) tenants_away: BTreeMap<TenantName, UnixMillis>,
}

impl Site {
    fn new(hosts: Vec<String>, limits: Arc<Limits>, rules: Arc<[Rule]>) -> Self {
        Self {
            hosts,
            governor: Governor::new(Arc::clone(&limits), rules),
            limits,
            shares: FairShares::default(),
            flows: BTreeSet::new(),
            idle: VecDeque::new(),
            connections: BTreeSet::new(),
            opening: BTreeSet::new(),
            timer: None,
            hold: None,
            failures: 0,
            unreachable: None,
            kept_away: None,
            tenants_away: BTreeMap::new(),
        }
    }

    /// Messages for which there is no connection yet, not even one being made.
    fn unserved(&self) -> usize {
        if self.idle.is_empty() { self.shares.ready().saturating_sub(self.opening.len()) } else { 0 }
    }

    pub(super) fn withdraw(&mut self, flow: &Flow) {
        self.shares.withdraw(flow);
        self.flows.remove(flow);
    }

    fn is_suspended(&self, now: UnixMillis) -> bool {
        self.kept_away.as_ref().is_some_and(|(until, _)| *until > now)
    }

    fn is_away(&self, tenant: Option<&TenantName>, now: UnixMillis) -> bool {
        tenant.is_some_and(|tenant| self.tenants_away.get(tenant).is_some_and(|until| *until > now))
    }
}

impl World {
    pub(super) fn site(&mut self, name: &str) -> &mut Site {
        self.node.sites.get_mut(name).unwrap()
    }

    /// Makes the site of a plan, unless it is there.
    pub(super) fn find_site(&mut self, plan: &MxPlan) {
        let hosts = plan.hosts.iter().map(|host| match host {
            MxHost::Name(name) => name.clone(),
            MxHost::Address(_) => unreachable!("no domain of this world is an address"),
        });
        let hosts: Vec<_> = hosts.collect();
        let limits = Arc::clone(&self.traffic[group_of(&hosts[0])].limits);
        let rules = Arc::clone(&self.traffic[group_of(&hosts[0])].rules);
        self.node.sites.entry(plan.site_name()).or_insert_with(|| Site::new(hosts, limits, rules));
    }

    /// A domain has this much ready in one lane.
    pub(super) fn take_offer(&mut self, name: &str, flow: Flow, ready: usize) -> Step {
        let now = self.now();
        let site = self.site(name);
        if site.is_away(flow.1.tenant.as_ref(), now) {
            return Ok(());
        }
        let away = [&site.kept_away, &site.unreachable].into_iter().flatten().find(|(until, _)| *until > now);
        if let Some((until, verdict)) = away.cloned() {
            let event = Event::OutOfOrder(flow.0, until.since(now), Box::new(verdict));
            self.agenda.after(Duration::ZERO, event);
            return Ok(());
        }
        site.shares.offer(&flow, flow.1.priority, flow.1.tenant.as_ref(), 1, ready);
        site.flows.insert(flow);
        self.advance_site(name)
    }

    /// A domain takes back what it offered.
    pub(super) fn withdraw_all(&mut self, domain: &Domain) {
        for site in self.node.sites.values_mut() {
            let flows: Vec<_> = site.flows.iter().filter(|flow| flow.0 == *domain).cloned().collect();
            flows.iter().for_each(|flow| site.withdraw(flow));
        }
    }

    /// Gives free connections work and opens more while there is work for them.
    pub(super) fn advance_site(&mut self, name: &str) -> Step {
        while let Some(id) = self.site(name).idle.pop_back() {
            if !self.serve(name, id)? {
                self.site(name).idle.push_back(id);
                break;
            }
        }
        self.open(name);
        self.wake_site_in_time(name);
        Ok(())
    }

    /// Has a free connection carry what is next; `false` when there is nothing, or nothing may go out now.
    pub(super) fn serve(&mut self, name: &str, id: u64) -> Step<bool> {
        let now = self.now();
        loop {
            let site = self.site(name);
            if site.shares.ready() == 0 || site.is_suspended(now) {
                return Ok(false);
            }
            if let Err(hold) = site.governor.may_send(now) {
                site.hold = Some(hold);
                return Ok(false);
            }
            let Some(flow) = site.shares.take() else { return Ok(false) };
            let ready = self.next_for(&flow, name);
            if ready.is_none() {
                self.site(name).withdraw(&flow);
            }
            let found = ready.is_some();
            if let Some(ready) = ready {
                self.begin_delivery(id, ready)?;
            }
            self.read_if_wanted(&flow.0);
            self.tell_standing(&flow.0);
            if found {
                return Ok(true);
            }
        }
    }

    /// Opens as many connections as there is work for and the governor allows.
    pub(super) fn open(&mut self, name: &str) {
        let now = self.now();
        let site = self.site(name);
        let (work, open) = (site.unserved(), site.connections.len());
        if work == 0 || site.is_suspended(now) {
            return;
        }
        match site.governor.connections_wanted(work, open, now) {
            Opening::Wait(hold) => site.hold = Some(hold),
            Opening::Open(count) => (0..count).for_each(|_| self.open_one(name)),
        }
    }

    fn open_one(&mut self, name: &str) {
        let (id, now) = (self.number(), self.now());
        let site = self.node.sites.get_mut(name).unwrap();
        site.connections.insert(id);
        site.opening.insert(id);
        site.governor.connection_started(now);
        let connection = Connection::new(name, site, &mut self.rng, now);
        self.traffic.get_mut(group_of(&site.hosts[0])).unwrap().connects(now);
        self.node.connections.insert(id, connection);
        self.history.totals.connections += 1;
        self.agenda.after(Duration::ZERO, Event::Move(id));
    }

    /// Plans to look again when a hold or the governor's own clock ends.
    pub(super) fn wake_site_in_time(&mut self, name: &str) {
        let now = self.now();
        let site = self.site(name);
        let hold = site.hold.as_ref().map(|hold| hold.until);
        let Some(next) = [hold, site.governor.next_tick()].into_iter().flatten().min() else { return };
        if site.timer.is_some_and(|timer| timer <= next && timer > now) {
            return;
        }
        site.timer = Some(next);
        self.agenda.at(next, Event::SiteTimer(name.to_owned()));
    }

    pub(super) fn site_timer(&mut self, name: &str) -> Step {
        let now = self.now();
        let Some(site) = self.node.sites.get_mut(name) else { return Ok(()) };
        site.timer = site.timer.filter(|timer| *timer > now);
        site.hold.take_if(|hold| hold.until <= now);
        let events = site.governor.tick(now);
        self.carry_out(name, &events)?;
        self.advance_site(name)
    }

    /// Suspensions have changed.
    pub(super) fn reshape(&mut self, name: &str) -> Step {
        let host = self.node.sites[name].hosts[0].clone();
        let rules = Arc::clone(&self.traffic_of(&host).rules);
        let site = self.site(name);
        site.governor.reshape(Arc::clone(&site.limits), rules);
        (site.hold, site.unreachable) = (None, None);
        self.advance_site(name)
    }
}
