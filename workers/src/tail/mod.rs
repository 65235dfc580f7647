//! What is told of events: each is one [`Run`], made of what we saw from outside and of what the process's tail worker says
//! of it, told once both are there or the latter has not come for a second.

mod trace;

use crate::{Observer, Run, RunOutcome, metrics, metrics::LOGS_LOST, process::Occupant, wire::TraceSink};
use ::metrics::counter;
use mailwright_engine::worker::ScriptName;
use mailwright_storage::control::ObjectId;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{Notify, broadcast},
    time::{Instant, sleep_until},
};
use trace::{Post, Trace};

/// How long what the tail worker says of an event is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most events that are waited for; of others only what was seen from outside is told.
const WAITING: usize = 16_384;
/// Events that somebody who listens may be behind.
const BEHIND: usize = 256;

/// Whose Worker.
type Key = (ObjectId, ScriptName);

/// The events of all Workers. Clones are the same.
#[derive(Clone)]
pub(crate) struct Runs(Arc<Shared>);

struct Shared {
    observer: Arc<dyn Observer>,
    state: Mutex<State>,
    listeners: Mutex<HashMap<Key, broadcast::Sender<Arc<Run>>>>,
    /// Told when there is something to wait for, and when there is nobody left.
    stir: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// By what names an event within its process.
    pending: HashMap<String, Pending>,
    /// Names of events that have ended, and until when they are waited for.
    ended: VecDeque<(Instant, String)>,
    /// Names of batches: the tail worker does not say which of them it means.
    batches: VecDeque<String>,
}

/// An event that is not told of yet.
struct Pending {
    key: Key,
    /// The queue and the number of messages, of a batch.
    batch: Option<(String, usize)>,
    run: Option<Run>,
    trace: Option<Trace>,
}

/// An event under way. To be ended by [`end`](Self::end); dropped, it was cancelled.
pub(crate) struct Running {
    runs: Runs,
    name: String,
    run: Option<Run>,
    began: Instant,
}

impl Runs {
    /// Told to `observer`. Its time goes by on `runtime`.
    pub(crate) fn new(observer: Arc<dyn Observer>, runtime: &Handle) -> Self {
        let shared =
            Shared { observer, state: Mutex::default(), listeners: Mutex::default(), stir: Arc::default() };
        let runs = Self(Arc::new(shared));
        runtime.spawn(sweep(Arc::downgrade(&runs.0)));
        runs
    }

    /// An event begins; `name` is its name in its process.
    pub(crate) fn begin(&self, name: &str, run: Run) -> Running {
        let batch = match &run.kind {
            crate::RunKind::Queue { queue, messages } => Some((queue.clone(), *messages)),
            _ => None,
        };
        let key = (run.account.clone(), run.script.clone());
        let mut state = self.state();
        if state.pending.len() < WAITING {
            if batch.is_some() {
                state.batches.push_back(name.to_owned());
            }
            state.pending.insert(name.to_owned(), Pending { key, batch, run: None, trace: None });
        }
        Running { runs: self.clone(), name: name.to_owned(), run: Some(run), began: Instant::now() }
    }

