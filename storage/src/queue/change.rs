//! What a journal record does to the queue.

use super::entry::{EntryKey, Location, Outcome, QueueEntry};
use crate::{content::StoredMessage, journal::record::Record};
use mailwright_engine::limits::Counted;
use std::sync::Arc;

/// One journalled change, in journal order.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A new message, in the place of `replaces` if there are any; its content comes along while the memory budget
    /// allows, and what it adds to the counts of limits.
    Accepted {
        entries: Vec<QueueEntry>,
        replaces: Vec<EntryKey>,
        message: Option<Arc<StoredMessage>>,
        counted: Option<Box<Counted>>,
    },
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
            Record::Accepted { envelope, due, replaces } => {
                let entries = QueueEntry::for_envelope(&envelope, due);
                Self::Accepted { entries, replaces, message: None, counted: None }
            }
            Record::Relocated { entries, .. } => Self::Relocated(entries),
            Record::Intent(keys) => Self::Intent(keys),
            Record::Outcome(outcome) => Self::Outcome(Box::new(outcome)),
            Record::DoubtSettled(keys) => Self::DoubtSettled(keys),
            Record::Dropped(keys) => Self::Dropped(keys),
        };
        change.set_location(location);
        change
    }

    /// How many entries more it leaves, taken by itself.
    pub(crate) fn entries(&self) -> i64 {
        match self {
            Self::Accepted { entries, replaces, .. } => {
                let count = |entries: usize| i64::try_from(entries).unwrap_or(i64::MAX);
                count(entries.len()) - count(replaces.len())
            }
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
