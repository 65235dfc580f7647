//! The limits that hold for one site and one source, all keys resolved.

use crate::smtp::client::Timeouts;
use std::{fmt, time::Duration};

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

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per.as_secs() {
            1 => "s",
            60 => "min",
            3_600 => "h",
            86_400 => "d",
            _ => return write!(f, "{}/{:?}", self.count, self.per),
        };
        write!(f, "{}/{unit}", self.count)
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

/// The oldest TLS version spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TlsMinimum {
    /// TLS 1.2 (RFC 5246).
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
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
