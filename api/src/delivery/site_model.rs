//! Sites as operators see them.

use super::model::{ActingRule, SiteHold, SiteSource};
use mailwright_actors::{
    control::{QueueReport, Reason},
    site::SiteSnapshot,
};
use std::collections::HashMap;

/// The actors of each site: one for each source.
pub(super) struct SitesByName<'a>(HashMap<&'a str, Vec<&'a SiteSnapshot>>);

impl<'a> SitesByName<'a> {
    /// Those of a report.
    pub(super) fn of(report: &'a QueueReport) -> Self {
        let mut by_name: HashMap<&str, Vec<&SiteSnapshot>> = HashMap::new();
        for site in &report.sites {
            by_name.entry(&site.site).or_default().push(site);
        }
        Self(by_name)
    }

    /// Those of the site `name`.
    pub(super) fn get(&self, name: &str) -> &[&'a SiteSnapshot] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What goes on between a source and its site.
pub(super) fn source(site: &SiteSnapshot) -> SiteSource {
    let governor = &site.governor;
    let hold = site.hold.as_ref().map(|hold| SiteHold {
        reason: Reason::from(&hold.cause).as_str().to_owned(),
        detail: hold.detail.clone(),
        until: hold.until.into(),
    });
    let rules = governor.rules.iter().map(|rule| ActingRule {
        rule: rule.rule.clone(),
        does: rule.does.clone(),
        until: rule.until.into(),
        times: rule.times,
    });
    SiteSource {
        source: site.source.clone(),
        connections: site.connections,
        opening: site.opening,
        idle: site.idle,
        ready: site.ready,
        allowed: governor.connections,
        cap: governor.cap,
        messages_per_connection: governor.messages_per_connection,
        taken_per_minute: governor.taken_per_minute,
        dead_until: governor.dead_until.map(Into::into),
        hold,
        rules: rules.collect(),
    }
}
