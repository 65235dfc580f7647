//! The files of the log, one a day.

use crate::error::StorageError;
use mailwright_engine::time::UnixMillis;
use std::path::{Path, PathBuf};

const DAY_MILLIS: u64 = 86_400_000;

/// A day of UTC, counted from the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Day(u64);

impl Day {
    pub(super) const fn of(at: UnixMillis) -> Self {
        Self(at.as_millis() / DAY_MILLIS)
    }

    /// The day `days` before this one.
    pub(super) const fn before(self, days: u64) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// Where its events are.
    pub(super) fn file(self, dir: &Path) -> PathBuf {
        let midnight = UnixMillis::new(self.0.saturating_mul(DAY_MILLIS)).to_string();
        let date = midnight.split('T').next().unwrap_or_default();
        dir.join(format!("{date}.log"))
    }

    fn of_file(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        UnixMillis::from_date(name.strip_suffix(".log")?).map(Self::of)
    }
}

/// The days that have a file, oldest first.
pub(super) fn days(dir: &Path) -> Result<Vec<Day>, StorageError> {
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
        let path = day.file(dir);
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
        assert_eq!(today.file(dir.path()), dir.path().join("2026-11-21.log"));
        assert_eq!(days(dir.path()).unwrap(), [today.before(2), today.before(1), today]);
        delete_before(dir.path(), today.before(1)).unwrap();
        assert_eq!(days(dir.path()).unwrap(), [today.before(1), today]);
        assert!(dir.path().join("notes.txt").exists() && dir.path().join("2026-13-01.log").exists());
        assert_eq!(days(&dir.path().join("missing")).unwrap(), []);
    }
}
