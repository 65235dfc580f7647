use super::{
    event::{Accepted, Attempt, Cancelled, Event, EventKind, LoggedEvent},
    reader::{TimelineEnd, TimelineLimits},
    record, *,
};
use mailwright_engine::{
    address::{Domain, EmailAddress, ReversePath},
    envelope::{Envelope, Origin},
    id::QueueId,
    smtp::{reply::EnhancedCode, verdict::Outcome},
    time::UnixMillis,
};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Eleven in the morning of some day.
const NOON: u64 = 1_800_010_800_000;
const HOUR: u64 = 3_600_000;
const RETENTION: u64 = 31;

fn id(at: u64) -> QueueId {
    QueueId::from_raw(at * 1_000)
}

fn accepted(id: QueueId, recipients: usize) -> Event {
    let recipients = (0..recipients).map(|n| EmailAddress::parse(&format!("r{n}@one.example")).unwrap());
    let at = UnixMillis::new(id.as_raw() / 1_000);
    let envelope = Envelope::new(id, at, ReversePath::Null, recipients.collect(), Origin::Relay);
    Event::Accepted(Box::new(Accepted::new(&envelope, Some("Hello"), 1_000)))
}

fn attempt(recipient: u16, outcome: Outcome) -> Event {
    Event::Attempt(Box::new(Attempt {
        group: 0,
        recipient,
        address: format!("r{recipient}@one.example"),
        domain: Domain::parse("one.example").unwrap(),
        site: "mx1.one.example,mx2.one.example".into(),
        tenant: None,
        mx: Some("mx1.one.example".into()),
        remote: Some([192, 0, 2, 1].into()),
        source: None,
        tls: Some("TLSv1.3 TLS_AES_256_GCM_SHA384, not verified: opportunistic".into()),
        outcome,
        class: "greylisted".into(),
        status: EnhancedCode::new(4, 7, 1),
        reply: "451 4.7.1 Greylisting in action, please come back later".into(),
        duration_ms: 120,
        attempt: 1,
        next_due: Some(UnixMillis::new(NOON + HOUR)),
        retry_after_ms: None,
    }))
}

fn cancelled() -> Event {
    Event::Cancelled(Cancelled { group: 0, recipients: vec![1], by: "operator".into() })
}

/// Logs events about messages, in this order, and waits until they are on disk.
fn log(dir: &Path, events: &[(u64, Option<QueueId>, Event)]) {
    let (log, thread) = EventLog::start(dir, RETENTION).unwrap();
    for (at, about, event) in events {
        log.record(UnixMillis::new(*at), *about, event.clone());
    }
    thread.close();
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|item| item.unwrap().path()).collect();
    files.sort();
    files
}

/// The times of what a scan finds.
fn found(dir: &Path, from: u64, to: u64, filter: &ScanFilter) -> Vec<u64> {
    let scan = EventReader::new(dir).scan(UnixMillis::new(from), UnixMillis::new(to), filter).unwrap();
    scan.map(|logged| logged.unwrap().at.as_millis()).collect()
}

fn everything(dir: &Path) -> Vec<u64> {
    found(dir, 0, u64::MAX, &ScanFilter::default())
}

#[test]
fn a_message_is_told_from_acceptance_to_the_last_word_about_it() {
    let dir = tempfile::tempdir().unwrap();
    let (message, other) = (id(NOON), id(NOON + 1));
    let settled = NOON + 26 * HOUR;
    let way = [
        (NOON, accepted(message, 2)),
        (NOON + 50, attempt(0, Outcome::Delivered)),
        (NOON + 60, attempt(1, Outcome::Soft)),
        (settled, cancelled()),
        (settled + 500, cancelled()),
    ];
    let mut events: Vec<_> = way.iter().map(|(at, event)| (*at, Some(message), event.clone())).collect();
    events.insert(1, (NOON + 1, Some(other), accepted(other, 1)));
    events.push((settled + HOUR, Some(message), cancelled()));
    log(dir.path(), &events);
    assert_eq!(files(dir.path()).len(), 2);

    let reader = EventReader::new(dir.path());
    let now = UnixMillis::new(NOON + 100 * HOUR);
    let timeline = reader.events_of(message, now, TimelineLimits::default()).unwrap();
    let expected =
        way.map(|(at, event)| LoggedEvent { at: UnixMillis::new(at), about: Some(message), event });
    assert_eq!(timeline.events, expected, "nothing is looked for long after the last recipient was settled");
    assert_eq!(timeline.end, TimelineEnd::Complete);
    let limits = TimelineLimits { events: 2, ..TimelineLimits::default() };
    let timeline = reader.events_of(message, now, limits).unwrap();
    assert_eq!((timeline.events.len(), timeline.end), (2, TimelineEnd::LimitReached));
    let limits = TimelineLimits { bytes: 100, ..TimelineLimits::default() };
    assert_eq!(reader.events_of(message, now, limits).unwrap().end, TimelineEnd::LimitReached);
    let unknown = reader.events_of(id(NOON + 7), now, TimelineLimits::default()).unwrap();
    assert_eq!((unknown.events.len(), unknown.end), (0, TimelineEnd::Complete));
}

