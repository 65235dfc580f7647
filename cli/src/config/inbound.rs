//! The section `[inbound]`.

use super::{Config, ConfigError, invalid};
use bytesize::ByteSize;
use mailwright_actors::{
    outgoing::{PublicUrl, ReturnPathSettings, Returns},
    smtp::submission::AddressLimits,
};
use mailwright_engine::{address::Domain, message::FeedbackId};
use mailwright_storage::control::TokenKeyRules;
use serde::Deserialize;
use std::{net::SocketAddr, time::Duration};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Inbound {
    pub(crate) listen: Vec<SocketAddr>,
    max_message_size: ByteSize,
    pub(crate) max_sessions: usize,
    max_sessions_per_address: usize,
    #[serde(with = "humantime_serde")]
    key_lifetime: Duration,
    #[serde(with = "humantime_serde")]
    key_memory: Duration,
}

impl Default for Inbound {
    fn default() -> Self {
        let TokenKeyRules { lifetime, memory } = TokenKeyRules::default();
        Self {
            listen: Vec::new(),
            max_message_size: ByteSize::mib(10),
            max_sessions: 500,
            max_sessions_per_address: 20,
            key_lifetime: lifetime,
            key_memory: memory,
        }
    }
}

impl Inbound {
    /// Finds what cannot work.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.max_message_size()?;
        if !(1..=super::MOST_SESSIONS).contains(&self.max_sessions) {
            return Err(invalid("inbound.max_sessions", &self.max_sessions, &"from 1 to 100000"));
        }
        if self.max_sessions_per_address == 0 {
            return Err(invalid("inbound.max_sessions_per_address", &0, &"at least 1"));
        }
        self.keys().map(drop)
    }

    /// The largest message, in octets.
    pub(crate) fn max_message_size(&self) -> Result<usize, ConfigError> {
        /// Reports on large messages bring them back, and what is handed on has to fit the journal.
        const SIZES: std::ops::RangeInclusive<ByteSize> = ByteSize::kib(64)..=ByteSize::mib(30);
        let size = self.max_message_size;
        let octets = usize::try_from(size.as_u64()).ok().filter(|_| SIZES.contains(&size));
        octets.ok_or_else(|| invalid("inbound.max_message_size", &size, &"from 64KiB to 30MiB"))
    }

    /// What one client address may do.
    pub(crate) fn limits(&self) -> AddressLimits {
        // There is nothing to fail at without logins.
        AddressLimits { sessions: self.max_sessions_per_address, failures: 1, memory: Duration::ZERO }
    }

    /// How long keys are used.
    pub(crate) fn keys(&self) -> Result<TokenKeyRules, ConfigError> {
        /// Bounces come in for days, and a link to unsubscribe must work for 30 (RFC 8058 leaves it open, laws do not).
        const SHORTEST: Duration = Duration::from_secs(30 * 86_400);
        let Self { key_lifetime: lifetime, key_memory: memory, .. } = *self;
        let shown = |duration| humantime_serde::re::humantime::format_duration(duration);
        if !lifetime.is_zero() && lifetime < Duration::from_secs(86_400) {
            return Err(invalid("inbound.key_lifetime", &shown(lifetime), &"at least 1d, or 0s for ever"));
        }
        if memory < SHORTEST {
            return Err(invalid("inbound.key_memory", &shown(memory), &"at least 30d"));
        }
        Ok(TokenKeyRules { lifetime, memory })
    }
}

impl Config {
    /// How mail is to find its way back.
    pub(crate) fn return_path(&self) -> Result<ReturnPathSettings, ConfigError> {
        let submission = self.submission.return_path;
        let is_off = self.inbound.listen.is_empty();
        let feedback_sender = self.sending.feedback_id.clone();
        FeedbackId::new(["", "", ""], &feedback_sender)
            .map_err(|error| invalid("sending.feedback_id", &feedback_sender, &error))?;
        Ok(ReturnPathSettings {
            submitter: Domain::parse(&self.hostname()).ok().filter(|name| name.literal().is_none()),
            feedback_sender,
            public_url: self.public_url()?,
            returns: if is_off { Returns::NotTaken } else { Returns::Taken { submission } },
        })
    }

    /// Where the world reaches the HTTP server.
    pub(super) fn public_url(&self) -> Result<Option<PublicUrl>, ConfigError> {
        let url = &self.http.public_url;
        if url.is_empty() {
            return Ok(None);
        }
        url.parse().map(Some).map_err(|error| invalid("http.public_url", url, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_sent_with_our_return_path_where_it_is_taken() {
        let returns = |text: &str| toml::from_str::<Config>(text).unwrap().return_path().unwrap().returns;
        assert_eq!(returns(""), Returns::NotTaken);
        assert_eq!(returns("[inbound]\nlisten = [\"0.0.0.0:25\"]"), Returns::Taken { submission: true });
        let kept = "[inbound]\nlisten = [\"0.0.0.0:25\"]\n[submission]\nreturn_path = false";
        assert_eq!(returns(kept), Returns::Taken { submission: false });
    }
}
