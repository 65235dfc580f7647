//! How a domain stands with its place: what it could do next, and giving the place up.

use super::{
    Event, World,
    desk::{Desk, Plan},
    domain::LONGEST_REST,
    machine::Step,
    supervisor::Leaving,
};
use mailwright_engine::{address::Domain, roster::Spare, time::UnixMillis};
use std::time::Duration;

/// How long a domain without work keeps its place.
const REAP_AFTER: Duration = Duration::from_secs(60);
/// Shorter pauses are sat out.
const SHORTEST_REST: Duration = Duration::from_secs(1);

/// What a domain could do next.
enum Prospect {
    Busy,
    Idle,
    Rests(UnixMillis),
    Stalled,
}

impl World {
    fn prospect(&self, domain: &Domain, desk: &Desk) -> Prospect {
        let now = self.now();
        if desk.outstanding > 0 || matches!(desk.plan, Plan::Asked) {
            return Prospect::Busy;
        }
        if desk.is_empty() && !desk.unread && desk.more_on_disk.is_empty() {
            return Prospect::Idle;
        }
        let until = desk.held.filter(|until| *until > now);
        let until = until.or_else(|| self.is_suspended(domain).then(|| now.saturating_add(LONGEST_REST)));
        let until = until.or_else(|| desk.link_held.filter(|until| *until > now && !desk.is_empty()));
        match until {
            Some(until) if until.since(now) >= SHORTEST_REST => {
                Prospect::Rests(until.min(now.saturating_add(LONGEST_REST)))
            }
            Some(_) => Prospect::Busy,
            None => Prospect::Stalled,
        }
    }

    /// Tells how a domain stands; it leaves if its place is wanted and of no use to it.
    pub(super) fn tell_standing(&mut self, domain: &Domain) {
        let now = self.now();
        let Some(desk) = self.node.desks.get(domain) else { return };
        let prospect = self.prospect(domain, desk);
        let spare = match prospect {
            Prospect::Busy => None,
            Prospect::Idle | Prospect::Rests(_) => Some(Spare::Free),
            Prospect::Stalled => Some(Spare::Stalled),
        };
        let desk = self.node.desks.get_mut(domain).unwrap();
        if !matches!(prospect, Prospect::Idle) {
            desk.idle_since = None;
        } else if desk.idle_since.is_none() {
            desk.idle_since = Some(now);
            let event = Event::Reap(domain.clone(), desk.number);
            self.agenda.after(REAP_AFTER, event);
        }
        if std::mem::replace(&mut desk.spare, spare) == spare {
            return;
        }
        match spare {
            None => self.node.roster.is_busy(domain),
            Some(spare) if self.node.roster.can_spare(domain, spare, now) => self.leave(domain, &prospect),
            Some(_) => {}
        }
    }

    fn leave(&mut self, domain: &Domain, prospect: &Prospect) {
        let how = match prospect {
            Prospect::Idle => Leaving::Idle,
            Prospect::Rests(until) => Leaving::Rests(*until),
            Prospect::Busy | Prospect::Stalled => {
                self.withdraw_all(domain);
                Leaving::Yields
            }
        };
        self.leaves(domain, &how);
    }

    /// Others want the domain's place.
    pub(super) fn give_up_place(&mut self, domain: &Domain) {
        let Some(desk) = self.node.desks.get(domain) else { return self.node.roster.has_ended(domain) };
        match self.prospect(domain, desk) {
            Prospect::Busy => {
                self.node.desks.get_mut(domain).unwrap().spare = None;
                self.node.roster.is_busy(domain);
            }
            prospect => self.leave(domain, &prospect),
        }
    }

    /// A domain has had no work for a while.
    pub(super) fn reap(&mut self, domain: &Domain, number: u64) -> Step {
        let now = self.now();
        let Some(desk) = self.desk(domain, number) else { return Ok(()) };
        if desk.idle_since.is_some_and(|since| now.since(since) >= REAP_AFTER) {
            self.leaves(domain, &Leaving::Idle);
        }
        Ok(())
    }
}
