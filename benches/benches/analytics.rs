//! How fast is mail of a month counted, and what does that cost who writes it?
//!
//! Ten million events of 31 days: five million messages from 200 domains of 40 accounts, most of them delivered, go into the
//! event log and from there into the index. Then the questions of a dashboard are asked, first of an index at rest, then
//! while 5,000 messages a second come in, and it is seen whether those are indexed as fast as without questions.
//! Everything is called directly: no HTTP, no delivery.

use mailwright_benches::{Error, Options, Result, error::Context, report};
use mailwright_engine::{
    address::{Domain, EmailAddress, ReversePath},
    class::TenantName,
    envelope::{Envelope, Origin},
    id::QueueId,
    smtp::{reply::EnhancedCode, verdict::Outcome},
    time::UnixMillis,
};
use mailwright_storage::{
    StorageError,
    activity::{
        ActivityLog, ActivityThread, Direction, Scope,
        analytics::{Cell, Comparison, Condition, Dimension, Question},
    },
    events::{
        Event, EventLog, EventLogThread,
        event::{Accepted, Attempt},
    },
};
use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;

/// Days that are kept, the last of them today.
const DAYS: u64 = 31;
/// Milliseconds of a day.
const DAY: u64 = 86_400_000;
/// Messages of a full and of a quick run; each makes two events.
const MESSAGES: (u64, u64) = (5_000_000, 62_000);
/// Domains that send, each for one of the accounts.
const DOMAINS: u64 = 200;
const ACCOUNTS: u64 = 40;
/// Messages handed over before it is waited until they are written: fewer than the log has room for.
const TOGETHER: u64 = 2_000;
/// How often each question is asked.
const ASKED: usize = 5;
/// How long messages come in for a figure of how many are indexed.
const LOADED: Duration = Duration::from_secs(8);
/// Messages that come in each hundredth of a second then.
const EACH_TICK: u64 = 50;
const COLUMNS: &[&str] = &["question", "groups", "at rest ms", "while mail comes in ms", "ratio"];

fn main() -> ExitCode {
    mailwright_benches::run(analytics)
}

async fn analytics(options: Options) -> Result<()> {
    let folder = TempDir::new().context("make a folder")?;
    let messages = options.messages(MESSAGES.0, MESSAGES.1);
    let world = World::filled(&folder, messages)?;
    let questions = questions(today());
    let mut at_rest = Vec::new();
    for (name, scope, question) in &questions {
        at_rest.push(world.ask(name, scope, question)?);
    }
    let alone = world.load(|_| Ok(()))?;
    let mut loaded = Vec::new();
    let beside = world.load(|running| {
        for (name, scope, question) in questions.iter().cycle() {
            if !running.load(Ordering::Relaxed) {
                break;
            }
            let (groups, took) = world.once(name, scope, question)?;
            loaded.push((*name, groups, took));
        }
        Ok(())
    })?;
    report::head(COLUMNS)?;
    for ((name, ..), (groups, rest)) in questions.iter().zip(at_rest) {
        let mut took: Vec<_> = loaded.iter().filter(|(of, ..)| of == name).map(|(.., took)| *took).collect();
        let beside = median(&mut took);
        let ratio = beside.as_secs_f64() / rest.as_secs_f64().max(f64::EPSILON);
        let millis = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1_000.0);
        report::row(&[
            (*name).to_owned(),
            groups.to_string(),
            millis(rest),
            millis(beside),
            format!("{ratio:.2}"),
        ])?;
    }
    report::head(&["messages indexed a second", "without questions", "with questions all the time"])?;
    let cells = [alone, beside].map(|rate| format!("{rate:.0}"));
    report::row(&[String::new(), cells[0].clone(), cells[1].clone()])?;
    world.close();
    Ok(())
}

/// The log and its index.
struct World {
    log: EventLog,
    log_thread: EventLogThread,
    activity: ActivityLog,
    thread: ActivityThread,
    next: AtomicU64,
}

