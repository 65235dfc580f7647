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
    assert!(matches!(&screen.mode, Mode::Details(details) if details.answer == Some(vec!["yes".to_owned()])));
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
