//! The section `[workers]`: people's own code for their mail.

use super::{Config, ConfigError, invalid};
use bytesize::ByteSize;
use humantime_serde::re::humantime::format_duration;
use mailwright_actors::smtp::relay::Network;
use mailwright_engine::address::Domain;
use mailwright_storage::held::HoldTimes;
use mailwright_workers::{DoorSettings, Scope, WorkersSettings};
use serde::Deserialize;
use std::{net::SocketAddr, ops::RangeInclusive, path::Path, time::Duration};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Workers {
    enabled: bool,
    runtime: String,
    #[serde(with = "humantime_serde")]
    pub(crate) wall_limit: Duration,
    #[serde(with = "humantime_serde")]
    cpu_limit: Duration,
    memory_limit: ByteSize,
    concurrency: usize,
    #[serde(with = "humantime_serde")]
    idle: Duration,
    allow_addresses: Vec<String>,
    pub(crate) listen: Vec<SocketAddr>,
    domain: String,
    pub(crate) max_connections: usize,
    on_failure: OnFailure,
    #[serde(with = "humantime_serde")]
    hold_first: Duration,
    #[serde(with = "humantime_serde")]
    hold_max_interval: Duration,
    #[serde(with = "humantime_serde")]
    hold_for: Duration,
}

/// What becomes of a message that its Worker could not handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnFailure {
    /// Its sender keeps it and brings it again.
    TempFail,
    /// It is taken, and handed to the Worker again later.
    Hold,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            enabled: true,
            runtime: String::new(),
            wall_limit: Duration::from_secs(30),
            cpu_limit: Duration::from_secs(10),
            memory_limit: ByteSize::mib(128),
            concurrency: 64,
            idle: Duration::from_secs(600),
            allow_addresses: Vec::new(),
            listen: Vec::new(),
            domain: String::new(),
            max_connections: 500,
            on_failure: OnFailure::TempFail,
            hold_first: Duration::from_secs(30),
            hold_max_interval: Duration::from_secs(3_600),
            hold_for: Duration::from_secs(5 * 86_400),
        }
    }
}

impl Workers {
    /// Finds what cannot work.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        /// Clients wait ten minutes after the final dot (RFC 5321 section 4.5.3.2.6); some wait less.
        const WALL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(120);
        /// A message of 25 MiB, read once.
        const LEAST_MEMORY: ByteSize = ByteSize::mib(32);
        let within = |key, value: Duration, range: &RangeInclusive<Duration>, reason: &str| {
            let wrong = || invalid(key, &format_duration(value), &reason);
            if range.contains(&value) { Ok(()) } else { Err(wrong()) }
        };
        within("workers.wall_limit", self.wall_limit, &WALL, "from 1s to 2m")?;
        let processor = Duration::from_millis(10)..=self.wall_limit;
        within("workers.cpu_limit", self.cpu_limit, &processor, "from 10ms to what workers.wall_limit says")?;
        if self.memory_limit < LEAST_MEMORY {
            return Err(invalid("workers.memory_limit", &self.memory_limit, &"at least 32MiB"));
        }
        if !(1..=10_000).contains(&self.concurrency) {
            return Err(invalid("workers.concurrency", &self.concurrency, &"from 1 to 10000"));
        }
        if !(1..=super::MOST_SESSIONS).contains(&self.max_connections) {
            return Err(invalid("workers.max_connections", &self.max_connections, &"from 1 to 100000"));
        }
        self.check_addresses()?;
        self.check_hold()
    }

    fn check_addresses(&self) -> Result<(), ConfigError> {
        for address in &self.allow_addresses {
            let wrong = |error| invalid("workers.allow_addresses", address, &error);
            address.parse::<Network>().map_err(wrong)?;
        }
        let name = &self.domain;
        if !name.is_empty() && Domain::parse(name).is_ok_and(|domain| domain.literal().is_none()) {
            return Ok(());
        }
        if !name.is_empty() {
            return Err(invalid("workers.domain", name, &"expected a domain name"));
        }
        if self.listen.is_empty() {
            return Ok(());
        }
        let why = "there is a listener: name the domain below which Workers are to be reached";
        Err(invalid("workers.domain", name, &why))
    }

    fn check_hold(&self) -> Result<(), ConfigError> {
        let Self { hold_first, hold_max_interval, hold_for, .. } = *self;
        if hold_first < Duration::from_secs(1) {
            return Err(invalid("workers.hold_first", &format_duration(hold_first), &"at least 1s"));
        }
        if hold_max_interval < hold_first {
            let shown = format_duration(hold_max_interval);
            return Err(invalid("workers.hold_max_interval", &shown, &"no less than workers.hold_first"));
        }
        if hold_for < hold_first {
            return Err(invalid(
                "workers.hold_for",
                &format_duration(hold_for),
                &"no less than workers.hold_first",
            ));
        }
        Ok(())
    }
}

