//! The queue state: newest changes in memory over the stored rest. `due` answers
//! what is asked of it, `checkpoint` stores it.

mod checkpoint;
mod due;

use super::{
    change::Change,
    crossed::Crossed,
    entry::{ChangedBy, EntryKey, EntryPlace, Location, Outcome, QueueEntry},
    merge::{Counting, merge},
    store::{QueueStore, Reflects},
};
use crate::{error::StorageError, journal::segment::Segments};
use mailwright_engine::{address::Domain, class::QueueClass, time::UnixMillis};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// What the stored state does not know yet of one entry.
#[derive(Debug)]
enum Newer {
    /// The entry as it is now, and its place in the stored state if it has one there.
    Is { entry: Box<QueueEntry>, stored: Option<EntryPlace> },
    /// Settled; the stored state still has it at this place.
    Gone(EntryPlace),
}

/// How an entry stands before a change.
struct Standing {
    /// Its place in the stored state, if it has one there.
    stored: Option<EntryPlace>,
    /// The entry.
    entry: QueueEntry,
}

/// An entry in the order of domains, classes and due times.
type Order = (Domain, QueueClass, UnixMillis, EntryKey);

fn order(place: &EntryPlace) -> Order {
    (place.domain.clone(), place.class.clone(), place.due, place.key)
}

/// How changes are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As they are committed.
    Live,
    /// From the journal, on top of a stored state that reflects at least a known position: what it holds
    /// beyond that is applied again without harm.
    Replay,
    /// From the journal's first segment, on top of nothing: entries may appear first in a `Relocated`.
    Rebuild,
}

/// The queue state and its bookkeeping.
pub(crate) struct QueueIndex {
    store: QueueStore,
    reflects: Reflects,
    newer: HashMap<EntryKey, Newer>,
    /// The entries in `newer` that exist, in the order of their domains and classes.
    newer_by_domain: BTreeSet<Order>,
    mode: Mode,
    /// Entries now, stored or not.
    count: u64,
    intents: HashSet<EntryKey>,
    /// Octets of live records by the base of their segment; a record counts once for each of its entries.
    live: BTreeMap<u64, u64>,
    segments: Arc<Segments>,
    /// While rebuilding: entries settled so far, which a later `Relocated` must not bring back.
    settled: HashSet<EntryKey>,
    /// While rebuilding: what outcomes left of entries whose acceptance is gone; a later `Relocated` tells
    /// where they are.
    ahead: HashMap<EntryKey, QueueEntry>,
    /// Of the copies to correct those whose correction was not asked for yet.
    uncorrected: Crossed,
}

impl QueueIndex {
    /// The state in `store`, which reflects what it says (and was verified to).
    pub(crate) fn new(store: QueueStore, reflects: Reflects, segments: Arc<Segments>, mode: Mode) -> Self {
        Self {
            store,
            newer: HashMap::new(),
            newer_by_domain: BTreeSet::new(),
            mode,
            count: reflects.count,
            intents: reflects.intents.iter().copied().collect(),
            live: BTreeMap::new(),
            segments,
            settled: HashSet::new(),
            ahead: HashMap::new(),
            uncorrected: reflects.crossed.clone(),
            reflects,
        }
    }

    /// Counts a stored record as live, at the start.
    pub(crate) fn count_live(&mut self, location: Location) {
        self.add_live(location);
    }

    /// Says what of the stored records is live, at the start.
    pub(crate) fn set_live(&mut self, live: BTreeMap<u64, u64>) {
        self.live = live;
    }

    /// Ends replay: from now on changes come as they are committed.
    pub(crate) fn go_live(&mut self) {
        self.mode = Mode::Live;
        self.settled = HashSet::new();
        self.ahead = HashMap::new();
    }

    /// Entries in the queue.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The highest message id seen in any acceptance.
    pub(crate) fn last_id(&self) -> u64 {
        self.reflects.last_id
    }

    /// Changes not stored yet.
    pub(crate) fn unstored(&self) -> usize {
        self.newer.len()
    }

    /// Deliveries past their intent and without outcome.
    pub(crate) fn open_intents(&self) -> Vec<EntryKey> {
        self.intents.iter().copied().collect()
    }

    /// Octets of live records by segment base.
    pub(crate) fn live(&self) -> &BTreeMap<u64, u64> {
        &self.live
    }

