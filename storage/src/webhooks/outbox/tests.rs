use super::*;
use crate::webhooks::Batch;
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    class::TenantName,
    envelope::{Envelope, Origin},
    id::QueueId,
    webhook::EventKind,
};
use std::time::{Duration, Instant};

const NOW: UnixMillis = UnixMillis::new(1_000_000);

fn now() -> UnixMillis {
    NOW
}

fn event(number: u64, kind: EventKind) -> WebhookEvent {
    let recipients = vec![EmailAddress::parse("a@example.com").unwrap()];
    let id = QueueId::from_raw(number);
    let mut envelope = Envelope::new(id, NOW, ReversePath::Null, recipients, Origin::Api);
    envelope.account = TenantName::parse("shop").ok();
    WebhookEvent::about(&envelope, 0, kind, UnixMillis::new(NOW.as_millis() + number)).unwrap()
}

struct World {
    dir: tempfile::TempDir,
    outbox: Outbox,
    thread: OutboxThread,
    endpoint: ObjectId,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (outbox, thread) = Outbox::start(dir.path(), OutboxSettings::default(), now).unwrap();
        Self { dir, outbox, thread, endpoint: ObjectId::random().unwrap() }
    }

    /// Opens the same folder again, as the next process does.
    fn reopen(self) -> Self {
        let Self { dir, thread, endpoint, .. } = self;
        thread.close();
        let (outbox, thread) = Outbox::start(dir.path(), OutboxSettings::default(), now).unwrap();
        Self { dir, outbox, thread, endpoint }
    }

    fn record(&self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            self.outbox.record(vec![self.endpoint.clone()], &event(number, EventKind::Delivered));
        }
    }

    async fn batch(&self, at: UnixMillis) -> Option<Batch> {
        self.outbox.flush().await.unwrap();
        match self.outbox.claim(&self.endpoint, at).await.unwrap() {
            Claim::Now(batch) => Some(batch),
            Claim::Nothing | Claim::Later(_) => None,
        }
    }

    async fn delivered(&self, batch: &Batch) {
        self.outbox.delivered(&self.endpoint, attempt(batch, Some(200))).await.unwrap();
    }

    async fn waiting(&self) -> u64 {
        self.outbox.status(vec![self.endpoint.clone()]).await.unwrap()[0].waiting
    }
}

fn attempt(batch: &Batch, status: Option<u16>) -> Attempt {
    Attempt {
        at: NOW,
        batch: batch.id.clone(),
        events: batch.events.len() as u64,
        status,
        error: String::new(),
        answer: "ok".into(),
        took: Duration::from_millis(3),
    }
}

/// The numbers of the messages that a batch tells of.
fn numbers(batch: &Batch) -> Vec<u64> {
    let number = |event: &String| {
        let event: serde_json::Value = serde_json::from_str(event).unwrap();
        event["queue_id"].as_str().unwrap().parse::<QueueId>().unwrap().as_raw()
    };
    batch.events.iter().map(number).collect()
}

#[tokio::test]
async fn a_batch_stays_the_same_until_it_is_delivered_even_in_the_next_process() {
    let world = World::new();
    world.record([1, 2, 3]);
    let first = world.batch(NOW).await.unwrap();
    assert_eq!(numbers(&first), [1, 2, 3]);
    world.record([4]);
    assert_eq!(world.batch(NOW).await.as_ref(), Some(&first));
    let world = world.reopen();
    assert_eq!(world.batch(NOW).await.as_ref(), Some(&first));
    world.delivered(&first).await;
    let second = world.batch(NOW).await.unwrap();
    assert_eq!(numbers(&second), [4]);
    assert_ne!(second.id, first.id);
    world.delivered(&second).await;
    // What comes too late for its batch changes nothing.
    world.delivered(&first).await;
    assert_eq!(world.batch(NOW).await, None);
    world.record([5]);
    assert_eq!(numbers(&world.reopen().batch(NOW).await.unwrap()), [5]);
}

#[tokio::test]
async fn the_sender_learns_who_was_given_events() {
    let world = World::new();
    let given = tokio::spawn({
        let outbox = world.outbox.clone();
        async move { outbox.given().await }
    });
    world.record([1]);
    assert_eq!(given.await.unwrap(), HashSet::from([world.endpoint.clone()]));
    assert_eq!(world.waiting().await, 1);
}

#[tokio::test]
async fn an_endpoint_that_fails_rests_and_says_since_when() {
    let world = World::new();
    world.record([1]);
    let batch = world.batch(NOW).await.unwrap();
    let due = UnixMillis::new(NOW.as_millis() + 500);
    for failures in 1..=2 {
        world.outbox.failed(&world.endpoint, attempt(&batch, Some(500)), due).await.unwrap();
        assert_eq!(world.outbox.claim(&world.endpoint, NOW).await.unwrap(), Claim::Later(due));
        let again = world.batch(due).await.unwrap();
        let expected = Batch { failures, failing_since: Some(NOW), ..batch.clone() };
        assert_eq!(again, expected);
    }
    let status = world.outbox.status(vec![world.endpoint.clone()]).await.unwrap()[0];
    assert_eq!(status, EndpointStatus { waiting: 1, failing_since: Some(NOW), due: Some(due) });
    world.outbox.resume(&world.endpoint).await.unwrap();
    assert_eq!(world.batch(NOW).await.as_ref(), Some(&batch));
    world.delivered(&batch).await;
    let status = world.outbox.status(vec![world.endpoint.clone()]).await.unwrap()[0];
    assert_eq!(status, EndpointStatus::default());
    let attempts = world.outbox.attempts(&world.endpoint).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.status).collect::<Vec<_>>(), [200, 500, 500].map(Some));
}

