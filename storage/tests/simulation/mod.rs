//! The world of the simulation. [`World`] holds all of it; what happens in it is in the files beside this one:
//!
//! | outside | the process, in place of the actors |
//! |---|---|
//! | `agenda`: the clock | `supervisor`: who is active, wakes, retries |
//! | `names`: the DNS | `domain`, `desk`: what waits for one domain |
//! | `hosts`, `limits`: receivers | `standing`: whether it keeps its place |
//! | `network`: octets on their way | `site`, `feedback`: governor, turns, connections |
//! | `machine`: disk and power | `connection`, `transaction`: a session |
//! | `clients`, `outside`: who acts on it | `ledger`: from verdict to outcome |
//! | `books`, `history`: what has happened | |

mod agenda;
mod books;
mod clients;
mod connection;
mod desk;
mod domain;
mod feedback;
mod history;
mod hosts;
mod ledger;
mod limits;
mod machine;
mod names;
mod network;
mod outside;
mod site;
mod standing;
mod supervisor;
mod transaction;

pub(crate) use history::Totals;

use crate::common::NOW;
use agenda::Agenda;
use books::Books;
use connection::Connection;
use desk::Desk;
use fastrand::Rng;
use history::History;
use hosts::Host;
use limits::Traffic;
use machine::{Machine, Step};
use mailwright_engine::{
    address::Domain,
    class::QueueClass,
    classify::BounceRules,
    mx::MxPlan,
    retry::{RetryPolicy, RetrySchedule},
    roster::Roster,
    smtp::verdict::Verdict,
    time::UnixMillis,
};
use mailwright_storage::EntryKey;
use names::Names;
use site::Site;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

/// What takes turns at a site.
type Flow = (Domain, QueueClass);

/// How long the journal leaves outcomes unsynced.
const LAZY_SYNC: Duration = Duration::from_millis(100);
/// Longest that anything due may stay where it is once nothing is wrong, and too old once it is: silences, pauses and
/// plans last for an hour at most.
const LONGEST_HOLD: Duration = Duration::from_secs(4 * 3600);

/// What happens.
#[derive(Debug)]
enum Event {
    // Outside.
    /// A client hands a message in.
    Client,
    /// A host or a name is another than before.
    Weather,
    /// Somebody gives an order.
    Operator,
    /// A suspension ends.
    Resume(Domain),
    /// The power goes.
    PowerCut,
    /// The process is stopped in good order.
    Stop,
    /// The books are compared with the queue.
    Audit,
    // In the process.
    Wake(Domain),
    Read(Domain, u64),
    FillPlaces,
    Heartbeat,
    ReadSchedule,
    PlanFound(Domain, u64, Box<Found>),
    HoldEnds(Domain, u64),
    Reap(Domain, u64),
    OutOfOrder(Domain, Duration, Box<Verdict>),
    SiteTimer(String),
    Reconsider,
    Move(u64),
    TimedOut(u64, u64),
    IdleEnds(u64, u64),
}

/// What a look-up found, and until when it holds.
type Found = Result<(MxPlan, UnixMillis), Verdict>;

impl Event {
    /// Whether it happens whatever becomes of the process.
    fn is_outside(&self) -> bool {
        use Event::{Audit, Client, Operator, PowerCut, Resume, Stop, Weather};
        matches!(self, Client | Weather | Operator | Resume(_) | PowerCut | Stop | Audit)
    }
}

/// What does not change in an episode.
struct Settings {
    retry: RetrySchedule,
    bounces: BounceRules,
    places: usize,
}

/// What the process holds in memory.
struct Node {
    roster: Roster<Domain, u32>,
    desks: BTreeMap<Domain, Desk>,
    sites: BTreeMap<String, Site>,
    connections: BTreeMap<u64, Connection>,
    in_flight: BTreeSet<EntryKey>,
    /// Every entry due before this has its wake-up.
    read_until: UnixMillis,
    heartbeat: Option<UnixMillis>,
    /// Since when domains wait for a place.
    waiting_since: BTreeMap<Domain, UnixMillis>,
    /// Until when domains rest.
    resting_until: BTreeMap<Domain, UnixMillis>,
}

/// The world.
pub(crate) struct World {
    rng: Rng,
    agenda: Agenda<Event>,
    history: History,
    machine: Machine,
    names: Names,
    hosts: BTreeMap<String, Host>,
    traffic: BTreeMap<String, Traffic>,
    books: Books,
    settings: Settings,
    suspended: BTreeMap<Domain, UnixMillis>,
    node: Node,
    last_number: u64,
    /// When what was recorded last is synced, if nothing else is asked of the journal before.
    sync_at: Option<UnixMillis>,
    /// Whether everything is well from now on.
    is_well: bool,
}

