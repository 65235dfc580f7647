//! Rules at work: counting replies and acting when there are too many.

use super::{
    event::Happening,
    hold::Hold,
    measure::{Active, Circumstances, Measure},
};
use crate::{
    class::TenantName,
    classify::Judged,
    shaping::{Limits, Rule, RuleAction},
    smtp::verdict::Fault,
    time::UnixMillis,
};
use serde::Serialize;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// Steps of a recovery for each `hold` that passed.
const STEPS_PER_HOLD: u32 = 4;
/// Replies that come this soon after a rule fired belong to messages that were already under way.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// One rule and what it has seen. Tenants are counted apart where the rule is about tenants.
#[derive(Debug, Clone, Default)]
struct Watch {
    hits: HashMap<Option<TenantName>, VecDeque<UnixMillis>>,
    active: HashMap<Option<TenantName>, Active>,
}

/// A rule that acts, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActiveRule {
    /// Its name.
    pub rule: String,
    /// What holds now, in words.
    pub does: String,
    /// When it ends or eases.
    pub until: UnixMillis,
    /// How many times it has fired.
    pub times: u32,
}

/// All rules of a site.
#[derive(Debug, Clone)]
pub(super) struct Automation {
    rules: Arc<[Rule]>,
    watches: Vec<Watch>,
}

impl Automation {
    pub(super) fn new(rules: Arc<[Rule]>) -> Self {
        let watches = vec![Watch::default(); rules.len()];
        Self { rules, watches }
    }

    /// Other rules from now on. A rule that is still there under its name and does the same goes on.
    pub(super) fn reshape(&mut self, rules: Arc<[Rule]>) {
        let same = |rule: &Rule| {
            let kept =
                self.rules.iter().position(|old| old.name == rule.name && old.action == rule.action)?;
            self.watches.get(kept).cloned()
        };
        let watches = rules.iter().map(|rule| same(rule).unwrap_or_default()).collect();
        *self = Self { rules, watches };
    }

    /// Counts a failure and lets rules act.
    pub(super) fn count(
        &mut self,
        judged: &Judged,
        tenant: Option<&TenantName>,
        site: &Circumstances<'_>,
    ) -> Vec<Happening> {
        let watched = self.rules.iter().zip(&mut self.watches);
        watched
            .filter(|(rule, _)| concerns(&rule.action, judged, site) && rule.when.matches_judged(judged))
            .filter_map(|(rule, watch)| watch.hit(rule, judged, tenant, site))
            .collect()
    }

    /// The site took a message: what waited for that goes on.
    pub(super) fn taken(&mut self, now: UnixMillis) -> Vec<Happening> {
        let watched = self.rules.iter().zip(&mut self.watches);
        let active = watched.flat_map(|(rule, watch)| watch.active.values_mut().map(move |a| (rule, a)));
        active.filter_map(|(rule, active)| active.taken(rule, now)).collect()
    }

    /// Ends and eases what is due.
    pub(super) fn tick(&mut self, limits: &Limits, now: UnixMillis) -> Vec<Happening> {
        let watched = self.rules.iter().zip(&mut self.watches);
        watched.flat_map(|(rule, watch)| watch.tick(rule, limits, now)).collect()
    }

    pub(super) fn next_tick(&self) -> Option<UnixMillis> {
        self.watches.iter().flat_map(|watch| watch.active.values()).map(|active| active.next_step).min()
    }

    /// Whether nothing is in force.
    pub(super) fn is_at_rest(&self) -> bool {
        self.watches.iter().all(|watch| watch.active.is_empty())
    }

    fn active(&self) -> impl Iterator<Item = (&Rule, &Active)> {
        let watched = self.rules.iter().zip(&self.watches);
        watched.flat_map(|(rule, watch)| watch.active.values().map(move |active| (rule, active)))
    }

    /// What keeps every message back.
    pub(super) fn suspension(&self) -> Option<Hold> {
        let (rule, active) = self.active().find(|(_, active)| active.is_silent())?;
        Some(active.hold(rule, active.next_step))
    }

    /// What keeps the next message back.
    pub(super) fn next_message(&self, now: UnixMillis) -> Option<Hold> {
        let rates = self.active().filter_map(|(rule, active)| match &active.measure {
            Measure::Rate { bucket, .. } => Some((rule, active, bucket.next(now))),
            Measure::BackOff(back_off) => Some((rule, active, back_off.next_message(now))),
            _ => None,
        });
        let (rule, active, next) =
            rates.max_by_key(|(_, _, next)| *next).filter(|(_, _, next)| *next > now)?;
        Some(active.hold(rule, next))
    }

