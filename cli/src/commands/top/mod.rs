//! `mailwright top`: a live view of throughput, domains, sites and trouble.
//!
//! `source` asks the server on threads of its own, `model` makes rates and rows of what it says, `input` turns keys
//! into actions, `view` draws; `details` and `once` are other forms of the same. What comes from the server passes
//! [`text::plain_answer`], so that nobody's words can act on the terminal.

mod details;
mod input;
mod metrics_page;
mod model;
mod once;
mod source;
mod text;
mod view;

use super::{CommandError, say};
use crate::{
    control_client::{ControlClient, Place},
    stop_signals::StopSignals,
};
use humantime_serde::re::humantime;
use input::{Action, Screen};
use model::{Model, Sample, rows::rows};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event},
};
use source::Happening;
use std::{
    io::{self, IsTerminal},
    sync::mpsc::{self, Receiver, Sender, SyncSender},
    thread,
    time::{Duration, Instant},
};
use view::{Theme, View};

/// What may wait to be shown: beyond that whoever tells it waits, or counts.
const WAITING: usize = 1_024;
/// How often the picture is drawn where nothing happens: it shows for how long.
const TICK: Duration = Duration::from_secs(1);
/// The shortest interval: asking costs the server something.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

/// How to look.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one frame as text and end: for scripts, where there is no terminal
    #[arg(long)]
    once: bool,
    /// How often to ask the server; with --once, over how long rates are measured
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    interval: Duration,
    /// Rows of each table that --once prints
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    place: Place,
}

/// Shows the view until somebody quits, or prints a frame.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    if args.place.json {
        let why = "top has no JSON: `mailwright queue --json` has the tables, GET /metrics the figures";
        return Err(CommandError::Invalid(why.to_owned()));
    }
    let (client, interval) = (args.place.client()?, args.interval.max(LEAST_INTERVAL));
    let has_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    if !args.once && !has_terminal {
        let why = "top needs a terminal; `mailwright top --once` prints a frame without one";
        return Err(CommandError::Invalid(why.to_owned()));
    }
    // A server that is not there is an error as for every command; one that goes away later is waited for.
    let first = source::sample(&client, true)?;
    if args.once {
        thread::sleep(interval);
        let mut model = Model::default();
        model.take(first);
        model.take(source::sample(&client, true)?);
        return Ok(say(&once::frame(&model, args.limit))?);
    }
    watch(&client, interval, first)
}

/// Shows the view; whatever ends it, the terminal is as it was.
fn watch(client: &ControlClient, interval: Duration, first: Sample) -> Result<(), CommandError> {
    let (telling, told) = mpsc::sync_channel(WAITING);
    let (poking, pokes) = mpsc::channel();
    let mut top = Top::new(client.clone(), interval, telling.clone(), poking);
    top.model.take(first);
    let terminal = ratatui::try_init();
    let ended = terminal.map_err(CommandError::from).and_then(|mut terminal| {
        start_threads(client, interval, pokes, &telling);
        top.run(&mut terminal, &told)
    });
    // The picture goes before an error is told.
    let restored = ratatui::try_restore();
    ended.and(Ok(restored?))
}

/// Everything that tells the screen something.
fn start_threads(
    client: &ControlClient,
    interval: Duration,
    pokes: Receiver<()>,
    telling: &SyncSender<Happening>,
) {
    let (asking, listening) = (client.clone(), client.clone());
    start(telling, move |told| source::poll(&asking, interval, &pokes, told));
    start(telling, move |told| source::listen(&listening, told));
    start(telling, read_keys);
    start(telling, await_signals);
}

/// Runs `work` on a thread of its own; the screen is told when it ends, by a panic too.
fn start(telling: &SyncSender<Happening>, work: impl FnOnce(&SyncSender<Happening>) + Send + 'static) {
    struct Ending(SyncSender<Happening>);
    impl Drop for Ending {
        fn drop(&mut self) {
            // Nobody listens when the screen has ended.
            let _ = self.0.send(Happening::Broken(io::Error::other("a thread has ended")));
        }
    }
    let ending = Ending(telling.clone());
    thread::spawn(move || work(&ending.0));
}

