//! The thread that writes.

use super::{Answer, Message, Shared, Work, lock};
use crate::{
    error::StorageError,
    metrics as names,
    webhooks::store::{NewEvent, Store},
};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use mailwright_engine::time::UnixMillis;
use metrics::gauge;
use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// How long an event waits for others to be written with.
const GATHER: Duration = Duration::from_millis(10);
/// Most events in one transaction.
const TRANSACTION: usize = 8_192;
/// How often what is too old is deleted, and how long the thread sleeps at most.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// Pause after a transaction that failed: the disk may be full for long.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Whether the thread goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    Close,
}

/// The thread's state.
pub(super) struct Writer {
    store: Store,
    now: fn() -> UnixMillis,
    shared: Arc<Shared>,
    /// Events that are not in the database yet, the oldest first.
    unwritten: VecDeque<NewEvent>,
    /// When what is too old was last deleted.
    pruned: Option<Instant>,
    /// Whether the last transaction failed: said once, not for each.
    failing: bool,
}

impl Writer {
    pub(super) fn new(store: Store, now: fn() -> UnixMillis, shared: Arc<Shared>) -> Self {
        Self { store, now, shared, unwritten: VecDeque::new(), pruned: None, failing: false }
    }

    /// Runs until it is told to close.
    pub(super) fn run(&mut self, messages: &Receiver<Message>) {
        loop {
            let mut works = Vec::new();
            let next = self.gather(messages, &mut works);
            let safe = self.transact(works);
            if next == Next::Close {
                return;
            }
            if safe.is_err() {
                std::thread::sleep(AFTER_FAILURE);
            }
        }
    }

    /// Waits for something to do and takes what comes with it.
    fn gather(&mut self, messages: &Receiver<Message>, works: &mut Vec<Work>) -> Next {
        let patience = if self.unwritten.is_empty() { PRUNE_EVERY } else { Duration::ZERO };
        match messages.recv_timeout(patience) {
            Ok(first) => {
                if matches!(first, Message::Event(_)) {
                    // Asleep, for each event would wake the thread if it waited.
                    std::thread::sleep(GATHER);
                }
                let rest = messages.try_iter().take(TRANSACTION);
                std::iter::once(first)
                    .chain(rest)
                    .map(|message| self.take(message, works))
                    .fold(Next::Continue, |so_far, next| if next == Next::Close { next } else { so_far })
            }
            Err(RecvTimeoutError::Timeout) => Next::Continue,
            Err(RecvTimeoutError::Disconnected) => Next::Close,
        }
    }

    fn take(&mut self, message: Message, works: &mut Vec<Work>) -> Next {
        match message {
            Message::Event(event) => {
                self.unwritten.push_back(event);
                Next::Continue
            }
            Message::Work(work) => {
                works.push(work);
                Next::Continue
            }
            Message::Close => Next::Close,
        }
    }

    /// Writes all that there is in one transaction, and tells whoever asked.
    fn transact(&mut self, works: Vec<Work>) -> Result<(), StorageError> {
        let prune = self.pruned.is_none_or(|last| last.elapsed() >= PRUNE_EVERY);
        if works.is_empty() && self.unwritten.is_empty() && !prune {
            return Ok(());
        }
        let mut answers = Vec::with_capacity(works.len());
        let safe = self.try_transact(works, prune, &mut answers);
        if let Err(error) = &safe {
            self.store.roll_back();
            if !mem::replace(&mut self.failing, true) {
                tracing::error!(%error, "events for webhooks wait in memory until the outbox can be written again");
            }
        } else {
            self.failing = false;
            self.written();
            gauge!(names::WEBHOOK_WAITING).set(self.store.waiting() as f64);
        }
        for answer in answers {
            answer(&safe);
        }
        safe
    }

    fn try_transact(
        &mut self,
        works: Vec<Work>,
        prune: bool,
        answers: &mut Vec<Answer>,
    ) -> Result<(), StorageError> {
        self.store.begin()?;
        for event in &self.unwritten {
            self.store.add(event)?;
        }
        answers.extend(works.into_iter().map(|work| work(&mut self.store)));
        if prune {
            self.store.prune((self.now)())?;
            self.pruned = Some(Instant::now());
        }
        self.store.commit()
    }

    /// What was unwritten is safe: the sender may have it.
    fn written(&mut self) {
        if self.unwritten.is_empty() {
            return;
        }
        self.shared.under_way.fetch_sub(self.unwritten.len(), Ordering::Relaxed);
        let given = self.unwritten.drain(..).flat_map(|event| event.endpoints);
        lock(&self.shared.given).extend(given);
        self.shared.more.notify_one();
    }
}
