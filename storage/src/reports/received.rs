//! What others report about a zone.

use super::{
    ReportSettings, Reports,
    database::{day, millis, number},
};
use crate::{control::ObjectId, error::StorageError};
use mailwright_engine::{
    report_in::{DmarcReceived, SourceRow, TlsReceived},
    time::UnixMillis,
};
use rusqlite::{OptionalExtension, Transaction, params};
use std::net::IpAddr;

/// Most sources of a zone in a day that are kept apart.
pub const MAX_SOURCES: u32 = 2_000;
/// Most reports of a kind about a zone and day.
pub const MAX_REPORTS: u32 = 2_000;
/// Most policies and results of a zone in a day that are kept apart.
const MAX_RESULTS: u32 = 200;
/// The longest time that a report may be about.
const LONGEST: u32 = 32;

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It counts.
    Counted,
    /// It was there already.
    Repeated,
    /// It is about a time that is not kept, or is still to come, or is too long.
    OutOfTime,
    /// There are too many about that day.
    Full,
}

impl Taken {
    /// In one word, for metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Repeated => "repeated",
            Self::OutOfTime => "out_of_time",
            Self::Full => "full",
        }
    }
}

/// What is kept of a report itself.
struct Head<'a> {
    kind: &'static str,
    organization: &'a str,
    id: &'a str,
    email: &'a str,
    domain: &'a str,
    policy: &'a str,
    begin: UnixMillis,
    end: UnixMillis,
    total: u64,
    good: u64,
}

impl Head<'_> {
    /// The day that it counts for: that of its middle, for days of others begin at other times.
    fn day(&self) -> i64 {
        day(self.begin.saturating_add(self.end.since(self.begin) / 2))
    }
}

impl Reports {
    /// Counts a DMARC report about a zone. Blocks for a sync.
    ///
    /// # Errors
    /// When it cannot be stored; then nothing is.
    pub fn take_dmarc(
        &self,
        zone: &ObjectId,
        report: &DmarcReceived,
        now: UnixMillis,
    ) -> Result<Taken, StorageError> {
        let head = Head {
            kind: "dmarc",
            organization: &report.organization,
            id: &report.id,
            email: &report.email,
            domain: report.domain.as_str(),
            policy: report.policy,
            begin: report.begin,
            end: report.end,
            total: report.total(),
            good: report.aligned(),
        };
        self.take(zone, &head, now, |transaction| {
            report.sources.iter().try_for_each(|source| add_source(transaction, zone, head.day(), source))
        })
    }

    /// Counts a TLS report about a zone. Blocks for a sync.
    ///
    /// # Errors
    /// When it cannot be stored; then nothing is.
    pub fn take_tls(
        &self,
        zone: &ObjectId,
        report: &TlsReceived,
        now: UnixMillis,
    ) -> Result<Taken, StorageError> {
        let sessions = |is_good: bool| {
            let all = report.results.iter().filter(|result| !is_good || result.result == "success");
            all.fold(0_u64, |sum, result| sum.saturating_add(result.sessions))
        };
        let head = Head {
            kind: "tls",
            organization: &report.organization,
            id: &report.id,
            email: &report.contact,
            domain: report.results.first().map_or("", |result| result.domain.as_str()),
            policy: "",
            begin: report.begin,
            end: report.end,
            total: sessions(false),
            good: sessions(true),
        };
        self.take(zone, &head, now, |transaction| {
            report.results.iter().try_for_each(|result| {
                let (policy, sessions) = (&result.policy, result.sessions);
                add_result(transaction, zone, head.day(), policy, &result.result, sessions)
            })
        })
    }

