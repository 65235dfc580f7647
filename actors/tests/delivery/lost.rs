//! Deliveries whose connection dies come back and are made once.

use crate::{
    names::Names,
    peer::{End, Peer},
    world::{SPOOL, World, recipients, settings, until},
};
use actix::{Actor, Addr};
use mailwright_actors::{
    delivery::Delivery,
    domain::{DomainActor, EnqueueFresh, ReadFromDisk, TakeDelivery},
    ledger::Ledger,
    retry_scheduler::{Reach, RetryScheduler},
    settings::NextHop,
    site::{Site, SiteTarget, StopSite},
    supervisor::{Backlog, Deps, FindSite, Supervisor},
    tls,
    watch::OutcomeBoard,
};
use mailwright_engine::{
    address::{Domain, EmailAddress, ReversePath},
    envelope::{Envelope, Origin},
    id::QueueId,
    time::UnixMillis,
};
use mailwright_storage::{Content, Fresh, SpoolStarter, SpoolThreads, StateDir};
use std::{
    collections::HashSet,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{sync::oneshot, time::timeout};

/// Longer than the pause after which a restarted domain looks again for what its predecessor handed out.
const PATIENCE: Duration = Duration::from_secs(10);

#[actix::test]
async fn a_message_whose_connection_is_lost_goes_out_on_the_next() {
    let peer = Peer::start().await;
    peer.hang_ups.set(3);
    let world = World::start(settings(&peer)).await;
    let all = recipients("a", "one.example", 10);
    world.accept(&all).await;
    // A deferred message would wait for an hour.
    world.assert_delivered_once(&peer, &all).await;
    assert_eq!(peer.connections().iter().filter(|seen| seen.end == End::Lost).count(), 3);
}

/// One domain without site: its look-up of mail exchangers hangs, so that only the test takes deliveries.
struct Bench {
    deps: Rc<Deps>,
    names: Names,
    ledger: Addr<Ledger>,
    supervisor: Addr<Supervisor>,
    /// Stopped, so that a request that finds no work is dropped and not kept.
    site: Addr<Site>,
    fresh: Vec<Fresh>,
    _threads: SpoolThreads,
    _state: StateDir,
    _folder: TempDir,
}

impl Bench {
    /// With as many messages committed.
    async fn with(messages: usize) -> Self {
        let names = Names::default();
        names.answering.forget_permits(1);
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let committed = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&committed);
        let (starter, _) = SpoolStarter::recover(&state, SPOOL).unwrap();
        let (spool, threads) =
            starter.start(Box::new(move |fresh| sink.lock().unwrap().extend(fresh))).unwrap();
        for number in 0..messages {
            let content = Content::whole("Subject: test\r\n\r\nbody\r\n");
            spool.accept(envelope(number), content, UnixMillis::new(1)).await.unwrap();
        }
        let peer = Peer::start().await;
        let deps = Rc::new(Deps {
            settings: settings(&peer),
            spool: spool.clone(),
            dns: Box::new(names.clone()),
            tls: tls::opportunistic_client().unwrap(),
            in_flight: Default::default(),
        });
        let board = OutcomeBoard::default();
        let supervisor = Supervisor::launch(Rc::clone(&deps), board.clone(), Backlog::default());
        let nowhere = SiteTarget::Route(NextHop { host: "127.0.0.1".to_owned(), port: 1 });
        let site = supervisor.send(FindSite(nowhere)).await.unwrap();
        site.send(StopSite).await.unwrap();
        let wakes = supervisor.clone().recipient();
        let scheduler = RetryScheduler::new(spool.clone(), UnixMillis::new(0), wakes, Reach::default());
        let scheduler = scheduler.start().recipient();
        let ledger = Ledger::new(spool, deps.settings.retry.clone(), board, scheduler).start();
        let fresh = std::mem::take(&mut *committed.lock().unwrap());
        Self {
            deps,
            names,
            ledger,
            supervisor,
            site,
            fresh,
            _threads: threads,
            _state: state,
            _folder: folder,
        }
    }

    fn domain(&self) -> Addr<DomainActor> {
        let (deps, name) = (Rc::clone(&self.deps), Domain::parse("one.example").unwrap());
        DomainActor::new(name, deps, self.ledger.clone(), self.supervisor.clone()).start()
    }
}

fn envelope(number: usize) -> Envelope {
    let id = QueueId::from_raw(number as u64 + 1);
    let recipients = vec![EmailAddress::parse(&format!("a{number}@one.example")).unwrap()];
    Envelope::new(id, UnixMillis::new(1), ReversePath::Null, recipients, Origin::Relay)
}

/// Asks for deliveries, as a connection does, until one comes.
async fn take(domain: &Addr<DomainActor>, site: &Addr<Site>) -> Delivery {
    let asking = async {
        loop {
            if let Some(delivery) = try_take(domain, site).await {
                return delivery;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap()
}

/// Asks for a delivery once.
async fn try_take(domain: &Addr<DomainActor>, site: &Addr<Site>) -> Option<Delivery> {
    let (reply, delivery) = oneshot::channel();
    domain.send(TakeDelivery { site: site.clone(), reply }).await.unwrap();
    delivery.await.ok()
}

#[actix::test]
async fn a_delivery_whose_holder_panics_goes_back_to_its_domain() {
    let mut bench = Bench::with(2).await;
    let domain = bench.domain();
    domain.send(EnqueueFresh(std::mem::take(&mut bench.fresh))).await.unwrap();
    let first = take(&domain, &bench.site).await;
    let key = first.key();
    assert!(bench.deps.in_flight.contains(key));
    let holder = actix_rt::spawn(async move {
        assert_eq!(first.key().group, 1, "the holder was told to panic");
    });
    assert!(holder.await.is_err());
    // Before what has waited behind it.
    let (again, other) = (take(&domain, &bench.site).await, take(&domain, &bench.site).await);
    assert_eq!((again.key(), other.key() == key), (key, false));
    assert!(try_take(&domain, &bench.site).await.is_none());
}

#[actix::test]
async fn what_a_dead_domain_had_handed_out_is_not_handed_out_twice_and_not_forgotten() {
    let mut bench = Bench::with(3).await;
    let dead = bench.domain();
    dead.send(EnqueueFresh(std::mem::take(&mut bench.fresh))).await.unwrap();
    let held = take(&dead, &bench.site).await;
    bench.names.panics.set(1);
    bench.names.answering.add_permits(1);
    until("the end of the domain", || !dead.connected()).await;
    bench.names.answering.forget_permits(1);

    let domain = bench.domain();
    domain.send(ReadFromDisk).await.unwrap();
    let others = [take(&domain, &bench.site).await, take(&domain, &bench.site).await];
    assert!(try_take(&domain, &bench.site).await.is_none());
    let mut keys: HashSet<_> = others.iter().map(Delivery::key).collect();
    assert!(!keys.contains(&held.key()));
    drop(held);
    keys.insert(take(&domain, &bench.site).await.key());
    assert_eq!(keys.len(), 3);
}
