//! Live protocol traces: what is said on connections that carry a domain's mail, for whoever watches.

use mailwright_engine::address::Domain;
use serde::Serialize;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Lines that wait for a watcher; one who reads too slowly misses some, and is told so.
const LINES: usize = 1_000;
/// Most characters of a line.
const LINE_MAX: usize = 1_000;

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// We did.
    Us,
    /// The receiver did.
    Peer,
    /// Nobody: a note on what happens.
    Note,
}

/// One line of a dialogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// Somebody who watches one domain.
#[derive(Debug)]
struct Watcher {
    lines: Sender<TraceLine>,
    /// Lines lost since the last that came through.
    missed: AtomicUsize,
}

impl Watcher {
    fn hear(&self, line: &TraceLine) {
        if self.missed.load(Ordering::Relaxed) > 0 && !self.tell_missed(&line.connection) {
            return;
        }
        if self.lines.try_send(line.clone()).is_err() {
            // Full: delivery does not wait for whoever reads slowly.
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Says how many lines were lost, if there is room again.
    fn tell_missed(&self, connection: &str) -> bool {
        let missed = self.missed.swap(0, Ordering::Relaxed);
        let text = format!("{missed} lines were lost: they came faster than they were read");
        let told = TraceLine { connection: connection.to_owned(), speaker: Speaker::Note, text };
        let fits = self.lines.try_send(told).is_ok();
        if !fits {
            self.missed.fetch_add(missed + 1, Ordering::Relaxed);
        }
        fits
    }
}

type Watchers = HashMap<Domain, Vec<Arc<Watcher>>>;

/// The watchers, by domain.
#[derive(Debug, Clone, Default)]
pub struct TraceHub(Arc<Hub>);

#[derive(Debug, Default)]
struct Hub {
    /// Whether there is any: what connections look at, so that a dialogue nobody watches costs next to nothing.
    anybody: AtomicBool,
    watchers: Mutex<Watchers>,
}

impl TraceHub {
    fn watchers(&self) -> MutexGuard<'_, Watchers> {
        self.0.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the dialogues about mail for `domain` until the receiver is dropped. On connections that are open
    /// already it hears the next transaction.
    pub fn watch(&self, domain: Domain) -> Receiver<TraceLine> {
        let (lines, receiver) = channel(LINES);
        let mut watchers = self.watchers();
        watchers.entry(domain).or_default().push(Arc::new(Watcher { lines, missed: AtomicUsize::new(0) }));
        self.0.anybody.store(true, Ordering::Relaxed);
        receiver
    }

    /// A tracer for a connection that serves `domains`, if anybody watches one of them; `connection` names it.
    pub fn tracer<'a>(
        &self,
        domains: impl IntoIterator<Item = &'a Domain>,
        connection: impl FnOnce() -> String,
    ) -> Option<Tracer> {
        if !self.0.anybody.load(Ordering::Relaxed) {
            return None;
        }
        let mut watchers = self.watchers();
        watchers.retain(|_, watching| {
            watching.retain(|watcher| !watcher.lines.is_closed());
            !watching.is_empty()
        });
        self.0.anybody.store(!watchers.is_empty(), Ordering::Relaxed);
        let mut found: Vec<Arc<Watcher>> = Vec::new();
        for watcher in domains.into_iter().filter_map(|domain| watchers.get(domain)).flatten() {
            // A pool names a domain once for each of its lanes.
            if !found.iter().any(|known| Arc::ptr_eq(known, watcher)) {
                found.push(Arc::clone(watcher));
            }
        }
        (!found.is_empty()).then(|| Tracer { watchers: found, connection: connection() })
    }
}

/// Tells watchers what is said on one connection.
#[derive(Debug, Clone)]
pub struct Tracer {
    watchers: Vec<Arc<Watcher>>,
    connection: String,
}

impl Tracer {
    /// The same watchers, told about another connection.
    pub fn on(&self, connection: String) -> Self {
        Self { watchers: self.watchers.clone(), connection }
    }

    /// Tells what was said: each line of `bytes`, printable.
    pub fn say(&self, speaker: Speaker, bytes: &[u8]) {
        for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let text = String::from_utf8_lossy(line);
            let text = text.trim_end().chars().take(LINE_MAX).map(|c| if c.is_control() { '?' } else { c });
            let line = TraceLine { connection: self.connection.clone(), speaker, text: text.collect() };
            self.watchers.iter().for_each(|watcher| watcher.hear(&line));
        }
    }
}