impl World {
    /// A month of mail, indexed.
    fn filled(folder: &TempDir, messages: u64) -> Result<Self> {
        let (log_dir, dir) = (folder.path().join("events"), folder.path().join("activity"));
        let failed = |error: StorageError| Error::unexpected("start the log", error.to_string());
        let (activity, thread) = ActivityLog::start(&log_dir, &dir, DAYS, now).map_err(failed)?;
        let (log, log_thread) = EventLog::start(&log_dir, DAYS).map_err(failed)?;
        let world = Self { log, log_thread, activity, thread, next: AtomicU64::new(0) };
        let began = Instant::now();
        let of_a_day = messages / DAYS;
        for day in 0..DAYS {
            let start = today() - (DAYS - 1 - day) * DAY;
            // Of today there are the first minutes only: the rest of it comes later.
            let span = if day + 1 == DAYS { DAY / 1_440 } else { DAY };
            for number in 0..of_a_day {
                world.record(start + number * span / of_a_day)?;
                if number % TOGETHER == 0 {
                    world.log.flush();
                }
            }
            world.log.flush();
        }
        world.activity.catch_up();
        let rate = messages as f64 / began.elapsed().as_secs_f64();
        report::head(&["messages", "events", "written and indexed a second"])?;
        report::row(&[messages.to_string(), (messages * 2).to_string(), format!("{rate:.0}")])?;
        Ok(world)
    }

    /// A message that is accepted and tried once.
    fn record(&self, at: u64) -> Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let domain = number * 7_919 % DOMAINS;
        let id = QueueId::from_raw(at * 1_000 + number % 1_000);
        let (accepted, attempt) = (accepted(id, at, number, domain)?, attempt(number)?);
        self.log.record(UnixMillis::new(at), Some(id), Event::Accepted(Box::new(accepted)));
        let tried = at + 200 + number * 31 % 5_000;
        self.log.record(UnixMillis::new(tried.max(at)), Some(id), Event::Attempt(Box::new(attempt)));
        Ok(())
    }

    /// The median of some answers, and how many groups they have.
    fn ask(&self, name: &str, scope: &Scope, question: &Question) -> Result<(usize, Duration)> {
        let asked: Result<Vec<_>> = (0..ASKED).map(|_| self.once(name, scope, question)).collect();
        let asked = asked?;
        let groups = asked.first().map_or(0, |(groups, _)| *groups);
        let mut took: Vec<_> = asked.into_iter().map(|(_, took)| took).collect();
        Ok((groups, median(&mut took)))
    }

    fn once(&self, name: &str, scope: &Scope, question: &Question) -> Result<(usize, Duration)> {
        let began = Instant::now();
        let groups = self.activity.groups(scope, question.clone());
        let groups = groups.map_err(|error| Error::unexpected(name, error.to_string()))?;
        Ok((groups.len(), began.elapsed()))
    }

    /// Lets messages come in while `meanwhile` runs, and returns how many of them were indexed a second.
    fn load(&self, meanwhile: impl FnOnce(&AtomicBool) -> Result<()>) -> Result<f64> {
        let running = Arc::new(AtomicBool::new(true));
        let (began, before) = (Instant::now(), self.next.load(Ordering::Relaxed));
        thread::scope(|threads| {
            let sender = threads.spawn(|| {
                while began.elapsed() < LOADED {
                    (0..EACH_TICK).try_for_each(|_| self.record(now().as_millis()))?;
                    thread::sleep(Duration::from_millis(10));
                }
                running.store(false, Ordering::Relaxed);
                self.log.flush();
                self.activity.catch_up();
                Ok(began.elapsed())
            });
            let asked = meanwhile(&running);
            let took = sender.join().map_err(|_| Error::unexpected("send", "its thread panicked"))?;
            asked?;
            let came = self.next.load(Ordering::Relaxed) - before;
            took.map(|took: Duration| came as f64 / took.as_secs_f64())
        })
    }

    fn close(self) {
        self.log_thread.close();
        self.thread.close();
    }
}

