//! Lists: filtered, in pages, the newest message first.

use super::{
    day::{self, hash, hour_of, id_of, of_key},
    filter::{ActivityCursor, ActivityFilter, ListStart, Scope},
    indexer::Shared,
    model::{Activity, Arrival, Direction, Message, Recipient, Status, TAKEN},
    tables,
};
use crate::{
    error::StorageError,
    events::{event::Checks, files::Day},
};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, Row, ToSql, types::Value};
use std::path::Path;

/// Lines looked at for one page, so that a filter that matches hardly any does not take long: a page may be short and
/// not the last.
const SCANNED: usize = 20_000;
/// Lines of a day that are counted to choose an index.
const COUNTED: i64 = 2_000;
/// Hours of a day.
const HOURS: i64 = 24;
/// Columns of a recipient, before those of its message.
const OF_RECIPIENT: usize = 13;
/// Columns of a message that say what it is, before those that say how it came.
const OF_MESSAGE: usize = 10;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// The lines.
    pub lines: Vec<Activity>,
    /// Where the next page begins; `None` after the last one. A page without lines need not be the last.
    pub next: Option<ActivityCursor>,
}

/// A walk over days and their lines, from the newest back.
pub(super) struct Walk<'a> {
    pub(super) dir: &'a Path,
    pub(super) shared: &'a Shared,
    pub(super) scope: &'a Scope,
    pub(super) limit: usize,
    pub(super) oldest: Day,
}

/// Where a walk has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There is no further line.
    List,
    /// The page is full, or enough lines have been looked at.
    Page,
}

/// What is found as it is found.
struct Found {
    lines: Vec<Activity>,
    scanned: usize,
}

impl Walk<'_> {
    pub(super) fn page(&self, from: ListStart) -> Result<ListPage, StorageError> {
        let mut cursor = from.cursor();
        let mut found = Found { lines: Vec::new(), scanned: 0 };
        let first = cursor.filter.since.map_or(self.oldest, |since| Day::of(since).max(self.oldest));
        let last = cursor.filter.until.map_or(cursor.day, |until| Day::of(until).number().min(cursor.day));
        let mut days = day::days(self.dir)?;
        days.retain(|day| *day >= first && day.number() <= last);
        for day in days.into_iter().rev() {
            let below = if day.number() == cursor.day { cursor.below } else { i64::MAX };
            cursor.move_to(day, below);
            let fault = |error| self.shared.fault(day, &error);
            let Some(db) = day::open_to_read(self.dir, day).map_err(fault)? else { continue };
            if self.walk(&db, day, &mut cursor, &mut found).map_err(fault)? == End::Page {
                return Ok(ListPage { lines: found.lines, next: Some(cursor) });
            }
        }
        Ok(ListPage { lines: found.lines, next: None })
    }

    fn walk(
        &self,
        db: &Connection,
        day: Day,
        cursor: &mut ActivityCursor,
        found: &mut Found,
    ) -> rusqlite::Result<End> {
        let view = db.unchecked_transaction()?;
        let filter = cursor.filter.clone();
        let bounds = Bounds::of(&filter, day, cursor.below);
        let way = Way::choose(&view, self.scope, &filter)?;
        for hour in way.hours(bounds) {
            let mut statement = view.prepare_cached(&way.sql())?;
            let parameters: [&dyn ToSql; 4] = [&bounds.from, &bounds.below, &hour, &way.value];
            let used = if way.column.is_some() { 4 } else { 2 };
            let mut rows = statement.query(parameters.get(..used).unwrap_or_default())?;
            while let Some(row) = rows.next()? {
                if found.lines.len() == self.limit || found.scanned == SCANNED {
                    return Ok(End::Page);
                }
                found.scanned += 1;
                cursor.below = row.get(0)?;
                let line = line(row, day, self.scope.direction)?;
                if self.scope.sees(&line.message) && filter.matches(&line) {
                    found.lines.push(line);
                }
            }
        }
        Ok(End::List)
    }
}

/// Keys of a day between which lines may match.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    from: i64,
    below: i64,
}

impl Bounds {
    fn of(filter: &ActivityFilter, day: Day, below: i64) -> Self {
        let key = |at: UnixMillis| {
            let micros = at.as_millis().saturating_sub(day.start().as_millis()).saturating_mul(1_000);
            i64::try_from(micros).ok().and_then(|number| day::key_of(number, 0)).unwrap_or(i64::MAX)
        };
        // Within the millisecond the line itself is asked.
        let until = filter.until.filter(|until| Day::of(*until) <= day).map_or(i64::MAX, key);
        Self { from: filter.since.map_or(0, key), below: below.min(until) }
    }
}

/// How the lines that may match are found: by the index that leaves the fewest of them.
struct Way {
    direction: Direction,
    /// The index and its column, and what else makes SQLite see that the index has all that is asked for.
    column: Option<(&'static str, &'static str)>,
    value: Value,
}

impl Way {
    fn choose(view: &Connection, scope: &Scope, filter: &ActivityFilter) -> rusqlite::Result<Self> {
        let direction = scope.direction;
        let mut best = (i64::MAX, Self { direction, column: None, value: Value::Null });
        let ways = Self::all(scope, filter);
        let only = ways.len() == 1;
        for way in ways {
            let count = if only { 0 } else { way.count(view)? };
            if count < best.0 {
                best = (count, way);
            }
        }
        Ok(best.1)
    }

