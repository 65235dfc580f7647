//! What holds of data points.

use super::*;

const DAY: u64 = 86_400_000;

struct World {
    dir: tempfile::TempDir,
    store: PointStore,
    account: ObjectId,
}

impl World {
    fn with(account_octets: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = PointStore::open(&dir.path().join("points"), PointSettings { account_octets }).unwrap();
        Self { dir, store, account: ObjectId::random().unwrap() }
    }

    fn new() -> Self {
        Self::with(1 << 30)
    }

    /// Waits until what was told is written, and reads it back from disk.
    fn reopen(&mut self, account_octets: u64) {
        self.store.close();
        let settings = PointSettings { account_octets };
        self.store = PointStore::open(&self.dir.path().join("points"), settings).unwrap();
    }

    fn write(&self, numbers: &[f64], at: u64) {
        let points = numbers.iter().map(|number| point(*number)).collect();
        self.store.write(&self.account, "mail", points, UnixMillis::new(at)).unwrap();
    }

    fn numbers(&self, since: u64) -> Vec<f64> {
        let points = self.store.points(&self.account, "mail", UnixMillis::new(since), 100).unwrap();
        points.into_iter().map(|stored| stored.point.doubles[0]).collect()
    }
}

fn point(number: f64) -> DataPoint {
    DataPoint { doubles: vec![number], ..DataPoint::default() }
}

#[test]
fn a_point_reads_back_as_it_was_written() {
    let mut world = World::new();
    let point = DataPoint {
        blobs: vec![Some(b"email_processed".to_vec()), None, Some(vec![0, 255])],
        doubles: vec![1.0, -2.5, f64::INFINITY],
        indexes: vec!["category:support".to_owned(), "priority:high".to_owned()],
    };
    world.store.write(&world.account, "mail", vec![point.clone()], UnixMillis::new(7)).unwrap();
    world.reopen(1 << 30);
    let found = world.store.points(&world.account, "mail", UnixMillis::new(0), 10).unwrap();
    assert_eq!(found, [StoredPoint { at: UnixMillis::new(7), point }]);
    assert_eq!(world.store.datasets(&world.account).unwrap(), [("mail".to_owned(), 1)]);
    let stranger = ObjectId::random().unwrap();
    assert_eq!(world.store.points(&stranger, "mail", UnixMillis::new(0), 10).unwrap(), []);
    assert_eq!(world.store.points(&world.account, "other", UnixMillis::new(0), 10).unwrap(), []);
}

#[test]
fn the_newest_come_first_and_what_is_too_old_goes() {
    let mut world = World::new();
    for day in 0..40 {
        world.write(&[day as f64], day * DAY);
    }
    world.reopen(1 << 30);
    assert_eq!(world.numbers(37 * DAY), [39.0, 38.0, 37.0]);
    world.store.purge(UnixMillis::new(39 * DAY)).unwrap();
    assert_eq!(world.numbers(0).last(), Some(&8.0));
    world.store.purge(UnixMillis::new(100 * DAY)).unwrap();
    assert_eq!(world.numbers(0), [0.0; 0]);
    // What went is not counted any more: there is room again.
    world.reopen(1_000);
    world.write(&[1.0, 2.0], 0);
    world.reopen(1_000);
    assert_eq!(world.numbers(0), [2.0, 1.0]);
}

#[test]
fn beyond_what_an_account_may_have_its_oldest_go_and_nobody_elses() {
    // Each of these points takes 79 octets.
    let mut world = World::with(4 * 79);
    let stranger = ObjectId::random().unwrap();
    world.store.write(&stranger, "mail", vec![point(0.0)], UnixMillis::new(0)).unwrap();
    for number in 1..=10 {
        world.write(&[f64::from(number)], 0);
    }
    world.reopen(4 * 79);
    assert_eq!(world.numbers(0), [10.0, 9.0, 8.0, 7.0]);
    world.write(&[11.0], 0);
    world.reopen(4 * 79);
    assert_eq!(world.numbers(0), [11.0, 10.0, 9.0, 8.0]);
    assert_eq!(world.store.points(&stranger, "mail", UnixMillis::new(0), 10).unwrap().len(), 1);
}

#[test]
fn what_can_be_no_point_is_refused_in_words() {
    let world = World::new();
    let refused = |point| {
        let points = vec![DataPoint::default(), point];
        world.store.write(&world.account, "mail", points, UnixMillis::new(0)).unwrap_err().to_string()
    };
    let blobs = vec![None; 21];
    assert_eq!(
        refused(DataPoint { blobs, ..DataPoint::default() }),
        "a data point has at most 20 blobs, not 21"
    );
    let blobs = vec![Some(vec![0; 10_000]), Some(vec![0; 10_000])];
    let told = "a data point has at most 16384 octets in its blobs, not 20000";
    assert_eq!(refused(DataPoint { blobs, ..DataPoint::default() }), told);
    let indexes = vec!["x".repeat(97)];
    let told = "a data point has at most 96 octets in an index, not 97";
    assert_eq!(refused(DataPoint { indexes, ..DataPoint::default() }), told);
    let nameless = world.store.write(&world.account, "", Vec::new(), UnixMillis::new(0));
    assert_eq!(nameless, Err(PointError::Dataset));
}

#[test]
fn nobody_waits_for_a_disk_that_does_not_keep_up() {
    let world = World::new();
    // The writer waits for this one as long as it is there.
    let db = rusqlite::Connection::open(world.dir.path().join("points/points.sqlite")).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..100 {
        world.write(&[1.0; 100], 0);
    }
    db.execute_batch("ROLLBACK").unwrap();
    world.store.close();
    let kept = world.store.datasets(&world.account).unwrap()[0].1;
    // What was on its way and under way; the rest was lost at once.
    assert!((1_024..=5_120).contains(&kept), "{kept}");
    world.write(&[1.0], 0);
    assert_eq!(world.store.datasets(&world.account).unwrap()[0].1, kept);
}

#[test]
fn with_an_account_go_its_points() {
    let mut world = World::new();
    world.write(&[1.0], 0);
    world.reopen(1 << 30);
    world.store.remove_account(&world.account).unwrap();
    assert_eq!(world.store.datasets(&world.account).unwrap(), []);
    world.write(&[2.0], 0);
    world.reopen(1 << 30);
    assert_eq!(world.numbers(0), [2.0]);
}
