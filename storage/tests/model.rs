//! Any history of the spool, with any way to end its process, leaves what a simple model says it must.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod common;
#[path = "model/ending.rs"]
mod ending;
#[path = "model/expected.rs"]
mod expected;

use common::{NOW, SMALL, Server, attempted, content, delivered, envelope, home, long};
use ending::{Ending, ending};
use expected::Expected;
use mailwright_engine::{
    class::{PoolName, Priority, QueueClass, TenantName},
    envelope::Envelope,
    time::UnixMillis,
};
use mailwright_storage::{Outcome, QueueEntry};
use proptest::{prelude::*, sample::Index};
use std::path::PathBuf;

const DOMAINS: [&str; 3] = ["one.example", "two.example", "three.example"];

/// One thing that happens to a spool.
#[derive(Debug, Clone)]
enum Step {
    /// A message of a class to a recipient at each of these domains arrives.
    Accept { domains: Vec<usize>, class: QueueClass, size: usize },
    /// Mail enough to fill segments arrives; all but the first message is delivered.
    Burst(u64),
    /// A delivery takes an entry in hand, as it is now.
    Take(Index),
    /// A delivery in hand comes to its final dot.
    Intend(Index),
    /// A delivery in hand ends; the share of recipients left waits until then.
    End { which: Index, keep: Keep, due: u64 },
    /// An operator gives an entry another pool and due time, though a delivery may have it in hand.
    Reroute { which: Index, pool: Option<PoolName>, due: u64 },
    /// An operator cancels an entry, though a delivery may have it in hand.
    Cancel(Index),
    /// The queue is looked at; also stores the state and reclaims the journal.
    Ask,
    /// The process ends and another takes over.
    Restart(Ending),
}

#[derive(Debug, Clone, Copy)]
enum Keep {
    None,
    Last,
    All,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        6 => (prop::collection::vec(0..DOMAINS.len(), 1..=5), class(), 0usize..40_000)
            .prop_map(|(domains, class, size)| Step::Accept { domains, class, size }),
        1 => (5u64..40).prop_map(Step::Burst),
        5 => index().prop_map(Step::Take),
        3 => index().prop_map(Step::Intend),
        5 => (index(), keep(), 0..1_000_000u64).prop_map(|(which, keep, due)| Step::End { which, keep, due }),
        2 => (index(), pool(), 0..1_000_000u64)
            .prop_map(|(which, pool, due)| Step::Reroute { which, pool, due }),
        1 => index().prop_map(Step::Cancel),
        2 => Just(Step::Ask),
        2 => ending().prop_map(Step::Restart),
    ]
}

fn class() -> impl Strategy<Value = QueueClass> {
    let priority = prop::sample::select(vec![Priority::High, Priority::Normal, Priority::Bulk]);
    let tenant =
        prop::sample::select(vec![None, TenantName::parse("shop").ok(), TenantName::parse("club").ok()]);
    (priority, tenant, pool()).prop_map(|(priority, tenant, pool)| QueueClass {
        priority,
        tenant,
        pool,
        ..QueueClass::default()
    })
}

fn pool() -> impl Strategy<Value = Option<PoolName>> {
    prop::sample::select(vec![None, PoolName::parse("warm").ok()])
}

fn keep() -> impl Strategy<Value = Keep> {
    prop_oneof![2 => Just(Keep::None), 1 => Just(Keep::Last), 2 => Just(Keep::All)]
}

/// A spool, what it must hold, and the deliveries under way.
struct World {
    home: tempfile::TempDir,
    /// How many folders the spool has lived in.
    lives: u32,
    /// `None` only between two processes.
    server: Option<Server>,
    expected: Expected,
    in_hand: Vec<QueueEntry>,
    next_id: u64,
    /// A copy of the queue folder as it once was.
    old_queue: Option<PathBuf>,
}

