//! The governor of a site: how fast and how wide mail may flow to it now, and why.
//!
//! Pure: it is told what happened and when, and says what may happen next. Configured limits ([`Limits`]) are
//! ceilings; below them the number of connections follows the site's answers, rules on replies slow down, cut
//! or suspend and recover step by step, and a breaker spares a dead destination.

mod automation;
mod back_off;
pub mod breaker;
pub mod bucket;
mod concurrency;
mod estimate;
mod event;
mod feedback;
mod hold;
mod measure;
mod session;

pub use automation::ActiveRule;
pub use event::{GovernorEvent, Happening};
pub use hold::{Hold, HoldCause};

use crate::{
    class::TenantName,
    classify::Judged,
    shaping::{Adaptive, Limits, Rule},
    smtp::verdict::{Outcome, Phase, Verdict},
    time::UnixMillis,
};
use automation::Automation;
use breaker::{Breaker, BreakerPolicy, Change};
use bucket::TokenBucket;
use concurrency::{CapChange, Concurrency};
use estimate::Estimate;
use feedback::{Feedback, feedback, shows_life, strongest, turned_away};
use measure::Circumstances;
use serde::Serialize;
use session::{Change as SessionChange, SessionLength};
use std::{sync::Arc, time::Duration};

/// When a site that waits for one of its connections looks again by itself.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long no connection is tried beside others after one could not be made: trying on at once brings a
/// refusal for each round trip, and many receivers count them.
const AFTER_REFUSED: Duration = Duration::from_secs(1);

/// What a site should do about connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// Open so many; may be none.
    Open(usize),
    /// More would be wanted, and this keeps it from opening them.
    Wait(Hold),
}

/// The governor.
#[derive(Debug, Clone)]
pub struct Governor {
    limits: Arc<Limits>,
    concurrency: Concurrency,
    breaker: Breaker,
    automation: Automation,
    connection_rate: Option<TokenBucket>,
    message_rate: Option<TokenBucket>,
    sessions: SessionLength,
    /// No connection beside others is tried before this.
    refused_until: UnixMillis,
    taken: Estimate,
}

/// What is in force, as operators see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GovernorSnapshot {
    /// Connections allowed now.
    pub connections: u32,
    /// The window that follows the site's answers.
    pub window: f64,
    /// The number of connections the site was seen to allow.
    pub cap: Option<u32>,
    /// Messages after which a connection is closed.
    pub messages_per_connection: u32,
    /// Until when the site counts as dead.
    pub dead_until: Option<UnixMillis>,
    /// Messages that it took in the last minute, extrapolated for a young site.
    pub taken_per_minute: u32,
    /// Rules that act.
    pub rules: Vec<ActiveRule>,
}

impl Governor {
    /// A governor that knows nothing about its site yet.
    pub fn new(limits: Arc<Limits>, rules: Arc<[Rule]>) -> Self {
        Self {
            concurrency: Concurrency::new(limits.adaptive, limits.initial_connections, limits.connections),
            breaker: Breaker::new(BreakerPolicy::default(), limits.breaker_failures),
            automation: Automation::new(rules),
            connection_rate: limits.connection_rate.map(TokenBucket::new),
            message_rate: limits.message_rate.map(TokenBucket::new),
            sessions: SessionLength::default(),
            refused_until: UnixMillis::default(),
            taken: Estimate::default(),
            limits,
        }
    }

    /// Other limits and rules from now on; what was learnt stays.
    pub fn reshape(&mut self, limits: Arc<Limits>, rules: Arc<[Rule]>) {
        self.concurrency.reshape(limits.adaptive, limits.connections);
        self.breaker.set_limit(limits.breaker_failures);
        self.automation.reshape(rules);
        self.connection_rate = changed(self.connection_rate.take(), limits.connection_rate);
        self.message_rate = changed(self.message_rate.take(), limits.message_rate);
        self.limits = limits;
    }

    /// What to do about connections when `work` messages have none, not even one being made, and `open` are
    /// open or being made.
    pub fn connections_wanted(&self, work: usize, open: usize, now: UnixMillis) -> Opening {
        if work == 0 {
            return Opening::Open(0);
        }
        if let Some(hold) = self.closed_by(open, now) {
            return Opening::Wait(hold);
        }
        let (limit, why) = self.connection_limit(now);
        let limit = if self.breaker.is_probing() { 1 } else { limit as usize };
        let wanted = limit.saturating_sub(open).min(work);
        if wanted == 0 {
            return Opening::Wait(why);
        }
        if open > 0 && now < self.refused_until {
            let detail = "a connection could not be made a moment ago".to_owned();
            return Opening::Wait(Hold { until: self.refused_until, cause: HoldCause::Concurrency, detail });
        }
        let Some(mut rate) = self.connection_rate.clone() else { return Opening::Open(wanted) };
        match (0..wanted).take_while(|_| rate.take(now).is_ok()).count() {
            0 => Opening::Wait(self.rate_hold(HoldCause::ConnectionRate, rate.next(now))),
            allowed => Opening::Open(allowed),
        }
    }

