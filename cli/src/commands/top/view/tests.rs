//! What is on the terminal, as text.

use super::*;
use crate::commands::top::{
    input::{Action, Details, Order},
    model::{Lists, Sample, numbers::Numbers, rows::Key, rows::rows},
    once,
    text::plain_answer,
};
use mailwright_engine::time::UnixMillis;
use ratatui::{Terminal, backend::TestBackend, crossterm::event::KeyCode, style::Color};
use serde_json::{Value, json};

/// 2026-11-22T12:00:00Z.
const NOON: u64 = 1_795_348_800_000;

fn moment(seconds_ago: i64) -> Value {
    let at = NOON.checked_add_signed(-seconds_ago * 1_000).unwrap();
    UnixMillis::new(at).to_string().into()
}

fn queue() -> Value {
    let domain = |name: &str, entries: u64, reason: &str, detail: &str| {
        json!({
            "name": name, "entries": entries, "due": 1, "oldest": moment(7_300), "next_due": moment(-60),
            "site": "mx.slow.example", "in_flight": 0, "reason": reason, "detail": detail, "until": moment(-90),
        })
    };
    json!({
        "totals": { "entries": 45, "due": 2, "oldest": moment(7_300), "next_due": null },
        "domain_count": 2,
        "domains": [
            domain("slow.example", 5, "rate", "the rate of 20 messages a second"),
            domain("away.example", 40, "site", "cannot connect: \u{1b}[2Jrefused"),
        ],
        "sites": [{
            "name": "mx.slow.example", "entries": 45, "due": 2, "oldest": null, "next_due": null,
            "provider": "other", "connections": 2, "hold": "the rate of 20 messages a second",
            "sources": [{
                "source": "one", "connections": 2, "opening": 0, "idle": 1, "ready": 3, "allowed": 5, "cap": 5,
                "messages_per_connection": 100, "taken_per_minute": 1_200, "dead_until": null,
                "hold": { "reason": "rate", "detail": "the rate of 20 messages a second", "until": moment(-1) },
                "rules": [{ "rule": "rate-limited", "does": "0.9 of its rate", "until": moment(-30), "times": 2 }],
            }],
        }],
        "sources": [{
            "name": "one", "addresses": ["192.0.2.1"], "ready": 3, "connections": 2, "left_today": 7, "usable": true,
        }],
        "tenants": [],
    })
}

fn sample(second: u64, at: Instant) -> Sample {
    let check = |name: &str, ok: bool| json!({ "name": name, "ok": ok, "text": "No room." });
    let version = json!({
        "version": "1.2.3", "rustc": "1.95.0", "target": "x", "features": [], "started_at": moment(3_600),
        "uptime_seconds": 3_600 + second,
    });
    let suspension = json!({
        "scope": "domain:held.example", "until": null, "reason": "moving", "by": "ann", "created": moment(60),
    });
    let numbers = Numbers {
        accepted: 100.0 * second as f64,
        delivered: 10.0 * second as f64 * second as f64,
        entries: 45.0,
        oldest: 7_300.0,
        connections: 2.0,
        memory: 1e8,
        disk_free: 2e10,
        sync: vec![(0.001, 10.0 * second as f64), (f64::INFINITY, 10.0 * second as f64)],
        ..Numbers::default()
    };
    let read = |value| plain_answer(value);
    Sample {
        at: at + Duration::from_secs(second),
        now: UnixMillis::new(NOON + second * 1_000),
        numbers,
        version: serde_json::from_value(read(version)).unwrap(),
        ready: serde_json::from_value(
            json!({ "ready": false, "checks": [check("disk", false), check("queue", true)] }),
        )
        .unwrap(),
        lists: Some(Lists {
            queue: serde_json::from_value(read(queue())).unwrap(),
            suspensions: serde_json::from_value(json!([suspension])).unwrap(),
        }),
    }
}

