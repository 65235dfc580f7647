//! The section `[routing.reports]`: DMARC and TLS reports, in and out.

use super::{Config, ConfigError, invalid};
use mailwright_engine::address::{Domain, EmailAddress};
use mailwright_routing::reports::ReporterSettings;
use mailwright_storage::reports::ReportSettings;
use serde::Deserialize;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reports {
    domain: String,
    #[serde(with = "humantime_serde")]
    keep: Duration,
    from: String,
    organization: String,
    contact: String,
    #[serde(with = "humantime_serde")]
    every: Duration,
}

impl Default for Reports {
    fn default() -> Self {
        let ReportSettings { period, keep } = ReportSettings::default();
        let (domain, from) = (String::new(), String::new());
        Self { domain, keep, from, organization: String::new(), contact: String::new(), every: period }
    }
}

impl Config {
    /// Finds what cannot work.
    pub(super) fn check_reports(&self) -> Result<(), ConfigError> {
        self.reports()?;
        self.reports_domain()?;
        self.reporter().map(drop)
    }

    /// What is kept of reports.
    pub(crate) fn reports(&self) -> Result<ReportSettings, ConfigError> {
        let Reports { keep, every: period, .. } = self.routing.reports;
        let shown = |duration| humantime_serde::re::humantime::format_duration(duration);
        if !(Duration::from_secs(1)..=ReportSettings::DAY).contains(&period) {
            return Err(invalid("routing.reports.every", &shown(period), &"from 1s to 24h"));
        }
        if keep < ReportSettings::DAY {
            return Err(invalid("routing.reports.keep", &shown(keep), &"at least 1d"));
        }
        Ok(ReportSettings { period, keep })
    }

    /// Where reports on zones arrive, if not at the zones themselves.
    pub(crate) fn reports_domain(&self) -> Result<Option<Domain>, ConfigError> {
        let name = &self.routing.reports.domain;
        let wrong = |error: &dyn std::fmt::Display| invalid("routing.reports.domain", name, error);
        if name.is_empty() {
            return Ok(None);
        }
        let domain = Domain::parse(name).map_err(|error| wrong(&error))?;
        if domain.literal().is_some() {
            return Err(wrong(&"expected a domain name"));
        }
        Ok(Some(domain))
    }

    /// Whom DMARC reports are from; `None` where none are sent.
    pub(crate) fn reporter(&self) -> Result<Option<ReporterSettings>, ConfigError> {
        let Reports { from, organization, contact, .. } = &self.routing.reports;
        if from.is_empty() {
            return Ok(None);
        }
        let from =
            EmailAddress::parse(from).map_err(|error| invalid("routing.reports.from", from, &error))?;
        for (key, text) in
            [("routing.reports.organization", organization), ("routing.reports.contact", contact)]
        {
            if text.chars().any(char::is_control) {
                return Err(invalid(key, text, &"expected printable text"));
            }
        }
        let hostname = self.hostname();
        let submitter = Domain::parse(&hostname).ok().filter(|name| name.literal().is_none());
        let why = "DMARC reports are sent in its name, so it must be a domain name";
        let submitter = submitter.ok_or_else(|| invalid("hostname", &hostname, &why))?;
        let organization = if organization.is_empty() { submitter.to_string() } else { organization.clone() };
        let contact = (!contact.is_empty()).then(|| contact.clone());
        Ok(Some(ReporterSettings { from, submitter, organization, contact }))
    }
}
