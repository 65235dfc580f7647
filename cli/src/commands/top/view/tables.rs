//! The tables.

use super::View;
use crate::commands::top::model::{
    pane::{Column, Width},
    rows::Row,
};
use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    text::{Line, Text},
    widgets::{Cell, Paragraph, Row as Drawn, Table, TableState},
};

/// From so many columns of the terminal on, there is room for what is nice to know.
const WIDE: u16 = 110;

/// Draws the pane's rows, the chosen one in sight.
pub(super) fn draw(view: &View<'_>, frame: &mut Frame<'_>, area: Rect) {
    let columns: Vec<(usize, &Column)> = (view.screen.pane.columns().iter().enumerate())
        .filter(|(_, column)| !column.is_wide_only || area.width >= WIDE)
        .collect();
    let widths = columns.iter().map(|(_, column)| match column.width {
        Width::Exactly(width) => Constraint::Length(width),
        Width::Share(share) => Constraint::Fill(share),
    });
    let heads = columns.iter().map(|(_, column)| cell(column, column.name));
    let head = Drawn::new([Cell::new(" ")].into_iter().chain(heads)).style(view.theme.label());
    let rows = view.rows.iter().map(|row| drawn(view, row, &columns));
    let table = Table::new(rows, [Constraint::Length(1)].into_iter().chain(widths))
        .header(head)
        .row_highlight_style(view.theme.chosen());
    let mut state = TableState::new().with_selected(view.screen.chosen(view.rows));
    frame.render_stateful_widget(table, area, &mut state);
    if view.rows.is_empty() && area.height > 1 {
        let below = Rect { y: area.y + 1, height: 1, ..area };
        frame.render_widget(Paragraph::new(nothing(view)), below);
    }
}

fn drawn<'a>(view: &View<'_>, row: &'a Row, columns: &[(usize, &Column)]) -> Drawn<'a> {
    let cells =
        columns.iter().map(|(at, column)| cell(column, row.cells.get(*at).map_or("", String::as_str)));
    Drawn::new([Cell::new(row.level.sign())].into_iter().chain(cells)).style(view.theme.row(row.level))
}

fn cell<'a>(column: &Column, text: &'a str) -> Cell<'a> {
    let line = Line::raw(text);
    Cell::new(Text::from(if column.is_right { line.right_aligned() } else { line }))
}

/// What is said in place of rows.
fn nothing(view: &View<'_>) -> &'static str {
    match (&view.model.lists, view.screen.filter.is_empty()) {
        (_, false) => "  nothing matches; Esc clears the filter",
        (None, true) => "  asking …",
        (Some(_), true) => "  nothing",
    }
}
