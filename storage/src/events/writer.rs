//! Writing: a bounded channel and the one thread at its end.

use super::{
    event::{Event, LoggedEvent},
    files::{self, Day},
    live::{Listener, Live},
    place::{Place, Placed},
    record,
};
use crate::{error::StorageError, metrics as names};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use mailwright_engine::{id::QueueId, time::UnixMillis};
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Events that may wait to be written; some five megabytes. A disk that stalls longer costs events, not mail.
pub(super) const CAPACITY: usize = 16_384;
/// With more events on their way, acceptances come without what is in their messages: 16 MiB of that at the most.
const KEPT_BEHIND: usize = 512;
/// Longest time an event waits for others to be written with.
const GATHER: Duration = Duration::from_millis(50);
/// Octets that are written without waiting for more.
const GATHER_BYTES: usize = 256 << 10;
/// How often what was written is synced: what a power cut may take.
const SYNC_EVERY: Duration = Duration::from_secs(5);

enum Message {
    Event(LoggedEvent),
    /// Write what came before, then say so.
    Flush(Sender<()>),
    /// Write what came before, and end.
    Close,
}

/// Where events go; clones are cheap and share everything.
#[derive(Debug, Clone)]
pub struct EventLog {
    /// `None`: nobody wants them.
    channel: Option<Sender<Message>>,
    live: Live,
}

/// The thread that writes, to be closed at the end.
#[derive(Debug)]
pub struct EventLogThread {
    channel: Sender<Message>,
    handle: JoinHandle<()>,
}

impl EventLog {
    /// Starts a log in `dir` (made if missing) that keeps `retention_days` days besides the current one.
    ///
    /// # Errors
    /// When the folder or the thread cannot be made.
    pub fn start(dir: &Path, retention_days: u64) -> Result<(Self, EventLogThread), StorageError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|e| StorageError::io("create", dir, e))?;
        let (channel, messages) = bounded(CAPACITY);
        let live = Live::default();
        let mut writer = Writer::new(dir, retention_days, live.clone());
        let handle = std::thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || writer.run(&messages))
            .map_err(|e| StorageError::io("start the thread", "events", e))?;
        Ok((Self { channel: Some(channel.clone()), live }, EventLogThread { channel, handle }))
    }

    /// A log that keeps nothing.
    pub fn disabled() -> Self {
        Self { channel: None, live: Live::default() }
    }

    /// Hears what is written from now on. Those who record pay nothing for it, the writer little.
    pub fn listen(&self) -> Listener {
        self.live.listen()
    }

    /// Hands an event over. Never waits: if too many are on their way already, this one is lost and counted.
    pub fn record(&self, at: UnixMillis, about: Option<QueueId>, mut event: Event) {
        if let (Event::Accepted(accepted), Some(channel)) = (&mut event, &self.channel)
            && channel.len() > KEPT_BEHIND
        {
            // Memory is for what happens; what is in a message can be missing.
            accepted.kept = None;
        }
        if let Some(channel) = &self.channel
            && channel.try_send(Message::Event(LoggedEvent { at, about, event })).is_err()
        {
            metrics::counter!(names::EVENTS_DROPPED).increment(1);
        }
    }

    /// Waits until everything recorded before is written, so that a reader finds it. Blocks, 50 ms as a rule.
    pub fn flush(&self) {
        let (done, written) = bounded(1);
        if let Some(channel) = &self.channel
            && channel.send(Message::Flush(done)).is_ok()
        {
            // An error means that the thread has ended, and wrote everything before.
            let _ = written.recv();
        }
    }
}

impl EventLogThread {
    /// Writes and syncs what was recorded and ends the thread; later events are lost. Blocks.
    pub fn close(self) {
        // A thread that is gone has closed itself.
        let _ = self.channel.send(Message::Close);
        if self.handle.join().is_err() {
            tracing::error!("the thread of the event log panicked");
        }
    }
}

/// Whether the thread goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    Close,
}

struct Writer {
    dir: PathBuf,
    retention_days: u64,
    file: Option<(Day, File)>,
    /// Octets of the file.
    written: u64,
    live: Live,
    /// What is in the buffer, if anybody listens.
    unheard: Vec<Placed>,
    buffer: Vec<u8>,
    /// Events in the buffer.
    gathered: u64,
    /// When what was first written and not synced was written.
    unsynced: Option<Instant>,
    /// Whether the last write failed: said once, not for each batch.
    failing: bool,
}

