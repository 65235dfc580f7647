//! What holds of queues.

mod law;

use super::*;
use mailwright_engine::time::UnixMillis;
use std::time::Duration;

/// A second since 1970.
const START: u64 = 1_800_000_000;
const LEASE: Duration = Duration::from_secs(30);

fn at(second: u64) -> UnixMillis {
    UnixMillis::new((START + second) * 1_000)
}

struct World {
    dir: tempfile::TempDir,
    store: QueueStore,
    account: ObjectId,
}

impl World {
    /// With a queue `mail`, which nobody consumes.
    fn new() -> Self {
        Self::with(QueueSettings::default())
    }

    fn with(settings: QueueSettings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = QueueStore::open(&dir.path().join("queues"), settings).unwrap();
        let account = ObjectId::random().unwrap();
        store.create(&account, "mail", QueueDraft::default(), at(0)).unwrap();
        Self { dir, store, account }
    }

    /// Its consumer tries again `max_retries` times, and leaves the rest to `dead`, if that is wanted.
    fn consumed(max_retries: u32, dead_letter_queue: Option<&str>) -> Self {
        let world = Self::new();
        let draft = ConsumerDraft {
            max_retries,
            dead_letter_queue: dead_letter_queue.map(str::to_owned),
            ..consumer()
        };
        world.store.add_consumer(&world.account, "mail", draft, at(0)).unwrap();
        world
    }

    fn reopen(&mut self) {
        self.store = QueueStore::open(&self.dir.path().join("queues"), self.store.0.settings).unwrap();
    }

    fn send(&self, body: &str, delay: Option<u32>, second: u64) -> Result<Vec<ObjectId>, QueueError> {
        self.store.send(&self.account, "mail", vec![message(body, delay)], at(second))
    }

    fn lease(&self, queue: &str, most: usize, second: u64) -> Vec<Leased> {
        self.store.lease(&self.account, queue, most, LEASE, at(second)).unwrap()
    }

    /// The bodies of what is leased.
    fn bodies(&self, queue: &str, second: u64) -> Vec<String> {
        let leased = self.lease(queue, 100, second).into_iter();
        leased.map(|leased| String::from_utf8(leased.body).unwrap()).collect()
    }

    fn settle(&self, leased: &Leased, outcome: Settled, second: u64) -> Settling {
        let settlement = Settlement { id: leased.id.clone(), lease: leased.lease, outcome };
        self.store.settle(&self.account, "mail", &[settlement], at(second)).unwrap()
    }

    fn status(&self, queue: &str, second: u64) -> QueueStatus {
        self.store.status(&self.account, queue, at(second)).unwrap()
    }
}

fn message(body: &str, delay: Option<u32>) -> NewMessage {
    NewMessage { kind: BodyKind::Text, body: body.as_bytes().to_vec(), delay }
}

fn consumer() -> ConsumerDraft {
    ConsumerDraft::of("worker".parse().unwrap())
}

const RETRY: Settled = Settled::Retry { delay: None };

#[test]
fn messages_come_when_they_are_due_in_the_order_in_which_they_are() {
    let mut world = World::new();
    for (body, delay) in [("late", Some(20)), ("soon", Some(10)), ("first", None), ("second", Some(0))] {
        world.send(body, delay, 0).unwrap();
    }
    world.reopen();
    assert_eq!(world.store.next_due(&world.account, "mail", at(0)).unwrap(), Some(at(0)));
    assert_eq!(world.bodies("mail", 0), ["first", "second"]);
    assert_eq!(world.store.next_due(&world.account, "mail", at(0)).unwrap(), Some(at(10)));
    assert_eq!(world.bodies("mail", 9), [""; 0]);
    assert_eq!(world.bodies("mail", 20), ["soon", "late"]);
    let status = world.status("mail", 20);
    assert_eq!((status.ready, status.delayed, status.leased, status.oldest), (0, 0, 4, Some(at(0))));
}

