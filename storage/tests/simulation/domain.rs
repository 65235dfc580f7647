//! In place of the Domain actor: what waits for one domain, where it goes, and what holds it.

use super::{
    Event, Found, World,
    desk::{CLASS_MAX, Desk, Plan, Ready},
    ledger::Why,
    machine::Step,
};
use crate::common::block_on;
use mailwright_engine::{
    address::Domain,
    mx::MxPlan,
    smtp::verdict::{Outcome, Verdict},
};
use mailwright_storage::{Fresh, QueueEntry};
use std::time::Duration;

/// The longest pause of a destination that cannot be reached.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(600);
/// The shortest and the longest time that a plan is kept.
const TTL: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));

impl World {
    pub(super) fn desk(&mut self, domain: &Domain, number: u64) -> Option<&mut Desk> {
        self.node.desks.get_mut(domain).filter(|desk| desk.number == number)
    }

    /// Takes in entries that were just committed.
    pub(super) fn take_fresh(&mut self, domain: &Domain, fresh: Vec<Fresh>) -> Step {
        self.node.desks.get_mut(domain).unwrap().take_fresh(fresh);
        self.advance(domain)
    }

    /// There may be due entries on disk.
    pub(super) fn look_on_disk(&mut self, domain: &Domain, number: u64) -> Step {
        let Some(desk) = self.desk(domain, number) else { return Ok(()) };
        desk.unread = true;
        self.advance(domain)
    }

    /// Does what can be done now, and tells the roster if that is nothing.
    pub(super) fn advance(&mut self, domain: &Domain) -> Step {
        self.go_on(domain)?;
        self.tell_standing(domain);
        Ok(())
    }

    fn go_on(&mut self, domain: &Domain) -> Step {
        self.read_if_wanted(domain);
        let (now, is_suspended) = (self.now(), self.is_suspended(domain));
        let Some(desk) = self.node.desks.get_mut(domain) else { return Ok(()) };
        if desk.is_empty() || desk.is_held(now) || is_suspended {
            return Ok(());
        }
        match &desk.plan {
            Plan::Known { until, .. } if *until > now => self.offer(domain)?,
            Plan::Asked => {}
            _ => self.find_plan(domain),
        }
        Ok(())
    }

    pub(super) fn is_suspended(&self, domain: &Domain) -> bool {
        self.suspended.get(domain).is_some_and(|until| *until > self.now())
    }

    pub(super) fn read_if_wanted(&mut self, domain: &Domain) {
        let now = self.now();
        let Some(desk) = self.node.desks.get_mut(domain).filter(|desk| desk.wants_read()) else { return };
        desk.unread = false;
        desk.more_on_disk.clear();
        let spool = self.machine.spool();
        let due = block_on(spool.classes_due(domain.clone(), None, now, 1_000)).unwrap();
        for (class, _) in due.classes {
            let ready = desk.ready(&class);
            if ready >= CLASS_MAX / 4 {
                desk.more_on_disk.insert(class);
                continue;
            }
            let limit = CLASS_MAX + ready + desk.outstanding;
            let found = block_on(spool.due_in_domain(domain.clone(), class.clone(), now, limit)).unwrap();
            if found.entries.len() >= limit {
                desk.more_on_disk.insert(class);
            }
            for entry in found.entries {
                if !self.node.in_flight.contains(&entry.key()) {
                    desk.push(Ready { entry, message: None });
                }
            }
        }
    }

    fn find_plan(&mut self, domain: &Domain) {
        let (answer, took, holds) = self.names.mx(domain, &mut self.rng);
        let until = self.now().saturating_add(took + holds.clamp(TTL.0, TTL.1));
        let found = MxPlan::new(domain, answer, &["us.example".to_owned()], self.rng.u64(..));
        let desk = self.node.desks.get_mut(domain).unwrap();
        desk.plan = Plan::Asked;
        let number = desk.number;
        let found: Found = found.map(|plan| (plan, until));
        self.agenda.after(took, Event::PlanFound(domain.clone(), number, Box::new(found)));
    }

    pub(super) fn plan_found(&mut self, domain: &Domain, number: u64, found: Found) -> Step {
        let Some(desk) = self.desk(domain, number) else { return Ok(()) };
        match found {
            Ok((plan, until)) => {
                let site = plan.site_name();
                desk.failures = 0;
                if !desk.leads_to(&site) {
                    desk.link_held = None;
                }
                desk.plan = Plan::Known { site, until };
                desk.changed.extend(desk.lanes.keys().cloned());
                self.find_site(&plan);
            }
            Err(verdict) if verdict.outcome == Outcome::Hard => {
                assert!(self.names.is_nowhere(domain), "{verdict} for {domain}");
                return self.give_up(domain, &verdict);
            }
            Err(verdict) => {
                desk.plan = Plan::Unknown;
                desk.failures = desk.failures.saturating_add(1);
                let failures = desk.failures;
                let until = self.now().saturating_add(self.backoff(failures));
                self.expire_ready(domain, &verdict)?;
                if let Some(desk) = self.desk(domain, number) {
                    desk.held = Some(until);
                    self.agenda.at(until, Event::HoldEnds(domain.clone(), number));
                }
            }
        }
        self.advance(domain)
    }

