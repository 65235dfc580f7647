//! Tables in Markdown, ready for docs/performance.md.

use crate::{Result, error::Context, generator::Load, measure::Round};
use std::io::{self, Write};

/// The columns of [`throughput`].
pub const THROUGHPUT: &[&str] = &[
    "body",
    "messages",
    "sessions",
    "accepted/s",
    "delivered/s",
    "CPU µs/message",
    "peak MiB",
    "ceiling/s",
    "ceiling CPU µs/message",
];

/// Prints the head of a table.
///
/// # Errors
/// [`crate::Error::Io`] if standard output is closed.
pub fn head(columns: &[&str]) -> Result<()> {
    row(&columns.iter().map(|column| (*column).to_owned()).collect::<Vec<_>>())?;
    // Figures are easier to compare aligned right.
    row(&vec!["---:".to_owned(); columns.len()])
}

/// Prints a row of a table, at once: the next may take a minute.
///
/// # Errors
/// [`crate::Error::Io`] if standard output is closed.
pub fn row(cells: &[String]) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "| {} |", cells.join(" | ")).and_then(|()| out.flush()).context("print a row")
}

/// The cells under [`THROUGHPUT`]. In parentheses each figure's ratio to the ceiling of the same round.
#[must_use]
pub fn throughput(size: usize, load: Load, round: &Round) -> Vec<String> {
    let Round { ceiling, server } = round;
    vec![
        kilobytes(size),
        load.messages.to_string(),
        load.sessions.to_string(),
        with_ratio(server.accepted, ceiling.accepted, 0),
        with_ratio(server.delivered, ceiling.delivered, 0),
        with_ratio(server.processor, ceiling.processor, 0),
        mebibytes(server.peak),
        format!("{:.0}", ceiling.delivered),
        format!("{:.0}", ceiling.processor),
    ]
}

/// Returns a figure with so many decimals, and in parentheses its ratio to another.
#[must_use]
pub fn with_ratio(value: f64, other: f64, decimals: usize) -> String {
    format!("{value:.decimals$} ({:.2})", value / other.max(f64::EPSILON))
}

/// Returns a size as people name it; a kilobyte is 1,000 octets.
#[must_use]
pub fn kilobytes(octets: usize) -> String {
    format!("{} kB", octets / 1_000)
}

/// Returns a number of bytes in MiB.
#[must_use]
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.0}", crate::measure::count(bytes) / 1_048_576.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Rates;
    use std::time::Duration;

    #[test]
    fn a_row_has_a_cell_for_each_column() {
        let none =
            Rates { accepted: 0.0, delivered: 0.0, processor: 0.0, peak: 0, helpers: 0.0, helpers_peak: 0 };
        let round = Round {
            ceiling: Rates { accepted: 10_000.0, delivered: 9_999.6, processor: 80.0, ..none },
            server: Rates { accepted: 5_000.0, delivered: 2_500.0, processor: 120.0, peak: 64 << 20, ..none },
        };
        let load = Load { sessions: 20, messages: 20_000, limit: Duration::ZERO, pace: None };
        let cells = throughput(10_000, load, &round);
        let wanted =
            ["10 kB", "20000", "20", "5000 (0.50)", "2500 (0.25)", "120 (1.50)", "64", "10000", "80"];
        assert_eq!(cells, wanted);
        assert_eq!(cells.len(), THROUGHPUT.len());
    }
}
