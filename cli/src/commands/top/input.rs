//! What keys mean. Pure: keys and rows in, actions out.

use super::model::{
    pane::Pane,
    rows::{Key, Row},
};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Most characters of a filter: as many as fit beside its prompt.
const FILTER_MAX: usize = 60;

/// What is done at once when a key was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    None,
    Quit,
    /// Ask the server about something.
    Look(Key),
    /// Have the server do something.
    Do(Order),
}

/// What an operator may have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Try the mail to a domain now.
    Retry(String),
    /// Hold a scope's mail until somebody resumes it.
    Suspend(String),
    /// End the suspension of a scope.
    Resume(String),
}

impl Order {
    /// What is asked before it is done.
    pub(super) fn question(&self) -> String {
        match self {
            Self::Retry(domain) => format!("Try all mail to {domain} now?"),
            Self::Suspend(scope) => format!("Suspend {scope} until somebody resumes it?"),
            Self::Resume(scope) => format!("Resume {scope}?"),
        }
    }
}

/// What has the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// The table.
    #[default]
    Browse,
    /// The filter, being written.
    Filter,
    /// A question: is this to be done?
    Confirm(Order),
    /// Everything about a row.
    Details(Details),
    /// The list of keys.
    Help,
}

/// Everything about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) key: Key,
    /// What the server answered; `None` while it is asked.
    pub(super) answer: Option<Vec<String>>,
    /// Lines above the first that is shown.
    pub(super) scroll: usize,
}

/// Where somebody is in a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    order: usize,
    index: usize,
    /// The row at the index when it was chosen: it stays chosen when others come before it.
    key: Option<Key>,
}

/// What somebody looks at.
#[derive(Debug, Default)]
pub(super) struct Screen {
    pub(super) pane: Pane,
    pub(super) filter: String,
    pub(super) mode: Mode,
    pub(super) is_paused: bool,
    /// What came of the last order.
    pub(super) note: Option<String>,
    /// Rows that a page of the table has.
    pub(super) page: usize,
    pub(super) places: [Place; 4],
}

impl Screen {
    /// Which of the pane's orders its rows are in.
    pub(super) fn order(&self) -> usize {
        self.place().order
    }

    /// Which of these rows is chosen; `None` if there is none.
    pub(super) fn chosen(&self, rows: &[Row]) -> Option<usize> {
        let Place { index, key, .. } = self.place();
        let is_it = |row: &Row| key.as_ref() == Some(&row.key);
        let last = rows.len().checked_sub(1)?;
        // The nearest of the same name: one message may have failed more than once.
        let found = rows.iter().enumerate().filter(|(_, row)| is_it(row)).map(|(at, _)| at);
        Some(found.min_by_key(|at| at.abs_diff(*index)).unwrap_or((*index).min(last)))
    }

