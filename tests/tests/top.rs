//! `mailwright top` in a terminal: an operator sees trouble, looks closer and acts, and has the terminal back afterwards.

use std::path::Path;
use std::time::Duration;

use mailwright_tests::control;
use mailwright_tests::error::Result;
use mailwright_tests::message::SENDER;
use mailwright_tests::metrics::DEFERRED;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::terminal::{BEFORE, Terminal};
use mailwright_tests::wait;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(60);

/// Some line of the screen has all of these words.
fn has_line(screen: &str, words: &[&str]) -> bool {
    screen.lines().any(|line| words.iter().all(|word| line.contains(word)))
}

/// A server whose mail a receiver puts off for an hour: three messages to one domain, one to another.
struct Scene {
    installation: Installation,
    server: Server,
    _sandbox: Sandbox,
}

impl Scene {
    fn start() -> Result<Self> {
        let sandbox = Sandbox::with(&["defer:share=100%"])?;
        let hour = || "1h".to_owned();
        let config =
            Config { retry_first: hour(), retry_max_interval: hour(), ..Config::to(sandbox.address) };
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        let scene = Self { installation, server, _sandbox: sandbox };
        for to in ["1@many.example", "2@many.example", "3@many.example", "1@one.example"] {
            let request = json!({"from": SENDER, "to": to, "subject": "Top", "text": "text"});
            assert_eq!(scene.installation.api(&scene.server).submit(&request)?.status, 200);
        }
        scene.until_deferred(4)?;
        Ok(scene)
    }

    fn until_deferred(&self, count: u64) -> Result<()> {
        wait::until("deferrals", LIMIT, || Ok((self.server.metrics()?.get(DEFERRED) >= count).then_some(())))
    }

    fn state(&self) -> &Path {
        self.installation.state()
    }

    fn watch(&self, width: u16, height: u16) -> Result<Terminal> {
        let state = self.state().display().to_string();
        Terminal::run(&["top", "--interval", "200ms", "--state", &state], width, height)
    }
}

/// Waits until the program has ended well and the terminal is as it was.
fn until_restored(terminal: &Terminal) -> Result<()> {
    let screen = terminal.until_shows("ended with 0", LIMIT)?;
    assert!(screen.contains(BEFORE) && !screen.contains("WAITING"), "{screen}");
    // In a raw terminal nothing is shown of what is typed, and lines do not begin at the left.
    terminal.press(&["typed", "Enter"])?;
    terminal.until("an echo", LIMIT, |screen| screen.lines().filter(|line| *line == "typed").count() == 2)?;
    Ok(())
}

#[test]
fn an_operator_looks_closer_and_acts() -> Result<()> {
    if skip_without(&[Need::Tmux]) {
        return Ok(());
    }
    let scene = Scene::start()?;
    let terminal = scene.watch(80, 24)?;
    terminal.until("both domains", LIMIT, |screen| {
        has_line(screen, &["~ many.example", " 3 ", "retry"]) && has_line(screen, &["~ one.example", " 1 "])
    })?;
    terminal.press(&["/", "one.ex", "Enter"])?;
    terminal.until("the filtered rows", LIMIT, |screen| {
        screen.contains("/one.ex") && !screen.contains("many.example") && screen.contains("~ one.example")
    })?;

    terminal.press(&["Enter"])?;
    let details = terminal.until_shows("LAST REPLY", LIMIT)?;
    assert!(has_line(&details, &["held by", "retry"]) && details.contains("451"), "{details}");
    terminal.press(&["Escape"])?;
    terminal.until_shows("HELD BY", LIMIT)?;

    terminal.press(&["S"])?;
    terminal.until_shows("Suspend domain:one.example until", LIMIT)?;
    terminal.press(&["n"])?;
    terminal.until_shows("Nothing was done.", LIMIT)?;
    assert!(!control::text(scene.state(), &["suspensions"])?.contains("one.example"));
    terminal.press(&["S", "y"])?;
    terminal.until("the suspension", LIMIT, |screen| has_line(screen, &["! one.example", "suspension"]))?;
    assert!(control::text(scene.state(), &["suspensions"])?.contains("domain:one.example"));
    terminal.press(&["4"])?;
    terminal.until("it in the list of trouble", LIMIT, |screen| {
        has_line(screen, &["! ", "suspended", "domain:"])
    })?;
    terminal.press(&["R", "y"])?;
    terminal.until_shows("domain:one.example is no longer suspended.", LIMIT)?;
    assert!(!control::text(scene.state(), &["suspensions"])?.contains("one.example"));

    // What fails from now on is told as it happens.
    terminal.press(&["Escape"])?;
    terminal.until("no filter", LIMIT, |screen| !screen.contains("/one.ex"))?;
    terminal.press(&["1", "Home", "r", "y"])?;
    terminal.until_shows("3 entries to many.example are tried now.", LIMIT)?;
    scene.until_deferred(7)?;
    terminal.press(&["4"])?;
    terminal.until("a live failure", LIMIT, |screen| {
        has_line(screen, &["~ ", "deferred", "@many.example", "Put off"])
    })?;
    terminal.press(&["q"])?;
    until_restored(&terminal)
}

#[test]
fn a_server_that_goes_and_comes_back_and_a_terminal_that_grows_are_borne() -> Result<()> {
    if skip_without(&[Need::Tmux]) {
        return Ok(());
    }
    let mut scene = Scene::start()?;
    let terminal = scene.watch(80, 24)?;
    terminal.until_shows("many.example", LIMIT)?;
    assert!(!terminal.screen()?.contains("UNTIL"));
    terminal.resize(120, 30)?;
    terminal.until_shows("UNTIL", LIMIT)?;
    terminal.resize(30, 5)?;
    terminal.until_shows("too small", LIMIT)?;
    terminal.resize(80, 24)?;
    terminal.until_shows("many.example", LIMIT)?;

    scene.server.process.kill()?;
    let lost = terminal.until_shows("!reconnecting", LIMIT)?;
    assert!(lost.contains("many.example"), "{lost}");
    scene.server = scene.installation.start()?;
    terminal.until("the server again", LIMIT, |screen| {
        !screen.contains("reconnecting") && screen.contains("many.example")
    })?;
    terminal.tell_to_end()?;
    until_restored(&terminal)
}

#[test]
fn scripts_get_one_frame_without_a_terminal() -> Result<()> {
    let scene = Scene::start()?;
    let frame = control::text(scene.state(), &["top", "--once", "--interval", "200ms"])?;
    assert!(frame.starts_with("mailwright 0.") && frame.contains("\nDOMAINS\n"), "{frame}");
    assert!(has_line(&frame, &["~  many.example", "retry", "none is due"]), "{frame}");
    assert!(
        has_line(&frame, &["SITE", "CONNECTIONS"]) && has_line(&frame, &["default", "usable"]),
        "{frame}"
    );
    assert!(frame.lines().nth(1).is_some_and(|line| line.starts_with("accepted") && line.contains("/s")));

    let without = control::run(scene.state(), &["top"])?;
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(!without.status.success() && said.contains("--once"), "{said}");
    Ok(())
}
