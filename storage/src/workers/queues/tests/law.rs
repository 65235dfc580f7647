//! The law of queues over any history: nothing is lost, nothing is made.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// What happens to the queue `mail`, whose consumer tries once again and has dead letters.
#[derive(Debug, Clone, Copy)]
enum Step {
    Send {
        count: usize,
        delay: Option<u32>,
    },
    Lease {
        dead: bool,
        most: usize,
    },
    /// Settles the oldest lease that was not.
    Settle(Settled),
    Wait(u64),
    Empty,
    Purge,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let send = (1..4usize, prop::option::of(0..40u32));
    prop_oneof![
        5 => send.prop_map(|(count, delay)| Step::Send { count, delay }),
        5 => (any::<bool>(), 1..4usize).prop_map(|(dead, most)| Step::Lease { dead, most }),
        4 => Just(Step::Settle(Settled::Ack)),
        6 => prop::option::of(0..20u32).prop_map(|delay| Step::Settle(Settled::Retry { delay })),
        1 => Just(Step::Settle(Settled::Return)),
        4 => (1..40u64).prop_map(Step::Wait),
        1 => Just(Step::Purge),
        1 => Just(Step::Reopen),
        1 => Just(Step::Empty),
    ]
}

/// A history as it goes on.
struct History {
    world: World,
    second: u64,
    sent: u64,
    acknowledged: HashSet<ObjectId>,
    leased: Vec<(&'static str, Leased)>,
}

impl History {
    fn new() -> Self {
        let world = World::consumed(1, Some("dead"));
        let short = QueueDraft { retention: 300, ..QueueDraft::default() };
        world.store.update(&world.account, "mail", short, at(0)).unwrap();
        Self { world, second: 0, sent: 0, acknowledged: HashSet::new(), leased: Vec::new() }
    }

    fn take(&mut self, step: Step) {
        let (world, now) = (&mut self.world, at(self.second));
        match step {
            Step::Send { count, delay } => {
                let messages = (0..count).map(|_| message("x", delay)).collect();
                world.store.send(&world.account, "mail", messages, now).unwrap();
                self.sent += count as u64;
            }
            Step::Lease { dead, most } => {
                let queue = if dead { "dead" } else { "mail" };
                let leased = world.lease(queue, most, self.second);
                for one in &leased {
                    assert!(!self.acknowledged.contains(&one.id), "acknowledged, and there again");
                    assert!(dead || one.attempts <= 2, "{} attempts", one.attempts);
                }
                self.leased.extend(leased.into_iter().map(|leased| (queue, leased)));
            }
            Step::Settle(outcome) => self.settle(outcome),
            Step::Wait(seconds) => self.second += seconds,
            Step::Empty => {
                world.store.empty(&world.account, "mail").unwrap();
            }
            Step::Purge => world.store.purge(now).unwrap(),
            Step::Reopen => {
                world.reopen();
                self.leased.clear();
            }
        }
    }

    fn settle(&mut self, outcome: Settled) {
        if self.leased.is_empty() {
            return;
        }
        let (queue, leased) = self.leased.remove(0);
        let settlement = Settlement { id: leased.id.clone(), lease: leased.lease, outcome };
        let (store, account) = (&self.world.store, &self.world.account);
        let settled = store.settle(account, queue, &[settlement], at(self.second)).unwrap();
        if settled.acknowledged > 0 {
            assert!(self.acknowledged.insert(leased.id), "acknowledged twice");
        }
    }

    /// The law, as counts and as rows.
    fn check(&self) {
        let (mail, dead) = (self.world.status("mail", self.second), self.world.status("dead", self.second));
        for status in [mail, dead] {
            let ended = status.acknowledged + status.dead + status.dropped + status.expired + status.purged;
            assert_eq!(status.sent, ended + status.waiting(), "{status:?}");
            assert_eq!(status.octets, 201 * status.waiting(), "{status:?}");
        }
        assert_eq!((mail.sent, dead.sent), (self.sent, mail.dead));
        assert_eq!(mail.acknowledged + dead.acknowledged, self.acknowledged.len() as u64);
        let rows = |db: &rusqlite::Connection| {
            Ok::<i64, QueueError>(db.query_row("SELECT count(*) FROM messages", [], |row| row.get(0))?)
        };
        let rows = self.world.store.0.db.read(rows).unwrap();
        assert_eq!(rows.unsigned_abs(), mail.waiting() + dead.waiting());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_was_sent_is_acknowledged_dead_gone_or_waits(steps in prop::collection::vec(step(), 1..60)) {
        let mut history = History::new();
        for step in steps {
            history.take(step);
            history.check();
        }
        // Whoever comes later finds all that waits, and nothing else.
        history.second += 100;
        history.leased.clear();
        for queue in ["mail", "dead"] {
            let waiting = history.world.status(queue, history.second).waiting();
            let leased = history.world.lease(queue, 1_000, history.second).len() as u64;
            prop_assert_eq!(leased, waiting);
        }
    }
}
