//! DNS as delivery, and the checks of domains, need it.

mod cache;
mod hickory;
mod turns;
mod validating;

pub use cache::CachedDns;
pub use hickory::{FAILURE_TTL, HickoryDns, is_negative, negative_ttl, resolver_with};
pub use validating::Anchors;

use futures_util::future::LocalBoxFuture;
use mailwright_engine::{
    address::Domain,
    mx::MxAnswer,
    tls::{DaneLookup, MxTrust},
};
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

/// What DNS said when asked for names: those of an address, or what a name is an alias of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamesAnswer {
    /// The names, without final dots.
    Names(Vec<String>),
    /// There are none.
    None,
    /// No answer, or a broken one: try again later. Holds the reason.
    Failed(String),
}

/// What DNS said when asked for a host's TLSA records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsaAnswer {
    /// The name at which they stand, the TLSA base domain (RFC 7672 section 2.2.3): the host, or what the host is
    /// an alias of. The server is asked for a certificate of this name.
    pub base: String,
    /// The records.
    pub lookup: DaneLookup,
}

impl TlsaAnswer {
    /// What was found at the host's own name, or that nothing was.
    pub fn of(host: &str, lookup: DaneLookup) -> Self {
        Self { base: host.to_owned(), lookup }
    }
}

/// Whether MX records are a domain's own, or why that cannot be told: then nobody knows whose hosts they name.
pub type MxProof = Result<MxTrust, String>;

/// The look-ups that delivery and the checks of domains make; a trait so that tests bring their own world.
pub trait Dns {
    /// MX records of `domain`.
    fn mx<'a>(&'a self, domain: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>>;

    /// Addresses of `host`.
    fn addresses<'a>(&'a self, host: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>>;

    /// What a block list answers at `name`: IPv4 addresses (RFC 5782 section 2.1). By default there are none.
    fn listing<'a>(&'a self, _name: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
        Box::pin(async { Timed::lasting(HostAnswer::NoAddresses, Duration::from_secs(60)) })
    }

    /// Text records of `name`; by default there are none.
    fn txt<'a>(&'a self, _name: &'a str) -> LocalBoxFuture<'a, Timed<TxtAnswer>> {
        Box::pin(async { Timed::lasting(TxtAnswer::None, Duration::from_secs(60)) })
    }

    /// Whether the MX records of `domain` are signed and the signatures hold; by default they are not signed. An
    /// error when they are forged, or their signatures cannot be had.
    fn mx_proof<'a>(&'a self, _domain: &'a Domain) -> LocalBoxFuture<'a, Timed<MxProof>> {
        Box::pin(async { Timed::lasting(Ok(MxTrust::Insecure), Duration::from_secs(60)) })
    }

    /// TLSA records of `host` for SMTP at `port`; by default there are none.
    fn tlsa<'a>(&'a self, host: &'a str, _port: u16) -> LocalBoxFuture<'a, Timed<TlsaAnswer>> {
        let none = TlsaAnswer::of(host, DaneLookup::Insecure);
        Box::pin(async { Timed::lasting(none, Duration::from_secs(60)) })
    }

    /// The names of an address (PTR); by default it has none.
    fn pointers(&self, _address: IpAddr) -> LocalBoxFuture<'_, Timed<NamesAnswer>> {
        Box::pin(async { Timed::lasting(NamesAnswer::None, Duration::from_secs(60)) })
    }

    /// What `name` is an alias of (CNAME); by default of nothing.
    fn alias<'a>(&'a self, _name: &'a str) -> LocalBoxFuture<'a, Timed<NamesAnswer>> {
        Box::pin(async { Timed::lasting(NamesAnswer::None, Duration::from_secs(60)) })
    }
}
