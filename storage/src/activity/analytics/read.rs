//! Answers, day by day.

use super::{
    super::{
        counts::{Grain, slot_of},
        day::{self, id_of},
        filter::Scope,
        indexer::Shared,
    },
    AnalyticsError, Group,
    dimension::{Dimension, Source},
    model::{Cell, Condition, Order, OrderBy, Question},
    sql::{Part, Statement, visit},
    totals::Totals,
    window::{Segment, Window},
};
use crate::events::files::Day;
use rusqlite::{Connection, ErrorCode, Row, params_from_iter, types::ValueRef};
use std::{
    cmp::Ordering,
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

/// Most groups that are gathered for an answer: some 30 MiB.
const MAX_GROUPS: usize = 100_000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between looks at the clock: well below a millisecond.
const STEPS: i32 = 10_000;

/// Somebody who answers a question.
pub(super) struct Reader<'a> {
    pub(super) dir: &'a Path,
    pub(super) shared: &'a Shared,
    pub(super) scope: &'a Scope,
    pub(super) oldest: Day,
}

/// Why a day was not read.
enum Fault {
    Database(rusqlite::Error),
    TooManyGroups,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Groups as they are found.
type Groups = HashMap<Vec<Cell>, Totals>;

impl Reader<'_> {
    /// The groups of a question.
    pub(super) fn groups(&self, question: Question) -> Result<Vec<Group>, AnalyticsError> {
        let Question { condition, dimensions, order, limit, percentiles } = question;
        let (window, rest) = Window::taken_from(condition);
        let grains = grains(dimensions.iter().copied(), &rest);
        let coarse: Vec<_> = grains.iter().copied().filter(|grain| *grain != Grain::Minute).collect();
        let mut groups = Groups::new();
        self.each_day(window, false, |db, start, part| {
            for segment in part.segments(start, &grains) {
                let asked = Part { scope: self.scope, start, segment, condition: &rest };
                add_sums(db, &asked.sums(&dimensions), dimensions.len(), &mut groups)?;
            }
            for segment in part.segments(start, &coarse).into_iter().filter(|_| percentiles) {
                let asked = Part { scope: self.scope, start, segment, condition: &rest };
                add_times(db, &asked, &dimensions, &mut groups)?;
            }
            if groups.len() > MAX_GROUPS { Err(Fault::TooManyGroups) } else { Ok(true) }
        })?;
        let found = groups.into_iter().filter(|(_, totals)| totals.count > 0);
        let mut found: Vec<_> = found.map(|(dimensions, totals)| Group { dimensions, totals }).collect();
        found.sort_unstable_by(|a, b| compare_groups(a, b, &dimensions, &order));
        found.truncate(limit);
        Ok(found)
    }

    /// The recipients of a question, as its dimensions tell them.
    pub(super) fn events(&self, question: Question) -> Result<Vec<Vec<Cell>>, AnalyticsError> {
        let Question { condition, dimensions, order, limit, .. } = question;
        let (window, rest) = Window::taken_from(condition);
        let order: Vec<_> = order
            .iter()
            .filter_map(|order| match order.by {
                OrderBy::Dimension(dimension) => Some((dimension, order.descending)),
                OrderBy::Measure(_) => None,
            })
            .collect();
        let by_time = order.first().is_none_or(|(first, _)| is_time(first));
        let oldest_first = by_time && order.first().is_some_and(|(_, descending)| !descending);
        let mut columns = dimensions.clone();
        columns.extend(order.iter().map(|(dimension, _)| *dimension));
        let mut found: Vec<Vec<Cell>> = Vec::new();
        self.each_day(window, oldest_first, |db, start, part| {
            let segment = Segment { grain: None, from: part.from, below: part.below };
            let asked = Part { scope: self.scope, start, segment, condition: &rest };
            let wanted = if by_time { limit - found.len() } else { limit };
            let statement = asked.rows(&columns, &order, oldest_first, wanted);
            each_row(db, &statement, |row| {
                found.push(cells(row, &columns, start)?);
                Ok(())
            })?;
            if !by_time {
                found.sort_by(|a, b| compare_events(a, b, dimensions.len(), &order));
                found.truncate(limit);
            }
            Ok(!by_time || found.len() < limit)
        })?;
        found.iter_mut().for_each(|event| event.truncate(dimensions.len()));
        Ok(found)
    }

    /// Reads the days of a window until `read` returns that it has enough.
    fn each_day(
        &self,
        window: Window,
        oldest_first: bool,
        mut read: impl FnMut(&Connection, i64, Window) -> Result<bool, Fault>,
    ) -> Result<(), AnalyticsError> {
        let ends = Instant::now() + PATIENCE;
        let mut days = day::days(self.dir)?;
        days.retain(|day| *day >= self.oldest);
        if !oldest_first {
            days.reverse();
        }
        for day in days {
            let start = i64::try_from(day.start().as_millis()).unwrap_or(i64::MAX);
            let Some(part) = window.of_day(start) else { continue };
            let fault = |error| self.shared.fault(day, &error);
            let Some(mut db) = day::open_to_read(self.dir, day).map_err(fault)? else { continue };
            db.progress_handler(STEPS, Some(move || Instant::now() > ends)).map_err(fault)?;
            let view = db.unchecked_transaction().map_err(fault)?;
            match read(&view, start, part) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Fault::TooManyGroups) => return Err(AnalyticsError::TooManyGroups(MAX_GROUPS)),
                Err(Fault::Database(error)) => return Err(self.failed(day, &error)),
            }
        }
        Ok(())
    }

    fn failed(&self, day: Day, error: &rusqlite::Error) -> AnalyticsError {
        if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
            return AnalyticsError::TooLong(PATIENCE);
        }
        self.shared.fault(day, error).into()
    }
}

