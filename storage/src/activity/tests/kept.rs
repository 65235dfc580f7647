//! What survives: kills, damage, a power cut, and age.

use super::*;

/// Some days of mail in both directions, with retries over midnight.
fn days() -> Vec<Told> {
    let mut events = Vec::new();
    for n in 0..60 {
        let sent = Sent::new(NOON + n * HOUR, &["a@one.example", "b@two.example"]);
        events.push(sent.accepted());
        events.push(sent.tried(10, 0, Outcome::Delivered, "", "250 OK"));
        events.push(sent.tried(20, 1, Outcome::Soft, "busy", "450 later"));
        events.push(sent.tried(14 * HOUR, 1, Outcome::Hard, "full", "552 full"));
        if n % 4 > 0 {
            continue;
        }
        let to = [("a@one.example", "a@shop.example"), ("b@two.example", "b@shop.example")];
        let came = Came::new(NOON + n * HOUR + 1, &to);
        events.push(came.accepted());
        events.push(came.tried(10, 0, Outcome::Delivered, "", "250 OK"));
        events.push(came.tried(20, 1, Outcome::Soft, "busy", "450 later"));
        events.push(came.tried(14 * HOUR, 1, Outcome::Delivered, "", "250 OK"));
        events.push(Came::new(NOON + n * HOUR + 2, &[]).dropped("void@shop.example"));
    }
    events.sort_by_key(|(at, ..)| *at);
    events
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        std::fs::copy(item.path(), to.join(item.file_name())).unwrap();
    }
}

/// What an index knows that has read this log at once.
fn expected(events: &[Told]) -> Vec<(Activity, MessageReport, TimelinePage)> {
    let world = World::new();
    world.log(events);
    everything(&world.index())
}

#[test]
fn a_log_that_is_read_bit_by_bit_gives_what_it_gives_at_once() {
    let (world, events) = (World::new(), days());
    for part in events.chunks(11) {
        world.log(part);
        world.index();
    }
    assert_eq!(everything(&world.index()), expected(&events));
    assert_eq!(world.databases().len(), 4, "of the last day are retries alone");
}

#[test]
fn a_kill_at_any_time_loses_nothing_and_counts_nothing_twice() {
    let (world, events) = (World::new(), days());
    let (early, late) = events.split_at(events.len() / 2);
    let saved = world.dir.path().join("saved");
    world.log(early);
    // As a kill leaves them: databases at different places, with write-ahead logs not written back.
    let (log, thread) = world.start();
    log.catch_up();
    copy(&world.index_dir(), &saved);
    world.log(late);
    log.catch_up();
    let newer = world.dir.path().join("newer");
    copy(&world.index_dir(), &newer);
    thread.close();
    let expected = expected(&events);
    for (number, kept) in world.databases().iter().enumerate() {
        // All but one database are as they were before: that one was the only one that was committed.
        copy(&saved, &world.index_dir());
        for suffix in ["", "-wal", "-shm"] {
            let name = format!("{}{suffix}", kept.file_name().unwrap().to_str().unwrap());
            if newer.join(&name).exists() {
                std::fs::copy(newer.join(&name), world.index_dir().join(&name)).unwrap();
            }
        }
        // A batch commits the databases in turn, all from where the last batch has ended.
        let began: Vec<_> = world.databases().iter().map(|file| began_of(file)).collect();
        if number + 1 < began.len() || began.iter().max() == began.last() {
            assert_eq!(everything(&world.index()), expected, "killed after {}", kept.display());
        }
    }
}

