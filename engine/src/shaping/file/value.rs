//! Values of a shaping file. Every reader says what it wanted and what it found.

use crate::shaping::limits::{Adaptive, Rate};
use humantime_serde::re::humantime::{format_duration, parse_duration};
use std::time::Duration;
use toml::de::DeValue;

/// Longest time that a rate may count in: older events say nothing about today.
const LONGEST_RATE: Duration = Duration::from_secs(86_400);

/// A whole number from `least` to `most`.
pub(in crate::shaping) fn count(value: &DeValue<'_>, least: u32, most: u32) -> Result<u32, String> {
    let number = value.as_integer().and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok());
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("write a whole number from {least} to {most}, not {}", found(value)))
}

/// Like [`count`], of a smaller type.
pub(in crate::shaping) fn small_count(value: &DeValue<'_>, least: u16, most: u16) -> Result<u16, String> {
    let number = count(value, least.into(), most.into())?;
    u16::try_from(number).map_err(|error| error.to_string())
}

/// A duration from `least` to `most`.
pub(in crate::shaping) fn duration(
    value: &DeValue<'_>,
    least: Duration,
    most: Duration,
) -> Result<Duration, String> {
    let duration = value.as_str().and_then(|text| parse_duration(text).ok());
    duration.filter(|duration| (least..=most).contains(duration)).ok_or_else(|| {
        let (least, most) = (format_duration(least), format_duration(most));
        format!("write a duration from {least} to {most}, as \"30s\" or \"5m\", not {}", found(value))
    })
}

/// A rate, or `None` for `"none"`.
pub(in crate::shaping) fn rate(value: &DeValue<'_>) -> Result<Option<Rate>, String> {
    let wanted =
        || format!("write a rate over at most a day, as \"100/min\", or \"none\", not {}", found(value));
    match value.as_str() {
        Some("none") => Ok(None),
        text => {
            let rate = text.and_then(|text| text.parse::<Rate>().ok());
            rate.filter(|rate| rate.per <= LONGEST_RATE).map(Some).ok_or_else(wanted)
        }
    }
}

/// `true` or `false`.
pub(in crate::shaping) fn adaptive(value: &DeValue<'_>) -> Result<Adaptive, String> {
    match value.as_bool() {
        Some(true) => Ok(Adaptive::On),
        Some(false) => Ok(Adaptive::Off),
        None => Err(format!("write true or false, not {}", found(value))),
    }
}

/// One of some words.
pub(in crate::shaping) fn named<T: Copy>(value: &DeValue<'_>, named: &[(&str, T)]) -> Result<T, String> {
    let known = named.iter().find(|(name, _)| value.as_str() == Some(name)).map(|(_, value)| *value);
    known.ok_or_else(|| {
        let names = named.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        format!("write one of {names}, not {}", found(value))
    })
}

/// A part of the whole: above 0, below 1.
pub(super) fn fraction(value: &DeValue<'_>) -> Result<f64, String> {
    let number = value.as_float().and_then(|number| number.as_str().parse::<f64>().ok());
    number
        .filter(|number| *number > 0.0 && *number < 1.0)
        .ok_or_else(|| format!("write a number above 0 and below 1, as 0.5, not {}", found(value)))
}

/// A string that is not empty.
pub(super) fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value
        .as_str()
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| format!("write some text in quotation marks, not {}", found(value)))
}

/// What a value is, in words for a message, cut to what a line has room for.
pub(super) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
