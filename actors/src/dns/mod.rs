//! DNS as delivery needs it.

mod cache;
mod hickory;

pub use cache::CachedDns;
pub use hickory::{Anchors, HickoryDns};

use futures_util::future::LocalBoxFuture;
use mailwright_engine::{address::Domain, mx::MxAnswer, tls::DaneLookup};
use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

/// An answer and how long it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed<T> {
    /// The answer.
    pub answer: T,
    /// Until when it may be used.
    pub valid_until: Instant,
}

impl<T> Timed<T> {
    /// An answer that holds for `ttl` from now.
    pub fn lasting(answer: T, ttl: Duration) -> Self {
        Self { answer, valid_until: Instant::now() + ttl }
    }
}

/// What DNS said when asked for a host's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostAnswer {
    /// At least one, in no particular order.
    Addresses(Vec<IpAddr>),
    /// There is no such host, or it has neither an IPv6 nor an IPv4 address: asking again helps nobody.
    NoAddresses,
    /// No answer, or a broken one: try again later. Holds the reason.
    Failed(String),
}

/// What DNS said when asked for text records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxtAnswer {
    /// The records.
    Records(Vec<String>),
    /// There are none.
    None,
    /// No answer, or a broken one: try again later. Holds the reason.
    Failed(String),
}

/// The look-ups that delivery makes; a trait so that tests bring their own world.
pub trait Dns {
    /// MX records of `domain`.
    fn mx<'a>(&'a self, domain: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>>;

    /// Addresses of `host`.
    fn addresses<'a>(&'a self, host: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>>;

    /// Text records of `name`; by default there are none.
    fn txt<'a>(&'a self, _name: &'a str) -> LocalBoxFuture<'a, Timed<TxtAnswer>> {
        Box::pin(async { Timed::lasting(TxtAnswer::None, Duration::from_secs(60)) })
    }

    /// Whether the MX records of `domain` are signed and the signatures hold; by default they are not.
    fn mx_is_secure<'a>(&'a self, _domain: &'a Domain) -> LocalBoxFuture<'a, Timed<bool>> {
        Box::pin(async { Timed::lasting(false, Duration::from_secs(60)) })
    }

    /// TLSA records of `host` for SMTP at `port`; by default there are none.
    fn tlsa<'a>(&'a self, _host: &'a str, _port: u16) -> LocalBoxFuture<'a, Timed<DaneLookup>> {
        Box::pin(async { Timed::lasting(DaneLookup::Insecure, Duration::from_secs(60)) })
    }
}
