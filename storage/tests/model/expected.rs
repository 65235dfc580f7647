//! What the spool must hold.

use crate::common::{NOW, Server, block_on};
use bytes::Bytes;
use mailwright_engine::{address::Domain, envelope::Envelope, id::QueueId, time::UnixMillis};
use mailwright_storage::{EntryKey, EntryPlace, Location, Outcome, QueueEntry};
use std::collections::{BTreeMap, BTreeSet};

const FOREVER: UnixMillis = UnixMillis::new(u64::MAX);

/// The model: the queue as maps in memory.
#[derive(Default)]
pub(crate) struct Expected {
    /// Every entry, its location left blank.
    pub(crate) entries: BTreeMap<EntryKey, QueueEntry>,
    /// Deliveries past their intent and without outcome.
    pub(crate) intents: BTreeSet<EntryKey>,
    /// Doubts that an earlier start has told; told again only if that start ended before it was noted.
    told: BTreeSet<EntryKey>,
    messages: BTreeMap<QueueId, (Envelope, Bytes)>,
    settled: BTreeSet<EntryKey>,
}

impl Expected {
    pub(crate) fn accepted(&mut self, envelope: Envelope, content: Bytes) {
        for entry in QueueEntry::for_envelope(&envelope, NOW) {
            self.entries.insert(entry.key(), entry);
        }
        self.messages.insert(envelope.id, (envelope, content));
    }

    pub(crate) fn attempted(&mut self, outcome: &Outcome) {
        let key = outcome.before.key;
        self.intents.remove(&key);
        self.told.remove(&key);
        match &outcome.after {
            Some(after) => drop(self.entries.insert(key, unplaced(after.clone()))),
            None => {
                self.entries.remove(&key);
                self.settled.insert(key);
            }
        }
    }

    /// Asserts that the start found what was there.
    pub(crate) fn assert_recovered(&mut self, server: &Server) {
        let recovery = &server.recovery;
        let in_doubt: BTreeSet<_> = recovery.in_doubt.iter().copied().collect();
        assert_eq!(recovery.entries, self.entries.len() as u64);
        assert!(in_doubt.is_superset(&self.intents), "{in_doubt:?} lacks some of {:?}", self.intents);
        let known: BTreeSet<_> = self.intents.union(&self.told).copied().collect();
        assert!(in_doubt.is_subset(&known), "{in_doubt:?} has more than {known:?}");
        self.told = known;
        self.intents.clear();
        assert_eq!(recovery.damaged, []);
    }

    /// Asserts that every question is answered as the model answers it, and every message reads back.
    pub(crate) fn assert_holds(&self, server: &Server) {
        self.assert_entries(server);
        self.assert_orders(server);
        // Storing the state must not have changed anything.
        self.assert_entries(server);
        assert_eq!(server.spool.entries(), self.entries.len() as u64);
    }

    fn assert_entries(&self, server: &Server) {
        for (key, expected) in &self.entries {
            let entry = server.get(*key).unwrap_or_else(|| panic!("{key} is lost"));
            let (envelope, content) = &self.messages[&key.id];
            let message = server.spool.load(&entry).unwrap();
            assert_eq!(&message.envelope, envelope);
            assert!(message.content.body == *content, "content of {key}");
            assert_eq!(&unplaced(entry), expected);
        }
        for key in &self.settled {
            assert_eq!(server.get(*key), None, "a settled entry is back");
        }
    }

    fn assert_orders(&self, server: &Server) {
        let places = self.places();
        let middle = places.get(places.len() / 2).map_or(NOW, |place| place.due);
        for domain in super::DOMAINS.map(|name| Domain::parse(name).unwrap()) {
            self.assert_due_in(server, &domain, middle, 1_000);
            self.assert_due_in(server, &domain, FOREVER, 3);
        }
        for (from, to) in [(NOW, FOREVER), (NOW, middle), (middle, FOREVER)] {
            let due = block_on(server.spool.due_between(from, to, 1_000)).unwrap();
            let expected: Vec<_> =
                places.iter().filter(|p| p.due >= from && p.due < to).map(|p| (*p).clone()).collect();
            assert_eq!(due, expected);
        }
        let mut first_due = BTreeMap::new();
        for place in &places {
            first_due.entry(place.domain.clone()).or_insert(place.due);
        }
        let domains: BTreeMap<_, _> = block_on(server.spool.domains()).unwrap().into_iter().collect();
        assert_eq!(domains, first_due);
    }

    fn assert_due_in(&self, server: &Server, domain: &Domain, now: UnixMillis, limit: usize) {
        let due = block_on(server.spool.due_in_domain(domain.clone(), now, limit)).unwrap().entries;
        let due: Vec<_> = due.into_iter().map(|entry| entry.place).collect();
        let expected = self.places().into_iter().filter(|p| p.domain == *domain && p.due <= now);
        assert_eq!(due, expected.take(limit).cloned().collect::<Vec<_>>());
    }

    /// All places, earliest first.
    fn places(&self) -> Vec<&EntryPlace> {
        let mut places: Vec<_> = self.entries.values().map(|entry| &entry.place).collect();
        places.sort_by_key(|place| (place.due, place.key));
        places
    }
}

fn unplaced(entry: QueueEntry) -> QueueEntry {
    QueueEntry { location: Location::default(), ..entry }
}
