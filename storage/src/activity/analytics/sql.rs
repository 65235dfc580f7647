//! Questions as a day's database understands them. Whatever a client says is bound, never written.

use super::{
    super::{
        counts::{self, Grain},
        day::{MINUTE_MICROS, hash, key_of},
        filter::Scope,
        model::Direction,
        tables,
    },
    dimension::{Dimension, Source},
    model::{Cell, Comparison, Condition},
    window::Segment,
};
use rusqlite::types::Value;

/// Sums over counts, in the order of `read::sums`.
const OF_COUNTS: &str = "sum(c.count), sum(c.bytes), sum(c.attempts), sum(c.complaints), sum(c.unsubscribes),
    sum(iif(k.event IN ('hardBounce', 'lateBounce'), c.count, 0)), sum(iif(k.event = 'softBounce', c.count, 0)),
    sum(c.took), sum(c.timed)";
/// The same over rows. Status 1 is that a server took it.
const OF_ROWS: &str = "count(*), sum(r.size), sum(r.attempts), count(r.complained), count(r.unsubscribed),
    sum(k.event IN ('hardBounce', 'lateBounce')), sum(k.event = 'softBounce'),
    coalesce(sum(r.took) FILTER (WHERE r.status = 1), 0), count(r.took) FILTER (WHERE r.status = 1)";

/// A statement with what is bound to it.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

/// What is asked of a part of a day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) scope: &'a Scope,
    /// When the day begins, in milliseconds since 1970.
    pub(super) start: i64,
    pub(super) segment: Segment,
    pub(super) condition: &'a Condition,
}

