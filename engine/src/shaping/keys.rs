//! The keys of limits: their names, their bounds and their places in [`Limits`].
//!
//! The table [`KEYS`] is the one list of them: files are read, layers merged and explanations written by it.

use super::{
    file::value::{adaptive, count, duration, named, rate, small_count},
    limits::{Adaptive, Limits, Rate, TlsDemand, TlsMinimum},
};
use humantime_serde::re::humantime::format_duration;
use std::time::Duration;
use toml::de::DeValue;

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name in a file; what is in a table of its own has a dot in its name.
    pub(super) name: &'static str,
    /// Reads its value into its place, or says what is wrong with it.
    pub(super) read: fn(&mut Limits, &DeValue<'_>) -> Result<(), String>,
    /// Takes its value over from one to another.
    pub(super) copy: fn(&Limits, &mut Limits),
    /// Its value as a file would have it.
    pub(super) show: fn(&Limits) -> String,
}

macro_rules! key {
    ($name:literal, $($field:ident).+, $read:ident($($bound:expr),*)) => {
        Key {
            name: $name,
            read: |limits, value| $read(value, $($bound),*).map(|value| limits.$($field).+ = value),
            copy: |from, to| to.$($field).+ = from.$($field).+,
            show: |limits| limits.$($field).+.shown(),
        }
    };
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// Every key, in the order of explanations.
pub(super) static KEYS: [Key; 22] = [
    key!("connections", connections, count(1, 10_000)),
    key!("initial_connections", initial_connections, count(1, 10_000)),
    key!("adaptive", adaptive, adaptive()),
    key!("connection_rate", connection_rate, rate()),
    key!("messages_per_connection", messages_per_connection, count(1, 1_000_000)),
    key!("message_rate", message_rate, rate()),
    key!("recipients_per_transaction", recipients_per_transaction, small_count(1, 10_000)),
    key!("connect_timeout", connect_timeout, duration(SECOND, HOUR)),
    key!("timeouts.greeting", timeouts.greeting, duration(SECOND, HOUR)),
    key!("timeouts.hello", timeouts.hello, duration(SECOND, HOUR)),
    key!("timeouts.tls", timeouts.tls, duration(SECOND, HOUR)),
    key!("timeouts.rset", timeouts.rset, duration(SECOND, HOUR)),
    key!("timeouts.mail", timeouts.mail, duration(SECOND, HOUR)),
    key!("timeouts.rcpt", timeouts.rcpt, duration(SECOND, HOUR)),
    key!("timeouts.data", timeouts.data, duration(SECOND, HOUR)),
    key!("timeouts.body", timeouts.body, duration(SECOND, HOUR)),
    key!("timeouts.dot", timeouts.dot, duration(SECOND, HOUR)),
    key!("timeouts.quit", timeouts.quit, duration(SECOND, HOUR)),
    key!("idle_timeout", idle_timeout, duration(Duration::from_millis(100), HOUR)),
    key!("tls", tls, named(&TlsDemand::NAMED)),
    key!("tls_minimum", tls_minimum, named(&TlsMinimum::NAMED)),
    key!("breaker_failures", breaker_failures, count(1, 1_000)),
];

/// The key of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// A value as a file would have it, strings without their quotation marks.
trait Shown {
    fn shown(&self) -> String;
}

impl Shown for u32 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for u16 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Duration {
    fn shown(&self) -> String {
        format_duration(*self).to_string()
    }
}

impl Shown for Option<Rate> {
    fn shown(&self) -> String {
        self.map_or_else(|| "none".to_owned(), |rate| rate.to_string())
    }
}

impl Shown for Adaptive {
    fn shown(&self) -> String {
        (*self == Self::On).to_string()
    }
}

impl Shown for TlsDemand {
    fn shown(&self) -> String {
        name_in(&Self::NAMED, self)
    }
}

impl Shown for TlsMinimum {
    fn shown(&self) -> String {
        name_in(&Self::NAMED, self)
    }
}

fn name_in<T: PartialEq>(named: &[(&str, T)], value: &T) -> String {
    named.iter().find(|(_, named)| named == value).map(|(name, _)| (*name).to_owned()).unwrap_or_default()
}
