//! Values, between clients and the analytics.

use async_graphql::{Name, Number, Value, indexmap::IndexMap};
use mailwright_engine::time::UnixMillis;
use mailwright_storage::activity::analytics::{Cell, Dimension, Group, Measure, ValueType};

use super::names::MEASURES;

/// Longest text to compare with, in characters.
const MAX_TEXT: usize = 998;

/// A whole number from 0 on.
pub(super) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

pub(super) fn is_date(value: &Value) -> bool {
    matches!(value, Value::String(text) if UnixMillis::from_date(text).is_some())
}

pub(super) fn is_time(value: &Value) -> bool {
    matches!(value, Value::String(text) if UnixMillis::from_rfc3339(text).is_some())
}

/// Reads what a client compares a dimension with; the error says what is wrong with it.
pub(super) fn read(dimension: &Dimension, value: &Value) -> Result<Cell, &'static str> {
    let moment = |at: UnixMillis| Cell::Number(i64::try_from(at.as_millis()).unwrap_or(i64::MAX));
    match (dimension.value_type, value) {
        (ValueType::Text, Value::String(text)) if text.chars().count() > MAX_TEXT => {
            Err("is longer than 998 characters")
        }
        (ValueType::Text, Value::String(text)) => Ok(Cell::Text(text.clone())),
        (ValueType::Flag, value) => {
            let number = whole(value).and_then(|number| i64::try_from(number).ok());
            number.map(Cell::Number).ok_or("has to be 0 or 1")
        }
        (ValueType::Date, Value::String(text)) => {
            UnixMillis::from_date(text).map(moment).ok_or("has to be a day, as \"2026-11-21\"")
        }
        (ValueType::Time, Value::String(text)) => UnixMillis::from_rfc3339(text)
            .map(moment)
            .ok_or("has to be a moment by RFC 3339, as \"2026-11-21T10:00:00Z\""),
        (ValueType::Text | ValueType::Date | ValueType::Time, _) => Err("has to be a string"),
    }
}

/// A group as clients see it.
pub(super) fn group(group: &Group, dimensions: &[&'static Dimension]) -> Value {
    let mut fields = IndexMap::new();
    fields.insert(Name::new("count"), number(group, Measure::Count));
    fields.insert(Name::new("dimensions"), row(&group.dimensions, dimensions));
    for (of, measures) in MEASURES {
        let inner = measures.iter().map(|(name, measure)| (Name::new(name), number(group, *measure)));
        fields.insert(Name::new(of), Value::Object(inner.collect()));
    }
    Value::Object(fields)
}

/// Values of these dimensions, by name.
pub(super) fn row(cells: &[Cell], dimensions: &[&'static Dimension]) -> Value {
    let fields = dimensions.iter().zip(cells);
    Value::Object(
        fields.map(|(dimension, cell)| (Name::new(dimension.name), shown(dimension, cell))).collect(),
    )
}

fn shown(dimension: &Dimension, cell: &Cell) -> Value {
    match (dimension.value_type, cell) {
        (ValueType::Date | ValueType::Time, Cell::Number(millis)) => {
            let moment = UnixMillis::new(u64::try_from(*millis).unwrap_or_default()).to_string();
            let shorter = match dimension.value_type {
                ValueType::Date => moment.split('T').next().map(ToOwned::to_owned),
                // As the service has them; exact moments all have their milliseconds, so that text sorts as time.
                _ if dimension.is_exact() => None,
                _ => moment.strip_suffix(".000Z").map(|whole| format!("{whole}Z")),
            };
            Value::String(shorter.unwrap_or(moment))
        }
        (_, Cell::Number(number)) => Value::Number((*number).into()),
        (_, Cell::Text(text)) => Value::String(text.clone()),
    }
}

/// A measure: counts and sums as whole numbers.
fn number(group: &Group, measure: Measure) -> Value {
    let Some(value) = group.totals.measure(measure) else { return Value::Null };
    match measure {
        Measure::AverageTime | Measure::AverageAttempts | Measure::TimePercentile(_) => {
            // To the thousandth, which is beyond what it is measured by.
            Number::from_f64((value * 1_000.0).round() / 1_000.0).map_or(Value::Null, Value::Number)
        }
        _ => Value::Number((value as u64).into()),
    }
}
