//! From a site's target to a session that is ready for a message: every address of every host in order, IPv6
//! first (RFC 5321 section 5.1), with TLS where the peer offers it and without where that fails.

use super::stream::{Session, Wire};
use crate::{dns::HostAnswer, metrics as names, settings::TlsMode, site::SiteTarget, supervisor::Deps};
use mailwright_engine::{
    mx::{MxHost, by_family},
    smtp::{
        client::{Action, ClientConfig, ClientSession, ClientTls, CloseReason, Loss},
        verdict::{Outcome, Verdict},
    },
};
use rustls::pki_types::ServerName;
use std::{net::SocketAddr, sync::Arc};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

/// A session with the first host that lets us in.
///
/// # Errors
/// The verdict of the last host tried, soft whatever it said: it was said to the connection and not to a
/// message, and another time may do. Hard only when DNS is certain that no mail exchanger has an address.
pub(super) async fn establish(target: &SiteTarget, deps: &Deps) -> Result<Session, Verdict> {
    let mut last = None;
    for (host, port) in hosts(target) {
        let addresses = match addresses(&host, deps).await {
            HostAnswer::Addresses(addresses) => by_family(addresses),
            HostAnswer::NoAddresses => continue,
            HostAnswer::Failed(reason) => {
                last = Some(Verdict::dns_failure(&format!("{host}: {reason}")));
                continue;
            }
        };
        for ip in addresses {
            match session(&host, SocketAddr::new(ip, port), deps).await {
                Ok(session) => return Ok(session),
                Err(verdict) => last = Some(Verdict { outcome: Outcome::Soft, ..verdict }),
            }
        }
    }
    Err(last.unwrap_or_else(|| no_addresses(target)))
}

async fn addresses(host: &MxHost, deps: &Deps) -> HostAnswer {
    match host {
        MxHost::Address(ip) => HostAnswer::Addresses(vec![*ip]),
        MxHost::Name(name) => deps.dns.addresses(name).await,
    }
}

/// No host of the target has an address. Mail for a domain without MX records, or whose mail exchangers are
/// none, "MUST be reported as an error" (RFC 5321 section 5.1); a next hop that we configured ourselves is
/// put right by us, and mail waits for that.
fn no_addresses(target: &SiteTarget) -> Verdict {
    match target {
        SiteTarget::Route(hop) => Verdict::dns_failure(&format!("the next hop {hop} has no address")),
        SiteTarget::Exchangers { name, .. } => Verdict::no_mail_host(name),
    }
}

fn hosts(target: &SiteTarget) -> Vec<(MxHost, u16)> {
    match target {
        SiteTarget::Route(hop) => vec![(MxHost::Name(hop.host.clone()), hop.port)],
        SiteTarget::Exchangers { hosts, port, .. } => {
            hosts.iter().map(|host| (host.clone(), *port)).collect()
        }
    }
}

/// A session with one address. Opportunistic TLS that fails costs a second connection, without TLS (RFC 7435:
/// unauthenticated encryption is better than none, and none is better than no mail).
async fn session(host: &MxHost, address: SocketAddr, deps: &Deps) -> Result<Session, Verdict> {
    let tls = match deps.settings.tls {
        TlsMode::Opportunistic => ClientTls::Opportunistic,
        TlsMode::Never => ClientTls::Never,
    };
    match attempt(host, address, deps, tls).await {
        Err(Failed::Tls(_)) => match attempt(host, address, deps, ClientTls::Never).await {
            Err(Failed::Tls(verdict) | Failed::Other(verdict)) => Err(verdict),
            Ok(session) => Ok(session),
        },
        Err(Failed::Other(verdict)) => Err(verdict),
        Ok(session) => Ok(session),
    }
}

enum Failed {
    /// For want of TLS only.
    Tls(Verdict),
    Other(Verdict),
}

async fn attempt(host: &MxHost, address: SocketAddr, deps: &Deps, tls: ClientTls) -> Result<Session, Failed> {
    let settings = &deps.settings;
    let refused = |why: &str| Failed::Other(Verdict::connect_failure(&format!("{host} [{address}]: {why}")));
    let stream = match timeout(settings.connect_timeout, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(refused(&error.to_string())),
        Err(_) => return Err(refused("connection timed out")),
    };
    // Each flight is one write: waiting for more to send only delays it.
    stream.set_nodelay(true).map_err(|error| refused(&error.to_string()))?;
    let family = if address.is_ipv6() { "ipv6" } else { "ipv4" };
    ::metrics::counter!(names::CONNECTIONS_OPENED, "family" => family).increment(1);
    let config =
        ClientConfig { tls, timeouts: settings.timeouts, ..ClientConfig::new(settings.hostname.clone()) };
    greet(Session::new(ClientSession::new(Arc::new(config)), stream), host, deps).await
}

/// Drives a new session until it is ready.
async fn greet(mut session: Session, host: &MxHost, deps: &Deps) -> Result<Session, Failed> {
    loop {
        match session.poll().await {
            Action::Ready => return Ok(session),
            Action::Read(wait) => session.read(wait).await,
            Action::StartTls => start_tls(&mut session, host, deps).await,
            Action::Closed(CloseReason::Failed(failure)) => {
                let verdict = failure.verdict();
                let tls = failure.is_about_tls();
                return Err(if tls { Failed::Tls(verdict) } else { Failed::Other(verdict) });
            }
            // None of these can follow before a transaction; a session that says so is of no use.
            Action::Closed(CloseReason::Quit) | Action::WriteBody(_) | Action::Finished(_) => {
                return Err(Failed::Other(Verdict::connect_failure("the session ended early")));
            }
        }
    }
}

async fn start_tls(session: &mut Session, host: &MxHost, deps: &Deps) {
    let Wire::Plain(stream) = std::mem::replace(&mut session.wire, Wire::Gone) else {
        return session.machine.lost(Loss::Eof);
    };
    let name = match host {
        MxHost::Name(name) => ServerName::try_from(name.clone()),
        MxHost::Address(ip) => Ok(ServerName::from(*ip)),
    };
    let Ok(name) = name else {
        return session.machine.tls_failed(format!("{host} is no name for a certificate"));
    };
    let handshake = TlsConnector::from(Arc::clone(&deps.tls)).connect(name, stream);
    match timeout(deps.settings.timeouts.tls, handshake).await {
        Ok(Ok(stream)) => {
            session.wire = Wire::Tls(Box::new(stream));
            session.machine.tls_established();
        }
        Ok(Err(error)) => session.machine.tls_failed(error.to_string()),
        Err(_) => session.machine.tls_failed("handshake timed out".to_owned()),
    }
}
