//! Words and numbers for a terminal: nothing in them acts on it.

use crate::commands::table::short;
use serde_json::Value;
use std::time::Duration;

/// Characters that turn the direction of what follows, or hide themselves.
const INVISIBLE: [std::ops::RangeInclusive<char>; 4] =
    ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{2069}', '\u{feff}'..='\u{feff}'];

/// `text` as one line: what a terminal would obey or not show becomes a visible mark. Replies are their senders' words.
pub(super) fn plain(text: &str) -> String {
    let acts = |c: char| c.is_control() || INVISIBLE.iter().any(|range| range.contains(&c));
    text.chars().map(|c| if acts(c) { '·' } else { c }).collect()
}

/// The same for all text of an answer: the one gate between what others say and the screen.
pub(super) fn plain_answer(answer: Value) -> Value {
    match answer {
        Value::String(text) => plain(&text).into(),
        Value::Array(values) => values.into_iter().map(plain_answer).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (plain(&name), plain_answer(value)));
            Value::Object(fields.collect())
        }
        other => other,
    }
}

/// A number of things: exact below 100,000.
pub(super) fn count(number: f64) -> String {
    match number {
        n if n >= 99_999_500.0 => format!("{:.0}M", n / 1e6),
        n if n >= 999_500.0 => format!("{:.1}M", n / 1e6),
        n if n >= 100_000.0 => format!("{:.0}k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// So many a second.
pub(super) fn rate(number: f64) -> String {
    if number >= 99.95 { count(number) } else { format!("{number:.1}") }
}

/// A short time in seconds, with its unit.
pub(super) fn seconds(time: f64) -> String {
    match time {
        t if t < 0.0095 => format!("{:.1}ms", t * 1e3),
        t if t < 0.9995 => format!("{:.0}ms", t * 1e3),
        t if t < 59.95 => format!("{t:.1}s"),
        t => short(Duration::from_secs_f64(t.min(1e9))),
    }
}

/// Octets, with their unit.
pub(super) fn octets(octets: f64) -> String {
    const MIB: f64 = 1024.0 * 1024.0;
    match octets {
        o if o >= 10.0 * 1024.0 * MIB => format!("{:.0} GiB", o / 1024.0 / MIB),
        o if o >= 1024.0 * MIB => format!("{:.1} GiB", o / 1024.0 / MIB),
        o => format!("{:.0} MiB", o / MIB),
    }
}

/// Values as bars of eight heights, the newest at the right end of `width` characters.
pub(super) fn bars(values: &[f64], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = values.get(values.len().saturating_sub(width)..).unwrap_or_default();
    let most = shown.iter().copied().fold(0.0, f64::max);
    let bar = |value: &f64| match most {
        0.0 => BARS[0],
        most => BARS.get((value / most * 7.0).round() as usize).copied().unwrap_or(' '),
    };
    let bars: String = shown.iter().map(bar).collect();
    format!("{bars:>width$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_that_a_receiver_says_reaches_the_terminal_as_an_order() {
        let hostile = "550 \u{1b}]0;owned\u{7}\u{1b}[2J\r\nno\u{9b}31m \u{202e}desrever\u{200b}\t.";
        let shown = plain(hostile);
        assert_eq!(shown, "550 ·]0;owned··[2J··no·31m ·desrever··.");
        let answer = json!({ "a\n": [hostile, { "b": hostile }], "n": 7 });
        assert_eq!(plain_answer(answer), json!({ "a·": [shown, { "b": shown }], "n": 7 }));
    }

    #[test]
    fn numbers_are_short_at_any_size() {
        let counts = [0.0, 99_999.0, 100_000.0, 1_234_567.0, 123_456_789.0].map(count);
        assert_eq!(counts, ["0", "99999", "100k", "1.2M", "123M"]);
        assert_eq!([0.04, 12.34, 99.96, 1234.0].map(rate), ["0.0", "12.3", "100", "1234"]);
        let times = [0.00021, 0.012, 1.26, 90.0, f64::MAX].map(seconds);
        assert_eq!(times[..4], ["0.2ms", "12ms", "1.3s", "1m 30s"]);
        assert_eq!([1.5e6, 5e9, 5e10].map(octets), ["1 MiB", "4.7 GiB", "47 GiB"]);
    }

    #[test]
    fn bars_show_the_newest_at_the_right() {
        assert_eq!(bars(&[9.0, 0.0, 7.0, 3.5], 3), "▁█▅");
        assert_eq!(bars(&[0.0], 3), "  ▁");
        assert_eq!(bars(&[], 2), "  ");
    }
}