    /// The indexes that can be used, likely good ones first.
    fn all(scope: &Scope, filter: &ActivityFilter) -> Vec<Self> {
        let direction = scope.direction;
        let by = |column, known, value| Self { direction, column: Some((column, known)), value };
        let hashed = |column, known, text: &Option<String>| {
            text.as_deref().map(|text| by(column, known, Value::Integer(hash(text))))
        };
        let zone = scope.zones.as_ref().and_then(|zones| match zones.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        });
        let status = filter.status.map(Status::stored).filter(|status| *status != TAKEN);
        let class = filter.class.clone().filter(|class| !class.is_empty());
        // Of mail from the world that goes nowhere there is no destination.
        let somewhere = match direction {
            Direction::Sending => "",
            Direction::Routing => "AND r.address <> ''",
        };
        let mut ways = vec![
            hashed("email", somewhere, &filter.recipient),
            hashed("message_id", "AND r.message_id IS NOT NULL", &filter.message_id),
        ];
        ways.extend(match direction {
            Direction::Sending => vec![hashed("campaign", "AND r.campaign IS NOT NULL", &filter.campaign)],
            Direction::Routing => vec![
                hashed("ours", "", &filter.addressed),
                hashed("author", "", &filter.from),
                hashed("envelope", "", &filter.envelope_from),
                hashed("author_domain", "", &filter.sending_domain),
            ],
        });
        ways.extend([
            class.map(|class| by("class", "AND r.class <> ''", Value::Text(class))),
            status.map(|status| by("status", "AND r.status <> 1", Value::Integer(status))),
            hashed("domain", somewhere, &filter.domain),
            hashed("zone", "AND r.zone IS NOT NULL", &zone),
            hashed("account", "AND r.account IS NOT NULL", &scope.account),
        ]);
        ways.into_iter().flatten().collect()
    }

    /// About how many lines it leaves of the day.
    fn count(&self, view: &Connection) -> rusqlite::Result<i64> {
        let Some((column, known)) = self.column else { return Ok(i64::MAX) };
        let hours: Vec<_> = (0..HOURS).map(|hour| hour.to_string()).collect();
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} r INDEXED BY {}_{column}
             WHERE r.hour IN ({}) AND r.{column} = ? {known} LIMIT {COUNTED})",
            tables::table(self.direction),
            tables::index(self.direction),
            hours.join(", ")
        );
        view.prepare_cached(&sql)?.query_row([&self.value], |row| row.get(0))
    }

    /// The hours to look through, the latest first; one for a way without an index, which knows none.
    fn hours(&self, bounds: Bounds) -> Vec<i64> {
        let hour = |key| hour_of(of_key(key).0).clamp(0, HOURS - 1);
        match self.column {
            Some(_) => (hour(bounds.from)..=hour(bounds.below)).rev().collect(),
            None => vec![0],
        }
    }

    fn sql(&self) -> String {
        let table = tables::table(self.direction);
        let (columns, joined) = tables::line(self.direction);
        let (index, condition) = match self.column {
            Some((column, known)) => (
                format!("INDEXED BY {}_{column}", tables::index(self.direction)),
                format!("AND r.hour = ?3 AND r.{column} = ?4 {known}"),
            ),
            None => (String::new(), String::new()),
        };
        format!(
            "SELECT {columns} FROM {table} r {index} {joined}
             WHERE r.key >= ?1 AND r.key < ?2 {condition} ORDER BY r.key DESC"
        )
    }
}

/// Reads a line of a list.
fn line(row: &Row<'_>, day: Day, direction: Direction) -> rusqlite::Result<Activity> {
    let (number, _) = of_key(row.get(0)?);
    let message = message(row, day, number, OF_RECIPIENT)?;
    Ok(Activity { message, recipient: recipient(row, direction)? })
}

/// Reads a recipient, whose columns come first.
pub(super) fn recipient(row: &Row<'_>, direction: Direction) -> rusqlite::Result<Recipient> {
    let (_, index) = of_key(row.get(0)?);
    Ok(Recipient {
        index,
        address: row.get(1)?,
        status: Status::of_stored(row.get(2)?, direction),
        class: row.get(3)?,
        code: row.get(4)?,
        reply: row.get(5)?,
        changed: time(row.get(6)?),
        attempts: row.get(7)?,
        next_attempt: row.get::<_, Option<i64>>(8)?.map(time),
        bounced_late: row.get(9)?,
        complained: row.get::<_, Option<i64>>(10)?.map(time),
        unsubscribed: row.get::<_, Option<i64>>(11)?.map(time),
        addressed: row.get(12)?,
    })
}

/// Reads a message but for its preview, whose columns begin at `first`.
pub(super) fn message(row: &Row<'_>, day: Day, number: i64, first: usize) -> rusqlite::Result<Message> {
    let id = id_of(day, number);
    Ok(Message {
        id,
        account: row.get(first)?,
        zone: row.get(first + 1)?,
        envelope_from: row.get(first + 2)?,
        from: row.get(first + 3)?,
        message_id: row.get(first + 4)?,
        subject: row.get(first + 5)?,
        campaign: row.get(first + 6)?,
        origin: row.get(first + 7)?,
        accepted: UnixMillis::new(id.as_raw() / 1_000),
        recipients: row.get(first + 8)?,
        size: u64::try_from(row.get::<_, i64>(first + 9)?).unwrap_or_default(),
        preview: None,
        arrival: arrival(row, first + OF_MESSAGE)?,
    })
}

/// Reads how a message came, if its first column says so.
fn arrival(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Arrival>> {
    let Some(peer) = row.get(first)? else { return Ok(None) };
    let checks = Checks {
        spf: row.get(first + 2)?,
        dkim: row.get(first + 3)?,
        dmarc: row.get(first + 4)?,
        arc: row.get(first + 5)?,
    };
    Ok(Some(Arrival { peer, helo: row.get(first + 1)?, checks, spam: row.get(first + 6)? }))
}

fn time(millis: i64) -> UnixMillis {
    UnixMillis::new(u64::try_from(millis).unwrap_or_default())
}