    /// What Workers of this name do from now on.
    pub(crate) fn listen(&self, account: &ObjectId, script: &ScriptName) -> broadcast::Receiver<Arc<Run>> {
        let mut listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|_, sender| sender.receiver_count() > 0);
        let key = (account.clone(), script.clone());
        listeners.entry(key).or_insert_with(|| broadcast::Sender::new(BEHIND)).subscribe()
    }

    /// Who takes what the tail worker of a process says.
    pub(crate) fn of(&self, occupant: &Occupant) -> Arc<dyn TraceSink> {
        Arc::new(Sink { runs: self.clone(), key: (occupant.account.clone(), occupant.script.clone()) })
    }

    fn ended(&self, name: String, run: Run) {
        let told = {
            let mut state = self.state();
            match state.pending.get_mut(&name) {
                Some(Pending { run: place @ None, trace: None, .. }) => {
                    *place = Some(run);
                    state.ended.push_back((Instant::now() + PATIENCE, name));
                    None
                }
                Some(Pending { trace, .. }) => {
                    let trace = trace.take();
                    state.forget(&name);
                    Some((run, trace))
                }
                None => Some((run, None)),
            }
        };
        match told {
            Some((run, trace)) => self.tell(run, trace),
            None => self.0.stir.notify_one(),
        }
    }

    fn traced(&self, key: &Key, trace: Trace) {
        let told = {
            let mut state = self.state();
            let Some(name) = state.named(key, &trace) else { return };
            match state.pending.get_mut(&name) {
                Some(pending @ Pending { run: None, .. }) => {
                    pending.trace = Some(trace);
                    None
                }
                Some(Pending { run, .. }) => {
                    let run = run.take();
                    state.forget(&name);
                    run.map(|run| (run, trace))
                }
                None => None,
            }
        };
        if let Some((run, trace)) = told {
            self.tell(run, Some(trace));
        }
    }

    fn tell(&self, mut run: Run, trace: Option<Trace>) {
        if let Some(trace) = trace {
            trace.complete(&mut run);
        }
        metrics::ran(&run);
        self.0.observer.ran(&run);
        let key = (run.account.clone(), run.script.clone());
        let listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = listeners.get(&key) {
            // Without receivers there is nobody to tell.
            let _ = sender.send(Arc::new(run));
        }
    }

    /// Tells of events that were waited for long enough. Returns when to come again.
    fn overdue(&self, now: Instant) -> Option<Instant> {
        loop {
            let run = {
                let mut state = self.state();
                let due = state.ended.front()?.0;
                if due > now {
                    return Some(due);
                }
                state.ended.pop_front().and_then(|(_, name)| {
                    let run = state.pending.get_mut(&name).and_then(|pending| pending.run.take());
                    if run.is_some() {
                        state.forget(&name);
                    }
                    run
                })
            };
            if let Some(run) = run {
                self.tell(run, None);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The event that a trace is of. It must be one of the Worker whose process says it. Of several batches that are
    /// alike it is the first.
    fn named(&self, key: &Key, trace: &Trace) -> Option<String> {
        let is_theirs = |name: &&String| {
            self.pending.get(*name).is_some_and(|pending| pending.key == *key && pending.trace.is_none())
        };
        match &trace.batch {
            None => trace.name.as_ref().filter(is_theirs).cloned(),
            Some(batch) => self
                .batches
                .iter()
                .filter(is_theirs)
                .find(|name| {
                    self.pending.get(*name).is_some_and(|pending| pending.batch.as_ref() == Some(batch))
                })
                .cloned(),
        }
    }

    fn forget(&mut self, name: &str) {
        if self.pending.remove(name).is_some_and(|pending| pending.batch.is_some()) {
            self.batches.retain(|batch| batch != name);
        }
    }
}

impl Running {
    /// What will be told of it.
    pub(crate) fn run(&mut self) -> Option<&mut Run> {
        self.run.as_mut()
    }

    /// It is over.
    pub(crate) fn end(mut self, outcome: RunOutcome, cpu: Duration, exception: Option<String>) {
        self.over(outcome, cpu, exception);
    }

    fn over(&mut self, outcome: RunOutcome, cpu: Duration, exception: Option<String>) {
        let Some(mut run) = self.run.take() else { return };
        run.outcome = outcome;
        run.cpu = cpu;
        run.wall = self.began.elapsed();
        run.exceptions.extend(exception);
        self.runs.ended(std::mem::take(&mut self.name), run);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.over(RunOutcome::Canceled, Duration::ZERO, None);
    }
}

struct Sink {
    runs: Runs,
    key: Key,
}

impl TraceSink for Sink {
    fn traces(&self, body: &[u8]) {
        let Ok(post) = serde_json::from_slice::<Post>(body) else {
            tracing::debug!(account = %self.key.0, script = %self.key.1, "a tail worker's post that cannot be read");
            return;
        };
        counter!(LOGS_LOST).increment(post.lost);
        for trace in post.traces() {
            self.runs.traced(&self.key, trace);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stir.notify_one();
    }
}

/// Tells of events of which nothing more comes, for as long as anybody has the [`Runs`].
async fn sweep(shared: std::sync::Weak<Shared>) {
    while let Some(shared) = shared.upgrade() {
        let stir = shared.stir.clone();
        match Runs(shared).overdue(Instant::now()) {
            Some(due) => sleep_until(due).await,
            None => stir.notified().await,
        }
    }
}

#[cfg(test)]
mod tests;
