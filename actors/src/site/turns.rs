//! How the sessions of a site go: what each connection has carried, and what its messages took. The governor
//! learns from it how long a session should be.

use super::Site;
use crate::{clock, connection::ConnectionId, delivery::Delivery};
use std::time::Instant;
use tokio::sync::oneshot;

/// A connection that is free for a delivery.
#[derive(Debug)]
pub struct FreeConnection {
    /// Which.
    pub id: ConnectionId,
    /// Where the delivery goes; dropped, the connection says QUIT.
    pub reply: oneshot::Sender<Delivery>,
}

/// What a connection is at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Since when.
    since: Instant,
    carried: u32,
    /// Whether it has a delivery.
    busy: bool,
}

impl Turn {
    /// A connection that is being made.
    pub(super) fn opening() -> Self {
        Self { since: Instant::now(), carried: 0, busy: false }
    }
}

impl Site {
    /// A connection is ready for its first message.
    pub(super) fn turns_begin(&mut self, id: ConnectionId) {
        if let Some(turn) = self.turns.get(&id) {
            self.governor.session_opened(turn.since.elapsed());
        }
    }

    /// A connection is given a delivery.
    pub(super) fn turn_begins(&mut self, id: ConnectionId) {
        if let Some(turn) = self.turns.get_mut(&id) {
            (turn.since, turn.busy) = (Instant::now(), true);
        }
    }

    /// There was nothing for it after all.
    pub(super) fn turn_lapses(&mut self, id: ConnectionId) {
        if let Some(turn) = self.turns.get_mut(&id) {
            turn.busy = false;
        }
    }

    /// A connection has carried its delivery and asks for the next.
    pub(super) fn turn_ends(&mut self, id: ConnectionId) {
        let Some(turn) = self.turns.get_mut(&id) else { return };
        let (before, took) = (turn.carried, turn.since.elapsed());
        turn.busy = false;
        turn.carried = before.saturating_add(1);
        let events = self.governor.session_carried(before, took, clock::now());
        self.tell(events);
    }

    /// Whether a connection has carried as much as one should.
    pub(super) fn has_done_its_part(&self, id: ConnectionId) -> bool {
        self.turns.get(&id).is_some_and(|turn| turn.carried >= self.governor.session_length())
    }

    /// A connection has ended; `untried` if it reported on no delivery as it did.
    pub(super) fn turns_end(&mut self, id: ConnectionId, untried: bool) {
        let Some(turn) = self.turns.remove(&id).filter(|turn| untried && turn.busy) else { return };
        let events = self.governor.session_cut_short(turn.carried, clock::now());
        self.tell(events);
    }
}