#[test]
fn a_message_comes_as_it_was_sent() {
    let mut world = World::new();
    for kind in BodyKind::ALL {
        let sent = NewMessage { kind, body: vec![0, 255, 13], delay: None };
        let ids = world.store.send(&world.account, "mail", vec![sent], at(5)).unwrap();
        world.reopen();
        let leased = world.lease("mail", 1, 6).remove(0);
        assert_eq!(
            (leased.kind, leased.body.as_slice(), leased.sent),
            (kind, [0, 255, 13].as_slice(), at(5))
        );
        assert_eq!((ids[0].clone(), leased.attempts), (leased.id.clone(), 1));
        world.settle(&leased, Settled::Ack, 6);
    }
    world.reopen();
    let status = world.status("mail", 6);
    assert_eq!((status.sent, status.acknowledged, status.waiting(), status.octets), (4, 4, 0, 0));
}

#[test]
fn nobody_else_gets_what_is_leased_until_the_lease_is_over() {
    let world = World::new();
    world.send("a", None, 0).unwrap();
    let first = world.lease("mail", 10, 0).remove(0);
    assert_eq!(world.lease("mail", 10, 29), []);
    assert_eq!(world.store.next_due(&world.account, "mail", at(29)).unwrap(), Some(at(30)));
    let second = world.lease("mail", 10, 30).remove(0);
    assert_eq!(second.attempts, 1);
    // Who had it first has nothing to say any more.
    assert_eq!(world.settle(&first, Settled::Ack, 31), Settling::default());
    assert_eq!(world.settle(&first, RETRY, 31), Settling::default());
    assert_eq!(world.status("mail", 31).leased, 1);
    assert_eq!(world.settle(&second, Settled::Ack, 31).acknowledged, 1);
    assert_eq!(world.settle(&second, Settled::Ack, 31).acknowledged, 0);
}

#[test]
fn what_was_done_late_is_done_if_nobody_else_has_begun() {
    let world = World::new();
    world.send("a", None, 0).unwrap();
    let leased = world.lease("mail", 1, 0).remove(0);
    assert_eq!(world.settle(&leased, Settled::Ack, 100).acknowledged, 1);
    assert_eq!(world.status("mail", 100).waiting(), 0);
}

#[test]
fn with_the_process_end_its_leases_and_nothing_else() {
    let mut world = World::consumed(0, None);
    world.send("a", None, 0).unwrap();
    let leased = world.lease("mail", 1, 0).remove(0);
    world.reopen();
    let again = world.lease("mail", 1, 0).remove(0);
    assert_eq!((again.attempts, &again.body), (1, &leased.body));
    // A lease of the old process is none, whatever its number.
    let settlement = Settlement { id: leased.id, lease: leased.lease + 1, outcome: Settled::Ack };
    let settled = world.store.settle(&world.account, "mail", &[settlement], at(0)).unwrap();
    assert_eq!(settled, Settling::default());
}

#[test]
fn what_fails_comes_again_after_its_delay_and_counts() {
    let mut world = World::consumed(3, None);
    let delayed = ConsumerDraft { retry_delay: 7, ..consumer() };
    let id = world.store.queue(&world.account, "mail").unwrap().consumer.clone().unwrap().id;
    world.store.change_consumer(&world.account, "mail", &id, delayed, at(0)).unwrap();
    world.send("a", None, 0).unwrap();
    for (attempt, (outcome, second, again)) in
        [(RETRY, 0, 7), (Settled::Retry { delay: Some(3) }, 7, 10), (RETRY, 10, 17)].into_iter().enumerate()
    {
        let leased = world.lease("mail", 1, second).remove(0);
        assert_eq!(leased.attempts as usize, attempt + 1);
        assert_eq!(world.settle(&leased, outcome, second).retried, 1);
        world.reopen();
        assert_eq!(world.lease("mail", 1, again - 1), []);
    }
    // Given back, it has not failed.
    let leased = world.lease("mail", 1, 17).remove(0);
    assert_eq!(world.settle(&leased, Settled::Return, 17), Settling::default());
    let leased = world.lease("mail", 1, 17).remove(0);
    assert_eq!(leased.attempts, 4);
    assert_eq!(world.settle(&leased, RETRY, 17).dropped, 1);
    let status = world.status("mail", 17);
    assert_eq!((status.sent, status.dropped, status.waiting()), (1, 1, 0));
}