impl Part<'_> {
    /// The sums of each group.
    pub(super) fn sums(&self, dimensions: &[&'static Dimension]) -> Statement {
        let what = if self.segment.grain.is_some() { OF_COUNTS } else { OF_ROWS };
        self.grouped("counts c", dimensions, what, "")
    }

    /// How many times to delivery each group has: by slot, or of rows by themselves.
    pub(super) fn times(&self, dimensions: &[&'static Dimension]) -> Statement {
        match self.segment.grain {
            Some(_) => self.grouped("times c", dimensions, "c.slot, sum(c.count)", "c.slot"),
            None => self.grouped("", dimensions, "r.took, count(*) FILTER (WHERE r.status = 1)", "r.took"),
        }
    }

    fn grouped(&self, table: &str, by: &[&'static Dimension], what: &str, more: &str) -> Statement {
        let columns: Vec<_> = by.iter().map(|dimension| self.expression(dimension)).collect();
        let selected: String = columns.iter().map(|column| format!("{column}, ")).collect();
        let mut statement = Statement { text: format!("SELECT {selected}{what} FROM "), values: Vec::new() };
        self.source(table, by, &mut statement);
        let groups: Vec<_> = columns.into_iter().chain((!more.is_empty()).then(|| more.to_owned())).collect();
        if !groups.is_empty() {
            statement.text += &format!(" GROUP BY {}", groups.join(", "));
        }
        statement
    }

    /// The first `limit` rows in an order: expressions are those of `order`, then the row's key.
    pub(super) fn rows(
        &self,
        columns: &[&'static Dimension],
        order: &[(&'static Dimension, bool)],
        oldest_first: bool,
        limit: usize,
    ) -> Statement {
        let selected: Vec<_> = columns.iter().map(|column| self.expression(column)).collect();
        let selected = selected.join(", ");
        let mut statement = Statement { text: format!("SELECT {selected} FROM "), values: Vec::new() };
        self.source("", columns, &mut statement);
        statement.text += " ORDER BY ";
        for (dimension, descending) in order.iter().filter(|(by, _)| by.source != Source::Moment) {
            let direction = if *descending { "DESC" } else { "ASC" };
            statement.text += &format!("{} {direction}, ", self.expression(dimension));
        }
        statement.text += if oldest_first { "r.key ASC LIMIT ?" } else { "r.key DESC LIMIT ?" };
        statement.values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        statement
    }

    /// What it is read from, and which of it.
    fn source(&self, table: &str, columns: &[&'static Dimension], statement: &mut Statement) {
        match self.segment.grain {
            Some(grain) => self.read_counts(table, grain, statement),
            None => self.read_rows(columns, statement),
        }
        let Scope { account, zones, direction } = self.scope;
        statement.add(" AND k.direction = ?", Value::Integer(counts::direction(*direction).into()));
        if let Some(account) = account {
            statement.add(" AND k.account = ?", Value::Text(account.clone()));
        }
        if let Some(zones) = zones {
            statement.text += " AND k.zone IN (";
            statement.list(zones.iter().map(|zone| Value::Text(zone.clone())));
            statement.text.push(')');
        }
        statement.text += " AND ";
        self.condition(self.condition, statement);
    }

    /// Counts come first: there are as many as the stretch has, and their kinds are found by number.
    fn read_counts(&self, table: &str, grain: Grain, statement: &mut Statement) {
        let bucket = |at: i64| Value::Integer((at - self.start) / (grain.minutes() * 60_000));
        statement.text += table;
        statement.text += " CROSS JOIN kinds k ON k.id = c.kind";
        statement.add(" WHERE c.grain = ?", Value::Integer(grain.stored()));
        statement.add(" AND c.bucket >= ?", bucket(self.segment.from));
        statement.add(" AND c.bucket < ?", bucket(self.segment.below));
    }

    fn read_rows(&self, columns: &[&'static Dimension], statement: &mut Statement) {
        let direction = self.scope.direction;
        let key = |at: i64| {
            let number = (at - self.start).saturating_mul(1_000);
            Value::Integer(key_of(number, 0).unwrap_or(i64::MAX))
        };
        statement.text += &format!("{} r", tables::table(direction));
        let address = address_of(self.condition);
        if address.is_some() {
            statement.text += &format!(" INDEXED BY {}", of_address(direction).1);
        }
        statement.text += " CROSS JOIN kinds k ON k.id = r.kind";
        let is_of_message = |dimension: &Dimension| matches!(dimension.source, Source::Message(_));
        let mut uses_message = columns.iter().any(|column| is_of_message(column));
        visit(self.condition, &mut |dimension| uses_message |= is_of_message(dimension));
        if uses_message {
            statement.text += " CROSS JOIN messages m ON m.id = r.key >> 14";
        }
        statement.add(" WHERE r.key >= ?", key(self.segment.from));
        statement.add(" AND r.key < ?", key(self.segment.below));
        if let Some(address) = address {
            let hours: Vec<_> = (0..24).map(|hour: u8| hour.to_string()).collect();
            statement.text += &format!(" AND r.hour IN ({})", hours.join(", "));
            let column = of_address(direction).0;
            let hash = Value::Integer(hash(&address.to_lowercase()));
            statement.add(&format!(" AND r.{column} = ?"), hash);
        }
    }

    /// What a dimension is of what is read.
    fn expression(&self, dimension: &Dimension) -> String {
        let start = self.start;
        match dimension.source {
            Source::Stretch(minutes) => {
                let minute = match self.segment.grain {
                    Some(grain) => format!("c.bucket * {}", grain.minutes()),
                    None => format!("(r.key >> 14) / {MINUTE_MICROS}"),
                };
                format!("({start} + {minute} / {minutes} * {minutes} * 60000)")
            }
            Source::Moment => format!("({start} + (r.key >> 14) / 1000)"),
            Source::Kind(column) => format!("k.{column}"),
            Source::Row(sent, routed) => match self.scope.direction {
                Direction::Sending => sent.to_owned(),
                Direction::Routing => routed.to_owned(),
            },
            Source::Message(expression) => expression.to_owned(),
        }
    }

    fn condition(&self, condition: &Condition, statement: &mut Statement) {
        match condition {
            Condition::All(parts) => self.joined(parts, " AND ", "1", statement),
            Condition::Any(parts) => self.joined(parts, " OR ", "0", statement),
            Condition::Compare(dimension, comparison, values) => {
                self.compare(dimension, *comparison, values, statement);
            }
        }
    }

    fn joined(&self, parts: &[Condition], word: &str, of_none: &str, statement: &mut Statement) {
        if parts.is_empty() {
            statement.text += of_none;
            return;
        }
        for (number, part) in parts.iter().enumerate() {
            statement.text += if number == 0 { "(" } else { word };
            self.condition(part, statement);
        }
        statement.text.push(')');
    }

    fn compare(
        &self,
        dimension: &Dimension,
        comparison: Comparison,
        values: &[Cell],
        statement: &mut Statement,
    ) {
        statement.text += &self.expression(dimension);
        statement.text += match comparison {
            Comparison::Is => " = (",
            Comparison::IsNot => " <> (",
            Comparison::AtLeast => " >= (",
            Comparison::AtMost => " <= (",
            Comparison::Above => " > (",
            Comparison::Below => " < (",
            Comparison::Among => " IN (",
            Comparison::NotAmong => " NOT IN (",
            Comparison::Like => " LIKE (",
            Comparison::NotLike => " NOT LIKE (",
        };
        statement.list(values.iter().map(|value| match value {
            Cell::Number(number) => Value::Integer(*number),
            Cell::Text(text) => Value::Text(text.clone()),
        }));
        statement.text.push(')');
    }
}

impl Statement {
    fn add(&mut self, text: &str, value: Value) {
        self.text += text;
        self.values.push(value);
    }

    fn list(&mut self, values: impl Iterator<Item = Value>) {
        for (number, value) in values.enumerate() {
            self.add(if number == 0 { "?" } else { ", ?" }, value);
        }
    }
}

/// Calls `visit` with each dimension that a condition compares.
pub(super) fn visit(condition: &Condition, seen: &mut impl FnMut(&'static Dimension)) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| visit(part, seen)),
        Condition::Compare(dimension, ..) => seen(dimension),
    }
}

/// The column that has the hash of the address which clients compare with, and its index.
const fn of_address(direction: Direction) -> (&'static str, &'static str) {
    match direction {
        Direction::Sending => ("email", "by_email"),
        Direction::Routing => ("ours", "routed_by_ours"),
    }
}

/// The one address that a condition is about, if it is about one.
fn address_of(condition: &Condition) -> Option<&str> {
    match condition {
        Condition::All(parts) => parts.iter().find_map(address_of),
        Condition::Compare(dimension, Comparison::Is, values) => match values.as_slice() {
            [Cell::Text(address)] if matches!(dimension.name, "envelopeTo" | "to") => Some(address),
            _ => None,
        },
        _ => None,
    }
}
