//! The ready queue of a domain: what waits in memory, by class and source, and what is known to wait on disk.
//!
//! Classes are bounded each for itself, so that a backlog of one neither hides another nor holds it up. No
//! actor, no clock: the domain actor asks and acts.

use crate::delivery::Ready;
use mailwright_engine::{
    class::{QueueClass, SourceName, TransportSecurity},
    time::UnixMillis,
};
use mailwright_storage::{EntryKey, QueueEntry};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

/// Most entries of one class in memory; about 300 octets each, and content only while the spool's budget allows.
pub(super) const CLASS_MAX: usize = 1_000;
/// The least that it comes to where there are very many domains: a connection is busy until the next read.
const CLASS_MIN: usize = 5;
/// Entries of all domains in memory, shared by them. A start on a million messages for a thousand domains took 568 MiB
/// when each read its thousand.
const TOTAL_MAX: usize = 100_000;

/// How many entries all domains hold in memory. Used on one thread; shared so that a domain that ends gives
/// back its part.
#[derive(Debug, Clone, Default)]
pub struct ReadyTotal(Arc<Totals>);

#[derive(Debug, Default)]
struct Totals {
    domains: AtomicUsize,
    ready: AtomicUsize,
    /// What reads under way may bring.
    reading: AtomicUsize,
}

impl ReadyTotal {
    /// Entries ready, over all domains.
    pub fn get(&self) -> usize {
        self.0.ready.load(Ordering::Relaxed)
    }

    /// How many entries of a class a domain may hold now.
    fn class_max(&self) -> usize {
        let Totals { domains, reading, .. } = &*self.0;
        if self.get() + reading.load(Ordering::Relaxed) >= TOTAL_MAX {
            return CLASS_MIN;
        }
        (TOTAL_MAX / domains.load(Ordering::Relaxed).max(1)).clamp(CLASS_MIN, CLASS_MAX)
    }
}

/// Room for what a read may bring, given back when dropped.
#[derive(Debug)]
pub(super) struct ReadRoom {
    total: ReadyTotal,
    entries: usize,
}

impl Drop for ReadRoom {
    fn drop(&mut self) {
        self.total.0.reading.fetch_sub(self.entries, Ordering::Relaxed);
    }
}

/// What shares a queue: entries of one class that leave from one source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lane {
    /// Priority, tenant, pool and transport security.
    pub class: QueueClass,
    /// Where they leave from.
    pub source: SourceName,
}

impl Lane {
    /// Whether it leaves from `source` and, if given, asks `security` of TLS.
    pub(super) fn is_of(&self, source: &SourceName, security: Option<TransportSecurity>) -> bool {
        self.source == *source && security.is_none_or(|security| self.class.security == security)
    }
}

/// What is known of a class beyond what is ready.
#[derive(Debug, Default)]
struct Class {
    ready: usize,
    /// Whether there may be due entries on disk that are not in memory.
    more_on_disk: bool,
    /// What the last read saw: every entry accepted before this position and due by this time. A committed
    /// batch that arrives after it brings nothing new (it may even have been delivered by now).
    read_up_to: (u64, UnixMillis),
}

/// The queue.
#[derive(Debug)]
pub(super) struct ReadyQueue {
    lanes: HashMap<Lane, VecDeque<Ready>>,
    /// Lanes whose sites have not been told of all they hold.
    changed: HashSet<Lane>,
    /// Whether nothing is known of what is on disk.
    unread: bool,
    keys: HashSet<EntryKey>,
    classes: HashMap<QueueClass, Class>,
    /// As [`Class::read_up_to`], for classes that the last read did not find.
    read_up_to: (u64, UnixMillis),
    total: ReadyTotal,
}

impl ReadyQueue {
    pub(super) fn new(total: ReadyTotal) -> Self {
        total.0.domains.fetch_add(1, Ordering::Relaxed);
        Self {
            lanes: HashMap::new(),
            changed: HashSet::new(),
            unread: false,
            keys: HashSet::new(),
            classes: HashMap::new(),
            read_up_to: (0, UnixMillis::default()),
            total,
        }
    }

