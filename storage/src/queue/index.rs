//! The queue state: newest changes in memory over the stored rest.

use super::{
    change::Change,
    crossed::Crossed,
    entry::{EntryKey, EntryPlace, Location, Outcome, QueueEntry},
    store::{Changes, QueueStore, Reflects},
};
use crate::{error::StorageError, journal::segment::Segments};
use mailwright_engine::{address::Domain, time::UnixMillis};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// What the stored state does not know yet of one entry.
#[derive(Debug)]
enum Newer {
    /// The entry as it is now, and its place in the stored state if it has one there.
    Is { entry: QueueEntry, stored: Option<EntryPlace> },
    /// Settled; the stored state still has it at this place.
    Gone(EntryPlace),
}

/// How an entry stands before a change.
struct Standing {
    /// Its place in the stored state, if it has one there.
    stored: Option<EntryPlace>,
    /// Where its record is.
    location: Location,
}

/// Entries in one batch of a checkpoint; each makes three keys.
const CHECKPOINT_CHUNK: usize = 100;

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
    /// The entries in `newer` that exist, in the order of their domains.
    newer_by_domain: BTreeSet<(Domain, UnixMillis, EntryKey)>,
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
            Change::Accepted { entries, .. } => {
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
        let EntryPlace { key, domain, due } = &entry.place;
        self.newer_by_domain.insert((domain.clone(), *due, *key));
        self.newer.insert(*key, Newer::Is { entry, stored });
    }

    fn take_newer(&mut self, key: EntryKey) -> Option<Newer> {
        let newer = self.newer.remove(&key);
        if let Some(Newer::Is { entry, .. }) = &newer {
            let EntryPlace { key, domain, due } = &entry.place;
            self.newer_by_domain.remove(&(domain.clone(), *due, *key));
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
        self.intents.remove(&key);
        match (self.standing(key)?, outcome.after) {
            (Some(Standing { stored, location }), Some(after)) => {
                self.replace(QueueEntry { location, ..after }, stored);
            }
            (Some(stands), None) => {
                self.remove(key, stands);
                self.note_settled(key);
            }
            (None, Some(after)) => self.note_ahead(after),
            (None, None) => self.note_settled(key),
        }
        Ok(())
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

    fn note_ahead(&mut self, left: QueueEntry) {
        if self.mode == Mode::Rebuild {
            self.ahead.insert(left.key(), left);
        }
    }

    /// How the entry stands, or `None` if there is no such entry. Asked before every change: counting what is
    /// not there would give space back that somebody's mail is in.
    fn standing(&self, key: EntryKey) -> Result<Option<Standing>, StorageError> {
        Ok(match self.newer.get(&key) {
            Some(Newer::Is { entry, stored }) => {
                Some(Standing { stored: stored.clone(), location: entry.location })
            }
            Some(Newer::Gone(_)) => None,
            None => self
                .store
                .get(key)?
                .map(|QueueEntry { place, location, .. }| Standing { stored: Some(place), location }),
        })
    }

    /// The entry with this name as it is now.
    pub(crate) fn get(&self, key: EntryKey) -> Result<Option<QueueEntry>, StorageError> {
        match self.newer.get(&key) {
            Some(Newer::Is { entry, .. }) => Ok(Some(entry.clone())),
            Some(Newer::Gone(_)) => Ok(None),
            None => self.store.get(key),
        }
    }

    /// Puts `entry` in the place of itself.
    fn replace(&mut self, entry: QueueEntry, stored: Option<EntryPlace>) {
        self.take_newer(entry.key());
        self.set_newer(entry, stored);
    }

    fn remove(&mut self, key: EntryKey, stands: Standing) {
        self.take_newer(key);
        if let Some(place) = stands.stored {
            self.newer.insert(key, Newer::Gone(place));
        }
        self.count = self.count.saturating_sub(1);
        self.remove_live(stands.location);
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

    /// Stores everything newer, as the state at `position`.
    ///
    /// In small batches: sled holds the log of a batch in memory until it is whole (measured: 300,000 keys in
    /// batches of 3,000 left 800 MB resident, in batches of 300 33 MB). Until the last one the state still says
    /// that it reflects the position before, and [`Mode::Replay`] takes that as it is.
    pub(crate) fn checkpoint(&mut self, position: u64) -> Result<(), StorageError> {
        let mut rest: Vec<_> = std::mem::take(&mut self.newer).into_iter().collect();
        while !rest.is_empty() {
            let chunk = rest.split_off(rest.len().saturating_sub(CHECKPOINT_CHUNK));
            if let Err(error) = self.store_chunk(&chunk) {
                self.newer = rest.into_iter().chain(chunk).collect();
                return Err(error);
            }
        }
        // Replaced, not cleared: one burst must not keep its room for ever.
        self.newer_by_domain = BTreeSet::new();
        self.reflects.position = position;
        self.reflects.intents = self.open_intents();
        self.store.apply(Changes::new(), &mut self.reflects)?;
        debug_assert_eq!(self.count, self.reflects.count);
        Ok(())
    }

    fn store_chunk(&mut self, chunk: &[(EntryKey, Newer)]) -> Result<(), StorageError> {
        let mut changes = Changes::new();
        for (_, newer) in chunk {
            match newer {
                Newer::Is { entry, stored } => {
                    if let Some(place) = stored {
                        changes.remove(place);
                    }
                    changes.insert(entry)?;
                }
                Newer::Gone(place) => changes.remove(place),
            }
        }
        self.store.apply(changes, &mut self.reflects)
    }

    /// The stored state; complete only right after a checkpoint.
    pub(crate) fn store(&self) -> &QueueStore {
        &self.store
    }

    /// Up to `limit` entries of `domain` due at `now`, earliest first.
    pub(crate) fn due_in_domain(
        &self,
        domain: &Domain,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<QueueEntry>, StorageError> {
        let hidden = |key| self.newer.contains_key(&key);
        let mut due = self.store.due_in_domain(domain, now, limit, &hidden)?;
        let first = (domain.clone(), UnixMillis::default(), EntryKey::FIRST);
        let newer =
            self.newer_by_domain.range(first..).take_while(|(name, at, _)| name == domain && *at <= now);
        for (_, _, key) in newer.take(limit) {
            if let Some(Newer::Is { entry, .. }) = self.newer.get(key) {
                due.push(entry.clone());
            }
        }
        due.sort_unstable_by_key(|entry| (entry.place.due, entry.key()));
        due.truncate(limit);
        Ok(due)
    }
}

#[cfg(test)]
mod tests;
