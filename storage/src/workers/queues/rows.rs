//! The database of queues.

use super::{BodyKind, Consumer, Queue, QueueDraft, QueueError};
use crate::{
    error::StorageError,
    workers::database::{Schema, time},
};
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

/// `about` is what a queue and its consumer are, as JSON. `messages` and `octets` are of what waits, the others count what
/// ever happened. A message's number orders those that are due at the same time; it
/// `arrived` in its queue when it was `sent`, or when it became a dead letter there. Its body comes last, so that others are
/// counted without it.
pub(super) const SCHEMA: Schema = Schema {
    name: "queues",
    number: 1,
    tables: "
    CREATE TABLE queues (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        account TEXT NOT NULL,
        name TEXT NOT NULL,
        created INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        about TEXT NOT NULL,
        removed INTEGER NOT NULL DEFAULT 0,
        messages INTEGER NOT NULL DEFAULT 0,
        octets INTEGER NOT NULL DEFAULT 0,
        sent INTEGER NOT NULL DEFAULT 0,
        acknowledged INTEGER NOT NULL DEFAULT 0,
        dead INTEGER NOT NULL DEFAULT 0,
        dropped INTEGER NOT NULL DEFAULT 0,
        expired INTEGER NOT NULL DEFAULT 0,
        purged INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX queues_of_account ON queues (account);
    CREATE INDEX removed_queues ON queues (n) WHERE removed;
    CREATE TABLE messages (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        queue INTEGER NOT NULL,
        due INTEGER NOT NULL,
        sent INTEGER NOT NULL,
        arrived INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        octets INTEGER NOT NULL,
        id TEXT NOT NULL,
        kind TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX messages_by_due ON messages (queue, due);
    CREATE INDEX messages_by_age ON messages (queue, arrived);
",
};

/// Octets that a message takes beside its body.
pub(super) const OVERHEAD: usize = 200;

/// What is kept of a queue as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct About {
    #[serde(flatten)]
    pub(super) draft: QueueDraft,
    pub(super) consumer: Option<Consumer>,
}

impl About {
    /// Of a queue, as its row has it.
    pub(super) fn of(queue: &Queue) -> Result<String, StorageError> {
        let about = Self { draft: queue.draft.clone(), consumer: queue.consumer.clone() };
        serde_json::to_string(&about).map_err(|error| StorageError::format("queue", error))
    }
}

/// The queues that there are, with their numbers.
pub(super) fn queues(db: &Connection) -> Result<Vec<(i64, Queue)>, QueueError> {
    let select = "SELECT n, id, account, name, created, modified, about FROM queues WHERE NOT removed";
    let mut select = db.prepare(select)?;
    let mut rows = select.query([])?;
    let mut queues = Vec::new();
    while let Some(row) = rows.next()? {
        queues.push((row.get("n")?, queue(row)?));
    }
    Ok(queues)
}

fn queue(row: &Row<'_>) -> Result<Queue, QueueError> {
    let unread = |error| StorageError::format("queue", error);
    let about = row.get::<_, String>("about")?;
    let About { draft, consumer } =
        serde_json::from_str(&about).map_err(|error| StorageError::format("queue", error))?;
    Ok(Queue {
        id: row.get::<_, String>("id")?.parse().map_err(unread)?,
        account: row.get::<_, String>("account")?.parse().map_err(unread)?,
        name: row.get("name")?,
        created: time(row.get("created")?),
        modified: time(row.get("modified")?),
        draft,
        consumer,
    })
}

/// The kind that a row names.
pub(super) fn kind(word: &str) -> Result<BodyKind, StorageError> {
    BodyKind::parse(word).ok_or_else(|| StorageError::format("queue", format!("{word:?} is no kind of body")))
}
