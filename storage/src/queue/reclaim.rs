//! Giving journal segments back.
//!
//! Segments go from the front, when nothing in them is live. Long-deferred messages would keep an old
//! segment for days, so when less than half of the journal is live the front segment's survivors are copied
//! to its end. A message in doubt stays until its outcome is known: its intent would go with the segments
//! after it.

use super::index::QueueIndex;
use crate::{
    content::Content,
    error::StorageError,
    fail_point::FailPoint,
    journal::{
        committer::{Append, Request, Waiter},
        record::Record,
        scan::{self, Bodies, Found, LoadedBody},
        segment::{Segment, Segments},
    },
    metrics as names,
    queue::{
        change::Change,
        entry::{Location, QueueEntry},
    },
};
use crossbeam_channel::Sender;
use std::sync::Arc;

/// Journals smaller than this many segments are left alone, whatever share of them is live.
const SLACK_SEGMENTS: u64 = 4;
/// Octets copied forward at a time, so that commits of new mail are not held up.
const COPY_BYTES: u64 = 4 << 20;

/// The reclaimer's state between steps.
pub(crate) struct Reclaimer {
    segments: Arc<Segments>,
    segment_size: u64,
    /// Copies asked for and not yet seen committed.
    outstanding: usize,
    /// Front segment being emptied and the position to go on from.
    emptying: Option<(u64, u64)>,
}

impl Reclaimer {
    pub(crate) fn new(segments: Arc<Segments>, segment_size: u64) -> Self {
        Self { segments, segment_size, outstanding: 0, emptying: None }
    }

    /// Octets free on the journal's disk.
    pub(crate) fn free_space(&self) -> Result<u64, StorageError> {
        self.segments.free_space()
    }

    /// Notes that copies were committed.
    pub(crate) fn copied(&mut self, messages: usize) {
        self.outstanding = self.outstanding.saturating_sub(messages);
    }

    /// Removes what is dead and copies what keeps a mostly dead front alive. Runs after a checkpoint at
    /// `position`: a segment that ends beyond it holds records whose entries the index does not know yet.
    pub(crate) fn step(
        &mut self,
        index: &mut QueueIndex,
        position: u64,
        journal: &Sender<Request>,
    ) -> Result<(), StorageError> {
        if self.outstanding > 0 || !index.is_corrected() {
            return Ok(());
        }
        let all = self.segments.all();
        let known = all.windows(2).filter_map(|pair| match pair {
            [segment, next] if next.base <= position => Some(segment),
            _ => None,
        });
        let (dead, rest): (Vec<_>, Vec<_>) =
            split_at_first(known, |segment| index.live().contains_key(&segment.base));
        if !dead.is_empty() {
            // After a kill the stored state goes on from its last flush: what it needs must still be there,
            // or the start has to rebuild it.
            index.store().flush()?;
            // The outcomes that make a segment dead must not be lost with it gone.
            self.segments.sync()?;
        }
        for segment in dead {
            FailPoint::BeforeRemoval.reached();
            self.segments.remove(segment.base)?;
            FailPoint::AfterRemoval.reached();
        }
        let size = self.report(index)?;
        let live: u64 = index.live().values().sum();
        match rest.first() {
            Some(front) if size > live.saturating_mul(2) + SLACK_SEGMENTS * self.segment_size => {
                self.copy_forward(front, index, journal)
            }
            _ => Ok(()),
        }
    }

    fn report(&self, index: &QueueIndex) -> Result<u64, StorageError> {
        let mut size = 0;
        for segment in self.segments.all() {
            size += segment.file_len()?;
        }
        metrics::gauge!(names::JOURNAL_SIZE).set(size as f64);
        metrics::gauge!(names::JOURNAL_LIVE).set(index.live().values().sum::<u64>() as f64);
        Ok(size)
    }

