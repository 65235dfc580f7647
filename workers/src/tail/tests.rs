use super::*;
use crate::RunKind;
use serde_json::{Value, json};
use std::time::SystemTime;

#[derive(Default)]
struct Told(Mutex<Vec<Run>>);

impl Observer for Told {
    fn ran(&self, run: &Run) {
        self.0.lock().unwrap().push(run.clone());
    }
}

impl Told {
    fn take(&self) -> Vec<Run> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn occupant(script: &str) -> Occupant {
    Occupant {
        account: "0".repeat(32).parse().unwrap(),
        script: script.parse().unwrap(),
        version: "v".to_owned(),
    }
}

fn run(kind: RunKind) -> Run {
    let Occupant { account, script, version } = occupant("a");
    Run {
        account,
        script,
        version,
        kind,
        began: SystemTime::UNIX_EPOCH,
        wall: Duration::ZERO,
        cpu: Duration::ZERO,
        outcome: RunOutcome::Ok,
        logs: Vec::new(),
        exceptions: Vec::new(),
        truncated: false,
    }
}

fn message() -> Run {
    run(RunKind::Email { id: "m".to_owned(), from: String::new(), to: "a@b".to_owned(), size: 1 })
}

fn batch() -> Run {
    run(RunKind::Queue { queue: "q".to_owned(), messages: 2 })
}

fn post(runs: &Value) -> Vec<u8> {
    json!({"lost": 0, "runs": runs}).to_string().into_bytes()
}

fn hello(name: &str) -> Value {
    json!([{"run": name, "outcome": "ok", "logs": [["log", 1000.0, ["hello", {"a": 1}]]]}])
}

#[tokio::test(start_paused = true)]
async fn lines_that_come_after_the_end_or_before_it_are_told_with_it() {
    let told = Arc::new(Told::default());
    let runs = Runs::new(told.clone(), &Handle::current());
    let sink = runs.of(&occupant("a"));
    let late = runs.begin("late", message());
    late.end(RunOutcome::Ok, Duration::from_millis(3), None);
    assert!(told.take().is_empty());
    sink.traces(&post(&hello("late")));
    let [run] = told.take().try_into().unwrap();
    assert_eq!((run.cpu, run.logs[0].message.len()), (Duration::from_millis(3), 2));
    let early = runs.begin("early", message());
    sink.traces(&post(&hello("early")));
    assert!(told.take().is_empty());
    early.end(RunOutcome::Exception, Duration::ZERO, Some("Error: x".to_owned()));
    let [run] = told.take().try_into().unwrap();
    assert_eq!(
        (run.outcome, run.exceptions.as_slice()),
        (RunOutcome::Exception, ["Error: x".to_owned()].as_slice())
    );
    assert_eq!(run.logs[0].level, "log");
}

#[tokio::test(start_paused = true)]
async fn an_event_with_nothing_to_say_is_told_after_a_second() {
    let told = Arc::new(Told::default());
    let runs = Runs::new(told.clone(), &Handle::current());
    runs.begin("quiet", message()).end(RunOutcome::Ok, Duration::ZERO, None);
    drop(runs.begin("dropped", message()));
    tokio::time::sleep(PATIENCE - Duration::from_millis(10)).await;
    assert!(told.take().is_empty());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let outcomes: Vec<_> = told.take().iter().map(|run| run.outcome).collect();
    assert_eq!(outcomes, [RunOutcome::Ok, RunOutcome::Canceled]);
    assert!(runs.state().pending.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_speaks_for_another_worker() {
    let told = Arc::new(Told::default());
    let runs = Runs::new(told.clone(), &Handle::current());
    let running = runs.begin("mine", message());
    runs.of(&occupant("b")).traces(&post(&hello("mine")));
    running.end(RunOutcome::Ok, Duration::ZERO, None);
    tokio::time::sleep(PATIENCE * 2).await;
    assert!(told.take()[0].logs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_known_by_its_queue_and_size_and_its_exception_counts() {
    let told = Arc::new(Told::default());
    let runs = Runs::new(told.clone(), &Handle::current());
    let sink = runs.of(&occupant("a"));
    let first = runs.begin("1", batch());
    let second = runs.begin("2", batch());
    first.end(RunOutcome::Ok, Duration::ZERO, None);
    second.end(RunOutcome::Ok, Duration::ZERO, None);
    let threw = json!([{"queue": "q", "size": 2, "outcome": "exception", "exceptions": [["Error", "x"]]}]);
    sink.traces(&post(&threw));
    let [run] = told.take().try_into().unwrap();
    assert_eq!((run.outcome, run.exceptions), (RunOutcome::Exception, vec!["Error: x".to_owned()]));
    sink.traces(&post(&json!([{"queue": "q", "size": 3}])));
    assert!(told.take().is_empty());
    sink.traces(&post(&json!([{"queue": "q", "size": 2}])));
    assert_eq!(told.take().len(), 1);
    assert!(runs.state().batches.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_listens_hears_and_too_much_is_cut() {
    let told = Arc::new(Told::default());
    let runs = Runs::new(told, &Handle::current());
    let Occupant { account, script, .. } = occupant("a");
    let mut heard = runs.listen(&account, &script);
    runs.begin("long", message()).end(RunOutcome::Ok, Duration::ZERO, None);
    let line = json!(["loud", 1.0, "x".repeat(100_000)]);
    let sink = runs.of(&occupant("a"));
    sink.traces(b"nonsense");
    sink.traces(&post(&json!([{"run": "long", "logs": vec![line; 5]}])));
    let run = heard.recv().await.unwrap();
    assert_eq!((run.logs.len(), run.truncated, run.logs[0].level.as_str()), (2, true, "log"));
}