impl Workers {
    /// Whether there are any.
    pub(crate) fn are_on(&self) -> bool {
        self.enabled
    }

    /// Whether mail that they could not handle is held.
    pub(crate) fn hold(&self) -> bool {
        self.on_failure == OnFailure::Hold
    }

    /// How the door to their `fetch()` handlers is kept, where it leads to all of them.
    pub(crate) fn door(&self) -> DoorSettings {
        let scope = Scope::Below(self.domain.to_ascii_lowercase());
        DoorSettings { scope, max_connections: self.max_connections }
    }

    /// When mail that is held is tried again.
    pub(crate) fn held(&self) -> HoldTimes {
        HoldTimes { first: self.hold_first, longest: self.hold_max_interval, give_up: self.hold_for }
    }
}

impl Config {
    /// How Workers are run, with what is kept for them in the state folder `state`.
    pub(crate) fn workers(&self, state: &Path) -> Result<WorkersSettings, ConfigError> {
        let Workers {
            runtime, wall_limit, cpu_limit, memory_limit, concurrency, idle, allow_addresses, ..
        } = &self.workers;
        let launcher = std::env::current_exe()
            .map_err(|error| ConfigError::Other(format!("our own program cannot be found: {error}")))?;
        // Their processes have working directories of their own.
        let state = std::path::absolute(state)
            .map_err(|error| ConfigError::Other(format!("{}: {error}", state.display())))?;
        Ok(WorkersSettings {
            binary: (!runtime.is_empty()).then(|| self.beside(runtime)),
            wall: *wall_limit,
            cpu: *cpu_limit,
            memory: memory_limit.as_u64(),
            at_a_time: *concurrency,
            idle: *idle,
            allow_addresses: allow_addresses.clone(),
            ..WorkersSettings::new(launcher, state.join("workers"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_work_are_refused_by_name() {
        let cases = [
            ("[workers]\nwall_limit = \"0s\"", "workers.wall_limit"),
            ("[workers]\nwall_limit = \"5s\"\ncpu_limit = \"6s\"", "workers.cpu_limit"),
            ("[workers]\nmemory_limit = \"16MiB\"", "workers.memory_limit"),
            ("[workers]\nconcurrency = 0", "workers.concurrency"),
            ("[workers]\nallow_addresses = [\"localhost\"]", "workers.allow_addresses"),
            ("[workers]\nlisten = [\"127.0.0.1:8788\"]", "workers.domain"),
            ("[workers]\ndomain = \"a b\"", "workers.domain"),
            ("[workers]\nmax_connections = 0", "workers.max_connections"),
            ("[workers]\nhold_first = \"0s\"", "workers.hold_first"),
            ("[workers]\nhold_max_interval = \"1s\"", "workers.hold_max_interval"),
            ("[workers]\nhold_for = \"1s\"", "workers.hold_for"),
        ];
        for (text, key) in cases {
            let config: Config = toml::from_str(text).unwrap();
            let error = config.workers.check().unwrap_err().to_string();
            assert!(error.contains(&format!("{key} = ")), "{error}");
        }
        assert!(Workers::default().check().is_ok());
    }

    #[test]
    fn a_relative_state_folder_is_meant_from_here() {
        let settings = Config::default().workers(Path::new("state")).unwrap();
        assert_eq!(settings.state, std::env::current_dir().unwrap().join("state/workers"));
        assert_eq!(settings.binary, None);
    }
}
