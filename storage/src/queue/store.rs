//! The part of the queue state that is in sled.

use super::{
    crossed::Crossed,
    entry::{EntryKey, EntryPlace, Location, QueueEntry},
    keys::{self, Kind},
    last::LastAttempt,
};
use crate::error::StorageError;
use mailwright_engine::{
    address::Domain, class::QueueClass, dsn::DelayWarning, id::QueueId, time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use sled::{Batch, IVec};
use std::{
    collections::BTreeMap,
    ops::Range,
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
    /// What the journal had before that position ([`crate::journal::segment::Segments::mark`]): one that a power cut
    /// has cut short and that went on otherwise is another journal.
    pub(crate) mark: Option<u32>,
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

/// What a process that ends in good order leaves for the next, so that it need not read every key: a million entries
/// take five seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closed {
    /// What the state reflected at the end.
    pub(crate) position: u64,
    /// Octets of live records by the base of their segment.
    pub(crate) live: BTreeMap<u64, u64>,
}

/// An entry's value; its key holds the rest. [`accepted_at`] reads the first two fields alone.
#[derive(Serialize, Deserialize)]
struct Value {
    attempts: u32,
    accepted_at: UnixMillis,
    expires_at: Option<UnixMillis>,
    pending: Vec<u16>,
    location: Location,
    last: Option<Box<LastAttempt>>,
    warning: DelayWarning,
    revision: u32,
}

/// The sled database of the queue; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct QueueStore {
    db: sled::Db,
}