/// A server in trouble, watched for four seconds.
fn model(start: Instant) -> Model {
    let mut model = Model::default();
    (0..=4).step_by(2).for_each(|second| model.take(sample(second, start)));
    let failure = plain_answer(json!({
        "id": "660c1a332d979", "at": moment(3), "event": "attempt", "verdict": "deferred",
        "recipients": ["ann@slow.example"], "text": "Put off: 421\u{9b}31m try later\r\n",
    }));
    model.fail(serde_json::from_value(failure).unwrap());
    model
}

struct Drawn {
    terminal: Terminal<TestBackend>,
}

impl Drawn {
    fn new(screen: &Screen, (width, height): (u16, u16), theme: Theme) -> Self {
        let start = Instant::now();
        Self::of(&model(start), screen, (width, height), theme, start + Duration::from_secs(4))
    }

    fn of(model: &Model, screen: &Screen, size: (u16, u16), theme: Theme, now: Instant) -> Self {
        let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        let rows = rows(model, screen.pane, screen.order(), &screen.filter);
        let view = View { model, screen, rows: &rows, theme, stale: Duration::from_secs(7), now };
        terminal.draw(|frame| view.draw(frame)).unwrap();
        Self { terminal }
    }

    /// The lines, without spaces at their ends.
    fn text(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let cells = buffer.content.chunks(usize::from(buffer.area.width));
        let line = |cells: &[ratatui::buffer::Cell]| {
            cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
        };
        cells.map(line).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

fn on(pane: Pane) -> Screen {
    Screen { pane, ..Screen::default() }
}

fn text(screen: &Screen) -> String {
    Drawn::new(screen, (80, 24), Theme::Colours).text()
}

#[test]
fn at_80_by_24_everything_that_matters_is_there() {
    let expected = "\
mailwright 1.2.3 up 1h 4s  95 MiB  !NOT READY                          12:00:04Z
accepted      100/s                 ██  queue      45 waiting, oldest 2h 1m
delivered    60.0/s                 ▃█  moving     0 in flight, 2 out, 0 in
deferred      0.0/s                 ▁▁  domains    0 active, 0 in line, 0 rest
bounced       0.0/s                 ▁▁  to deliver p50 - p95 - p99 -
refused       0.0/s                 ▁▁  fsync      p99 1.0ms, 19 GiB free
[1 Domains] 2 Sites  3 Sources  4 Trouble (4)   by waiting
  DOMAIN               WAITING  OLDEST SITE/MIN HELD BY     WHY
! away.example              40   2h 1m     1200 site        cannot connect: ·[2J
~ slow.example               5   2h 1m     1200 rate        the rate of 20 messa";
    let drawn = text(&on(Pane::Domains));
    assert!(drawn.starts_with(expected), "{drawn}");
    assert!(
        drawn.ends_with("q quit  ? help  Tab pane  / filter  s sort  Enter details  p pause  r S R orders")
    );
}

#[test]
fn trouble_is_what_is_wrong_now_and_then_what_failed_last() {
    let drawn = text(&on(Pane::Trouble));
    let expected = "\
  SINCE     WHAT         WHERE           DETAIL
! now       not ready    disk            No room.
! 1m 4s     suspended    domain:held.exa by ann, until somebody resumes it: movi
! now       rule         mx.slow.example from one: rate-limited 0.9 of its rate,
! now       site         away.example    cannot connect: ·[2Jrefused
~ 7s        deferred     ann@slow.exampl Put off: 421·31m try later··";
    assert!(drawn.contains(expected), "{drawn}");
}

#[test]
fn sites_sources_details_and_help_say_what_they_should() {
    let sites = text(&on(Pane::Sites));
    assert!(sites.contains("! mx.slow.example             45         2/5     1200 rate"), "{sites}");
    let sources = text(&on(Pane::Sources));
    assert!(
        sources.contains("  one                    3           2          7 usable     192.0.2.1"),
        "{sources}"
    );
    let details = |key| Mode::Details(Details { key, answer: Some(vec!["an answer".to_owned()]), scroll: 0 });
    let mode = details(Key::Domain("slow.example".to_owned()));
    let domain = text(&Screen { mode, ..on(Pane::Domains) });
    for part in [
        "held by      rate: the rate of 20 messages",
        "2 of 5",
        "rate-limited",
        "Put off: 421·31m",
        "an answer",
    ] {
        assert!(domain.contains(part), "{part}: {domain}");
    }
    let help = text(&Screen { mode: Mode::Help, ..Screen::default() });
    assert!(help.contains("! before a row") && help.ends_with("any key: back"), "{help}");
}

#[test]
fn a_filter_and_an_order_change_the_rows_and_are_shown() {
    let mut screen = Screen { filter: "SLOW".to_owned(), ..Screen::default() };
    let press = |screen: &mut Screen| screen.press(KeyCode::Char('s').into(), &[]);
    (0..3).for_each(|_| assert_eq!(press(&mut screen), Action::None));
    let drawn = text(&screen);
    assert!(drawn.contains("by name  /SLOW") && drawn.contains("slow.example"), "{drawn}");
    assert!(!drawn.contains("away.example"), "{drawn}");
    screen.filter = "nobody".to_owned();
    assert!(text(&screen).contains("nothing matches"));
}

#[test]
fn a_question_is_asked_in_the_last_line() {
    let mode = Mode::Confirm(Order::Suspend("domain:slow.example".to_owned()));
    let drawn = text(&Screen { mode, ..Screen::default() });
    assert!(drawn.contains("Suspend domain:slow.example until somebody resumes it?  y: yes"), "{drawn}");
}

#[test]
fn a_server_that_does_not_answer_is_told_of_and_what_was_known_stays() {
    let start = Instant::now();
    let mut model = model(start);
    let draw = |model: &Model, after| {
        let now = start + Duration::from_secs(after);
        Drawn::of(model, &Screen::default(), (80, 24), Theme::Plain, now).text()
    };
    assert!(draw(&model, 5).contains("!NOT READY"));
    assert!(draw(&model, 14).contains("!no answer for 10s"));
    model.lose("no server answers".to_owned());
    let drawn = draw(&model, 5);
    assert!(drawn.contains("!reconnecting") && drawn.ends_with("no server answers"), "{drawn}");
    assert!(drawn.contains("away.example"), "{drawn}");
    model.take(sample(6, start));
    assert!(!draw(&model, 7).contains("reconnecting"));
}

#[test]
fn without_colours_there_are_none_and_signs_say_the_same() {
    let colours = |theme| {
        let drawn = Drawn::new(&Screen::default(), (80, 24), theme);
        drawn.terminal.backend().buffer().content.iter().any(|cell| cell.fg != Color::Reset)
    };
    assert!(colours(Theme::Colours) && !colours(Theme::Plain));
}

#[test]
fn any_size_of_terminal_is_drawn_on_and_a_wide_one_shows_more() {
    for size in [(1, 1), (39, 24), (80, 10), (80, 11), (40, 11), (300, 100)] {
        for pane in Pane::ALL {
            Drawn::new(&on(pane), size, Theme::Colours);
        }
    }
    assert!(Drawn::new(&Screen::default(), (39, 24), Theme::Plain).text().contains("too small"));
    let wide = Drawn::new(&Screen::default(), (130, 24), Theme::Plain).text();
    assert!(wide.contains("UNTIL") && wide.contains("in 1m 26s"), "{wide}");
}

#[test]
fn a_frame_for_scripts_has_every_table_in_full() {
    let frame = once::frame(&model(Instant::now()), 1);
    let line =
        "!  away.example  40       1    2h 1m   1200      site     in 1m 26s  cannot connect: ·[2Jrefused";
    assert!(frame.contains(line), "{frame}");
    assert!(frame.contains("and 1 more\n\nSITES\n") && frame.contains("\n\nTROUBLE\n"), "{frame}");
    assert!(!frame.chars().any(|c| c.is_control() && c != '\n'), "{frame:?}");
}
