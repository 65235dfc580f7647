//! The server is killed before and after every step that touches its disk or a peer (`fail_point.rs` of the storage
//! names them), started again, and the law is checked. Only debug builds have these points.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mailwright_tests::durability::{assert_law, copies};
use mailwright_tests::error::{Error, Result};
use mailwright_tests::feeder::{Door, Ledger};
use mailwright_tests::message::{SENDER, Token};
use mailwright_tests::metrics::{IN_DOUBT, QUEUED, until_queue_has};
use mailwright_tests::needs::tell;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

const LIMIT: Duration = Duration::from_secs(60);
/// The domain whose receiver always says "later".
const WAITING: &str = "waits@later.example";
/// Lines of a message.
const SHORT: usize = 10;
const LONG: usize = 10_000;

/// What must be found at the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// No delivery was past its intent.
    None,
    /// One was, and its content had not gone out.
    NothingSent,
    /// One was, and the receiver may have it.
    Sent,
    /// The receiver has it.
    Taken,
    /// It depends on who was faster.
    Any,
}

/// A moment at which the server is killed: the name of the point and the times that are tried of it.
struct Moment(&'static str, &'static [u64], Doubt);

/// The batches of one message after the other: acceptance, intent, outcome.
const JOURNAL: &[Moment] = &[
    Moment("before-append", &[1, 2, 3, 4], Doubt::Any),
    Moment("after-append", &[1, 2, 3, 4], Doubt::Any),
    Moment("after-sync", &[1, 2, 3], Doubt::Any),
    // Every two seconds; the first comes with the start.
    Moment("before-counts", &[3], Doubt::Any),
    Moment("before-checkpoint", &[3], Doubt::Any),
    Moment("after-checkpoint", &[3], Doubt::Any),
];

/// A message at a time, each delivered before the next: what is under way at the kill is known.
const CONVERSATIONS: &[Moment] = &[
    // Greeting, EHLO, MAIL, RCPT, DATA, the final reply.
    Moment("before-reply", &[1, 4, 6, 12], Doubt::Any),
    Moment("after-reply", &[1, 4, 6, 12], Doubt::Any),
    Moment("before-answer", &[1, 2], Doubt::Any),
    Moment("before-intent", &[1, 2], Doubt::None),
    Moment("after-intent", &[1, 2], Doubt::NothingSent),
    Moment("after-dot", &[1, 2], Doubt::Sent),
    Moment("after-verdict", &[1, 2], Doubt::Taken),
    Moment("before-outcome", &[1, 2], Doubt::Taken),
];

/// As much mail as fills segments, behind a message that waits, so that segments are copied from and removed.
const RECLAIMING: &[Moment] = &[
    Moment("before-segment", &[1, 3], Doubt::Any),
    Moment("after-segment", &[1, 3], Doubt::Any),
    Moment("before-copy", &[1], Doubt::Any),
    Moment("before-removal", &[1], Doubt::Any),
    Moment("after-removal", &[1], Doubt::Any),
];

/// A server that is going to be killed at a moment.
struct Victim {
    receivers: Sandbox,
    installation: Installation,
    ledger: Arc<Ledger>,
    server: Server,
}

impl Victim {
    fn start(point: &str, time: u64) -> Result<Self> {
        let receivers = Sandbox::with(&["", "defer:share=100%"])?;
        let later = receivers.addresses[1];
        let config = Config {
            segment_size: "1MiB".into(),
            more: format!("[[delivery.routes]]\ndomain = \"later.example\"\nnext_hop = \"{later}\"\n"),
            ..Config::to(receivers.address)
        };
        let installation = Installation::new(&config)?;
        let kill_at = format!("{point}:{time}");
        let server = installation.start_with(|command| {
            command.env("MAILWRIGHT_KILL_AT", kill_at);
        })?;
        Ok(Self { receivers, installation, ledger: Ledger::new("m"), server })
    }

    fn doors(&self) -> [Door; 2] {
        [Door::Smtp(self.server.smtp), Door::Http(self.installation.api(&self.server))]
    }