    /// Counts a message against every rate.
    pub(super) fn take_message(&mut self, now: UnixMillis) {
        for active in self.watches.iter_mut().flat_map(|watch| watch.active.values_mut()) {
            match &mut active.measure {
                // Looked at before by `next_message`.
                Measure::Rate { bucket, .. } => drop(bucket.take(now)),
                Measure::BackOff(back_off) => {
                    back_off.take_message(now);
                    active.next_step = back_off.next_step();
                }
                Measure::Connections(_) | Measure::Suspended | Measure::Elsewhere => {}
            }
        }
    }

    /// The fewest connections that a rule allows, and which does.
    pub(super) fn connections(&self, now: UnixMillis) -> Option<(u32, Hold)> {
        let limited = self.active().filter_map(|(rule, active)| match active.measure {
            Measure::Connections(most) => Some((most, active.hold(rule, active.next_step.max(now)))),
            Measure::BackOff(ref back_off) if back_off.is_probing() => {
                Some((1, active.hold(rule, active.next_step.max(now))))
            }
            _ => None,
        });
        limited.min_by_key(|(most, _)| *most)
    }

    pub(super) fn snapshot(&self) -> Vec<ActiveRule> {
        let shown = |(rule, active): (&Rule, &Active)| ActiveRule {
            rule: rule.name.clone(),
            does: active.does(rule),
            until: active.next_step,
            times: active.times,
        };
        self.active().map(shown).collect()
    }
}

/// Whether a refusal says anything about what `action` changes.
fn concerns(action: &RuleAction, judged: &Judged, site: &Circumstances<'_>) -> bool {
    match action {
        // What a mailbox gets too much of is none of our pace.
        RuleAction::BackOff(_) => !site.teaches_cap && judged.verdict.fault == Fault::Us,
        // The learnt limit is what the site allows, and not a guess.
        RuleAction::LimitConnections(_) => !site.teaches_cap,
        _ => true,
    }
}

impl Watch {
    /// Counts a reply; acts when it is one too many.
    fn hit(
        &mut self,
        rule: &Rule,
        judged: &Judged,
        tenant: Option<&TenantName>,
        site: &Circumstances<'_>,
    ) -> Option<Happening> {
        let about = match rule.action {
            RuleAction::SuspendTenant => Some(tenant?.clone()),
            _ => None,
        };
        if let Some(active) = self.active.get_mut(&about)
            && let Some(known) = active.refused_again(rule, judged, site.now)
        {
            return known;
        }
        let stragglers_until = |active: &Active| active.fired_at.saturating_add(STRAGGLERS);
        if self.active.get(&about).is_some_and(|active| site.now < stragglers_until(active)) {
            return None;
        }
        let hits = self.hits.entry(about.clone()).or_default();
        hits.push_back(site.now);
        while hits.front().is_some_and(|first| site.now.since(*first) > rule.within) {
            hits.pop_front();
        }
        if hits.len() < rule.count.max(1) as usize {
            return None;
        }
        self.hits.remove(&about);
        Some(self.fire(rule, about, judged, site))
    }

    fn fire(
        &mut self,
        rule: &Rule,
        about: Option<TenantName>,
        judged: &Judged,
        site: &Circumstances<'_>,
    ) -> Happening {
        let until = site.now.saturating_add(rule.hold);
        let before = self.active.remove(&about);
        let times = before.as_ref().map_or(1, |before| before.times.saturating_add(1));
        let measure = Measure::of(rule, before.map(|before| before.measure), site);
        let next_step = match &measure {
            Measure::BackOff(back_off) => back_off.next_step(),
            _ => until,
        };
        let active = Active { measure, fired_at: site.now, next_step, times };
        let (does, until) = (active.does(rule), active.next_step);
        self.active.insert(about.clone(), active);
        let (action, rule, cause) = (&rule.action, rule.name.clone(), judged.verdict.to_string());
        match (action, about) {
            (_, Some(tenant)) => Happening::SuspendTenant { rule, tenant, until, cause },
            (RuleAction::SuspendSource, None) => Happening::SuspendSource { rule, until, cause },
            _ => Happening::RuleFired { rule, does, until, cause },
        }
    }

    fn tick(&mut self, rule: &Rule, limits: &Limits, now: UnixMillis) -> Vec<Happening> {
        let step = (rule.hold / STEPS_PER_HOLD).max(Duration::from_millis(100));
        let mut happened = Vec::new();
        self.hits.retain(|_, hits| hits.back().is_some_and(|last| now.since(*last) <= rule.within));
        self.active.retain(|_, active| {
            if active.next_step > now {
                return true;
            }
            let name = rule.name.clone();
            if active.ease(limits, now) {
                active.next_step = match &active.measure {
                    Measure::BackOff(back_off) => back_off.next_step(),
                    _ => now.saturating_add(step),
                };
                happened.push(Happening::RuleEased { rule: name, does: active.does(rule) });
                return true;
            }
            happened.push(Happening::RuleEnded { rule: name, times: active.times });
            false
        });
        happened
    }
}
