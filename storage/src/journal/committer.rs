//! The one writer of the journal: group commit.
//!
//! Everything that waits is gathered into one vectored write and one `fdatasync`; while that runs the next
//! batch gathers. A batch of outcomes only is written at once but synced with whatever comes next (or after
//! [`LAZY_SYNC`]): losing it to a power cut costs a repeated delivery that its intent already counts as in
//! doubt, never a message.

use super::{
    record::{HEADER_LEN, Header},
    segment::{Segment, Segments},
};
use crate::{
    content::Content,
    error::StorageError,
    fail_point::FailPoint,
    metrics::JournalMeters,
    queue::{change::Change, entry::Location, worker::Command},
};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::{
    io::IoSlice,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// How long an outcome may wait for its sync.
const LAZY_SYNC: Duration = Duration::from_millis(100);
/// Most records in one batch: three slices each stay below the system's 1,024 a call.
const BATCH_RECORDS: usize = 340;
/// Most octets in one batch; more only delays those who wait.
const BATCH_BYTES: u64 = 8 << 20;
/// Room kept at the end of each segment for intents and outcomes, so that mail can still leave a full disk.
pub(crate) const RESERVE: u64 = 256 << 10;

/// Who waits for a record, and what a full disk means for it.
#[derive(Debug)]
pub(crate) enum Waiter {
    /// Refused when the disk is full; answered after the sync.
    Acceptance(oneshot::Sender<Result<(), StorageError>>),
    /// May use the reserve; answered after the sync.
    Intent(oneshot::Sender<Result<(), StorageError>>),
    /// A message copied forward: synced, because its old record goes next, and kept until it can be written.
    Relocation,
    /// A word on such a copy: synced for the same reason; may use the reserve.
    Correction,
    /// May use the reserve; nobody waits, and it is kept until it can be written.
    Nobody,
}

/// A record ready to be placed.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) meta: Vec<u8>,
    pub(crate) content: Content,
    pub(crate) body_crc: u32,
    pub(crate) change: Change,
    pub(crate) waiter: Waiter,
}

/// What the committer is asked.
pub(crate) enum Request {
    /// Write this record.
    Append(Append),
    /// Pass this question on once what came before it is committed, so that the answer knows of it.
    Ask(Command),
    /// Write what came before this, then end.
    Close,
}

impl Append {
    /// A record without content.
    pub(crate) fn bare(meta: Vec<u8>, change: Change, waiter: Waiter) -> Self {
        Self { meta, content: Content::default(), body_crc: 0, change, waiter }
    }

    fn record_len(&self) -> u64 {
        HEADER_LEN as u64 + self.meta.len() as u64 + self.content.len() as u64
    }

    fn needs_sync(&self) -> bool {
        !matches!(self.waiter, Waiter::Nobody)
    }
}

/// What the committer reports after each batch: the changes in journal order and the position after them.
pub(crate) trait CommitListener: Send {
    /// The batch is on disk.
    fn committed(&mut self, changes: Vec<Change>, position: u64);
    /// A question whose turn has come.
    fn asked(&mut self, question: Command);
    /// A write or sync failed: nothing more will be committed.
    fn failed(&mut self);
    /// The journal ends here; nothing more comes.
    fn closed(&mut self);
}

/// Limits the committer works within.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommitLimits {
    pub(crate) segment_size: u64,
    pub(crate) min_free: u64,
}

/// The committer's state; [`Committer::run`] is its thread.
pub(crate) struct Committer<L> {
    segments: Arc<Segments>,
    limits: CommitLimits,
    listener: L,
    current: Arc<Segment>,
    current_size: u64,
    /// Position of the next record.
    position: u64,
    /// Since when something is written and not synced.
    unsynced_since: Option<Instant>,
    failed: Option<StorageError>,
    /// Outcomes that found no room.
    held: Vec<Append>,
    /// Questions to pass on after the batch being gathered.
    questions: Vec<Command>,
    closing: bool,
    meters: JournalMeters,
}

impl<L: CommitListener> Committer<L> {
    /// A committer that appends at `position`, in a fresh segment: on a full disk a small one, with room for
    /// mail to leave and none for mail to come.
    pub(crate) fn new(
        segments: Arc<Segments>,
        limits: CommitLimits,
        position: u64,
        listener: L,
    ) -> Result<Self, StorageError> {
        let (current, current_size) = match segments.create(position, limits.segment_size) {
            Err(error) if error.is_disk_full() => (segments.create(position, RESERVE)?, RESERVE),
            created => (created?, limits.segment_size),
        };
        segments.note_room(current_size);
        Ok(Self {
            segments,
            limits,
            listener,
            current,
            current_size,
            position,
            unsynced_since: None,
            failed: None,
            held: Vec::new(),
            questions: Vec::new(),
            closing: false,
            meters: JournalMeters::new(),
        })
    }

