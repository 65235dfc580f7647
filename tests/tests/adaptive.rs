//! Receivers that punish: for each, the same mail is sent with fixed settings and with our own, at the same time
//! and on the same machine. Ours delivers more and is refused less; where a receiver gives nothing to gain it
//! costs nothing.
//!
//! What receivers count in minutes is counted in seconds here, and so are the pauses of messages that were
//! deferred, the same for both. The pauses that our settings themselves make are not shortened.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use mailwright_tests::control;
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::feeder::{Door, Ledger, submit_all};
use mailwright_tests::needs::tell;
use mailwright_tests::sandbox::{Sandbox, Stats};
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::wait;

/// A sender that knows nothing and learns nothing.
const FIXED: &str = "[default]\nadaptive = false\nconnections = 20\nbreaker_failures = 1000\n";

/// Longer than the time in which anything is counted.
const WINDOW: Duration = Duration::from_secs(20);

const BODY: &str = "body\r\n";

/// What all mail leaves from.
const SOURCE: &str = "source:default";

/// Four times what the receivers with a rate take.
const STREAM: Arrival = Arrival::Over(Duration::from_secs(15));

/// The retry schedule's paces, an hour shortened to a minute.
const PACES: [(&str, u32, f64, u32); 2] = [("greylisted", 5, 1.5, 30), ("rate_limited", 2, 1.5, 30)];

/// How a receiver was sent to.
#[derive(Clone, Copy, Debug)]
enum Shaping {
    Fixed,
    Ours,
}

/// What came of it.
#[derive(Clone, Debug)]
struct Outcome {
    stats: Stats,
    took: Duration,
}

impl Outcome {
    fn per_minute(&self) -> f64 {
        let delivered = u32::try_from(self.stats.accepted).unwrap_or(u32::MAX);
        f64::from(delivered) * 60.0 / self.took.as_secs_f64()
    }

    fn refused(&self) -> u64 {
        self.stats.refused.values().sum()
    }
}

/// How mail comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    AtOnce,
    /// A part each quarter of a second, over so long. Mail that came at once would also be refused and tried
    /// again at once, with silence in between that a fixed sender does not intend.
    Over(Duration),
}

/// Between two parts of what comes in over some time.
const PART: Duration = Duration::from_millis(250);

/// A receiver, and what is sent to it.
#[derive(Clone, Copy, Debug)]
struct Trial {
    personality: &'static str,
    messages: usize,
    arrival: Arrival,
    /// How long is looked on at most.
    window: Duration,
}

impl Trial {
    fn of(personality: &'static str, messages: usize, arrival: Arrival) -> Self {
        Self { personality, messages, arrival, window: WINDOW }
    }

    /// Sends with both settings at once and prints what came of it.
    fn run(self) -> Result<(Outcome, Outcome)> {
        let (fixed, ours) = thread::scope(|scope| {
            let fixed = scope.spawn(|| self.send(Shaping::Fixed));
            let ours = scope.spawn(|| self.send(Shaping::Ours));
            (fixed.join(), ours.join())
        });
        let panicked = |_| Err(Error::unexpected("a sender", "panicked"));
        let (fixed, ours) = (fixed.unwrap_or_else(panicked)?, ours.unwrap_or_else(panicked)?);
        let mut table =
            format!("| {} | messages | delivered | a minute | refusals | connections |\n", self.personality);
        for (name, outcome) in [("fixed", &fixed), ("ours", &ours)] {
            // Writing to a string does not fail.
            let _ = writeln!(
                table,
                "| {name} | {} | {} in {:.1} s | {:.0} | {} | {} |",
                self.messages,
                outcome.stats.accepted,
                outcome.took.as_secs_f64(),
                outcome.per_minute(),
                outcome.refused(),
                outcome.stats.connections
            );
        }
        tell(&table);
        Ok((fixed, ours))
    }

    /// Hands all mail in; returns when the first of it could go out.
    fn submit(self, server: &Server, state: &Path) -> Result<Instant> {
        let (ledger, door) = (Ledger::new("trial"), Door::Smtp(server.smtp));
        let Arrival::Over(time) = self.arrival else {
            // All of it waits before the first is sent, however long a busy machine takes to hand it in.
            control::text(state, &["suspend", SOURCE])?;
            submit_all(&ledger, &door, self.messages, BODY)?;
            let start = Instant::now();
            control::text(state, &["resume", SOURCE])?;
            return Ok(start);
        };
        let start = Instant::now();
        let parts = usize::try_from(time.as_millis() / PART.as_millis()).unwrap_or(usize::MAX).max(1);
        for part in 0..parts {
            let until = |part: usize| self.messages * part / parts;
            submit_all(&ledger, &door, until(part + 1) - until(part), BODY)?;
            let next = PART * u32::try_from(part + 1).unwrap_or(u32::MAX);
            thread::sleep(next.saturating_sub(start.elapsed()));
        }
        Ok(start)
    }

