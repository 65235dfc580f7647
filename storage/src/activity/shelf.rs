//! The databases: how far each has come, and which are open.

use super::{
    change::MessageChange,
    counts::Kinds,
    day::{self, Progress},
    write::write,
};
use crate::{
    error::StorageError,
    events::{Place, files::Day},
    metrics as names,
};
use metrics::counter;
use rusqlite::{Connection, TransactionBehavior};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Databases that are kept open: today's, and those of messages that are retried.
const OPEN: usize = 4;

/// The databases of all days, as the one who writes them has them.
pub(super) struct Shelf {
    dir: PathBuf,
    /// The end of the log when it was opened: a database that has come further knows what a power cut has taken.
    end: Place,
    /// How far a database that is made now must be read before it has all that its day should have.
    made_whole_at: Place,
    progress: BTreeMap<Day, Progress>,
    /// The last used comes last.
    open: Vec<OpenDay>,
}

/// A database that is open.
struct OpenDay {
    day: Day,
    db: Connection,
    kinds: Kinds,
}

impl Shelf {
    /// The databases in `dir` and those that are missing for `days` of the log, which ends at `end`.
    pub(super) fn new(dir: &Path, days: Vec<Day>, end: Place) -> Result<Self, StorageError> {
        let (progress, open) = (BTreeMap::new(), Vec::new());
        let mut shelf = Self { dir: dir.to_path_buf(), end, made_whole_at: end, progress, open };
        for day in day::days(dir)?.into_iter().chain(days) {
            shelf.progress(day).map_err(|error| day::failed(&error))?;
        }
        shelf.made_whole_at = Place::start(Day::numbered(0));
        Ok(shelf)
    }

    /// Where in the log nobody has been yet, or somebody has to go again.
    pub(super) fn begin(&self) -> Place {
        let whole = self.progress.values().filter(|progress| progress.is_whole());
        let began = whole.map(|progress| progress.began).max();
        // Whatever is not whole has been read by nobody else.
        let behind = self.progress.values().filter(|progress| !progress.is_whole());
        behind.map(|progress| progress.reached).chain(began).min().unwrap_or(self.end)
    }

    /// The days whose databases do not have yet all that they should.
    pub(super) fn behind(&self) -> Vec<Day> {
        let behind = self.progress.iter().filter(|(_, progress)| !progress.is_whole());
        behind.map(|(day, _)| *day).collect()
    }

    /// Throws the database of a day away and makes an empty one, to be read up to `reached` or as far as any other.
    pub(super) fn make_anew(&mut self, day: Day, reached: Place) {
        let furthest = self.progress.values().map(|progress| progress.reached);
        self.made_whole_at = furthest.chain([reached]).max().unwrap_or(reached);
        self.forget(day);
        if let Err(error) = self.progress(day) {
            tracing::warn!(%day, %error, "the index of a day's messages was not made anew");
        }
        self.made_whole_at = Place::start(Day::numbered(0));
    }

    /// Writes what happened to messages of a day between `began` and `reached`.
    pub(super) fn write(
        &mut self,
        day: Day,
        messages: &BTreeMap<i64, MessageChange>,
        began: Place,
        reached: Place,
    ) -> rusqlite::Result<()> {
        let progress = Progress { began, reached, ..self.progress(day)? };
        // While another is made anew, this one has read further.
        if self.progress(day)?.reached > reached {
            return Ok(());
        }
        let written = self.open(day)?.write(messages, progress);
        match written {
            Ok(()) => self.progress.insert(day, progress),
            Err(error) => {
                // It remembers kinds that are not there.
                self.open.retain(|open| open.day != day);
                return Err(error);
            }
        };
        Ok(())
    }

    /// How far the database of a day has come. One that cannot be used is made anew.
    pub(super) fn progress(&mut self, day: Day) -> rusqlite::Result<Progress> {
        if let Some(progress) = self.progress.get(&day) {
            return Ok(*progress);
        }
        let found = self.found(day);
        let progress = match found {
            Ok(Some(found)) => {
                let progress = found.up_to(self.end);
                if progress != found {
                    day::set_progress(&self.open(day)?.db, progress)?;
                }
                progress
            }
            Err(error) if !day::is_damage(&error) => return Err(error),
            _ => {
                let had = day::file(&self.dir, day).metadata().is_ok_and(|file| file.len() > 0);
                if had {
                    tracing::warn!(%day, "the index of a day's messages cannot be used: it is made anew");
                    counter!(names::ACTIVITY_REBUILDS).increment(1);
                }
                self.forget(day);
                // The id of a message may be of a day later than the file that tells of its acceptance.
                let start = Place::start(day.before(1));
                let progress = Progress { began: start, reached: start, whole_at: self.made_whole_at };
                day::make(&self.dir, day, progress)?;
                progress
            }
        };
        self.progress.insert(day, progress);
        Ok(progress)
    }

    /// How far the database of a day says that it has come; `None` if there is none, or none of this version.
    fn found(&mut self, day: Day) -> rusqlite::Result<Option<Progress>> {
        if day::file(&self.dir, day).exists() { day::progress(&self.open(day)?.db) } else { Ok(None) }
    }

    /// The database of a day, of which there is one.
    fn open(&mut self, day: Day) -> rusqlite::Result<&mut OpenDay> {
        let open = match self.open.iter().position(|open| open.day == day) {
            Some(at) => self.open.remove(at),
            None => OpenDay { day, db: day::open(&self.dir, day)?, kinds: Kinds::default() },
        };
        if self.open.len() >= OPEN {
            self.open.remove(0);
        }
        self.open.push(open);
        // It was added just now.
        self.open.last_mut().ok_or(rusqlite::Error::InvalidQuery)
    }

    fn forget(&mut self, day: Day) {
        self.open.retain(|open| open.day != day);
        self.progress.remove(&day);
        if let Err(error) = day::remove(&self.dir, day) {
            tracing::warn!(%error, "the index of a day's messages was not removed");
        }
    }

    /// Deletes the databases of days before `oldest`.
    pub(super) fn delete_before(&mut self, oldest: Day) {
        match day::days(&self.dir) {
            Ok(days) => days.into_iter().filter(|day| *day < oldest).for_each(|day| self.forget(day)),
            Err(error) => tracing::warn!(%error, "old messages stay in the activity log"),
        }
    }
}

impl OpenDay {
    fn write(&mut self, messages: &BTreeMap<i64, MessageChange>, progress: Progress) -> rusqlite::Result<()> {
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        write(&transaction, self.day, &mut self.kinds, messages)?;
        day::set_progress(&transaction, progress)?;
        transaction.commit()
    }
}