    /// How many entries of a class may be in memory now.
    pub(super) fn class_max(&self) -> usize {
        self.total.class_max()
    }

    /// Whether an entry just committed is new here, and not seen by a read already.
    pub(super) fn is_news(&self, entry: &QueueEntry) -> bool {
        let read_by_class = self.classes.get(&entry.place.class).map(|class| class.read_up_to);
        let seen = |(position, due)| entry.location.lsn < position && entry.place.due <= due;
        !seen(self.read_up_to) && !read_by_class.is_some_and(seen)
    }

    /// Whether a fresh entry of `class` may wait in memory. If not, it is noted that there is more on disk:
    /// behind older entries or a full queue, waiting in memory gains nothing.
    pub(super) fn has_room(&mut self, class: &QueueClass) -> bool {
        let max = self.class_max();
        let class = self.classes.entry(class.clone()).or_default();
        class.more_on_disk |= class.ready >= max;
        !class.more_on_disk
    }

    /// Puts an entry at the end of its lane, unless it is there already.
    pub(super) fn push(&mut self, ready: Ready) {
        if self.keys.insert(ready.entry.key()) {
            self.count_in(&ready);
            self.lane(&ready).push_back(ready);
        }
    }

    /// Puts an entry back at the front.
    pub(super) fn push_front(&mut self, ready: Ready) {
        if self.keys.insert(ready.entry.key()) {
            self.count_in(&ready);
            self.lane(&ready).push_front(ready);
        }
    }

    fn lane(&mut self, ready: &Ready) -> &mut VecDeque<Ready> {
        let lane = Lane { class: ready.entry.place.class.clone(), source: ready.source.clone() };
        self.changed.insert(lane.clone());
        self.lanes.entry(lane).or_default()
    }