    /// Submits a message by one door or the other; whether the server lives.
    fn submit(&mut self, turn: usize, lines: usize) -> Result<bool> {
        let token = self.ledger.next();
        if let Ok(mut entrance) = self.doors()[turn % 2].open()
            && entrance.submit(&token, &"some words\r\n".repeat(lines)).is_ok()
        {
            self.ledger.acknowledge(token);
        }
        Ok(self.server.process.ended()?.is_none())
    }

    /// Submits one message after the other, each when the one before it has left, until the server is dead.
    fn submit_one_by_one(&mut self) -> Result<()> {
        let began = Instant::now();
        for turn in 0.. {
            if !self.submit(turn, SHORT)? || !self.settled()? {
                return Ok(());
            }
            self.in_time(began)?;
        }
        Ok(())
    }

    /// Waits until nothing is queued; whether the server lives.
    fn settled(&mut self) -> Result<bool> {
        let server = &mut self.server;
        wait::until("an empty queue, or the end", LIMIT, || {
            if server.process.ended()?.is_some() {
                return Ok(Some(false));
            }
            Ok(server.metrics().is_ok_and(|metrics| metrics.get(QUEUED) == 0).then_some(true))
        })
    }

    /// Submits a message that waits and then as many others as it takes.
    fn submit_by_segments(&mut self) -> Result<()> {
        let began = Instant::now();
        let message = Token::new("w", 1).message("x\r\n");
        SmtpClient::connect_and_greet(self.server.smtp)?.send(SENDER, WAITING, &message)?;
        for turn in 0.. {
            if !self.submit(turn, LONG)? {
                return Ok(());
            }
            self.in_time(began)?;
        }
        Ok(())
    }

    fn in_time(&self, began: Instant) -> Result<()> {
        if began.elapsed() < LIMIT {
            return Ok(());
        }
        Err(Error::unexpected("wait for the end of the server", self.server.process.log_text()))
    }

    /// Starts the server again, which delivers everything but `waiting` messages, and checks the law.
    fn check(mut self, waiting: u64, expected: Doubt) -> Result<()> {
        self.server = self.installation.start()?;
        assert!(self.submit(0, SHORT)?);
        let in_doubt = until_queue_has(self.server.http, waiting, LIMIT)?.get(IN_DOUBT);
        assert_law(&self.receivers, &self.ledger, in_doubt)?;
        let most = copies(&self.receivers)?.into_values().max().unwrap_or(0);
        match expected {
            Doubt::Any => {}
            Doubt::None => assert_eq!((in_doubt, most), (0, 1)),
            Doubt::NothingSent => assert_eq!((in_doubt, most), (1, 1)),
            Doubt::Sent => assert_eq!(in_doubt, 1),
            Doubt::Taken => assert_eq!((in_doubt, most), (1, 2)),
        }
        Ok(())
    }
}

fn try_all(moments: &[Moment], run: fn(&mut Victim) -> Result<()>, waiting: u64) -> Result<()> {
    for Moment(point, times, expected) in moments {
        for time in *times {
            tell(&format!("killed at {point}:{time}"));
            let mut victim = Victim::start(point, *time)?;
            run(&mut victim)?;
            victim.check(waiting, *expected)?;
        }
    }
    Ok(())
}

#[test]
fn at_every_step_of_the_journal() -> Result<()> {
    try_all(JOURNAL, Victim::submit_one_by_one, 0)
}

#[test]
fn at_every_step_of_a_conversation() -> Result<()> {
    try_all(CONVERSATIONS, Victim::submit_one_by_one, 0)
}

#[test]
fn at_every_step_of_reclaiming() -> Result<()> {
    try_all(RECLAIMING, Victim::submit_by_segments, 1)
}

/// A point that is not tried proves nothing; the server names those it has when asked for one it has not.
#[test]
fn no_step_is_left_out() -> Result<()> {
    let refused = Victim::start("?", 1).and_then(|mut victim| victim.submit_one_by_one());
    let told = match refused {
        Err(error) => error.to_string(),
        Ok(()) => String::new(),
    };
    let (_, names) =
        told.split_once("with one of ").ok_or_else(|| Error::unexpected("ask for names", &told))?;
    let names: BTreeSet<&str> = names.lines().next().unwrap_or_default().split(' ').collect();
    let tried = [JOURNAL, CONVERSATIONS, RECLAIMING].into_iter().flatten().map(|moment| moment.0);
    assert_eq!(names, tried.collect());
    Ok(())
}
