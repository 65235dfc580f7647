//! KeyedRequests that clients named with a key, and what came of them: who asks again, because he got no answer, is told
//! what he would have been told, and nothing is sent twice (decision 0026).
//!
//! An accepted message carries the [mark](RequestMark) of its request in the journal, which is the truth. This is an
//! index over it with the answers that were given: a database of its own (SQLite), written behind. What is not written
//! yet is in memory; it is written before each time that the queue state is stored, and what the journal has beyond the
//! stored state is recalled at the start. So a message that is safe is never without its request.
//!
//! The committer's thread takes a lock for a moment for each message; look-ups of the database have a connection of
//! their own, which never waits for a writer.

mod database;
mod kept;

pub use kept::{KeptMessage, KeptRequest};

use crate::{error::StorageError, metrics as names};
use database::{Reader, Writer};
use mailwright_engine::{
    address::EmailAddress,
    envelope::Envelope,
    id::QueueId,
    request_mark::{RequestDigest, RequestKey, RequestMark},
    time::UnixMillis,
};
use metrics::counter;
use std::{
    collections::{HashMap, HashSet},
    mem,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Octets that may wait to be written before whoever comes next writes them: more than two seconds bring.
const UNWRITTEN_MAX: usize = 8 << 20;

/// How long and how many requests are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSettings {
    /// For how long after its first message was accepted a request is known.
    pub keep: Duration,
    /// Most requests; beyond it the oldest go before their time.
    pub most: u64,
}

/// The requests; clones are cheap and share everything.
#[derive(Debug, Clone)]
pub struct KeyedRequests(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: RequestSettings,
    now: fn() -> UnixMillis,
    memory: Mutex<Memory>,
    reader: Mutex<Reader>,
    writer: Mutex<Writer>,
}

/// What the database does not know.
#[derive(Debug, Default)]
struct Memory {
    /// KeyedRequests that are being worked on.
    under_way: HashSet<RequestKey>,
    /// Messages that are about to be accepted.
    announced: HashMap<QueueId, Announced>,
    unwritten: HashMap<RequestKey, KeptRequest>,
    /// What is being written right now.
    writing: HashMap<RequestKey, KeptRequest>,
    /// Octets of `unwritten`, roughly.
    octets: usize,
}

#[derive(Debug)]
struct Announced {
    key: RequestKey,
    digest: RequestDigest,
    item: u16,
    message: KeptMessage,
}

/// What is known of a request that comes in.
#[derive(Debug)]
pub enum Begun {
    /// It is to be carried out, as far as the ticket does not say that it was.
    Ticket(Ticket),
    /// It was answered with this.
    Answered(String),
    /// The same key is being worked on right now.
    UnderWay,
    /// The key was used for a request that asked for something else.
    OtherRequest,
}

impl KeyedRequests {
    /// Opens the requests in `dir` (made if missing). `now` tells the time by which they grow old.
    ///
    /// # Errors
    /// When the database cannot be made or read.
    pub fn open(
        dir: &Path,
        settings: RequestSettings,
        now: fn() -> UnixMillis,
    ) -> Result<Self, StorageError> {
        let writer = Mutex::new(Writer::open(dir)?);
        let (reader, memory) = (Mutex::new(Reader::open(dir)?), Mutex::default());
        Ok(Self(Arc::new(Shared { settings, now, memory, reader, writer })))
    }

    /// Takes the request `key` up, or says what came of it. Blocks for a look-up on disk.
    ///
    /// # Errors
    /// When the database cannot be read: then it is unknown, and nothing should be sent.
    pub fn begin(&self, key: RequestKey, digest: RequestDigest) -> Result<Begun, StorageError> {
        if self.memory().octets > UNWRITTEN_MAX {
            self.flush()?;
        }
        if !self.memory().under_way.insert(key) {
            return Ok(Begun::UnderWay);
        }
        // From here on it is given back when dropped.
        let mut ticket = Ticket { requests: self.clone(), key, digest, messages: HashMap::new() };
        let Some(kept) = self.find(key)? else { return Ok(Begun::Ticket(ticket)) };
        if kept.digest != digest {
            return Ok(Begun::OtherRequest);
        }
        counter!(names::REQUESTS_REPEATED).increment(1);
        if let Some(answer) = kept.answer {
            return Ok(Begun::Answered(answer));
        }
        ticket.messages = kept.messages.into_iter().collect();
        Ok(Begun::Ticket(ticket))
    }

