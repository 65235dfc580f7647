//! The configuration file.

mod submission;

pub(crate) use submission::Submission;

use bytesize::ByteSize;
use mailwright_actors::{
    settings::{DeliverySettings, NextHop, Routes, TlsMode},
    smtp::relay::Network,
};
use mailwright_engine::{address::Domain, envelope::Envelope, retry::RetryPolicy, smtp::client::Timeouts};
use mailwright_storage::SpoolSettings;
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
    pub(crate) delivery: Delivery,
    pub(crate) dns: Dns,
    pub(crate) spool: Spool,
    pub(crate) log: Log,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    pub(crate) listen: String,
    pub(crate) workers: usize,
    #[serde(with = "humantime_serde")]
    pub(crate) wait: Duration,
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
pub(crate) struct Delivery {
    pub(crate) max_connections: usize,
    pub(crate) messages_per_connection: u32,
    #[serde(with = "humantime_serde")]
    pub(crate) idle_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) connect_timeout: Duration,
    pub(crate) tls: Tls,
    pub(crate) port: u16,
    #[serde(with = "humantime_serde")]
    pub(crate) drain_timeout: Duration,
    pub(crate) retry: Retry,
    pub(crate) routes: Vec<Route>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tls {
    Opportunistic,
    Never,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retry {
    #[serde(with = "humantime_serde")]
    pub(crate) first: Duration,
    pub(crate) factor: f64,
    #[serde(with = "humantime_serde")]
    pub(crate) max_interval: Duration,
    pub(crate) jitter: f64,
    #[serde(with = "humantime_serde")]
    pub(crate) max_age: Duration,
    pub(crate) max_attempts: u32,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    pub(crate) domain: String,
    pub(crate) next_hop: String,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dns {
    pub(crate) servers: Vec<SocketAddr>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Spool {
    pub(crate) segment_size: ByteSize,
    pub(crate) min_free: ByteSize,
    pub(crate) memory: ByteSize,
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
            delivery: Delivery::default(),
            dns: Dns::default(),
            spool: Spool::default(),
            log: Log::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8787".to_owned(), workers: 2, wait: Duration::from_secs(1) }
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

impl Default for Delivery {
    fn default() -> Self {
        Self {
            max_connections: 20,
            messages_per_connection: 1000,
            idle_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(30),
            tls: Tls::Opportunistic,
            port: 25,
            drain_timeout: Duration::from_secs(10),
            retry: Retry::default(),
            routes: Vec::new(),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        let policy = RetryPolicy::default();
        Self {
            first: policy.first,
            factor: policy.factor,
            max_interval: policy.max_interval,
            jitter: policy.jitter,
            max_age: policy.max_age,
            max_attempts: policy.max_attempts.unwrap_or(0),
        }
    }
}

impl Default for Spool {
    fn default() -> Self {
        Self { segment_size: ByteSize::mib(64), min_free: ByteSize::mib(64), memory: ByteSize::mib(32) }
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
}

impl Config {
    /// Reads and checks a file.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_path_buf(), source })?;
        let config: Self = toml::from_str(&text)
            .map_err(|source| ConfigError::Invalid { path: path.to_path_buf(), source: Box::new(source) })?;
        config.check_hostname()?;
        config.delivery()?;
        config.trusted_networks()?;
        config.max_message_size()?;
        config.check_smtp()?;
        config.submission.check()?;
        config.spool()?;
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

    /// Who may relay.
    pub(crate) fn trusted_networks(&self) -> Result<Vec<Network>, ConfigError> {
        let network =
            |text: &String| text.parse().map_err(|error| invalid("smtp.trusted_networks", text, &error));
        self.smtp.trusted_networks.iter().map(network).collect()
    }

    /// How the spool uses disk and memory.
    pub(crate) fn spool(&self) -> Result<SpoolSettings, ConfigError> {
        const SMALLEST: ByteSize = ByteSize::mib(1);
        let Spool { segment_size, min_free, memory } = self.spool;
        if segment_size < SMALLEST {
            return Err(invalid("spool.segment_size", &segment_size, &"at least 1MiB"));
        }
        Ok(SpoolSettings {
            segment_size: segment_size.as_u64(),
            min_free: min_free.as_u64(),
            memory: memory.as_u64(),
        })
    }

    /// How to deliver.
    pub(crate) fn delivery(&self) -> Result<DeliverySettings, ConfigError> {
        let delivery = &self.delivery;
        if delivery.max_connections == 0 {
            return Err(invalid("delivery.max_connections", &0, &"at least 1"));
        }
        Ok(DeliverySettings {
            hostname: self.hostname(),
            max_connections: delivery.max_connections,
            messages_per_connection: delivery.messages_per_connection.max(1),
            idle_timeout: delivery.idle_timeout,
            connect_timeout: delivery.connect_timeout,
            timeouts: Timeouts::default(),
            tls: match delivery.tls {
                Tls::Opportunistic => TlsMode::Opportunistic,
                Tls::Never => TlsMode::Never,
            },
            retry: delivery.retry.policy()?,
            routes: routes(&delivery.routes)?,
            port: delivery.port,
        })
    }
}

impl Retry {
    fn policy(&self) -> Result<RetryPolicy, ConfigError> {
        let policy = RetryPolicy {
            first: self.first,
            factor: self.factor,
            max_interval: self.max_interval,
            jitter: self.jitter,
            max_age: self.max_age,
            max_attempts: (self.max_attempts > 0).then_some(self.max_attempts),
        };
        policy.validate().map_err(|error| invalid("delivery.retry", &"", &error))?;
        Ok(policy)
    }
}

fn routes(configured: &[Route]) -> Result<Routes, ConfigError> {
    let mut routes = Routes::default();
    for Route { domain, next_hop } in configured {
        let hop = next_hop_of(next_hop)?;
        if domain == "*" {
            routes.default = Some(hop);
        } else {
            let domain = Domain::parse(domain).map_err(|e| invalid("delivery.routes.domain", domain, &e))?;
            routes.by_domain.insert(domain, hop);
        }
    }
    Ok(routes)
}

/// `host:port`, `192.0.2.1:25` or `[2001:db8::1]:25`; without a port, 25.
fn next_hop_of(text: &str) -> Result<NextHop, ConfigError> {
    let wrong = |reason: &str| invalid("delivery.routes.next_hop", &text, &reason);
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(NextHop { host: address.ip().to_string(), port: address.port() });
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "25"));
    let port = port.parse().map_err(|_| wrong("expected host:port"))?;
    let host = Domain::parse(host).map_err(|error| wrong(&error.to_string()))?;
    Ok(NextHop { host: host.as_str().to_owned(), port })
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
            ("http", "listen workers wait"),
            ("smtp", "listen trusted_networks max_message_size max_recipients max_sessions"),
            (
                "delivery",
                "max_connections messages_per_connection idle_timeout connect_timeout tls port drain_timeout retry routes",
            ),
            (
                "submission",
                "listen listen_tls certificate key more_certificates allow_plain_auth_on_loopback max_sessions max_sessions_per_address max_auth_failures auth_failure_memory messages_per_minute",
            ),
            ("dns", "servers"),
            ("spool", "segment_size min_free memory"),
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
            ("[smtp]\nmax_recipients = 10001", "smtp.max_recipients"),
            ("[smtp]\nmax_sessions = 0", "smtp.max_sessions"),
            ("[smtp]\ntrusted_networks = [\"x\"]", "smtp.trusted_networks"),
            ("[delivery]\nmax_connections = 0", "delivery.max_connections"),
            ("[spool]\nsegment_size = \"1KiB\"", "spool.segment_size"),
        ];
        for (text, key) in cases {
            std::fs::write(&file, text).unwrap();
            let error = Config::read(&file).unwrap_err().to_string();
            assert!(error.contains(&format!("{key} = ")), "{error}");
        }
        std::fs::write(&file, "hostname = \"mx.example\"\n[smtp]\nmax_recipients = 10000").unwrap();
        assert!(Config::read(&file).is_ok());
    }

    #[test]
    fn a_next_hop_is_a_host_or_an_address_with_a_port() {
        for (text, host, port) in [
            ("mx.example.com:2525", "mx.example.com", 2525),
            ("mx.example.com", "mx.example.com", 25),
            ("127.0.0.1:2526", "127.0.0.1", 2526),
            ("[::1]:2526", "::1", 2526),
        ] {
            assert_eq!(next_hop_of(text).unwrap(), NextHop { host: host.to_owned(), port });
        }
        assert!(next_hop_of("host:x").is_err());
        assert!(next_hop_of("a b:25").is_err());
    }
}
