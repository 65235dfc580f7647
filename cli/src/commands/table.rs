//! Tables and times for people at a terminal.

use mailwright_api::delivery::model::Moment;
use mailwright_engine::time::UnixMillis;
use std::time::Duration;

/// Columns as wide as their widest cell, two spaces between them, none at the end of a line.
pub(super) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows = std::iter::once(head.map(str::to_owned)).chain(rows);
    table_of(&rows.map(Vec::from).collect::<Vec<_>>())
}

/// The same of any number of columns, the head among the rows.
pub(super) fn table_of(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A length of time by its two largest units, as `2h 5m`.
pub(super) fn short(length: Duration) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let mut rest = length.as_secs();
    let mut parts = Vec::new();
    for (unit, seconds) in UNITS {
        let (count, left) = (rest / seconds, rest % seconds);
        if count > 0 || (seconds == 1 && parts.is_empty()) {
            parts.push(format!("{count}{unit}"));
        }
        rest = left;
        if parts.len() == 2 {
            break;
        }
    }
    parts.join(" ")
}

/// How long ago, or `-`.
pub(super) fn age(moment: Option<Moment>, now: UnixMillis) -> String {
    moment.map_or("-".to_owned(), |moment| short(moment.age(now)))
}

/// How long until then, `now` when it is over, or `-`.
pub(super) fn until(moment: Option<Moment>, now: UnixMillis) -> String {
    match moment.map(|moment| moment.until(now)) {
        Some(Duration::ZERO) => "now".to_owned(),
        Some(left) => format!("in {}", short(left)),
        None => "-".to_owned(),
    }
}

/// A name, or what stands for none.
pub(super) fn or_dash(name: &str) -> String {
    if name.is_empty() { "-".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_with_their_text() {
        let rows = [["a".to_owned(), "long".to_owned()], ["bbb".to_owned(), String::new()]];
        assert_eq!(table(["X", "Y"], rows), "X    Y\na    long\nbbb");
    }

    #[test]
    fn a_length_of_time_has_two_units() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (3_661, "1h 1m"), (7_200, "2h"), (180_000, "2d 2h")]
        {
            assert_eq!(short(Duration::from_secs(seconds)), text);
        }
    }
}
