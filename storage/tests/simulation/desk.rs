//! What waits in memory for one domain, class by class, and what is known of it.

use mailwright_engine::{class::QueueClass, roster::Spare, time::UnixMillis};
use mailwright_storage::{Fresh, QueueEntry, StoredMessage};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// Most entries of one class in memory: few, so that most of a queue waits on disk.
pub(super) const CLASS_MAX: usize = 8;

/// An entry that waits for its turn.
pub(super) struct Ready {
    pub(super) entry: QueueEntry,
    pub(super) message: Option<Arc<StoredMessage>>,
}

/// Where the mail goes.
pub(super) enum Plan {
    Unknown,
    Asked,
    Known { site: String, until: UnixMillis },
}

/// A domain that is active.
pub(super) struct Desk {
    pub(super) number: u64,
    pub(super) failures: u32,
    pub(super) lanes: BTreeMap<QueueClass, VecDeque<Ready>>,
    /// Lanes whose site has not been told of all they hold.
    pub(super) changed: BTreeSet<QueueClass>,
    pub(super) unread: bool,
    pub(super) more_on_disk: BTreeSet<QueueClass>,
    pub(super) plan: Plan,
    /// Nothing is offered before: there is no plan.
    pub(super) held: Option<UnixMillis>,
    /// Nor before that: its site is out of order.
    pub(super) link_held: Option<UnixMillis>,
    /// How many entries are being delivered.
    pub(super) outstanding: usize,
    pub(super) spare: Option<Spare>,
    pub(super) idle_since: Option<UnixMillis>,
}

impl Desk {
    pub(super) fn new(number: u64, failures: u32) -> Self {
        Self {
            number,
            failures,
            lanes: BTreeMap::new(),
            changed: BTreeSet::new(),
            unread: false,
            more_on_disk: BTreeSet::new(),
            plan: Plan::Unknown,
            held: None,
            link_held: None,
            outstanding: 0,
            spare: None,
            idle_since: None,
        }
    }

    pub(super) fn ready(&self, class: &QueueClass) -> usize {
        self.lanes.get(class).map_or(0, VecDeque::len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    pub(super) fn has(&self, entry: &QueueEntry) -> bool {
        self.lanes.values().flatten().any(|ready| ready.entry.key() == entry.key())
    }

    pub(super) fn push(&mut self, ready: Ready) {
        if !self.has(&ready.entry) {
            let class = ready.entry.place.class.clone();
            self.changed.insert(class.clone());
            self.lanes.entry(class).or_default().push_back(ready);
        }
    }

    pub(super) fn push_front(&mut self, ready: Ready) {
        if !self.has(&ready.entry) {
            let class = ready.entry.place.class.clone();
            self.changed.insert(class.clone());
            self.lanes.entry(class).or_default().push_front(ready);
        }
    }

    pub(super) fn pop(&mut self, class: &QueueClass) -> Option<Ready> {
        let lane = self.lanes.get_mut(class)?;
        let ready = lane.pop_front();
        if lane.is_empty() {
            self.lanes.remove(class);
        }
        ready
    }

    pub(super) fn take_where(&mut self, leaves: impl Fn(&QueueEntry) -> bool) -> Vec<QueueEntry> {
        let mut taken = Vec::new();
        for lane in self.lanes.values_mut() {
            let (going, staying): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(lane).into_iter().partition(|ready| leaves(&ready.entry));
            taken.extend(going.into_iter().map(|ready| ready.entry));
            *lane = staying;
        }
        self.lanes.retain(|_, lane| !lane.is_empty());
        taken
    }

    /// Takes an entry out that somebody else settles.
    pub(super) fn forget(&mut self, entry: &QueueEntry) {
        self.take_where(|known| known.key() == entry.key());
    }

    /// Takes in what was just committed, unless there is more of its class on disk, which comes first.
    pub(super) fn take_fresh(&mut self, fresh: Vec<Fresh>) {
        for Fresh { entry, message } in fresh {
            let class = entry.place.class.clone();
            if self.ready(&class) >= CLASS_MAX {
                self.more_on_disk.insert(class);
            } else if !self.more_on_disk.contains(&class) {
                self.push(Ready { entry, message });
            }
        }
    }

    pub(super) fn has_more_on_disk(&self) -> bool {
        self.unread || !self.more_on_disk.is_empty()
    }

    pub(super) fn wants_read(&self) -> bool {
        self.unread || self.more_on_disk.iter().any(|class| self.ready(class) < CLASS_MAX / 4)
    }

    /// Whether the plan leads to this site.
    pub(super) fn leads_to(&self, name: &str) -> bool {
        matches!(&self.plan, Plan::Known { site, .. } if site == name)
    }

    pub(super) fn is_held(&self, now: UnixMillis) -> bool {
        self.held.is_some_and(|until| until > now)
    }

    pub(super) fn is_link_held(&self, now: UnixMillis) -> bool {
        self.link_held.is_some_and(|until| until > now)
    }
}
