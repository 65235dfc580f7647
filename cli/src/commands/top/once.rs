//! One frame as plain text: for scripts, and terminals that can do no more.

use super::{
    model::{
        Model,
        pane::Pane,
        rows::{Row, rows},
    },
    view::{Theme, figures, state, title},
};
use crate::commands::table::table_of;
use std::time::{Duration, Instant};

/// Characters of the lines above the tables.
const WIDTH: usize = 100;

/// Everything in one text; at most `limit` rows a table.
pub(super) fn frame(model: &Model, limit: usize) -> String {
    let state = state(model, false, Duration::MAX, Instant::now());
    let title = title(model, &state, Theme::Plain, WIDTH).to_string();
    let figures = figures(model, Theme::Plain, WIDTH);
    let head: Vec<String> = [title].into_iter().chain(figures.iter().map(ToString::to_string)).collect();
    let head = head.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
    let tables = Pane::ALL.map(|pane| pane_text(pane, &rows(model, pane, 0, ""), limit));
    [head].into_iter().chain(tables).collect::<Vec<_>>().join("\n\n")
}

fn pane_text(pane: Pane, rows: &[Row], limit: usize) -> String {
    let name = pane.name().to_uppercase();
    if rows.is_empty() {
        return format!("{name}: nothing");
    }
    let heads = pane.columns().iter().map(|column| column.name.to_owned());
    let head: Vec<String> = [String::new()].into_iter().chain(heads).collect();
    let body = rows.iter().take(limit).map(|row| {
        let sign = row.level.sign().to_owned();
        [sign].into_iter().chain(row.cells.iter().cloned()).collect()
    });
    let more = rows.len().saturating_sub(limit);
    let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
    format!("{name}\n{}{more}", table_of(&[head].into_iter().chain(body).collect::<Vec<_>>()))
}
