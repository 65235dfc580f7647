use super::*;

const DAY: u64 = 24 * 3600 * 1000;

fn at(time: u64) -> UnixMillis {
    UnixMillis::new(time)
}

struct World {
    _dir: tempfile::TempDir,
    store: Store,
    endpoint: ObjectId,
}

impl World {
    fn keeping(max_events: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = OutboxSettings { max_events, ..OutboxSettings::default() };
        let store = Store::open(dir.path(), settings).unwrap();
        Self { _dir: dir, store, endpoint: ObjectId::random().unwrap() }
    }

    fn add(&mut self, time: u64) {
        let (endpoints, body) = (vec![self.endpoint.clone()], time.to_string());
        self.store.add(&NewEvent { endpoints, id: time.to_string(), at: at(time), body }).unwrap();
    }

    fn claim(&mut self, now: u64) -> Vec<String> {
        match self.store.claim(&self.endpoint, at(now)).unwrap() {
            Claim::Now(batch) => batch.events,
            Claim::Nothing | Claim::Later(_) => Vec::new(),
        }
    }
}

#[test]
fn events_older_than_they_are_kept_go_even_from_a_batch_under_way() {
    let mut world = World::keeping(100);
    for time in [1, 2, DAY] {
        world.add(time);
    }
    assert_eq!(world.claim(3), ["1", "2", &DAY.to_string()]);
    world.store.prune(at(3 * DAY + 2)).unwrap();
    assert_eq!(world.store.waiting(), 2);
    assert_eq!(world.claim(3), ["2", &DAY.to_string()]);
    world.store.prune(at(5 * DAY)).unwrap();
    assert_eq!((world.claim(3), world.store.waiting()), (Vec::new(), 0));
    world.add(9 * DAY);
    assert_eq!(world.claim(3), [(9 * DAY).to_string()]);
}

#[test]
fn of_too_many_events_the_newest_are_kept() {
    let mut world = World::keeping(3);
    for time in 1..=5 {
        world.add(time);
    }
    world.store.prune(at(5)).unwrap();
    assert_eq!(world.claim(5), ["3", "4", "5"]);
    assert_eq!(world.store.waiting(), 3);
}

#[test]
fn numbers_of_events_are_not_used_twice() {
    let mut world = World::keeping(100);
    world.add(1);
    let Claim::Now(batch) = world.store.claim(&world.endpoint, at(1)).unwrap() else { panic!("no batch") };
    let attempt = Attempt {
        at: at(1),
        batch: batch.id,
        events: 1,
        status: Some(200),
        error: String::new(),
        answer: String::new(),
        took: Duration::ZERO,
    };
    world.store.delivered(&world.endpoint, &attempt).unwrap();
    world.store.prune(at(9 * DAY)).unwrap();
    // With its number the first event took the place that was told.
    world.add(9 * DAY);
    assert_eq!(world.claim(9 * DAY).len(), 1);
}

#[test]
fn what_a_rolled_back_transaction_added_does_not_count() {
    let mut world = World::keeping(100);
    world.store.begin().unwrap();
    world.add(1);
    world.store.roll_back();
    assert_eq!((world.store.waiting(), world.claim(1)), (0, Vec::new()));
    world.store.begin().unwrap();
    world.add(1);
    world.store.commit().unwrap();
    assert_eq!(world.store.waiting(), 1);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path(), OutboxSettings::default()).unwrap());
    let db = Connection::open(dir.path().join("outbox.sqlite")).unwrap();
    db.pragma_update(None, "user_version", schema::LAYOUT + 1).unwrap();
    let error = Store::open(dir.path(), OutboxSettings::default()).unwrap_err().to_string();
    assert!(error.contains("newer version"), "{error}");
}
