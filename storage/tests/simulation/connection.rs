//! A connection: the engine's client session at one end, a receiver at the other.

use super::{
    Event, World,
    hosts::{Down, Peer},
    machine::Step,
    names::Addresses,
    site::Site,
    transaction::Delivery,
};
use fastrand::Rng;
use mailwright_engine::{
    class::TenantName,
    classify::Judged,
    smtp::{
        client::{
            Action, Chunking, ClientConfig, ClientSession, ClientTls, CloseReason, Framing, Loss, dot_stuff,
        },
        verdict::{Outcome, Verdict},
    },
    time::UnixMillis,
};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// What a delivery came to, as far as the site is concerned.
pub(super) struct Report {
    pub(super) tenant: Option<TenantName>,
    pub(super) attempt: Vec<Judged>,
}

/// A connection.
pub(super) struct Connection {
    pub(super) site: String,
    /// Since when it is being made, or carries what it carries.
    pub(super) since: UnixMillis,
    config: Arc<ClientConfig>,
    connect_timeout: Duration,
    pub(super) session: ClientSession,
    /// Hosts not tried yet.
    hosts: VecDeque<String>,
    pub(super) peer: Option<(String, Peer)>,
    /// Why there is no session yet.
    last: Option<Verdict>,
    /// What is to be written.
    pub(super) out: Vec<u8>,
    /// What was written and the network has not carried yet.
    pub(super) to_server: Vec<u8>,
    /// Whether content is among it.
    pub(super) writes_body: bool,
    is_established: bool,
    pub(super) delivery: Option<Delivery>,
    pub(super) report: Option<Report>,
    pub(super) carried: u32,
    /// Whether its last delivery came back untried.
    pub(super) was_cut_short: bool,
    /// Counts what it does: a time-out is one only if nothing was done since.
    pub(super) moves: u64,
}

impl Connection {
    /// A connection to be made to one of the site's hosts.
    pub(super) fn new(name: &str, site: &Site, rng: &mut Rng, now: UnixMillis) -> Self {
        let chunking = if rng.bool() { Chunking::WhenOffered } else { Chunking::Never };
        let config = ClientConfig { tls: ClientTls::Never, chunking, ..ClientConfig::new("us.example") };
        let config = Arc::new(config);
        Self {
            site: name.to_owned(),
            since: now,
            connect_timeout: site.limits.connect_timeout,
            session: ClientSession::new(Arc::clone(&config)),
            config,
            hosts: site.hosts.iter().cloned().collect(),
            peer: None,
            last: None,
            out: Vec::new(),
            to_server: Vec::new(),
            writes_body: false,
            is_established: false,
            delivery: None,
            report: None,
            carried: 0,
            was_cut_short: false,
            moves: 0,
        }
    }

    /// Puts the content on the wire, once.
    fn write_body(&mut self, framing: Framing) {
        if std::mem::replace(&mut self.writes_body, true) {
            return;
        }
        let delivery = self.delivery.as_mut().unwrap();
        delivery.past_dot = true;
        let body = &delivery.message.content.body;
        match framing {
            Framing::Dot => dot_stuff(body).for_each(|piece| self.out.extend_from_slice(piece)),
            Framing::Bdat => self.out.extend_from_slice(body),
        }
    }
}

impl World {
    pub(super) fn connection(&mut self, id: u64) -> Option<&mut Connection> {
        self.node.connections.get_mut(&id)
    }

    /// The network carries something.
    pub(super) fn moves(&mut self, id: u64) -> Step {
        let breaks = self.mishap(4);
        let Some(connection) = self.connection(id) else { return Ok(()) };
        connection.moves += 1;
        if connection.peer.is_none() {
            return self.connect(id);
        }
        if breaks {
            self.breaks(id, Loss::Reset("reset by peer".to_owned()));
        } else {
            self.carry_octets(id);
        }
        self.pump(id)
    }