#[test]
fn a_stretch_of_time_is_found_and_filtered_over_midnight() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (id(NOON), id(NOON + 5));
    let event = |n: u64| if n.is_multiple_of(2) { attempt(0, Outcome::Soft) } else { cancelled() };
    let about = |n: u64| match n % 3 {
        0 => None,
        1 => Some(one),
        _ => Some(other),
    };
    let events: Vec<_> = (0..48).map(|n| (NOON + n * HOUR, about(n), event(n))).collect();
    log(dir.path(), &events);
    assert_eq!(files(dir.path()).len(), 3);

    let hours = |range: std::ops::RangeInclusive<u64>, wanted: fn(u64) -> bool| {
        range.filter(|n| wanted(*n)).map(|n| NOON + n * HOUR).collect::<Vec<_>>()
    };
    assert_eq!(everything(dir.path()), hours(0..=47, |_| true));
    let (from, to) = (NOON + 5 * HOUR, NOON + 30 * HOUR);
    assert_eq!(found(dir.path(), from, to, &ScanFilter::default()), hours(5..=30, |_| true));
    let kinds = ScanFilter { kinds: vec![EventKind::Attempt], ..ScanFilter::default() };
    assert_eq!(found(dir.path(), from, to, &kinds), hours(5..=30, |n| n.is_multiple_of(2)));
    let about = ScanFilter { about: Some(one), ..kinds };
    assert_eq!(found(dir.path(), from, to, &about), hours(5..=30, |n| n % 6 == 4));
}

#[test]
fn what_was_recorded_is_there_after_a_flush_and_the_next_start_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), &[(NOON, None, cancelled())]);
    let (log, thread) = EventLog::start(dir.path(), RETENTION).unwrap();
    log.clone().record(UnixMillis::new(NOON + 1), None, cancelled());
    log.flush();
    assert_eq!(everything(dir.path()), [NOON, NOON + 1]);
    thread.close();
    log.record(UnixMillis::new(NOON + 2), None, cancelled());
    log.flush();
    assert_eq!(everything(dir.path()), [NOON, NOON + 1]);
    assert!(everything(&dir.path().join("missing")).is_empty());
}

#[test]
fn an_event_that_comes_after_midnight_stays_in_the_new_file_and_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let midnight = NOON - NOON % (24 * HOUR) + 24 * HOUR;
    let late = (midnight - 20, Some(id(midnight - 20)), cancelled());
    log(dir.path(), &[(midnight - 50, None, cancelled()), (midnight + 5, None, cancelled()), late]);
    assert_eq!(files(dir.path()).len(), 2);
    let to_midnight = found(dir.path(), midnight - 100, midnight - 1, &ScanFilter::default());
    assert_eq!(to_midnight, [midnight - 50, midnight - 20]);
    let now = UnixMillis::new(midnight + HOUR);
    let timeline =
        EventReader::new(dir.path()).events_of(id(midnight - 20), now, TimelineLimits::default()).unwrap();
    assert_eq!(timeline.events.len(), 1);
}

#[test]
fn days_beyond_the_retention_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let day = 24 * HOUR;
    log(dir.path(), &[(NOON - 32 * day, None, cancelled()), (NOON - 31 * day, None, cancelled())]);
    assert_eq!(files(dir.path()).len(), 2);
    log(dir.path(), &[(NOON, None, cancelled())]);
    assert_eq!(everything(dir.path()), [NOON - 31 * day, NOON]);
}

#[test]
fn a_torn_end_costs_its_own_record_only_and_writing_goes_on_after_it() {
    let whole = tempfile::tempdir().unwrap();
    log(whole.path(), &[(NOON, None, cancelled()), (NOON + 1, None, cancelled())]);
    let bytes = std::fs::read(&files(whole.path())[0]).unwrap();
    let record = bytes.len() / 2;
    for cut in record..bytes.len() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(files(whole.path())[0].file_name().unwrap());
        std::fs::write(&file, &bytes[..cut]).unwrap();
        assert_eq!(everything(dir.path()), [NOON], "cut at {cut}");
        log(dir.path(), &[(NOON + 2, None, cancelled()), (NOON + 3, None, cancelled())]);
        assert_eq!(everything(dir.path()), [NOON, NOON + 2, NOON + 3], "cut at {cut}");
    }
}

