mod counted;
mod found;
mod kept;
mod million;
mod routed;

use super::*;
use crate::events::{
    Event, EventLog,
    event::{Accepted, Addressed, Attempt, Checks, Dropped, Expired, Received, Refused},
};
use mailwright_engine::{
    address::{Domain, EmailAddress, ReversePath},
    class::TenantName,
    envelope::{Campaign, Envelope, Origin},
    smtp::{reply::EnhancedCode, verdict::Outcome},
};
use tempfile::TempDir;

/// Some noon.
const NOON: u64 = 1_800_014_400_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const RETENTION: u64 = 31;

fn now() -> UnixMillis {
    UnixMillis::new(NOON + 3 * DAY)
}

fn id(at: u64) -> QueueId {
    QueueId::from_raw(at * 1_000)
}

/// An event as a test writes it: when, about what, what.
type Told = (u64, QueueId, Event);

/// A log and its index, for as long as the test runs.
struct World {
    dir: TempDir,
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn log_dir(&self) -> PathBuf {
        self.dir.path().join("events")
    }

    fn index_dir(&self) -> PathBuf {
        self.dir.path().join("activity")
    }

    /// Writes events to the log.
    fn log(&self, events: &[Told]) {
        let (log, thread) = EventLog::start(&self.log_dir(), RETENTION).unwrap();
        for (at, about, event) in events {
            log.record(UnixMillis::new(*at), Some(*about), event.clone());
        }
        thread.close();
    }

    /// What is known once the log was read to its end.
    fn index(&self) -> ActivityLog {
        let (log, thread) = self.start();
        log.catch_up();
        thread.close();
        counted::assert_counted(self);
        log
    }

    fn start(&self) -> (ActivityLog, ActivityThread) {
        ActivityLog::start(&self.log_dir(), &self.index_dir(), RETENTION, now).unwrap()
    }

    fn databases(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> =
            std::fs::read_dir(self.index_dir()).unwrap().map(|item| item.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "sqlite"));
        files.sort();
        files
    }
}

/// A message that a test sends.
struct Sent {
    at: u64,
    account: Option<&'static str>,
    zone: Option<&'static str>,
    author: &'static str,
    to: Vec<String>,
    campaign: Option<&'static str>,
}

impl Sent {
    fn new(at: u64, to: &[&str]) -> Self {
        let to = to.iter().map(ToString::to_string).collect();
        let (account, zone) = (Some("shop"), Some("zone-1"));
        Self { at, account, zone, author: "news@shop.example", to, campaign: None }
    }

    fn envelope(&self) -> Envelope {
        let to = self.to.iter().map(|address| EmailAddress::parse(address).unwrap()).collect();
        Envelope {
            account: self.account.map(|account| TenantName::parse(account).unwrap()),
            campaign: self.campaign.map(|campaign| Campaign::parse(campaign).unwrap()),
            ..Envelope::new(id(self.at), UnixMillis::new(self.at), ReversePath::Null, to, Origin::Api)
        }
    }

    fn accepted(&self) -> Told {
        let accepted = Accepted {
            author: self.author.to_owned(),
            zone: self.zone.map(ToOwned::to_owned),
            message_id: format!("{}@shop.example", self.at),
            preview: Some("Dear customer".to_owned()),
            ..Accepted::new(&self.envelope(), Some("Hello"), 1_000)
        };
        (self.at, id(self.at), Event::Accepted(Box::new(accepted)))
    }

    /// An attempt for one of its recipients, `after` milliseconds.
    fn tried(&self, after: u64, recipient: u16, outcome: Outcome, class: &str, reply: &str) -> Told {
        let address = self.to[usize::from(recipient)].clone();
        let attempt = Attempt {
            group: 0,
            recipient,
            domain: Domain::parse(write::domain_of(&address)).unwrap(),
            address,
            site: "mx.one.example".into(),
            tenant: self.account.map(|account| TenantName::parse(account).unwrap()),
            mx: Some("mx.one.example".into()),
            remote: Some([192, 0, 2, 1].into()),
            source: None,
            tls: None,
            outcome,
            class: class.into(),
            status: EnhancedCode::new(if outcome == Outcome::Delivered { 2 } else { 4 }, 0, 0),
            reply: reply.into(),
            duration_ms: 120,
            attempt: 1,
            retry_after_ms: None,
            next_due: (outcome == Outcome::Soft).then(|| UnixMillis::new(self.at + after + HOUR)),
        };
        (self.at + after, id(self.at), Event::Attempt(Box::new(attempt)))
    }
}