#[test]
fn what_fails_too_often_is_moved_to_the_dead_letters_as_it_is() {
    let mut world = World::consumed(0, Some("dead"));
    let ids = world.send("a", None, 0).unwrap();
    let leased = world.lease("mail", 1, 5).remove(0);
    assert_eq!(world.settle(&leased, Settled::Retry { delay: Some(60) }, 5).dead, 1);
    world.reopen();
    let (mail, dead) = (world.status("mail", 5), world.status("dead", 5));
    assert_eq!((mail.sent, mail.dead, mail.waiting(), mail.octets), (1, 1, 0, 0));
    assert_eq!((dead.sent, dead.ready, dead.octets), (1, 1, 201));
    let leased = world.lease("dead", 1, 5).remove(0);
    assert_eq!((&leased.id, leased.sent, leased.attempts), (&ids[0], at(0), 1));
    assert_eq!(leased.body, b"a");
}

#[test]
fn dead_letters_stay_where_they_are_while_there_is_no_room_for_them() {
    let world = World::with(QueueSettings { queue_octets: 500, ..QueueSettings::default() });
    let dead = ConsumerDraft { max_retries: 0, dead_letter_queue: Some("dead".to_owned()), ..consumer() };
    world.store.add_consumer(&world.account, "mail", dead, at(0)).unwrap();
    world.store.send(&world.account, "dead", vec![message("b", None), message("b", None)], at(0)).unwrap();
    world.send("a", None, 0).unwrap();
    let leased = world.lease("mail", 1, 0).remove(0);
    let settled = world.settle(&leased, RETRY, 0);
    assert_eq!((settled.dead, settled.retried), (0, 1));
    assert_eq!(world.lease("mail", 1, 59), []);
    world.store.empty(&world.account, "dead").unwrap();
    let leased = world.lease("mail", 1, 60).remove(0);
    assert_eq!(world.settle(&leased, RETRY, 60).dead, 1);
}

#[test]
fn a_queue_that_is_full_says_so_and_takes_more_when_there_is_room() {
    let world = World::with(QueueSettings { queue_octets: 450, account_octets: 700 });
    world.store.create(&world.account, "other", QueueDraft::default(), at(0)).unwrap();
    world.send("a", None, 0).unwrap();
    world.send("b", None, 0).unwrap();
    let refused = world.send("c", None, 0).unwrap_err();
    assert!(refused.is_retryable());
    let told = "as much waits in the queue as may: 450 octets; send again once messages were handled";
    assert_eq!(refused.to_string(), told);
    let other = |body| world.store.send(&world.account, "other", vec![message(body, None)], at(0));
    other("d").unwrap();
    assert!(matches!(other("e"), Err(QueueError::Backlog { most: 700, .. })));
    let leased = world.lease("mail", 1, 0).remove(0);
    world.settle(&leased, Settled::Ack, 0);
    other("e").unwrap();
    assert_eq!(world.status("mail", 0).sent, 2);
}

#[test]
fn what_cannot_be_sent_is_refused_whole() {
    let world = World::new();
    let send = |messages| world.store.send(&world.account, "mail", messages, at(0)).unwrap_err().to_string();
    let long = "x".repeat(MAX_MESSAGE + 1);
    assert_eq!(
        send(vec![message("", None), message(&long, None)]),
        "the message has 128001 octets, of at most 128000"
    );
    let large = "x".repeat(100_000);
    let told = send((0..3).map(|_| message(&large, None)).collect());
    assert_eq!(told, "the batch has 300000 octets, of at most 256000");
    let told = send((0..101).map(|_| message("", None)).collect());
    assert_eq!(told, "101 messages are too many at a time: at most 100");
    let told = send(vec![message("", Some(MAX_DELAY + 1))]);
    assert_eq!(told, "a delay of 86401 seconds is too long: at most 86400");
    assert_eq!(world.status("mail", 0).sent, 0);
}

