//! From a site's target to a session that is ready for a message: every address of every host in order, IPv6
//! first (RFC 5321 section 5.1), with the TLS that policy asks for.

use super::{
    ConnectionPlan,
    peer::{PeerFacts, connection},
    stream::{Session, Wire},
};
use crate::{
    clock,
    dns::HostAnswer,
    metrics as names,
    site::{Family, SiteTarget},
    supervisor::Deps,
    tls::{HostTls, TlsPolicies, handshake_problem},
    trace::Dialogue,
};
use mailwright_engine::{
    mx::{MxHost, by_family},
    smtp::{
        client::{Action, ClientConfig, ClientSession, ClientTls, CloseReason, Loss},
        verdict::{Outcome, Verdict},
    },
    source::Bind,
};
use mailwright_storage::events::{
    Event,
    event::{Fallback, Family as LoggedFamily},
};
use rustix::io::Errno;
use rustls::pki_types::ServerName;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Most addresses tried in one attempt; Postfix tries five (smtp_mx_address_limit).
const MAX_ADDRESSES: usize = 10;

/// Why there is no session.
pub(super) enum NotEstablished {
    /// This process may not open another file.
    NoDescriptor,
    /// The verdict of the last host that was tried.
    Refused(Verdict),
}

/// A session with the first host that lets us in.
///
/// # Errors
/// The verdict of the last host tried, soft whatever it said: it was said to the connection and not to a
/// message, and another time may do. Hard only when DNS is certain that no mail exchanger has an address, and for
/// messages that no host may have because of what they ask of TLS.
pub(super) async fn establish(plan: &ConnectionPlan, deps: &Deps) -> Result<Session, NotEstablished> {
    let mut attempt = Attempt { plan, deps, tried: 0, failed_family: None, no_descriptor: false, last: None };
    for (host, port) in hosts(&plan.target) {
        if let Some(session) = attempt.host(&host, port).await {
            return Ok(session);
        }
        if attempt.no_descriptor {
            return Err(NotEstablished::NoDescriptor);
        }
        if attempt.tried >= MAX_ADDRESSES {
            break;
        }
    }
    Err(NotEstablished::Refused(attempt.last.unwrap_or_else(|| no_addresses(&plan.target))))
}

/// One round over the hosts of a target.
struct Attempt<'a> {
    plan: &'a ConnectionPlan,
    deps: &'a Deps,
    tried: usize,
    /// The family that could not be connected to, if one could not.
    failed_family: Option<Family>,
    /// Whether the process had no descriptor for a socket.
    no_descriptor: bool,
    /// Why there is no session yet.
    last: Option<Verdict>,
}