    /// Copies the next few live messages of `front` to the end of the journal.
    fn copy_forward(
        &mut self,
        front: &Segment,
        index: &mut QueueIndex,
        journal: &Sender<Request>,
    ) -> Result<(), StorageError> {
        let from = match self.emptying {
            Some((base, from)) if base == front.base => from,
            _ => front.base,
        };
        let mut survivors = Vec::new();
        let (mut next, mut bytes) = (front.base, 0);
        scan::scan_segment(front, from, Bodies::Trusted, &mut |found| {
            if bytes < COPY_BYTES {
                let len = u64::from(found.location.len);
                next = found.location.lsn + len;
                if let Some((found, entries)) = survivor(index, found)?
                    && !entries.iter().any(|entry| index.is_in_doubt(entry.key()))
                {
                    bytes += len;
                    survivors.push((found, entries));
                }
            }
            Ok(())
        })?;
        self.emptying = (!survivors.is_empty()).then_some((front.base, next));
        for (record, entries) in survivors {
            let id = entries.first().map(|entry| entry.key().id.to_string());
            match self.copy(&record, entries) {
                Ok(append) => self.ask_for(append, journal),
                // It stays where it is, and so does its segment, until its delivery sets it aside.
                Err(error) => tracing::error!(id, %error, "message not copied forward"),
            }
        }
        Ok(())
    }

    /// Copies the message at `location` once more, as its entries stand now.
    pub(crate) fn copy_again(
        &mut self,
        location: Location,
        index: &mut QueueIndex,
        journal: &Sender<Request>,
    ) -> Result<(), StorageError> {
        let (record, _) = scan::load(&self.segments, location)?;
        match survivor(index, Found { location, record })? {
            Some((found, entries)) => {
                let append = self.copy(&found, entries)?;
                self.ask_for(append, journal);
            }
            None => index.corrected(location),
        }
        Ok(())
    }

    fn ask_for(&mut self, copy: Append, journal: &Sender<Request>) {
        FailPoint::BeforeCopy.reached();
        if journal.send(Request::Append(copy)).is_ok() {
            self.outstanding += 1;
            metrics::counter!(names::RELOCATED).increment(1);
        }
    }

    fn copy(&self, at: &Found, entries: Vec<QueueEntry>) -> Result<Append, StorageError> {
        let (record, body) = scan::load(&self.segments, at.location)?;
        let (Record::Accepted { envelope, .. } | Record::Relocated { envelope, .. }) = record else {
            return Err(StorageError::Missing { lsn: at.location.lsn });
        };
        let content = match body {
            LoadedBody::Whole(body) => Content::whole(body),
            LoadedBody::Damaged(_) => {
                let key = entries.first().map(QueueEntry::key);
                return Err(key.map_or(StorageError::Missing { lsn: at.location.lsn }, |key| {
                    StorageError::Damaged { key, lsn: at.location.lsn }
                }));
            }
        };
        let meta = Record::Relocated { envelope, entries: entries.clone() }.encode()?;
        let body_crc = content.checksum();
        Ok(Append { meta, content, body_crc, change: Change::Relocated(entries), waiter: Waiter::Relocation })
    }
}

/// The items before the first that `stops`, and the others.
fn split_at_first<T>(items: impl Iterator<Item = T>, stops: impl Fn(&T) -> bool) -> (Vec<T>, Vec<T>) {
    let mut before: Vec<T> = items.collect();
    let at = before.iter().position(stops).unwrap_or(before.len());
    let rest = before.split_off(at);
    (before, rest)
}

/// The record's entries that still live in it, if it is a message's.
fn survivor(index: &QueueIndex, found: Found) -> Result<Option<(Found, Vec<QueueEntry>)>, StorageError> {
    let (Record::Accepted { envelope, .. } | Record::Relocated { envelope, .. }) = &found.record else {
        return Ok(None);
    };
    let mut live = Vec::new();
    for entry in QueueEntry::for_envelope(envelope, envelope.accepted_at) {
        if let Some(entry) = index.get(entry.key())?
            && entry.location.lsn == found.location.lsn
        {
            live.push(entry);
        }
    }
    Ok((!live.is_empty()).then_some((found, live)))
}
