use super::*;
use mailwright_engine::worker::ScriptName;
use mailwright_storage::workers::{BodyKind, ConsumerDraft, NewMessage, QueueDraft, QueueSettings};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tempfile::TempDir;

static MILLIS: AtomicU64 = AtomicU64::new(1_000_000);

fn now() -> UnixMillis {
    UnixMillis::new(MILLIS.load(Ordering::Relaxed))
}

/// What a consumer was handed, and what it says.
#[derive(Clone)]
struct Consumer(Arc<Mutex<Vec<QueueBatch>>>, Arc<Answer>);

type Answer = dyn Fn(&QueueBatch) -> Result<QueueDone, EventError> + Send + Sync;

impl Consume for Consumer {
    async fn consume(
        &self,
        _: &ObjectId,
        _: &ScriptName,
        batch: QueueBatch,
    ) -> Result<QueueDone, EventError> {
        let answer = (self.1)(&batch);
        self.0.lock().unwrap().push(batch);
        answer
    }
}

struct Bench {
    _dir: TempDir,
    queues: QueueStore,
    account: ObjectId,
    handed: Arc<Mutex<Vec<QueueBatch>>>,
    stop: watch::Sender<bool>,
    pump: tokio::task::JoinHandle<()>,
}

impl Bench {
    /// A queue `q` with a consumer of batches of two that are never waited for, and a queue `dead`.
    fn new(
        change: impl FnOnce(&mut ConsumerDraft),
        answer: impl Fn(&QueueBatch) -> Result<QueueDone, EventError> + Send + Sync + 'static,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let queues = QueueStore::open(&dir.path().join("queues"), QueueSettings::default()).unwrap();
        let account: ObjectId = "a".repeat(32).parse().unwrap();
        for name in ["q", "dead"] {
            queues.create(&account, name, QueueDraft::default(), now()).unwrap();
        }
        let mut draft = ConsumerDraft::of("worker".parse().unwrap());
        (draft.batch_size, draft.batch_timeout_ms) = (2, 0);
        change(&mut draft);
        queues.add_consumer(&account, "q", draft, now()).unwrap();
        let handed = Arc::default();
        let consumer = Consumer(Arc::clone(&handed), Arc::new(answer));
        let (stop, stopping) = watch::channel(false);
        let pump = Pump::new(consumer, queues.clone(), now, Duration::from_secs(60));
        let pump = tokio::spawn(pump.run(stopping));
        Self { _dir: dir, queues, account, handed, stop, pump }
    }

    fn send(&self, bodies: &[&str]) {
        let message =
            |body: &&str| NewMessage { kind: BodyKind::Text, body: body.as_bytes().to_vec(), delay: None };
        self.queues.send(&self.account, "q", bodies.iter().map(message).collect(), now()).unwrap();
    }

    /// Waits until something is so.
    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        while !is_so(self) {
            assert!(Instant::now() < until, "not so: {:?}", self.handed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn handed(&self) -> Vec<Vec<(String, u32)>> {
        let batches = self.handed.lock().unwrap();
        let body = |message: &crate::QueueMessage| {
            (String::from_utf8_lossy(&message.body).into_owned(), message.attempts)
        };
        batches.iter().map(|batch| batch.messages.iter().map(body).collect()).collect()
    }

    fn waiting(&self, queue: &str) -> u64 {
        self.queues.status(&self.account, queue, now()).unwrap().waiting()
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        self.pump.await.unwrap();
    }
}

#[tokio::test]
async fn messages_come_in_batches_and_are_gone_once_handled() {
    let bench = Bench::new(|_| {}, |_| Ok(QueueDone::default()));
    bench.send(&["a", "b", "c"]);
    bench.until(|bench| bench.waiting("q") == 0).await;
    let mut all: Vec<_> = bench.handed().into_iter().flatten().collect();
    all.sort();
    assert_eq!(all, [("a".to_owned(), 1), ("b".to_owned(), 1), ("c".to_owned(), 1)]);
    assert!(bench.handed().iter().all(|batch| batch.len() <= 2));
    bench.end().await;
}

#[tokio::test]
async fn a_full_batch_is_not_waited_for() {
    let bench = Bench::new(|draft| draft.batch_timeout_ms = 60_000, |_| Ok(QueueDone::default()));
    bench.send(&["a"]);
    tokio::task::yield_now().await;
    bench.send(&["b"]);
    bench.until(|bench| bench.waiting("q") == 0).await;
    assert_eq!(bench.handed().len(), 1);
    bench.end().await;
}

#[tokio::test]
async fn what_fails_too_often_goes_to_the_dead_letters() {
    let bench = Bench::new(
        |draft| {
            draft.max_retries = 2;
            draft.dead_letter_queue = Some("dead".to_owned());
        },
        |_| Err(EventError::Threw("Error: no".to_owned())),
    );
    bench.send(&["a"]);
    bench.until(|bench| bench.waiting("dead") == 1).await;
    let attempts: Vec<_> = bench.handed().iter().map(|batch| batch[0].1).collect();
    assert_eq!((attempts, bench.waiting("q")), (vec![1, 2, 3], 0));
    bench.end().await;
}

#[tokio::test]
async fn a_worker_that_is_not_there_is_waited_for_and_no_message_fails_for_it() {
    let is_there = Arc::new(Mutex::new(false));
    let asked = Arc::clone(&is_there);
    let bench = Bench::new(
        |draft| draft.max_retries = 0,
        move |_| {
            let mut is_there = asked.lock().unwrap();
            let answer = if *is_there {
                Ok(QueueDone::default())
            } else {
                Err(EventError::NotDeployed("worker".parse().unwrap()))
            };
            *is_there = true;
            answer
        },
    );
    bench.send(&["a"]);
    bench.until(|bench| bench.waiting("q") == 0).await;
    assert_eq!(bench.handed(), [[("a".to_owned(), 1)], [("a".to_owned(), 1)]]);
    bench.end().await;
}

#[tokio::test]
async fn a_consumer_that_is_added_later_gets_what_waits() {
    let bench = Bench::new(|_| {}, |_| Ok(QueueDone::default()));
    let message = NewMessage { kind: BodyKind::Text, body: b"x".to_vec(), delay: None };
    bench.queues.send(&bench.account, "dead", vec![message], now()).unwrap();
    let mut draft = ConsumerDraft::of("other".parse().unwrap());
    draft.batch_timeout_ms = 0;
    bench.queues.add_consumer(&bench.account, "dead", draft, now()).unwrap();
    bench.until(|bench| bench.waiting("dead") == 0).await;
    bench.end().await;
}