    fn count_in(&mut self, ready: &Ready) {
        self.classes.entry(ready.entry.place.class.clone()).or_default().ready += 1;
        self.total.0.ready.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the first entry of a lane.
    pub(super) fn pop(&mut self, lane: &Lane) -> Option<Ready> {
        let queue = self.lanes.get_mut(lane)?;
        let ready = queue.pop_front();
        if queue.is_empty() {
            self.lanes.remove(lane);
        }
        let ready = ready?;
        self.forget(&ready);
        Some(ready)
    }

    fn forget(&mut self, ready: &Ready) {
        self.keys.remove(&ready.entry.key());
        if let Some(class) = self.classes.get_mut(&ready.entry.place.class) {
            class.ready = class.ready.saturating_sub(1);
        }
        self.total.0.ready.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes out every entry for which `leaves` holds.
    pub(super) fn take_where(&mut self, mut leaves: impl FnMut(&Lane, &Ready) -> bool) -> Vec<Ready> {
        let mut taken = Vec::new();
        let mut lanes = std::mem::take(&mut self.lanes);
        for (lane, queue) in &mut lanes {
            let (going, staying): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(queue).into_iter().partition(|ready| leaves(lane, ready));
            taken.extend(going);
            *queue = staying;
        }
        lanes.retain(|_, queue| !queue.is_empty());
        self.lanes = lanes;
        for ready in &taken {
            self.forget(ready);
        }
        taken
    }

    /// Lets go of content: the memory budget is for mail that moves.
    pub(super) fn drop_contents(&mut self) {
        for ready in self.lanes.values_mut().flatten() {
            ready.message = None;
        }
    }

    /// Lanes with entries, and how many.
    pub(super) fn lanes(&self) -> impl Iterator<Item = (&Lane, usize)> {
        self.lanes.iter().map(|(lane, queue)| (lane, queue.len()))
    }

    /// Lanes whose sites are to be told what they hold; told now.
    pub(super) fn take_changed(&mut self) -> Vec<(Lane, usize)> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .filter_map(|lane| self.lanes.get(&lane).map(|queue| (lane, queue.len())))
            .collect()
    }

    /// Notes that the site of what leaves from `source` knows nothing.
    pub(super) fn touch(&mut self, source: &SourceName) {
        self.changed.extend(self.lanes.keys().filter(|lane| lane.source == *source).cloned());
    }

    /// Notes that no site knows anything.
    pub(super) fn touch_all(&mut self) {
        self.changed.extend(self.lanes.keys().cloned());
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether there may be due entries on disk.
    pub(super) fn more_on_disk(&self) -> bool {
        self.unread || self.classes.values().any(|class| class.more_on_disk)
    }

    /// Whether there may be due entries on disk of a class that has room, leaving out those that `wait`.
    pub(super) fn wants_read(&self, waiting: &HashMap<QueueClass, Instant>) -> bool {
        let low = self.class_max() / 4;
        let wants = |class: &Class| class.more_on_disk && class.ready < low;
        self.unread || self.classes.iter().any(|(name, class)| wants(class) && !waiting.contains_key(name))
    }

    /// The classes that are known.
    pub(super) fn classes(&self) -> impl Iterator<Item = &QueueClass> {
        self.classes.keys()
    }

    /// Notes that nothing is known of what is on disk.
    pub(super) fn look_on_disk(&mut self) {
        self.unread = true;
    }

    /// How many entries of `class` to read, `in_flight` of which may be under way; `None` if it has enough.
    pub(super) fn read_limit(&self, class: &QueueClass, in_flight: usize) -> Option<usize> {
        let (ready, max) = (self.classes.get(class).map_or(0, |class| class.ready), self.class_max());
        (ready < max / 4).then_some(max + ready + in_flight)
    }

    /// Room for a read of so many classes, taken before it is known what it finds: many domains begin to read at once
    /// after a start.
    pub(super) fn room_to_read(&self, classes: usize) -> ReadRoom {
        let entries = classes * self.class_max();
        self.total.0.reading.fetch_add(entries, Ordering::Relaxed);
        ReadRoom { total: self.total.clone(), entries }
    }

    /// Notes that a read begins: whoever finds more on disk while it is under way says so again.
    pub(super) fn read_begins(&mut self) {
        self.unread = false;
        for class in self.classes.values_mut() {
            class.more_on_disk = false;
        }
    }

    /// Notes that the read saw every class with entries accepted before `position` and due by `now`.
    pub(super) fn classes_seen(&mut self, position: u64, now: UnixMillis) {
        self.read_up_to = (position, now);
    }

    /// Notes a read of one class, which was `complete` unless it ended at its limit. What was found to be on
    /// disk while the read was under way stays noted.
    pub(super) fn class_read(&mut self, class: &QueueClass, position: u64, now: UnixMillis, complete: bool) {
        let class = self.classes.entry(class.clone()).or_default();
        class.read_up_to = (position, now);
        class.more_on_disk |= !complete;
    }

    /// Notes that a class may have due entries on disk.
    pub(super) fn look_again(&mut self, class: &QueueClass) {
        self.classes.entry(class.clone()).or_default().more_on_disk = true;
    }
}

impl Drop for ReadyQueue {
    fn drop(&mut self) {
        self.total.0.ready.fetch_sub(self.keys.len(), Ordering::Relaxed);
        self.total.0.domains.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_share_the_memory_for_entries() {
        let total = ReadyTotal::default();
        let first = ReadyQueue::new(total.clone());
        assert_eq!(first.class_max(), CLASS_MAX);
        let others: Vec<_> = (1..1_000).map(|_| ReadyQueue::new(total.clone())).collect();
        assert_eq!(first.class_max(), TOTAL_MAX / 1_000);
        // What reads may bring counts before it is there.
        let rooms: Vec<_> = others.iter().map(|queue| queue.room_to_read(2)).collect();
        assert_eq!((first.class_max(), total.get()), (CLASS_MIN, 0));
        drop(rooms);
        assert_eq!(first.class_max(), TOTAL_MAX / 1_000);
        drop(others);
        assert_eq!(first.class_max(), CLASS_MAX);
    }
}
