//! What takes the place of a table for a while.

use super::{Theme, View};
use crate::commands::top::{details::known, input::Details};
use ratatui::{
    Frame,
    layout::Rect,
    text::Line,
    widgets::{Block, Borders, Paragraph, Wrap},
};

/// Every key.
const KEYS: [(&str, &str); 12] = [
    ("1..4 Tab left right", "the pane: domains, sites, sources, trouble"),
    ("arrows PgUp PgDn j k g G", "the row"),
    ("Enter", "everything about the row: limits, last replies"),
    ("/", "show only rows with this text; Esc: all"),
    ("s", "another order"),
    ("p", "stop the picture; again: go on"),
    ("r", "try the mail to the domain now"),
    ("S", "suspend the domain, site or source"),
    ("R", "end its suspension"),
    ("q Ctrl-C", "quit"),
    ("~ before a row", "it waits as it should: its time, a rate"),
    ("! before a row", "something is wrong"),
];

/// Everything about a row.
pub(super) fn details(view: &View<'_>, details: &Details, frame: &mut Frame<'_>, area: Rect) {
    let mut lines = known(view.model, &details.key);
    lines.push(String::new());
    match &details.answer {
        Some(answer) => lines.extend(answer.iter().cloned()),
        None => lines.push("asking …".to_owned()),
    }
    let block = Block::new().borders(Borders::TOP).title(format!(" {} ", details.key.name()));
    // What was written under a larger terminal must not scroll out of sight.
    let scroll = details.scroll.min(lines.len().saturating_sub(1));
    let lines: Vec<_> = lines.into_iter().map(Line::raw).collect();
    let text = Paragraph::new(lines).block(block).wrap(Wrap { trim: false });
    frame.render_widget(text.scroll((u16::try_from(scroll).unwrap_or(u16::MAX), 0)), area);
}

/// The keys.
pub(super) fn help(theme: Theme, frame: &mut Frame<'_>, area: Rect) {
    let line = |(keys, what): (&'static str, &'static str)| Line::raw(format!("{keys:26} {what}"));
    let block = Block::new().borders(Borders::TOP).title(" keys ").title_style(theme.label());
    frame
        .render_widget(Paragraph::new(KEYS.map(line).to_vec()).block(block).wrap(Wrap { trim: false }), area);
}
