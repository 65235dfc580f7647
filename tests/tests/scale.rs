//! A queue of very many messages for very many domains, each with a mail exchanger of its own: it is bounded in
//! memory, nothing is lost or sent twice, a domain's mail leaves in order, and a dead provider's backlog does not
//! slow the others.
//!
//! 10,000 messages over 1,000 domains; with `MAILWRIGHT_LONG=1 ./check --only scale` a million over 20,000. The long
//! form prints the figures of docs/performance.md.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mailwright_tests::crowd::{Arrival, Closed, dead_domain};
use mailwright_tests::error::Result;
use mailwright_tests::many_domains::{ManyDomains, allow_open_files, feed, shortest, time_to_delivery};
use mailwright_tests::metrics::{
    BOUNCED, CONNECTIONS_OPENED, DELIVERED, IN_DOUBT, QUEUED, RESTARTS, until_queue_has, until_queue_is_empty,
};
use mailwright_tests::needs::{Need, long, skip_without, tell};

/// How much there is, and what it may take.
struct Size {
    messages: usize,
    domains: usize,
    /// Domains that may be active at a time: a part of them.
    active: usize,
    /// Resident memory of the whole server, at any time.
    memory: u64,
    limit: Duration,
}

/// Its memory is that of a debug build, half as much again as in release; what counts is the bound of the long form.
const SHORT: Size = Size {
    messages: 10_000,
    domains: 1_000,
    active: 250,
    memory: 256 << 20,
    limit: Duration::from_secs(180),
};
const LONG: Size = Size {
    messages: 1_000_000,
    domains: 20_000,
    active: 3_000,
    memory: 500 << 20,
    limit: Duration::from_secs(1_800),
};

/// Both tests measure the machine that they run on: one after the other.
static ALONE: Mutex<()> = Mutex::new(());

/// What the time to delivery may gain beside half of itself: the machine has other work too.
const SLACK: Duration = Duration::from_millis(5);

/// One connection to a domain: what it carries, it carries in order.
const ONE_AT_A_TIME: &str = "[default]\nconnections = 1\n";

/// Each message of those that are measured has a connection made for it, whatever was sent before. A dead provider's
/// connections wait for their greeting for longer than the test lasts.
const NOT_KEPT: &str = "[default]\nidle_timeout = \"100ms\"\n";

fn size() -> Size {
    if long() { LONG } else { SHORT }
}

#[test]
fn a_long_queue_for_many_domains_is_bounded_and_delivered_once_in_order() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Size { messages, domains, active, memory, limit } = size();
    allow_open_files(6_000)?;
    let door = Closed::new()?;
    let places = format!("max_active_domains = {active}");
    let world = ManyDomains::new(domains, &door, ONE_AT_A_TIME, &places)?;
    let server = world.installation.start_with_open_files(1_024, 6_000)?;
    let idle = server.process.resident_bytes()?;

    let start = Instant::now();
    feed(server.smtp, 0..messages, |number| number % domains)?;
    let fed = start.elapsed();
    let waiting = server.process.resident_bytes()?;
    assert_eq!(server.metrics()?.get(QUEUED), messages as u64);

    let start = Instant::now();
    let crowd = door.open()?;
    crowd.wait_for(messages, limit)?;
    let drained = start.elapsed();
    let metrics = until_queue_is_empty(server.http, limit)?;
    let peak = server.process.peak_resident_bytes()?;
    tell(&format!(
        "{messages} messages over {domains} domains: accepted {:.0}/s; memory {} MiB idle, {} MiB with all queued \
         ({} octets a message), {} MiB at most; drained {:.0}/s",
        messages as f64 / fed.as_secs_f64(),
        idle >> 20,
        waiting >> 20,
        waiting.saturating_sub(idle) / messages as u64,
        peak >> 20,
        messages as f64 / drained.as_secs_f64()
    ));
    assert_eq!(
        (metrics.get(DELIVERED), metrics.get(BOUNCED), metrics.get(IN_DOUBT)),
        (messages as u64, 0, 0)
    );
    assert_each_once_and_in_order(&crowd.arrivals(), messages);
    assert_eq!(metrics.get(RESTARTS), 0, "actors that ended unasked");
    assert!(peak < memory, "{} MiB of memory", peak >> 20);
    Ok(())
}

/// Asserts that every message has come once, and those of one domain in the order in which they were handed in.
fn assert_each_once_and_in_order(arrivals: &[Arrival], messages: usize) {
    let mut seen = vec![false; messages];
    let mut last: HashMap<usize, usize> = HashMap::new();
    let mut overtaken = 0;
    for arrival in arrivals {
        assert!(!std::mem::replace(&mut seen[arrival.number], true), "{arrival:?} came twice");
        let before = last.insert(arrival.domain, arrival.number);
        overtaken += usize::from(before.is_some_and(|before| before > arrival.number));
    }
    assert_eq!(arrivals.len(), messages);
    assert_eq!(overtaken, 0, "messages of a domain that came before older ones");
}

#[test]
fn a_dead_providers_backlog_does_not_slow_the_others() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Size { messages, domains, active, memory, limit } = size();
    allow_open_files(6_000)?;
    let door = Closed::new()?;
    let places = format!("max_active_domains = {active}");
    let world = ManyDomains::new(domains, &door, NOT_KEPT, &places)?;
    let crowd = door.open()?;
    let server = world.installation.start_with_open_files(1_024, 6_000)?;
    // The first round asks the name server, so that neither of those that count has to.
    time_to_delivery(server.smtp, &crowd, messages, |number| number % domains)?;
    let alone = time_to_delivery(server.smtp, &crowd, 2 * messages, |number| number % domains)?;

    // Every other message is for the provider that accepts connections and never says a word.
    let start = Instant::now();
    let before = crowd.count();
    feed(server.smtp, 0..messages, |number| match number % 2 {
        0 => dead_domain(number / 2 % domains),
        _ => number / 2 % domains,
    })?;
    crowd.wait_for(before + messages / 2, limit)?;
    let took = start.elapsed();
    let metrics = until_queue_has(server.http, messages as u64 / 2, limit)?;
    let (opened, delivered) = (metrics.get(CONNECTIONS_OPENED), metrics.get(DELIVERED));
    assert!(opened < 2 * delivered, "{opened} connections for {delivered} messages: most were made in vain");

    let busy = server.process.processor_time()?;
    let bound = alone * 3 / 2 + SLACK;
    let beside = shortest(bound, |round| {
        time_to_delivery(server.smtp, &crowd, (3 + round) * messages, |number| number % domains)
    })?;
    let busy = server.process.processor_time()? - busy;
    let peak = server.process.peak_resident_bytes()?;
    tell(&format!(
        "time to delivery: {alone:?} with an empty queue, {beside:?} beside {} messages for a dead provider (with \
         {busy:?} of processor time meanwhile); the other half was handed in and delivered at {:.0}/s; {} MiB of memory at most",
        messages / 2,
        (messages / 2) as f64 / took.as_secs_f64(),
        peak >> 20
    ));
    assert!(beside <= bound, "{beside:?} beside a dead provider's backlog, {alone:?} alone");
    assert!(peak < memory, "{} MiB of memory", peak >> 20);
    Ok(())
}
