//! What `[inbound]` says of the gate: whom the MX lets bring mail.

use super::{Config, ConfigError, invalid};
use mailwright_actors::smtp::{guard::AddressLimits, relay::Network};
use mailwright_engine::address::Domain;
use mailwright_routing::gate::{BlockList, GateSettings, ReverseCheck, Stance};
use serde::Deserialize;
use std::time::Duration;

/// Recipients that there are not which an address is told of at once; the answers to more are ever later.
const AT_ONCE: u32 = 5;
/// How long after the last of them an address starts afresh.
const MEMORY: Duration = Duration::from_secs(10 * 60);
/// Longest delay of the greeting: clients wait for five minutes (RFC 5321 section 4.5.3.2.1), people do not.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// What follows from something that speaks against a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Reject,
    Score,
}

impl From<Action> for Stance {
    fn from(action: Action) -> Self {
        match action {
            Action::Reject => Self::Refuse,
            Action::Score => Self::Note,
        }
    }
}

/// What is asked of the name of a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ReverseDns {
    Off,
    Score,
    Exists,
    Confirmed,
}

impl From<ReverseDns> for ReverseCheck {
    fn from(check: ReverseDns) -> Self {
        match check {
            ReverseDns::Off => Self::Off,
            ReverseDns::Score => Self::Note,
            ReverseDns::Exists => Self::Exists,
            ReverseDns::Confirmed => Self::Confirmed,
        }
    }
}

/// A table `[[inbound.block_lists]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    zone: String,
    #[serde(default)]
    answers: Vec<String>,
    action: Action,
}

impl List {
    fn read(&self) -> Result<BlockList, ConfigError> {
        let Self { zone, answers, action } = self;
        let name = Domain::parse(zone).ok().filter(|name| name.literal().is_none());
        let zone =
            name.ok_or_else(|| invalid("inbound.block_lists.zone", zone, &"expected a domain name"))?;
        let answers = answers.iter().map(|text| network("inbound.block_lists.answers", text));
        Ok(BlockList {
            zone: zone.to_string(),
            answers: answers.collect::<Result<_, _>>()?,
            stance: (*action).into(),
        })
    }
}

fn network(key: &'static str, text: &str) -> Result<Network, ConfigError> {
    text.parse().map_err(|error| invalid(key, &text, &error))
}

impl Config {
    /// How the gate is kept.
    pub(crate) fn gate(&self) -> Result<GateSettings, ConfigError> {
        let inbound = &self.inbound;
        if inbound.max_unknown_recipients == 0 {
            return Err(invalid("inbound.max_unknown_recipients", &0, &"at least 1"));
        }
        if inbound.greeting_delay > LONGEST_DELAY {
            let shown = humantime_serde::re::humantime::format_duration(inbound.greeting_delay);
            return Err(invalid("inbound.greeting_delay", &shown, &"at most 30s"));
        }
        let exempt = inbound.exempt.iter().map(|text| network("inbound.exempt", text));
        let lists: Vec<_> = inbound.block_lists.iter().map(List::read).collect::<Result<_, _>>()?;
        Ok(GateSettings {
            limits: AddressLimits {
                sessions: inbound.max_sessions_per_address,
                failures: inbound.max_unknown_recipients,
                at_once: AT_ONCE,
                memory: MEMORY,
                sessions_per_minute: inbound.connections_per_minute,
                messages_per_minute: inbound.messages_per_minute,
            },
            exempt: exempt.collect::<Result<_, _>>()?,
            greeting_delay: inbound.greeting_delay,
            early_talkers: inbound.early_talkers.into(),
            block_lists: lists.into(),
            reverse_dns: inbound.reverse_dns.into(),
            bad_hello: inbound.bad_hello.into(),
            hostname: self.hostname(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_lists_are_read_as_tables() {
        let text = "[[inbound.block_lists]]\nzone = \"Zen.Example.\"\nanswers = [\"127.0.0.2/31\"]\naction = \"reject\"\n\
                    [[inbound.block_lists]]\nzone = \"dnswl.example\"\naction = \"score\"\n";
        let gate = toml::from_str::<Config>(text).unwrap().gate().unwrap();
        let [zen, other] = &*gate.block_lists else { panic!("{gate:?}") };
        assert_eq!((zen.zone.as_str(), zen.stance), ("zen.example", Stance::Refuse));
        assert!(zen.answers[0].contains([127, 0, 0, 3].into()));
        assert_eq!((other.answers.len(), other.stance), (0, Stance::Note));
        assert!(toml::from_str::<Config>("[[inbound.block_lists]]\nzone = \"zen.example\"\n").is_err());
    }
}
