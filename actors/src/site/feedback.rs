//! What a site learns from its connections, and what it does about it: the governor decides, here it is told
//! and carried out.

use super::{Flow, Site};
use crate::{
    clock,
    connection::{AttemptReport, ConnectionId},
    domain::{DomainActor, Reconsider, SiteOutOfOrder},
    metrics as names,
    supervisor::SuspendProvider,
    tls::TlsIdentity,
};
use actix::prelude::*;
use mailwright_engine::{
    classify::Judged,
    governor::{GovernorEvent, Happening},
    shaping::RuleAction,
    smtp::verdict::{Outcome, Verdict},
    time::UnixMillis,
};
use mailwright_storage::events::{Event, event::Automatic};
use std::time::{Duration, Instant};

impl Site {
    /// A connection is ready for its first message.
    pub(super) fn connected(&mut self, id: ConnectionId, identity: &TlsIdentity) {
        if let Some(pool) = self.pools.get_mut(identity) {
            pool.opening.remove(&id);
        }
        self.failures = 0;
        self.unreachable = None;
        self.turns_begin(id);
        self.governor.connected();
    }

    /// A delivery has ended.
    pub(super) fn attempt_finished(&mut self, report: &AttemptReport) {
        let events = self.governor.attempt_finished(&report.attempt, report.tenant.as_ref(), clock::now());
        self.tell(events);
    }

    /// A connection of the pool `identity` could not be made.
    pub(super) fn not_established(
        &mut self,
        verdict: Verdict,
        identity: Option<&TlsIdentity>,
        ctx: &mut Context<Self>,
    ) {
        if verdict.phase.is_about_tls() {
            return self.policy_not_met(&verdict, identity, ctx);
        }
        let judged = Judged::new(verdict, &self.deps.rules);
        let open = self.addresses.len();
        let events = self.governor.connect_failed(&judged, open, clock::now());
        self.tell(events);
        // With others working or being tried this only slows opening; with none left the site is out of order and
        // its domains wait, or give up if the verdict is hard.
        if open > 0 {
            return self.advance(ctx);
        }
        if judged.verdict.outcome == Outcome::Hard {
            // Nothing to wait for: mail that comes later is told the same, after another look-up.
            return self.tell_domains(None, Duration::ZERO, &judged.verdict);
        }
        self.failures = self.failures.saturating_add(1);
        let dead = self.governor.dead_until().map_or(Duration::ZERO, |dead| dead.since(clock::now()));
        let pause = self.deps.settings.backoff(self.failures).max(dead);
        tracing::warn!(site = %self.key, reason = %judged.verdict, ?pause, "site unreachable");
        self.unreachable = Some(Box::new((Instant::now() + pause, judged.verdict.clone())));
        self.tell_domains(None, pause, &judged.verdict);
        self.wake_in_time(ctx);
    }

    /// The servers do not do what the TLS policy of a pool asks. Nobody but the pool's domains is concerned, and
    /// nothing was learnt about how fast the site may be sent to.
    fn policy_not_met(&mut self, verdict: &Verdict, identity: Option<&TlsIdentity>, ctx: &mut Context<Self>) {
        let alone = identity.and_then(|identity| self.pools.get(identity));
        if alone.is_none_or(|pool| pool.connections.is_empty()) {
            self.failures = self.failures.saturating_add(1);
            let pause = match verdict.outcome {
                Outcome::Hard => Duration::ZERO,
                _ => self.deps.settings.backoff(self.failures),
            };
            tracing::warn!(site = %self.key, reason = %verdict, ?pause, "TLS policy not met");
            self.tell_domains(identity, pause, verdict);
        }
        self.advance(ctx);
    }

    /// Records what the governor did, and does what only the site can.
    pub(super) fn tell(&mut self, events: Vec<GovernorEvent>) {
        for event in events {
            tracing::info!(site = %self.key, provider = %self.effective.provider, "{event}");
            ::metrics::counter!(
                names::AUTOMATIC_ACTIONS,
                "provider" => self.effective.provider.to_string(),
                "action" => event.what.label()
            )
            .increment(1);
            self.deps.events.record(event.at, None, Event::Automatic(Box::new(self.automatic(&event))));
            self.carry_out(&event);
        }
    }

