//! What the index costs.

use super::*;
use rustix::process::getpid;
use std::time::{Duration, Instant};

/// Processor time of the thread called `activity` in this process; zero once it has ended.
fn thread_time() -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", getpid().as_raw_pid())).unwrap();
    let times = tasks.filter_map(|task| {
        let path = task.ok()?.path();
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        let stat = std::fs::read_to_string(path.join("schedstat")).ok()?;
        let nanos = stat.split(' ').next()?.parse().ok()?;
        (name.trim() == "activity").then(|| Duration::from_nanos(nanos))
    });
    times.sum()
}

#[test]
#[ignore = "a measurement: prints what indexing a million events and finding one of them takes"]
#[allow(clippy::print_stdout, reason = "that is what it is for")]
fn a_million_events_of_half_a_million_messages() {
    const MESSAGES: u64 = 500_000;
    let world = World::new();
    let (log, thread) = EventLog::start(&world.log_dir(), RETENTION).unwrap();
    for n in 0..MESSAGES {
        // Ten hours of mail to 5,000 domains.
        let to = format!("someone{n}@domain{}.example", n * 7_919 % 5_000);
        let sent = Sent { to: vec![to], ..Sent::new(NOON - 2 * HOUR + n * 72, &[]) };
        for (at, about, event) in
            [sent.accepted(), sent.tried(40, 0, Outcome::Delivered, "", "250 2.0.0 Ok: queued as 4711")]
        {
            log.record(UnixMillis::new(at), Some(about), event);
        }
        if n % 5_000 == 0 {
            log.flush();
        }
    }
    thread.close();
    let size = std::fs::metadata(world.log_dir().join("2027-01-15.log")).unwrap().len();
    let began = Instant::now();
    let (log, thread) = world.start();
    log.catch_up();
    let (wall, used) = (began.elapsed(), thread_time());
    println!("{wall:?} in all, {:?} of processor time for each of {} events", used / 1_000_000, 2 * MESSAGES);
    thread.close();
    let index: u64 = world.databases().iter().map(|file| std::fs::metadata(file).unwrap().len()).sum();
    println!("log {} MiB, index {} MiB", size >> 20, index >> 20);
    let find = |what: &str, filter: ActivityFilter| {
        let began = Instant::now();
        let found = log.list(&Scope::default(), ListStart::Of(filter), 50).unwrap().lines.len();
        println!("{what}: {found} lines in {:?}", began.elapsed());
    };
    let none = ActivityFilter::default;
    find("the newest", none());
    let recipient = Some("someone4711@domain1409.example".to_owned());
    find("a recipient", ActivityFilter { recipient, ..none() });
    find("a domain", ActivityFilter { domain: Some("domain77.example".into()), ..none() });
    find("what failed", ActivityFilter { status: Some(Status::DeliveryFailed), ..none() });
    find("a text", ActivityFilter { reply: Some("never said".into()), ..none() });
}
