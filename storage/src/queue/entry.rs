//! What the queue holds: one entry for each message and destination domain.

use mailwright_engine::{
    address::Domain, envelope::Envelope, id::QueueId, smtp::verdict::Verdict, time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A position in the journal: octets since its beginning, over all segments there ever were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Location {
    /// The position of the record (log sequence number).
    pub lsn: u64,
    /// The record's length in octets.
    pub len: u32,
}

/// The name of a queue entry: a message and the position of the destination in [`Envelope::groups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryKey {
    /// The message.
    pub id: QueueId,
    /// Which of its recipient groups.
    pub group: u16,
}

impl EntryKey {
    /// Sorts before every other.
    pub(crate) const FIRST: Self = Self { id: QueueId::from_raw(0), group: 0 };
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.id, self.group)
    }
}

/// Where an entry stands in the queue's order; changes with each rescheduling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EntryPlace {
    /// The entry.
    pub key: EntryKey,
    /// Its destination.
    pub domain: Domain,
    /// When it may next be tried.
    pub due: UnixMillis,
}

/// A message waiting for delivery to one destination domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Where it stands.
    pub place: EntryPlace,
    /// Attempts made.
    pub attempts: u32,
    /// When we took responsibility.
    pub accepted_at: UnixMillis,
    /// Recipients still to be served, as indexes into [`Envelope::recipients`].
    pub pending: Vec<u16>,
    /// Where envelope and content are.
    pub location: Location,
}

impl QueueEntry {
    /// The entries that a freshly accepted message makes, all due at once.
    pub fn for_envelope(envelope: &Envelope, due: UnixMillis) -> Vec<Self> {
        (0u16..)
            .zip(envelope.groups())
            .map(|(group, recipients)| Self {
                place: EntryPlace {
                    key: EntryKey { id: envelope.id, group },
                    domain: recipients.domain,
                    due,
                },
                attempts: 0,
                accepted_at: envelope.accepted_at,
                pending: recipients.recipients,
                location: Location::default(),
            })
            .collect()
    }

    /// This entry's name.
    pub fn key(&self) -> EntryKey {
        self.place.key
    }

    /// Whether more attempts were made than `other`, a record of the same entry, knows of: attempts only
    /// rise and pending recipients only go.
    pub(crate) fn is_ahead_of(&self, other: &Self) -> bool {
        (self.attempts, other.pending.len()) > (other.attempts, self.pending.len())
    }
}

/// The due entries of a domain, as of a position in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueEntries {
    /// Earliest first.
    pub entries: Vec<QueueEntry>,
    /// Every acceptance and outcome before this position is reflected, none at or after it.
    pub position: u64,
}

/// What became of one recipient in one attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecipientResult {
    /// Index into [`Envelope::recipients`].
    pub recipient: u16,
    /// The verdict, with the receiver's words.
    pub verdict: Verdict,
}

/// What one attempt did to one entry: journalled, then applied to the queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Where the entry stood when the attempt began.
    pub before: EntryPlace,
    /// What each recipient that was tried got. Empty when only the schedule changes.
    pub results: Vec<RecipientResult>,
    /// The entry as it waits on, or `None` when every recipient is settled.
    pub after: Option<QueueEntry>,
}
