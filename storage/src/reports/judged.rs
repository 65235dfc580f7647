//! What was judged, until its domain is told.

use super::{
    Reports,
    database::{millis, number, time},
};
use crate::error::StorageError;
use aws_lc_rs::digest::{SHA256, digest};
use mailwright_engine::{address::Domain, dmarc_report::JudgedMail, time::UnixMillis};
use rusqlite::{OptionalExtension, Transaction, params};
use std::{collections::HashMap, time::Duration};

/// Most domains that are told of one period.
pub const MAX_DOMAINS: u32 = 20_000;
/// Most kinds of messages of one domain in one period.
pub const MAX_KINDS: u32 = 10_000;
/// Most kinds of messages in all: some 400 MB on disk.
pub const MAX_ALL_KINDS: u32 = 500_000;
/// The part of a period within which its reports go out, each domain's in a place of its own: receivers would otherwise
/// get those of the whole world at midnight. Of a day it is four hours.
const SPREAD: u32 = 6;
/// The part of a period that passes before any report on it: what was judged last has to be written. Of a day it is
/// fourteen minutes.
const GRACE: u32 = 100;
/// Reports that are named at a time.
const AT_ONCE: u32 = 100;

/// A domain that is to be told of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueReport {
    /// The domain.
    pub domain: Domain,
    /// The period's first moment.
    pub begin: UnixMillis,
    /// Its last.
    pub end: UnixMillis,
    /// The policy that it had then, as what judged it wrote it.
    pub policy: String,
    number: i64,
}

