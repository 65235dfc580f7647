//! The limits that hold for one site and one source, all keys resolved.

use crate::smtp::client::Timeouts;
use humantime_serde::re::humantime::{format_duration, parse_duration};
use std::{fmt, str::FromStr, time::Duration};

/// So many in so long: `"100/min"` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many; at least 1.
    pub count: u32,
    /// In how long; more than zero.
    pub per: Duration,
}

impl Rate {
    /// So many in a minute; at least one.
    pub fn per_minute(count: u32) -> Self {
        Self { count: count.max(1), per: Duration::from_secs(60) }
    }

    /// How many that makes in a minute, rounded down; at least 1, however slow the rate.
    pub fn in_a_minute(&self) -> u32 {
        let minute = u128::from(self.count) * 60_000 / self.per.as_millis().max(1);
        u32::try_from(minute).unwrap_or(u32::MAX).max(1)
    }
}
/// The units that a rate is written with, and how long each is.
const UNITS: [(&str, Duration); 4] = [
    ("s", Duration::from_secs(1)),
    ("min", Duration::from_secs(60)),
    ("h", Duration::from_secs(3_600)),
    ("d", Duration::from_secs(86_400)),
];

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, length)| *length == self.per) {
            Some((unit, _)) => write!(f, "{}/{unit}", self.count),
            None => write!(f, "{}/{}", self.count, format_duration(self.per).to_string().replace(' ', "")),
        }
    }
}

/// Text that is no [`Rate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no rate: write a number from 1, a slash and a time, as 10/s, 100/min, 5000/h, 1/d or 20/10s"
)]
pub struct InvalidRate(String);

impl FromStr for Rate {
    type Err = InvalidRate;

    /// Reads what [`Display`](fmt::Display) writes: a number and s, min, h, d or any duration above zero.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidRate(text.chars().take(40).collect());
        let (count, per) = text.trim().split_once('/').ok_or_else(invalid)?;
        let count = count.trim().parse().map_err(|_| invalid())?;
        let per = per.trim();
        let unit = UNITS.iter().find(|(unit, _)| *unit == per).map(|(_, length)| *length);
        let per = unit.or_else(|| parse_duration(per).ok()).ok_or_else(invalid)?;
        if count == 0 || per.is_zero() { Err(invalid()) } else { Ok(Self { count, per }) }
    }
}

/// What a site asks of TLS beyond what the recipient domain's own policy (MTA-STS, DANE) does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TlsDemand {
    /// Plain text even where TLS is offered.
    Never,
    /// TLS wherever the peer offers it, whoever it is (RFC 7435).
    #[default]
    Opportunistic,
    /// No delivery without TLS, whoever the peer is.
    Required,
    /// No delivery without TLS to a certificate that is valid for the host's name.
    Verified,
}

impl TlsDemand {
    /// Every demand with its name in the configuration.
    pub(super) const NAMED: [(&str, Self); 4] = [
        ("never", Self::Never),
        ("opportunistic", Self::Opportunistic),
        ("required", Self::Required),
        ("verified", Self::Verified),
    ];
}

/// The oldest TLS version spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TlsMinimum {
    /// TLS 1.2 (RFC 5246).
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl TlsMinimum {
    /// Every version with its name in the configuration.
    pub(super) const NAMED: [(&str, Self); 2] = [("1.2", Self::Tls12), ("1.3", Self::Tls13)];
}

/// Whether the number of connections follows the site's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Adaptive {
    /// Between one and [`Limits::connections`], by feedback.
    #[default]
    On,
    /// [`Limits::connections`] whenever there is work.
    Off,
}

/// How a site is treated, every key decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Most connections open at a time; at least 1.
    pub connections: u32,
    /// Connections opened with, before the site has answered anything; from 1 to `connections`.
    pub initial_connections: u32,
    /// Whether the number of connections is adapted.
    pub adaptive: Adaptive,
    /// New connections in a time; `None` for no limit.
    pub connection_rate: Option<Rate>,
    /// Messages after which a connection is closed; at least 1.
    pub messages_per_connection: u32,
    /// Transactions in a time; `None` for no limit.
    pub message_rate: Option<Rate>,
    /// Most recipients of one transaction; at least 1.
    pub recipients_per_transaction: u16,
    /// How long connecting to one address may take.
    pub connect_timeout: Duration,
    /// How long each step of a session may take.
    pub timeouts: Timeouts,
    /// How long a connection without work stays open.
    pub idle_timeout: Duration,
    /// What is asked of TLS.
    pub tls: TlsDemand,
    /// The oldest version of TLS.
    pub tls_minimum: TlsMinimum,
    /// Failures in a row of whole sessions after which the site counts as dead; at least 1.
    pub breaker_failures: u32,
}

impl Default for Limits {
    /// What holds for a destination that no configuration names.
    fn default() -> Self {
        Self {
            connections: 20,
            initial_connections: 5,
            adaptive: Adaptive::On,
            connection_rate: None,
            messages_per_connection: 1_000,
            message_rate: None,
            // What every server must take (RFC 5321 section 4.5.3.1.8).
            recipients_per_transaction: 100,
            connect_timeout: Duration::from_secs(30),
            timeouts: Timeouts::default(),
            idle_timeout: Duration::from_secs(5),
            tls: TlsDemand::Opportunistic,
            tls_minimum: TlsMinimum::Tls12,
            breaker_failures: 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_are_written_with_the_unit_that_fits() {
        let rate = |count, millis| Rate { count, per: Duration::from_millis(millis) }.to_string();
        assert_eq!(rate(10, 1_000), "10/s");
        assert_eq!(rate(100, 60_000), "100/min");
        assert_eq!(rate(5_000, 3_600_000), "5000/h");
        assert_eq!(rate(1, 86_400_000), "1/d");
        assert_eq!(rate(20, 10_000), "20/10s");
        assert_eq!(rate(3, 1_500), "3/1s500ms");
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in
            ["", "10", "/s", "0/s", "-1/s", "10/0s", "10/fortnight", "1.5/s", "99999999999/s", "10/s/s"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_rate_is_read_as_it_is_written(count in 1u32.., millis in 1u64..1_000_000_000) {
            let rate = Rate { count, per: Duration::from_millis(millis) };
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }
    }
}
