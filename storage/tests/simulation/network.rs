//! The network: it carries octets in portions of any size, late, and sometimes not at all.

use super::{Event, World, connection::Connection, hosts::Scene, machine::Step, names::group_of};
use fastrand::Rng;
use mailwright_engine::smtp::client::Loss;
use std::time::Duration;

/// Takes some of the front of `octets`.
fn portion(octets: &mut Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    let some = if rng.bool() { octets.len() } else { rng.usize(0..=octets.len()) };
    octets.drain(..some).collect()
}

impl Connection {
    /// Writes some of what is to be written.
    fn write(&mut self, rng: &mut Rng) {
        self.to_server.extend(portion(&mut self.out, rng));
        if self.writes_body && self.out.is_empty() {
            self.writes_body = false;
            self.session.body_sent();
        }
    }
}

impl World {
    /// The network carries something after a moment.
    pub(super) fn move_soon(&mut self, id: u64) {
        let latency = self.rng.u64(1..150);
        self.agenda.after(Duration::from_millis(latency), Event::Move(id));
    }

    /// Octets travel, some of them, both ways.
    pub(super) fn carry_octets(&mut self, id: u64) {
        let now = self.now();
        let Some(connection) = self.node.connections.get_mut(&id) else { return };
        connection.write(&mut self.rng);
        let Some((name, peer)) = &mut connection.peer else { return };
        let host = self.hosts.get_mut(name).unwrap();
        let traffic = &self.traffic[group_of(name)];
        let mut scene = Scene { now, traffic, books: &mut self.books };
        let sent = portion(&mut connection.to_server, &mut self.rng);
        host.receive(peer, &sent, &mut scene);
        let arrives = if peer.busy_until <= now { portion(&mut peer.out, &mut self.rng) } else { Vec::new() };
        connection.session.receive(&arrives);
    }

    /// The connection is lost, as far as we know; what was written may arrive yet.
    pub(super) fn breaks(&mut self, id: u64, loss: Loss) {
        let now = self.now();
        let Some(connection) = self.node.connections.get_mut(&id) else { return };
        if let Some((name, peer)) = &mut connection.peer {
            let host = self.hosts.get_mut(name).unwrap();
            if self.rng.bool() {
                let traffic = &self.traffic[group_of(name)];
                let mut scene = Scene { now, traffic, books: &mut self.books };
                peer.busy_until = peer.busy_until.min(now);
                host.receive(peer, &std::mem::take(&mut connection.to_server), &mut scene);
            }
            peer.is_closed = true;
            peer.out.clear();
        }
        connection.out.clear();
        connection.to_server.clear();
        connection.session.lost(loss);
    }

    /// Whether there is something to wait for; if not, the session has been told that the peer is gone.
    pub(super) fn waits(&mut self, id: u64, timeout: Duration) -> bool {
        let now = self.now();
        let Some(connection) = self.node.connections.get_mut(&id) else { return true };
        let Some((_, peer)) = &connection.peer else { return true };
        let silent_until = peer.busy_until;
        let is_sending = !connection.out.is_empty() || !connection.to_server.is_empty();
        let under_way = !peer.out.is_empty() || !peer.is_closed && is_sending;
        if under_way && silent_until <= now {
            self.move_soon(id);
        } else if peer.is_closed && silent_until <= now {
            self.breaks(id, Loss::Eof);
            return false;
        } else {
            let event = Event::TimedOut(id, connection.moves);
            self.agenda.after(timeout, event);
            if silent_until > now {
                self.agenda.at(silent_until, Event::Move(id));
            }
        }
        true
    }

    /// The peer has been silent for too long, unless something has come meanwhile.
    pub(super) fn times_out(&mut self, id: u64, moves: u64) -> Step {
        if self.connection(id).is_some_and(|connection| connection.moves == moves) {
            self.breaks(id, Loss::TimedOut);
            return self.pump(id);
        }
        Ok(())
    }
}
