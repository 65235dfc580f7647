//! Live protocol traces: what is said on connections that carry a domain's mail, for whoever watches.

use mailwright_engine::address::Domain;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Lines that wait for a watcher; one who reads too slowly misses some, and is told so.
const LINES: usize = 1_000;
/// Most characters of a line.
const LINE_MAX: usize = 1_000;

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// We did.
    Us,
    /// The receiver did.
    Peer,
    /// Nobody: a note on what happens.
    Note,
}

/// One line of a dialogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceLine {
    /// The connection, as `host [address]`.
    pub connection: String,
    /// Who said it.
    pub speaker: Speaker,
    /// What, without line end; content is left out.
    pub text: String,
}

impl std::fmt::Display for TraceLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let arrow = match self.speaker {
            Speaker::Us => "C:",
            Speaker::Peer => "S:",
            Speaker::Note => "--",
        };
        write!(f, "{} {arrow} {}", self.connection, self.text)
    }
}

/// The watchers, by domain.
#[derive(Debug, Clone, Default)]
pub struct TraceHub(Arc<Mutex<HashMap<Domain, Vec<Sender<TraceLine>>>>>);

impl TraceHub {
    fn watchers(&self) -> MutexGuard<'_, HashMap<Domain, Vec<Sender<TraceLine>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the dialogues about mail for `domain` until the receiver is dropped.
    pub fn watch(&self, domain: Domain) -> Receiver<TraceLine> {
        let (sender, receiver) = channel(LINES);
        self.watchers().entry(domain).or_default().push(sender);
        receiver
    }

    /// A tracer for a connection that serves `domains`, if anybody watches one of them.
    pub fn tracer<'a>(
        &self,
        domains: impl IntoIterator<Item = &'a Domain>,
        connection: &str,
    ) -> Option<Tracer> {
        let mut watchers = self.watchers();
        if watchers.is_empty() {
            return None;
        }
        watchers.retain(|_, senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        });
        let senders: Vec<_> =
            domains.into_iter().filter_map(|domain| watchers.get(domain)).flatten().cloned().collect();
        (!senders.is_empty()).then(|| Tracer { senders, connection: connection.to_owned() })
    }
}

/// Tells watchers what is said on one connection.
#[derive(Debug, Clone)]
pub struct Tracer {
    senders: Vec<Sender<TraceLine>>,
    connection: String,
}

impl Tracer {
    /// Tells what was said: each line of `bytes`, printable.
    pub fn say(&self, speaker: Speaker, bytes: &[u8]) {
        for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let text = String::from_utf8_lossy(line);
            let text = text.trim_end().chars().take(LINE_MAX).map(|c| if c.is_control() { '?' } else { c });
            self.send(&TraceLine { connection: self.connection.clone(), speaker, text: text.collect() });
        }
    }

    fn send(&self, line: &TraceLine) {
        for sender in &self.senders {
            // A full or closed channel is the watcher's loss.
            let _ = sender.try_send(line.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watcher_hears_its_domain_and_nobody_is_told_after_it_left() {
        let hub = TraceHub::default();
        let [watched, other] = ["a.example", "b.example"].map(|name| Domain::parse(name).unwrap());
        let mut lines = hub.watch(watched.clone());
        assert!(hub.tracer([&other], "mx").is_none());
        let tracer = hub.tracer([&other, &watched], "mx [192.0.2.1]").unwrap();
        tracer.say(Speaker::Peer, b"250-mx\r\n250 \x07SIZE\r\n");
        let heard: Vec<_> =
            std::iter::from_fn(|| lines.try_recv().ok()).map(|line| line.to_string()).collect();
        assert_eq!(heard, ["mx [192.0.2.1] S: 250-mx", "mx [192.0.2.1] S: 250 ?SIZE"]);
        drop(lines);
        assert!(hub.tracer([&watched], "mx").is_none());
    }
}