fn began_of(file: &Path) -> i64 {
    let db = Connection::open(file).unwrap();
    db.query_row("SELECT began FROM progress", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_database_that_is_gone_or_damaged_is_made_anew_at_the_start() {
    let (world, events) = (World::new(), days());
    world.log(&events);
    let expected = everything(&world.index());
    for at in 0..world.databases().len() {
        let damages: [fn(&Path); 4] = [
            |file| std::fs::remove_file(file).unwrap(),
            |file| std::fs::write(file, "").unwrap(),
            |file| std::fs::write(file, "this is no database, and never was one").unwrap(),
            |file| {
                let db = Connection::open(file).unwrap();
                db.pragma_update(None, "user_version", 77).unwrap();
            },
        ];
        for damage in damages {
            damage(&world.databases()[at]);
            assert_eq!(everything(&world.index()), expected, "database {at}");
        }
    }
    std::fs::remove_dir_all(world.index_dir()).unwrap();
    assert_eq!(everything(&world.index()), expected);
}

#[test]
fn a_rebuild_that_is_cut_short_goes_on_after_the_next_start() {
    let (world, events) = (World::new(), days());
    world.log(&events);
    let expected = everything(&world.index());
    let gone = world.databases().remove(1);
    std::fs::remove_file(&gone).unwrap();
    // Started and ended before anything was read: the database is there and has nothing.
    let shared = Arc::<Shared>::default();
    drop(Indexer::open(&world.log_dir(), &world.index_dir(), RETENTION, now, shared).unwrap());
    assert!(gone.exists());
    assert_eq!(everything(&world.index()), expected);
}

#[test]
fn damage_that_a_reader_meets_is_mended_while_it_runs() {
    let (world, events) = (World::new(), days());
    world.log(&events);
    let expected = everything(&world.index());
    let file = &world.databases()[1];
    // What the thread reads at its start is whole.
    for table in ["recipients", "routed"] {
        let mut bytes = std::fs::read(file).unwrap();
        let root = root_of(file, table);
        bytes[(root - 1) * 4_096..root * 4_096].fill(0x5a);
        std::fs::write(file, bytes).unwrap();
    }
    let (log, thread) = world.start();
    log.catch_up();
    let failed = log.list(&Scope::default(), ListStart::Of(ActivityFilter::default()), 1_000);
    assert!(failed.is_err());
    // One turn may have begun before the damage was met.
    (0..2).for_each(|_| log.catch_up());
    assert_eq!(everything(&log), expected);
    thread.close();
}

/// The first page of a table, from 1.
fn root_of(file: &Path, table: &str) -> usize {
    let db = Connection::open(file).unwrap();
    let select = "SELECT rootpage FROM sqlite_schema WHERE name = ?";
    let page: i64 = db.query_row(select, [table], |row| row.get(0)).unwrap();
    usize::try_from(page).unwrap()
}

#[test]
fn what_a_power_cut_took_from_the_log_does_not_hide_what_follows() {
    let (world, sent) = (World::new(), Sent::new(NOON, &["a@b.example"]));
    world.log(&[sent.accepted(), sent.tried(1, 0, Outcome::Soft, "busy", "450 later")]);
    world.index();
    // The index has come further than the log has been synced.
    let file = world.log_dir().join("2027-01-15.log");
    let whole = std::fs::metadata(&file).unwrap().len();
    std::fs::File::options().write(true).open(&file).unwrap().set_len(whole / 3).unwrap();
    world.index();
    let after = Sent::new(NOON + 5, &["c@d.example"]);
    world.log(&[after.accepted(), after.tried(6, 0, Outcome::Delivered, "", "250 OK")]);
    let lines = pages(&world.index(), &Scope::default(), &ActivityFilter::default(), 10);
    assert_eq!(lines[0].message.id, id(NOON + 5));
    assert_eq!(lines[0].recipient.status, Status::Delivered);
}

#[test]
fn old_days_are_gone_and_late_words_about_them_are_nothing() {
    let world = World::new();
    let old = Sent::new(NOON - 40 * DAY, &["a@b.example"]);
    world.log(&[old.accepted()]);
    world.index();
    assert_eq!(world.databases().len(), 1);
    let new = Sent::new(NOON, &["c@d.example"]);
    world.log(&[new.accepted(), old.tried(40 * DAY + 5, 0, Outcome::Delivered, "", "250 OK")]);
    let log = world.index();
    assert_eq!(world.databases().len(), 1);
    let lines = pages(&log, &Scope::default(), &ActivityFilter::default(), 10);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].message.id, id(NOON));
}

#[test]
fn it_says_how_far_it_is_complete() {
    let world = World::new();
    let (log, thread) = world.start();
    log.catch_up();
    let margin = now().since(log.complete_until());
    assert!(margin.as_secs() == 1, "{margin:?}");
    thread.close();
    log.catch_up();
}

#[test]
fn text_that_is_no_cursor_is_refused() {
    for text in ["", "x", "AAAA", "%", &"A".repeat(10_000)] {
        assert!(text.parse::<ActivityCursor>().is_err(), "{text}");
    }
    let cursor = ListStart::Of(ActivityFilter::default()).cursor();
    let mut text = cursor.to_string();
    assert_eq!(text.parse(), Ok(cursor));
    let last = if text.pop() == Some('A') { 'B' } else { 'A' };
    text.push(last);
    assert!(text.parse::<ActivityCursor>().is_err());
}

#[test]
fn a_day_that_begins_is_not_in_the_way_of_those_who_read() {
    let events = days();
    for _ in 0..20 {
        let world = World::new();
        let (log, thread) = world.start();
        let (ended, filter) = (std::sync::atomic::AtomicBool::new(false), ActivityFilter::default());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !ended.load(Ordering::Relaxed) {
                        log.list(&Scope::default(), ListStart::Of(filter.clone()), 1).unwrap();
                    }
                });
            }
            world.log(&events);
            log.catch_up();
            ended.store(true, Ordering::Relaxed);
        });
        thread.close();
        assert_eq!(world.databases().len(), 4);
    }
}
