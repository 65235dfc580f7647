//! Whom a session talks to: kept with each delivery it carries.

use crate::tls::TlsFacts;
use mailwright_engine::{class::SourceName, mx::MxHost, shaping::ProviderName};
use std::net::IpAddr;

/// The other end of a session, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerFacts {
    /// The site it belongs to.
    pub site: String,
    /// The provider of the site.
    pub provider: ProviderName,
    /// The mail exchanger.
    pub host: MxHost,
    /// Its address.
    pub ip: IpAddr,
    /// Where we connected from.
    pub source: SourceName,
    /// What was negotiated, and why so much was asked; `None`: plain text.
    pub tls: Option<TlsFacts>,
}

/// What a protocol trace calls a connection to `host` at `ip`; our own port tells it from others to the same.
pub(super) fn connection(host: &MxHost, ip: IpAddr, port: Option<u16>) -> String {
    let port = port.map(|port| format!(" from {port}")).unwrap_or_default();
    match host {
        MxHost::Name(name) => format!("{name} [{ip}]{port}"),
        MxHost::Address(ip) => format!("[{ip}]{port}"),
    }
}
