//! What holds of keys and values, with every step read back from disk.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A second since 1970.
const START: u64 = 1_800_000_000;

fn at(second: u64) -> UnixMillis {
    UnixMillis::new((START + second) * 1_000)
}

struct World {
    dir: tempfile::TempDir,
    store: KvStore,
    account: ObjectId,
}

impl World {
    fn new() -> Self {
        Self::with(KvSettings::default())
    }

    fn with(settings: KvSettings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = KvStore::open(&dir.path().join("kv"), settings).unwrap();
        Self { dir, store, account: ObjectId::random().unwrap() }
    }

    fn reopen(&mut self) {
        let settings = self.store.0.settings;
        self.store = KvStore::open(&self.dir.path().join("kv"), settings).unwrap();
    }

    fn namespace(&self, title: &str) -> ObjectId {
        self.store.create(&self.account, title, at(0)).unwrap().id.clone()
    }

    fn put(&self, namespace: &ObjectId, key: &str, value: &str) -> Result<(), KvError> {
        self.store.put(&self.account, namespace, plain(key, value), at(0))
    }

    fn get(&self, namespace: &ObjectId, key: &str, second: u64) -> Option<KvEntry> {
        self.store.get(&self.account, namespace, key, at(second)).unwrap()
    }

    fn list(&self, namespace: &ObjectId, list: &KvList, second: u64) -> KvPage {
        self.store.list(&self.account, namespace, list, at(second)).unwrap()
    }

    /// What the database holds, whoever may see it: entries, and octets that are counted.
    fn stored(&self) -> (i64, i64) {
        let count = |db: &rusqlite::Connection, sql: &str| db.query_row(sql, [], |row| row.get(0));
        let read = |db: &rusqlite::Connection| {
            let entries = count(db, "SELECT count(*) FROM entries")?;
            Ok::<_, KvError>((entries, count(db, "SELECT coalesce(sum(octets), 0) FROM namespaces")?))
        };
        self.store.0.db.read(read).unwrap()
    }
}

fn plain(key: &str, value: &str) -> KvPut {
    KvPut { key: key.to_owned(), value: value.as_bytes().to_vec(), metadata: None, expiration: None }
}

fn names(page: &KvPage) -> Vec<&str> {
    page.keys.iter().map(|key| key.name.as_str()).collect()
}

