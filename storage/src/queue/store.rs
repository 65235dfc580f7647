//! The part of the queue state that is in sled.

use super::{
    crossed::Crossed,
    entry::{EntryKey, EntryPlace, Location, QueueEntry},
    keys::{self, Kind},
};
use crate::error::StorageError;
use mailwright_engine::{address::Domain, time::UnixMillis};
use serde::{Deserialize, Serialize};
use sled::{Batch, IVec};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

/// sled's page cache, in octets: the queue's working set is its near future, not the whole.
const CACHE: u64 = 8 << 20;

/// What the stored state says it reflects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Reflects {
    /// The journal position up to which everything is applied.
    pub(crate) position: u64,
    /// Entries stored.
    pub(crate) count: u64,
    /// XOR of a hash of every key of each kind: a state that sled garbled or half forgot does not match.
    pub(crate) fingerprints: [u64; 3],
    /// Deliveries past their intent and without outcome.
    pub(crate) intents: Vec<EntryKey>,
    /// The highest message id seen.
    pub(crate) last_id: u64,
    /// Copies that the journal must still correct.
    pub(crate) crossed: Crossed,
}

/// An entry's value; its key holds the rest.
#[derive(Serialize, Deserialize)]
struct Value {
    attempts: u32,
    accepted_at: UnixMillis,
    pending: Vec<u16>,
    location: Location,
}

/// The sled database of the queue.
#[derive(Debug)]
pub(crate) struct QueueStore {
    db: sled::Db,
}

/// One atomic set of writes, with the fingerprints they change.
pub(crate) struct Changes {
    batch: Batch,
    fingerprints: [u64; 3],
    count: i64,
}

impl QueueStore {
    /// Opens the database in `dir`.
    ///
    /// # Errors
    /// Whatever sled says of a damaged one, its panics included: they are the caller's sign to rebuild.
    pub(crate) fn open(dir: &Path) -> Result<Self, StorageError> {
        let config = sled::Config::new().path(dir).cache_capacity(CACHE).flush_every_ms(Some(1000));
        open_unlocked(|| guarded(|| config.open())).map(|db| Self { db })
    }

    /// What the state says it reflects; `None` in a fresh database.
    pub(crate) fn reflects(&self) -> Result<Option<Reflects>, StorageError> {
        let stored = guarded(|| self.db.get(keys::POSITION))?;
        stored
            .map(|bytes| postcard::from_bytes(&bytes).map_err(|e| StorageError::format("queue position", e)))
            .transpose()
    }

    /// Reads every key and compares with what the state says of itself, calling `each` with the location of
    /// every entry.
    pub(crate) fn verify(
        &self,
        reflects: &Reflects,
        each: &mut dyn FnMut(Location),
    ) -> Result<(), StorageError> {
        for (kind, fingerprint) in Kind::ALL.into_iter().zip(reflects.fingerprints) {
            let (mut count, mut found) = (0, 0);
            for item in items(self.db.scan_prefix(kind.prefix())) {
                let (key, value) = item?;
                count += 1;
                found ^= hash(&key);
                if kind == Kind::Entry {
                    each(decode(&value)?.location);
                }
            }
            if (count, found) != (reflects.count, fingerprint) {
                let reason = format!("{kind:?} keys: {count} found, {} expected", reflects.count);
                return Err(StorageError::database("queue", reason));
            }
        }
        Ok(())
    }

    /// Applies `changes` and what they make the state reflect, atomically.
    pub(crate) fn apply(&self, mut changes: Changes, reflects: &mut Reflects) -> Result<(), StorageError> {
        let mut after = reflects.clone();
        for (total, change) in after.fingerprints.iter_mut().zip(changes.fingerprints) {
            *total ^= change;
        }
        after.count = after.count.saturating_add_signed(changes.count);
        let stored = postcard::to_stdvec(&after).map_err(|e| StorageError::format("queue position", e))?;
        changes.batch.insert(keys::POSITION, stored);
        guarded(|| self.db.apply_batch(changes.batch))?;
        *reflects = after;
        Ok(())
    }