fn read_keys(told: &SyncSender<Happening>) {
    loop {
        let happening = match event::read() {
            Ok(Event::Key(key)) => Happening::Key(key),
            Ok(Event::Resize(..)) => Happening::Resized,
            Ok(_) => continue,
            Err(error) => Happening::Broken(error),
        };
        let is_last = matches!(happening, Happening::Broken(_));
        if told.send(happening).is_err() || is_last {
            return;
        }
    }
}

fn await_signals(told: &SyncSender<Happening>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let signalled = runtime.and_then(|runtime| {
        runtime.block_on(async {
            StopSignals::take()?.told().await;
            Ok(())
        })
    });
    // As with keys: without them the screen could not be left.
    let _ = told.send(signalled.map_or_else(Happening::Broken, |()| Happening::Stop));
}

/// The screen and what it shows.
struct Top {
    client: ControlClient,
    interval: Duration,
    theme: Theme,
    screen: Screen,
    model: Model,
    /// What is shown while the picture is stopped.
    still: Option<Model>,
    telling: SyncSender<Happening>,
    poking: Sender<()>,
}

/// Whether there is more to show.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Go,
    Quit,
}

impl Top {
    fn new(
        client: ControlClient,
        interval: Duration,
        telling: SyncSender<Happening>,
        poking: Sender<()>,
    ) -> Self {
        let (theme, screen) = (Theme::of_environment(), Screen::default());
        Self { client, interval, theme, screen, model: Model::default(), still: None, telling, poking }
    }

    fn run(
        &mut self,
        terminal: &mut DefaultTerminal,
        told: &Receiver<Happening>,
    ) -> Result<(), CommandError> {
        loop {
            self.draw(terminal)?;
            let first = match told.recv_timeout(TICK) {
                Ok(happening) => Some(happening),
                Err(mpsc::RecvTimeoutError::Timeout) => None,
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
            };
            // All that has come is one picture.
            for happening in first.into_iter().chain(told.try_iter().take(WAITING)) {
                if self.take(happening)? == Next::Quit {
                    return Ok(());
                }
            }
        }
    }

    fn draw(&mut self, terminal: &mut DefaultTerminal) -> io::Result<()> {
        self.screen.page = view::page(terminal.size()?.height);
        let (model, screen) = (self.still.as_ref().unwrap_or(&self.model), &self.screen);
        let rows = rows(model, screen.pane, screen.order(), &screen.filter);
        let stale = self.interval * 3 + TICK;
        let view = View { model, screen, rows: &rows, theme: self.theme, stale, now: Instant::now() };
        terminal.draw(|frame| view.draw(frame)).map(drop)
    }

    fn take(&mut self, happening: Happening) -> Result<Next, CommandError> {
        match self.model.hear(happening) {
            Some(Happening::Key(key)) => {
                let (model, screen) = (self.still.as_ref().unwrap_or(&self.model), &mut self.screen);
                let rows = rows(model, screen.pane, screen.order(), &screen.filter);
                let action = screen.press(key, &rows);
                return Ok(self.act(action));
            }
            Some(Happening::Done(words)) => {
                self.screen.note = Some(words);
                // The poller may have ended; then the screen is told of that.
                let _ = self.poking.send(());
            }
            Some(Happening::Answer(key, lines)) => self.screen.answered(&key, lines),
            Some(Happening::Stop) => return Ok(Next::Quit),
            Some(Happening::Broken(error)) => return Err(error.into()),
            _ => {}
        }
        Ok(Next::Go)
    }

    fn act(&mut self, action: Action) -> Next {
        match (self.screen.is_paused, &self.still) {
            (true, None) => self.still = Some(self.model.clone()),
            (false, Some(_)) => self.still = None,
            _ => {}
        }
        let (client, telling) = (self.client.clone(), self.telling.clone());
        match action {
            Action::None => {}
            Action::Quit => return Next::Quit,
            Action::Look(key) => {
                let now = self.model.time();
                thread::spawn(move || {
                    let lines = source::look(&client, &key, now);
                    // Nobody listens when the screen has ended.
                    let _ = telling.send(Happening::Answer(key, lines));
                });
            }
            Action::Do(order) => {
                self.screen.note = Some("…".to_owned());
                thread::spawn(move || {
                    let _ = telling.send(Happening::Done(source::carry_out(&client, &order)));
                });
            }
        }
        Next::Go
    }
}
