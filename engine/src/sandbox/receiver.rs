//! The state machine: a personality at work, with its clients and its books.

use super::{
    behaviour::Scene,
    dice::Dice,
    event::{Answer, Event, Verdict},
    personality::Personality,
    wire::Wire,
};
use crate::time::UnixMillis;
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

/// What a sandbox has done so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Stats {
    /// Messages kept.
    pub accepted: u64,
    /// Their recipients.
    pub recipients: u64,
    /// Connections that got a greeting.
    pub connections: u64,
    /// Those of them that are open.
    pub open: u32,
    /// Most that were open at a time.
    pub peak: u32,
    /// Refusals and hang-ups, by the behaviour to blame.
    pub refused: BTreeMap<&'static str, u64>,
}

/// One connection, from [`Receiver::connect`] to [`Receiver::leave`].
#[derive(Debug)]
pub struct Visit {
    client: IpAddr,
    messages: u32,
    /// Whether it is among the open connections: one that was turned away at the door is not.
    admitted: bool,
}

/// A sandbox at work.
#[derive(Debug)]
pub struct Receiver {
    personality: Personality,
    dice: Dice,
    /// Open connections of each client that has any.
    open: HashMap<IpAddr, u32>,
    stats: Stats,
}

impl Receiver {
    /// A sandbox before its first client; the same seed makes the same accidents.
    pub fn new(personality: Personality, seed: u64) -> Self {
        Self { personality, dice: Dice::new(seed), open: HashMap::new(), stats: Stats::default() }
    }

    /// How to treat the octets of every session.
    pub fn wire(&self) -> Wire {
        let mut wire = Wire::default();
        for behaviour in &self.personality.0 {
            behaviour.shape(&mut wire);
        }
        wire
    }

    /// What has happened so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// A client connects. The visit must be handed to [`leave`](Self::leave) even if it was turned away.
    pub fn connect(&mut self, client: IpAddr, now: UnixMillis) -> (Visit, Answer) {
        let mut visit = Visit { client, messages: 0, admitted: false };
        let answer = self.on(&visit, &Event::Connect, now);
        if answer.verdict == Verdict::Accept {
            visit.admitted = true;
            *self.open.entry(client).or_default() += 1;
            self.stats.connections += 1;
            self.stats.open += 1;
            self.stats.peak = self.stats.peak.max(self.stats.open);
        }
        (visit, answer)
    }

    /// The client of a visit does something: the delays of all behaviours up to the first that objects, and its
    /// objection.
    pub fn on(&mut self, visit: &Visit, event: &Event<'_>, now: UnixMillis) -> Answer {
        let open = self.open.get(&visit.client).copied().unwrap_or(0);
        // A connection at the door counts too.
        let open = if visit.admitted { open } else { open.saturating_add(1) };
        let scene = Scene { now, client: visit.client, open, messages: visit.messages };
        let mut answer = Answer::ACCEPT;
        for behaviour in &mut self.personality.0 {
            let Answer { delay, verdict } = behaviour.on(scene, event, &mut self.dice);
            answer.delay = answer.delay.saturating_add(delay);
            if verdict != Verdict::Accept {
                *self.stats.refused.entry(behaviour.name()).or_default() += 1;
                answer.verdict = verdict;
                break;
            }
        }
        answer
    }

    /// A message of the visit has been kept.
    pub fn kept(&mut self, visit: &mut Visit, recipients: usize) {
        visit.messages = visit.messages.saturating_add(1);
        self.stats.accepted += 1;
        self.stats.recipients += recipients as u64;
    }

    /// The connection of a visit is closed.
    pub fn leave(&mut self, visit: &Visit) {
        if !visit.admitted {
            return;
        }
        self.stats.open = self.stats.open.saturating_sub(1);
        if let Some(open) = self.open.get_mut(&visit.client) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.open.remove(&visit.client);
            }
        }
    }
}