impl World {
    /// A world that `seed` decides.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let (domains, providers) = (rng.usize(2..24), rng.usize(1..6));
        let names = Names::new(domains, providers, &mut rng);
        let own = names.domains().map(|domain| domain.as_str().to_owned());
        let theirs = (0..providers).flat_map(|provider| {
            (0..names::exchangers(provider)).map(move |at| names::exchanger(provider, at))
        });
        let all: Vec<_> = own.chain(theirs).collect();
        let groups = all.iter().map(|host| (names::group_of(host).to_owned(), Traffic::new(&mut rng)));
        let traffic = groups.collect();
        let hosts = all.iter().map(|host| (host.clone(), Host::new(host, &mut rng))).collect();
        let settings = settings(&mut rng);
        Self {
            agenda: Agenda::new(NOW),
            history: History::default(),
            machine: Machine::new(rng.u64(..)),
            names,
            hosts,
            traffic,
            books: Books::default(),
            node: Node::new(&settings, NOW),
            settings,
            suspended: BTreeMap::new(),
            last_number: 0,
            sync_at: None,
            is_well: false,
            rng,
        }
    }

    /// Has `events` things happen, then lets everything be well until all is done.
    pub(crate) fn live(mut self, events: u64) -> (Totals, u64) {
        self.begin();
        self.plan_outside();
        while self.history.totals.events < events {
            self.happen();
        }
        self.be_well();
        let since = self.now();
        while !self.books.waiting().is_empty() {
            let took = self.now().since(since);
            assert!(took < 2 * LONGEST_HOLD, "{:?} wait after {took:?}", self.books.waiting());
            self.happen();
        }
        self.history.totals.longest_end = self.now().since(since).as_secs();
        self.audit();
        self.books.check_end();
        self.history.totals.copies = self.books.copies;
        (self.history.totals.clone(), self.history.digest())
    }

    /// The next thing happens.
    fn happen(&mut self) {
        let event = self.agenda.next().expect("something is always planned");
        self.history.totals.events += 1;
        if self.sync_at.take_if(|at| *at <= self.agenda.now()).is_some() {
            self.machine.sync();
            self.books.is_safe();
        }
        if self.take(event).is_err() {
            self.power_is_cut();
        }
    }

    fn take(&mut self, event: Event) -> Step {
        match event {
            Event::Client => self.client()?,
            Event::Weather => self.weather(),
            Event::Operator => self.operator()?,
            Event::Resume(domain) => self.resume(&domain)?,
            Event::PowerCut => self.power_goes()?,
            Event::Stop => self.stop(),
            Event::Audit => self.audit_again(),
            Event::Wake(domain) => self.wake(&domain)?,
            Event::Read(domain, number) => self.look_on_disk(&domain, number)?,
            Event::FillPlaces => self.fill_places()?,
            Event::Heartbeat => self.heartbeat()?,
            Event::ReadSchedule => self.read_schedule(),
            Event::PlanFound(domain, number, found) => self.plan_found(&domain, number, *found)?,
            Event::HoldEnds(domain, number) => self.hold_ends(&domain, number)?,
            Event::Reap(domain, number) => self.reap(&domain, number)?,
            Event::OutOfOrder(domain, pause, verdict) => self.out_of_order(&domain, pause, &verdict)?,
            Event::SiteTimer(site) => self.site_timer(&site)?,
            Event::Reconsider => self.reconsider()?,
            Event::Move(id) => self.moves(id)?,
            Event::TimedOut(id, moves) => self.times_out(id, moves)?,
            Event::IdleEnds(id, moves) => self.idle_ends(id, moves)?,
        }
        Ok(())
    }

    fn now(&self) -> UnixMillis {
        self.agenda.now()
    }

    fn note(&mut self, what: fmt::Arguments<'_>) {
        self.history.note(self.agenda.now(), what);
    }

    /// A number that nothing else has.
    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Whether something happens that does in so many of a thousand cases; never once all is well.
    fn mishap(&mut self, of_a_thousand: u32) -> bool {
        !self.is_well && self.rng.u32(0..1_000) < of_a_thousand
    }
}

impl Node {
    fn new(settings: &Settings, now: UnixMillis) -> Self {
        Self {
            roster: Roster::new(settings.places),
            desks: BTreeMap::new(),
            sites: BTreeMap::new(),
            connections: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            read_until: now,
            heartbeat: None,
            waiting_since: BTreeMap::new(),
            resting_until: BTreeMap::new(),
        }
    }
}

fn settings(rng: &mut Rng) -> Settings {
    let mut retry = RetrySchedule::default();
    retry.default = RetryPolicy {
        max_interval: Duration::from_secs(2 * 3600),
        max_age: Duration::from_secs(rng.u64(2..24) * 3600),
        max_attempts: (rng.u8(0..4) == 0).then(|| rng.u32(3..15)),
        ..retry.default
    };
    for pace in retry.by_class.values_mut() {
        pace.max_interval = pace.max_interval.min(retry.default.max_interval);
    }
    retry.validate().unwrap();
    Settings { retry, bounces: BounceRules::builtin(), places: rng.usize(1..8) }
}