fn accepted(id: QueueId, at: u64, number: u64, domain: u64) -> Result<Accepted> {
    let failed = |error: String| Error::unexpected("make a message", error);
    let to = EmailAddress::parse(&format!("someone{number}@domain{}.example", number % 5_000));
    let account = TenantName::parse(&format!("account{}", domain % ACCOUNTS));
    let to = vec![to.map_err(|error| failed(error.to_string()))?];
    let envelope = Envelope {
        account: Some(account.map_err(|error| failed(error.to_string()))?),
        ..Envelope::new(id, UnixMillis::new(at), ReversePath::Null, to, Origin::Api)
    };
    Ok(Accepted {
        author: format!("news@sender{domain}.example"),
        zone: Some(format!("zone{domain}")),
        message_id: format!("{id}@sender{domain}.example"),
        ..Accepted::new(&envelope, Some("Your order is on its way"), 10_000)
    })
}

/// Of a hundred of a domain, 95 are taken, three are refused and two put off.
fn attempt(number: u64) -> Result<Attempt> {
    let (outcome, class, code) = match number / DOMAINS % 100 {
        0..95 => (Outcome::Delivered, "", 2),
        95 | 96 => (Outcome::Hard, "invalid-recipient", 5),
        97 => (Outcome::Hard, "policy", 5),
        _ => (Outcome::Soft, "greylisted", 4),
    };
    let domain = format!("domain{}.example", number % 5_000);
    let parsed =
        Domain::parse(&domain).map_err(|error| Error::unexpected("make an attempt", error.to_string()))?;
    Ok(Attempt {
        group: 0,
        recipient: 0,
        address: format!("someone{number}@{domain}"),
        domain: parsed,
        site: "mx.example".into(),
        tenant: None,
        mx: Some("mx.example".into()),
        remote: Some([192, 0, 2, 1].into()),
        source: None,
        tls: None,
        outcome,
        class: class.into(),
        status: EnhancedCode::new(code, 0, 0),
        reply: "as it says".into(),
        duration_ms: 120,
        attempt: 1,
        retry_after_ms: None,
        next_due: None,
    })
}

/// What a dashboard asks, and whose mail it is about.
fn questions(today: u64) -> Vec<(&'static str, Scope, Question)> {
    let all = Scope { direction: Direction::Sending, account: None, zones: None };
    let account = Scope { account: Some("account7".into()), ..all.clone() };
    let zone = Scope { zones: Some(vec!["zone7".into()]), ..account.clone() };
    let month = Condition::none();
    let day = is("date", Comparison::Is, today - 2 * DAY);
    let ask = |condition: &Condition, names: &[&str], percentiles| Question {
        condition: condition.clone(),
        dimensions: names.iter().filter_map(|name| Dimension::named(Direction::Sending, name)).collect(),
        order: Vec::new(),
        limit: 10_000,
        percentiles,
    };
    vec![
        ("all mail by date and status", all.clone(), ask(&month, &["date", "status"], false)),
        ("all mail by cause and domain", all.clone(), ask(&month, &["errorCause", "sendingDomain"], false)),
        ("all mail by hour", all.clone(), ask(&month, &["datetimeHour", "status"], false)),
        ("all mail by date, percentiles", all.clone(), ask(&month, &["date"], true)),
        ("an account by date and status", account.clone(), ask(&month, &["date", "status"], false)),
        ("an account by hour", account.clone(), ask(&month, &["datetimeHour", "status"], false)),
        ("an account by hour, percentiles", account, ask(&month, &["datetimeHour"], true)),
        ("a zone by date and status", zone.clone(), ask(&month, &["date", "status"], false)),
        ("a zone by minute of a day", zone, ask(&day, &["datetimeMinute", "status"], false)),
        ("all mail by minute of a day", all, ask(&day, &["datetimeMinute", "status"], false)),
    ]
}

fn is(name: &str, comparison: Comparison, at: u64) -> Condition {
    let at = Cell::Number(i64::try_from(at).unwrap_or(i64::MAX));
    let dimension = Dimension::named(Direction::Sending, name);
    dimension.map_or(Condition::none(), |found| Condition::Compare(found, comparison, vec![at]))
}

fn median(took: &mut [Duration]) -> Duration {
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

/// When today began, in milliseconds since 1970.
fn today() -> u64 {
    now().as_millis() / DAY * DAY
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
