//! Drawing: a function of what is known and what somebody looks at.

mod header;
mod overlay;
mod style;
mod tables;
#[cfg(test)]
mod tests;

pub(super) use header::{figures, state, title};
pub(super) use style::Theme;

use super::{
    input::{Mode, Screen},
    model::{Model, pane::Pane, rows::Row, trouble},
};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::Paragraph,
};
use std::time::{Duration, Instant};

/// Lines that are no rows of a table: title, figures, tabs, heads, foot.
const FRAME: u16 = 1 + 5 + 1 + 1 + 1;
/// The least terminal that is drawn on.
const LEAST: (u16, u16) = (40, FRAME + 2);

/// What is drawn.
pub(super) struct View<'a> {
    pub(super) model: &'a Model,
    pub(super) screen: &'a Screen,
    /// The rows of the pane that is shown.
    pub(super) rows: &'a [Row],
    pub(super) theme: Theme,
    /// Silence of the server that is told of.
    pub(super) stale: Duration,
    pub(super) now: Instant,
}

/// Rows of a table on a terminal of this height.
pub(super) const fn page(height: u16) -> usize {
    height.saturating_sub(FRAME) as usize
}

impl View<'_> {
    /// Draws all of it.
    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        if area.width < LEAST.0 || area.height < LEAST.1 {
            let text = format!("too small: {} x {} is the least", LEAST.0, LEAST.1);
            return frame.render_widget(Paragraph::new(text), area);
        }
        let parts = [1, 5, 1].map(Constraint::Length).into_iter();
        let parts: Vec<_> = parts.chain([Constraint::Min(2), Constraint::Length(1)]).collect();
        let [top, figures, tabs, table, foot] = *Layout::vertical(parts).split(area) else { return };
        let width = usize::from(area.width);
        let state = header::state(self.model, self.screen.is_paused, self.stale, self.now);
        frame.render_widget(header::title(self.model, &state, self.theme, width), top);
        frame.render_widget(Paragraph::new(header::figures(self.model, self.theme, width)), figures);
        frame.render_widget(self.tabs(), tabs);
        match &self.screen.mode {
            Mode::Details(details) => overlay::details(self, details, frame, table),
            Mode::Help => overlay::help(self.theme, frame, table),
            Mode::Browse | Mode::Filter | Mode::Confirm(_) => tables::draw(self, frame, table),
        }
        self.foot(frame, foot);
    }

    fn tabs(&self) -> Line<'static> {
        let mut spans = Vec::new();
        for (number, pane) in Pane::ALL.into_iter().enumerate() {
            let troubles = trouble::conditions(self.model).len();
            let count = match pane {
                Pane::Trouble if troubles > 0 => format!(" ({troubles})"),
                _ => String::new(),
            };
            let name = format!(" {} {}{count} ", number + 1, pane.name());
            let is_shown = pane == self.screen.pane;
            // Brackets say it where nothing is reversed.
            let name = if is_shown { format!("[{}]", name.trim()) } else { name };
            spans.push(if is_shown { Span::styled(name, self.theme.chosen()) } else { Span::raw(name) });
        }
        let order = self.screen.pane.orders().get(self.screen.order()).copied().unwrap_or_default();
        spans.push(Span::raw(format!("  by {order}")));
        if !self.screen.filter.is_empty() {
            spans.push(Span::styled(format!("  /{}", self.screen.filter), self.theme.label()));
        }
        Line::from(spans)
    }

    /// The last line: a question, what came of the last order, or the keys.
    fn foot(&self, frame: &mut Frame<'_>, area: Rect) {
        let line = match &self.screen.mode {
            Mode::Confirm(order) => {
                Line::styled(format!("{}  y: yes  any other key: no", order.question()), self.theme.chosen())
            }
            Mode::Filter => Line::raw(format!("/{}_   Enter: keep  Esc: clear", self.screen.filter)),
            Mode::Details(_) => Line::raw("Esc back  arrows scroll  r retry  S suspend  R resume"),
            Mode::Help => Line::raw("any key: back"),
            Mode::Browse => match (&self.screen.note, &self.model.lost, &self.model.deaf) {
                (Some(note), ..) => Line::raw(note.clone()),
                (None, Some(lost), _) => Line::raw(lost.clone()),
                (None, None, Some(deaf)) if self.screen.pane == Pane::Trouble => {
                    Line::raw(format!("no live failures: {deaf}"))
                }
                _ => Line::raw(
                    "q quit  ? help  Tab pane  / filter  s sort  Enter details  p pause  r S R orders",
                ),
            },
        };
        frame.render_widget(line, area);
    }
}