#[test]
fn a_batch_is_as_large_as_it_may_be_and_never_empty() {
    let world = World::new();
    for _ in 0..5 {
        world.send(&"x".repeat(MAX_MESSAGE), None, 0).unwrap();
    }
    assert_eq!(world.lease("mail", 10, 0).len(), 1);
    assert_eq!(world.lease("mail", 10, 0).len(), 1);
    world.send("small", None, 0).unwrap();
    assert_eq!(world.lease("mail", 1, 0).len(), 1);
}

#[test]
fn accounts_know_nothing_of_each_others_queues() {
    let world = World::new();
    world.send("a", None, 0).unwrap();
    let stranger = ObjectId::random().unwrap();
    let refused = |refused: QueueError| matches!(refused, QueueError::NoQueue(_));
    assert!(refused(world.store.send(&stranger, "mail", vec![message("b", None)], at(0)).unwrap_err()));
    assert!(refused(world.store.lease(&stranger, "mail", 1, LEASE, at(0)).unwrap_err()));
    assert!(refused(world.store.status(&stranger, "mail", at(0)).unwrap_err()));
    assert!(refused(world.store.remove(&stranger, "mail").unwrap_err()));
    // Of the same name, it is another.
    world.store.create(&stranger, "mail", QueueDraft::default(), at(0)).unwrap();
    assert_eq!(world.store.lease(&stranger, "mail", 1, LEASE, at(0)).unwrap(), []);
    assert_eq!(world.bodies("mail", 0), ["a"]);
}

#[test]
fn a_queue_keeps_what_was_said_of_it_and_of_its_consumer() {
    let mut world = World::consumed(2, Some("dead"));
    let draft = QueueDraft { delivery_delay: 5, retention: 60, paused: true };
    world.store.update(&world.account, "mail", draft, at(1)).unwrap();
    let before = world.store.queue(&world.account, "mail").unwrap();
    world.reopen();
    assert_eq!(world.store.queue(&world.account, "mail").unwrap(), before);
    let names: Vec<_> = world.store.queues(&world.account).iter().map(|queue| queue.name.clone()).collect();
    assert_eq!(names, ["dead", "mail"]);
    assert_eq!(world.store.consumed(), [Arc::clone(&before)]);
    world.send("a", None, 2).unwrap();
    assert_eq!(world.store.next_due(&world.account, "mail", at(2)).unwrap(), Some(at(7)));
    assert_eq!(world.lease("mail", 1, 7), []);
    let again = world.store.add_consumer(&world.account, "mail", consumer(), at(3));
    assert!(matches!(again, Err(QueueError::Consumed { .. })));
    let consumer = before.consumer.as_ref().unwrap().id.clone();
    world.store.remove_consumer(&world.account, "mail", &consumer, at(3)).unwrap();
    world.reopen();
    assert_eq!(world.store.consumed(), []);
}

#[test]
fn what_can_be_no_queue_or_consumer_is_refused_in_words() {
    let world = World::new();
    let create = |name: &str, draft| world.store.create(&world.account, name, draft, at(0)).unwrap_err();
    assert!(matches!(create("mail", QueueDraft::default()), QueueError::Taken(_)));
    for name in ["", "-a", "a b", "a/b", &"a".repeat(64)] {
        assert!(matches!(create(name, QueueDraft::default()), QueueError::Invalid(_)), "{name}");
    }
    let told = create("q", QueueDraft { retention: 59, ..QueueDraft::default() }).to_string();
    assert_eq!(told, "the retention is 60 to 1209600 seconds, not 59");
    let add = |draft| world.store.add_consumer(&world.account, "mail", draft, at(0)).unwrap_err().to_string();
    assert_eq!(
        add(ConsumerDraft { batch_size: 0, ..consumer() }),
        "the batch size is 1 to 100 messages, not 0"
    );
    let own = ConsumerDraft { dead_letter_queue: Some("mail".to_owned()), ..consumer() };
    assert_eq!(add(own), "the queue \"mail\" cannot take its own dead letters");
}

