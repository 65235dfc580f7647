//! Creating, looking up, editing, removing; what survives what.

use super::*;
use std::thread;

#[test]
fn what_was_acknowledged_is_in_the_files_and_there_after_reopening() {
    let world = World::new();
    let new = NewSuppression {
        email: email("Ann@Bücher.example"),
        scope: Scope::SendingDomain(world.domain.clone()),
        expires: Some(after(60)),
        note: Some("asked by phone".to_owned()),
    };
    let row = world.store.create(&world.account, new, NOW).unwrap().row;
    // As a killed process leaves them: the log is not written back yet.
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(world.dir.path().join("s")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let killed = Suppressions::open(copy.path(), SuppressionSettings::default()).unwrap();
    assert_eq!(killed.get(&world.account, row.id, NOW).unwrap(), row);

    let world = world.reopened();
    assert_eq!(world.store.get(&world.account, row.id, NOW).unwrap(), row);
    assert_eq!(row.email.as_str(), "Ann@xn--bcher-kva.example");
    let synchronous =
        world.store.writer().pragma_query_value(None, "synchronous", |value| value.get::<_, i64>(0));
    assert_eq!(synchronous.unwrap(), 2, "FULL");
}

#[test]
fn creating_again_changes_nothing_and_never_shortens() {
    let world = World::new();
    let first = world.create("ann@example.org", Scope::Account, Some(after(60)));
    assert_eq!(first.recorded, Recorded::Created);
    for again in [
        world.create("ANN@Example.org", Scope::Account, Some(after(60))),
        world.create("\"ann\"@example.org", Scope::Account, Some(after(30))),
    ] {
        assert_eq!(again, Stored { row: first.row.clone(), recorded: Recorded::Unchanged });
    }
    let other = world.create("ann@example.org", Scope::SendingDomain(world.domain.clone()), None);
    assert_eq!(other.recorded, Recorded::Created, "another scope is another row");
}

#[test]
fn creating_with_a_later_end_keeps_the_row_and_the_promise() {
    let world = World::new();
    let first = world.add("ann@example.org", AutomaticCause::SoftBounces, Some(after(60))).row;
    let second = world.create("ann@example.org", Scope::Account, None);
    assert_eq!((second.recorded, second.row.id), (Recorded::Promoted, first.id));
    assert_eq!((second.row.reason, second.row.expires), (Reason::Manual, None));
    assert_eq!(second.row.created, first.created);
    assert_eq!(world.store.get(&world.account, first.id, NOW).unwrap(), second.row);
}

#[test]
fn a_row_that_is_over_is_gone_everywhere_and_makes_room_for_another() {
    let world = World::new();
    let old = world.create("ann@example.org", Scope::Account, Some(after(0))).row;
    assert!(world.suppressed("ann@example.org", UnixMillis::new(NOW.as_millis() - 1)).is_some());
    assert_eq!(world.suppressed("ann@example.org", NOW), None);
    let (store, account) = (&world.store, &world.account);
    assert!(matches!(store.get(account, old.id, NOW), Err(SuppressionError::NotFound(_))));
    assert!(matches!(store.edit(account, old.id, Edit::default(), NOW), Err(SuppressionError::NotFound(_))));
    assert!(matches!(store.remove(account, old.id, NOW), Err(SuppressionError::NotFound(_))));
    let page = store.list(account, ListStart::Of(ListFilter::default()), 10, NOW).unwrap();
    assert_eq!(page.rows, []);

    let new = world.create("ann@example.org", Scope::Account, None);
    assert_eq!(new.recorded, Recorded::Created);
    assert_ne!(new.row.id, old.id);
}

#[test]
fn a_look_up_tells_the_row_that_applies_to_each_address() {
    let world = World::new();
    let account_wide = world.create("ann@example.org", Scope::Account, None).row;
    let by_domain = world.create("bob@example.org", Scope::SendingDomain(world.domain.clone()), None).row;
    world.create("cid@example.org", Scope::SendingDomain(domain("other.example")), None);
    let bounces = domain("cf-bounce.shop.example");
    let by_return_path = world.create("dan@example.org", Scope::SendingDomain(bounces.clone()), None).row;
    let sender = Sender { account: &world.account, domain: &world.domain, return_path: Some(&bounces) };
    let asked =
        ["zoe@example.org", "Ann@example.org", "BOB@example.org", "cid@example.org", "dan@example.org"];
    let found = world.store.suppressed(sender, &asked.map(email), NOW).unwrap();
    assert_eq!(found, [None, Some(account_wide), Some(by_domain), None, Some(by_return_path)]);

    let stranger = ObjectId::random().unwrap();
    let theirs = world.store.suppressed(Sender { account: &stranger, ..sender }, &asked.map(email), NOW);
    assert_eq!(theirs.unwrap(), vec![None; 5]);
    assert_eq!(world.store.suppressed(sender, &[], NOW).unwrap(), []);
}

#[test]
fn of_several_rows_the_one_that_lasts_longest_applies() {
    let world = World::new();
    let mine = || Scope::SendingDomain(world.domain.clone());
    world.create("ann@example.org", Scope::Account, Some(after(10)));
    let longer = world.create("ann@example.org", mine(), Some(after(20))).row;
    assert_eq!(world.suppressed("ann@example.org", NOW), Some(longer));
    world.create("bob@example.org", mine(), Some(after(20)));
    let for_ever = world.create("bob@example.org", Scope::Account, None).row;
    assert_eq!(world.suppressed("bob@example.org", NOW), Some(for_ever));
}

#[test]
fn a_sub_address_is_suppressed_with_its_address_but_not_the_other_way_round() {
    let world = World::new();
    let ann = world.create("ann@example.org", Scope::Account, None).row;
    let sub = world.create("bob+news@example.org", Scope::Account, None).row;
    assert_eq!(world.suppressed("Ann+Shop@example.org", NOW), Some(ann));
    assert_eq!(world.suppressed("bob+news@example.org", NOW), Some(sub));
    assert_eq!(world.suppressed("bob@example.org", NOW), None);
    assert_eq!(world.suppressed("bob+other@example.org", NOW), None);
}

#[test]
fn an_edit_changes_what_it_says_and_nothing_else() {
    let world = World::new();
    let row = world.create("ann@example.org", Scope::Account, Some(after(60))).row;
    let edit = |edit| world.store.edit(&world.account, row.id, edit, after(1)).unwrap();
    let noted = edit(Edit { note: Change::Set(Some("n".to_owned())), ..Edit::default() });
    assert_eq!(noted, Suppression { note: Some("n".to_owned()), modified: after(1), ..row.clone() });
    let for_ever = edit(Edit { expires: Change::Set(None), ..Edit::default() });
    assert_eq!(for_ever, Suppression { expires: None, ..noted });
    let cleared = edit(Edit { note: Change::Set(None), ..Edit::default() });
    assert_eq!(world.store.get(&world.account, row.id, NOW).unwrap(), cleared);
    assert_eq!(cleared.note, None);
}

#[test]
fn another_accounts_row_is_not_there() {
    let world = World::new();
    let row = world.create("ann@example.org", Scope::Account, None).row;
    let stranger = ObjectId::random().unwrap();
    // An account that has rows of its own, and one that has none.
    for has_rows in [false, true] {
        let store = &world.store;
        assert!(
            matches!(store.get(&stranger, row.id, NOW), Err(SuppressionError::NotFound(_))),
            "{has_rows}"
        );
        let edited = store.edit(&stranger, row.id, Edit::default(), NOW);
        assert!(matches!(edited, Err(SuppressionError::NotFound(_))), "{has_rows}");
        assert!(matches!(store.remove(&stranger, row.id, NOW), Err(SuppressionError::NotFound(_))));
        let new =
            NewSuppression { email: email("x@y.example"), scope: Scope::Account, expires: None, note: None };
        store.create(&stranger, new, NOW).unwrap();
    }
    assert_eq!(world.store.get(&world.account, row.id, NOW).unwrap(), row);
}

#[test]
fn an_import_does_each_item_or_none() {
    let world = World::new();
    let old = world.create("ann@example.org", Scope::Account, None).row;
    let item =
        |text: &str| NewSuppression { email: email(text), scope: Scope::Account, expires: None, note: None };
    let items = ["bob@example.org", "ann@example.org", "BOB@example.org"].map(item);
    let stored = world.store.import(&world.account, items.to_vec(), NOW).unwrap();
    let recorded: Vec<_> = stored.iter().map(|stored| stored.recorded).collect();
    assert_eq!(recorded, [Recorded::Created, Recorded::Unchanged, Recorded::Unchanged]);
    assert_eq!((stored[1].row.id, stored[2].row.id), (old.id, stored[0].row.id));
}

#[test]
fn many_who_create_one_row_at_once_get_one_row() {
    let world = World::new();
    let ids: Vec<_> = thread::scope(|scope| {
        let create = || world.create("ann@example.org", Scope::Account, None).row.id;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn a_look_up_does_not_wait_for_a_writer() {
    let world = World::new();
    world.create("ann@example.org", Scope::Account, None);
    // Inside an open transaction: if any of these waited for its end, the test would hang.
    let changed = world.store.change(|transaction| {
        transaction.execute("DELETE FROM suppressions", [])?;
        let looked_up = thread::scope(|scope| {
            let look_up = || world.suppressed("ann@example.org", NOW).is_some();
            let threads: Vec<_> = (0..2 * LOOKUP_CONNECTIONS).map(|_| scope.spawn(look_up)).collect();
            threads.into_iter().all(|thread| thread.join().unwrap())
        });
        Ok(looked_up)
    });
    assert!(changed.unwrap());
    assert_eq!(world.suppressed("ann@example.org", NOW), None);
}

#[test]
fn a_database_of_a_newer_version_or_of_nobodys_is_refused() {
    let world = World::new();
    world.store.writer().pragma_update(None, "user_version", 9).unwrap();
    let folder = world.dir.path().join("s");
    drop(world.store);
    let error = Suppressions::open(&folder, SuppressionSettings::default()).unwrap_err();
    assert!(matches!(error, StorageError::TooNew { found: 9, known: 1, .. }), "{error}");
    // What reads the list for its filter may have it open still, and with it the write-ahead log.
    for rest in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("{FILE}{rest}")));
    }
    std::fs::write(folder.join(FILE), [b'x'; 8_192]).unwrap();
    let error = Suppressions::open(&folder, SuppressionSettings::default()).unwrap_err();
    assert!(error.to_string().contains("suppressions database"), "{error}");
}
