//! What the queue holds: one entry for each message and destination domain.

use super::last::LastAttempt;
use mailwright_engine::{
    address::Domain, class::QueueClass, dsn::DelayWarning, envelope::Envelope, id::QueueId,
    smtp::verdict::Verdict, time::UnixMillis,
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
    /// Sorts before every other: no message has this id.
    pub(crate) const FIRST: Self = Self { id: QueueId::from_raw(0), group: 0 };
    /// Sorts after every other.
    pub(crate) const LAST: Self = Self { id: QueueId::from_raw(u64::MAX), group: u16::MAX };
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
    /// What it is scheduled by within the domain.
    pub class: QueueClass,
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
    /// From when its age counts: when we took responsibility, or the time for which it was scheduled.
    pub accepted_at: UnixMillis,
    /// When it is given up, if the message itself says so.
    pub expires_at: Option<UnixMillis>,
    /// Recipients still to be served, as indexes into [`Envelope::recipients`].
    pub pending: Vec<u16>,
    /// Where envelope and content are.
    pub location: Location,
    /// What came of the last attempt; `None` before the first. Apart, since most entries in memory have none.
    pub last: Option<Box<LastAttempt>>,
    /// Whether the sender was told that it is late.
    pub warning: DelayWarning,
    /// How many changes it has seen; [`Outcome::new`] counts.
    pub revision: u32,
}

impl QueueEntry {
    /// The entries that a freshly accepted message makes, all due at the same time.
    pub fn for_envelope(envelope: &Envelope, due: UnixMillis) -> Vec<Self> {
        let class = envelope.class();
        let since = if envelope.schedule.is_some() { due } else { envelope.accepted_at };
        let expires_at = envelope.expires_after.map(|age| since.saturating_add(age));
        let first_group = envelope.schedule.map_or(0, |schedule| schedule.first_group);
        (first_group..=u16::MAX)
            .zip(envelope.groups())
            .map(|(group, recipients)| Self {
                place: EntryPlace {
                    key: EntryKey { id: envelope.id, group },
                    domain: recipients.domain,
                    class: class.clone(),
                    due,
                },
                attempts: 0,
                accepted_at: since,
                expires_at,
                pending: recipients.recipients,
                location: Location::default(),
                last: None,
                warning: DelayWarning::NotSent,
                revision: 0,
            })
            .collect()
    }

    /// This entry's name.
    pub fn key(&self) -> EntryKey {
        self.place.key
    }

    /// Whether it waits, at `now`, for a time that its sender asked for.
    pub fn is_scheduled(&self, now: UnixMillis) -> bool {
        self.attempts == 0 && self.last.is_none() && self.place.due > now
    }

    /// Whether it has seen more changes than `other`, a record of the same entry, knows of. Two changes made
    /// at once count as one; then attempts, which only rise, and pending recipients, which only go, tell.
    pub(crate) fn is_ahead_of(&self, other: &Self) -> bool {
        let mine = (self.revision, self.attempts, other.pending.len());
        mine > (other.revision, other.attempts, self.pending.len())
    }
}

/// The classes of a domain that have due entries, as of a position in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueClasses {
    /// Each with the time its first entry was due, in the order of classes: urgent ones first.
    pub classes: Vec<(QueueClass, UnixMillis)>,
    /// Every acceptance and outcome before this position is reflected, none at or after it.
    pub position: u64,
}

/// The due entries of a class of a domain, as of a position in the journal.
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

/// Who changed an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangedBy {
    /// The delivery that had it in hand: its attempt is over, and with it any doubt.
    Delivery,
    /// Somebody else, as an operator who moves it: a delivery may go on meanwhile.
    Operator,
}

/// What one attempt, or an operator, did to one entry: journalled, then applied to the queue.
///
/// Changes of one entry may cross, as when an operator moves it while it is being delivered. Then neither is
/// lost and no recipient that one of them settled comes back; of two new due times or classes the one
/// journalled later counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// Where the entry stood when the attempt began, or when the operator looked.
    pub before: EntryPlace,
    /// What each recipient that was tried got. Empty when only the schedule changes.
    pub results: Vec<RecipientResult>,
    /// The entry as it waits on, or `None` when every recipient is settled.
    pub after: Option<QueueEntry>,
    /// Whose doing it is.
    pub by: ChangedBy,
}

impl Outcome {
    /// What an attempt did to an entry that stood at `before`. `after` is the entry as the attempt was given it,
    /// with the changes: attempts may only rise, pending recipients only go, and all else may change but its
    /// name, domain and location. `None` settles it.
    pub fn new(before: EntryPlace, results: Vec<RecipientResult>, after: Option<QueueEntry>) -> Self {
        Self { before, results, after: after.map(counted), by: ChangedBy::Delivery }
    }

    /// What an operator does to an entry that stood at `before`: as [`Outcome::new`], `None` cancels it.
    pub fn by_operator(before: EntryPlace, after: Option<QueueEntry>) -> Self {
        Self { before, results: Vec::new(), after: after.map(counted), by: ChangedBy::Operator }
    }
}

fn counted(entry: QueueEntry) -> QueueEntry {
    QueueEntry { revision: entry.revision.saturating_add(1), ..entry }
}
