//! What looks at the content of mail from the world: `[routing.spam]` and `[[routing.milters]]`.

use super::{Config, ConfigError, invalid};
use mailwright_engine::spam::Score;
use mailwright_routing::{
    milter::{DefaultAction, MilterChain, MilterSettings},
    pipeline::ContentChecks,
    spam::SpamFilter,
};
use serde::Deserialize;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Spam {
    rules: String,
    reject_over: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Milter {
    address: String,
    #[serde(with = "humantime_serde", default = "half_a_minute")]
    timeout: Duration,
    #[serde(default)]
    default_action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Accept,
    #[default]
    TempFail,
    Reject,
}

impl Default for Spam {
    fn default() -> Self {
        Self { rules: String::new(), reject_over: 15.0 }
    }
}

fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

impl From<Action> for DefaultAction {
    fn from(action: Action) -> Self {
        match action {
            Action::Accept => Self::Accept,
            Action::TempFail => Self::TempFail,
            Action::Reject => Self::Reject,
        }
    }
}

impl Milter {
    fn settings(&self) -> Result<MilterSettings, ConfigError> {
        /// A client waits ten minutes after the final dot (RFC 5321 section 4.5.3.2.6), for all filters together.
        const TIMES: std::ops::RangeInclusive<Duration> =
            Duration::from_millis(100)..=Duration::from_secs(60);
        let address = self
            .address
            .parse()
            .map_err(|error| invalid("routing.milters.address", &self.address, &error))?;
        if !TIMES.contains(&self.timeout) {
            let shown = humantime_serde::re::humantime::format_duration(self.timeout);
            return Err(invalid("routing.milters.timeout", &shown, &"from 100ms to 1m"));
        }
        Ok(MilterSettings { address, timeout: self.timeout, default_action: self.default_action.into() })
    }
}

impl Config {
    /// Who looks at the content of mail from the world.
    pub(crate) fn content_checks(&self) -> Result<ContentChecks, ConfigError> {
        Ok(ContentChecks {
            spam: self.spam_filter()?,
            reject_over: self.reject_over()?,
            milters: self.milters()?,
        })
    }

    /// Who scores mail; `None` where that is switched off.
    pub(crate) fn spam_filter(&self) -> Result<Option<SpamFilter>, ConfigError> {
        let file = match self.routing.spam.rules.as_str() {
            "off" => return Ok(None),
            "" => None,
            file => Some(self.beside(file)),
        };
        SpamFilter::open(file, &self.dns.servers).map(Some).map_err(ConfigError::Other)
    }

    /// Above which score mail is refused; `None`: never.
    pub(crate) fn reject_over(&self) -> Result<Option<Score>, ConfigError> {
        let points = self.routing.spam.reject_over;
        let limit = Score::new(points).filter(|limit| *limit >= Score::default());
        let limit =
            limit.ok_or_else(|| invalid("routing.spam.reject_over", &points, &"from 0 (never) to 1000"))?;
        Ok((limit > Score::default()).then_some(limit))
    }

    /// Filters of others.
    pub(crate) fn milters(&self) -> Result<MilterChain, ConfigError> {
        let settings = self.routing.milters.iter().map(Milter::settings);
        Ok(MilterChain::new(settings.collect::<Result<_, _>>()?))
    }
}
