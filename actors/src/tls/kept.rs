//! What is known about TLS, over restarts.

use super::TlsPolicies;
use crate::clock;
use mailwright_engine::{
    time::UnixMillis,
    tls::report::{DateRange, TlsReportBuilder},
};
use mailwright_storage::control::{Control, ControlError};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Names under which the control data keep it.
const STS_POLICIES: &str = "mta-sts";
const TLS_SESSIONS: &str = "tls-sessions";
const TLS_PERIODS: &str = "tls-periods";

/// The sessions of a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Period {
    began: UnixMillis,
    ended: UnixMillis,
    domains: Vec<TlsReportBuilder>,
}

impl Period {
    /// The sessions from `began` to before `ended`.
    pub(super) fn new(began: UnixMillis, ended: UnixMillis, domains: Vec<TlsReportBuilder>) -> Self {
        Self { began, ended, domains }
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// Its first moment.
    pub fn began(&self) -> UnixMillis {
        self.began
    }

    /// Its first and last second.
    pub(super) fn range(&self) -> DateRange {
        let last = self.ended.as_millis().saturating_sub(Duration::from_secs(1).as_millis() as u64);
        DateRange { start: self.began, end: UnixMillis::new(last).max(self.began) }
    }

    /// What was counted, by domain.
    pub(super) fn into_domains(self) -> Vec<TlsReportBuilder> {
        self.domains
    }
}

/// The periods that an earlier process did not report.
pub(super) fn kept_periods(control: &Control) -> Vec<Period> {
    control.kept(TLS_PERIODS).unwrap_or_default()
}

/// Puts down the periods that are still to be reported.
pub(super) fn keep_periods(control: &Control, periods: &[Period]) -> Result<(), ControlError> {
    control.keep(TLS_PERIODS, &periods)
}

impl TlsPolicies {
    /// Takes up what an earlier process learnt and counted.
    pub fn recall(&self, control: &Control) {
        self.sts().put(control.kept::<Vec<_>>(STS_POLICIES).unwrap_or_default());
        if let Some(period) = control.kept::<Period>(TLS_SESSIONS) {
            self.sessions().put_back(period);
        }
    }

    /// Puts down what the next process should know.
    pub fn keep(&self, control: &Control) {
        self.keep_policies(control);
        if let Err(error) = control.keep(TLS_SESSIONS, &self.sessions().so_far(clock::now())) {
            tracing::warn!(%error, "the TLS sessions of today could not be put down; reports will miss them");
        }
    }

    /// Puts down MTA-STS policies, if there is anything new about them.
    pub(super) fn keep_policies(&self, control: &Control) {
        if !self.sts().take_changed() {
            return;
        }
        if let Err(error) = control.keep(STS_POLICIES, &self.sts().all()) {
            tracing::warn!(%error, "MTA-STS policies could not be put down; a restart will fetch them anew");
        }
    }
}