    fn automatic(&self, event: &GovernorEvent) -> Automatic {
        let tenant = match &event.what {
            Happening::SuspendTenant { tenant, .. } => Some(tenant.clone()),
            _ => None,
        };
        Automatic {
            site: self.key.name(),
            source: Some(self.key.source.clone()),
            tenant,
            action: event.to_string(),
            cause: event.what.cause().to_owned(),
            until: event.what.until(),
        }
    }

    fn carry_out(&mut self, event: &GovernorEvent) {
        match &event.what {
            Happening::SuspendTenant { tenant, until, .. } => {
                let is_its = |flow: &Flow| flow.lane.class.tenant.as_ref() == Some(tenant);
                let away = self.tenants_away.entry(tenant.clone()).or_default();
                away.until = *until;
                for pool in self.pools.values_mut() {
                    let flows: Vec<_> = pool.domains.keys().filter(|flow| is_its(flow)).cloned().collect();
                    for flow in flows {
                        away.domains
                            .extend(pool.domains.get(&flow).map(|addr| (flow.domain.clone(), addr.clone())));
                        pool.withdraw(&flow);
                    }
                }
            }
            Happening::RuleEnded { .. } => self.welcome_back(),
            Happening::SuspendSource { until, .. } => {
                self.supervisor.do_send(SuspendProvider {
                    provider: self.effective.provider.clone(),
                    source: self.key.source.clone(),
                    until: *until,
                });
                self.stand_aside(*until, event);
            }
            Happening::RuleFired { rule, until, .. } if self.suspends(rule) => {
                self.stand_aside(*until, event);
            }
            _ => {}
        }
    }

    /// Has the mail of tenants offered again that may come back.
    fn welcome_back(&mut self) {
        let now = clock::now();
        for (_, away) in self.tenants_away.extract_if(|_, away| away.until <= now) {
            away.domains.into_values().for_each(|domain| domain.do_send(Reconsider));
        }
    }

    /// Whether the rule of this name suspends the site. One that only rests it is not meant: mail that was too
    /// much from one source is not to come from another.
    fn suspends(&self, rule: &str) -> bool {
        let mut rules = self.effective.rules.iter();
        rules.any(|known| known.name == rule && known.action == RuleAction::SuspendSite)
    }

    /// Gives the domains their mail back until then: another source may carry it.
    fn stand_aside(&mut self, until: UnixMillis, event: &GovernorEvent) {
        let why = Verdict::connect_failure(&format!("{event} ({})", event.what.cause()));
        self.tell_domains(None, until.since(clock::now()), &why);
    }

    /// Turns mail away that is offered while nothing is tried; `true` if it does.
    pub(super) fn turns_away(&self, flow: &Flow, domain: &Addr<DomainActor>) -> bool {
        let Some((pause, verdict)) = self.kept_away().or_else(|| self.rest_after_failure()) else {
            return false;
        };
        let source = flow.lane.source.clone();
        domain.do_send(SiteOutOfOrder { source, security: None, pause, verdict });
        true
    }

    /// For how long a rule keeps the source from the provider.
    fn kept_away(&self) -> Option<(Duration, Verdict)> {
        let (provider, source) = (&self.effective.provider, &self.key.source);
        let until = self.deps.suspensions.provider(provider, source)?;
        let why = format!("a rule keeps source {source} from {provider} until {until}");
        Some((until.since(clock::now()), Verdict::connect_failure(&why)))
    }

    /// For how long nothing is tried after the last connection could not be made: who offers mail only now is told
    /// what the others were.
    fn rest_after_failure(&self) -> Option<(Duration, Verdict)> {
        let (until, verdict) = self.unreachable.as_deref()?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| (left, verdict.clone()))
    }
}