    /// A connection is being made.
    pub fn connection_started(&mut self, now: UnixMillis) {
        if let Some(bucket) = &mut self.connection_rate {
            // Looked at before; a token that is not there is a connection too many, not an error.
            let _ = bucket.take(now);
        }
    }

    /// Takes the right to start a message.
    ///
    /// # Errors
    /// What keeps it back.
    pub fn may_send(&mut self, now: UnixMillis) -> Result<(), Hold> {
        if let Some(hold) = self.automation.suspension() {
            return Err(hold);
        }
        let configured = self.message_rate.as_ref().map(|bucket| bucket.next(now)).filter(|next| *next > now);
        if let Some(until) = configured {
            return Err(self.rate_hold(HoldCause::MessageRate, until));
        }
        if let Some(hold) = self.automation.next_message(now) {
            return Err(hold);
        }
        if let Some(bucket) = &mut self.message_rate {
            // Looked at just now.
            let _ = bucket.take(now);
        }
        self.automation.take_message(now);
        Ok(())
    }

    /// Most messages that a connection should carry.
    pub fn session_length(&self) -> u32 {
        let most = self.limits.messages_per_connection;
        self.sessions.limit().map_or(most, |learnt| learnt.min(most))
    }

    /// Making a connection, greeting included, took so long.
    pub fn session_opened(&mut self, took: Duration) {
        if self.limits.adaptive == Adaptive::On {
            self.sessions.opened(took);
        }
    }

    /// A message that came after `before` others on its connection took so long.
    pub fn session_carried(&mut self, before: u32, took: Duration, now: UnixMillis) -> Vec<GovernorEvent> {
        if self.limits.adaptive == Adaptive::Off {
            return Vec::new();
        }
        let change = self.sessions.carried(before, took, now);
        told(change.map(shortened), now)
    }

    /// The peer ended a connection that had carried so many messages instead of taking the next.
    pub fn session_cut_short(&mut self, carried: u32, now: UnixMillis) -> Vec<GovernorEvent> {
        if self.limits.adaptive == Adaptive::Off {
            return Vec::new();
        }
        let change = self.sessions.cut_short(carried, now);
        told(change.map(shortened), now)
    }

    /// A connection is ready for its first message. That says nothing about whether the site is well: one that
    /// ends each session at MAIL greets them too.
    pub fn connected(&mut self) {
        self.concurrency.connected();
    }

    /// A connection could not be made while `open` others were open or being made.
    pub fn connect_failed(&mut self, judged: &Judged, open: usize, now: UnixMillis) -> Vec<GovernorEvent> {
        let verdict = &judged.verdict;
        let teaches_cap = open > 0 && self.limits.adaptive == Adaptive::On && turned_away(verdict);
        let mut happened = self.count(judged, None, teaches_cap, now);
        self.concurrency.failure();
        self.refused_until = now.saturating_add(AFTER_REFUSED);
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        if turned_away(verdict)
            && let Some(CapChange::Learned(connections)) = self.concurrency.connection_refused(open, now)
        {
            happened.push(Happening::CapLearned { connections, cause: verdict.to_string() });
        }
        // Where names are not resolved nothing was learnt about the site: our name server may be away.
        if open == 0 && verdict.phase != Phase::Lookup {
            happened.extend(self.came_to_nothing(verdict, now));
        }
        told(happened, now)
    }

    /// A whole session came to nothing.
    fn came_to_nothing(&mut self, verdict: &Verdict, now: UnixMillis) -> Option<Happening> {
        let Some(Change::Opened { until }) = self.breaker.failure(now) else { return None };
        self.concurrency.restart();
        Some(Happening::BreakerOpened { until, cause: verdict.to_string() })
    }

    /// An attempt has ended with a verdict for each recipient.
    pub fn attempt_finished(
        &mut self,
        attempt: &[Judged],
        tenant: Option<&TenantName>,
        now: UnixMillis,
    ) -> Vec<GovernorEvent> {
        let mut happened = Vec::new();
        for judged in attempt {
            if judged.verdict.outcome != Outcome::Delivered {
                happened.extend(self.count(judged, tenant, false, now));
            }
        }
        match attempt.iter().find(|judged| shows_life(judged)) {
            Some(_) => happened.extend(self.breaker.success().map(|_| Happening::BreakerClosed)),
            None => happened.extend(attempt.first().and_then(|it| self.came_to_nothing(&it.verdict, now))),
        }
        match attempt.iter().map(feedback).reduce(strongest) {
            Some(Feedback::Takes) => {
                self.taken.count(now);
                self.concurrency.success();
                happened.extend(self.automation.taken(now));
            }
            Some(Feedback::Refuses) => self.concurrency.failure(),
            Some(Feedback::Answers) | None => {}
        }
        told(happened, now)
    }