    /// How long a destination rests after so many failures in a row.
    pub(super) fn backoff(&self, failures: u32) -> Duration {
        let policy = &self.settings.retry.default;
        let seconds =
            policy.first.as_secs_f64() * policy.factor.powi(failures.saturating_sub(1).min(30) as i32);
        Duration::from_secs_f64(seconds).min(policy.max_interval).min(LONGEST_REST)
    }

    /// Bounces what is ready. What comes later is looked up anew.
    fn give_up(&mut self, domain: &Domain, verdict: &Verdict) -> Step {
        let desk = self.node.desks.get_mut(domain).unwrap();
        desk.plan = Plan::Unknown;
        let all = desk.take_where(|_| true);
        self.fail(all, verdict, Why::Nowhere)?;
        self.advance(domain)
    }

    /// Ends what waited too long behind something that is out of order.
    fn expire_ready(&mut self, domain: &Domain, verdict: &Verdict) -> Step {
        let (now, retry) = (self.now(), &self.settings.retry);
        let is_over = |entry: &QueueEntry| retry.expiry(entry.accepted_at, entry.expires_at) <= now;
        let desk = self.node.desks.get_mut(domain).unwrap();
        let mut expired = desk.take_where(is_over);
        if desk.has_more_on_disk() {
            let outlived = block_on(self.machine.spool().view()).unwrap().outlived(domain, now, 1_000);
            let known: Vec<_> = expired.iter().map(QueueEntry::key).collect();
            let free = |entry: &QueueEntry| {
                !known.contains(&entry.key()) && !self.node.in_flight.contains(&entry.key())
            };
            expired.extend(outlived.unwrap().into_iter().filter(free));
        }
        self.fail(expired, &Verdict::expired(verdict), Why::Expired)
    }

    pub(super) fn hold_ends(&mut self, domain: &Domain, number: u64) -> Step {
        let now = self.now();
        let Some(desk) = self.desk(domain, number) else { return Ok(()) };
        desk.held = desk.held.filter(|until| *until > now);
        if desk.link_held.is_some_and(|until| until <= now) {
            desk.link_held = None;
            desk.changed.extend(desk.lanes.keys().cloned());
        }
        self.advance(domain)
    }

    pub(super) fn desk_reconsiders(&mut self, domain: &Domain) -> Step {
        let Some(desk) = self.node.desks.get_mut(domain) else { return Ok(()) };
        (desk.held, desk.link_held, desk.unread) = (None, None, true);
        if !matches!(desk.plan, Plan::Asked) {
            desk.plan = Plan::Unknown;
        }
        desk.changed.extend(desk.lanes.keys().cloned());
        self.advance(domain)
    }

    /// Tells the site how much is ready for it.
    fn offer(&mut self, domain: &Domain) -> Step {
        let now = self.now();
        let desk = self.node.desks.get_mut(domain).unwrap();
        let Plan::Known { site, .. } = &desk.plan else { return Ok(()) };
        let site = site.clone();
        if desk.is_link_held(now) {
            desk.changed.clear();
            return Ok(());
        }
        let changed = std::mem::take(&mut desk.changed);
        let ready: Vec<_> = changed.into_iter().map(|class| (desk.ready(&class), class)).collect();
        for (ready, class) in ready.into_iter().filter(|(ready, _)| *ready > 0) {
            self.take_offer(&site, (domain.clone(), class), ready)?;
        }
        Ok(())
    }

    /// The next entry of a lane for a connection of `site`.
    pub(super) fn next_for(&mut self, (domain, class): &super::Flow, site: &str) -> Option<Ready> {
        let (now, is_suspended) = (self.now(), self.is_suspended(domain));
        let desk = self.node.desks.get_mut(domain)?;
        let open = !desk.is_held(now) && !is_suspended && desk.leads_to(site) && !desk.is_link_held(now);
        if !open {
            return None;
        }
        let ready = desk.pop(class)?;
        desk.outstanding += 1;
        Some(ready)
    }

    /// A delivery has come back untried.
    pub(super) fn comes_back(&mut self, ready: Ready) -> Step {
        let domain = ready.entry.place.domain.clone();
        let Some(desk) = self.node.desks.get_mut(&domain) else { return Ok(()) };
        desk.outstanding -= 1;
        desk.push_front(ready);
        self.advance(&domain)
    }

    /// The site of a domain cannot be reached: for now, or for good if the verdict is hard.
    pub(super) fn out_of_order(&mut self, domain: &Domain, pause: Duration, verdict: &Verdict) -> Step {
        if !self.node.desks.contains_key(domain) {
            return Ok(());
        }
        if verdict.outcome == Outcome::Hard {
            return self.give_up(domain, verdict);
        }
        self.expire_ready(domain, verdict)?;
        let until = self.now().saturating_add(pause);
        if let Some(desk) = self.node.desks.get_mut(domain) {
            desk.link_held = Some(until);
            let number = desk.number;
            desk.lanes.values_mut().flatten().for_each(|ready| ready.message = None);
            self.agenda.at(until, Event::HoldEnds(domain.clone(), number));
        }
        self.advance(domain)
    }
}
