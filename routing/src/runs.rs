//! What Workers did with messages, told to the log of what became of them.

use mailwright_actors::intake::Intake;
use mailwright_engine::id::QueueId;
use mailwright_storage::events::{Event, event::Ran};
use mailwright_workers::{LogLine, Observer, Run, RunKind};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// Runs that are remembered for whoever asks for one.
const REMEMBERED: usize = 64;

/// The runs of late, by the messages that they were for.
type Latest = Arc<Mutex<VecDeque<(QueueId, Ran)>>>;

/// Tells the log of messages what Workers did. Clones share everything.
#[derive(Clone)]
pub struct RunNotes {
    intake: Intake,
    /// Where somebody may ask for one.
    latest: Option<Latest>,
    more: Arc<Notify>,
}

impl RunNotes {
    /// Tells the log behind `intake`; `are_asked_for`: and, for a while, whoever asks [`of`](Self::of) one.
    pub fn new(intake: Intake, are_asked_for: bool) -> Self {
        Self { intake, latest: are_asked_for.then(Arc::default), more: Arc::default() }
    }

    /// What a Worker did with a message, which may be told a moment after the message was answered; `None` if nothing is
    /// told within `patience`.
    pub async fn of(&self, id: QueueId, patience: Duration) -> Option<Ran> {
        let found = async {
            loop {
                let more = self.more.notified();
                if let Some(ran) = self.latest(id) {
                    return ran;
                }
                more.await;
            }
        };
        tokio::time::timeout(patience, found).await.ok()
    }

    fn latest(&self, id: QueueId) -> Option<Ran> {
        let latest = self.latest.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().rev().find(|(of, _)| *of == id).map(|(_, ran)| ran.clone())
    }
}

impl Observer for RunNotes {
    fn ran(&self, run: &Run) {
        let RunKind::Email { id, to, .. } = &run.kind else { return };
        let (Ok(id), Some(account)) = (id.parse::<QueueId>(), run.account.tenant()) else { return };
        let (lines, exceptions, cut) = kept(&run.logs, &run.exceptions);
        let ran = Ran {
            account,
            to: to.clone(),
            script: run.script.to_string(),
            version: run.version.clone(),
            outcome: run.outcome.as_str().to_owned(),
            wall_ms: u32::try_from(run.wall.as_millis()).unwrap_or(u32::MAX),
            lines,
            exceptions,
            truncated: run.truncated || cut,
        };
        if let Some(latest) = &self.latest {
            let mut latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
            if latest.len() >= REMEMBERED {
                latest.pop_front();
            }
            latest.push_back((id, ran.clone()));
            drop(latest);
            self.more.notify_waiters();
        }
        self.intake.note(id, Event::Ran(Box::new(ran)));
    }
}

/// What is kept of a run's lines and exceptions, and whether that is not all.
fn kept(logs: &[LogLine], exceptions: &[String]) -> (Vec<String>, Vec<String>, bool) {
    let (mut room, mut cut) = (Ran::MAX_TEXT, false);
    let mut keep = |text: String| {
        if text.len() > room {
            cut = true;
            return None;
        }
        room -= text.len();
        Some(text)
    };
    // An exception says more than what was said before it.
    let exceptions: Vec<_> = exceptions.iter().map(|text| shortened(text)).map_while(&mut keep).collect();
    let lines = logs.iter().map(|line| shortened(&said(line))).map_while(&mut keep).collect();
    (lines, exceptions, cut)
}

/// A line as a person reads it.
fn said(line: &LogLine) -> String {
    let words = line.message.iter().map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    format!("{}: {}", line.level, words.collect::<Vec<_>>().join(" "))
}

/// The beginning of a text that would leave no room for others.
fn shortened(text: &str) -> String {
    const MAX: usize = Ran::MAX_TEXT / 4;
    let end = (0..=MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let kept = text.get(..end).unwrap_or_default();
    if end < text.len() { format!("{kept}...") } else { kept.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn line(level: &str, message: Vec<Value>) -> LogLine {
        LogLine { level: level.to_owned(), message, at: SystemTime::UNIX_EPOCH }
    }

    #[test]
    fn lines_are_told_as_they_are_read() {
        let said_all = vec!["got".into(), serde_json::json!({ "a": [1] }), 7.into()];
        let (lines, exceptions, cut) = kept(&[line("log", said_all)], &["TypeError: x".to_owned()]);
        assert_eq!(
            (lines, exceptions, cut),
            (vec!["log: got {\"a\":[1]} 7".to_owned()], vec!["TypeError: x".to_owned()], false)
        );
    }

    #[test]
    fn a_worker_that_says_too_much_is_cut_short_and_its_exception_is_not() {
        let logs: Vec<_> = (0..100).map(|_| line("log", vec!["\u{e4}".repeat(5_000).into()])).collect();
        let (lines, exceptions, cut) = kept(&logs, &["Error: at last".to_owned()]);
        assert!(cut && exceptions == ["Error: at last"]);
        let all: usize = lines.iter().map(String::len).sum();
        assert!(all <= Ran::MAX_TEXT && lines.len() == 3, "{all} octets in {} lines", lines.len());
    }
}
