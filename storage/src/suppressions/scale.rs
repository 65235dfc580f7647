//! How long do look-ups and lists take with ten million rows, and how much memory?
//!
//! `cargo test --release -p mailwright-storage ten_million -- --ignored --nocapture`; `MAILWRIGHT_ROWS` asks for
//! another number of rows. Takes some minutes and 2 GiB of disk.

use super::*;
use crate::control::ObjectId;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use std::{
    env,
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

const NOW: UnixMillis = UnixMillis::new(1_795_000_000_000);
/// Look-ups measured of each kind.
const LOOKUPS: u64 = 100_000;

/// The address of row `n`: spread over the index, as addresses come.
fn address(n: u64) -> EmailAddress {
    let user = n.wrapping_mul(2_654_435_761) % (1 << 32);
    EmailAddress::parse(&format!("user{user}@domain{}.example", n % 100_000)).unwrap()
}

/// Rows without their indexes, which are made afterwards: sorting is faster than ten million insertions.
fn fill(dir: &Path, account: &ObjectId, rows: u64) {
    drop(Suppressions::open(dir, SuppressionSettings::default()).unwrap());
    let db = Connection::open(dir.join(FILE)).unwrap();
    // Nothing to lose here: a log would double the work.
    db.pragma_update(None, "journal_mode", "off").unwrap();
    db.pragma_update(None, "synchronous", "off").unwrap();
    db.pragma_update(None, "cache_size", -(512 << 10)).unwrap();
    let mut indexes =
        db.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL").unwrap();
    let indexes: Vec<(String, String)> =
        indexes.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    for (name, _) in &indexes {
        db.execute_batch(&format!("DROP INDEX {name}")).unwrap();
    }
    db.execute("INSERT INTO accounts (n, id) VALUES (1, ?1)", [account.as_str()]).unwrap();
    db.execute(
        "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1)
         INSERT INTO suppressions (id, account, email, scope, reason, read_only, created, modified)
         SELECT randomblob(16), 1, 'user' || (n * 2654435761 % 4294967296) || '@domain' || (n % 100000) || '.example',
                iif(n % 100 = 0, 'shop.example', ''), n % 4, 0, n, n FROM numbers",
        [i64::try_from(rows).unwrap()],
    )
    .unwrap();
    for (_, sql) in &indexes {
        db.execute_batch(sql).unwrap();
    }
}

/// Microseconds of each call, sorted. What is asked for is made outside the time that is measured.
fn measure<T>(calls: u64, make: impl Fn(u64) -> T, mut call: impl FnMut(&T)) -> Vec<f64> {
    let mut micros: Vec<f64> = (0..calls)
        .map(|n| {
            let asked = make(n);
            let begun = Instant::now();
            call(&asked);
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    micros
}

fn tell(what: &str, each: u64, micros: &[f64]) {
    let mean = micros.iter().sum::<f64>() / micros.len() as f64 / each as f64;
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize] / each as f64;
    println!("{what}: mean {mean:.1} us, median {:.1}, 99 % {:.1}, most {:.0}", at(0.5), at(0.99), at(1.0));
}

fn resident_kib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let of = |field: &str| status.lines().find(|line| line.starts_with(field)).unwrap_or_default().to_owned();
    format!("{} ({})", of("RssAnon"), of("VmRSS"))
}

#[test]
#[ignore = "takes minutes and gigabytes; what it says is for people"]
fn look_ups_lists_and_memory_with_ten_million_rows() {
    let rows: u64 = env::var("MAILWRIGHT_ROWS").map_or(10_000_000, |rows| rows.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("s");
    let account = ObjectId::random().unwrap();
    let begun = Instant::now();
    fill(&folder, &account, rows);
    let octets = std::fs::metadata(folder.join(FILE)).unwrap().len();
    println!("{rows} rows in {:.0?}, {} MiB on disk; {}", begun.elapsed(), octets >> 20, resident_kib());

    let begun = Instant::now();
    let store = Suppressions::open(&folder, SuppressionSettings::default()).unwrap();
    let opened = begun.elapsed();
    while !store.shared.filter.is_complete() {
        thread::yield_now();
    }
    println!("opened in {opened:.0?}, filter complete after {:.1?}; {}", begun.elapsed(), resident_kib());
    let shop = Domain::parse("shop.example").unwrap();
    let sender = Sender { account: &account, domain: &shop, return_path: Some(&shop) };
    let hit = |n: u64| address(n.wrapping_mul(7_919) % rows);
    // Beside a row that there is: a leaf of the index like any other.
    let miss = |n: u64| EmailAddress::parse(&hit(n).as_str().replace('@', "x@")).unwrap();
    let find = |address: &EmailAddress| {
        let found = store.suppressed(sender, std::slice::from_ref(address), NOW).unwrap();
        found.iter().flatten().count()
    };
    assert!((0..1_000).all(|n| find(&hit(n)) == 1 && find(&miss(n)) == 0));
    for round in ["first", "second"] {
        tell(
            &format!("hit, {round} round"),
            1,
            &measure(LOOKUPS, hit, |address| assert_eq!(find(address), 1)),
        );
        tell(
            &format!("miss, {round} round"),
            1,
            &measure(LOOKUPS, miss, |address| assert_eq!(find(address), 0)),
        );
    }
    let fifty = |n: u64| (0..50).map(|k| miss(50 * n + k)).collect::<Vec<_>>();
    let many = measure(1_000, fifty, |asked| drop(store.suppressed(sender, asked, NOW).unwrap()));
    tell("50 at once, each", 50, &many);

    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let importer = scope.spawn(|| import_until(&store, &account, &stop));
        tell(
            "miss while rows are imported",
            1,
            &measure(LOOKUPS, miss, |address| assert_eq!(find(address), 0)),
        );
        stop.store(true, Ordering::Relaxed);
        let (imported, took) = importer.join().unwrap();
        println!("imported meanwhile: {imported} rows in {took:.1?}");
    });
    lists(&store, &account);
    println!("at the end: {}", resident_kib());
}

