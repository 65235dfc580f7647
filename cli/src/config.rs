//! The configuration file.

mod acme;
mod content;
mod delivery;
mod gate;
mod inbound;
mod limits;
mod policy_host;
mod reports;
mod routing;
mod routing_records;
mod sending;
mod submission;
mod suppressions;
mod traces;
mod webhooks;
mod workers;

pub(crate) use acme::Acme;
pub(crate) use delivery::{Delivery, Dns, Events, Route};
pub(crate) use inbound::Inbound;
pub(crate) use limits::Limits;
pub(crate) use routing::Routing;
pub(crate) use sending::Sending;
pub(crate) use submission::Submission;
pub(crate) use suppressions::Suppressions;
pub(crate) use traces::Traces;
pub(crate) use webhooks::Webhooks;
pub(crate) use workers::Workers;

use bytesize::ByteSize;
use mailwright_actors::smtp::relay::Network;
use mailwright_engine::{address::Domain, envelope::Envelope, source::SourcesConfig};
use mailwright_storage::{SpoolSettings, requests::RequestSettings};
use serde::Deserialize;
use std::{
    fmt::Display,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// The configuration, every key optional. `config/mailwright.toml` documents each with its default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) hostname: String,
    pub(crate) state: PathBuf,
    pub(crate) http: Http,
    pub(crate) smtp: Smtp,
    pub(crate) submission: Submission,
    pub(crate) inbound: Inbound,
    pub(crate) delivery: Delivery,
    pub(crate) outbound: SourcesConfig,
    pub(crate) dns: Dns,
    pub(crate) sending: Sending,
    pub(crate) events: Events,
    pub(crate) webhooks: Webhooks,
    pub(crate) suppressions: Suppressions,
    pub(crate) limits: Limits,
    pub(crate) routing: Routing,
    pub(crate) workers: Workers,
    pub(crate) acme: Acme,
    pub(crate) spool: Spool,
    pub(crate) traces: Traces,
    pub(crate) log: Log,
    /// The folder of the file: others that it names are looked for there.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    pub(crate) listen: String,
    pub(crate) workers: usize,
    #[serde(with = "humantime_serde")]
    pub(crate) wait: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) idempotency_keep: Duration,
    pub(crate) idempotency_keys: u64,
    pub(crate) public_url: String,
    #[serde(with = "humantime_serde")]
    pub(crate) stop_delay: Duration,
    pub(crate) dashboard: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Smtp {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) trusted_networks: Vec<String>,
    pub(crate) max_message_size: ByteSize,
    pub(crate) max_recipients: usize,
    pub(crate) max_sessions: usize,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Spool {
    pub(crate) segment_size: ByteSize,
    pub(crate) min_free: ByteSize,
    pub(crate) memory: ByteSize,
    pub(crate) max_entries: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Most sessions of a listener: a client costs memory for a message and a file descriptor.
const MOST_SESSIONS: usize = 100_000;

impl Default for Config {
    fn default() -> Self {
        Self {
            hostname: String::new(),
            state: PathBuf::from("/var/lib/mailwright"),
            http: Http::default(),
            smtp: Smtp::default(),
            submission: Submission::default(),
            inbound: Inbound::default(),
            delivery: Delivery::default(),
            outbound: SourcesConfig::default(),
            dns: Dns::default(),
            sending: Sending::default(),
            events: Events::default(),
            webhooks: Webhooks::default(),
            suppressions: Suppressions::default(),
            limits: Limits::default(),
            routing: Routing::default(),
            workers: Workers::default(),
            acme: Acme::default(),
            spool: Spool::default(),
            traces: Traces::default(),
            log: Log::default(),
            folder: PathBuf::new(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8787".to_owned(),
            workers: 2,
            wait: Duration::from_secs(1),
            idempotency_keep: Duration::from_secs(86_400),
            idempotency_keys: 1_000_000,
            public_url: String::new(),
            stop_delay: Duration::ZERO,
            dashboard: true,
        }
    }
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 2525))],
            trusted_networks: vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()],
            max_message_size: ByteSize::mib(25),
            max_recipients: 1000,
            max_sessions: 2000,
        }
    }
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            segment_size: ByteSize::mib(64),
            min_free: ByteSize::mib(64),
            memory: ByteSize::mib(32),
            max_entries: 5_000_000,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("configuration {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("configuration {}: {source}", path.display())]
    Invalid { path: PathBuf, source: Box<toml::de::Error> },
    #[error("configuration: {key} = {value:?}: {reason}")]
    Value { key: &'static str, value: String, reason: String },
    #[error("configuration: {0}")]
    Other(String),
}

impl Config {
    /// Reads and checks a file.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_path_buf(), source })?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|source| ConfigError::Invalid { path: path.to_path_buf(), source: Box::new(source) })?;
        config.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        config.check_hostname()?;
        config.delivery()?;
        config.shaping()?;
        config.bounce_rules()?;
        config.trusted_networks()?;
        config.max_message_size()?;
        config.check_smtp()?;
        config.submission.check(&config.acme)?;
        config.inbound.check()?;
        config.routing.check()?;
        config.workers.check()?;
        config.reject_over()?;
        config.milters()?;
        config.gate()?;
        config.sending()?;
        config.webhooks.outbox()?;
        config.webhooks.calls()?;
        config.suppressions.settings()?;
        config.requests()?;
        config.limits.settings()?;
        config.verification(None)?;
        config.check_reports()?;
        config.authentication_policy()?;
        config.postmaster()?;
        config.check_policy_host()?;
        config.acme()?;
        config.spool()?;
        config.traces()?;
        config.http_address()?;
        Ok(config)
    }

    /// Our name: as configured, or the machine's.
    pub(crate) fn hostname(&self) -> String {
        if !self.hostname.is_empty() {
            return self.hostname.clone();
        }
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    /// A name goes into EHLO and trace fields as it is.
    fn check_hostname(&self) -> Result<(), ConfigError> {
        let name = &self.hostname;
        if name.is_empty() || Domain::parse(name).is_ok() {
            return Ok(());
        }
        Err(invalid("hostname", name, &"expected a domain name"))
    }

    /// The largest message that the relay takes, in octets.
    pub(crate) fn max_message_size(&self) -> Result<usize, ConfigError> {
        /// What the journal finds its way past when a record is damaged, and no less than any client needs.
        const LARGEST: ByteSize = ByteSize::mib(30);
        let size = self.smtp.max_message_size;
        let octets = usize::try_from(size.as_u64()).ok().filter(|_| size <= LARGEST);
        octets.ok_or_else(|| invalid("smtp.max_message_size", &size, &"at most 30MiB"))
    }

    fn check_smtp(&self) -> Result<(), ConfigError> {
        let Smtp { max_recipients, max_sessions, .. } = self.smtp;
        if !(1..=Envelope::MAX_RECIPIENTS).contains(&max_recipients) {
            return Err(invalid("smtp.max_recipients", &max_recipients, &"from 1 to 10000"));
        }
        if !(1..=MOST_SESSIONS).contains(&max_sessions) {
            return Err(invalid("smtp.max_sessions", &max_sessions, &"from 1 to 100000"));
        }
        Ok(())
    }

    /// Where the HTTP server listens; `None` when it is off.
    pub(crate) fn http_address(&self) -> Result<Option<SocketAddr>, ConfigError> {
        let listen = &self.http.listen;
        if listen.is_empty() {
            return Ok(None);
        }
        listen
            .parse()
            .map(Some)
            .map_err(|_| invalid("http.listen", listen, &"expected an address and a port, as 127.0.0.1:8787"))
    }

    /// How requests with keys are remembered.
    pub(crate) fn requests(&self) -> Result<RequestSettings, ConfigError> {
        let Http { idempotency_keep: keep, idempotency_keys: most, .. } = self.http;
        if keep.is_zero() {
            return Err(invalid("http.idempotency_keep", &"0s", &"more than zero"));
        }
        if most == 0 {
            return Err(invalid("http.idempotency_keys", &most, &"at least 1"));
        }
        Ok(RequestSettings { keep, most })
    }

    /// Who may relay.
    pub(crate) fn trusted_networks(&self) -> Result<Vec<Network>, ConfigError> {
        let network =
            |text: &String| text.parse().map_err(|error| invalid("smtp.trusted_networks", text, &error));
        self.smtp.trusted_networks.iter().map(network).collect()
    }

    /// How the spool uses disk and memory.
    pub(crate) fn spool(&self) -> Result<SpoolSettings, ConfigError> {
        const SMALLEST: ByteSize = ByteSize::mib(1);
        let Spool { segment_size, min_free, memory, max_entries } = self.spool;
        if segment_size < SMALLEST {
            return Err(invalid("spool.segment_size", &segment_size, &"at least 1MiB"));
        }
        Ok(SpoolSettings {
            segment_size: segment_size.as_u64(),
            min_free: min_free.as_u64(),
            memory: memory.as_u64(),
            max_entries,
        })
    }
}

fn invalid(key: &'static str, value: &dyn Display, reason: &dyn Display) -> ConfigError {
    ConfigError::Value { key, value: value.to_string(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTED: &str = include_str!("../../config/mailwright.toml");

    /// The commented-out lines of the documented file that set a key.
    fn uncommented() -> String {
        DOCUMENTED
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '#'])).unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_documented_file_states_every_default_truly() {
        assert_eq!(toml::from_str::<Config>(&uncommented()).unwrap(), Config::default());
        assert_eq!(toml::from_str::<Config>(DOCUMENTED).unwrap(), Config::default());
    }

    #[test]
    fn the_documented_file_names_every_key() {
        let documented: toml::Table = uncommented().parse().unwrap();
        let sections = [
            ("http", "listen workers wait idempotency_keep idempotency_keys public_url stop_delay dashboard"),
            ("smtp", "listen trusted_networks max_message_size max_recipients max_sessions"),
            (
                "delivery",
                "shaping bounce_rules max_connections max_active_domains port drain_timeout delay_warning own_names weights tls retry routes",
            ),
            (
                "submission",
                "listen listen_tls certificate key more_certificates allow_plain_auth_on_loopback max_sessions max_sessions_per_address max_auth_failures auth_failure_memory messages_per_minute return_path",
            ),
            (
                "inbound",
                "listen max_message_size certificates max_sessions max_sessions_per_address connections_per_minute messages_per_minute max_unknown_recipients exempt greeting_delay early_talkers bad_hello reverse_dns block_lists help_url key_lifetime key_memory",
            ),
            ("outbound", "sources pools pool_rules default_pool"),
            ("dns", "servers block_lists domain_block_lists"),
            (
                "sending",
                "return_path_label dkim_selector verify check_interval spf_include mx dmarc_policy dmarc_reports key_lifetime key_overlap feedback_id dns_updates",
            ),
            ("events", "retention_days"),
            (
                "webhooks",
                "keep max_events timeout retry_first retry_max_interval disable_after private_hosts",
            ),
            ("suppressions", "soft_bounces soft_bounce_window soft_bounce_for complaint_removals"),
            ("limits", "account domain recipient token ramp max_recipients"),
            (
                "routing",
                "verification_from postmaster require_authentication honour_dmarc trusted_sealers in_session local_handler mx spf_include \
                 mta_sts mta_sts_max_age mta_sts_host tls_reports policy_host reports spam milters",
            ),
            (
                "workers",
                "enabled runtime wall_limit cpu_limit memory_limit concurrency idle allow_addresses listen domain max_connections on_failure \
                 hold_first hold_max_interval hold_for",
            ),
            ("acme", "directory contact terms_agreed hosts authorities"),
            ("spool", "segment_size min_free memory max_entries"),
            ("traces", "endpoint headers_file sample addresses"),
            ("log", "level format"),
        ];
        for (section, keys) in sections {
            for key in keys.split(' ') {
                assert!(documented[section].get(key).is_some(), "{section}.{key} is not documented");
            }
            // And the list above is whole: an unknown key's error names all that there are.
            let error =
                toml::from_str::<Config>(&format!("[{section}]\nunknown = 1")).unwrap_err().to_string();
            let known = error.matches('`').count() / 2 - 1;
            assert_eq!(known, keys.split(' ').count(), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_key_and_line() {
        let error =
            toml::from_str::<Config>("hostname = \"a\"\n[smtp]\nlisten_on = []\n").unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("listen_on"), "{error}");
    }

    #[test]
    fn the_bench_configuration_reads() {
        let config: Config = toml::from_str(include_str!("../../config/bench.toml")).unwrap();
        assert_eq!(config.smtp.listen, ["127.0.0.1:2502".parse().unwrap()]);
        assert_eq!(config.http_address().unwrap(), Some("127.0.0.1:8702".parse().unwrap()));
        let hop = config.delivery().unwrap().routes.default.unwrap();
        assert_eq!(hop.to_string(), "127.0.0.1:2526");
    }

    #[test]
    fn values_that_cannot_work_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mailwright.toml");
        let cases = [
            ("hostname = \"mx example\"", "hostname"),
            ("hostname = \"mx.example\\r\\nX: y\"", "hostname"),
            ("[smtp]\nmax_message_size = \"31MiB\"", "smtp.max_message_size"),
            ("[smtp]\nmax_recipients = 0", "smtp.max_recipients"),
            ("[routing.reports]\ndomain = \"[192.0.2.1]\"", "routing.reports.domain"),
            ("[routing.reports]\nkeep = \"1h\"", "routing.reports.keep"),
            ("[routing.reports]\nfrom = \"nobody\"", "routing.reports.from"),
            ("[routing.reports]\nevery = \"2d\"", "routing.reports.every"),
            ("[sending]\nreturn_path_label = \"a.b\"", "sending.return_path_label"),
            ("[sending]\ndkim_selector = \"-\"", "sending.dkim_selector"),
            ("[smtp]\nmax_recipients = 10001", "smtp.max_recipients"),
            ("[smtp]\nmax_sessions = 0", "smtp.max_sessions"),
            ("[smtp]\ntrusted_networks = [\"x\"]", "smtp.trusted_networks"),
            ("[delivery]\nmax_connections = 0", "delivery.max_connections"),
            ("[delivery]\nmax_active_domains = 0", "delivery.max_active_domains"),
            ("[http]\nidempotency_keep = \"0s\"", "http.idempotency_keep"),
            ("[http]\nidempotency_keys = 0", "http.idempotency_keys"),
            ("[spool]\nsegment_size = \"1KiB\"", "spool.segment_size"),
            ("[webhooks]\nmax_events = 0", "webhooks.max_events"),
            ("[webhooks]\ntimeout = \"0s\"", "webhooks.timeout"),
            ("[webhooks]\nretry_first = \"1h\"", "webhooks.retry_first"),
            ("[inbound]\nmax_message_size = \"1KiB\"", "inbound.max_message_size"),
            ("[inbound]\nmax_sessions = 0", "inbound.max_sessions"),
            ("[inbound]\nmax_sessions_per_address = 0", "inbound.max_sessions_per_address"),
            ("[inbound]\nmax_unknown_recipients = 0", "inbound.max_unknown_recipients"),
            ("[inbound]\ngreeting_delay = \"31s\"", "inbound.greeting_delay"),
            ("[inbound]\nexempt = [\"x\"]", "inbound.exempt"),
            ("[inbound]\nhelp_url = \"postmaster\"", "inbound.help_url"),
            (
                "[[inbound.block_lists]]\nzone = \"[192.0.2.1]\"\naction = \"score\"",
                "inbound.block_lists.zone",
            ),
            ("[inbound]\nkey_lifetime = \"1h\"", "inbound.key_lifetime"),
            ("[inbound]\nkey_memory = \"29d\"", "inbound.key_memory"),
            ("[http]\npublic_url = \"http://mail.example\"", "http.public_url"),
            ("[sending]\nfeedback_id = \"me\"", "sending.feedback_id"),
            ("[routing]\nverification_from = \"postmaster\"", "routing.verification_from"),
            ("[routing]\nin_session = \"3m\"", "routing.in_session"),
            ("[routing]\npostmaster = \"me\"", "routing.postmaster"),
            ("[routing]\ntrusted_sealers = [\"a b\"]", "routing.trusted_sealers"),
            ("[routing]\nmx = [\"-\"]", "routing.mx"),
            ("[routing]\nspf_include = \"one\"", "routing.spf_include"),
            ("[routing]\nmta_sts = \"on\"", "routing.mta_sts"),
            ("[routing]\nmta_sts_max_age = \"1m\"", "routing.mta_sts_max_age"),
            ("[routing]\nmta_sts = \"testing\"\nmta_sts_host = \"-\"", "routing.mta_sts_host"),
            ("[routing]\ntls_reports = \"postmaster\"", "routing.tls_reports"),
            ("[routing.policy_host]\nmax_connections = 0", "routing.policy_host.max_connections"),
            (
                "[routing.policy_host]\nmax_connections_per_address = 0",
                "routing.policy_host.max_connections_per_address",
            ),
            ("[routing.policy_host]\nlisten = [\"127.0.0.1:443\"]", "routing.policy_host.certificates"),
            ("[acme]\nhosts = [\"mx.example\"]", "acme.hosts"),
            ("[acme]\ndirectory = \"http://ca.example\"", "acme.directory"),
            ("[acme]\ndirectory = \"https://ca.example\"", "acme.terms_agreed"),
            ("[acme]\ndirectory = \"https://ca.example\"\nterms_agreed = true", "acme.directory"),
            ("[routing.spam]\nreject_over = -1", "routing.spam.reject_over"),
            ("[[routing.milters]]\naddress = \"localhost:1\"", "routing.milters.address"),
            ("[[routing.milters]]\naddress = \"[::1]:1\"\ntimeout = \"0s\"", "routing.milters.timeout"),
            ("[limits]\nramp = [200, 0]", "limits.ramp"),
            ("[traces]\nsample = 1.5", "traces.sample"),
            ("[traces]\nendpoint = \"collector.example:4318\"", "traces.endpoint"),
            ("[traces]\nheaders_file = \"nothing\"", "traces.headers_file"),
            ("[suppressions]\nsoft_bounces = 101", "suppressions.soft_bounces"),
            ("[suppressions]\nsoft_bounce_for = \"0s\"", "suppressions.soft_bounce_for"),
        ];
        for (text, key) in cases {
            std::fs::write(&file, text).unwrap();
            let error = Config::read(&file).unwrap_err().to_string();
            assert!(error.contains(&format!("{key} = ")), "{error}");
        }
        std::fs::write(&file, "hostname = \"mx.example\"\n[smtp]\nmax_recipients = 10000").unwrap();
        assert!(Config::read(&file).is_ok());
    }
}
