//! What the world knows of a spool: what it was told, hence what must be there after a power cut.

use crate::common::{Server, envelope, key};
use mailwright_storage::EntryKey;
use std::collections::{BTreeMap, BTreeSet};

/// The domains of each message.
pub(crate) const TO: [&str; 2] = ["a@one.example", "b@two.example"];

/// Something the world does with a spool, or hears of it.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// A message of so many octets is being handed in.
    HandingIn { id: u64, size: usize },
    /// It was accepted.
    Accepted { id: u64 },
    /// An entry's final dot is about to go out: the intent was asked for.
    Intending(EntryKey),
    /// The intent is safe: the dot goes out.
    Intended(EntryKey),
    /// The receiver has taken it; that is being recorded.
    Delivered(EntryKey),
    /// The receiver wants it later; that is being recorded.
    Deferred(EntryKey),
}

/// What is known at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    sizes: BTreeMap<u64, usize>,
    /// Acknowledged and not delivered.
    must: BTreeSet<EntryKey>,
    /// Handed in and not acknowledged, or delivered and perhaps not recorded.
    may: BTreeSet<EntryKey>,
    /// Deliveries that may have reached their receiver before somebody heard of it.
    dot_sent: BTreeSet<EntryKey>,
    /// Deliveries that may have an intent in the journal.
    intending: BTreeSet<EntryKey>,
    delivered: BTreeSet<EntryKey>,
    /// Doubts that a start has told.
    told_doubts: BTreeSet<EntryKey>,
}

fn keys(id: u64) -> impl Iterator<Item = EntryKey> {
    (0..).zip(TO).map(move |(group, _)| key(id, group))
}

impl Known {
    pub(crate) fn hear(&mut self, told: &Told) {
        match told {
            Told::HandingIn { id, size } => {
                self.sizes.insert(*id, *size);
                self.may.extend(keys(*id));
            }
            Told::Accepted { id } => {
                self.must.extend(keys(*id));
                self.may.retain(|key| key.id.as_raw() != *id);
            }
            Told::Intending(key) => drop(self.intending.insert(*key)),
            Told::Intended(key) => drop(self.dot_sent.insert(*key)),
            Told::Delivered(key) => {
                self.must.remove(key);
                self.may.insert(*key);
                self.delivered.insert(*key);
            }
            Told::Deferred(key) => drop(self.dot_sent.remove(key)),
        }
    }

    /// Asserts that a start found what must be there, nothing else, and named every delivery that may be made a
    /// second time. What it found is what must be there from now on.
    pub(crate) fn check(&mut self, server: &Server, context: &str) {
        let doubts: BTreeSet<_> = server.recovery.in_doubt.iter().copied().collect();
        assert!(doubts.is_subset(&self.intending), "{context}: doubts {doubts:?} without an intent");
        self.told_doubts.extend(doubts);
        let mut present = BTreeSet::new();
        for key in self.must.union(&self.may) {
            match server.get(*key) {
                Some(entry) => {
                    let id = key.id.as_raw();
                    server.assert_loads(&entry, &envelope(id, &TO), self.sizes[&id]);
                    present.insert(*key);
                }
                None => assert!(!self.must.contains(key), "{context}: {key} was acknowledged and is lost"),
            }
        }
        assert_eq!(server.recovery.entries, present.len() as u64, "{context}: entries that nobody sent");
        for key in present.intersection(&self.dot_sent) {
            assert!(self.told_doubts.contains(key), "{context}: {key} may arrive twice and nobody knows");
        }
        // A queue state may know of a delivery whose record the journal has lost; without it the entry is back.
        self.may.retain(|key| self.delivered.contains(key) && !present.contains(key));
        self.must = present;
    }

    /// Entries not delivered as far as anybody knows.
    pub(crate) fn waiting(&self) -> Vec<EntryKey> {
        self.must.iter().copied().collect()
    }
}