#[test]
fn an_entry_survives_with_all_that_was_said_of_it() {
    let mut world = World::new();
    let namespace = world.namespace("emails");
    let metadata = Some(r#"{"from":"ann@example.com"}"#.to_owned());
    let put = KvPut { metadata, expiration: Some(START + 60), ..plain("email:1", "{}") };
    world.store.put(&world.account, &namespace, put.clone(), at(0)).unwrap();
    world.reopen();
    let found = world.get(&namespace, "email:1", 59).unwrap();
    assert_eq!((found.value, found.metadata, found.expiration), (put.value, put.metadata, put.expiration));
    // Set again, nothing of the old entry stays.
    world.put(&namespace, "email:1", "").unwrap();
    world.reopen();
    let found = world.get(&namespace, "email:1", 1_000_000).unwrap();
    assert_eq!(found, KvEntry { value: Vec::new(), metadata: None, expiration: None });
}

#[test]
fn namespaces_and_accounts_know_nothing_of_each_other() {
    let world = World::new();
    let (one, other) = (world.namespace("one"), world.namespace("other"));
    world.put(&one, "key", "1").unwrap();
    assert_eq!(world.get(&other, "key", 0), None);
    world.put(&other, "key", "2").unwrap();
    world.store.delete(&world.account, &one, "key", at(0)).unwrap();
    assert_eq!(world.get(&other, "key", 0).unwrap().value, b"2");
    let stranger = ObjectId::random().unwrap();
    let refused = |refused: KvError| matches!(refused, KvError::NoNamespace(_));
    assert!(refused(world.store.get(&stranger, &other, "key", at(0)).unwrap_err()));
    assert!(refused(world.store.put(&stranger, &other, plain("key", "3"), at(0)).unwrap_err()));
    assert!(refused(world.store.delete(&stranger, &other, "key", at(0)).unwrap_err()));
    assert!(refused(world.store.list(&stranger, &other, &KvList::default(), at(0)).unwrap_err()));
    assert!(refused(world.store.rename(&stranger, &other, "mine").unwrap_err()));
    assert!(refused(world.store.remove(&stranger, &other).unwrap_err()));
    assert_eq!(world.store.namespace(&stranger, &other), None);
    assert_eq!(world.get(&other, "key", 0).unwrap().value, b"2");
}

#[test]
fn what_has_expired_is_seen_by_nobody_and_its_room_comes_back() {
    let world = World::new();
    let namespace = world.namespace("n");
    for number in 0..20 {
        let put = KvPut { expiration: Some(START + 60 + number % 2), ..plain(&format!("{number:02}"), "v") };
        world.store.put(&world.account, &namespace, put, at(0)).unwrap();
    }
    let seen = |second| names(&world.list(&namespace, &KvList::default(), second)).len();
    assert_eq!((seen(59), seen(60), seen(61)), (20, 10, 0));
    assert_eq!(world.get(&namespace, "00", 60), None);
    assert!(!world.store.delete(&world.account, &namespace, "00", at(60)).unwrap());
    assert!(world.store.delete(&world.account, &namespace, "01", at(60)).unwrap());
    world.store.purge(at(60)).unwrap();
    assert_eq!(world.stored().0, 9);
    world.store.purge(at(61)).unwrap();
    assert_eq!(world.stored(), (0, 0));
}

#[test]
fn pages_follow_each_other_in_the_order_of_octets() {
    let world = World::new();
    let namespace = world.namespace("n");
    let mut keys = vec!["a", "a/", "a/1", "a/2", "a/\u{10FFFF}", "a0", "aß", "b", "Z", "🙂", "a/\0"];
    for key in &keys {
        world.put(&namespace, key, key).unwrap();
    }
    keys.sort_unstable();
    let mut list = KvList { limit: Some(2), ..KvList::default() };
    let mut found = Vec::new();
    loop {
        let page = world.list(&namespace, &list, 0);
        assert!(page.keys.len() <= 2);
        found.extend(page.keys.into_iter().map(|key| key.name));
        let Some(cursor) = page.cursor else { break };
        list.cursor = Some(cursor);
    }
    assert_eq!(found, keys);
    let under = KvList { prefix: "a/".to_owned(), ..KvList::default() };
    assert_eq!(names(&world.list(&namespace, &under, 0)), ["a/", "a/\0", "a/1", "a/2", "a/\u{10FFFF}"]);
    let wrong = KvList { cursor: Some("nonsense".to_owned()), ..KvList::default() };
    assert!(matches!(world.store.list(&world.account, &namespace, &wrong, at(0)), Err(KvError::Invalid(_))));
}

#[test]
fn what_is_too_long_is_refused_with_its_length_and_changes_nothing() {
    let world = World::new();
    let namespace = world.namespace("n");
    let refused =
        |put: KvPut| world.store.put(&world.account, &namespace, put, at(0)).unwrap_err().to_string();
    let long = "k".repeat(MAX_KEY + 1);
    assert_eq!(refused(plain(&long, "")), "the key has 513 octets, of at most 512");
    assert_eq!(refused(plain("", "")), "a key must not be empty");
    assert_eq!(refused(plain("..", "")), "\"..\" cannot be a key");
    let value = vec![0; MAX_VALUE + 1];
    let told = refused(KvPut { value, ..plain("k", "") });
    assert_eq!(told, "the value has 26214401 octets, of at most 26214400");
    let metadata = Some(format!("{:?}", "m".repeat(MAX_METADATA)));
    let told = refused(KvPut { metadata, ..plain("k", "") });
    assert_eq!(told, "the metadata has 1026 octets, of at most 1024");
    assert_eq!(
        refused(KvPut { metadata: Some("{".to_owned()), ..plain("k", "") }),
        "the metadata is not JSON"
    );
    let told = refused(KvPut { expiration: Some(START + 59), ..plain("k", "") });
    assert_eq!(told, "an expiration of 1800000059 is too early: it must be at least 60 seconds ahead");
    assert_eq!(world.stored(), (0, 0));
    world.put(&namespace, &long[1..], &"v".repeat(1 << 20)).unwrap();
    assert_eq!(world.get(&namespace, &long[1..], 0).unwrap().value.len(), 1 << 20);
}

#[test]
fn an_account_that_is_full_may_set_less_and_remove_but_not_more() {
    let world = World::with(KvSettings { account_octets: 1_000 });
    let (one, other) = (world.namespace("one"), world.namespace("other"));
    world.put(&one, "k", &"v".repeat(400)).unwrap();
    world.put(&other, "k", &"v".repeat(400)).unwrap();
    let full = |refused: Result<(), KvError>| matches!(refused, Err(KvError::Full { most: 1_000, .. }));
    assert!(full(world.put(&other, "l", &"v".repeat(200))));
    assert!(full(world.put(&one, "k", &"v".repeat(500))));
    assert_eq!(world.get(&one, "k", 0).unwrap().value.len(), 400);
    world.put(&one, "k", "").unwrap();
    world.put(&other, "l", &"v".repeat(200)).unwrap();
    // Another account has room of its own.
    let stranger = ObjectId::random().unwrap();
    let theirs = world.store.create(&stranger, "one", at(0)).unwrap();
    world.store.put(&stranger, &theirs.id, plain("k", &"v".repeat(800)), at(0)).unwrap();
}

#[test]
fn many_are_set_all_or_none_and_read_in_their_order() {
    let world = World::new();
    let namespace = world.namespace("n");
    let puts = |bad: &str| vec![plain("a", "1"), plain(bad, "2"), plain("c", "3")];
    let put = |puts| world.store.put_many(&world.account, &namespace, puts, at(0));
    assert!(put(puts("")).is_err());
    assert_eq!(world.stored(), (0, 0));
    put(puts("b")).unwrap();
    let keys: Vec<_> = ["c", "x", "a"].map(str::to_owned).into();
    let found = world.store.get_many(&world.account, &namespace, &keys, at(0)).unwrap();
    let values: Vec<_> = found.into_iter().map(|entry| entry.map(|entry| entry.value)).collect();
    assert_eq!(values, [Some(b"3".to_vec()), None, Some(b"1".to_vec())]);
    let gone = world.store.delete_many(&world.account, &namespace, keys, at(0)).unwrap();
    assert_eq!((gone, world.stored().0), (2, 1));
}

#[test]
fn a_namespace_is_renamed_and_removed_with_all_it_has() {
    let mut world = World::new();
    let (one, other) = (world.namespace("one"), world.namespace("other"));
    assert!(matches!(world.store.create(&world.account, "one", at(0)), Err(KvError::Taken(_))));
    assert!(matches!(world.store.rename(&world.account, &other, "one"), Err(KvError::Taken(_))));
    world.store.rename(&world.account, &one, "first").unwrap();
    world.put(&one, "k", "1").unwrap();
    world.put(&other, "k", "2").unwrap();
    world.reopen();
    let titles: Vec<_> = world.store.namespaces(&world.account).iter().map(|one| one.title.clone()).collect();
    assert_eq!(titles, ["first", "other"]);
    world.store.remove(&world.account, &one).unwrap();
    assert!(matches!(world.put(&one, "k", "3"), Err(KvError::NoNamespace(_))));
    assert_eq!(world.stored().0, 1);
    world.reopen();
    assert_eq!(world.store.namespaces(&world.account).len(), 1);
    assert_eq!(world.get(&other, "k", 0).unwrap().value, b"2");
    world.namespace("first");
}

#[test]
fn a_removal_that_was_cut_short_is_finished_by_the_next_purge() {
    let mut world = World::new();
    let namespace = world.namespace("n");
    world.put(&namespace, "k", "v").unwrap();
    // As a kill leaves it: gone for everybody, its entries still there.
    let removed = |db: &rusqlite::Connection| {
        db.execute("UPDATE namespaces SET removed = true", [])?;
        Ok::<_, KvError>(())
    };
    world.store.0.db.change(removed).unwrap();
    world.reopen();
    assert_eq!(world.store.namespaces(&world.account), []);
    assert_eq!(world.stored().0, 1);
    world.store.purge(at(0)).unwrap();
    assert_eq!(world.stored(), (0, 0));
}

#[test]
fn writers_of_sixteen_threads_all_find_what_they_wrote() {
    let mut world = World::new();
    let namespace = world.namespace("n");
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (world, namespace) = (&world, &namespace);
            scope.spawn(move || {
                for number in 0..20 {
                    let key = format!("{thread}/{number}");
                    world.put(namespace, &key, &key).unwrap();
                    assert_eq!(world.get(namespace, &key, 0).unwrap().value, key.as_bytes());
                }
            });
        }
    });
    world.reopen();
    assert_eq!(names(&world.list(&namespace, &KvList::default(), 0)).len(), 320);
}

