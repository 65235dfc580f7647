//! The section `[inbound]`.

use super::{
    Config, ConfigError,
    gate::{Action, List, ReverseDns},
    invalid,
    submission::Certificate,
};
use bytesize::ByteSize;
use mailwright_actors::{
    certificates::CertificateFiles,
    outgoing::{PublicUrl, ReturnPathSettings, Returns},
};
use mailwright_engine::{address::Domain, message::FeedbackId, smtp::server::ServerConfig};
use mailwright_storage::control::TokenKeyRules;
use serde::Deserialize;
use std::{net::SocketAddr, time::Duration};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Inbound {
    pub(crate) listen: Vec<SocketAddr>,
    max_message_size: ByteSize,
    certificates: Vec<Certificate>,
    pub(crate) max_sessions: usize,
    pub(super) max_sessions_per_address: usize,
    pub(super) connections_per_minute: u32,
    pub(super) messages_per_minute: u32,
    pub(super) max_unknown_recipients: u32,
    pub(super) exempt: Vec<String>,
    #[serde(with = "humantime_serde")]
    pub(super) greeting_delay: Duration,
    pub(super) early_talkers: Action,
    pub(super) bad_hello: Action,
    pub(super) reverse_dns: ReverseDns,
    pub(super) block_lists: Vec<List>,
    help_url: String,
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
            max_message_size: ByteSize::mib(25),
            certificates: Vec::new(),
            max_sessions: 2000,
            max_sessions_per_address: 20,
            connections_per_minute: 300,
            messages_per_minute: 1000,
            max_unknown_recipients: 50,
            exempt: Vec::new(),
            greeting_delay: Duration::from_millis(300),
            early_talkers: Action::Reject,
            bad_hello: Action::Score,
            reverse_dns: ReverseDns::Off,
            block_lists: Vec::new(),
            help_url: String::new(),
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
        self.check_help_url()?;
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

    /// Where refusals are explained, if anywhere.
    pub(crate) fn help_url(&self) -> Option<String> {
        (!self.help_url.is_empty()).then(|| self.help_url.clone())
    }

    /// What follows our name in the greeting: who we are, and where that is explained.
    pub(crate) fn greeting(&self) -> String {
        let page = self.help_url.trim_end_matches('#');
        let page = if page.is_empty() { String::new() } else { format!(", see {page}") };
        format!("ESMTP mailwright inbound{page}")
    }

    /// It is put into replies as it is.
    fn check_help_url(&self) -> Result<(), ConfigError> {
        let url = &self.help_url;
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        let fits =
            url.len() <= ServerConfig::MAX_HELP_URL && url.bytes().all(|octet| octet.is_ascii_graphic());
        if url.is_empty() || is_web && fits {
            return Ok(());
        }
        Err(invalid("inbound.help_url", url, &"expected the address of a page, of at most 200 characters"))
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
    /// The certificates that inbound shows, the one for all other names first: its own, else those of submission.
    pub(crate) fn inbound_certificates(&self) -> Vec<CertificateFiles> {
        let own: Vec<_> = self.inbound.certificates.iter().map(Certificate::files).collect();
        if own.is_empty() { self.submission.certificates() } else { own }
    }

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
    fn inbound_shows_certificates_of_its_own_if_it_has_any() {
        let submission = "[submission]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n";
        let own = "[[inbound.certificates]]\ncertificate = \"b.pem\"\nkey = \"b.key\"\n";
        let shown = |text: &str| {
            let files = toml::from_str::<Config>(text).unwrap().inbound_certificates();
            files.iter().map(|files| files.certificate.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(shown(submission), ["a.pem"]);
        assert_eq!(shown(&format!("{submission}{own}")), ["b.pem"]);
    }

    #[test]
    fn the_greeting_says_where_refusals_are_explained() {
        let greeting = |text: &str| toml::from_str::<Config>(text).unwrap().inbound.greeting();
        assert_eq!(greeting(""), "ESMTP mailwright inbound");
        let url = "[inbound]\nhelp_url = \"https://mx.example/postmaster#\"";
        assert_eq!(greeting(url), "ESMTP mailwright inbound, see https://mx.example/postmaster");
    }

    #[test]
    fn mail_is_sent_with_our_return_path_where_it_is_taken() {
        let returns = |text: &str| toml::from_str::<Config>(text).unwrap().return_path().unwrap().returns;
        assert_eq!(returns(""), Returns::NotTaken);
        assert_eq!(returns("[inbound]\nlisten = [\"0.0.0.0:25\"]"), Returns::Taken { submission: true });
        let kept = "[inbound]\nlisten = [\"0.0.0.0:25\"]\n[submission]\nreturn_path = false";
        assert_eq!(returns(kept), Returns::Taken { submission: false });
    }
}