    /// Serves requests until it is told to close, then leaves the journal synced and trimmed.
    pub(crate) fn run(mut self, requests: &Receiver<Request>) {
        while !self.closing {
            let batch = self.next_batch(requests);
            self.commit(batch);
            self.segments.note_room(self.room());
            for question in std::mem::take(&mut self.questions) {
                self.listener.asked(question);
            }
        }
        self.sync();
        if !self.held.is_empty() {
            // Each is a delivery in doubt to the next start, whose intent is on disk.
            tracing::error!(outcomes = self.held.len(), "outcomes not recorded: no room on disk");
        }
        if self.failed.is_none()
            && let Err(error) = self.current.truncate(self.position - self.current.base)
        {
            tracing::warn!(%error, "journal not trimmed");
        }
        self.listener.closed();
    }

    /// Everything that waits now, within bounds; an empty batch asks for the lazy sync.
    fn next_batch(&mut self, requests: &Receiver<Request>) -> Vec<Append> {
        let mut batch = std::mem::take(&mut self.held);
        let wait = match self.unsynced_since {
            Some(since) => LAZY_SYNC.saturating_sub(since.elapsed()),
            None if batch.is_empty() => Duration::from_secs(3600),
            None => LAZY_SYNC,
        };
        let mut bytes = octets(&batch);
        let mut next = match requests.recv_timeout(wait) {
            Ok(request) => Some(request),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Request::Close),
        };
        while let Some(request) = next {
            match request {
                Request::Append(append) => {
                    bytes += append.record_len();
                    batch.push(append);
                }
                Request::Ask(question) => self.questions.push(question),
                Request::Close => {
                    self.closing = true;
                    break;
                }
            }
            let full = batch.len() >= BATCH_RECORDS || bytes >= BATCH_BYTES;
            next = if full { None } else { requests.try_recv().ok() };
        }
        batch
    }

    fn commit(&mut self, batch: Vec<Append>) {
        if let Some(error) = &self.failed {
            return refuse_all(batch, error);
        }
        let started = Instant::now();
        let batch = self.make_room(batch);
        if batch.is_empty() {
            return self.sync_in_time();
        }
        FailPoint::BeforeAppend.reached();
        let (batch, error) = self.place(batch);
        FailPoint::AfterAppend.reached();
        if let Some(error) = error {
            return self.write_failed(batch, &error);
        }
        self.unsynced_since.get_or_insert(started);
        if batch.iter().any(Append::needs_sync) {
            self.sync();
            FailPoint::AfterSync.reached();
        } else {
            self.sync_in_time();
        }
        if let Some(error) = &self.failed {
            return refuse_all(batch, error);
        }
        self.meters.batches.increment(1);
        self.meters.records.record(batch.len() as f64);
        self.meters.commit.record(started.elapsed());
        self.publish(batch);
    }

    /// Sees to it that the batch fits the current segment, opening the next one where needed. What cannot
    /// be placed for want of room is refused (acceptances, intents) or held back (outcomes).
    fn make_room(&mut self, batch: Vec<Append>) -> Vec<Append> {
        let wanted = octets(&batch) + RESERVE;
        if self.room() >= wanted {
            return batch;
        }
        match self.next_segment(self.limits.segment_size.max(wanted), self.limits.min_free) {
            Ok(()) => batch,
            Err(error) if error.is_disk_full() => self.make_last_room(batch, &error),
            Err(error) => self.give_up(batch, &error),
        }
    }

    /// Makes room for what lets mail leave: once the reserve is half spent, a small segment below the
    /// configured minimum. It has no room for acceptances, which would use the minimum up.
    fn make_last_room(&mut self, batch: Vec<Append>, full: &StorageError) -> Vec<Append> {
        let batch = refuse_acceptances(batch, full);
        let wanted = octets(&batch);
        if batch.is_empty() || self.room() >= wanted + RESERVE / 2 {
            return batch;
        }
        match self.next_segment(wanted + RESERVE, 0) {
            Ok(()) => batch,
            Err(error) if error.is_disk_full() => self.squeeze(batch, &error),
            Err(error) => self.give_up(batch, &error),
        }
    }

    /// What of the batch still fits the current segment's reserve. Nothing may overtake an outcome that does
    /// not: an older outcome read back after a newer one would undo it.
    fn squeeze(&mut self, batch: Vec<Append>, error: &StorageError) -> Vec<Append> {
        let mut room = self.room();
        let mut kept = Vec::with_capacity(batch.len());
        for append in batch {
            let len = append.record_len();
            match append.waiter {
                Waiter::Relocation => self.held.push(append),
                Waiter::Nobody | Waiter::Correction if room < len => {
                    room = 0;
                    self.held.push(append);
                }
                Waiter::Intent(waiter) if room < len + RESERVE / 2 => drop(waiter.send(Err(error.clone()))),
                _ => {
                    room -= len;
                    kept.push(append);
                }
            }
        }
        kept
    }

    fn give_up(&mut self, batch: Vec<Append>, error: &StorageError) -> Vec<Append> {
        refuse_all(batch, error);
        self.fail(error);
        Vec::new()
    }

    fn room(&self) -> u64 {
        (self.current.base + self.current_size).saturating_sub(self.position)
    }

    /// Goes on in a segment of `size` octets, if `min_free` stay free beside it.
    fn next_segment(&mut self, size: u64, min_free: u64) -> Result<(), StorageError> {
        if self.segments.free_space()? < min_free.saturating_add(size) {
            let dir = self.segments.dir().to_path_buf();
            return Err(StorageError::DiskFull { dir, min_free: self.limits.min_free });
        }
        if self.position == self.current.base {
            // Still empty: made larger, since a second one would have its name.
            self.current.set_aside(size)?;
        } else {
            self.sync();
            if let Some(error) = &self.failed {
                return Err(error.clone());
            }
            // Trimmed only when there is a next one: until then its reserve is all there is.
            FailPoint::BeforeSegment.reached();
            let next = self.segments.create(self.position, size)?;
            FailPoint::AfterSegment.reached();
            self.current.truncate(self.position - self.current.base)?;
            self.current = next;
        }
        self.current_size = size;
        Ok(())
    }

    /// Gives each record its position and writes the batch.
    fn place(&mut self, mut batch: Vec<Append>) -> (Vec<Append>, Option<StorageError>) {
        let start = self.position;
        let mut heads = Vec::with_capacity(batch.len());
        for append in &mut batch {
            let body_len = u32::try_from(append.content.len()).unwrap_or(u32::MAX);
            let header = Header::new(self.position, &append.meta, body_len, append.body_crc);
            let len = u32::try_from(header.record_len()).unwrap_or(u32::MAX);
            append.change.set_location(Location { lsn: self.position, len });
            let mut head = Vec::with_capacity(HEADER_LEN + append.meta.len());
            head.extend_from_slice(&header.to_bytes());
            head.extend_from_slice(&append.meta);
            heads.push(head);
            self.position += header.record_len();
        }
        let mut slices = Vec::with_capacity(batch.len() * 3);
        for (append, head) in batch.iter().zip(&heads) {
            slices.push(IoSlice::new(head));
            slices.extend(append.content.slices());
        }
        let written = self.current.file.write_all_at(&mut slices, start - self.current.base);
        self.meters.bytes.increment(self.position - start);
        match written {
            Ok(()) => (batch, None),
            Err(error) => {
                self.position = start;
                (batch, Some(StorageError::io("write", &self.current.path, error)))
            }
        }
    }

    /// A full disk (on a file system that could not set room aside) refuses the batch; any other failed
    /// write ends the journal.
    fn write_failed(&mut self, batch: Vec<Append>, error: &StorageError) {
        if !error.is_disk_full() {
            refuse_all(batch, error);
            return self.fail(error);
        }
        for append in batch {
            match append.waiter {
                Waiter::Nobody | Waiter::Relocation | Waiter::Correction => self.held.push(append),
                waiter => answer(waiter, Err(error.clone())),
            }
        }
        self.sync_in_time();
    }

    /// Syncs what has waited for long enough.
    fn sync_in_time(&mut self) {
        if self.unsynced_since.is_some_and(|since| since.elapsed() >= LAZY_SYNC) {
            self.sync();
        }
    }

    fn sync(&mut self) {
        if self.unsynced_since.is_none() || self.failed.is_some() {
            return;
        }
        let started = Instant::now();
        let synced = self.current.file.sync();
        self.meters.sync.record(started.elapsed());
        match synced {
            Ok(()) => self.unsynced_since = None,
            Err(error) => self.fail(&StorageError::io("sync", &self.current.path, error)),
        }
    }

    /// Ends the journal; only the first failure is told.
    fn fail(&mut self, error: &StorageError) {
        if self.failed.is_some() {
            return;
        }
        tracing::error!(%error, "the journal failed; no more mail is accepted until a restart");
        self.failed = Some(StorageError::JournalFailed { reason: error.to_string().into() });
        self.listener.failed();
    }

    /// Tells the listener first, so that whoever is woken finds the queue already knowing.
    fn publish(&mut self, batch: Vec<Append>) {
        let (changes, waiters): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|append| (append.change, append.waiter)).unzip();
        self.listener.committed(changes, self.position);
        for waiter in waiters {
            answer(waiter, Ok(()));
        }
    }
}

fn answer(waiter: Waiter, result: Result<(), StorageError>) {
    match waiter {
        // A waiter that went away (its client hung up) needs no answer.
        Waiter::Acceptance(sender) | Waiter::Intent(sender) => drop(sender.send(result)),
        Waiter::Relocation | Waiter::Correction | Waiter::Nobody => {}
    }
}

fn octets(batch: &[Append]) -> u64 {
    batch.iter().map(Append::record_len).sum()
}

/// The batch without its acceptances, which are answered with `error`.
fn refuse_acceptances(batch: Vec<Append>, error: &StorageError) -> Vec<Append> {
    let (refused, rest) =
        batch.into_iter().partition(|append| matches!(append.waiter, Waiter::Acceptance(_)));
    refuse_all(refused, error);
    rest
}

fn refuse_all(batch: Vec<Append>, error: &StorageError) {
    for append in batch {
        answer(append.waiter, Err(error.clone()));
    }
}

#[cfg(test)]
mod tests;
