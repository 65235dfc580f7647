//! A domain's place among those that are active, and giving it up.

use super::DomainActor;
use crate::{
    domain::DomainSnapshot,
    places::Note,
    site::WithdrawWork,
    supervisor::{DomainLeaves, REAP_AFTER},
};
use actix::prelude::*;
use mailwright_engine::roster::Spare;
use std::time::{Duration, Instant};

/// Shorter pauses are sat out: coming back costs a read from disk.
const SHORTEST_REST: Duration = Duration::from_secs(1);
/// How long a domain rests that nobody has said an end for; whoever ends the cause wakes it.
const LONGEST_REST: Duration = Duration::from_secs(600);

/// How a domain gives its place up.
#[derive(Debug)]
pub(crate) enum Leaving {
    /// It has no work.
    Idle,
    /// It can do nothing for so long.
    Rests(Duration, Note),
    /// It has work, and waits for others.
    Yields(Note),
}

/// What a domain could do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prospect {
    /// Something is under way.
    Busy,
    /// It has no work.
    Idle,
    /// Nothing before then.
    Rests(Duration),
    /// It waits for its sites.
    Stalled,
}

impl DomainActor {
    fn prospect(&self) -> Prospect {
        let under_way = !self.outstanding.is_empty()
            || self.reading.is_some()
            || self.plan.is_asked()
            || self.links.any_asked();
        if under_way {
            return Prospect::Busy;
        }
        if self.queue.is_empty() && !self.queue.more_on_disk() {
            return Prospect::Idle;
        }
        match self.rest() {
            Some(rest) if rest >= SHORTEST_REST => Prospect::Rests(rest),
            Some(_) => Prospect::Busy,
            None => Prospect::Stalled,
        }
    }

    /// For how long nothing at all can be done; `None` if something can.
    fn rest(&self) -> Option<Duration> {
        let now = Instant::now();
        if let Some(hold) = self.held.as_ref().filter(|hold| !hold.is_over()) {
            return Some(hold.until.saturating_duration_since(now));
        }
        if self.is_suspended() {
            return Some(LONGEST_REST);
        }
        let mut earliest = self.unsourced.values().min().copied();
        for (lane, _) in self.queue.lanes() {
            let held = self.links.held_until(&lane.source, lane.class.security);
            let until = match self.deps.suspensions.lane(lane) {
                Some(_) => now + LONGEST_REST,
                None => held?,
            };
            earliest = Some(earliest.map_or(until, |earliest| earliest.min(until)));
        }
        earliest.map(|until| until.saturating_duration_since(now).min(LONGEST_REST))
    }

    /// Tells how it stands; leaves if its place is wanted and of no use to it.
    pub(super) fn tell_standing(&mut self, ctx: &mut Context<Self>) {
        let prospect = self.prospect();
        let spare = match prospect {
            Prospect::Busy => None,
            Prospect::Idle | Prospect::Rests(_) => Some(Spare::Free),
            Prospect::Stalled => Some(Spare::Stalled),
        };
        if std::mem::replace(&mut self.spare, spare) == spare {
            return;
        }
        match spare {
            None => self.deps.places.is_busy(&self.name),
            Some(spare) if self.deps.places.can_spare(&self.name, spare) => self.leave(prospect, ctx),
            Some(_) => {}
        }
    }

    /// Gives the place up.
    fn leave(&mut self, prospect: Prospect, ctx: &mut Context<Self>) {
        let how = match prospect {
            Prospect::Idle => Leaving::Idle,
            Prospect::Rests(rest) => Leaving::Rests(rest, Note::new(self.failures, Some(self.at_rest()))),
            Prospect::Busy | Prospect::Stalled => {
                for (site, flow) in self.offered() {
                    site.do_send(WithdrawWork(flow));
                }
                Leaving::Yields(Note::new(self.failures, None))
            }
        };
        self.deps.places.leaves(&self.name);
        let (received, era) = (self.received, self.deps.places.era());
        let (domain, addr) = (self.name.clone(), ctx.address());
        self.supervisor.do_send(DomainLeaves { domain, addr, how, received, era });
        ctx.stop();
    }

    /// What operators are told while it rests.
    fn at_rest(&self) -> DomainSnapshot {
        DomainSnapshot { ready: 0, more_on_disk: true, lanes: Vec::new(), ..self.describe() }
    }

    pub(super) fn retire_if_idle(&mut self, ctx: &mut Context<Self>) {
        if self.prospect() != Prospect::Idle {
            self.idle_since = Instant::now();
        } else if self.idle_since.elapsed() >= REAP_AFTER {
            self.leave(Prospect::Idle, ctx);
        }
    }
}

/// Others want the domain's place.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "()")]
pub struct GiveUpPlace;

impl Handler<GiveUpPlace> for DomainActor {
    type Result = ();

    fn handle(&mut self, _: GiveUpPlace, ctx: &mut Self::Context) {
        match self.prospect() {
            Prospect::Busy => {
                self.spare = None;
                self.deps.places.is_busy(&self.name);
            }
            prospect => self.leave(prospect, ctx),
        }
    }
}