/// A key and its value.
pub(super) type Row = Result<(IVec, IVec), StorageError>;

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

    /// Leaves word that the state is whole, as the last thing that is written.
    pub(crate) fn close(&self, closed: &Closed) -> Result<(), StorageError> {
        let closed = postcard::to_stdvec(closed).map_err(|e| StorageError::format("queue closing", e))?;
        self.flush()?;
        guarded(|| self.db.insert(keys::CLOSED, closed))?;
        self.flush()
    }

    /// Takes the word of the last process that the state is whole, if it has left it: it does not hold any more
    /// once something is written.
    pub(crate) fn take_closed(&self) -> Result<Option<Closed>, StorageError> {
        let Some(closed) = guarded(|| self.db.remove(keys::CLOSED))? else { return Ok(None) };
        self.flush()?;
        postcard::from_bytes(&closed).map(Some).map_err(|e| StorageError::format("queue closing", e))
    }

    /// Reads every key and compares with what the state says of itself, calling `each` with the location of
    /// every entry. On two threads: a million entries take three seconds on one.
    pub(crate) fn verify(
        &self,
        reflects: &Reflects,
        each: &mut dyn FnMut(Location),
    ) -> Result<(), StorageError> {
        std::thread::scope(|scope| {
            let others = scope.spawn(|| {
                [Kind::Due, Kind::Id]
                    .into_iter()
                    .try_for_each(|kind| self.verify_kind(kind, reflects, &mut |_| Ok(())))
            });
            let entries = self.verify_kind(Kind::Entry, reflects, &mut |value| {
                each(decode(value)?.location);
                Ok(())
            });
            let others = others.join();
            entries?;
            others.unwrap_or_else(|_| Err(StorageError::database("queue", "reading its keys panicked")))
        })
    }

    fn verify_kind(
        &self,
        kind: Kind,
        reflects: &Reflects,
        each: &mut dyn FnMut(&[u8]) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let (mut count, mut found) = (0, 0);
        for item in items(self.db.scan_prefix(kind.prefix())) {
            let (key, value) = item?;
            count += 1;
            found ^= hash(&key);
            each(&value)?;
        }
        if (count, found) != (reflects.count, reflects.fingerprints[kind as usize]) {
            let reason = format!("{kind:?} keys: {count} found, {} expected", reflects.count);
            return Err(StorageError::database("queue", reason));
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
        let place = keys::place_of_id(key, &id_value).ok_or_else(|| unreadable("id"))?;
        self.at(place)
    }

    /// The entries of the message `id`, by their groups.
    pub(crate) fn entries_of(&self, id: QueueId) -> Result<Vec<QueueEntry>, StorageError> {
        let mut entries = Vec::new();
        for item in items(self.db.scan_prefix(keys::id_bound(id))) {
            let (key, value) = item?;
            let name = keys::name_of_id(&key).ok_or_else(|| unreadable("id"))?;
            let place = keys::place_of_id(name, &value).ok_or_else(|| unreadable("id"))?;
            entries.extend(self.at(place)?);
        }
        Ok(entries)
    }

    /// Up to `limit` entries of `class` in `domain` that are due at `now` and not `hidden`, earliest first.
    pub(crate) fn due_in_domain(
        &self,
        domain: &Domain,
        class: &QueueClass,
        now: UnixMillis,
        limit: usize,
        hidden: &dyn Fn(EntryKey) -> bool,
    ) -> Result<Vec<QueueEntry>, StorageError> {
        let mut due = Vec::new();
        for item in items(self.db.scan_prefix(keys::class_prefix(domain.as_str(), class))) {
            let (key, value) = item?;
            let (at, name) = keys::due_and_name(&key).ok_or_else(|| unreadable("entry"))?;
            if at > now || due.len() >= limit {
                break;
            }
            if !hidden(name) {
                let (domain, class) = (domain.clone(), class.clone());
                due.push(entry(EntryPlace { key: name, domain, class, due: at }, &value)?);
            }
        }
        Ok(due)
    }

    /// The first class of `domain` after `after` (or at all) that has an entry due at `now` and not `hidden`,
    /// and when that is due. Jumps over what is not due.
    pub(crate) fn next_due_class(
        &self,
        domain: &Domain,
        after: Option<&QueueClass>,
        now: UnixMillis,
        hidden: &dyn Fn(EntryKey) -> bool,
    ) -> Result<Option<(QueueClass, UnixMillis)>, StorageError> {
        let name = domain.as_str();
        let Range { start, end } = keys::entries_of_domain(name);
        let mut from = after.map_or(start, |class| keys::after_class(name, class));
        loop {
            let mut here = items(self.db.range(from..end.clone()));
            let Some((first, _)) = here.next().transpose()? else { return Ok(None) };
            let class = keys::class_of(&first).ok_or_else(|| unreadable("entry"))?;
            let prefix = keys::class_prefix(name, &class);
            for item in std::iter::once(Ok((first, IVec::default()))).chain(here) {
                let (key, _) = item?;
                let (due, entry) = keys::due_and_name(&key).ok_or_else(|| unreadable("entry"))?;
                if due > now || !key.starts_with(&prefix) {
                    break;
                }
                if !hidden(entry) {
                    return Ok(Some((class, due)));
                }
            }
            from = keys::after_class(name, &class);
        }
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
            let (key, value) = item?;
            places.push(keys::place_of_due(&key, &value).ok_or_else(|| unreadable("due"))?);
        }
        Ok(places)
    }

    /// Every domain with entries, and when its first is due.
    pub(crate) fn domains(&self) -> Result<Vec<(Domain, UnixMillis)>, StorageError> {
        let mut domains: Vec<(Domain, UnixMillis)> = Vec::new();
        let Range { start: mut from, end } = keys::all_entries();
        while let Some(item) = items(self.db.range(from..end.clone())).next() {
            let (key, _) = item?;
            let EntryPlace { domain, class, due, .. } =
                keys::place_of_entry(&key).ok_or_else(|| unreadable("entry"))?;
            from = keys::after_class(domain.as_str(), &class);
            match domains.last_mut() {
                Some((last, earliest)) if *last == domain => *earliest = due.min(*earliest),
                _ => domains.push((domain, due)),
            }
        }
        Ok(domains)
    }

    /// The message that was accepted first of those stored: ids rise with time. One look-up.
    pub(crate) fn oldest(&self) -> Result<Option<QueueId>, StorageError> {
        let first = items(self.db.scan_prefix(Kind::Id.prefix())).next().transpose()?;
        first
            .map(|(key, _)| keys::name_of_id(&key).map(|name| name.id).ok_or_else(|| unreadable("id")))
            .transpose()
    }

    /// The rows between two sled keys.
    pub(super) fn rows(&self, range: Range<Vec<u8>>) -> impl Iterator<Item = Row> + use<> {
        items(self.db.range(range))
    }

    /// The entry at `place`, if it is still there.
    pub(super) fn at(&self, place: EntryPlace) -> Result<Option<QueueEntry>, StorageError> {
        guarded(|| self.db.get(keys::entry_key(&place)))?.map(|value| entry(place, &value)).transpose()
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
            expires_at: entry.expires_at,
            pending: entry.pending.clone(),
            location: entry.location,
            last: entry.last.clone(),
            warning: entry.warning,
            revision: entry.revision,
        };
        let value = postcard::to_stdvec(&value).map_err(|e| StorageError::format("queue entry", e))?;
        let keys = self.touch(&entry.place);
        let [entry_key, due_key, id_key] = keys;
        self.batch.insert(entry_key, value);
        self.batch.insert(due_key, keys::due_value(&entry.place));
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

/// The entry at `place` with its stored value.
pub(super) fn entry(place: EntryPlace, value: &[u8]) -> Result<QueueEntry, StorageError> {
    let value = decode(value)?;
    Ok(QueueEntry {
        place,
        attempts: value.attempts,
        accepted_at: value.accepted_at,
        expires_at: value.expires_at,
        pending: value.pending,
        location: value.location,
        last: value.last,
        warning: value.warning,
        revision: value.revision,
    })
}

/// When the entry was accepted, without reading the rest of its value.
pub(super) fn accepted_at(value: &[u8]) -> Result<UnixMillis, StorageError> {
    let front = postcard::take_from_bytes::<(u32, UnixMillis)>(value);
    front.map(|((_, accepted_at), _)| accepted_at).map_err(|e| StorageError::format("queue entry", e))
}

pub(super) fn unreadable(kind: &str) -> StorageError {
    StorageError::format("queue entry", format!("its {kind} key does not read"))
}

fn decode(value: &[u8]) -> Result<Value, StorageError> {
    postcard::from_bytes(value).map_err(|e| StorageError::format("queue entry", e))
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
fn items(mut iter: sled::Iter) -> impl Iterator<Item = Row> {
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
mod tests;