/// One session's side of tracing: told everything, it passes on what there is a tracer for.
#[derive(Debug, Default)]
pub struct Dialogue {
    tracer: Option<Tracer>,
    /// The beginning of a line of the peer's whose end has not come.
    heard: Vec<u8>,
}

impl Dialogue {
    /// A dialogue that `tracer`, if any, is told of.
    pub fn new(tracer: Option<Tracer>) -> Self {
        Self { tracer, heard: Vec::new() }
    }

    /// Tells `tracer` from now on, or nobody: the next transaction may be for somebody else's mail.
    pub fn follow(&mut self, tracer: Option<Tracer>) {
        *self = Self::new(tracer);
    }

    /// We sent these commands.
    pub fn said(&self, commands: &[u8]) {
        if let Some(tracer) = &self.tracer {
            tracer.say(Speaker::Us, commands);
        }
    }

    /// The peer sent these octets, which may end anywhere.
    pub fn heard(&mut self, octets: &[u8]) {
        let Some(tracer) = &self.tracer else { return };
        self.heard.extend_from_slice(octets);
        let whole = self.heard.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let whole = if self.heard.len() - whole > LINE_MAX * 4 { self.heard.len() } else { whole };
        tracer.say(Speaker::Peer, self.heard.get(..whole).unwrap_or_default());
        self.heard.drain(..whole);
    }

    /// Something happened that nobody said.
    pub fn note(&self, what: impl FnOnce() -> String) {
        if let Some(tracer) = &self.tracer {
            tracer.say(Speaker::Note, what().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    fn named(name: &str) -> impl FnOnce() -> String + use<> {
        let name = name.to_owned();
        move || name
    }

    fn all(lines: &mut Receiver<TraceLine>) -> Vec<String> {
        std::iter::from_fn(|| lines.try_recv().ok()).map(|line| line.to_string()).collect()
    }

    #[test]
    fn a_watcher_hears_its_domain_and_nobody_is_told_after_it_left() {
        let hub = TraceHub::default();
        let (watched, other) = (domain("a.example"), domain("b.example"));
        let mut lines = hub.watch(watched.clone());
        assert!(hub.tracer([&other], named("mx")).is_none());
        let tracer = hub.tracer([&other, &watched, &watched], named("mx [192.0.2.1]")).unwrap();
        tracer.say(Speaker::Peer, b"250-mx\r\n250 \x07SIZE\r\n");
        assert_eq!(all(&mut lines), ["mx [192.0.2.1] S: 250-mx", "mx [192.0.2.1] S: 250 ?SIZE"]);
        drop(lines);
        assert!(hub.tracer([&watched], named("mx")).is_none());
        assert!(!hub.0.anybody.load(Ordering::Relaxed));
    }

    #[test]
    fn replies_are_whole_lines_however_their_octets_come() {
        let hub = TraceHub::default();
        let mut lines = hub.watch(domain("a.example"));
        let mut dialogue = Dialogue::new(hub.tracer([&domain("a.example")], named("mx")));
        for octet in b"250-mx\r\n250 SIZE\r\n" {
            dialogue.heard(&[*octet]);
        }
        assert_eq!(all(&mut lines), ["mx S: 250-mx", "mx S: 250 SIZE"]);
        dialogue.follow(None);
        dialogue.heard(b"250 of somebody else\r\n");
        assert_eq!(all(&mut lines), Vec::<String>::new());
    }

    #[test]
    fn a_watcher_who_reads_too_slowly_is_told_what_it_missed() {
        let hub = TraceHub::default();
        let mut lines = hub.watch(domain("a.example"));
        let tracer = hub.tracer([&domain("a.example")], named("mx")).unwrap();
        for _ in 0..LINES + 3 {
            tracer.say(Speaker::Us, b"NOOP\r\n");
        }
        assert_eq!(all(&mut lines).len(), LINES);
        tracer.say(Speaker::Us, b"QUIT\r\n");
        let lost = "mx -- 3 lines were lost: they came faster than they were read";
        assert_eq!(all(&mut lines), [lost, "mx C: QUIT"]);
    }
}
