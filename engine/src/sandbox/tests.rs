//! Each behaviour as a table of events and answers over time.

use super::*;
use crate::{
    address::{EmailAddress, ReversePath},
    time::UnixMillis,
};
use std::{collections::HashMap, net::IpAddr, time::Duration};

/// A receiver with named connections and a clock that is told the time.
struct Rehearsal {
    receiver: Receiver,
    visits: HashMap<&'static str, Visit>,
}

/// What a step of a table does.
#[derive(Debug, Clone, Copy)]
enum Do {
    /// A connection from an address begins.
    Connect(&'static str),
    /// It ends.
    Leave,
    /// It says MAIL.
    Mail,
    /// It names a recipient.
    Rcpt(&'static str),
    /// It sends a whole message, which is kept if accepted.
    Message,
    /// It sends a command.
    Say(&'static str),
}

use Do::{Connect, Leave, Mail, Message, Rcpt, Say};

impl Rehearsal {
    fn new(personality: &str) -> Self {
        Self { receiver: Receiver::new(personality.parse().unwrap(), 1), visits: HashMap::new() }
    }

    /// The answer to one step: `ok`, `hang up` or the beginning of a reply, after the delay if there is one.
    fn step(&mut self, millis: u64, who: &'static str, what: Do) -> String {
        let now = UnixMillis::new(1_000_000 + millis);
        let answer = match what {
            Connect(address) => {
                let (visit, answer) = self.receiver.connect(address.parse().unwrap(), now);
                self.visits.insert(who, visit);
                answer
            }
            Leave => {
                self.receiver.leave(&self.visits.remove(who).unwrap());
                return "ok".to_owned();
            }
            _ => self.event(now, who, what),
        };
        shown(&answer)
    }

    fn event(&mut self, now: UnixMillis, who: &'static str, what: Do) -> Answer {
        let sender = ReversePath::parse("sender@example.com").unwrap();
        let recipient = match what {
            Rcpt(recipient) => EmailAddress::parse(recipient).unwrap(),
            _ => EmailAddress::parse("unused@example.net").unwrap(),
        };
        let event = match what {
            Mail => Event::Mail(&sender),
            Rcpt(_) => Event::Rcpt { sender: &sender, recipient: &recipient },
            Say(line) => Event::Command(Stage::of_command(line.as_bytes())),
            _ => Event::Message,
        };
        let visit = self.visits.get_mut(who).unwrap();
        let answer = self.receiver.on(visit, &event, now);
        if matches!((what, &answer.verdict), (Message, Verdict::Accept)) {
            self.receiver.kept(visit, 1);
        }
        answer
    }

    fn run(personality: &str, table: &[(u64, &'static str, Do, &str)]) -> Self {
        let mut stage = Self::new(personality);
        for (row, (millis, who, what, expected)) in table.iter().enumerate() {
            let got = stage.step(*millis, who, *what);
            assert!(
                got.starts_with(expected),
                "row {row}, {millis} ms, {who} {what:?}: {got}, not {expected}"
            );
        }
        stage
    }

    fn refused(&self, behaviour: &str) -> u64 {
        self.receiver.stats().refused.get(behaviour).copied().unwrap_or(0)
    }
}

fn shown(answer: &Answer) -> String {
    let verdict = match &answer.verdict {
        Verdict::Accept => "ok".to_owned(),
        Verdict::Refuse(reply) => reply.to_string(),
        Verdict::Close(reply) => format!("close {reply}"),
        Verdict::HangUp => "hang up".to_owned(),
    };
    if answer.delay.is_zero() { verdict } else { format!("{:?} {verdict}", answer.delay) }
}

const HERE: &str = "192.0.2.1";
const THERE: &str = "198.51.100.9";

#[test]
fn rate_limit_punishes_what_is_above_the_rate_and_longer_whoever_goes_on() {
    let stage = Rehearsal::run(
        "rate-limit:rate=2/min,penalty=30s",
        &[
            (0, "a", Connect(HERE), "ok"),
            (0, "a", Mail, "ok"),
            (0, "a", Message, "ok"),
            (1_000, "a", Message, "ok"),
            (2_000, "a", Mail, "ok"),
            (
                2_000,
                "a",
                Message,
                "close 421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address [192.0.2.1].",
            ),
            // Another address is not concerned.
            (2_000, "b", Connect(THERE), "ok"),
            (2_000, "b", Message, "ok"),
            // It goes on 29 seconds later: the 30 seconds begin anew.
            (31_000, "a", Message, "close 421 4.7.28"),
            (60_999, "a", Message, "close 421 4.7.28"),
            (90_998, "a", Message, "close 421 4.7.28"),
            // It has paused.
            (120_998, "a", Message, "ok"),
            (120_999, "a", Message, "ok"),
            (121_000, "a", Message, "close 421"),
        ],
    );
    assert_eq!((stage.refused("rate-limit"), stage.receiver.stats().accepted), (5, 5));
}

#[test]
fn rate_limit_forgets_what_is_older_than_its_time() {
    Rehearsal::run(
        "rate-limit:rate=2/min,at=mail",
        &[
            (0, "a", Connect(HERE), "ok"),
            (0, "a", Mail, "ok"),
            (59_000, "a", Mail, "ok"),
            (60_000, "a", Mail, "ok"),
            (60_001, "a", Mail, "close 421 4.7.28"),
        ],
    );
}

#[test]
fn volume_defers_everything_until_the_sender_was_silent() {
    let stage = Rehearsal::run(
        "volume:rate=2/min,quiet=10s",
        &[
            (0, "a", Connect(HERE), "ok"),
            (0, "a", Mail, "ok"),
            (0, "a", Mail, "ok"),
            (
                100,
                "a",
                Mail,
                "close 421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1",
            ),
            // A connection gets its greeting, but is noise.
            (9_000, "b", Connect(HERE), "ok"),
            (18_999, "b", Mail, "close 421"),
            (28_999, "b", Mail, "ok"),
        ],
    );
    assert_eq!(stage.refused("volume"), 2);
}

#[test]
fn connection_cap_counts_open_connections_of_an_address() {
    let stage = Rehearsal::run(
        "connection-cap:connections=2,strikes=3,penalty=60s",
        &[
            (0, "a", Connect(HERE), "ok"),
            (0, "b", Connect(HERE), "ok"),
            (0, "c", Connect(HERE), "close 421 4.7.0 Too many connections, slow down. [192.0.2.1]"),
            (0, "c", Leave, "ok"),
            (0, "d", Connect(THERE), "ok"),
            (0, "a", Leave, "ok"),
            (0, "a", Connect(HERE), "ok"),
        ],
    );
    let stats = stage.receiver.stats();
    assert_eq!((stats.connections, stats.open, stats.peak), (4, 3, 3));
}

#[test]
fn connection_cap_bans_whoever_is_refused_too_often() {
    Rehearsal::run(
        "connection-cap:connections=1,strikes=2,penalty=60s",
        &[
            (0, "a", Connect(HERE), "ok"),
            (0, "b", Connect(HERE), "close 421 4.7.0 Too many"),
            (1_000, "b", Connect(HERE), "close 421 4.7.0 Too many"),
            // Now even the one connection that was allowed is refused, for a minute.
            (2_000, "a", Leave, "ok"),
            (60_999, "a", Connect(HERE), "close 421 4.7.0 Service not available"),
            (60_999, "t", Connect(THERE), "ok"),
            (61_000, "a", Connect(HERE), "ok"),
            // One strike a minute never bans.
            (61_000, "b", Connect(HERE), "close 421 4.7.0 Too many"),
            (121_000, "b", Connect(HERE), "close 421 4.7.0 Too many"),
            (181_000, "b", Connect(HERE), "close 421 4.7.0 Too many"),
            (181_000, "a", Leave, "ok"),
            (181_000, "a", Connect(HERE), "ok"),
        ],
    );
}

#[test]
fn greylist_lets_in_whoever_comes_back_after_the_wait() {
    let stage = Rehearsal::run(
        "greylist:wait=60s",
        &[
            (0, "a", Connect("192.0.2.1"), "ok"),
            (0, "a", Rcpt("x@example.net"), "451 4.7.1 Greylisted, please try again in 60 seconds"),
            (100, "a", Rcpt("x@example.net"), "451 4.7.1 Greylisted, please try again in 60 seconds"),
            (30_000, "a", Rcpt("x@example.net"), "451 4.7.1 Greylisted, please try again in 30 seconds"),
            // From the same /24.
            (60_000, "b", Connect("192.0.2.200"), "ok"),
            (60_000, "b", Rcpt("x@example.net"), "ok"),
            (60_000, "b", Rcpt("y@example.net"), "451 4.7.1"),
            (60_000, "c", Connect("192.0.3.1"), "ok"),
            (60_000, "c", Rcpt("x@example.net"), "451 4.7.1"),
            (9_000_000, "a", Rcpt("x@example.net"), "ok"),
            // IPv6 goes by /64.
            (0, "d", Connect("2001:db8::1"), "ok"),
            (0, "d", Rcpt("x@example.net"), "451 4.7.1"),
            (60_000, "e", Connect("2001:db8::ffff:1"), "ok"),
            (60_000, "e", Rcpt("x@example.net"), "ok"),
        ],
    );
    assert_eq!(stage.refused("greylist"), 6);
}

#[test]
fn tarpit_gets_stickier_with_messages_and_connections() {
    Rehearsal::run(
        "tarpit:base=100ms,growth=50ms,max=1s",
        &[
            (0, "a", Connect(HERE), "100ms ok"),
            (0, "a", Say("EHLO x\r\n"), "100ms ok"),
            // The line was delayed already; the question about it is not.
            (0, "a", Mail, "ok"),
            (0, "a", Message, "100ms ok"),
            (0, "a", Say("MAIL"), "150ms ok"),
            (0, "b", Connect(HERE), "200ms ok"),
            (0, "a", Say("MAIL"), "300ms ok"),
            (0, "b", Say("MAIL"), "200ms ok"),
            (0, "c", Connect(THERE), "100ms ok"),
            (0, "b", Leave, "ok"),
            (0, "a", Say("NOOP"), "150ms ok"),
        ],
    );
    let mut stage = Rehearsal::new("tarpit:base=100ms,growth=1h,max=1s");
    stage.step(0, "a", Connect(HERE));
    stage.step(0, "a", Message);
    assert_eq!(stage.step(0, "a", Say("MAIL")), "1s ok");
}

#[test]
fn messages_per_connection_ends_a_session_that_was_long_enough() {
    Rehearsal::run(
        "messages-per-connection:2",
        &[
            (0, "a", Connect(HERE), "ok"),
            (0, "a", Mail, "ok"),
            (0, "a", Message, "ok"),
            // One that was begun and not finished does not count.
            (0, "a", Mail, "ok"),
            (0, "a", Mail, "ok"),
            (0, "a", Message, "ok"),
            (0, "a", Mail, "close 421 4.7.0 Too many messages for this session"),
            (0, "b", Connect(HERE), "ok"),
            (0, "b", Mail, "ok"),
        ],
    );
}

#[test]
fn mixed_has_a_cap_and_a_rate() {
    let stage = Rehearsal::run(
        "mixed:connections=1,rate=1/min,penalty=10s",
        &[
            (0, "a", Connect(HERE), "ok"),
            (0, "b", Connect(HERE), "close 421 4.3.2 The maximum number of concurrent connections"),
            (0, "a", Mail, "ok"),
            (0, "a", Mail, "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)"),
            (9_000, "a", Mail, "451 4.7.500"),
            (19_000, "a", Mail, "ok"),
        ],
    );
    assert_eq!(stage.refused("mixed"), 3);
}

#[test]
fn chance_strikes_where_it_is_told_to() {
    let table = |verdict| {
        [(0, "a", Connect(HERE), "ok"), (0, "a", Mail, "ok"), (0, "a", Rcpt("x@a.example"), verdict)]
    };
    Rehearsal::run("defer:100%", &table("451 4.2.0 x@a.example: try again later"));
    Rehearsal::run("reject:100%", &table("550 5.1.1 x@a.example: no such mailbox"));
    Rehearsal::run("defer:0%+reject:0%+drop:0%", &table("ok"));
    Rehearsal::run("drop:100%,at=mail", &[(0, "a", Connect(HERE), "ok"), (0, "a", Mail, "hang up")]);
    Rehearsal::run(
        "drop:100%,at=dot",
        &[(0, "a", Connect(HERE), "ok"), (0, "a", Mail, "ok"), (0, "a", Message, "hang up")],
    );
}

#[test]
fn by_address_the_name_of_the_recipient_decides() {
    Rehearsal::run(
        "by-address",
        &[
            (0, "a", Connect(HERE), "ok"),
            (0, "a", Mail, "ok"),
            (0, "a", Rcpt("bounce@a.example"), "550 5.1.1 bounce@a.example: no such mailbox"),
            (0, "a", Rcpt("Bounce+17@b.example"), "550 5.1.1"),
            (0, "a", Rcpt("blocked@a.example"), "554 5.7.1"),
            (0, "a", Rcpt("defer@a.example"), "451 4.7.1"),
            (0, "a", Rcpt("full@a.example"), "452 4.2.2"),
            (0, "a", Rcpt("bouncer@a.example"), "ok"),
            (0, "a", Rcpt("x+bounce@a.example"), "ok"),
        ],
    );
}

#[test]
fn goodbye_is_said_after_the_command_that_was_named() {
    const STEPS: [(&str, Do); 8] = [
        ("greeting", Connect(HERE)),
        ("ehlo", Say("EHLO")),
        ("mail", Say("MAIL")),
        ("rcpt", Say("RCPT")),
        ("data", Say("DATA")),
        ("dot", Message),
        ("rset", Say("RSET")),
        ("quit", Say("QUIT")),
    ];
    for (command, _) in STEPS {
        let mut stage = Rehearsal::new(&format!("421-after:{command}"));
        for (name, what) in STEPS {
            let expected = if name == command { "close 421 4.3.2" } else { "ok" };
            let got = stage.step(0, "a", what);
            assert!(got.starts_with(expected), "421-after:{command} at {name}: {got}");
        }
        assert_eq!(stage.refused("421-after"), 1);
    }
}

#[test]
fn the_first_behaviour_that_objects_has_the_word_after_the_delays_before_it() {
    let stage = Rehearsal::run(
        "stall:50ms+rate-limit:1/min+drop:100%+stall:1h",
        &[
            (0, "a", Connect(HERE), "ok"),
            (0, "a", Message, "50ms hang up"),
            (0, "a", Message, "50ms close 421 4.7.28"),
        ],
    );
    assert_eq!((stage.refused("drop"), stage.refused("rate-limit")), (1, 1));
}

#[test]
fn faults_of_the_wire_are_told_apart() {
    let wire = |personality: &str| Receiver::new(personality.parse().unwrap(), 1).wire();
    assert_eq!(wire("greylist+tarpit"), Wire::default());
    assert_eq!(wire("split-replies").octet_interval, Some(Duration::ZERO));
    for both in ["slow-octets:20ms+split-replies", "split-replies+slow-octets:20ms"] {
        assert_eq!(wire(both).octet_interval, Some(Duration::from_millis(20)));
    }
    let stop = StopReading { after: 5_000, pause: Duration::from_secs(2) };
    assert_eq!(wire("stop-reading:5k,pause=2s").stop_reading, Some(stop));
    assert!(wire("huge-reply:to=ehlo").pads(Stage::Ehlo));
}

#[test]
fn every_refusal_says_that_it_is_no_real_one() {
    let texts = ["rate-limit:1/min,at=mail", "volume:1/min", "mixed:rate=1/min", "messages-per-connection:1"];
    for text in texts {
        let mut stage = Rehearsal::new(text);
        for what in [Connect(HERE), Mail, Message] {
            assert_eq!(stage.step(0, "a", what), "ok", "{text}");
        }
        let refusal = stage.step(0, "a", Mail);
        assert!(refusal.ends_with("(sandbox)"), "{text}: {refusal}");
    }
}

#[test]
fn a_visit_that_was_turned_away_is_not_missed_when_it_leaves() {
    let mut receiver = Receiver::new("421-after:greeting".parse().unwrap(), 1);
    let client: IpAddr = HERE.parse().unwrap();
    let (visit, answer) = receiver.connect(client, UnixMillis::new(0));
    assert!(matches!(answer.verdict, Verdict::Close(_)));
    receiver.leave(&visit);
    assert_eq!((receiver.stats().open, receiver.stats().connections), (0, 0));
}