/// A message from the world that a test has come.
struct Came {
    at: u64,
    account: &'static str,
    zone: &'static str,
    author: &'static str,
    /// Its envelope sender.
    from: &'static str,
    /// Where it goes, and the address of ours that this is for.
    to: Vec<(String, String)>,
    /// Results of SPF, DKIM, DMARC and ARC.
    checks: [&'static str; 4],
}

impl Came {
    fn new(at: u64, to: &[(&str, &str)]) -> Self {
        Self {
            at,
            account: "shop",
            zone: "zone-1",
            author: "friend@world.example",
            from: "sender@world.example",
            to: to.iter().map(|(to, ours)| ((*to).to_owned(), (*ours).to_owned())).collect(),
            checks: ["pass", "pass", "pass", "none"],
        }
    }

    /// As it goes on.
    fn sent(&self) -> Sent {
        let to = self.to.iter().map(|(to, _)| to.clone()).collect();
        Sent { account: Some(self.account), to, ..Sent::new(self.at, &[]) }
    }

    fn envelope(&self) -> Envelope {
        Envelope { origin: Origin::Routing, ..self.sent().envelope() }
    }

    fn received(&self, addressed: Vec<String>) -> Box<Received> {
        let [spf, dkim, dmarc, arc] = self.checks.map(ToOwned::to_owned);
        Box::new(Received {
            peer: [192, 0, 2, 7].into(),
            helo: "mx.world.example".into(),
            // As events have it.
            from: format!("<{}>", self.from),
            addressed,
            checks: Checks { spf, dkim, dmarc, arc },
            spam: Some(150),
        })
    }

    fn accepted(&self) -> Told {
        let accepted = Accepted {
            author: self.author.to_owned(),
            zone: Some(self.zone.to_owned()),
            message_id: format!("{}@world.example", self.at),
            received: Some(self.received(self.to.iter().map(|(_, ours)| ours.clone()).collect())),
            ..Accepted::new(&self.envelope(), Some("Hello"), 1_000)
        };
        (self.at, id(self.at), Event::Accepted(Box::new(accepted)))
    }

    /// An attempt for one of its destinations, `after` milliseconds.
    fn tried(&self, after: u64, recipient: u16, outcome: Outcome, class: &str, reply: &str) -> Told {
        self.sent().tried(after, recipient, outcome, class, reply)
    }

    fn dropped(&self, ours: &str) -> Told {
        let dropped = Dropped {
            author: self.author.into(),
            to: vec![ours.into()],
            account: TenantName::parse(self.account).unwrap(),
            zone: self.zone.into(),
            message_id: format!("{}@world.example", self.at),
            subject: Some("Hello".into()),
            size: 1_000,
            received: self.received(vec![ours.into()]),
        };
        (self.at, id(self.at), Event::Dropped(Box::new(dropped)))
    }

    fn refused(&self, ours: &str, code: &str, reason: &str) -> Told {
        let refused = Refused {
            from: self.author.into(),
            to: vec![ours.into()],
            account: TenantName::parse(self.account).unwrap(),
            zone: Some(self.zone.into()),
            origin: Origin::Routing,
            subject: Some("Hello".into()),
            code: code.into(),
            reason: reason.into(),
            received: Some(self.received(vec![ours.into()])),
        };
        (self.at, id(self.at), Event::Rejected(Box::new(refused)))
    }
}

/// Every line that `scope` may see, page by page.
fn pages(log: &ActivityLog, scope: &Scope, filter: &ActivityFilter, limit: usize) -> Vec<Activity> {
    let mut lines = Vec::new();
    let mut from = ListStart::Of(filter.clone());
    loop {
        let page = log.list(scope, from, limit).unwrap();
        assert!(page.lines.len() <= limit);
        lines.extend(page.lines);
        let Some(next) = page.next else { return lines };
        // As a client sends it back.
        from = ListStart::At(next.to_string().parse().unwrap());
    }
}

/// All that there is to know, of both directions: lines, reports and timelines.
fn everything(log: &ActivityLog) -> Vec<(Activity, MessageReport, TimelinePage)> {
    let of_direction = |direction| {
        let scope = Scope { direction, ..Scope::default() };
        let with_rest = |line: Activity| {
            let id = line.message.id;
            let report = log.message(&scope, id).unwrap().unwrap();
            let timeline = log.timeline(&scope, id, None, 1_000).unwrap().unwrap();
            (line, report, timeline)
        };
        pages(log, &scope, &ActivityFilter::default(), 7).into_iter().map(with_rest).collect::<Vec<_>>()
    };
    [Direction::Sending, Direction::Routing].into_iter().flat_map(of_direction).collect()
}