impl Writer {
    fn new(dir: &Path, retention_days: u64, live: Live) -> Self {
        Self {
            dir: dir.to_path_buf(),
            retention_days,
            file: None,
            written: 0,
            live,
            unheard: Vec::new(),
            buffer: Vec::with_capacity(2 * GATHER_BYTES),
            gathered: 0,
            unsynced: None,
            failing: false,
        }
    }

    fn run(&mut self, messages: &Receiver<Message>) {
        while self.batch(messages) == Next::Continue {
            self.sync_if_due();
        }
        self.sync();
    }

    /// Writes the next event and what gathers in the moment after it.
    fn batch(&mut self, messages: &Receiver<Message>) -> Next {
        let mut next = match messages.recv_timeout(SYNC_EVERY) {
            Ok(message) => self.serve(message),
            Err(RecvTimeoutError::Timeout) => Next::Continue,
            Err(RecvTimeoutError::Disconnected) => Next::Close,
        };
        if next == Next::Continue && !self.buffer.is_empty() {
            // Asleep, for each event would wake a thread that waits for it: that was 92 µs of processor time a
            // message at 700 messages a second.
            std::thread::sleep(GATHER);
        }
        let mut gathered = messages.try_iter().take(CAPACITY);
        while next == Next::Continue
            && let Some(message) = gathered.next()
        {
            next = self.serve(message);
        }
        self.write();
        next
    }

    fn serve(&mut self, message: Message) -> Next {
        match message {
            Message::Event(logged) => {
                self.take(logged);
                if self.buffer.len() >= GATHER_BYTES {
                    self.write();
                }
            }
            Message::Flush(done) => {
                self.write();
                // Whoever asked may be gone.
                let _ = done.send(());
            }
            Message::Close => return Next::Close,
        }
        Next::Continue
    }

    fn take(&mut self, mut logged: LoggedEvent) {
        let day = Day::of(logged.at);
        // Never back: a file's records stay in the order of time, but for what waited over midnight.
        if self.file.as_ref().is_none_or(|(current, _)| *current < day) {
            self.write();
            self.begin(day);
        }
        let offset = self.written + self.buffer.len() as u64;
        match record::append(&mut self.buffer, &logged) {
            Ok(()) => {
                self.gathered += 1;
                if self.live.is_heard()
                    && let Some((day, _)) = self.file
                {
                    if let Event::Accepted(accepted) = &mut logged.event {
                        accepted.kept = None;
                    }
                    self.unheard.push(Placed { place: Place::new(day, offset), logged });
                }
            }
            Err(error) => {
                tracing::warn!(kind = %logged.event.kind(), %error, "event not logged");
                metrics::counter!(names::EVENTS_DROPPED).increment(1);
            }
        }
    }

    /// Opens the file of `day` and deletes those that are too old.
    fn begin(&mut self, day: Day) {
        self.sync();
        let path = day.log(&self.dir);
        match OpenOptions::new().append(true).create(true).mode(0o600).open(&path) {
            Ok(file) => {
                self.written = len(&file);
                self.file = Some((day, file));
            }
            Err(error) => self.failed(&StorageError::io("open", &path, error)),
        }
        if let Err(error) = files::delete_before(&self.dir, day.before(self.retention_days)) {
            tracing::warn!(%error, "old event logs not deleted");
        }
    }

    fn write(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let written = match &mut self.file {
            Some((_, file)) => file.write_all(&self.buffer),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        match written {
            Ok(()) => {
                self.failing = false;
                self.written += self.buffer.len() as u64;
                self.live.tell(self.unheard.drain(..));
                metrics::counter!(names::EVENTS_WRITTEN).increment(self.gathered);
                metrics::counter!(names::EVENTS_BYTES).increment(self.buffer.len() as u64);
                self.unsynced.get_or_insert_with(Instant::now);
            }
            Err(error) => {
                metrics::counter!(names::EVENTS_DROPPED).increment(self.gathered);
                self.unheard.clear();
                self.written = self.file.as_ref().map_or(0, |(_, file)| len(file));
                self.failed(&StorageError::io("append to", &self.dir, error));
            }
        }
        self.buffer.clear();
        self.gathered = 0;
    }

    fn failed(&mut self, error: &StorageError) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%error, "events are lost until the log can be written again");
        }
    }

    fn sync_if_due(&mut self) {
        if self.unsynced.is_some_and(|since| since.elapsed() >= SYNC_EVERY) {
            self.sync();
        }
    }

    fn sync(&mut self) {
        if self.unsynced.take().is_some()
            && let Some((_, file)) = &self.file
            && let Err(error) = file.sync_data()
        {
            tracing::warn!(%error, "event log not synced");
        }
    }
}

/// Octets of a file; records are placed from its end.
fn len(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}
