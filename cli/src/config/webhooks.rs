//! The section `[webhooks]`.

use super::{ConfigError, invalid};
use mailwright_actors::{tls::AllowedHosts, webhooks::WebhookSettings};
use mailwright_engine::webhook::CallSchedule;
use mailwright_storage::webhooks::OutboxSettings;
use serde::Deserialize;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Webhooks {
    #[serde(with = "humantime_serde")]
    pub(crate) keep: Duration,
    pub(crate) max_events: u64,
    #[serde(with = "humantime_serde")]
    pub(crate) timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) retry_first: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) retry_max_interval: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) disable_after: Duration,
    pub(crate) private_hosts: bool,
}

impl Default for Webhooks {
    fn default() -> Self {
        let (outbox, calls) = (OutboxSettings::default(), WebhookSettings::default());
        Self {
            keep: outbox.keep,
            max_events: outbox.max_events,
            timeout: calls.timeout,
            retry_first: calls.schedule.first,
            retry_max_interval: calls.schedule.max_interval,
            disable_after: calls.schedule.disable_after,
            private_hosts: calls.hosts == AllowedHosts::Any,
        }
    }
}

impl Webhooks {
    /// What is kept for endpoints.
    pub(crate) fn outbox(&self) -> Result<OutboxSettings, ConfigError> {
        if self.max_events == 0 {
            return Err(invalid("webhooks.max_events", &0, &"at least 1"));
        }
        Ok(OutboxSettings { keep: self.keep, max_events: self.max_events })
    }

    /// How endpoints are called.
    pub(crate) fn calls(&self) -> Result<WebhookSettings, ConfigError> {
        if self.timeout.is_zero() {
            return Err(invalid("webhooks.timeout", &"0s", &"longer than nothing"));
        }
        let schedule = CallSchedule {
            first: self.retry_first,
            max_interval: self.retry_max_interval,
            disable_after: self.disable_after,
            ..CallSchedule::default()
        };
        let first = humantime(self.retry_first);
        schedule.validate().map_err(|error| invalid("webhooks.retry_first", &first, &error))?;
        let hosts = if self.private_hosts { AllowedHosts::Any } else { AllowedHosts::Public };
        Ok(WebhookSettings { hosts, timeout: self.timeout, schedule })
    }
}

fn humantime(duration: Duration) -> String {
    format!("{duration:?}")
}
