//! Domains are woken when their mail is due, not before, and from disk if need be.

use crate::world::{A_WHILE, SPOOL};
use actix::prelude::*;
use mailwright_actors::{
    clock,
    retry_scheduler::{Reach, RetryLater, RetryScheduler},
    supervisor::WakeDomain,
};
use mailwright_engine::{
    address::{Domain, EmailAddress, ReversePath},
    class::QueueClass,
    envelope::{Envelope, Origin},
    id::QueueId,
    time::UnixMillis,
};
use mailwright_storage::{Content, EntryKey, EntryPlace, Spool, SpoolStarter, SpoolThreads, StateDir};
use std::{collections::HashSet, time::Duration};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// In the supervisor's place.
struct Recorder(UnboundedSender<(Domain, UnixMillis)>);

impl Actor for Recorder {
    type Context = Context<Self>;
}

impl Handler<WakeDomain> for Recorder {
    type Result = ();

    fn handle(&mut self, WakeDomain(domain): WakeDomain, _: &mut Self::Context) {
        self.0.send((domain, clock::now())).unwrap();
    }
}

/// A spool, and a place for what is woken.
struct Bench {
    spool: Spool,
    wakes: Recipient<WakeDomain>,
    woken: UnboundedReceiver<(Domain, UnixMillis)>,
    _threads: SpoolThreads,
    _state: StateDir,
    _folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let (starter, _) = SpoolStarter::recover(&state, SPOOL).unwrap();
        let (spool, threads) = starter.start(Box::new(drop)).unwrap();
        let (sender, woken) = unbounded_channel();
        let wakes = Recorder(sender).start().recipient();
        Self { spool, wakes, woken, _threads: threads, _state: state, _folder: folder }
    }

    /// Puts a message for `domain` on disk.
    async fn accept(&self, domain: &str, due: UnixMillis) {
        let id = self.spool.next_id(clock::unix_micros());
        let recipients = vec![EmailAddress::parse(&format!("a@{domain}")).unwrap()];
        let envelope = Envelope::new(id, clock::now(), ReversePath::Null, recipients, Origin::Relay);
        self.spool.accept(envelope, Content::whole("Subject: test\r\n\r\nbody\r\n"), due).await.unwrap();
    }

    fn scheduler(&self, reach: Reach) -> Addr<RetryScheduler> {
        RetryScheduler::new(self.spool.clone(), clock::now(), self.wakes.clone(), reach).start()
    }

    async fn next(&mut self) -> (Domain, UnixMillis) {
        timeout(PATIENCE, self.woken.recv()).await.unwrap().unwrap()
    }
}

fn soon(after: Duration) -> UnixMillis {
    clock::now().saturating_add(after)
}

#[actix::test]
async fn a_deferred_entry_wakes_its_domain_when_it_is_due() {
    let mut bench = Bench::new();
    let scheduler = bench.scheduler(Reach::default());
    let (domain, due) = (Domain::parse("one.example").unwrap(), soon(A_WHILE));
    let key = EntryKey { id: QueueId::from_raw(1), group: 0 };
    scheduler
        .send(RetryLater(EntryPlace { key, domain: domain.clone(), class: QueueClass::default(), due }))
        .await
        .unwrap();
    let (woken, at) = bench.next().await;
    assert_eq!(woken, domain);
    assert!(at >= due, "woken {:?} too early", due.since(at));
    assert!(timeout(A_WHILE, bench.woken.recv()).await.is_err(), "woken twice");
}

#[actix::test]
async fn the_far_future_is_read_from_disk_as_it_draws_near() {
    let mut bench = Bench::new();
    let horizon = Duration::from_millis(400);
    // Past the horizon when the scheduler starts: nobody tells it of this entry later.
    let due = soon(horizon * 2);
    bench.accept("one.example", due).await;
    let _scheduler = bench.scheduler(Reach { horizon, read_every: horizon / 4, at_a_time: 100 });
    assert!(clock::now().saturating_add(horizon) < due, "this machine is too slow for the test");
    let (woken, at) = bench.next().await;
    assert_eq!(woken.as_str(), "one.example");
    assert!(at >= due, "woken {:?} too early", due.since(at));
}

#[actix::test]
async fn more_entries_than_are_read_at_a_time_are_all_woken() {
    let mut bench = Bench::new();
    let reach = Reach { horizon: PATIENCE, read_every: Duration::from_millis(20), at_a_time: 2 };
    let domains: HashSet<_> = (0..7).map(|number| format!("domain{number}.example")).collect();
    let start = soon(A_WHILE);
    for (domain, later) in domains.iter().zip(0..) {
        bench.accept(domain, start.saturating_add(Duration::from_millis(later))).await;
    }
    let _scheduler = bench.scheduler(reach);
    let mut woken = HashSet::new();
    while woken.len() < domains.len() {
        woken.insert(bench.next().await.0.as_str().to_owned());
    }
    assert_eq!(woken, domains);
}
