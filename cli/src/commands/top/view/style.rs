//! How things look. Colour never says what a sign or a word does not.

use crate::commands::top::model::rows::Level;
use ratatui::style::{Color, Modifier, Style};

/// Whether there are colours (<https://no-color.org>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    Colours,
    Plain,
}

impl Theme {
    /// As the environment says: no colours where `NO_COLOR` is set to anything.
    pub(crate) fn of_environment() -> Self {
        let forbids = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if forbids { Self::Plain } else { Self::Colours }
    }

    fn colour(self, colour: Color) -> Style {
        match self {
            Self::Colours => Style::new().fg(colour),
            Self::Plain => Style::new(),
        }
    }

    /// A row of a table.
    pub(crate) fn row(self, level: Level) -> Style {
        match level {
            Level::Calm => Style::new(),
            Level::Waiting => self.colour(Color::Yellow),
            Level::Wrong => self.colour(Color::Red).add_modifier(Modifier::BOLD),
        }
    }

    /// Heads of columns, names of figures.
    pub(crate) fn label(self) -> Style {
        self.colour(Color::Cyan)
    }

    /// What is well.
    pub(crate) fn well(self) -> Style {
        self.colour(Color::Green)
    }

    /// The row, tab or question that has the keys.
    pub(crate) const fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}