    /// Whether the delivery of this entry is past its intent and without outcome.
    pub(crate) fn is_in_doubt(&self, key: EntryKey) -> bool {
        self.intents.contains(&key)
    }

    /// Takes the copies whose correction was not asked for yet.
    pub(crate) fn take_uncorrected(&mut self) -> Crossed {
        std::mem::take(&mut self.uncorrected)
    }

    /// Whether every copy in the journal says what is so, or the journal corrects it further on.
    pub(crate) fn is_corrected(&self) -> bool {
        self.reflects.crossed.is_empty()
    }

    /// Notes that the copy at `location` needs no correction: nothing is left of it.
    pub(crate) fn corrected(&mut self, location: Location) {
        self.reflects.crossed.stale.remove(&location);
        self.uncorrected.stale.remove(&location);
    }

    /// Applies one change.
    pub(crate) fn apply(&mut self, change: Change) -> Result<(), StorageError> {
        match change {
            Change::Accepted { entries, replaces, .. } => {
                for key in replaces {
                    self.forget(key)?;
                }
                for entry in entries {
                    self.accept(entry)?;
                }
            }
            Change::Relocated(entries) => {
                for entry in entries {
                    self.relocate(entry)?;
                }
            }
            Change::Intent(keys) => self.intents.extend(keys),
            Change::Outcome(outcome) => self.settle(*outcome)?,
            Change::DoubtSettled(keys) => self.intents.retain(|key| !keys.contains(key)),
            Change::Dropped(keys) => {
                for key in keys {
                    self.forget(key)?;
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self, entry: QueueEntry) -> Result<(), StorageError> {
        let known = self.mode == Mode::Replay && self.get(entry.key())?.is_some();
        if !known {
            self.appear(entry);
        }
        Ok(())
    }

    fn appear(&mut self, entry: QueueEntry) {
        self.reflects.last_id = self.reflects.last_id.max(entry.key().id.as_raw());
        self.count += 1;
        self.add_live(entry.location);
        self.set_newer(entry, None);
    }

    fn set_newer(&mut self, entry: QueueEntry, stored: Option<EntryPlace>) {
        self.newer_by_domain.insert(order(&entry.place));
        self.newer.insert(entry.key(), Newer::Is { entry: Box::new(entry), stored });
    }

    fn take_newer(&mut self, key: EntryKey) -> Option<Newer> {
        let newer = self.newer.remove(&key);
        if let Some(Newer::Is { entry, .. }) = &newer {
            self.newer_by_domain.remove(&order(&entry.place));
        }
        newer
    }

    fn relocate(&mut self, moved: QueueEntry) -> Result<(), StorageError> {
        let key = moved.key();
        match self.get(key)? {
            Some(known) => self.follow(known, moved)?,
            None if self.mode == Mode::Rebuild && !self.settled.contains(&key) => {
                let location = moved.location;
                let entry = match self.ahead.remove(&key) {
                    Some(left) if left.is_ahead_of(&moved) => {
                        self.is_stale(location);
                        QueueEntry { location, ..left }
                    }
                    _ => moved,
                };
                self.appear(entry);
            }
            None => {
                self.reflects.crossed.gone.insert(key);
                self.uncorrected.gone.insert(key);
            }
        }
        Ok(())
    }

    /// Notes that the message of `known` was copied to where `moved` says.
    fn follow(&mut self, known: QueueEntry, moved: QueueEntry) -> Result<(), StorageError> {
        let location = moved.location;
        self.remove_live(known.location);
        self.add_live(location);
        self.corrected(known.location);
        if known.is_ahead_of(&moved) {
            self.is_stale(location);
        }
        let stands = self.standing(known.key())?;
        // While rebuilding, the copy may be all that is left of the attempts before it.
        let newest = if self.mode == Mode::Rebuild && moved.is_ahead_of(&known) { moved } else { known };
        if let Some(Standing { stored, .. }) = stands {
            self.replace(QueueEntry { location, ..newest }, stored);
        }
        Ok(())
    }

    fn is_stale(&mut self, location: Location) {
        self.reflects.crossed.stale.insert(location);
        self.uncorrected.stale.insert(location);
    }

    fn settle(&mut self, outcome: Outcome) -> Result<(), StorageError> {
        let key = outcome.before.key;
        // What is gone cannot arrive twice; what an operator moved still may.
        if outcome.by == ChangedBy::Delivery || outcome.after.is_none() {
            self.intents.remove(&key);
        }
        let Some(after) = outcome.after else {
            if let Some(stands) = self.standing(key)? {
                self.remove(key, stands);
            }
            self.note_settled(key);
            return Ok(());
        };
        let Some(Standing { stored, entry }) = self.standing(key)? else {
            self.note_ahead(&outcome.before, after);
            return Ok(());
        };
        let location = entry.location;
        match merge(entry, &outcome.before, after, self.counting()) {
            Some(merged) => self.replace(merged, stored),
            None => {
                self.take_out(key, stored, location);
                self.note_settled(key);
            }
        }
        Ok(())
    }

    /// Only what is replayed over a state that is partly newer can be in it already.
    fn counting(&self) -> Counting {
        if self.mode == Mode::Replay { Counting::Seen } else { Counting::Each }
    }

    fn forget(&mut self, key: EntryKey) -> Result<(), StorageError> {
        if let Some(stands) = self.standing(key)? {
            self.remove(key, stands);
        }
        self.reflects.crossed.gone.remove(&key);
        self.uncorrected.gone.remove(&key);
        self.note_settled(key);
        Ok(())
    }

    fn note_settled(&mut self, key: EntryKey) {
        if self.mode == Mode::Rebuild {
            self.ahead.remove(&key);
            self.settled.insert(key);
        }
    }

    fn note_ahead(&mut self, before: &EntryPlace, left: QueueEntry) {
        if self.mode != Mode::Rebuild || self.settled.contains(&before.key) {
            return;
        }
        let left = match self.ahead.remove(&before.key) {
            Some(known) => merge(known, before, left, Counting::Each),
            None => Some(left),
        };
        match left {
            Some(left) => drop(self.ahead.insert(before.key, left)),
            None => self.note_settled(before.key),
        }
    }

    /// How the entry stands, or `None` if there is no such entry. Asked before every change: counting what is
    /// not there would give space back that somebody's mail is in.
    fn standing(&self, key: EntryKey) -> Result<Option<Standing>, StorageError> {
        Ok(match self.newer.get(&key) {
            Some(Newer::Is { entry, stored }) => {
                Some(Standing { stored: stored.clone(), entry: QueueEntry::clone(entry) })
            }
            Some(Newer::Gone(_)) => None,
            None => {
                let stored = self.store.get(key)?;
                stored.map(|entry| Standing { stored: Some(entry.place.clone()), entry })
            }
        })
    }

    /// The entry with this name as it is now.
    pub(crate) fn get(&self, key: EntryKey) -> Result<Option<QueueEntry>, StorageError> {
        match self.newer.get(&key) {
            Some(Newer::Is { entry, .. }) => Ok(Some(QueueEntry::clone(entry))),
            Some(Newer::Gone(_)) => Ok(None),
            None => self.store.get(key),
        }
    }

    /// Puts `entry` in the place of itself.
    fn replace(&mut self, entry: QueueEntry, stored: Option<EntryPlace>) {
        self.take_newer(entry.key());
        self.set_newer(entry, stored);
    }

    fn remove(&mut self, key: EntryKey, Standing { stored, entry }: Standing) {
        self.take_out(key, stored, entry.location);
    }

    fn take_out(&mut self, key: EntryKey, stored: Option<EntryPlace>, location: Location) {
        self.take_newer(key);
        if let Some(place) = stored {
            self.newer.insert(key, Newer::Gone(place));
        }
        self.count = self.count.saturating_sub(1);
        self.remove_live(location);
    }

    fn add_live(&mut self, location: Location) {
        if let Some(segment) = self.segments.containing(location.lsn) {
            *self.live.entry(segment.base).or_default() += u64::from(location.len);
        }
    }

    fn remove_live(&mut self, location: Location) {
        let Some(segment) = self.segments.containing(location.lsn) else { return };
        if let Some(live) = self.live.get_mut(&segment.base) {
            *live = live.saturating_sub(u64::from(location.len));
            if *live == 0 {
                self.live.remove(&segment.base);
            }
        }
    }

    /// The stored state; complete only right after a checkpoint.
    pub(crate) fn store(&self) -> &QueueStore {
        &self.store
    }
}

#[cfg(test)]
mod tests;