    /// Hands everything to the system; not a promise against power cuts (the journal is that).
    pub(crate) fn flush(&self) -> Result<(), StorageError> {
        guarded(|| self.db.flush()).map(drop)
    }

    /// The entry with this name.
    pub(crate) fn get(&self, key: EntryKey) -> Result<Option<QueueEntry>, StorageError> {
        let Some(id_value) = guarded(|| self.db.get(keys::id_key(key)))? else { return Ok(None) };
        let place = keys::place_of_id(key, &id_value)
            .ok_or_else(|| StorageError::format("queue entry", "its id key does not read"))?;
        guarded(|| self.db.get(keys::entry_key(&place)))?.map(|value| entry(place, &value)).transpose()
    }

    /// Up to `limit` entries of `domain` that are due at `now` and not `hidden`, earliest first.
    pub(crate) fn due_in_domain(
        &self,
        domain: &Domain,
        now: UnixMillis,
        limit: usize,
        hidden: &dyn Fn(EntryKey) -> bool,
    ) -> Result<Vec<QueueEntry>, StorageError> {
        let mut due = Vec::new();
        for item in items(self.db.scan_prefix(keys::domain_prefix(domain.as_str()))) {
            let (key, value) = item?;
            let Some((at, name)) = keys::due_and_name(&key) else { continue };
            if at > now || due.len() >= limit {
                break;
            }
            if hidden(name) {
                continue;
            }
            due.push(entry(EntryPlace { key: name, domain: domain.clone(), due: at }, &value)?);
        }
        Ok(due)
    }

    /// Up to `limit` places due from `from` (inclusive) to `to` (exclusive), earliest first.
    pub(crate) fn due_between(
        &self,
        from: UnixMillis,
        to: UnixMillis,
        limit: usize,
    ) -> Result<Vec<EntryPlace>, StorageError> {
        let mut places = Vec::new();
        for item in items(self.db.range(keys::due_bound(from)..keys::due_bound(to))).take(limit) {
            let (key, domain) = item?;
            let (due, key) = keys::due_and_name(&key)
                .ok_or_else(|| StorageError::format("queue entry", "its due key does not read"))?;
            places.push(EntryPlace { key, domain: parse_domain(&domain)?, due });
        }
        Ok(places)
    }

    /// Every domain with entries, and when its first is due.
    pub(crate) fn domains(&self) -> Result<Vec<(Domain, UnixMillis)>, StorageError> {
        let mut domains = Vec::new();
        let mut from = Kind::Entry.prefix().to_vec();
        let end = b"f".to_vec();
        while let Some(item) = items(self.db.range(from..end.clone())).next() {
            let (key, _) = item?;
            let (name, (due, _)) = keys::domain_of(&key)
                .zip(keys::due_and_name(&key))
                .ok_or_else(|| StorageError::format("queue entry", "its key does not read"))?;
            domains.push((parse_domain(name.as_bytes())?, due));
            from = keys::after_domain(name);
        }
        Ok(domains)
    }
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self { batch: Batch::default(), fingerprints: [0; 3], count: 0 }
    }

    pub(crate) fn insert(&mut self, entry: &QueueEntry) -> Result<(), StorageError> {
        let value = Value {
            attempts: entry.attempts,
            accepted_at: entry.accepted_at,
            pending: entry.pending.clone(),
            location: entry.location,
        };
        let value = postcard::to_stdvec(&value).map_err(|e| StorageError::format("queue entry", e))?;
        let keys = self.touch(&entry.place);
        let [entry_key, due_key, id_key] = keys;
        self.batch.insert(entry_key, value);
        self.batch.insert(due_key, entry.place.domain.as_str());
        self.batch.insert(id_key, keys::id_value(&entry.place));
        self.count += 1;
        Ok(())
    }

    pub(crate) fn remove(&mut self, place: &EntryPlace) {
        for key in self.touch(place) {
            self.batch.remove(key);
        }
        self.count -= 1;
    }

    /// The keys of `place`, counted in or out of the fingerprints.
    fn touch(&mut self, place: &EntryPlace) -> [Vec<u8>; 3] {
        let keys = [keys::entry_key(place), keys::due_key(place), keys::id_key(place.key)];
        for (fingerprint, key) in self.fingerprints.iter_mut().zip(&keys) {
            *fingerprint ^= hash(key);
        }
        keys
    }
}