fn import_until(store: &Suppressions, account: &ObjectId, stop: &AtomicBool) -> (u64, Duration) {
    let begun = Instant::now();
    let mut imported = 0;
    while !stop.load(Ordering::Relaxed) {
        let new = (imported..imported + 1_000).map(|n| NewSuppression {
            email: EmailAddress::parse(&format!("new.{}", address(n))).unwrap(),
            scope: Scope::Account,
            expires: None,
            note: None,
        });
        store.import(account, new.collect(), NOW).unwrap();
        imported += 1_000;
    }
    (imported, begun.elapsed())
}

fn lists(store: &Suppressions, account: &ObjectId) {
    let filters = [
        ("all", ListFilter::default()),
        ("one reason", ListFilter { reason: Some(Reason::HardBounce), ..ListFilter::default() }),
        ("a reason that no row has", ListFilter { reason: Some(Reason::Policy), ..ListFilter::default() }),
        (
            "search of an address",
            ListFilter { search: Search::read(address(77).as_str()), ..ListFilter::default() },
        ),
        ("search of few", ListFilter { search: Search::read("user12345"), ..ListFilter::default() }),
        ("search of many", ListFilter { search: Search::read("user1"), ..ListFilter::default() }),
        ("search of none", ListFilter { search: Search::read("nobody"), ..ListFilter::default() }),
    ];
    for (what, filter) in filters {
        let mut from = Some(ListStart::Of(filter));
        let mut found = 0;
        let mut micros = Vec::new();
        while let Some(start) = from.take()
            && micros.len() < 200
        {
            let begun = Instant::now();
            let page = store.list(account, start, 100, NOW).unwrap();
            micros.push(begun.elapsed().as_secs_f64() * 1e6);
            found += page.rows.len();
            from = page.next.map(ListStart::At);
        }
        micros.sort_by(f64::total_cmp);
        tell(&format!("pages of 100, {what} ({found} rows in {} pages)", micros.len()), 1, &micros);
    }
}
