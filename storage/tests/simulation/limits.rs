//! How each group of receivers wants to be treated, and whether it is.

use fastrand::Rng;
use mailwright_engine::{
    shaping::{Adaptive, Limits, Rate, Rule, Shaping, SiteFacts},
    time::UnixMillis,
};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// What comes to one group of receivers.
pub(super) struct Traffic {
    pub(super) limits: Arc<Limits>,
    pub(super) rules: Arc<[Rule]>,
    open: u32,
    connections: VecDeque<UnixMillis>,
    messages: VecDeque<UnixMillis>,
}

impl Traffic {
    /// Nothing yet, under any limits.
    pub(super) fn new(rng: &mut Rng) -> Self {
        let connections = rng.u32(1..5);
        let mut rate = |most: u32| {
            rng.bool().then(|| Rate { count: rng.u32(1..most), per: Duration::from_secs(rng.u64(1..90)) })
        };
        let (connection_rate, message_rate) = (rate(30), rate(60));
        let limits = Limits {
            connections,
            initial_connections: rng.u32(1..=connections),
            adaptive: if rng.u8(0..4) == 0 { Adaptive::Off } else { Adaptive::On },
            connection_rate,
            messages_per_connection: rng.u32(1..12),
            message_rate,
            recipients_per_transaction: rng.u16(1..5),
            breaker_failures: rng.u32(2..10),
            ..Limits::default()
        };
        Self {
            limits: Arc::new(limits),
            rules: rules(rng),
            open: 0,
            connections: VecDeque::new(),
            messages: VecDeque::new(),
        }
    }

    /// The sender has forgotten what it sent, and so may the receivers.
    pub(super) fn forget(&mut self) {
        self.open = 0;
        self.connections.clear();
        self.messages.clear();
    }

    /// A connection is being made.
    pub(super) fn connects(&mut self, now: UnixMillis) {
        self.open += 1;
        assert!(
            self.open <= self.limits.connections,
            "{} connections of {}",
            self.open,
            self.limits.connections
        );
        count(&mut self.connections, self.limits.connection_rate, now, "connections");
    }

    /// A connection has ended.
    pub(super) fn disconnects(&mut self) {
        self.open -= 1;
    }

    /// A message is begun.
    pub(super) fn begins(&mut self, now: UnixMillis) {
        count(&mut self.messages, self.limits.message_rate, now, "messages");
    }

    /// So many have come on one connection.
    pub(super) fn check_messages(&self, mails: u32) {
        let most = self.limits.messages_per_connection;
        assert!(mails <= most, "{mails} messages on one connection, of {most}");
    }

    /// One has so many recipients.
    pub(super) fn check_recipients(&self, recipients: u16) {
        let most = self.limits.recipients_per_transaction;
        assert!(recipients <= most, "{recipients} recipients in one transaction, of {most}");
    }
}

/// Mail exchangers of the providers that the receivers play, whose rules are the ones we know.
const LIKE: [&str; 6] = [
    "mx.example",
    "gmail-smtp-in.l.google.com",
    "mta5.am0.yahoodns.net",
    "a.olc.protection.outlook.com",
    "mx1.comcast.net",
    "mx1.qq.com",
];

/// Rules that do what those do that are shipped, and sooner.
const STRICT: &str = r#"
[[default.rules]]
name = "too-fast"
codes = [421]
count = 1
within = "10min"
action = "suspend-source"
hold = "10min"

[[default.rules]]
name = "grey"
codes = [451]
count = 2
within = "10min"
action = "suspend-tenant"
hold = "20min"

[[default.rules]]
name = "no"
codes = [550]
count = 2
within = "10min"
action = "suspend-site"
hold = "5min"
"#;

fn rules(rng: &mut Rng) -> Arc<[Rule]> {
    let hosts = [LIKE[rng.usize(0..LIKE.len())].to_owned()];
    let facts = SiteFacts { mx_hosts: &hosts, ..SiteFacts::default() };
    let shaping = if rng.u8(0..4) == 0 { Shaping::parse(STRICT).unwrap() } else { Shaping::builtin() };
    shaping.resolve(&facts).rules
}

/// Counts one more, and asserts that no window has seen more than the rate and one burst of it, a tenth.
fn count(seen: &mut VecDeque<UnixMillis>, rate: Option<Rate>, now: UnixMillis, what: &str) {
    let Some(rate) = rate else { return };
    seen.push_back(now);
    while seen.front().is_some_and(|first| now.since(*first) >= rate.per) {
        seen.pop_front();
    }
    let most = (rate.count + (rate.count / 10).max(1)) as usize;
    assert!(seen.len() <= most, "{} {what} within the time of {rate}", seen.len());
}
