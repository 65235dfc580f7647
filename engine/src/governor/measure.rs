//! What a rule that acts holds to, and how it recovers.

use super::{
    back_off::{BackOff, Refused},
    bucket::TokenBucket,
    event::Happening,
    hold::{Hold, HoldCause},
};
use crate::{
    classify::Judged,
    shaping::{Limits, Rate, Rule, RuleAction},
    time::UnixMillis,
};
use std::time::Duration;

/// A recovering rate grows by half with each step: from a tenth to the whole in six steps.
const EASING: (u32, u32) = (3, 2);
/// A rate that was limited where none is configured is lifted once it is this many times what the site took
/// when it was limited.
const FREE_AT: u32 = 2;

/// What a firing rule must know of its site.
pub(super) struct Circumstances<'a> {
    pub(super) limits: &'a Limits,
    /// Messages the site took in the last minute.
    pub(super) per_minute: u32,
    /// Whether a connection was refused from which the site's own limit of connections is learnt.
    pub(super) teaches_cap: bool,
    pub(super) now: UnixMillis,
}

/// What a rule that fired holds to.
#[derive(Debug, Clone)]
pub(super) enum Measure {
    /// Messages in a time; done once it reaches `goal`.
    Rate { bucket: TokenBucket, goal: Rate },
    /// So many connections.
    Connections(u32),
    /// Silence, a probe, then a rate.
    BackOff(BackOff),
    /// Nothing goes.
    Suspended,
    /// Carried out by others: only the end is told here.
    Elsewhere,
}

/// A rule that acts.
#[derive(Debug, Clone)]
pub(super) struct Active {
    pub(super) measure: Measure,
    pub(super) fired_at: UnixMillis,
    /// When it ends or takes its next step back.
    pub(super) next_step: UnixMillis,
    pub(super) times: u32,
}

impl Measure {
    /// What a rule that fires holds to, when it held to `before`.
    pub(super) fn of(rule: &Rule, before: Option<Self>, site: &Circumstances<'_>) -> Self {
        match &rule.action {
            RuleAction::LimitMessageRate(rate) => {
                let goal = site.limits.message_rate.unwrap_or(Rate::per_minute(
                    site.per_minute.saturating_mul(FREE_AT).max(rate.in_a_minute().saturating_mul(FREE_AT)),
                ));
                Self::Rate { bucket: TokenBucket::new(*rate), goal }
            }
            RuleAction::SlowDown(part) => slowed(*part, before, site),
            RuleAction::BackOff(part) => Self::BackOff(backed_off(*part, rule.hold, before, site)),
            RuleAction::LimitConnections(most) => Self::Connections(*most),
            RuleAction::SuspendSite => Self::Suspended,
            RuleAction::SuspendTenant | RuleAction::SuspendSource => Self::Elsewhere,
        }
    }
}

/// A part of what holds now: of the rate that the rule came to before, of the configured rate, or of what the
/// site took in the last minute.
fn slowed(part: f64, before: Option<Measure>, site: &Circumstances<'_>) -> Measure {
    let taken = Rate::per_minute(site.per_minute);
    let (from, goal) = match before {
        Some(Measure::Rate { bucket, goal }) => (bucket.rate(), goal),
        _ => match site.limits.message_rate {
            Some(rate) => (rate, rate),
            None => (taken, Rate::per_minute(site.per_minute.saturating_mul(FREE_AT))),
        },
    };
    let slower = (f64::from(from.in_a_minute()) * part).floor().max(1.0);
    // At least 1 and no more than the u32 it came from.
    Measure::Rate { bucket: TokenBucket::new(Rate::per_minute(slower as u32)), goal }
}

/// A back-off that begins, or one whose rate was too high.
fn backed_off(part: f64, hold: Duration, before: Option<Measure>, site: &Circumstances<'_>) -> BackOff {
    match before {
        Some(Measure::BackOff(mut back_off)) => {
            back_off.too_fast(site.now);
            back_off
        }
        _ => BackOff::begin(part, hold, site.per_minute, site.limits.message_rate, site.now),
    }
}

impl Active {
    /// Whether nothing at all goes.
    pub(super) fn is_silent(&self) -> bool {
        match &self.measure {
            Measure::Suspended => true,
            Measure::BackOff(back_off) => back_off.is_silent(),
            _ => false,
        }
    }

    /// The site took a message.
    pub(super) fn taken(&mut self, rule: &Rule, now: UnixMillis) -> Option<Happening> {
        let Measure::BackOff(back_off) = &mut self.measure else { return None };
        let goes_on = back_off.taken(now);
        self.next_step = back_off.next_step();
        goes_on.then(|| Happening::RuleEased { rule: rule.name.clone(), does: self.does(rule) })
    }

    /// A refusal that needs no counting, since it is known what it means; `None` if it is to be counted.
    pub(super) fn refused_again(
        &mut self,
        rule: &Rule,
        judged: &Judged,
        now: UnixMillis,
    ) -> Option<Option<Happening>> {
        let Measure::BackOff(back_off) = &mut self.measure else { return None };
        let refused = back_off.refused(now);
        self.next_step = back_off.next_step();
        match refused {
            Refused::Straggler => Some(None),
            Refused::Flowing => None,
            Refused::Probe => {
                self.times = self.times.saturating_add(1);
                Some(Some(Happening::RuleFired {
                    rule: rule.name.clone(),
                    does: self.does(rule),
                    until: self.next_step,
                    cause: judged.verdict.to_string(),
                }))
            }
        }
    }

    /// Takes a step back; `false` when it is over.
    pub(super) fn ease(&mut self, limits: &Limits, now: UnixMillis) -> bool {
        match &mut self.measure {
            Measure::BackOff(back_off) => back_off.tick(now),
            Measure::Rate { bucket, goal } => {
                let (more, less) = EASING;
                let now = bucket.rate().in_a_minute();
                let eased = (now.saturating_mul(more) / less).max(now.saturating_add(1));
                bucket.change(Rate::per_minute(eased));
                eased < goal.in_a_minute()
            }
            Measure::Connections(most) => {
                *most = most.saturating_add(1);
                *most < limits.connections
            }
            Measure::Suspended | Measure::Elsewhere => false,
        }
    }

    pub(super) fn does(&self, rule: &Rule) -> String {
        match (&self.measure, &rule.action) {
            (Measure::Rate { bucket, .. }, _) => format!("no more than {} messages", bucket.rate()),
            (Measure::Connections(most), _) => format!("no more than {most} connections"),
            (Measure::BackOff(back_off), _) => back_off.does(),
            (Measure::Suspended, _) => "nothing is sent".to_owned(),
            (Measure::Elsewhere, RuleAction::SuspendTenant) => "nothing of one tenant is sent".to_owned(),
            (Measure::Elsewhere, _) => "nothing is sent from this source".to_owned(),
        }
    }

    pub(super) fn hold(&self, rule: &Rule, until: UnixMillis) -> Hold {
        let detail = format!("rule {}: {}", rule.name, self.does(rule));
        Hold { until, cause: HoldCause::Rule(rule.name.clone()), detail }
    }
}