/// The counts that have all that is asked for, coarsest first; none where it takes rows.
fn grains(dimensions: impl Iterator<Item = &'static Dimension>, condition: &Condition) -> Vec<Grain> {
    let mut grains = vec![Grain::Day, Grain::Hour, Grain::Minute];
    let mut look = |dimension: &'static Dimension| match dimension.source {
        Source::Stretch(minutes) => grains.retain(|grain| minutes % grain.minutes() == 0),
        Source::Kind(_) => {}
        Source::Moment | Source::Row(..) | Source::Message(_) => grains.clear(),
    };
    dimensions.for_each(&mut look);
    visit(condition, &mut look);
    grains
}

fn is_time(dimension: &Dimension) -> bool {
    matches!(dimension.source, Source::Stretch(_) | Source::Moment)
}

fn each_row(
    db: &Connection,
    statement: &Statement,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), Fault> {
    let mut prepared = db.prepare(&statement.text)?;
    let mut rows = prepared.query(params_from_iter(&statement.values))?;
    while let Some(row) = rows.next()? {
        read(row)?;
    }
    Ok(())
}

/// Adds what a statement sums up after `width` dimensions.
fn add_sums(db: &Connection, statement: &Statement, width: usize, groups: &mut Groups) -> Result<(), Fault> {
    each_row(db, statement, |row| {
        let sum = |column: usize| row.get::<_, Option<i64>>(width + column).map(Option::unwrap_or_default);
        let totals = Totals {
            count: sum(0)?,
            bytes: sum(1)?,
            attempts: sum(2)?,
            complaints: sum(3)?,
            unsubscribes: sum(4)?,
            hard: sum(5)?,
            soft: sum(6)?,
            took: sum(7)?,
            timed: sum(8)?,
            ..Totals::default()
        };
        let key = (0..width).map(|column| cell(row, column)).collect::<rusqlite::Result<_>>()?;
        groups.entry(key).or_default().add(&totals);
        Ok(())
    })
}

fn add_times(
    db: &Connection,
    part: &Part<'_>,
    dimensions: &[&'static Dimension],
    groups: &mut Groups,
) -> Result<(), Fault> {
    let (statement, width) = (part.times(dimensions), dimensions.len());
    each_row(db, &statement, |row| {
        let (Some(number), Some(count)): (Option<i64>, Option<i64>) = (row.get(width)?, row.get(width + 1)?)
        else {
            return Ok(());
        };
        let slot = if part.segment.grain.is_some() { number } else { slot_of(number) };
        let key = (0..width).map(|column| cell(row, column)).collect::<rusqlite::Result<_>>()?;
        *groups.entry(key).or_default().slots.entry(slot).or_default() += count;
        Ok(())
    })
}

fn cells(row: &Row<'_>, columns: &[&'static Dimension], start: i64) -> rusqlite::Result<Vec<Cell>> {
    let day = Day::numbered(u64::try_from(start).unwrap_or_default() / 86_400_000);
    let told = columns.iter().enumerate().map(|(number, column)| match cell(row, number)? {
        Cell::Number(message) if column.source == Source::SESSION => {
            Ok(Cell::Text(id_of(day, message).to_string()))
        }
        cell => Ok(cell),
    });
    told.collect()
}

fn cell(row: &Row<'_>, column: usize) -> rusqlite::Result<Cell> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(number) => Cell::Number(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Cell::Text(String::new()),
    })
}

/// Which comes first; groups that are equal in all that was asked go by their dimensions.
fn compare_groups(a: &Group, b: &Group, dimensions: &[&'static Dimension], order: &[Order]) -> Ordering {
    let by = |order: &Order| {
        let ordering = match order.by {
            OrderBy::Dimension(wanted) => {
                let at = dimensions.iter().position(|dimension| *dimension == wanted);
                at.map_or(Ordering::Equal, |at| a.dimensions.get(at).cmp(&b.dimensions.get(at)))
            }
            OrderBy::Measure(measure) => {
                let value = |group: &Group| group.totals.measure(measure).unwrap_or(f64::NEG_INFINITY);
                value(a).total_cmp(&value(b))
            }
        };
        if order.descending { ordering.reverse() } else { ordering }
    };
    let first = order.iter().map(by).find(|ordering| ordering.is_ne());
    first.unwrap_or_else(|| a.dimensions.cmp(&b.dimensions))
}

/// Which comes first: what it is ordered by follows what is told, from `first` on.
fn compare_events(a: &[Cell], b: &[Cell], first: usize, order: &[(&'static Dimension, bool)]) -> Ordering {
    let by = |(number, (_, descending)): (usize, &(&'static Dimension, bool))| {
        let ordering = a.get(first + number).cmp(&b.get(first + number));
        if *descending { ordering.reverse() } else { ordering }
    };
    order.iter().enumerate().map(by).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}