    /// Lets time pass: what has ended or eases.
    pub fn tick(&mut self, now: UnixMillis) -> Vec<GovernorEvent> {
        let mut happened = self.automation.tick(&self.limits, now);
        if self.breaker.tick(now).is_some() {
            happened.push(Happening::BreakerProbing);
        }
        happened.extend(self.concurrency.tick(now).map(|change| match change {
            CapChange::Learned(connections) | CapChange::Relaxed(connections) => {
                Happening::CapRelaxed { connections }
            }
            CapChange::Lifted => Happening::CapLifted,
        }));
        happened.extend(self.sessions.tick(now).then_some(Happening::SessionsFreed));
        told(happened, now)
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_tick(&self) -> Option<UnixMillis> {
        let clocks = [
            self.automation.next_tick(),
            self.breaker.open_until(),
            self.concurrency.next_tick(),
            self.sessions.next_tick(),
        ];
        clocks.into_iter().flatten().min()
    }

    /// Whether it knows nothing that would be lost with it: no rule acts, no limit was learnt, the breaker is
    /// closed and no rate has been used up.
    pub fn is_at_rest(&self, now: UnixMillis) -> bool {
        let rested = |bucket: &Option<TokenBucket>| bucket.as_ref().is_none_or(|bucket| bucket.is_full(now));
        self.automation.is_at_rest()
            && self.breaker.is_closed()
            && self.concurrency.cap().is_none()
            && self.sessions.limit().is_none()
            && rested(&self.connection_rate)
            && rested(&self.message_rate)
    }

    /// Until when the site counts as dead: its breaker is open.
    pub fn dead_until(&self) -> Option<UnixMillis> {
        self.breaker.open_until()
    }

    /// What is in force.
    pub fn snapshot(&self, now: UnixMillis) -> GovernorSnapshot {
        GovernorSnapshot {
            connections: self.connection_limit(now).0,
            window: self.concurrency.window(),
            cap: self.concurrency.cap(),
            messages_per_connection: self.session_length(),
            dead_until: self.dead_until(),
            taken_per_minute: self.taken.per_minute(now),
            rules: self.automation.snapshot(),
        }
    }

    /// What keeps any connection from being opened.
    fn closed_by(&self, open: usize, now: UnixMillis) -> Option<Hold> {
        if let Some(until) = self.breaker.open_until() {
            let detail = "the destination counts as dead after failed connections in a row".to_owned();
            return Some(Hold { until, cause: HoldCause::Breaker, detail });
        }
        if self.breaker.is_probing() && open > 0 {
            let detail = "one connection finds out whether the destination is back".to_owned();
            return Some(Hold { until: now.saturating_add(LOOK_AGAIN), cause: HoldCause::Breaker, detail });
        }
        self.automation.suspension()
    }

    /// How many connections there may be, and what keeps it from being more.
    fn connection_limit(&self, now: UnixMillis) -> (u32, Hold) {
        let limit = self.concurrency.limit();
        let until = now.saturating_add(LOOK_AGAIN);
        match self.automation.connections(now) {
            Some((most, hold)) if most < limit => return (most.max(1), hold),
            _ => {}
        }
        let cap = self.concurrency.cap().filter(|cap| *cap == limit);
        let (cause, detail) = match cap {
            Some(cap) => (HoldCause::ConnectionCap, format!("the site was seen to allow {cap} connections")),
            None if limit == self.limits.connections => {
                (HoldCause::Concurrency, format!("{limit} connections are allowed"))
            }
            None => (HoldCause::Concurrency, format!("{limit} connections, by how the site answers")),
        };
        (limit, Hold { until, cause, detail })
    }

    fn rate_hold(&self, cause: HoldCause, until: UnixMillis) -> Hold {
        let rate = match cause {
            HoldCause::ConnectionRate => self.limits.connection_rate,
            _ => self.limits.message_rate,
        };
        let detail = rate.map(|rate| format!("no more than {rate} are allowed")).unwrap_or_default();
        Hold { until, cause, detail }
    }

    fn count(
        &mut self,
        judged: &Judged,
        tenant: Option<&TenantName>,
        teaches_cap: bool,
        now: UnixMillis,
    ) -> Vec<Happening> {
        let per_minute = self.taken.per_minute(now);
        let site = Circumstances { limits: &self.limits, per_minute, teaches_cap, now };
        self.automation.count(judged, tenant, &site)
    }
}

/// The bucket for another rate; what was taken of the old one stays taken.
fn changed(bucket: Option<TokenBucket>, rate: Option<crate::shaping::Rate>) -> Option<TokenBucket> {
    let rate = rate?;
    let mut bucket = bucket.unwrap_or_else(|| TokenBucket::new(rate));
    bucket.change(rate);
    Some(bucket)
}

fn told(happened: impl IntoIterator<Item = Happening>, at: UnixMillis) -> Vec<GovernorEvent> {
    happened.into_iter().map(|what| GovernorEvent { at, what }).collect()
}

fn shortened(change: SessionChange) -> Happening {
    let (messages, cause) = match change {
        SessionChange::Cut(messages) => {
            (messages, format!("the site ends connections after {messages} messages"))
        }
        SessionChange::Slow(messages) => {
            (messages, format!("messages after the first {messages} of a connection take much longer"))
        }
    };
    Happening::SessionsShortened { messages, cause }
}

#[cfg(test)]
mod tests;