    /// Takes in a key that was pressed while `rows` were shown.
    pub(super) fn press(&mut self, key: KeyEvent, rows: &[Row]) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            let ends = matches!(key.code, KeyCode::Char('c' | 'd'));
            return if ends { Action::Quit } else { Action::None };
        }
        match std::mem::take(&mut self.mode) {
            Mode::Browse => self.browse(key.code, rows),
            Mode::Filter => self.write_filter(key.code),
            Mode::Confirm(order) => match key.code {
                KeyCode::Char('y' | 'Y') => Action::Do(order),
                _ => self.say("Nothing was done."),
            },
            Mode::Details(details) => self.read_on(key.code, details),
            // Any key ends it.
            Mode::Help => Action::None,
        }
    }

    fn browse(&mut self, code: KeyCode, rows: &[Row]) -> Action {
        self.note = None;
        match code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('?' | 'h') => self.mode = Mode::Help,
            KeyCode::Char('p') => self.is_paused = !self.is_paused,
            KeyCode::Char('/') => self.mode = Mode::Filter,
            KeyCode::Char('s') => {
                let orders = self.pane.orders().len();
                let place = self.place_mut();
                place.order = (place.order + 1) % orders;
            }
            KeyCode::Char(digit @ '1'..='4') => self.turn_to(usize::from(digit as u8 - b'1')),
            KeyCode::Tab | KeyCode::Right => self.turn_to(self.number() + 1),
            KeyCode::BackTab | KeyCode::Left => self.turn_to(self.number() + Pane::ALL.len() - 1),
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Enter => return self.look(rows),
            KeyCode::Char(order @ ('r' | 'S' | 'R')) => {
                let row = self.chosen(rows).and_then(|at| rows.get(at));
                return row.map_or(Action::None, |row| self.ask(order, &row.key));
            }
            code => self.go(code, rows),
        }
        Action::None
    }

    /// Moves to another row.
    fn go(&mut self, code: KeyCode, rows: &[Row]) {
        let Some(at) = self.chosen(rows) else { return };
        let (last, page) = (rows.len() - 1, self.page.max(1));
        let to = match code {
            KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => at + 1,
            KeyCode::PageUp => at.saturating_sub(page),
            KeyCode::PageDown => at + page,
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => last,
            _ => return,
        };
        let to = to.min(last);
        let key = rows.get(to).map(|row| row.key.clone());
        let place = self.place_mut();
        (place.index, place.key) = (to, key);
    }

    fn look(&mut self, rows: &[Row]) -> Action {
        let Some(row) = self.chosen(rows).and_then(|at| rows.get(at)) else { return Action::None };
        self.mode = Mode::Details(Details { key: row.key.clone(), answer: None, scroll: 0 });
        Action::Look(row.key.clone())
    }

    /// Asks whether an order is meant.
    fn ask(&mut self, order: char, key: &Key) -> Action {
        let order = match (order, key, key.scope()) {
            ('r', Key::Domain(domain), _) => Order::Retry(domain.clone()),
            ('r', ..) => return self.say("Retry works on a domain: choose one on the first page."),
            ('S', _, Some(scope)) => Order::Suspend(scope),
            ('R', _, Some(scope)) => Order::Resume(scope),
            _ => return self.say("That works on a domain, a site, a source or a suspension."),
        };
        self.mode = Mode::Confirm(order);
        Action::None
    }

    fn write_filter(&mut self, code: KeyCode) -> Action {
        self.mode = Mode::Filter;
        match code {
            KeyCode::Enter => self.mode = Mode::Browse,
            KeyCode::Esc => {
                self.filter.clear();
                self.mode = Mode::Browse;
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) if !c.is_control() && self.filter.chars().count() < FILTER_MAX => {
                self.filter.push(c);
            }
            _ => {}
        }
        Action::None
    }

    fn read_on(&mut self, code: KeyCode, mut details: Details) -> Action {
        let page = self.page.max(1);
        match code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => return Action::None,
            KeyCode::Up | KeyCode::Char('k') => details.scroll = details.scroll.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => details.scroll += 1,
            KeyCode::PageUp => details.scroll = details.scroll.saturating_sub(page),
            KeyCode::PageDown => details.scroll += page,
            KeyCode::Home => details.scroll = 0,
            KeyCode::Char(order @ ('r' | 'S' | 'R')) => return self.ask(order, &details.key),
            _ => {}
        }
        self.mode = Mode::Details(details);
        Action::None
    }

    /// Takes in what the server said about a row, if that is still looked at.
    pub(super) fn answered(&mut self, key: &Key, lines: Vec<String>) {
        if let Mode::Details(details) = &mut self.mode
            && details.key == *key
        {
            details.answer = Some(lines);
        }
    }

    fn say(&mut self, note: &str) -> Action {
        self.note = Some(note.to_owned());
        Action::None
    }

    fn turn_to(&mut self, number: usize) {
        self.pane = Pane::ALL.get(number % Pane::ALL.len()).copied().unwrap_or_default();
    }

    fn number(&self) -> usize {
        Pane::ALL.iter().position(|pane| *pane == self.pane).unwrap_or_default()
    }

    fn place(&self) -> &Place {
        let [domains, sites, sources, trouble] = &self.places;
        match self.pane {
            Pane::Domains => domains,
            Pane::Sites => sites,
            Pane::Sources => sources,
            Pane::Trouble => trouble,
        }
    }

    fn place_mut(&mut self) -> &mut Place {
        let [domains, sites, sources, trouble] = &mut self.places;
        match self.pane {
            Pane::Domains => domains,
            Pane::Sites => sites,
            Pane::Sources => sources,
            Pane::Trouble => trouble,
        }
    }
}

#[cfg(test)]
mod tests;