    /// Sends everything to a receiver of its own, and looks on until all is there or the time is over.
    fn send(self, shaping: Shaping) -> Result<Outcome> {
        let sandbox = Sandbox::with(&[self.personality])?;
        let files = tempfile::tempdir().context("make a folder")?;
        let mut config =
            Config { more: paces(), retry_max_interval: "10s".into(), ..Config::to(sandbox.address) };
        config.retry_first = "1s".into();
        if let Shaping::Fixed = shaping {
            let path = files.path().join("shaping.toml");
            fs::write(&path, FIXED).context("write the shaping file")?;
            config.delivery = format!("shaping = {path:?}");
        }
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        let start = self.submit(&server, installation.state())?;
        let stats = wait::until("the end of the trial", self.window * 2, || {
            let stats = sandbox.stats()?;
            let is_over = stats.accepted >= self.messages as u64 || start.elapsed() >= self.window;
            thread::sleep(Duration::from_millis(50)); // Asking is work for the sandbox too.
            Ok(is_over.then_some(stats))
        })?;
        let took = start.elapsed();
        Ok(Outcome { stats, took })
    }
}

fn paces() -> String {
    let mut text = String::new();
    for (class, first, factor, most) in PACES {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "[delivery.retry.classes.{class}]\nfirst = \"{first}s\"\nfactor = {factor:.1}\nmax_interval = \"{most}s\""
        );
    }
    text
}

/// Asserts that ours delivers `faster` times as much a minute and is refused at most `refused` times as often.
#[track_caller]
fn assert_better((fixed, ours): &(Outcome, Outcome), faster: f64, refused: f64) {
    let (theirs, mine) = (fixed.per_minute(), ours.per_minute());
    assert!(mine >= theirs * faster, "{mine:.0} a minute against {theirs:.0}");
    #[allow(clippy::cast_precision_loss)] // counts, small
    let (theirs, mine) = (fixed.refused() as f64, ours.refused() as f64);
    assert!(mine <= theirs * refused, "{mine} refusals against {theirs}");
}

#[test]
fn a_rate_limit_that_punishes_whoever_goes_on() -> Result<()> {
    let outcomes = Trial::of("rate-limit:rate=40/4s,penalty=2s", 600, STREAM).run()?;
    assert_better(&outcomes, 1.5, 0.3);
    Ok(())
}

#[test]
fn a_limit_of_volume_that_only_silence_lifts() -> Result<()> {
    let outcomes = Trial::of("volume:rate=40/4s,quiet=2s", 600, STREAM).run()?;
    assert_better(&outcomes, 1.5, 0.3);
    Ok(())
}

#[test]
fn a_cap_on_connections_with_a_ban() -> Result<()> {
    let personality = "connection-cap:connections=3,strikes=5,penalty=6s+messages-per-connection:20";
    let outcomes = Trial::of(personality, 1_000, Arrival::AtOnce).run()?;
    assert_better(&outcomes, 1.5, 0.5);
    Ok(())
}

#[test]
fn a_cap_and_a_rate_together() -> Result<()> {
    let outcomes = Trial::of("mixed:connections=5,rate=40/4s,penalty=2s", 600, STREAM).run()?;
    assert_better(&outcomes, 1.5, 0.3);
    Ok(())
}

#[test]
fn a_tarpit() -> Result<()> {
    let outcomes = Trial::of("tarpit:base=10ms,growth=40ms", 600, Arrival::AtOnce).run()?;
    assert_better(&outcomes, 1.3, 1.0);
    Ok(())
}

/// Nothing can be gained in time: a new connection is needed after as many messages either way.
#[test]
fn a_cap_on_messages_of_a_connection() -> Result<()> {
    let outcomes = Trial::of("messages-per-connection:10", 1_000, Arrival::AtOnce).run()?;
    assert_better(&outcomes, 0.6, 0.3);
    Ok(())
}

/// Nothing can be gained at all: whoever comes for the first time waits, and the retry schedule, the same for
/// both, comes back when the receiver says.
#[test]
fn greylisting() -> Result<()> {
    let trial =
        Trial { window: Duration::from_secs(60), ..Trial::of("greylist:wait=5s", 200, Arrival::AtOnce) };
    let outcomes = trial.run()?;
    assert_better(&outcomes, 0.8, 1.0);
    for outcome in [&outcomes.0, &outcomes.1] {
        assert_eq!((outcome.stats.accepted, outcome.refused()), (200, 200), "each is refused once");
    }
    Ok(())
}
