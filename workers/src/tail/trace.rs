//! What a tail worker says.

use crate::{LogLine, Run, RunKind, RunOutcome};
use serde::Deserialize;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Most octets of an event's lines.
const LOGS: usize = 256 * 1024;
/// Most lines of an event.
const LINES: usize = 4_096;
/// Most exceptions of an event.
const EXCEPTIONS: usize = 16;
/// Most characters of an exception.
const EXCEPTION: usize = 8_192;

/// One post.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Post {
    /// Events whose lines were thrown away.
    pub(super) lost: u64,
    runs: Vec<Said>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    run: Option<String>,
    queue: Option<String>,
    size: Option<usize>,
    status: Option<u16>,
    outcome: String,
    logs: Vec<(String, f64, Value)>,
    exceptions: Vec<(String, String)>,
    truncated: bool,
}

/// What was said of one event.
#[derive(Debug)]
pub(super) struct Trace {
    /// The name of the event, of all but batches.
    pub(super) name: Option<String>,
    /// The queue and the number of messages, of a batch.
    pub(super) batch: Option<(String, usize)>,
    status: Option<u16>,
    outcome: RunOutcome,
    logs: Vec<LogLine>,
    exceptions: Vec<String>,
    truncated: bool,
}

impl Post {
    /// What it says of each event.
    pub(super) fn traces(self) -> impl Iterator<Item = Trace> {
        self.runs.into_iter().map(Trace::from)
    }
}

impl From<Said> for Trace {
    fn from(said: Said) -> Self {
        let (logs, truncated) = lines(said.logs);
        let exception = |(name, message): (String, String)| {
            let text = if name.is_empty() { message } else { format!("{name}: {message}") };
            text.chars().take(EXCEPTION).collect()
        };
        Self {
            name: said.run,
            batch: said.queue.zip(said.size),
            status: said.status,
            outcome: outcome(&said.outcome),
            logs,
            exceptions: said.exceptions.into_iter().take(EXCEPTIONS).map(exception).collect(),
            truncated: said.truncated || truncated,
        }
    }
}

/// The lines, as many as there may be, and whether there were more.
fn lines(said: Vec<(String, f64, Value)>) -> (Vec<LogLine>, bool) {
    let mut left = LOGS;
    let mut logs = Vec::with_capacity(said.len().min(LINES));
    for (level, at, message) in said {
        let octets = message.to_string().len();
        if octets > left || logs.len() == LINES {
            return (logs, true);
        }
        left -= octets;
        let message = match message {
            Value::Array(values) => values,
            value => vec![value],
        };
        logs.push(LogLine { level: word(level), message, at: time(at) });
    }
    (logs, false)
}

fn word(level: String) -> String {
    if ["log", "debug", "info", "warn", "error"].contains(&level.as_str()) { level } else { "log".to_owned() }
}

fn time(ms: f64) -> SystemTime {
    let since = Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default();
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

/// The outcomes of workerd's own words; what we have no word for is an exception.
fn outcome(word: &str) -> RunOutcome {
    match word {
        "ok" | "" => RunOutcome::Ok,
        "exceededCpu" => RunOutcome::ExceededCpu,
        "exceededMemory" => RunOutcome::ExceededMemory,
        "canceled" | "responseStreamDisconnected" => RunOutcome::Canceled,
        _ => RunOutcome::Exception,
    }
}

impl Trace {
    /// Adds what it says to what was seen from outside.
    pub(super) fn complete(self, run: &mut Run) {
        run.logs = self.logs;
        run.truncated |= self.truncated;
        for exception in self.exceptions {
            if !run.exceptions.contains(&exception) {
                run.exceptions.push(exception);
            }
        }
        match &mut run.kind {
            // What becomes of a message is decided by what our entry module answered.
            RunKind::Email { .. } => {}
            RunKind::Fetch { status, .. } => {
                *status = status.or(self.status);
                run.outcome = worse(run.outcome, self.outcome);
            }
            RunKind::Queue { .. } => run.outcome = worse(run.outcome, self.outcome),
        }
    }
}

fn worse(seen: RunOutcome, said: RunOutcome) -> RunOutcome {
    if seen == RunOutcome::Ok { said } else { seen }
}