#[tokio::test]
async fn batches_are_bounded_and_events_in_order() {
    let world = World::new();
    world.record(1..=1_201);
    let (mut told, mut sizes) = (Vec::new(), Vec::new());
    while let Some(batch) = world.batch(NOW).await {
        told.extend(numbers(&batch));
        sizes.push(batch.events.len());
        world.delivered(&batch).await;
    }
    assert_eq!(told, (1..=1_201).collect::<Vec<_>>());
    assert_eq!(sizes, [500, 500, 201]);
    assert_eq!(world.waiting().await, 0);
}

#[tokio::test]
async fn the_same_event_counts_once() {
    let world = World::new();
    world.record([1, 1]);
    let batch = world.batch(NOW).await.unwrap();
    world.delivered(&batch).await;
    world.record([1, 2]);
    assert_eq!(numbers(&world.batch(NOW).await.unwrap()), [2]);
}

#[tokio::test]
async fn a_range_of_time_is_told_again_after_what_waits() {
    let world = World::new();
    world.record(1..=5);
    let batch = world.batch(NOW).await.unwrap();
    world.delivered(&batch).await;
    world.record([6]);
    world.outbox.flush().await.unwrap();
    let at = |number: u64| UnixMillis::new(NOW.as_millis() + number);
    // What waits is told anyway.
    assert_eq!(world.outbox.replay(&world.endpoint, at(2), at(4)).await.unwrap(), 2);
    assert_eq!(world.outbox.replay(&world.endpoint, at(6), at(9)).await.unwrap(), 0);
    assert!(world.outbox.given().await.contains(&world.endpoint));
    let again = world.batch(NOW).await.unwrap();
    assert_eq!(numbers(&again), [6, 2, 3]);
    assert_eq!(again.events[1], batch.events[1]);
    world.delivered(&again).await;
    // Told again, not multiplied.
    assert_eq!(world.outbox.replay(&world.endpoint, at(0), at(9)).await.unwrap(), 6);
    assert_eq!(world.waiting().await, 6);
}

#[tokio::test]
async fn an_endpoint_that_is_forgotten_leaves_nothing() {
    let world = World::new();
    world.record([1]);
    let batch = world.batch(NOW).await.unwrap();
    world.outbox.note(&world.endpoint, attempt(&batch, None)).await.unwrap();
    world.outbox.forget(&world.endpoint).await.unwrap();
    assert_eq!(world.batch(NOW).await, None);
    assert_eq!(world.outbox.attempts(&world.endpoint).await.unwrap(), []);
    assert_eq!(world.waiting().await, 0);
}

#[tokio::test]
async fn attempts_are_remembered_the_newest_hundred() {
    let world = World::new();
    let batch =
        |number: u64| Batch { id: number.to_string(), events: Vec::new(), failures: 0, failing_since: None };
    for number in 0..105 {
        world.outbox.note(&world.endpoint, attempt(&batch(number), None)).await.unwrap();
    }
    let attempts = world.outbox.attempts(&world.endpoint).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].batch.as_str()), (100, "104"));
}

#[tokio::test]
async fn a_closed_outbox_says_so() {
    let World { outbox, thread, endpoint, dir: _dir } = World::new();
    thread.close();
    assert!(matches!(outbox.claim(&endpoint, NOW).await, Err(StorageError::Closed)));
}

/// Figures, not a test: how fast events come in and go out, and what an account without endpoints pays.
#[tokio::test]
#[ignore = "measures"]
async fn measures() {
    const EVENTS: u64 = 50_000;
    let world = World::new();
    let events: Vec<_> = (1..=EVENTS).map(|number| event(number, EventKind::Delivered)).collect();
    let begun = Instant::now();
    for event in &events {
        world.outbox.record(vec![world.endpoint.clone()], event);
    }
    let handed_over = begun.elapsed();
    world.outbox.flush().await.unwrap();
    let safe = begun.elapsed();
    let begun = Instant::now();
    let mut batches = 0;
    while let Some(batch) = world.batch(NOW).await {
        world.delivered(&batch).await;
        batches += 1;
    }
    println!("{EVENTS} events: handed over in {handed_over:?}, safe after {safe:?}");
    println!("claimed and noted in {batches} batches in {:?}", begun.elapsed());
    let control_dir = tempfile::tempdir().unwrap();
    let control = Arc::new(crate::control::Control::open(control_dir.path()).unwrap());
    let feed = crate::webhooks::WebhookFeed::new(control, world.outbox.clone());
    let begun = Instant::now();
    let wanted = events.iter().filter(|event| feed.wants(Some(&event.account), event.kind)).count();
    println!("{EVENTS} × nobody wants it ({wanted}): {:?}", begun.elapsed());
}
