//! Giving back the room of what is too old.

use super::{
    ReportSettings, Reports,
    database::{day, millis},
};
use crate::error::StorageError;
use mailwright_engine::time::UnixMillis;
use rusqlite::params;
use std::time::Duration;

/// Rows removed in one transaction: what others wait for is some tens of milliseconds.
const AT_ONCE: i64 = 2_000;
/// How long it is remembered that a domain was told, and for how long it is tried to tell it.
const PERIODS_KEPT: Duration = Duration::from_secs(5 * 86_400);

impl Reports {
    /// Removes what is older than it is kept, and periods that nobody could be told of for days. To be called every few
    /// minutes, on a thread that may block; others get in between its steps. Returns how many periods went untold.
    ///
    /// # Errors
    /// When the database cannot be changed; what was removed until then is.
    pub fn purge(&self, now: UnixMillis) -> Result<u64, StorageError> {
        let oldest = day(now.saturating_sub(self.settings().keep));
        for table in ["sources", "tls"] {
            let key = if table == "sources" { "zone, day, ip" } else { "zone, day, policy, result" };
            let sql = format!(
                "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE day < ?1 LIMIT ?2)"
            );
            self.purge_all(&sql, oldest)?;
        }
        let reports = "DELETE FROM reports WHERE n IN (SELECT n FROM reports WHERE day < ?1 LIMIT ?2)";
        self.purge_all(reports, oldest)?;
        let kept = PERIODS_KEPT.max(5 * self.settings().period).max(ReportSettings::DAY);
        let over = millis(now.saturating_sub(kept));
        let untold = "DELETE FROM periods WHERE n IN
                      (SELECT n FROM periods WHERE begin < ?1 AND due IS NOT NULL LIMIT ?2)";
        let untold = self.purge_all(untold, over)?;
        let told = "DELETE FROM periods WHERE n IN (SELECT n FROM periods WHERE begin < ?1 LIMIT ?2)";
        self.purge_all(told, over)?;
        Ok(untold)
    }

    fn purge_all(&self, sql: &str, before: i64) -> Result<u64, StorageError> {
        let mut purged = 0;
        loop {
            let gone = self
                .change(|transaction| transaction.prepare_cached(sql)?.execute(params![before, AT_ONCE]))?;
            purged += gone as u64;
            if gone == 0 {
                return Ok(purged);
            }
        }
    }
}