impl Attempt<'_> {
    /// A session with one of the host's addresses.
    async fn host(&mut self, host: &MxHost, port: u16) -> Option<Session> {
        let addresses = self.addresses(host).await?;
        let tls = match self.deps.tls.host(&self.plan.tls, host, port).await {
            Ok(tls) => tls,
            Err(verdict) => {
                self.failed(verdict);
                return None;
            }
        };
        for ip in addresses {
            if self.tried >= MAX_ADDRESSES || self.no_descriptor {
                break;
            }
            self.tried += 1;
            match self.address(host, SocketAddr::new(ip, port), &tls).await {
                Ok(session) => return Some(session),
                Err(Failed::Tls(verdict)) => self.failed(tls.judged(verdict)),
                Err(Failed::Other(verdict)) => self.failed(Verdict { outcome: Outcome::Soft, ..verdict }),
            }
        }
        None
    }

    /// Keeps why there is no session. One host that may do another time outweighs those that never will.
    fn failed(&mut self, verdict: Verdict) {
        let may_do = |last: &Verdict| last.outcome == Outcome::Soft;
        if verdict.outcome == Outcome::Soft || !self.last.as_ref().is_some_and(may_do) {
            self.last = Some(verdict);
        }
    }

    /// The host's addresses that the source can reach, in the order to try them.
    async fn addresses(&mut self, host: &MxHost) -> Option<Vec<IpAddr>> {
        let found = match host {
            MxHost::Address(ip) => HostAnswer::Addresses(vec![*ip]),
            MxHost::Name(name) => self.deps.dns.addresses(name).await.answer,
        };
        let found = match found {
            HostAnswer::Addresses(addresses) => addresses,
            HostAnswer::NoAddresses => return None,
            HostAnswer::Failed(reason) => {
                self.failed(Verdict::dns_failure(&format!("{host}: {reason}")));
                return None;
            }
        };
        let source = &self.plan.source;
        let reachable: Vec<_> =
            found.into_iter().filter(|ip| source.bind_for(*ip) != Bind::Impossible).collect();
        if reachable.is_empty() {
            let why = format!("{host} has no address of a family that source {} has", source.name);
            self.failed(Verdict::connect_failure(&why));
            return None;
        }
        Some(self.plan.notes.in_order(by_family(reachable)))
    }

    /// A session with one address. Opportunistic TLS that fails costs a second connection, without TLS
    /// (RFC 7435: unauthenticated encryption is better than none, and none is better than no mail).
    async fn address(
        &mut self,
        host: &MxHost,
        address: SocketAddr,
        tls: &HostTls,
    ) -> Result<Session, Failed> {
        let stream = self.connect(host, address).await.map_err(Failed::Other)?;
        match self.session(stream, host, address, tls, tls.mode()).await {
            Err(Failed::Tls(verdict)) if tls.falls_back() => {
                tracing::debug!(%host, %address, reason = %verdict, "going on without TLS");
                let stream = self.connect(host, address).await.map_err(Failed::Other)?;
                self.session(stream, host, address, tls, ClientTls::Never).await
            }
            session => session,
        }
    }

    async fn connect(&mut self, host: &MxHost, address: SocketAddr) -> Result<TcpStream, Verdict> {
        let family = Family::of(address.ip());
        let connecting = open(address, self.plan.source.bind_for(address.ip()));
        let refused = |why: &str| Verdict::connect_failure(&format!("{host} [{}]: {why}", address.ip()));
        let connected = match timeout(self.plan.limits.connect_timeout, connecting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) if is_out_of_descriptors(&error) => {
                // Nothing was learnt about the receiver.
                self.no_descriptor = true;
                return Err(refused(&error.to_string()));
            }
            Ok(Err(error)) => Err(refused(&error.to_string())),
            Err(_) => Err(refused("connection timed out")),
        };
        self.plan.notes.family_tried(family, connected.is_ok());
        match connected {
            Ok(stream) => {
                ::metrics::counter!(names::CONNECTIONS_OPENED, "family" => family.as_str()).increment(1);
                self.note_fallback(family);
                Ok(stream)
            }
            Err(verdict) => {
                self.dialogue(host, address.ip(), None).note(|| verdict.to_string());
                ::metrics::counter!(names::CONNECTS_FAILED, "family" => family.as_str()).increment(1);
                self.failed_family = self.failed_family.or(Some(family));
                Err(verdict)
            }
        }
    }

    /// What is told of a connection to `host`.
    fn dialogue(&self, host: &MxHost, ip: IpAddr, port: Option<u16>) -> Dialogue {
        Dialogue::new(self.plan.tracer.as_ref().map(|tracer| tracer.on(connection(host, ip, port))))
    }

    /// Makes it seen that one family failed and the other worked.
    fn note_fallback(&mut self, worked: Family) {
        let Some(failed) = self.failed_family.take().filter(|failed| *failed != worked) else { return };
        ::metrics::counter!(names::FALLBACKS, "from" => failed.as_str(), "to" => worked.as_str())
            .increment(1);
        let reason = self.last.as_ref().map(ToString::to_string).unwrap_or_default();
        let (from, to) = (logged(failed), logged(worked));
        let fallback = Fallback { site: self.plan.target.to_string(), from, to, reason };
        self.deps.events.record(clock::now(), None, Event::Fallback(fallback));
    }

    async fn session(
        &self,
        stream: TcpStream,
        host: &MxHost,
        address: SocketAddr,
        tls: &HostTls,
        mode: ClientTls,
    ) -> Result<Session, Failed> {
        let limits = &self.plan.limits;
        let name = self.plan.source.ehlo.as_ref().unwrap_or(&self.deps.settings.hostname);
        let config = ClientConfig { tls: mode, timeouts: limits.timeouts, ..ClientConfig::new(name.clone()) };
        let peer = PeerFacts {
            site: self.plan.target.to_string(),
            provider: self.plan.provider.clone(),
            host: host.clone(),
            ip: address.ip(),
            source: self.plan.source.name.clone(),
            tls: None,
        };
        let port = stream.local_addr().ok().map(|own| own.port());
        let dialogue = self.dialogue(host, address.ip(), port);
        dialogue.note(|| format!("connected to port {}", address.port()));
        let session = Session::new(ClientSession::new(Arc::new(config)), stream, peer, dialogue);
        let greeted = greet(session, tls, &self.deps.tls).await;
        match &greeted {
            Err(Failed::Tls(verdict)) => self.deps.tls.failed(tls, host, address.ip(), verdict),
            Ok(session) if mode == ClientTls::Opportunistic && session.peer.tls.is_none() => {
                self.deps.tls.not_offered(tls, host, address.ip());
            }
            Ok(_) | Err(Failed::Other(_)) => {}
        }
        greeted
    }
}

