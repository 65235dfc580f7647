//! Deliveries whose connection dies come back and are made once.

use crate::{
    names::Names,
    peer::{End, Peer},
    world::{SPOOL, World, recipients, settings, until},
};
use actix::{Actor, Addr};
use mailwright_actors::{
    connection::ConnectionId,
    delivery::Delivery,
    domain::{DomainActor, EnqueueFresh, Lane, ReadFromDisk, Reconsider, TakeDelivery},
    intake::Intake,
    ledger::Ledger,
    retry_scheduler::{Reach, RetryScheduler},
    site::{Flow, FreeConnection, Site, SiteKey, SiteTarget, StopSite},
    supervisor::{Backlog, Deps, FindSite, Supervisor},
    tls::{DomainTls, TlsIdentity},
    watch::OutcomeBoard,
};
use mailwright_engine::{
    address::{Domain, EmailAddress, ReversePath},
    class::{QueueClass, SourceName, TransportSecurity},
    envelope::{Envelope, Origin},
    id::QueueId,
    mx::MxHost,
    shaping::Limits,
    time::UnixMillis,
};
use mailwright_storage::{
    Content, Fresh, SpoolStarter, SpoolThreads, StateDir,
    control::Control,
    events::EventLog,
    webhooks::{Outbox, WebhookFeed},
};
use std::{
    collections::HashSet,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{sync::oneshot, time::timeout};

/// Where the mail goes.
const DOMAIN: &str = "one.example";
/// Longer than the pause after which a restarted domain looks again for what its predecessor handed out.
const PATIENCE: Duration = Duration::from_secs(10);

#[actix::test]
async fn a_message_whose_connection_is_lost_goes_out_on_the_next() {
    let peer = Peer::start().await;
    peer.hang_ups.set(3);
    let world = World::start(settings(&peer)).await;
    let all = recipients("a", DOMAIN, 10);
    world.accept(&all).await;
    // A deferred message would wait for an hour.
    world.assert_delivered_once(&peer, &all).await;
    assert_eq!(peer.connections().iter().filter(|seen| seen.end == End::Lost).count(), 3);
}

/// Where a test takes deliveries, as a connection would.
struct Place {
    /// Stopped, so that a request that finds no work is dropped and not kept.
    site: Addr<Site>,
    identity: TlsIdentity,
}

/// The site of every domain, stopped before it can open a connection.
async fn stopped_site(supervisor: &Addr<Supervisor>, peer: &Peer) -> (Addr<Site>, TlsIdentity) {
    let name = "mx.example".to_owned();
    let hosts = vec![MxHost::Name(name.clone())];
    let target = SiteTarget::Exchangers { name, hosts, port: peer.address.port() };
    let key = SiteKey { target, source: SourceName::unnamed(), own: None };
    let site = supervisor.send(FindSite(key)).await.unwrap();
    site.send(StopSite).await.unwrap();
    let identity = DomainTls::of_route().plan(TransportSecurity::ByPolicy, &Limits::default()).identity();
    (site, identity)
}

/// One domain whose site opens no connections, so that only the test takes deliveries.
struct Bench {
    deps: Rc<Deps>,
    names: Names,
    ledger: Addr<Ledger>,
    supervisor: Addr<Supervisor>,
    at: Place,
    fresh: Vec<Fresh>,
    _threads: SpoolThreads,
    _state: StateDir,
    _folder: TempDir,
}

impl Bench {
    /// With as many messages committed.
    async fn with(messages: usize) -> Self {
        let names = Names::default();
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
        let control = Arc::new(Control::open(&state.control_dir()).unwrap());
        let setup = settings(&peer);
        let feed = WebhookFeed::new(Arc::clone(&control), Outbox::disabled());
        let parts = setup.parts(&names, Arc::clone(&control));
        let mut deps = Deps::new(parts, spool.clone(), feed.clone()).unwrap();
        // Without a cache between: a look-up that panics takes the domain with it.
        deps.dns = Rc::new(names.clone());
        let deps = Rc::new(deps);
        let board = OutcomeBoard::default();
        let (backlog, events, outgoing) = (Backlog::default(), EventLog::disabled(), deps.outgoing.clone());
        let intake = Intake::new(spool.clone(), backlog, control, events, feed, outgoing);
        let supervisor =
            Supervisor::launch(Rc::clone(&deps), intake.clone(), board.clone(), Backlog::default());
        let (site, identity) = stopped_site(&supervisor, &peer).await;
        let wakes = supervisor.clone().recipient();
        let scheduler = RetryScheduler::new(spool, UnixMillis::new(0), wakes, Reach::default());
        let scheduler = scheduler.start().recipient();
        let ledger = Ledger::new(Rc::clone(&deps), intake, board, scheduler).start();
        let fresh = std::mem::take(&mut *committed.lock().unwrap());
        Self {
            deps,
            names,
            ledger,
            supervisor,
            at: Place { site, identity },
            fresh,
            _threads: threads,
            _state: state,
            _folder: folder,
        }
    }

    fn domain(&self) -> Addr<DomainActor> {
        let (deps, name) = (Rc::clone(&self.deps), Domain::parse(DOMAIN).unwrap());
        DomainActor::new(name, 0, deps, self.ledger.clone(), self.supervisor.clone()).start()
    }
}

fn envelope(number: usize) -> Envelope {
    let id = QueueId::from_raw(number as u64 + 1);
    let recipients = vec![EmailAddress::parse(&format!("a{number}@{DOMAIN}")).unwrap()];
    Envelope::new(id, UnixMillis::new(1), ReversePath::Null, recipients, Origin::Relay)
}

/// Asks for deliveries, as a connection does, until one comes.
async fn take(domain: &Addr<DomainActor>, at: &Place) -> Delivery {
    let asking = async {
        loop {
            if let Some(delivery) = try_take(domain, at).await {
                return delivery;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap()
}

/// Asks for a delivery once.
async fn try_take(domain: &Addr<DomainActor>, at: &Place) -> Option<Delivery> {
    let (reply, delivery) = oneshot::channel();
    let lane = Lane { class: QueueClass::default(), source: SourceName::unnamed() };
    let flow = Flow { domain: Domain::parse(DOMAIN).unwrap(), lane };
    let free = FreeConnection { id: ConnectionId::new(1), reply };
    domain.send(TakeDelivery::new(flow, at.identity.clone(), at.site.clone(), free)).await.unwrap();
    delivery.await.ok()
}

#[actix::test]
async fn a_delivery_whose_holder_panics_goes_back_to_its_domain() {
    let mut bench = Bench::with(2).await;
    let domain = bench.domain();
    domain.send(EnqueueFresh(std::mem::take(&mut bench.fresh))).await.unwrap();
    let first = take(&domain, &bench.at).await;
    let key = first.key();
    assert!(bench.deps.in_flight.contains(key));
    let holder = actix_rt::spawn(async move {
        assert_eq!(first.key().group, 1, "the holder was told to panic");
    });
    assert!(holder.await.is_err());
    // Before what has waited behind it.
    let (again, other) = (take(&domain, &bench.at).await, take(&domain, &bench.at).await);
    assert_eq!((again.key(), other.key() == key), (key, false));
    assert!(try_take(&domain, &bench.at).await.is_none());
}

#[actix::test]
async fn what_a_dead_domain_had_handed_out_is_not_handed_out_twice_and_not_forgotten() {
    let mut bench = Bench::with(3).await;
    let dead = bench.domain();
    dead.send(EnqueueFresh(std::mem::take(&mut bench.fresh))).await.unwrap();
    let held = take(&dead, &bench.at).await;
    bench.names.panics.set(1);
    dead.do_send(Reconsider);
    until("the end of the domain", || !dead.connected()).await;

    let domain = bench.domain();
    domain.send(ReadFromDisk).await.unwrap();
    let others = [take(&domain, &bench.at).await, take(&domain, &bench.at).await];
    assert!(try_take(&domain, &bench.at).await.is_none());
    let mut keys: HashSet<_> = others.iter().map(Delivery::key).collect();
    assert!(!keys.contains(&held.key()));
    drop(held);
    keys.insert(take(&domain, &bench.at).await.key());
    assert_eq!(keys.len(), 3);
}
