use super::*;
use mailwright_engine::id::QueueId;

fn entry(id: u64) -> QueueEntry {
    let key = EntryKey { id: QueueId::from_raw(id), group: 0 };
    let domain = Domain::parse("one.example").unwrap();
    QueueEntry {
        place: EntryPlace { key, domain, class: QueueClass::default(), due: UnixMillis::new(id) },
        attempts: 0,
        accepted_at: UnixMillis::new(id),
        expires_at: None,
        pending: vec![0],
        location: Location { lsn: id * 100, len: 100 },
        last: None,
        warning: DelayWarning::NotSent,
        revision: 0,
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