fn logged(family: Family) -> LoggedFamily {
    match family {
        Family::V4 => LoggedFamily::V4,
        Family::V6 => LoggedFamily::V6,
    }
}

/// Whether the process, or the whole system, has too many files open.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| errno == Errno::MFILE || errno == Errno::NFILE)
}

/// Connects from the given address.
async fn open(address: SocketAddr, bind: Bind) -> io::Result<TcpStream> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    match bind {
        Bind::Address(local) => socket.bind(SocketAddr::new(local, 0))?,
        Bind::Any => {}
        Bind::Impossible => return Err(io::ErrorKind::AddrNotAvailable.into()),
    }
    let stream = socket.connect(address).await?;
    // Each flight is one write: waiting for more to send only delays it.
    stream.set_nodelay(true)?;
    Ok(stream)
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

enum Failed {
    /// For want of TLS only.
    Tls(Verdict),
    Other(Verdict),
}

/// Drives a new session until it is ready.
async fn greet(mut session: Session, tls: &HostTls, policies: &TlsPolicies) -> Result<Session, Failed> {
    loop {
        match session.poll().await {
            Action::Ready => return Ok(session),
            Action::Read(wait) => session.read(wait).await,
            Action::StartTls => start_tls(&mut session, tls, policies).await,
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

async fn start_tls(session: &mut Session, tls: &HostTls, policies: &TlsPolicies) {
    let Wire::Plain(stream) = std::mem::replace(&mut session.wire, Wire::Gone) else {
        return session.machine.lost(Loss::Eof);
    };
    let host = &session.peer.host;
    let name = match host {
        MxHost::Name(_) => ServerName::try_from(tls.name.clone()),
        MxHost::Address(ip) => Ok(ServerName::from(*ip)),
    };
    let Ok(name) = name else {
        return session.machine.tls_failed(format!("{host} is no name for a certificate"));
    };
    let Some(config) = tls.config.clone() else {
        return session.machine.tls_failed("TLS is not wanted here".to_owned());
    };
    let patience = session.machine.wait().timeout;
    let handshake = TlsConnector::from(config).connect(name, stream);
    match timeout(patience, handshake).await {
        Ok(Ok(stream)) => {
            let facts = policies.established(tls, host, session.peer.ip, stream.get_ref().1);
            session.dialogue.note(|| facts.to_string());
            session.peer.tls = Some(facts);
            session.wire = Wire::Tls(Box::new(stream));
            session.machine.tls_established();
        }
        Ok(Err(error)) => tls_failed(session, handshake_problem(&error)),
        Err(_) => tls_failed(session, "handshake timed out".to_owned()),
    }
}

fn tls_failed(session: &mut Session, why: String) {
    session.dialogue.note(|| format!("TLS failed: {why}"));
    session.machine.tls_failed(why);
}