/// What happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Put { namespace: usize, key: String, value: Vec<u8>, lives: Option<u64> },
    Delete { namespace: usize, key: String },
    Wait(u64),
    Purge,
    Reopen,
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{1,3}", "[a\u{0}ß🙂]{1,2}"]
}

fn step() -> impl Strategy<Value = Step> {
    let put = (0..2usize, key(), prop::collection::vec(any::<u8>(), 0..40), prop::option::of(60..90u64));
    prop_oneof![
        6 => put.prop_map(|(namespace, key, value, lives)| Step::Put { namespace, key, value, lives }),
        3 => (0..2usize, key()).prop_map(|(namespace, key)| Step::Delete { namespace, key }),
        2 => (1..40u64).prop_map(Step::Wait),
        1 => Just(Step::Purge),
        1 => Just(Step::Reopen),
    ]
}

/// The entries of a namespace, each with when it is gone.
type Model = BTreeMap<String, (Vec<u8>, Option<u64>)>;

fn check(world: &World, ids: &[ObjectId; 2], models: &[Model; 2], second: u64) {
    for (id, model) in ids.iter().zip(models) {
        let alive = |end: &Option<u64>| end.is_none_or(|end| end > second);
        let expected: Vec<_> = model.iter().filter(|(_, (_, end))| alive(end)).collect();
        let page = world.list(id, &KvList::default(), second);
        assert_eq!(names(&page), expected.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>());
        for (key, (value, end)) in expected {
            let found = world.get(id, key, second).unwrap();
            assert_eq!((&found.value, found.expiration), (value, end.map(|end| START + end)));
        }
        let under = KvList { prefix: "a".to_owned(), limit: Some(3), cursor: None };
        let begins =
            |(key, (_, end)): &(&String, &(Vec<u8>, Option<u64>))| key.starts_with('a') && alive(end);
        let expected: Vec<_> = model.iter().filter(begins).map(|(key, _)| key.as_str()).collect();
        let page = world.list(id, &under, second);
        assert_eq!(names(&page), expected.iter().take(3).copied().collect::<Vec<_>>());
        assert_eq!(page.cursor.is_some(), expected.len() > 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_history_leaves_what_a_sorted_map_would_have(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        let ids = [world.namespace("one"), world.namespace("other")];
        let (mut models, mut second) = ([Model::new(), Model::new()], 0);
        for step in steps {
            match step {
                Step::Put { namespace, key, value, lives } => {
                    let end = lives.map(|lives| second + lives);
                    let expiration = end.map(|end| START + end);
                    let put = KvPut { value: value.clone(), expiration, ..plain(&key, "") };
                    world.store.put(&world.account, &ids[namespace], put, at(second)).unwrap();
                    models[namespace].insert(key, (value, end));
                }
                Step::Delete { namespace, key } => {
                    let gone = models[namespace].remove(&key);
                    let was_there = gone.is_some_and(|(_, end)| end.is_none_or(|end| end > second));
                    let deleted = world.store.delete(&world.account, &ids[namespace], &key, at(second));
                    prop_assert_eq!(deleted.unwrap(), was_there);
                }
                Step::Wait(seconds) => second += seconds,
                Step::Purge => world.store.purge(at(second)).unwrap(),
                Step::Reopen => world.reopen(),
            }
            check(&world, &ids, &models, second);
        }
        // What is counted is what there is.
        world.store.purge(at(second)).unwrap();
        let octets = |(key, (value, _)): (&String, &(Vec<u8>, Option<u64>))| 64 + key.len() + value.len();
        let alive = models.iter().flatten().filter(|(_, (_, end))| end.is_none_or(|end| end > second));
        let (entries, sum) = alive.fold((0, 0), |(n, sum), entry| (n + 1, sum + octets(entry)));
        prop_assert_eq!(world.stored(), (entries, i64::try_from(sum).unwrap()));
    }
}
