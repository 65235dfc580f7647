//! What the queue state is asked: the stored rest and the newest changes as one.

use super::{Newer, Order, QueueIndex};
use crate::{
    error::StorageError,
    queue::entry::{EntryKey, QueueEntry},
};
use mailwright_engine::{
    address::Domain,
    class::{Priority, QueueClass},
    id::QueueId,
    time::UnixMillis,
};
use std::ops::Bound::{Excluded, Unbounded};

impl QueueIndex {
    /// Up to `limit` entries of `class` in `domain` due at `now`, earliest first.
    pub(in crate::queue) fn due_in_domain(
        &self,
        domain: &Domain,
        class: &QueueClass,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<QueueEntry>, StorageError> {
        let hidden = |key| self.newer.contains_key(&key);
        let mut due = self.store.due_in_domain(domain, class, now, limit, &hidden)?;
        let first = (domain.clone(), class.clone(), UnixMillis::default(), EntryKey::FIRST);
        let newer = self.newer_by_domain.range(first..);
        let newer = newer.take_while(|(name, of, at, _)| name == domain && of == class && *at <= now);
        for (_, _, _, key) in newer.take(limit) {
            if let Some(Newer::Is { entry, .. }) = self.newer.get(key) {
                due.push(QueueEntry::clone(entry));
            }
        }
        due.sort_unstable_by_key(|entry| (entry.place.due, entry.key()));
        due.truncate(limit);
        Ok(due)
    }

    /// Up to `limit` classes of `domain` after `after` with entries due at `now`, and when their first is due.
    pub(in crate::queue) fn classes_due(
        &self,
        domain: &Domain,
        after: Option<&QueueClass>,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<(QueueClass, UnixMillis)>, StorageError> {
        let hidden = |key| self.newer.contains_key(&key);
        let next_stored = |after: Option<&QueueClass>| self.store.next_due_class(domain, after, now, &hidden);
        let mut classes: Vec<(QueueClass, UnixMillis)> = Vec::new();
        let mut stored = next_stored(after)?;
        let mut newer = self.next_newer_class(domain, after, now);
        while classes.len() < limit {
            let (class, due) = match (&stored, &newer) {
                (None, None) => break,
                (Some(one), None) | (None, Some(one)) => one.clone(),
                (Some(one), Some(other)) if one.0 == other.0 => (one.0.clone(), one.1.min(other.1)),
                (Some(one), Some(other)) => one.min(other).clone(),
            };
            if stored.as_ref().is_some_and(|(known, _)| *known == class) {
                stored = next_stored(Some(&class))?;
            }
            if newer.as_ref().is_some_and(|(known, _)| *known == class) {
                newer = self.next_newer_class(domain, Some(&class), now);
            }
            classes.push((class, due));
        }
        Ok(classes)
    }

    /// As [`QueueStore::next_due_class`](crate::queue::store::QueueStore::next_due_class), of what is not stored yet.
    fn next_newer_class(
        &self,
        domain: &Domain,
        after: Option<&QueueClass>,
        now: UnixMillis,
    ) -> Option<(QueueClass, UnixMillis)> {
        let mut from = after.map_or_else(|| before_all_of(domain), |class| last_of(domain, class));
        loop {
            let (name, class, due, _) = self.newer_by_domain.range((Excluded(&from), Unbounded)).next()?;
            if name != domain {
                return None;
            }
            if *due <= now {
                return Some((class.clone(), *due));
            }
            from = last_of(domain, class);
        }
    }

    /// The entries of the message `id`, by their groups.
    pub(in crate::queue) fn entries_of(&self, id: QueueId) -> Result<Vec<QueueEntry>, StorageError> {
        let mut entries = self.store.entries_of(id)?;
        entries.retain(|entry| !self.newer.contains_key(&entry.key()));
        entries.extend(self.newer.values().filter_map(|newer| match newer {
            Newer::Is { entry, .. } if entry.key().id == id => Some(QueueEntry::clone(entry)),
            _ => None,
        }));
        entries.sort_unstable_by_key(QueueEntry::key);
        Ok(entries)
    }
}

/// Sorts before every entry of `domain`.
fn before_all_of(domain: &Domain) -> Order {
    let class = QueueClass { priority: Priority::High, ..QueueClass::default() };
    (domain.clone(), class, UnixMillis::default(), EntryKey::FIRST)
}

/// Sorts after every entry of `class` in `domain`.
fn last_of(domain: &Domain, class: &QueueClass) -> Order {
    (domain.clone(), class.clone(), UnixMillis::new(u64::MAX), EntryKey::LAST)
}