    fn take(
        &self,
        zone: &ObjectId,
        head: &Head<'_>,
        now: UnixMillis,
        rows: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<Taken, StorageError> {
        let oldest = now.saturating_sub(self.settings().keep);
        let latest = now.saturating_add(ReportSettings::DAY);
        let is_in_time = head.begin >= oldest
            && head.end <= latest
            && head.end.since(head.begin) <= LONGEST * ReportSettings::DAY;
        if !is_in_time {
            return Ok(Taken::OutOfTime);
        }
        self.change(|transaction| {
            if let Some(refused) = put(transaction, zone, head, now)? {
                return Ok(refused);
            }
            rows(transaction)?;
            Ok(Taken::Counted)
        })
    }
}

/// Keeps the report itself; says why not.
fn put(
    transaction: &Transaction<'_>,
    zone: &ObjectId,
    head: &Head<'_>,
    now: UnixMillis,
) -> rusqlite::Result<Option<Taken>> {
    let sql = "SELECT 1 FROM reports WHERE zone = ?1 AND kind = ?2 AND organization = ?3 AND id = ?4";
    let key = params![zone.as_str(), head.kind, head.organization, head.id];
    if transaction.prepare_cached(sql)?.exists(key)? {
        return Ok(Some(Taken::Repeated));
    }
    let sql = "SELECT count(*) FROM reports WHERE zone = ?1 AND kind = ?2 AND day = ?3";
    let there = params![zone.as_str(), head.kind, head.day()];
    let there: u32 = transaction.prepare_cached(sql)?.query_row(there, |row| row.get(0))?;
    if there >= MAX_REPORTS {
        return Ok(Some(Taken::Full));
    }
    let sql = "INSERT INTO reports
        (zone, kind, organization, id, email, domain, policy, day, begin, end, received, total, good)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    transaction.prepare_cached(sql)?.execute(params![
        zone.as_str(),
        head.kind,
        head.organization,
        head.id,
        head.email,
        head.domain,
        head.policy,
        head.day(),
        millis(head.begin),
        millis(head.end),
        millis(now),
        number(head.total),
        number(head.good),
    ])?;
    Ok(None)
}

fn add_source(
    transaction: &Transaction<'_>,
    zone: &ObjectId,
    day: i64,
    source: &SourceRow,
) -> rusqlite::Result<()> {
    let mut ip = source.ip.map(|ip: IpAddr| ip.to_string()).unwrap_or_default();
    let known = "SELECT 1 FROM sources WHERE zone = ?1 AND day = ?2 AND ip = ?3";
    let known = transaction.prepare_cached(known)?.exists(params![zone.as_str(), day, ip])?;
    let mut name = source.name.as_deref().unwrap_or_default();
    if !known {
        let there = "SELECT count(*) FROM sources WHERE zone = ?1 AND day = ?2";
        let there =
            transaction.prepare_cached(there)?.query_row(params![zone.as_str(), day], |row| row.get(0));
        if there.optional()?.unwrap_or(0) >= MAX_SOURCES {
            ip.clear();
            name = "";
        }
    }
    let sql = "INSERT INTO sources (zone, day, ip, name, total, aligned, dkim, spf, quarantined, rejected)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT (zone, day, ip) DO UPDATE SET
            name = iif(name = '', excluded.name, name), total = total + excluded.total,
            aligned = aligned + excluded.aligned, dkim = dkim + excluded.dkim, spf = spf + excluded.spf,
            quarantined = quarantined + excluded.quarantined, rejected = rejected + excluded.rejected";
    let count = |count: u64| number(count);
    transaction.prepare_cached(sql)?.execute(params![
        zone.as_str(),
        day,
        ip,
        name,
        count(source.total),
        count(source.aligned),
        count(source.dkim),
        count(source.spf),
        count(source.quarantined),
        count(source.rejected),
    ])?;
    Ok(())
}

fn add_result(
    transaction: &Transaction<'_>,
    zone: &ObjectId,
    day: i64,
    policy: &str,
    result: &str,
    sessions: u64,
) -> rusqlite::Result<()> {
    let there = "SELECT count(*) FROM tls WHERE zone = ?1 AND day = ?2";
    let there: u32 =
        transaction.prepare_cached(there)?.query_row(params![zone.as_str(), day], |row| row.get(0))?;
    // The words are few; nobody is to fill the disk with others.
    let result = if there < MAX_RESULTS { result } else { "other" };
    let sql = "INSERT INTO tls (zone, day, policy, result, sessions) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (zone, day, policy, result) DO UPDATE SET sessions = sessions + excluded.sessions";
    let row = params![zone.as_str(), day, policy, result, number(sessions)];
    transaction.prepare_cached(sql)?.execute(row)?;
    Ok(())
}
