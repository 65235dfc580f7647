//! Giving back the room of what is over.

use super::{SuppressionError, Suppressions, row::millis};
use mailwright_engine::time::UnixMillis;
use rusqlite::params;
use std::time::Duration;

/// Rows removed in one transaction: what others wait for is some tens of milliseconds.
const AT_ONCE: i64 = 2_000;
/// Soft bounces kept at most, over all accounts; beyond them the oldest are forgotten first.
const MOST_SOFT_BOUNCES: i64 = 2_000_000;
/// How long removals of complaints count.
const DAY: Duration = Duration::from_secs(86_400);

/// What a purge has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Suppressions that were over.
    pub suppressions: usize,
    /// Soft bounces too old to count.
    pub soft_bounces: usize,
}

impl Suppressions {
    /// Removes what no longer counts: suppressions that are over, old soft bounces, old records of removals. To be
    /// called every few minutes, on a thread that may block; others get in between its steps.
    ///
    /// # Errors
    /// When the database cannot be changed; what was removed until then is.
    pub fn purge(&self, now: UnixMillis) -> Result<Purged, SuppressionError> {
        let before = |age: Duration| millis(now.saturating_sub(age));
        let over = "DELETE FROM suppressions WHERE row IN
                    (SELECT row FROM suppressions WHERE expires IS NOT NULL AND expires <= ?1 LIMIT ?2)";
        let old = "DELETE FROM soft_bounces WHERE (account, email, at) IN
                   (SELECT account, email, at FROM soft_bounces WHERE at <= ?1 LIMIT ?2)";
        let removals = "DELETE FROM complaint_removals WHERE rowid IN
                        (SELECT rowid FROM complaint_removals WHERE at <= ?1 LIMIT ?2)";
        let suppressions = self.purge_all(over, millis(now))?;
        let soft_bounces = self.purge_all(old, before(self.settings().soft_bounce_window))?;
        self.purge_all(removals, before(DAY))?;
        let too_many = self.oldest_kept(MOST_SOFT_BOUNCES)?;
        let too_many = too_many.map_or(Ok(0), |at| self.purge_all(old, at))?;
        Ok(Purged { suppressions, soft_bounces: soft_bounces + too_many })
    }

    /// Runs a statement, which removes at most `?2` rows of `?1` or before, until none is left.
    fn purge_all(&self, sql: &str, until: i64) -> Result<usize, SuppressionError> {
        let mut removed = 0;
        loop {
            let step = self.change(|transaction| {
                Ok(transaction.prepare_cached(sql)?.execute(params![until, AT_ONCE])?)
            })?;
            removed += step;
            if step == 0 {
                return Ok(removed);
            }
        }
    }

    /// The time of the newest soft bounce beyond the `most` newest ones; `None` if there are no more than that.
    fn oldest_kept(&self, most: i64) -> Result<Option<i64>, SuppressionError> {
        let sql = "SELECT at FROM soft_bounces ORDER BY at DESC LIMIT 1 OFFSET ?1";
        let pages = self.pages();
        let mut statement = pages.prepare_cached(sql)?;
        let mut rows = statement.query([most])?;
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
    }
}
