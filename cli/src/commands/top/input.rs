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
            Mode::Details(details) => self.read_on(key.code, details, rows),
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
            KeyCode::Char(order @ ('r' | 'S' | 'R')) => return self.ask(order, rows),
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

    /// Asks whether an order about the chosen row is meant.
    fn ask(&mut self, order: char, rows: &[Row]) -> Action {
        let Some(row) = self.chosen(rows).and_then(|at| rows.get(at)) else { return Action::None };
        let order = match (order, &row.key, row.key.scope()) {
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

    fn read_on(&mut self, code: KeyCode, mut details: Details, rows: &[Row]) -> Action {
        let page = self.page.max(1);
        match code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => return Action::None,
            KeyCode::Up | KeyCode::Char('k') => details.scroll = details.scroll.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => details.scroll += 1,
            KeyCode::PageUp => details.scroll = details.scroll.saturating_sub(page),
            KeyCode::PageDown => details.scroll += page,
            KeyCode::Home => details.scroll = 0,
            KeyCode::Char(order @ ('r' | 'S' | 'R')) => return self.ask(order, rows),
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
mod tests {
    use super::*;
    use crate::commands::top::model::rows::Level;

    fn rows(names: &[&str]) -> Vec<Row> {
        let row = |name: &&str| Row {
            key: Key::Domain((*name).to_owned()),
            level: Level::Calm,
            cells: vec![(*name).to_owned()],
        };
        names.iter().map(row).collect()
    }

    fn press(screen: &mut Screen, code: KeyCode, rows: &[Row]) -> Action {
        screen.press(KeyEvent::new(code, KeyModifiers::NONE), rows)
    }

    fn type_in(screen: &mut Screen, keys: &str, rows: &[Row]) -> Action {
        keys.chars().map(|key| press(screen, KeyCode::Char(key), rows)).last().unwrap_or(Action::None)
    }

    #[test]
    fn the_chosen_row_stays_chosen_when_others_come_before_it() {
        let (mut screen, some) = (Screen::default(), rows(&["a", "b", "c"]));
        press(&mut screen, KeyCode::Down, &some);
        assert_eq!(screen.chosen(&some), Some(1));
        assert_eq!(screen.chosen(&rows(&["x", "y", "a", "b"])), Some(3));
        assert_eq!(screen.chosen(&rows(&["x"])), Some(0), "it is gone: the nearest that there is");
        assert_eq!(screen.chosen(&[]), None);
        for (code, at) in [(KeyCode::End, 2), (KeyCode::Down, 2), (KeyCode::PageUp, 1), (KeyCode::Home, 0)] {
            press(&mut screen, code, &some);
            assert_eq!(screen.chosen(&some), Some(at), "{code}");
        }
    }

    #[test]
    fn nothing_is_ordered_without_a_yes() {
        let (mut screen, some) = (Screen::default(), rows(&["a.example"]));
        for (key, order) in [
            ('r', Order::Retry("a.example".to_owned())),
            ('S', Order::Suspend("domain:a.example".to_owned())),
            ('R', Order::Resume("domain:a.example".to_owned())),
        ] {
            assert_eq!(type_in(&mut screen, &format!("{key}n"), &some), Action::None);
            assert_eq!(screen.mode, Mode::Browse);
            assert_eq!(press(&mut screen, KeyCode::Char(key), &some), Action::None);
            assert_eq!(screen.mode, Mode::Confirm(order.clone()));
            assert_eq!(press(&mut screen, KeyCode::Enter, &some), Action::None, "Enter is no yes");
            assert_eq!(type_in(&mut screen, &format!("{key}y"), &some), Action::Do(order));
        }
    }

    #[test]
    fn orders_say_what_they_work_on_where_they_make_no_sense() {
        let mut screen = Screen::default();
        let site = [Row { key: Key::Site("mx".to_owned()), level: Level::Calm, cells: vec![] }];
        press(&mut screen, KeyCode::Char('r'), &site);
        assert!(screen.note.as_ref().is_some_and(|note| note.contains("domain")), "{screen:?}");
        press(&mut screen, KeyCode::Char('S'), &site);
        assert_eq!(screen.mode, Mode::Confirm(Order::Suspend("site:mx".to_owned())));
    }

    #[test]
    fn a_filter_is_written_taken_and_cleared_and_keys_in_it_are_letters() {
        let mut screen = Screen::default();
        assert_eq!(type_in(&mut screen, "/qs1", &[]), Action::None);
        assert_eq!((screen.filter.as_str(), screen.pane), ("qs1", Pane::Domains));
        press(&mut screen, KeyCode::Backspace, &[]);
        press(&mut screen, KeyCode::Enter, &[]);
        assert_eq!((screen.filter.as_str(), &screen.mode), ("qs", &Mode::Browse));
        press(&mut screen, KeyCode::Esc, &[]);
        assert_eq!(screen.filter, "");
        assert_eq!(type_in(&mut screen, "q", &[]), Action::Quit);
    }

    #[test]
    fn panes_are_turned_by_number_and_around() {
        let mut screen = Screen::default();
        for (code, pane) in [
            (KeyCode::Char('3'), Pane::Sources),
            (KeyCode::Tab, Pane::Trouble),
            (KeyCode::Tab, Pane::Domains),
            (KeyCode::BackTab, Pane::Trouble),
        ] {
            press(&mut screen, code, &[]);
            assert_eq!(screen.pane, pane, "{code}");
        }
    }

    #[test]
    fn details_end_with_escape_and_take_only_the_answer_about_them() {
        let (mut screen, some) = (Screen::default(), rows(&["a"]));
        let key = Key::Domain("a".to_owned());
        assert_eq!(press(&mut screen, KeyCode::Enter, &some), Action::Look(key.clone()));
        screen.answered(&Key::Domain("b".to_owned()), vec!["no".to_owned()]);
        screen.answered(&key, vec!["yes".to_owned()]);
        assert!(
            matches!(&screen.mode, Mode::Details(details) if details.answer == Some(vec!["yes".to_owned()]))
        );
        press(&mut screen, KeyCode::Esc, &some);
        assert_eq!(screen.mode, Mode::Browse);
    }

    #[test]
    fn control_c_ends_it_whatever_has_the_keys() {
        for mode in [Mode::Browse, Mode::Filter, Mode::Help, Mode::Confirm(Order::Retry("a".to_owned()))] {
            let mut screen = Screen { mode, ..Screen::default() };
            let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(screen.press(key, &[]), Action::Quit);
        }
    }
}
