//! What the spool must hold.

use crate::common::{NOW, Server, block_on};
use bytes::Bytes;
use mailwright_engine::{
    address::Domain,
    class::{QueueClass, TenantName},
    envelope::Envelope,
    id::QueueId,
    time::UnixMillis,
};
use mailwright_storage::{
    ChangedBy, DomainSummary, EntryKey, EntryPlace, ListFilter, Location, Outcome, QueueEntry, QueueView,
};
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

    pub(crate) fn changed(&mut self, outcome: &Outcome) {
        let key = outcome.before.key;
        if outcome.by == ChangedBy::Delivery || outcome.after.is_none() {
            self.intents.remove(&key);
            self.told.remove(&key);
        }
        let Some(known) = self.entries.remove(&key) else { return };
        match outcome.after.clone().map(|after| after_both(known, &outcome.before, after)) {
            Some(after) if !after.pending.is_empty() => drop(self.entries.insert(key, after)),
            _ => drop(self.settled.insert(key)),
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
        self.assert_view(server);
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
            self.assert_classes(server, &domain, middle);
            self.assert_classes(server, &domain, FOREVER);
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

    fn assert_classes(&self, server: &Server, domain: &Domain, now: UnixMillis) {
        let mut expected: BTreeMap<QueueClass, Vec<EntryPlace>> = BTreeMap::new();
        for place in self.places().into_iter().filter(|p| p.domain == *domain && p.due <= now) {
            expected.entry(place.class.clone()).or_default().push(place.clone());
        }
        let mut after = None;
        for (class, places) in expected {
            // One at a time, so that going on after each is tried too.
            let next = block_on(server.spool.classes_due(domain.clone(), after, now, 1)).unwrap().classes;
            assert_eq!(next, [(class.clone(), places[0].due)]);
            for limit in [1_000, 2] {
                let due = server.spool.due_in_domain(domain.clone(), class.clone(), now, limit);
                let due: Vec<_> = block_on(due).unwrap().entries.into_iter().map(|e| e.place).collect();
                assert_eq!(due, places[..places.len().min(limit)]);
            }
            after = Some(class);
        }
        let rest = block_on(server.spool.classes_due(domain.clone(), after, now, 1)).unwrap();
        assert_eq!(rest.classes, []);
    }

    /// Asserts what operators see.
    fn assert_view(&self, server: &Server) {
        let view = block_on(server.spool.view()).unwrap();
        let mut expected: BTreeMap<(Domain, QueueClass), Vec<&QueueEntry>> = BTreeMap::new();
        for entry in self.entries.values() {
            let EntryPlace { domain, class, .. } = entry.place.clone();
            expected.entry((domain, class)).or_default().push(entry);
        }
        let mut found = BTreeMap::new();
        for domain in view.summaries(NOW) {
            let DomainSummary { domain, classes } = domain.unwrap();
            found.extend(classes.into_iter().map(|sum| ((domain.clone(), sum.class.clone()), sum)));
        }
        assert!(found.keys().eq(expected.keys()));
        for (sum, entries) in found.values().zip(expected.values()) {
            let dues: Vec<_> = entries.iter().map(|entry| entry.place.due).collect();
            assert_eq!((sum.entries, sum.oldest), (entries.len() as u64, NOW));
            assert_eq!(sum.due, dues.iter().filter(|due| **due <= NOW).count() as u64);
            assert_eq!(Some(sum.next_due), dues.into_iter().min());
        }
        self.assert_lists(&view);
        for id in self.messages.keys() {
            let of = block_on(server.spool.entries_of(*id)).unwrap();
            assert!(of.iter().map(QueueEntry::key).eq(self.entries.keys().copied().filter(|k| k.id == *id)));
        }
    }

    fn assert_lists(&self, view: &QueueView) {
        let tenant = TenantName::parse("shop").unwrap();
        let domain = Domain::parse(super::DOMAINS[0]).unwrap();
        let filters = [
            ListFilter::default(),
            ListFilter { tenant: Some(tenant.clone()), ..ListFilter::default() },
            ListFilter { domain: Some(domain.clone()), ..ListFilter::default() },
        ];
        for (which, filter) in filters.into_iter().enumerate() {
            let mut found = BTreeSet::new();
            let mut after = None;
            loop {
                let page = view.list(&filter, after.as_ref(), 3).unwrap();
                found.extend(page.entries.iter().map(QueueEntry::key));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let expected = self.entries.values().map(|entry| &entry.place).filter(|place| match which {
                0 => true,
                1 => place.class.tenant.as_ref() == Some(&tenant),
                _ => place.domain == domain,
            });
            assert_eq!(found, expected.map(|place| place.key).collect());
        }
    }

    /// All places, earliest first.
    fn places(&self) -> Vec<&EntryPlace> {
        let mut places: Vec<_> = self.entries.values().map(|entry| &entry.place).collect();
        places.sort_by_key(|place| (place.due, place.key));
        places
    }
}

/// `known` after a change made from the entry as it stood at `before`, perhaps before `known` was.
fn after_both(known: QueueEntry, before: &EntryPlace, after: QueueEntry) -> QueueEntry {
    let mut both = unplaced(after);
    if both.place.due == before.due {
        both.place.due = known.place.due;
    }
    if both.place.class == before.class {
        both.place.class = known.place.class;
    }
    both.pending.retain(|recipient| known.pending.contains(recipient));
    both.attempts = both.attempts.max(known.attempts);
    both
}

fn unplaced(entry: QueueEntry) -> QueueEntry {
    // Revisions are the queue's own affair.
    QueueEntry { location: Location::default(), revision: 0, ..entry }
}
