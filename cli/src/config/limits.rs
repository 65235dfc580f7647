//! The section `[limits]`.

use super::{ConfigError, invalid};
use mailwright_engine::limits::Rates;
use mailwright_storage::limits::LimitSettings;
use serde::Deserialize;

/// Longest ramp, in days.
const LONGEST_RAMP: usize = 366;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    account: Rates,
    domain: Rates,
    recipient: Rates,
    token: Rates,
    ramp: Vec<u64>,
    max_recipients: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let LimitSettings { account, domain, recipient, token, ramp, max_recipients } =
            LimitSettings::default();
        Self { account, domain, recipient, token, ramp: ramp.to_vec(), max_recipients }
    }
}

impl Limits {
    /// What holds for accounts for which nothing else was set.
    pub(crate) fn settings(&self) -> Result<LimitSettings, ConfigError> {
        if self.ramp.len() > LONGEST_RAMP || self.ramp.contains(&0) {
            let reason = format!("a quota of at least 1 for each of at most {LONGEST_RAMP} days");
            return Err(invalid("limits.ramp", &format!("{:?}", self.ramp), &reason));
        }
        Ok(LimitSettings {
            account: self.account,
            domain: self.domain,
            recipient: self.recipient,
            token: self.token,
            ramp: self.ramp.as_slice().into(),
            max_recipients: self.max_recipients,
        })
    }
}
