//! The section `[suppressions]`.

use super::{ConfigError, invalid};
use mailwright_storage::suppressions::SuppressionSettings;
use serde::Deserialize;
use std::time::Duration;

/// Most soft bounces that can be waited for: each is a row until it is too old.
const MOST_SOFT_BOUNCES: u32 = 100;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Suppressions {
    pub(crate) soft_bounces: u32,
    #[serde(with = "humantime_serde")]
    pub(crate) soft_bounce_window: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) soft_bounce_for: Duration,
    pub(crate) complaint_removals: u32,
}

impl Default for Suppressions {
    fn default() -> Self {
        let SuppressionSettings { soft_bounces, soft_bounce_window, soft_bounce_for, complaint_removals } =
            SuppressionSettings::default();
        Self { soft_bounces, soft_bounce_window, soft_bounce_for, complaint_removals }
    }
}

impl Suppressions {
    /// The rules.
    pub(crate) fn settings(&self) -> Result<SuppressionSettings, ConfigError> {
        if self.soft_bounces > MOST_SOFT_BOUNCES {
            let reason = format!("at most {MOST_SOFT_BOUNCES}");
            return Err(invalid("suppressions.soft_bounces", &self.soft_bounces, &reason));
        }
        if self.soft_bounces > 0 && self.soft_bounce_for.is_zero() {
            let reason = "a suppression lasts a while; soft_bounces = 0 is for none";
            return Err(invalid("suppressions.soft_bounce_for", &"0s", &reason));
        }
        Ok(SuppressionSettings {
            soft_bounces: self.soft_bounces,
            soft_bounce_window: self.soft_bounce_window,
            soft_bounce_for: self.soft_bounce_for,
            complaint_removals: self.complaint_removals,
        })
    }
}
