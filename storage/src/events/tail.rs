//! Following the log from a place on, while it is written.

use super::{
    cursor::Cursor,
    event::LoggedEvent,
    files,
    place::{Place, Placed},
    reader::EventReader,
};
use crate::error::StorageError;
use mailwright_engine::id::QueueId;
use std::path::{Path, PathBuf};

/// Goes through the log in the order in which it was written, over the ends of files, and stops where it ends for now.
/// Damaged stretches are passed over. Blocks.
pub struct Tail {
    dir: PathBuf,
    /// Where the next event is looked for.
    place: Place,
    /// The file under way as it was when it was opened, and whether a later one has been begun.
    file: Option<(Cursor, bool)>,
}

impl Tail {
    /// Follows the log in `dir` from `place` on.
    pub fn new(dir: &Path, place: Place) -> Self {
        Self { dir: dir.to_path_buf(), place, file: None }
    }

    /// Where the next event will be looked for: everything before it was told.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The next event, `None` if there is none yet.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn next_event(&mut self) -> Result<Option<Placed>, StorageError> {
        loop {
            let Some((mut cursor, finished)) = self.current()? else { return Ok(None) };
            if !finished && cursor.ends_here()? {
                return Ok(None);
            }
            match cursor.step()? {
                Some(header) => {
                    let place = Place::new(self.place.day(), cursor.current());
                    self.place = Place::new(place.day(), cursor.position());
                    let read = cursor.read(&header);
                    self.file = Some((cursor, finished));
                    if let Some(logged) = read {
                        return Ok(Some(Placed { place, logged }));
                    }
                }
                None if finished => self.place = Place::start(self.place.day().next()),
                None => return Ok(None),
            }
        }
    }

    /// The file under way, or the next one that has been begun.
    fn current(&mut self) -> Result<Option<(Cursor, bool)>, StorageError> {
        if let Some(under_way) = self.file.take() {
            return Ok(Some(under_way));
        }
        // Before the file is opened: once there is a later one, nothing is added to it.
        let days = files::days(&self.dir)?;
        for day in days.iter().filter(|day| **day >= self.place.day()) {
            let Some(mut cursor) = Cursor::open(&day.log(&self.dir))? else { continue };
            let offset = if *day == self.place.day() { self.place.offset().min(cursor.len()) } else { 0 };
            self.place = Place::new(*day, offset);
            cursor.move_to(offset);
            let finished = days.last().is_some_and(|last| last > day);
            return Ok(Some((cursor, finished)));
        }
        Ok(None)
    }
}

impl EventReader {
    /// The events about `id` at these places, as far as they are there.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read_at(&self, id: QueueId, places: &[Place]) -> Result<Vec<LoggedEvent>, StorageError> {
        let mut events = Vec::with_capacity(places.len());
        for of_day in places.chunk_by(|one, next| one.day() == next.day()) {
            let Some(first) = of_day.first() else { continue };
            let Some(mut cursor) = Cursor::open(&first.day().log(self.dir()))? else { continue };
            for place in of_day {
                let event = cursor.event_at(place.offset())?;
                events.extend(event.filter(|logged| logged.about == Some(id)));
            }
        }
        Ok(events)
    }
}