    /// What is known of a request, wherever it is.
    fn find(&self, key: RequestKey) -> Result<Option<KeptRequest>, StorageError> {
        let oldest = self.oldest();
        let memory = self.memory();
        let newer = [memory.unwritten.get(&key).cloned(), memory.writing.get(&key).cloned()];
        drop(memory);
        let stored = lock(&self.0.reader).find(key, oldest)?;
        let known = newer.into_iter().flatten().chain(stored).filter(|kept| kept.at > oldest);
        Ok(known.reduce(KeptRequest::with_older))
    }

    /// Notes that a message that was announced is accepted. Called on the committer's thread.
    pub fn confirm(&self, id: QueueId) {
        let mut memory = self.memory();
        if let Some(Announced { key, digest, item, message }) = memory.announced.remove(&id) {
            memory.keep(key, KeptRequest::of_message(digest, (self.0.now)(), item, message));
        }
    }

    /// Recalls a message that was read back from the journal.
    pub fn recall(&self, envelope: &Envelope) {
        let Some(mark) = envelope.request.as_deref().filter(|_| envelope.accepted_at > self.oldest()) else {
            return;
        };
        let message = KeptMessage::of(envelope, mark);
        let kept = KeptRequest::of_message(mark.digest, envelope.accepted_at, mark.item, message);
        let mut memory = self.memory();
        memory.keep(mark.key, kept);
        let is_much = memory.octets > UNWRITTEN_MAX;
        drop(memory);
        if is_much && let Err(error) = self.flush() {
            tracing::error!(%error, "requests wait in memory until they can be written");
        }
    }

    /// Writes what is in memory. Blocks for a sync.
    ///
    /// # Errors
    /// When it cannot be written; it stays in memory.
    pub fn flush(&self) -> Result<(), StorageError> {
        let mut writer = lock(&self.0.writer);
        let mut memory = self.memory();
        memory.writing = mem::take(&mut memory.unwritten);
        memory.octets = 0;
        let batch = memory.writing.clone();
        drop(memory);
        let Shared { settings, now, .. } = &*self.0;
        let written = writer.write(&batch, now(), settings);
        let mut memory = self.memory();
        let writing = mem::take(&mut memory.writing);
        if written.is_err() {
            writing.into_iter().for_each(|(key, kept)| memory.keep_older(key, kept));
        }
        written
    }

    fn oldest(&self) -> UnixMillis {
        (self.0.now)().saturating_sub(self.0.settings.keep)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.0.memory)
    }
}

impl Memory {
    fn keep(&mut self, key: RequestKey, newer: KeptRequest) {
        self.octets += newer.octets();
        let kept = match self.unwritten.remove(&key) {
            Some(older) => newer.with_older(older),
            None => newer,
        };
        self.unwritten.insert(key, kept);
    }

    fn keep_older(&mut self, key: RequestKey, older: KeptRequest) {
        self.octets += older.octets();
        let kept = match self.unwritten.remove(&key) {
            Some(newer) => newer.with_older(older),
            None => older,
        };
        self.unwritten.insert(key, kept);
    }
}

/// The right to carry a request out: nobody else has it until this is dropped.
#[derive(Debug)]
pub struct Ticket {
    requests: KeyedRequests,
    key: RequestKey,
    digest: RequestDigest,
    messages: HashMap<u16, KeptMessage>,
}

impl Ticket {
    /// The message `item` of the request, if it was accepted before.
    pub fn accepted(&self, item: u16) -> Option<&KeptMessage> {
        self.messages.get(&item)
    }

    /// Says that `message` is about to be accepted as number `item` of the request, without the recipients `left_out`:
    /// once it is, that is remembered. Returns the mark to accept it with.
    pub fn announce(&self, item: u16, left_out: Vec<EmailAddress>, message: KeptMessage) -> RequestMark {
        let (key, digest, message_id) = (self.key, self.digest, message.message_id.clone());
        let announced = Announced { key, digest, item, message };
        self.requests.memory().announced.insert(announced.message.id, announced);
        RequestMark { key, digest, item, message_id, left_out }
    }

    /// Says that what was announced was not accepted.
    pub fn withdraw(&self, id: QueueId) {
        self.requests.memory().announced.remove(&id);
    }

    /// Notes what the request was answered with.
    pub fn answered(self, answer: String) {
        let kept = KeptRequest::of_answer(self.digest, (self.requests.0.now)(), answer);
        self.requests.memory().keep(self.key, kept);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.requests.memory().under_way.remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