impl World {
    fn new() -> Self {
        let home = home();
        let server = Some(Server::start(&home.path().join("0"), SMALL));
        let expected = Expected::default();
        Self { home, lives: 0, server, expected, in_hand: Vec::new(), next_id: 1, old_queue: None }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    fn take_step(&mut self, step: Step) {
        match step {
            Step::Accept { domains, class, size } => self.accept(&domains, class, size),
            Step::Burst(messages) => self.burst(messages),
            Step::Take(which) => self.take(which),
            Step::Intend(which) => self.intend(which),
            Step::End { which, keep, due } => self.end(which, keep, UnixMillis::new(NOW.as_millis() + due)),
            Step::Reroute { which, pool, due } => {
                self.reroute(which, pool, UnixMillis::new(NOW.as_millis() + due));
            }
            Step::Cancel(which) => self.cancel(which),
            Step::Ask => self.expected.assert_holds(self.server()),
            Step::Restart(ending) => self.restart(&ending),
        }
    }

    fn accept(&mut self, domains: &[usize], class: QueueClass, size: usize) {
        let recipients: Vec<_> =
            domains.iter().enumerate().map(|(n, domain)| format!("r{n}@{}", DOMAINS[*domain])).collect();
        let recipients: Vec<_> = recipients.iter().map(String::as_str).collect();
        let QueueClass { priority, tenant, pool, .. } = class;
        let envelope = Envelope { priority, account: tenant, pool, ..envelope(self.next_id, &recipients) };
        self.server().accept_as(envelope.clone(), size).unwrap();
        self.expected.accepted(envelope, content(self.next_id, size));
        self.next_id += 1;
    }

    fn burst(&mut self, messages: u64) {
        let (first, to, size) = (self.next_id, ["x@one.example"], 20_000);
        self.server().accept_all(first..first + messages, &to, size);
        self.expected.accepted(envelope(first, &to), content(first, size));
        for id in first + 1..first + messages {
            self.server().deliver(self.server().entry(id, 0));
        }
        self.next_id += messages;
    }

    fn take(&mut self, which: Index) {
        let free: Vec<_> =
            self.expected.entries.keys().filter(|k| self.in_hand.iter().all(|e| e.key() != **k)).collect();
        if !free.is_empty() {
            self.in_hand.push(self.server().get(**which.get(&free)).unwrap());
        }
    }

    fn reroute(&mut self, which: Index, pool: Option<PoolName>, due: UnixMillis) {
        let Some(mut entry) = self.any_entry(which) else { return };
        let before = entry.place.clone();
        entry.place.class.pool = pool;
        entry.place.due = due;
        self.record(Outcome::by_operator(before, Some(entry)));
    }

    fn cancel(&mut self, which: Index) {
        if let Some(entry) = self.any_entry(which) {
            self.record(Outcome::by_operator(entry.place, None));
        }
    }

    fn any_entry(&self, which: Index) -> Option<QueueEntry> {
        let keys: Vec<_> = self.expected.entries.keys().collect();
        if keys.is_empty() { None } else { self.server().get(**which.get(&keys)) }
    }

    fn record(&mut self, outcome: Outcome) {
        self.expected.changed(&outcome);
        self.server().spool.record(vec![outcome]).unwrap();
    }

    fn intend(&mut self, which: Index) {
        if !self.in_hand.is_empty() {
            let key = which.get(&self.in_hand).key();
            self.server().intend(key).unwrap();
            self.expected.intents.insert(key);
        }
    }

    fn end(&mut self, which: Index, keep: Keep, due: UnixMillis) {
        if self.in_hand.is_empty() {
            return;
        }
        let entry = self.in_hand.swap_remove(which.index(self.in_hand.len()));
        let pending = match keep {
            Keep::None => Vec::new(),
            Keep::Last => entry.pending[entry.pending.len() - 1..].to_vec(),
            Keep::All => entry.pending.clone(),
        };
        let outcome = if pending.is_empty() { delivered(entry) } else { attempted(entry, due, pending) };
        self.record(outcome);
    }

    fn restart(&mut self, ending: &Ending) {
        self.server().settle_down();
        self.in_hand.clear();
        let server = self.server.take().unwrap();
        self.lives += 1;
        let next = self.home.path().join(self.lives.to_string());
        ending.end(server, &next, &mut self.old_queue);
        let server = Server::start(&next, SMALL);
        self.expected.assert_recovered(&server);
        self.expected.assert_holds(&server);
        self.server = Some(server);
    }
}

#[test]
fn every_history_leaves_what_the_model_says() {
    let cases = if long() { 1_000 } else { 24 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..60), last in ending())| {
        let mut world = World::new();
        for step in steps {
            world.take_step(step);
        }
        world.restart(&last);
        world.restart(&Ending::KilledWithoutQueue);
    });
}
