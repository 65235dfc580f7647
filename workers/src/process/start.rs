//! Starting a process.

use super::{
    Gate, Occupant, Process,
    folder::RunFolder,
    keep::{Keeper, keep},
    output::LastWords,
};
use crate::{
    EventError, Events,
    config::{self, Bounds, Program},
    dispatch::Pool,
    launch,
    metrics::{PROCESSES, START_SECONDS},
    watch::{Meter, Most, Usage},
};
use metrics::{gauge, histogram};
use serde_json::Value;
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::UnixListener,
    process::{Child, ChildStdout, Command},
    runtime::Handle,
    sync::{Notify, watch},
    task::{AbortHandle, spawn_blocking},
    time::{Instant, timeout},
};

/// How long a process may take until it serves: code that loads for ever never does.
const START: Duration = Duration::from_secs(10);
/// How long what it wrote is waited for once it has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Octets of a line of its control stream.
const LINE: u64 = 4_096;

/// What a process is started with.
#[derive(Debug)]
pub(crate) struct Starting {
    /// What it is to run.
    pub(crate) occupant: Occupant,
    /// That, as workerd is told of it.
    pub(crate) program: Program,
    /// What it may do.
    pub(crate) bounds: Bounds,
    /// What it may take.
    pub(crate) most: Most,
    /// Events at a time.
    pub(crate) at_a_time: usize,
    /// How long it is kept without events.
    pub(crate) idle: Duration,
    /// How long it is kept when a newer version has taken over but events do not end.
    pub(crate) drain: Duration,
    /// The workerd.
    pub(crate) runtime: PathBuf,
    /// Our own binary.
    pub(crate) launcher: PathBuf,
    /// The folder of run folders.
    pub(crate) run: PathBuf,
}

/// Starts a process and waits until it serves. `host` serves its socket until it is aborted.
///
/// # Errors
/// [`EventError::NotStarted`], with what workerd said.
pub(crate) async fn start(
    starting: Starting,
    host: impl FnOnce(UnixListener, &Events) -> AbortHandle,
) -> Result<Arc<Process>, EventError> {
    let began = Instant::now();
    let Starting { program, bounds, run, .. } = starting;
    let made = spawn_blocking(move || {
        let files = config::files(program, &bounds);
        let folder = RunFolder::make(&run, &files)?;
        Ok::<_, io::Error>((folder, files.into_iter().map(|(name, _)| name).collect::<Vec<_>>()))
    });
    let (folder, names) = made.await.map_err(not_started)?.map_err(not_started)?;
    let events = Events::default();
    let listener = UnixListener::bind(folder.socket(config::HOST_SOCKET).path()).map_err(not_started)?;
    let host = Host(host(listener, &events));
    let mut child = spawn(&starting.runtime, &starting.launcher, &folder).map_err(not_started)?;
    let words = serving(&mut child).await?;
    folder.forget(names);
    let meter = child
        .id()
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        .and_then(Usage::of)
        .and_then(|usage| Meter::new(usage, starting.most))
        .map_err(not_started)?;
    let pool = |socket| Pool::new(folder.socket(socket), Handle::current());
    let process = Arc::new(Process {
        occupant: starting.occupant,
        events,
        event_pool: pool(config::EVENT_SOCKET),
        fetch_pool: pool(config::FETCH_SOCKET),
        queue_pool: pool(config::QUEUE_SOCKET),
        gate: Gate::new(starting.at_a_time, starting.most.memory / 2),
        meter,
        replaced: AtomicBool::new(false),
        has_worked: AtomicBool::new(false),
        stir: Notify::new(),
        ending: watch::Sender::new(None),
        is_gone: watch::Sender::new(false),
    });
    histogram!(START_SECONDS).record(began.elapsed());
    gauge!(PROCESSES).increment(1.0);
    let Starting { most, idle, drain, .. } = starting;
    tokio::spawn(keep(process.clone(), Keeper { child, words, folder, _host: host, most, idle, drain }));
    Ok(process)
}

/// Serves the socket of a process until this is dropped.
#[derive(Debug)]
pub(super) struct Host(AbortHandle);

impl Drop for Host {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn not_started(error: impl std::fmt::Display) -> EventError {
    EventError::NotStarted(error.to_string())
}

/// The parent-death signal goes by the thread that starts a process: it is the one of this runtime, which lives as long as
/// the server.
fn spawn(runtime: &Path, launcher: &Path, folder: &RunFolder) -> io::Result<Child> {
    Command::new(launcher)
        .arg(launch::COMMAND)
        .arg(runtime)
        .arg(std::process::id().to_string())
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

/// Waits until a process listens on all its sockets. What it writes from then on is read for as long as it lives.
async fn serving(child: &mut Child) -> Result<LastWords, EventError> {
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(not_started("it has no output"));
    };
    let words = LastWords::default();
    let hearing = tokio::spawn(words.clone().hear(stderr));
    let mut control = BufReader::new(stdout);
    match timeout(START, listening(&mut control)).await {
        Ok(true) => {
            tokio::spawn(LastWords::default().hear(control));
            Ok(words)
        }
        Ok(false) => {
            let _ = timeout(LAST_WORDS, hearing).await;
            Err(EventError::NotStarted(words.told()))
        }
        Err(_) => Err(EventError::NotStarted(format!("it did not serve within {START:?}"))),
    }
}

/// Whether it says of each socket that it listens on it, before its output ends.
async fn listening(control: &mut BufReader<ChildStdout>) -> bool {
    let mut sockets = 0;
    let mut line = String::new();
    while sockets < config::SOCKETS {
        line.clear();
        match control.take(LINE).read_line(&mut line).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return false,
        }
        let event = serde_json::from_str::<Value>(&line).unwrap_or_default();
        sockets += usize::from(event.get("event").and_then(Value::as_str) == Some("listen"));
    }
    true
}