#[test]
fn a_damaged_octet_anywhere_costs_its_own_record_only() {
    let dir = tempfile::tempdir().unwrap();
    let events: Vec<_> = (0..4).map(|n| (NOON + n, Some(id(NOON)), cancelled())).collect();
    log(dir.path(), &events);
    let file = files(dir.path()).remove(0);
    let whole = std::fs::read(&file).unwrap();
    let record = whole.len() / 4;
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        std::fs::write(&file, bytes).unwrap();
        let left: Vec<_> = (0..4).filter(|n| *n != at / record).map(|n| NOON + n as u64).collect();
        assert_eq!(everything(dir.path()), left, "octet {at}");
    }
    let mut bytes = whole.clone();
    bytes[record + 20] ^= 1;
    bytes[2 * record + 35..2 * record + 40].fill(0);
    std::fs::write(&file, bytes).unwrap();
    let mut scan = EventReader::new(dir.path())
        .scan(UnixMillis::new(0), UnixMillis::new(u64::MAX), &ScanFilter::default())
        .unwrap();
    assert_eq!((scan.by_ref().count(), scan.damaged()), (2, 2));
}

#[test]
fn a_time_in_the_middle_of_a_large_file_is_found_without_reading_all_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    for n in 0..20_000 {
        let event = attempt(0, Outcome::Soft);
        let logged = LoggedEvent { at: UnixMillis::new(NOON + n * 1_000), about: None, event };
        record::append(&mut bytes, &logged).unwrap();
    }
    // Damage where a probe lands must not lead the search astray.
    let middle = bytes.len() / 2;
    bytes[middle - 5_000..middle + 5_000].fill(0x4d);
    log(dir.path(), &[(NOON, None, cancelled())]);
    std::fs::write(&files(dir.path())[0], &bytes).unwrap();
    for n in [0, 1, 4_999, 9_000, 11_000, 15_001, 19_999] {
        let at = NOON + n * 1_000;
        assert_eq!(found(dir.path(), at, at, &ScanFilter::default()), [at]);
        let mut scan = EventReader::new(dir.path())
            .scan(UnixMillis::new(at), UnixMillis::new(at), &ScanFilter::default())
            .unwrap();
        assert_eq!(scan.by_ref().count(), 1);
        assert!(scan.bytes_passed() < 600 << 10, "{} octets passed", scan.bytes_passed());
    }
}

#[test]
fn a_disk_that_stalls_holds_nobody_up_and_costs_only_events_that_found_no_room() {
    const EVENTS: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    // A pipe that nobody reads: opening it to write waits.
    let pipe = dir.path().join("2027-01-15.log");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let (log, thread) = EventLog::start(dir.path(), RETENTION).unwrap();
    for n in 0..EVENTS {
        log.record(UnixMillis::new(NOON + n), None, cancelled());
    }
    let read = std::thread::spawn(move || std::fs::read(pipe).unwrap());
    thread.close();

    let copy = tempfile::tempdir().unwrap();
    std::fs::write(copy.path().join("2027-01-15.log"), read.join().unwrap()).unwrap();
    let kept = everything(copy.path());
    // What filled the channel, and one more if the thread had taken one out of it in time.
    let room = writer::CAPACITY;
    assert!((room..=room + 1).contains(&kept.len()), "{} kept", kept.len());
    assert!(kept.iter().copied().take(room).eq(NOON..NOON + room as u64), "those that found room are kept");
}

#[test]
#[ignore = "a measurement: prints what handing over, writing and scanning a million events takes"]
#[allow(clippy::print_stdout, reason = "that is what it is for")]
fn a_million_events() {
    const EVENTS: u64 = 1_000_000;
    let dir = tempfile::tempdir().unwrap();
    let (log, thread) = EventLog::start(dir.path(), RETENTION).unwrap();
    let event = attempt(0, Outcome::Soft);
    let mut handing_over = Duration::ZERO;
    let began = Instant::now();
    for n in 0..EVENTS {
        let (about, event) = (Some(id(NOON + n / 10)), event.clone());
        let start = Instant::now();
        log.record(UnixMillis::new(NOON + n / 10), about, event);
        handing_over += start.elapsed();
        if n % 10_000 == 0 {
            log.flush();
        }
    }
    thread.close();
    println!("handing over {:?} each, writing {:?} in all", handing_over / 1_000_000, began.elapsed());
    let reader = EventReader::new(dir.path());
    let began = Instant::now();
    assert_eq!(everything(dir.path()).len() as u64, EVENTS);
    println!("reading every event {:?}", began.elapsed());
    let began = Instant::now();
    let now = UnixMillis::new(NOON + HOUR);
    let timeline = reader.events_of(id(NOON), now, TimelineLimits::default()).unwrap();
    let size = std::fs::metadata(&files(dir.path())[0]).unwrap().len() >> 20;
    println!("finding {} events of one message in {size} MiB {:?}", timeline.events.len(), began.elapsed());
}
