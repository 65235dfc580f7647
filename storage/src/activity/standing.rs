//! How a recipient stands that is stored: what it is counted by.

use super::{
    change::RecipientChange,
    counts::{Counted, LastEvent, Stand},
    model::{Direction, Status, TAKEN},
    statements,
};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, Row};

/// How a recipient stands. By itself: one that was accepted, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    event: LastEvent,
    /// Octets of its message.
    pub(super) size: i64,
    /// Milliseconds from the acceptance until its server took the message, whatever came later.
    pub(super) took: Option<i64>,
    status: i64,
    class: String,
    code: String,
    attempts: i64,
    complained: bool,
    unsubscribed: bool,
}

/// A recipient that is stored.
pub(super) struct Stored {
    pub(super) key: i64,
    pub(super) kind: i64,
    /// What happened to it last is its kind's to say.
    pub(super) standing: Standing,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            event: LastEvent::Accepted,
            size: 0,
            took: None,
            status: Status::Sent.stored(),
            class: String::new(),
            code: String::new(),
            attempts: 0,
            complained: false,
            unsubscribed: false,
        }
    }
}

impl Standing {
    /// The same of a message of `size` octets.
    pub(super) fn of_size(self, size: i64) -> Self {
        Self { size, ..self }
    }

    /// The same, this having happened last.
    pub(super) fn after(self, event: LastEvent) -> Self {
        Self { event, ..self }
    }

    /// Changes it as its row is changed.
    pub(super) fn apply(&mut self, change: &RecipientChange, accepted: UnixMillis) {
        if let Some(state) = &change.state {
            self.status = state.status.stored();
            self.event = state.event;
            self.class = state.class.clone().unwrap_or(std::mem::take(&mut self.class));
            self.code = state.code.clone().unwrap_or(std::mem::take(&mut self.code));
        }
        if let Some(delivered) = change.delivered {
            self.took = i64::try_from(delivered.since(accepted).as_millis()).ok();
        }
        self.attempts = change.attempts.map_or(self.attempts, i64::from);
        self.complained |= change.complained.is_some();
        self.unsubscribed |= change.unsubscribed.is_some();
    }

    /// What it is counted by, of mail that goes this way.
    pub(super) fn stand(&self, direction: Direction) -> Stand {
        let event = match (direction, self.event) {
            (Direction::Routing, LastEvent::Delivered) => LastEvent::Forwarded,
            (_, event) => event,
        };
        Stand::of(Status::of_stored(self.status, direction), event, &self.class, &self.code)
    }

    /// What it counts for.
    pub(super) fn counted(&self, kind: i64) -> Counted {
        Counted {
            kind,
            size: self.size,
            attempts: self.attempts,
            complained: self.complained,
            unsubscribed: self.unsubscribed,
            took: self.took.filter(|_| self.status == TAKEN),
        }
    }
}

/// The recipients of mail that goes this way, from one key on and below another.
pub(super) fn standings(
    db: &Connection,
    direction: Direction,
    from: i64,
    below: i64,
) -> rusqlite::Result<Vec<Stored>> {
    let mut select = db.prepare_cached(statements::standing(direction))?;
    let rows = select.query_map([from, below], read)?;
    rows.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let standing = Standing {
        event: LastEvent::Accepted,
        status: row.get(2)?,
        class: row.get(3)?,
        code: row.get(4)?,
        attempts: row.get(5)?,
        complained: row.get(6)?,
        unsubscribed: row.get(7)?,
        took: row.get(8)?,
        size: row.get(9)?,
    };
    Ok(Stored { key: row.get(0)?, kind: row.get(1)?, standing })
}