#[test]
fn a_removed_queue_is_gone_with_its_messages_but_not_while_it_takes_dead_letters() {
    let mut world = World::consumed(2, Some("dead"));
    world.send("a", None, 0).unwrap();
    assert!(matches!(world.store.remove(&world.account, "dead"), Err(QueueError::InUse(_))));
    world.store.remove(&world.account, "mail").unwrap();
    assert!(matches!(world.send("b", None, 0), Err(QueueError::NoQueue(_))));
    world.store.remove(&world.account, "dead").unwrap();
    world.reopen();
    assert_eq!(world.store.queues(&world.account), []);
    let left = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM queues)";
    let left = |db: &rusqlite::Connection| Ok::<i64, QueueError>(db.query_row(left, [], |row| row.get(0))?);
    assert_eq!(world.store.0.db.read(left).unwrap(), 0);
    // Made again, it is empty.
    world.store.create(&world.account, "mail", QueueDraft::default(), at(0)).unwrap();
    assert_eq!(world.bodies("mail", 0), [""; 0]);
}

#[test]
fn emptied_a_queue_has_only_what_is_sent_later() {
    let world = World::new();
    world.send("a", None, 0).unwrap();
    world.send("b", Some(60), 0).unwrap();
    let leased = world.lease("mail", 1, 0).remove(0);
    assert_eq!(world.store.empty(&world.account, "mail").unwrap(), 2);
    world.send("c", None, 0).unwrap();
    assert_eq!(world.settle(&leased, RETRY, 0), Settling::default());
    assert_eq!(world.bodies("mail", 60), ["c"]);
    let status = world.status("mail", 60);
    assert_eq!((status.sent, status.purged, status.leased, status.waiting()), (3, 2, 1, 1));
}

#[test]
fn what_is_older_than_a_queue_keeps_it_goes_and_dead_letters_begin_anew() {
    let world = World::consumed(0, Some("dead"));
    world
        .store
        .update(&world.account, "mail", QueueDraft { retention: 100, ..QueueDraft::default() }, at(0))
        .unwrap();
    world
        .store
        .update(&world.account, "dead", QueueDraft { retention: 100, ..QueueDraft::default() }, at(0))
        .unwrap();
    world.send("a", None, 0).unwrap();
    world.send("b", None, 1).unwrap();
    let leased = world.lease("mail", 1, 50).remove(0);
    world.settle(&leased, RETRY, 50);
    world.store.purge(at(101)).unwrap();
    let status = world.status("mail", 101);
    assert_eq!((status.expired, status.dead, status.waiting()), (1, 1, 0));
    assert_eq!(world.status("dead", 101).ready, 1);
    world.store.purge(at(150)).unwrap();
    assert_eq!(world.status("dead", 150).expired, 1);
}

#[tokio::test]
async fn who_waits_is_told_of_what_comes() {
    let world = World::consumed(0, Some("dead"));
    let arrivals = |queue| world.store.arrivals(&world.account, queue).unwrap();
    let (mail, dead) = (arrivals("mail"), arrivals("dead"));
    // Made and changed: a permit waits.
    mail.notified().await;
    world.send("a", None, 0).unwrap();
    mail.notified().await;
    let leased = world.lease("mail", 1, 0).remove(0);
    world.settle(&leased, RETRY, 0);
    mail.notified().await;
    dead.notified().await;
    let changed = world.store.changed();
    changed.notified().await;
    world.store.remove(&world.account, "mail").unwrap();
    changed.notified().await;
    mail.notified().await;
    assert!(world.store.arrivals(&world.account, "mail").is_none());
}
