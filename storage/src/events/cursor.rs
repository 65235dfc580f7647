//! Going through one file, record by record.

use super::{
    event::LoggedEvent,
    record::{HEADER_LEN, Header, MAGIC},
};
use crate::error::StorageError;
use mailwright_engine::time::UnixMillis;
use memchr::memmem;
use std::{
    fs::File,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Octets read at a time.
const READ: usize = 1 << 20;
/// A search by time ends when it is this close: less is read faster than searched.
const CLOSE_ENOUGH: u64 = 256 << 10;

/// A place in a file of the log, as it was when opened. Damaged stretches and a torn end are passed over.
pub(super) struct Cursor {
    path: PathBuf,
    file: File,
    /// Octets of the file when it was opened.
    len: u64,
    /// Where in the file the buffer begins.
    base: u64,
    buffer: Vec<u8>,
    /// Where in the buffer the next record should begin.
    next: usize,
    /// Where in the buffer the current record is.
    current: Range<usize>,
    /// Times the thread was lost and found again. A torn end is none: it may be a record on its way.
    damaged: u64,
}

impl Cursor {
    /// At the beginning of the file; `None` if there is none (any more).
    pub(super) fn open(path: &Path) -> Result<Option<Self>, StorageError> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (len, file) = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StorageError::io("open", path, error)),
        };
        let (base, next, damaged) = (0, 0, 0);
        let path = path.to_path_buf();
        Ok(Some(Self { path, file, len, base, buffer: Vec::new(), next, current: 0..0, damaged }))
    }

    /// Damaged stretches and records met since the last [`Cursor::seek`].
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Where in the file the next record should begin.
    pub(super) fn position(&self) -> u64 {
        self.base + self.next as u64
    }

    /// Octets of the file when it was opened.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Where in the file the current record begins.
    pub(super) fn current(&self) -> u64 {
        self.base + self.current.start as u64
    }

    /// Whether what follows is the end, or a record of which the end is missing: it may be on its way.
    pub(super) fn ends_here(&mut self) -> Result<bool, StorageError> {
        if !self.fill(HEADER_LEN)? {
            return Ok(true);
        }
        let left = self.len.saturating_sub(self.position());
        Ok(Header::parse(self.rest()).is_some_and(|header| header.record_len() as u64 > left))
    }

    /// Goes to the next record and tells its header. Its content is looked at only where the header is not to
    /// be trusted: if no other record, nor the end, follows.
    pub(super) fn step(&mut self) -> Result<Option<Header>, StorageError> {
        while self.fill(HEADER_LEN)? {
            if let Some(header) = Header::parse(self.rest())
                && self.fill(header.record_len())?
                && (self.is_followed(header.record_len())? || self.is_whole(&header))
            {
                self.current = self.next..self.next + header.record_len();
                self.next = self.current.end;
                return Ok(Some(header));
            }
            self.find_magic()?;
        }
        Ok(None)
    }

    /// The event of the current record; `None` if it is damaged.
    pub(super) fn read(&mut self, header: &Header) -> Option<LoggedEvent> {
        let record = self.buffer.get(self.current.clone())?;
        let event = if header.matches(record) { header.read(record) } else { None };
        self.damaged += u64::from(event.is_none());
        event
    }

    /// The event whose record begins at `place`, if one does. Reads little more than the record.
    pub(super) fn event_at(&mut self, place: u64) -> Result<Option<LoggedEvent>, StorageError> {
        let mut record = vec![0; HEADER_LEN];
        if place.saturating_add(HEADER_LEN as u64) > self.len {
            return Ok(None);
        }
        let failed = |error| StorageError::io("read", &self.path, error);
        self.file.read_exact_at(&mut record, place).map_err(failed)?;
        let Some(header) = Header::parse(&record) else { return Ok(None) };
        if place.saturating_add(header.record_len() as u64) > self.len {
            return Ok(None);
        }
        record.resize(header.record_len(), 0);
        self.file.read_exact_at(&mut record, place).map_err(failed)?;
        Ok(if header.matches(&record) { header.read(&record) } else { None })
    }

    /// Goes to a record from which on there are all that happened at `at` or later, if records are in order.
    pub(super) fn seek(&mut self, at: UnixMillis) -> Result<(), StorageError> {
        let (mut before, mut beyond) = (0, self.len);
        while beyond - before > CLOSE_ENOUGH {
            let middle = before + (beyond - before) / 2;
            match self.first_whole_after(middle)? {
                Some((place, time)) if place < beyond && time < at => before = place,
                _ => beyond = middle,
            }
        }
        self.move_to(before);
        // What lay around the probes is met again.
        self.damaged = 0;
        Ok(())
    }

    /// Where the first record after `place` is that reads back, and its time.
    fn first_whole_after(&mut self, place: u64) -> Result<Option<(u64, UnixMillis)>, StorageError> {
        self.move_to(place);
        while self.fill(HEADER_LEN)? {
            if let Some(header) = Header::parse(self.rest())
                && self.fill(header.record_len())?
                && self.is_whole(&header)
            {
                return Ok(Some((self.position(), header.at)));
            }
            self.find_magic()?;
        }
        Ok(None)
    }

    /// Goes to this place in the file.
    pub(super) fn move_to(&mut self, place: u64) {
        self.base = place;
        self.buffer.clear();
        self.next = 0;
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.next..).unwrap_or_default()
    }

    /// Whether a record of `len` octets here ends where another begins, or at the end of the file.
    fn is_followed(&mut self, len: usize) -> Result<bool, StorageError> {
        let at_end = self.position() + len as u64 == self.len;
        Ok(at_end
            || self.fill(len + MAGIC.len())? && self.rest().get(len..).is_some_and(|r| r.starts_with(MAGIC)))
    }

    fn is_whole(&self, header: &Header) -> bool {
        self.rest().get(..header.record_len()).is_some_and(|record| header.matches(record))
    }

    /// Goes on to the next place after this one where a record may begin, or to the end.
    fn find_magic(&mut self) -> Result<(), StorageError> {
        self.next += 1;
        loop {
            match memmem::find(self.rest(), MAGIC) {
                Some(at) => {
                    self.next += at;
                    self.damaged += 1;
                    return Ok(());
                }
                None => {
                    // The magic may lie across the end of the buffer.
                    self.next = self.next.max(self.buffer.len().saturating_sub(MAGIC.len() - 1));
                    let have = self.buffer.len() - self.next;
                    if !self.fill(have + 1)? {
                        self.next = self.buffer.len();
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Makes sure that the buffer has `octets` from the next record on; `false` if the file has not.
    fn fill(&mut self, octets: usize) -> Result<bool, StorageError> {
        if self.rest().len() >= octets {
            return Ok(true);
        }
        self.buffer.drain(..self.next.min(self.buffer.len()));
        self.base += self.next as u64;
        self.next = 0;
        let have = self.buffer.len();
        let left = self.len.saturating_sub(self.base + have as u64);
        let more = usize::try_from(left).unwrap_or(READ).min(READ.max(octets));
        self.buffer.resize(have + more, 0);
        let from = self.base + have as u64;
        let read = match self.buffer.get_mut(have..) {
            Some(room) => self.file.read_exact_at(room, from),
            None => Ok(()),
        };
        read.map_err(|e| StorageError::io("read", &self.path, e))?;
        Ok(self.buffer.len() >= octets)
    }
}
