//! What is shown of reports that came in.

use super::{Reports, database::day, database::time};
use crate::{control::ObjectId, error::StorageError};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Row, params};

/// Days of UTC, whole ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    first: i64,
    last: i64,
}

impl Days {
    /// The days from that of `since` to that of the moment before `until`.
    pub fn of(since: UnixMillis, until: UnixMillis) -> Self {
        Self { first: day(since), last: day(UnixMillis::new(until.as_millis().saturating_sub(1))) }
    }
}

/// Where mail came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceShown {
    /// The address; empty for those that were summed up.
    pub ip: String,
    /// A domain that proved that such mail was its own; empty if none did.
    pub name: String,
    /// Messages.
    pub total: u64,
    /// Those that passed DMARC.
    pub aligned: u64,
    /// Those with an aligned signature.
    pub dkim: u64,
    /// Those that passed aligned SPF.
    pub spf: u64,
    /// Those that were distrusted.
    pub quarantined: u64,
    /// Those that were refused.
    pub rejected: u64,
    /// The first day with mail: its first moment.
    pub first: UnixMillis,
    /// The last.
    pub last: UnixMillis,
}

/// A DMARC report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportShown {
    /// Who reports.
    pub organization: String,
    /// Whom to ask.
    pub email: String,
    /// His name for it.
    pub id: String,
    /// The domain that it is about.
    pub domain: String,
    /// The policy that he saw.
    pub policy: String,
    /// The time that it covers.
    pub begin: UnixMillis,
    /// Its end.
    pub end: UnixMillis,
    /// When it came.
    pub received: UnixMillis,
    /// Messages.
    pub total: u64,
    /// Those that passed.
    pub aligned: u64,
}

/// TLS sessions of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsShown {
    /// The day: its first moment.
    pub day: UnixMillis,
    /// The kind of policy.
    pub policy: String,
    /// `success`, or what failed.
    pub result: String,
    /// Sessions.
    pub sessions: u64,
}

impl Reports {
    /// Where mail in the name of a zone came from, the busiest first: `most` after the first `skip`, and how many there
    /// are.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn sources(
        &self,
        zone: &ObjectId,
        days: Days,
        (skip, most): (usize, usize),
    ) -> Result<(Vec<SourceShown>, usize), StorageError> {
        let count = "SELECT count(DISTINCT ip) FROM sources WHERE zone = ?1 AND day BETWEEN ?2 AND ?3";
        let sql = "SELECT ip, max(name), sum(total) AS all_mail, sum(aligned), sum(dkim), sum(spf), sum(quarantined),
                       sum(rejected), min(day), max(day)
                   FROM sources WHERE zone = ?1 AND day BETWEEN ?2 AND ?3
                   GROUP BY ip ORDER BY all_mail DESC, ip LIMIT ?4 OFFSET ?5";
        self.page([count, sql], zone, days, (skip, most), |row| {
            Ok(SourceShown {
                ip: row.get(0)?,
                name: row.get(1)?,
                total: sum(row, 2)?,
                aligned: sum(row, 3)?,
                dkim: sum(row, 4)?,
                spf: sum(row, 5)?,
                quarantined: sum(row, 6)?,
                rejected: sum(row, 7)?,
                first: midnight(row.get(8)?),
                last: midnight(row.get(9)?),
            })
        })
    }

    /// The DMARC reports about a zone, the newest first: `most` after the first `skip`, and how many there are.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn dmarc_reports(
        &self,
        zone: &ObjectId,
        days: Days,
        page: (usize, usize),
    ) -> Result<(Vec<ReportShown>, usize), StorageError> {
        let count =
            "SELECT count(*) FROM reports WHERE zone = ?1 AND kind = 'dmarc' AND day BETWEEN ?2 AND ?3";
        let sql =
            "SELECT organization, email, id, domain, policy, begin, end, received, total, good FROM reports
                   WHERE zone = ?1 AND kind = 'dmarc' AND day BETWEEN ?2 AND ?3
                   ORDER BY day DESC, n DESC LIMIT ?4 OFFSET ?5";
        self.page([count, sql], zone, days, page, |row| {
            Ok(ReportShown {
                organization: row.get(0)?,
                email: row.get(1)?,
                id: row.get(2)?,
                domain: row.get(3)?,
                policy: row.get(4)?,
                begin: time(row.get(5)?),
                end: time(row.get(6)?),
                received: time(row.get(7)?),
                total: sum(row, 8)?,
                aligned: sum(row, 9)?,
            })
        })
    }

    /// How TLS with the hosts of a zone went, by day, policy and result, the newest day first: `most` after the first
    /// `skip`, and how many there are.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn tls_results(
        &self,
        zone: &ObjectId,
        days: Days,
        page: (usize, usize),
    ) -> Result<(Vec<TlsShown>, usize), StorageError> {
        let count = "SELECT count(*) FROM tls WHERE zone = ?1 AND day BETWEEN ?2 AND ?3";
        let sql = "SELECT day, policy, result, sessions FROM tls WHERE zone = ?1 AND day BETWEEN ?2 AND ?3
                   ORDER BY day DESC, policy, result LIMIT ?4 OFFSET ?5";
        self.page([count, sql], zone, days, page, |row| {
            let (policy, result) = (row.get(1)?, row.get(2)?);
            Ok(TlsShown { day: midnight(row.get(0)?), policy, result, sessions: sum(row, 3)? })
        })
    }

    fn page<T>(
        &self,
        [count, sql]: [&str; 2],
        zone: &ObjectId,
        days: Days,
        (skip, most): (usize, usize),
        shown: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<(Vec<T>, usize), StorageError> {
        let Days { first, last } = days;
        let limit = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.read(|view| {
            let range = params![zone.as_str(), first, last];
            let total: u32 = view.prepare_cached(count)?.query_row(range, |row| row.get(0))?;
            let range = params![zone.as_str(), first, last, limit(most), limit(skip)];
            let mut statement = view.prepare_cached(sql)?;
            let rows = statement.query_map(range, shown)?.collect::<Result<_, _>>()?;
            Ok((rows, usize::try_from(total).unwrap_or(usize::MAX)))
        })
    }
}

fn sum(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

fn midnight(day: i64) -> UnixMillis {
    time(day.saturating_mul(86_400_000))
}
