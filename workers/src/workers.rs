//! All Workers of a server.

use crate::{
    EmailDone, EventDesk, EventError, FetchBody, Mailer, Observer, QueueBatch, QueueDone, Run, RunKind,
    RunOutcome, RuntimeFound, RuntimeMissing, WorkersSettings,
    dispatch::{self, Outgoing},
    events::token,
    find::find,
    host::Services,
    metrics::REFUSED,
    process::{NoPlace, Visit},
    slot::Slot,
    tail::{Running, Runs},
};
use hyper::{Request, Response, header::HeaderValue};
use mailwright_engine::{
    time::UnixMillis,
    worker::{EmailEvent, ScriptName},
};
use mailwright_storage::{
    control::ObjectId,
    workers::{KvStore, PointStore, QueueStore, ScriptStore},
};
use metrics::counter;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    runtime::Handle,
    sync::broadcast,
    time::{Instant, timeout_at},
};

mod start;

/// How often a runtime that was missing is looked for again, at most.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often an event goes to the next process because the one that it waited for has ended.
const TRIES: usize = 3;

/// What [`Workers`] are made of.
pub struct WorkersParts {
    /// What there is to run.
    pub scripts: ScriptStore,
    /// Their keys and values.
    pub kv: KvStore,
    /// Their queues.
    pub queues: QueueStore,
    /// Their data points.
    pub points: PointStore,
    /// Who sends their mail.
    pub mailer: Arc<dyn Mailer>,
    /// Who is told of what they did.
    pub observer: Arc<dyn Observer>,
    /// What the operator decides.
    pub settings: WorkersSettings,
}

/// The Workers of all accounts. Clones are the same.
///
/// A Worker's process is started when its first event comes, kept while there are more, and ended when there were none for
/// a while. Calls may come from any thread and runtime.
#[derive(Clone)]
pub struct Workers(Arc<Shared>);

struct Shared {
    scripts: ScriptStore,
    services: Services,
    settings: WorkersSettings,
    runs: Runs,
    runtime: Handle,
    slots: Mutex<HashMap<(ObjectId, ScriptName), Arc<Slot>>>,
    found: Mutex<Option<(Instant, Result<RuntimeFound, RuntimeMissing>)>>,
    is_stopped: AtomicBool,
}

impl Workers {
    /// To be called within a tokio runtime whose thread lives as long as the server: processes are started, fed and
    /// watched on it, and end with that thread. Nothing is started yet. What a server that was killed has left in the
    /// run folder is removed.
    pub fn new(parts: WorkersParts) -> Self {
        let runtime = Handle::current();
        let runs = Runs::new(parts.observer, &runtime);
        let services = Services::new(parts.kv, parts.queues, parts.points, parts.mailer, now);
        start::sweep(&parts.settings);
        Self(Arc::new(Shared {
            scripts: parts.scripts,
            services,
            settings: parts.settings,
            runs,
            runtime,
            slots: Mutex::default(),
            found: Mutex::default(),
            is_stopped: AtomicBool::new(false),
        }))
    }

    /// Hands a message to a Worker's `email()`. Returns once that and all that it began has ended: what it asked for is
    /// then to be done by the caller, all of it or nothing. If the future is dropped, the event is cancelled.
    ///
    /// # Errors
    /// Why the message was not handled. Nothing has happened then.
    pub async fn email(
        &self,
        account: &ObjectId,
        script: &ScriptName,
        event: EmailEvent,
        desk: Arc<dyn EventDesk>,
    ) -> Result<EmailDone, EventError> {
        let due = self.due();
        let visit = self.enter(account, script, event.raw.len(), due).await?;
        let ticket = visit.process().events.enter(desk.clone()).ok_or(EventError::Busy)?;
        let kind = RunKind::Email {
            id: event.id.clone(),
            from: event.from.clone(),
            to: event.to.clone(),
            size: event.raw.len() as u64,
        };
        let running = self.begin(&visit, ticket.token(), kind);
        let known = desk.destinations();
        let said = dispatch::email(&visit.process().event_pool, &event, ticket.token(), &known);
        let done = visit.process().attend(said, due).await;
        drop(ticket);
        let done = done.and_then(|said| dispatch::judge(&said, desk.as_ref(), &known));
        over(visit, running, done, RunOutcome::Ok)
    }

    /// Hands a batch of a queue to a Worker's `queue()`.
    ///
    /// # Errors
    /// Why it was not handled, or not to its end. Its messages are to be tried again.
    pub async fn queue(
        &self,
        account: &ObjectId,
        script: &ScriptName,
        batch: QueueBatch,
    ) -> Result<QueueDone, EventError> {
        let due = self.due();
        let octets = batch.messages.iter().map(|message| message.body.len()).sum();
        let visit = self.enter(account, script, octets, due).await?;
        let name = token().ok_or(EventError::Busy)?;
        let kind = RunKind::Queue { queue: batch.queue.clone(), messages: batch.messages.len() };
        let running = self.begin(&visit, &name, kind);
        let said = dispatch::queue(&visit.process().queue_pool, &batch);
        let done = visit.process().attend(said, due).await.and_then(|done| done);
        let outcome =
            if done.as_ref().is_ok_and(|done| done.threw) { RunOutcome::Exception } else { RunOutcome::Ok };
        over(visit, running, done, outcome)
    }