    /// Tries the next host.
    fn connect(&mut self, id: u64) -> Step {
        let now = self.now();
        let connection = self.node.connections.get_mut(&id).unwrap();
        let Some(name) = connection.hosts.pop_front() else { return self.ended(id) };
        let failed = match self.names.addresses(&name) {
            Addresses::None => connection.last.take(),
            Addresses::Failed => Some(Verdict::dns_failure(&format!("{name}: SERVFAIL"))),
            Addresses::One => match self.hosts[&name].down {
                Some(Down::Refuses) => Some(Verdict::connect_failure(&format!("{name}: refused"))),
                Some(Down::Silent) => {
                    connection.last =
                        Some(Verdict::connect_failure(&format!("{name}: connection timed out")));
                    self.agenda.after(connection.connect_timeout, Event::Move(id));
                    return Ok(());
                }
                None => {
                    let peer = self.hosts.get_mut(&name).unwrap().connect(now);
                    connection.session = ClientSession::new(Arc::clone(&connection.config));
                    connection.peer = Some((name, peer));
                    self.move_soon(id);
                    return Ok(());
                }
            },
        };
        connection.last = failed;
        self.move_soon(id);
        Ok(())
    }

    /// The process that made the connection is gone.
    pub(super) fn lose(&mut self, id: u64) {
        self.breaks(id, Loss::Eof);
        let connection = self.node.connections.remove(&id).unwrap();
        if let Some((name, peer)) = &connection.peer {
            self.hosts.get_mut(name).unwrap().leave(peer);
        }
    }

    /// Does what the session says until it must wait.
    pub(super) fn pump(&mut self, id: u64) -> Step {
        while let Some(connection) = self.connection(id) {
            match connection.session.poll(&mut connection.out) {
                Action::Read(wait) => {
                    if self.waits(id, wait.timeout) {
                        return Ok(());
                    }
                }
                Action::WriteBody(framing) => {
                    connection.write_body(framing);
                    if self.waits(id, Duration::from_secs(180)) {
                        return Ok(());
                    }
                }
                Action::Finished(result) => self.finished(id, *result)?,
                Action::Ready => return self.is_ready(id),
                Action::StartTls => unreachable!("TLS is not wanted"),
                Action::Closed(reason) => return self.closed(id, &reason),
            }
        }
        Ok(())
    }

    /// The session can take a message.
    fn is_ready(&mut self, id: u64) -> Step {
        let connection = self.connection(id).unwrap();
        let site = connection.site.clone();
        if !std::mem::replace(&mut connection.is_established, true) {
            self.connected(&site, id)?;
        }
        self.next_delivery(&site, id)
    }

    /// Says QUIT.
    pub(super) fn quit(&mut self, id: u64) -> Step {
        self.connection(id).unwrap().session.quit();
        self.pump(id)
    }

    /// The session is over. If it never was ready, another host may do.
    fn closed(&mut self, id: u64, reason: &CloseReason) -> Step {
        let connection = self.node.connections.get_mut(&id).unwrap();
        if connection.is_established {
            return self.ended(id);
        }
        if let CloseReason::Failed(failure) = reason {
            connection.last = Some(Verdict { outcome: Outcome::Soft, ..failure.verdict() });
        }
        if let Some((name, peer)) = connection.peer.take() {
            self.hosts.get_mut(&name).unwrap().leave(&peer);
        }
        connection.out.clear();
        connection.to_server.clear();
        self.connect(id)
    }

    /// The connection is no more.
    fn ended(&mut self, id: u64) -> Step {
        let now = self.now();
        let connection = self.node.connections.remove(&id).unwrap();
        if let Some((name, peer)) = &connection.peer {
            self.hosts.get_mut(name).unwrap().leave(peer);
        }
        let name = connection.site;
        let site = self.site(&name);
        site.connections.remove(&id);
        site.opening.remove(&id);
        site.idle.retain(|other| *other != id);
        let host = site.hosts[0].clone();
        let events = match connection.was_cut_short {
            true => site.governor.session_cut_short(connection.carried, now),
            false => Vec::new(),
        };
        self.traffic_of(&host).disconnects();
        self.carry_out(&name, &events)?;
        if !connection.is_established {
            let verdict = connection.last.unwrap_or_else(|| Verdict::no_mail_host(&name));
            return self.not_established(&name, verdict);
        }
        if let Some(report) = connection.report {
            self.attempt_finished(&name, &report)?;
        }
        self.advance_site(&name)
    }
}
