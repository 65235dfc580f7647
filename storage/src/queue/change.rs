//! What a journal record does to the queue.

use super::entry::{EntryKey, Location, Outcome, QueueEntry};
use crate::{content::StoredMessage, journal::record::Record};
use mailwright_engine::time::UnixMillis;
use std::sync::Arc;

/// One journalled change, in journal order.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A new message; its content comes along while the memory budget allows.
    Accepted { entries: Vec<QueueEntry>, message: Option<Arc<StoredMessage>> },
    /// A message copied forward.
    Relocated(Vec<QueueEntry>),
    /// Final dots about to go out.
    Intent(Vec<EntryKey>),
    /// What an attempt did.
    Outcome(Box<Outcome>),
    /// Doubts counted at a start.
    DoubtSettled(Vec<EntryKey>),
    /// Entries that are gone whatever a relocation said.
    Dropped(Vec<EntryKey>),
}

impl Change {
    /// The change that a record read back from the journal makes.
    pub(crate) fn from_record(record: Record, location: Location) -> Self {
        let mut change = match record {
            Record::Accepted { envelope, due } => Self::accepted(&envelope, due),
            Record::Relocated { entries, .. } => Self::Relocated(entries),
            Record::Intent(keys) => Self::Intent(keys),
            Record::Outcome(outcome) => Self::Outcome(Box::new(outcome)),
            Record::DoubtSettled(keys) => Self::DoubtSettled(keys),
            Record::Dropped(keys) => Self::Dropped(keys),
        };
        change.set_location(location);
        change
    }

    fn accepted(envelope: &mailwright_engine::envelope::Envelope, due: UnixMillis) -> Self {
        Self::Accepted { entries: QueueEntry::for_envelope(envelope, due), message: None }
    }

    /// How many entries more it leaves, taken by itself.
    pub(crate) fn entries(&self) -> i64 {
        match self {
            Self::Accepted { entries, .. } => i64::try_from(entries.len()).unwrap_or(i64::MAX),
            Self::Outcome(outcome) if outcome.after.is_none() => -1,
            _ => 0,
        }
    }

    /// Tells the entries of a stored message where its record is.
    pub(crate) fn set_location(&mut self, location: Location) {
        if let Self::Accepted { entries, .. } | Self::Relocated(entries) = self {
            for entry in entries {
                entry.location = location;
            }
        }
    }
}