    /// Hands an HTTP request to a Worker's `fetch()`. The head of the response has the time of an event; its body has as
    /// long as somebody reads it. An exception is a response with status 500, which is workerd's own.
    ///
    /// # Errors
    /// Why there is no response.
    pub async fn fetch(
        &self,
        account: &ObjectId,
        script: &ScriptName,
        request: Request<FetchBody>,
    ) -> Result<Response<FetchBody>, EventError> {
        let due = self.due();
        let visit = self.enter(account, script, 0, due).await?;
        let name = token().ok_or(EventError::Busy)?;
        let ray = HeaderValue::from_str(&name).map_err(|_| EventError::Busy)?;
        let kind = RunKind::Fetch {
            method: request.method().to_string(),
            url: request.uri().to_string(),
            status: None,
        };
        let mut running = self.begin(&visit, &name, kind);
        let answer = dispatch::fetch(&visit.process().fetch_pool, request, ray);
        let (response, lent) = match visit.process().attend(answer, due).await {
            Ok(answer) => answer,
            Err(error) => return over(visit, running, Err(error), RunOutcome::Ok),
        };
        if let Some(Run { kind: RunKind::Fetch { status, .. }, .. }) = running.run() {
            *status = Some(response.status().as_u16());
        }
        let end = move || {
            visit.worked();
            running.end(RunOutcome::Ok, visit.leave(), None);
        };
        Ok(response.map(|body| FetchBody::new(Outgoing::new(body, lent, end))))
    }

    /// Whether there is a Worker of this name with a version that runs. Reads from memory only.
    pub fn is_deployed(&self, account: &ObjectId, script: &ScriptName) -> bool {
        self.0.scripts.script(account, script).is_some_and(|script| script.deployed.is_some())
    }

    /// What a Worker does from now on: each event once it is over.
    pub fn tail(&self, account: &ObjectId, script: &ScriptName) -> broadcast::Receiver<Arc<Run>> {
        self.0.runs.listen(account, script)
    }

    /// Which workerd runs Workers. Blocks for the start of a process when it is asked for the first time, and again every
    /// five seconds while there is none.
    ///
    /// # Errors
    /// Where it was looked for.
    pub fn runtime(&self) -> Result<RuntimeFound, RuntimeMissing> {
        let mut found = self.0.found.lock().unwrap_or_else(PoisonError::into_inner);
        match found.as_ref() {
            Some((_, Ok(runtime))) if runtime.path.exists() => return Ok(runtime.clone()),
            Some((at, Err(missing))) if at.elapsed() < LOOK_AGAIN => return Err(missing.clone()),
            _ => {}
        }
        let looked = find(&self.0.settings);
        *found = Some((Instant::now(), looked.clone()));
        looked
    }

    /// Until when an event may take, and how long that is.
    fn due(&self) -> (Instant, Duration) {
        (Instant::now() + self.0.settings.wall, self.0.settings.wall)
    }

    /// A place in the Worker's process, which is started if there is none.
    async fn enter(
        &self,
        account: &ObjectId,
        script: &ScriptName,
        octets: usize,
        (deadline, wall): (Instant, Duration),
    ) -> Result<Visit, EventError> {
        let entering = async {
            for _ in 0..TRIES {
                match self.process(account, script).await?.enter(octets).await {
                    Ok(visit) => return Ok(visit),
                    Err(NoPlace::Busy) => return Err(EventError::Busy),
                    Err(NoPlace::Closed) => {}
                }
            }
            Err(EventError::Crashed("it ended again and again".to_owned()))
        };
        let entered = timeout_at(deadline, entering).await.unwrap_or(Err(EventError::TimedOut(wall)));
        if let Err(error) = &entered {
            counter!(REFUSED, "reason" => refusal(error)).increment(1);
        }
        entered
    }

    fn begin(&self, visit: &Visit, name: &str, kind: RunKind) -> Running {
        let crate::process::Occupant { account, script, version } = visit.process().occupant.clone();
        let run = Run {
            account,
            script,
            version,
            kind,
            began: SystemTime::now(),
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
            outcome: RunOutcome::Ok,
            logs: Vec::new(),
            exceptions: Vec::new(),
            truncated: false,
        };
        self.0.runs.begin(name, run)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<(ObjectId, ScriptName), Arc<Slot>>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// An event is over: its place is free, and it is told of. One that came to its end did so with this outcome.
fn over<T>(
    visit: Visit,
    running: Running,
    done: Result<T, EventError>,
    ended: RunOutcome,
) -> Result<T, EventError> {
    let (outcome, exception) = match &done {
        Ok(_) => (ended, None),
        Err(EventError::Threw(what)) => (RunOutcome::Exception, Some(what.clone())),
        Err(error @ EventError::NoHandler(_)) => (RunOutcome::Exception, Some(error.to_string())),
        Err(error @ EventError::CpuExceeded(_)) => (RunOutcome::ExceededCpu, Some(error.to_string())),
        Err(error @ EventError::MemoryExceeded(_)) => (RunOutcome::ExceededMemory, Some(error.to_string())),
        Err(error) => (RunOutcome::Canceled, Some(error.to_string())),
    };
    if matches!(outcome, RunOutcome::Ok | RunOutcome::Exception) {
        visit.worked();
    }
    running.end(outcome, visit.leave(), exception);
    done
}

/// The label `reason` of an event that came to no Worker.
fn refusal(error: &EventError) -> &'static str {
    match error {
        EventError::NotDeployed(_) => "not_deployed",
        EventError::NoRuntime(_) => "no_runtime",
        EventError::NoHandler(_) => "no_handler",
        EventError::Busy | EventError::TimedOut(_) => "busy",
        _ => "not_started",
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
