//! What a site learns from its connections, and what it does about it: the governor decides, here it is carried out.

use super::{
    Event, World,
    connection::Report,
    machine::Step,
    names::{Addresses, group_of},
};
use mailwright_engine::{
    classify::Judged,
    fair::FairShares,
    governor::{GovernorEvent, Happening},
    shaping::RuleAction,
    smtp::verdict::{Outcome, Verdict},
    time::UnixMillis,
};
use std::{collections::BTreeSet, time::Duration};

impl World {
    /// A connection could not be made.
    pub(super) fn not_established(&mut self, name: &str, verdict: Verdict) -> Step {
        let (now, judged) = (self.now(), Judged::new(verdict, &self.settings.bounces));
        let site = self.site(name);
        let open = site.connections.len();
        let events = site.governor.connect_failed(&judged, open, now);
        self.carry_out(name, &events)?;
        if open > 0 {
            return self.advance_site(name);
        }
        let verdict = judged.verdict;
        if verdict.outcome == Outcome::Hard {
            let hosts = &self.node.sites[name].hosts;
            assert!(
                hosts.iter().all(|host| self.names.addresses(host) == Addresses::None),
                "{verdict} of {name}"
            );
            self.tell_domains(name, Duration::ZERO, &verdict);
            return Ok(());
        }
        let site = self.site(name);
        site.failures = site.failures.saturating_add(1);
        let dead = site.governor.dead_until().map_or(Duration::ZERO, |dead| dead.since(now));
        let failures = site.failures;
        let pause = self.backoff(failures).max(dead);
        self.site(name).unreachable = Some((now.saturating_add(pause), verdict.clone()));
        self.tell_domains(name, pause, &verdict);
        self.wake_site_in_time(name);
        Ok(())
    }

    /// A connection is ready for its first message.
    pub(super) fn connected(&mut self, name: &str, id: u64) -> Step {
        let now = self.now();
        let took = now.since(self.node.connections[&id].since);
        let site = self.site(name);
        site.opening.remove(&id);
        (site.failures, site.unreachable) = (0, None);
        site.governor.session_opened(took);
        site.governor.connected();
        Ok(())
    }

    /// Gives the domains their work back.
    fn tell_domains(&mut self, name: &str, pause: Duration, verdict: &Verdict) {
        let site = self.site(name);
        site.shares = FairShares::default();
        let domains: BTreeSet<_> = std::mem::take(&mut site.flows).into_iter().map(|flow| flow.0).collect();
        for domain in domains {
            self.agenda.after(Duration::ZERO, Event::OutOfOrder(domain, pause, Box::new(verdict.clone())));
        }
    }

    /// Does what the governor decided and only the site can do.
    pub(super) fn carry_out(&mut self, name: &str, events: &[GovernorEvent]) -> Step {
        for event in events {
            self.note(format_args!("{name}: {event}"));
            match &event.what {
                Happening::SuspendTenant { tenant, until, .. } => {
                    let site = self.site(name);
                    let flows =
                        site.flows.iter().filter(|flow| flow.1.tenant.as_ref() == Some(tenant)).cloned();
                    let flows: Vec<_> = flows.collect();
                    flows.iter().for_each(|flow| site.withdraw(flow));
                    site.tenants_away.insert(tenant.clone(), *until);
                }
                Happening::SuspendSource { until, .. } => {
                    let why = Verdict::connect_failure(&event.to_string());
                    self.site(name).kept_away = Some((*until, why));
                    self.agenda.at(*until, Event::Reconsider);
                    self.stand_aside(name, *until, event);
                }
                Happening::RuleFired { rule, until, .. } if self.suspends(name, rule) => {
                    self.stand_aside(name, *until, event);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn suspends(&self, name: &str, rule: &str) -> bool {
        let host = &self.node.sites[name].hosts[0];
        let mut rules = self.traffic[group_of(host)].rules.iter();
        rules.any(|known| known.name == rule && known.action == RuleAction::SuspendSite)
    }

    fn stand_aside(&mut self, name: &str, until: UnixMillis, event: &GovernorEvent) {
        let why = Verdict::connect_failure(&format!("{event} ({})", event.what.cause()));
        let pause = until.since(self.now());
        self.tell_domains(name, pause, &why);
    }

    /// The governor hears of an attempt.
    pub(super) fn attempt_finished(&mut self, name: &str, report: &Report) -> Step {
        let now = self.now();
        let tenant = report.tenant.as_ref();
        let events = self.site(name).governor.attempt_finished(&report.attempt, tenant, now);
        self.carry_out(name, &events)
    }
}