fn entry(place: EntryPlace, value: &IVec) -> Result<QueueEntry, StorageError> {
    let Value { attempts, accepted_at, pending, location } = decode(value)?;
    Ok(QueueEntry { place, attempts, accepted_at, pending, location })
}

fn decode(value: &[u8]) -> Result<Value, StorageError> {
    postcard::from_bytes(value).map_err(|e| StorageError::format("queue entry", e))
}

fn parse_domain(bytes: &[u8]) -> Result<Domain, StorageError> {
    let text = std::str::from_utf8(bytes).map_err(|e| StorageError::format("queue entry", e))?;
    Domain::parse(text).map_err(|e| StorageError::format("queue entry", e))
}

/// FNV-1a, 64 bits, finished with a multiply-shift so that similar keys do not cancel under XOR.
fn hash(key: &[u8]) -> u64 {
    let fnv = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

/// Opens a database, waiting a moment for its lock: sled gives it up a little after the handle was dropped, and
/// a start must not take that for damage. The state folder has a lock of its own against other processes.
pub(crate) fn open_unlocked<T>(mut open: impl FnMut() -> Result<T, StorageError>) -> Result<T, StorageError> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match open() {
            Err(StorageError::Database { reason, .. })
                if reason.contains("could not acquire lock") && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened,
        }
    }
}

/// The items of a sled iterator, guarded like every other call.
fn items(mut iter: sled::Iter) -> impl Iterator<Item = Result<(IVec, IVec), StorageError>> {
    std::iter::from_fn(move || guarded(|| iter.next().transpose()).transpose())
}

/// Runs a sled call; an error or a panic inside sled becomes a value, because sled 0.34 does both when its
/// files are damaged.
fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, StorageError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(StorageError::database("queue", error)),
        Err(_) => Err(StorageError::database("queue", "sled panicked over its files")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::id::QueueId;

    fn entry(id: u64) -> QueueEntry {
        let key = EntryKey { id: QueueId::from_raw(id), group: 0 };
        let domain = Domain::parse("one.example").unwrap();
        QueueEntry {
            place: EntryPlace { key, domain, due: UnixMillis::new(id) },
            attempts: 0,
            accepted_at: UnixMillis::new(id),
            pending: vec![0],
            location: Location { lsn: id * 100, len: 100 },
        }
    }

    fn store_of_three(dir: &Path) -> (QueueStore, Reflects) {
        let store = QueueStore::open(dir).unwrap();
        let mut reflects = Reflects::default();
        let mut changes = Changes::new();
        (1..=4).for_each(|id| changes.insert(&entry(id)).unwrap());
        changes.remove(&entry(4).place);
        store.apply(changes, &mut reflects).unwrap();
        (store, reflects)
    }

    #[test]
    fn a_whole_state_verifies_and_tells_every_location() {
        let dir = tempfile::tempdir().unwrap();
        let (store, reflects) = store_of_three(dir.path());
        let mut found = Vec::new();
        store.verify(&store.reflects().unwrap().unwrap(), &mut |location| found.push(location.lsn)).unwrap();
        assert_eq!((reflects.count, found), (3, vec![100, 200, 300]));
    }

    #[test]
    fn a_state_that_lost_or_gained_a_key_does_not_verify() {
        let place = entry(2).place;
        for lost in [keys::entry_key(&place), keys::due_key(&place), keys::id_key(place.key)] {
            let dir = tempfile::tempdir().unwrap();
            let (store, reflects) = store_of_three(dir.path());
            let value = store.db.remove(&lost).unwrap().unwrap();
            assert!(store.verify(&reflects, &mut |_| {}).is_err());
            // As many keys, and one of them another.
            let mut other = lost;
            *other.last_mut().unwrap() ^= 1;
            store.db.insert(other, value).unwrap();
            assert!(store.verify(&reflects, &mut |_| {}).is_err());
        }
    }
}
