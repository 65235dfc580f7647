//! Reading: a message's events, or those of a stretch of time.

use super::{
    SKEW,
    cursor::Cursor,
    event::{Event, EventKind, LoggedEvent},
    files::{self, Day},
    record::Header,
};
use crate::error::StorageError;
use mailwright_engine::{id::QueueId, smtp::verdict::Outcome, time::UnixMillis};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
    vec,
};

/// How long after the last recipient was settled a message's events are still looked for: reports about it.
const LINGER: Duration = Duration::from_secs(60);

/// Reads the log in a folder, also while it is written. Every call blocks: make it off the actors' thread.
#[derive(Debug, Clone)]
pub struct EventReader {
    dir: PathBuf,
}

/// Which events of a stretch of time to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanFilter {
    /// Of these kinds only; empty for all.
    pub kinds: Vec<EventKind>,
    /// About this message only.
    pub about: Option<QueueId>,
}

/// Where a search for a message's events ends, found or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineLimits {
    /// Most events told.
    pub events: usize,
    /// Most octets of log looked through; a gigabyte takes about a second.
    pub bytes: u64,
}

impl Default for TimelineLimits {
    /// 1,000 events, 8 GiB.
    fn default() -> Self {
        Self { events: 1_000, bytes: 8 << 30 }
    }
}

/// Why a timeline ends where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelineEnd {
    /// That is all there is.
    Complete,
    /// A limit was reached: there may be more.
    LimitReached,
}

/// A message's events in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The events.
    pub events: Vec<LoggedEvent>,
    /// Whether they are all.
    pub end: TimelineEnd,
}

impl EventReader {
    /// A reader of the log in `dir`, which need not exist yet.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The events from `from` to `to`, both inclusive, that match.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn scan(&self, from: UnixMillis, to: UnixMillis, filter: &ScanFilter) -> Result<Scan, StorageError> {
        let (first, last) = (Day::of(earlier(from)), Day::of(to.saturating_add(SKEW)));
        let mut days = files::days(&self.dir)?;
        days.retain(|day| (first..=last).contains(day));
        let bit = |kind: &EventKind| 1_u32 << (*kind as u8);
        let kinds = if filter.kinds.is_empty() { &EventKind::ALL[..] } else { &filter.kinds };
        Ok(Scan {
            dir: self.dir.clone(),
            days: days.into_iter(),
            from,
            to,
            kinds: kinds.iter().map(bit).fold(0, |all, kind| all | kind),
            about: filter.about.map(QueueId::as_raw),
            cursor: None,
            bytes: 0,
            damaged: 0,
        })
    }

    /// The events about the message `id`, which was accepted at the time its id says, up to `now`. Stops a
    /// minute of log after its last recipient was settled.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn events_of(
        &self,
        id: QueueId,
        now: UnixMillis,
        limits: TimelineLimits,
    ) -> Result<Timeline, StorageError> {
        let accepted = UnixMillis::new(id.as_raw() / 1_000);
        let mut scan = self.scan(accepted, now, &ScanFilter { about: Some(id), kinds: Vec::new() })?;
        let mut open = OpenRecipients::default();
        let mut events = Vec::new();
        while let Some(logged) = scan.next_within(limits.bytes)? {
            if events.len() >= limits.events {
                return Ok(Timeline { events, end: TimelineEnd::LimitReached });
            }
            open.note(&logged.event);
            if open.are_none() {
                scan.to = scan.to.min(logged.at.saturating_add(LINGER));
            }
            events.push(logged);
        }
        let cut_short = scan.bytes_passed() >= limits.bytes;
        let end = if cut_short { TimelineEnd::LimitReached } else { TimelineEnd::Complete };
        Ok(Timeline { events, end })
    }
}

fn earlier(at: UnixMillis) -> UnixMillis {
    let skew = u64::try_from(SKEW.as_millis()).unwrap_or(u64::MAX);
    UnixMillis::new(at.as_millis().saturating_sub(skew))
}

/// Which recipients of a message are not settled, as its events tell.
#[derive(Default)]
struct OpenRecipients {
    /// `None` until the acceptance was met.
    all: Option<usize>,
    settled: HashSet<u16>,
}

impl OpenRecipients {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Accepted(accepted) => self.all = usize::try_from(accepted.recipients).ok(),
            Event::Attempt(attempt) if attempt.outcome != Outcome::Soft => {
                self.settled.insert(attempt.recipient);
            }
            Event::Expired(expired) => drop(self.settled.insert(expired.recipient)),
            Event::Cancelled(cancelled) => self.settled.extend(&cancelled.recipients),
            _ => {}
        }
    }

    fn are_none(&self) -> bool {
        self.all.is_some_and(|all| self.settled.len() >= all)
    }
}

/// Events of a stretch of time, in the order in which they were written. Damaged stretches are passed over.
pub struct Scan {
    dir: PathBuf,
    days: vec::IntoIter<Day>,
    from: UnixMillis,
    to: UnixMillis,
    /// One bit a kind.
    kinds: u32,
    about: Option<u64>,
    /// The file under way and where reading it began.
    cursor: Option<(Cursor, u64)>,
    /// Octets and damage of the files behind.
    bytes: u64,
    damaged: u64,
}

impl Scan {
    /// Damaged stretches and records met so far: what they held is not told.
    pub fn damaged(&self) -> u64 {
        self.damaged + self.cursor.as_ref().map_or(0, |(cursor, _)| cursor.damaged())
    }

    pub(super) fn bytes_passed(&self) -> u64 {
        self.bytes
            + self.cursor.as_ref().map_or(0, |(cursor, began)| cursor.position().saturating_sub(*began))
    }

    /// The next event, `None` at the end or once `bytes` octets were passed.
    fn next_within(&mut self, bytes: u64) -> Result<Option<LoggedEvent>, StorageError> {
        while self.bytes_passed() < bytes {
            let Some((mut cursor, began)) = self.current()? else { break };
            let header = cursor.step()?;
            let wanted = header.as_ref().filter(|header| self.wants(header));
            let found = wanted.and_then(|header| cursor.read(header));
            match header {
                // Records are in order but for the skew: what follows is later still.
                Some(header) if header.at > self.to.saturating_add(SKEW) => {
                    self.days = Vec::new().into_iter();
                }
                Some(_) => {
                    self.cursor = Some((cursor, began));
                    if found.is_some() {
                        return Ok(found);
                    }
                    continue;
                }
                None => {}
            }
            self.bytes += cursor.position().saturating_sub(began);
            self.damaged += cursor.damaged();
        }
        Ok(None)
    }

    /// The cursor of the file under way, or of the next.
    fn current(&mut self) -> Result<Option<(Cursor, u64)>, StorageError> {
        if let Some(under_way) = self.cursor.take() {
            return Ok(Some(under_way));
        }
        for day in self.days.by_ref() {
            if let Some(mut cursor) = Cursor::open(&day.log(&self.dir))? {
                cursor.seek(earlier(self.from))?;
                let began = cursor.position();
                return Ok(Some((cursor, began)));
            }
        }
        Ok(None)
    }

    fn wants(&self, header: &Header) -> bool {
        (self.from..=self.to).contains(&header.at)
            && self.about.is_none_or(|id| id == header.id)
            && self.kinds & 1_u32.checked_shl(header.kind.into()).unwrap_or(0) != 0
    }
}

impl Iterator for Scan {
    type Item = Result<LoggedEvent, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_within(u64::MAX).transpose()
    }
}
