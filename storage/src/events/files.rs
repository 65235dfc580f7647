//! The files of the log, one a day.

use crate::error::StorageError;
use mailwright_engine::time::UnixMillis;
use std::{
    fmt,
    path::{Path, PathBuf},
};

const DAY_MILLIS: u64 = 86_400_000;

/// A day of UTC, counted from the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(u64);

impl Day {
    pub(crate) const fn of(at: UnixMillis) -> Self {
        Self(at.as_millis() / DAY_MILLIS)
    }

    /// The day with this number.
    pub(crate) const fn numbered(number: u64) -> Self {
        Self(number)
    }

    /// Its number, from the epoch.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// When it begins.
    pub(crate) const fn start(self) -> UnixMillis {
        UnixMillis::new(self.0.saturating_mul(DAY_MILLIS))
    }

    /// The day `days` before this one.
    pub(crate) const fn before(self, days: u64) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// The day after this one.
    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Where its events are.
    pub(crate) fn log(self, dir: &Path) -> PathBuf {
        dir.join(format!("{self}.log"))
    }

    fn of_file(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        Self::parse(name.strip_suffix(".log")?)
    }

    /// The day written as `2026-11-21`.
    pub(crate) fn parse(date: &str) -> Option<Self> {
        UnixMillis::from_date(date).map(Self::of)
    }
}

impl fmt::Display for Day {
    /// `2026-11-21`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = self.start().to_string();
        f.write_str(midnight.split('T').next().unwrap_or_default())
    }
}

/// The days that have a file, oldest first.
pub(crate) fn days(dir: &Path) -> Result<Vec<Day>, StorageError> {
    let list = match std::fs::read_dir(dir) {
        Ok(list) => list,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StorageError::io("read", dir, error)),
    };
    let mut days = Vec::new();
    for item in list {
        let path = item.map_err(|e| StorageError::io("read", dir, e))?.path();
        days.extend(Day::of_file(&path));
    }
    days.sort_unstable();
    Ok(days)
}

/// Deletes the files of days before `oldest`.
pub(super) fn delete_before(dir: &Path, oldest: Day) -> Result<(), StorageError> {
    for day in days(dir)?.into_iter().filter(|day| *day < oldest) {
        let path = day.log(dir);
        std::fs::remove_file(&path).map_err(|e| StorageError::io("remove", &path, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_old_days_are_deleted_and_other_files_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["2026-11-19.log", "2026-11-20.log", "2026-11-21.log", "notes.txt", "2026-13-01.log"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let today = Day::of(UnixMillis::from_date("2026-11-21").unwrap());
        assert_eq!(today.log(dir.path()), dir.path().join("2026-11-21.log"));
        assert_eq!(days(dir.path()).unwrap(), [today.before(2), today.before(1), today]);
        delete_before(dir.path(), today.before(1)).unwrap();
        assert_eq!(days(dir.path()).unwrap(), [today.before(1), today]);
        assert!(dir.path().join("notes.txt").exists() && dir.path().join("2026-13-01.log").exists());
        assert_eq!(days(&dir.path().join("missing")).unwrap(), []);
    }
}