/// Messages of one kind, counted before they are written.
type Counts<'a> = HashMap<(UnixMillis, &'a Domain), (&'a JudgedMail, HashMap<String, u64>)>;

impl Reports {
    /// Counts judged messages, with one sync for all. Those for which there is no room come back as a number.
    ///
    /// # Errors
    /// When they cannot be written; then none is counted.
    pub fn count(&self, judged: &[JudgedMail]) -> Result<u64, StorageError> {
        let mut counts = Counts::new();
        for mail in judged {
            let kinds =
                counts.entry((self.period_of(mail.at()), mail.domain())).or_insert((mail, HashMap::new()));
            // The newest policy is the one that is told.
            kinds.0 = mail;
            *kinds.1.entry(mail.kind()).or_default() += 1;
        }
        self.change(|transaction| {
            let mut lost = 0;
            let all = "SELECT ifnull(sum(kinds), 0) FROM periods";
            let mut all: u32 = transaction.prepare_cached(all)?.query_row([], |row| row.get(0))?;
            for ((begin, domain), (newest, kinds)) in &counts {
                lost += self.count_period(transaction, *begin, domain, newest, kinds, &mut all)?;
            }
            Ok(lost)
        })
    }

    fn count_period(
        &self,
        transaction: &Transaction<'_>,
        begin: UnixMillis,
        domain: &Domain,
        newest: &JudgedMail,
        kinds: &HashMap<String, u64>,
        all: &mut u32,
    ) -> rusqlite::Result<u64> {
        let everything = || kinds.values().sum();
        let Some((period, mut known)) = self.period(transaction, begin, domain, newest)? else {
            return Ok(everything());
        };
        let mut lost = 0;
        for (kind, count) in kinds {
            let hash = digest(&SHA256, kind.as_bytes());
            let hash = hash.as_ref().get(..16).unwrap_or_default();
            let sql = "UPDATE judged SET count = count + ?3 WHERE period = ?1 AND kind = ?2";
            let counted = transaction.prepare_cached(sql)?.execute(params![period, hash, number(*count)])?;
            if counted > 0 {
                continue;
            }
            if known >= MAX_KINDS || *all >= MAX_ALL_KINDS {
                lost += count;
                continue;
            }
            let sql = "INSERT INTO judged (period, kind, record, count) VALUES (?1, ?2, ?3, ?4)";
            transaction.prepare_cached(sql)?.execute(params![period, hash, kind, number(*count)])?;
            (known, *all) = (known + 1, *all + 1);
        }
        let sql = "UPDATE periods SET kinds = ?2, policy = ?3 WHERE n = ?1";
        transaction.prepare_cached(sql)?.execute(params![period, known, newest.policy()])?;
        Ok(lost)
    }

    /// The number of a period and how many kinds it has; `None` if it was reported already, or there are too many.
    fn period(
        &self,
        transaction: &Transaction<'_>,
        begin: UnixMillis,
        domain: &Domain,
        newest: &JudgedMail,
    ) -> rusqlite::Result<Option<(i64, u32)>> {
        let sql = "SELECT n, kinds, due IS NULL FROM periods WHERE begin = ?1 AND domain = ?2";
        let found =
            transaction.prepare_cached(sql)?.query_row(params![millis(begin), domain.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, bool>(2)?))
            });
        if let Some((period, kinds, is_done)) = found.optional()? {
            return Ok((!is_done).then_some((period, kinds)));
        }
        let sql = "SELECT count(*) FROM periods WHERE begin = ?1";
        let domains: u32 = transaction.prepare_cached(sql)?.query_row([millis(begin)], |row| row.get(0))?;
        if domains >= MAX_DOMAINS {
            return Ok(None);
        }
        let sql = "INSERT INTO periods (begin, domain, policy, kinds, due) VALUES (?1, ?2, ?3, 0, ?4)";
        let due = millis(self.due_time(begin, domain));
        let row = params![millis(begin), domain.as_str(), newest.policy(), due];
        transaction.prepare_cached(sql)?.execute(row)?;
        Ok(Some((transaction.last_insert_rowid(), 0)))
    }

    /// The first moment of the period that `at` is in.
    fn period_of(&self, at: UnixMillis) -> UnixMillis {
        let length = self.period_millis();
        UnixMillis::new(at.as_millis() / length * length)
    }

    fn period_millis(&self) -> u64 {
        u64::try_from(self.shared.settings.period.as_millis()).unwrap_or(u64::MAX).max(1_000)
    }

    /// When the report of a period is due.
    fn due_time(&self, begin: UnixMillis, domain: &Domain) -> UnixMillis {
        let length = Duration::from_millis(self.period_millis());
        let hash = u64::from(crc32fast::hash(domain.as_str().as_bytes())).wrapping_add(begin.as_secs());
        let spread = u64::try_from((length / SPREAD).as_millis()).unwrap_or(u64::MAX);
        let offset =
            Duration::from_millis(hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).checked_rem(spread).unwrap_or(0));
        begin.saturating_add(length).saturating_add(length / GRACE).saturating_add(offset)
    }

    /// The reports that are due by `now`, the longest due first, at most a hundred.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn due(&self, now: UnixMillis) -> Result<Vec<DueReport>, StorageError> {
        let length = Duration::from_millis(self.period_millis().saturating_sub(1));
        self.read(|view| {
            let sql = "SELECT n, domain, begin, policy FROM periods WHERE due <= ?1 ORDER BY due LIMIT ?2";
            let mut statement = view.prepare_cached(sql)?;
            let rows = statement.query_map(params![millis(now), AT_ONCE], |row| {
                let domain = Domain::parse(&row.get::<_, String>(1)?);
                let begin = time(row.get(2)?);
                let end = begin.saturating_add(length);
                let (number, policy) = (row.get(0)?, row.get(3)?);
                Ok(domain.ok().map(|domain| DueReport { domain, begin, end, policy, number }))
            })?;
            rows.filter_map(Result::transpose).collect()
        })
    }

    /// The kinds of messages that a report tells of, as what judged them wrote them, with their counts; the most
    /// frequent first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn kinds(&self, due: &DueReport) -> Result<Vec<(String, u64)>, StorageError> {
        self.read(|view| {
            let sql = "SELECT record, count FROM judged WHERE period = ?1 ORDER BY count DESC, kind";
            let mut statement = view.prepare_cached(sql)?;
            let rows = statement
                .query_map([due.number], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
            rows.collect()
        })
    }

    /// Puts a report off until `at`.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn put_off(&self, due: &DueReport, at: UnixMillis) -> Result<(), StorageError> {
        self.change(|transaction| {
            let sql = "UPDATE periods SET due = ?2 WHERE n = ?1 AND due IS NOT NULL";
            transaction.prepare_cached(sql)?.execute(params![due.number, millis(at)]).map(drop)
        })
    }

    /// Remembers that the domain was told, or will not be: what was counted goes, and nothing more is counted.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn reported(&self, due: &DueReport) -> Result<(), StorageError> {
        self.change(|transaction| {
            transaction.prepare_cached("DELETE FROM judged WHERE period = ?1")?.execute([due.number])?;
            let sql = "UPDATE periods SET due = NULL, kinds = 0 WHERE n = ?1";
            transaction.prepare_cached(sql)?.execute([due.number]).map(drop)
        })
    }
}
