use super::*;
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    envelope::Origin,
};
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

const KEY: RequestKey = RequestKey::new([7; 16]);
const ASKED: RequestDigest = RequestDigest::new([1; 16]);
const START: u64 = 1_795_000_000_000;
const HOUR: Duration = Duration::from_secs(3_600);

struct World {
    requests: KeyedRequests,
    dir: TempDir,
}

fn now() -> UnixMillis {
    UnixMillis::new(START)
}

impl World {
    fn new() -> Self {
        Self::with(1_000)
    }

    fn with(most: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = RequestSettings { keep: HOUR, most };
        Self { requests: KeyedRequests::open(dir.path(), settings, now).unwrap(), dir }
    }

    /// The requests as the next process finds them after a kill.
    fn killed(self) -> Self {
        let settings = self.requests.0.settings;
        Self { requests: KeyedRequests::open(self.dir.path(), settings, now).unwrap(), dir: self.dir }
    }

    fn ticket(&self) -> Ticket {
        match self.requests.begin(KEY, ASKED).unwrap() {
            Begun::Ticket(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&self) -> Option<String> {
        match self.requests.begin(KEY, ASKED).unwrap() {
            Begun::Answered(answer) => Some(answer),
            _ => None,
        }
    }
}

fn message(id: u64) -> KeptMessage {
    KeptMessage {
        id: QueueId::from_raw(id),
        message_id: format!("{id}@example.com"),
        recipients: vec!["a@example.net".to_owned()],
        left_out: Vec::new(),
        send_at: None,
    }
}

fn accept(world: &World, ticket: &Ticket, item: u16) {
    ticket.announce(item, Vec::new(), message(u64::from(item) + 1));
    world.requests.confirm(QueueId::from_raw(u64::from(item) + 1));
}

#[test]
fn one_key_is_worked_on_once_at_a_time() {
    let world = World::new();
    let ticket = world.ticket();
    assert!(matches!(world.requests.begin(KEY, ASKED).unwrap(), Begun::UnderWay));
    drop(ticket);
    assert!(world.ticket().accepted(0).is_none());
}

#[test]
fn what_was_accepted_is_known_even_if_nobody_took_the_answer() {
    let world = World::new();
    accept(&world, &world.ticket(), 0);
    assert_eq!(world.ticket().accepted(0), Some(&message(1)));
    world.requests.flush().unwrap();
    let world = world.killed();
    assert_eq!(world.ticket().accepted(0), Some(&message(1)));
}

#[test]
fn what_was_only_announced_never_happened() {
    let world = World::new();
    let ticket = world.ticket();
    ticket.announce(0, Vec::new(), message(1));
    ticket.withdraw(QueueId::from_raw(1));
    world.requests.confirm(QueueId::from_raw(1));
    drop(ticket);
    assert_eq!(world.ticket().accepted(0), None);
}

#[test]
fn an_answer_is_given_again_from_memory_and_from_disk() {
    let world = World::new();
    let ticket = world.ticket();
    accept(&world, &ticket, 0);
    // Written in two parts: the message with one checkpoint, its answer with the next.
    world.requests.flush().unwrap();
    ticket.answered("1".to_owned());
    assert_eq!(world.answer().as_deref(), Some("1"));
    world.requests.flush().unwrap();
    assert_eq!(world.killed().answer().as_deref(), Some("1"));
}

#[test]
fn another_request_with_the_same_key_is_not_taken_for_it() {
    let world = World::new();
    let other = RequestDigest::new([2; 16]);
    accept(&world, &world.ticket(), 0);
    assert!(matches!(world.requests.begin(KEY, other).unwrap(), Begun::OtherRequest));
    world.requests.flush().unwrap();
    assert!(matches!(world.requests.begin(KEY, other).unwrap(), Begun::OtherRequest));
    // And it does not hold the key.
    assert_eq!(world.ticket().accepted(0), Some(&message(1)));
}

#[test]
fn the_journal_brings_back_what_was_not_written() {
    let world = World::new();
    accept(&world, &world.ticket(), 0);
    let world = world.killed();
    assert_eq!(world.ticket().accepted(0), None);
    let recipients = vec![EmailAddress::parse("a@example.net").unwrap()];
    let mut envelope = Envelope::new(QueueId::from_raw(1), now(), ReversePath::Null, recipients, Origin::Api);
    let message_id = "1@example.com".to_owned();
    let mark = RequestMark { key: KEY, digest: ASKED, item: 0, message_id, left_out: Vec::new() };
    envelope.request = Some(Box::new(mark));
    // Twice, as when a state is thrown away after it was read.
    world.requests.recall(&envelope);
    world.requests.recall(&envelope);
    assert_eq!(world.ticket().accepted(0), Some(&message(1)));
    world.requests.flush().unwrap();
    let world = world.killed();
    assert_eq!(world.ticket().accepted(0), Some(&message(1)));
}

#[test]
fn a_batch_that_was_cut_short_goes_on_where_it_was() {
    let world = World::new();
    let ticket = world.ticket();
    for item in [0, 2] {
        accept(&world, &ticket, item);
    }
    world.requests.flush().unwrap();
    accept(&world, &ticket, 3);
    drop(ticket);
    let again = world.ticket();
    let known: Vec<_> = (0..5).filter(|item| again.accepted(*item).is_some()).collect();
    assert_eq!(known, [0, 2, 3]);
}

/// The time of a test that lets it pass.
static PASSING: AtomicU64 = AtomicU64::new(START);

#[test]
fn a_key_is_free_again_after_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let passing = || UnixMillis::new(PASSING.load(Ordering::Relaxed));
    let settings = RequestSettings { keep: HOUR, most: 10 };
    let requests = KeyedRequests::open(dir.path(), settings, passing).unwrap();
    let begin = |digest| requests.begin(KEY, digest).unwrap();
    let Begun::Ticket(ticket) = begin(ASKED) else { panic!("the key was used") };
    ticket.answered("old".to_owned());
    requests.flush().unwrap();
    PASSING.fetch_add(3_600_000, Ordering::Relaxed);
    let other = RequestDigest::new([2; 16]);
    let Begun::Ticket(ticket) = begin(other) else { panic!("the key is still in use") };
    ticket.answered("new".to_owned());
    requests.flush().unwrap();
    assert!(matches!(begin(other), Begun::Answered(answer) if answer == "new"));
}

#[test]
fn beyond_the_most_the_oldest_go() {
    let world = World::with(2);
    for number in 0..4u8 {
        let key = RequestKey::new([number; 16]);
        let Begun::Ticket(ticket) = world.requests.begin(key, ASKED).unwrap() else { panic!("in use") };
        let kept = KeptRequest::of_answer(ASKED, UnixMillis::new(START + u64::from(number)), "1".to_owned());
        world.requests.memory().keep(key, kept);
        drop(ticket);
    }
    world.requests.flush().unwrap();
    let known = (0..4u8).filter(|number| {
        let begun = world.requests.begin(RequestKey::new([*number; 16]), ASKED);
        matches!(begun, Ok(Begun::Answered(_)))
    });
    assert_eq!(known.collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn what_cannot_be_written_stays_known() {
    let world = World::new();
    accept(&world, &world.ticket(), 0);
    let file = world.dir.path().join("requests.sqlite");
    let blocker = rusqlite::Connection::open(&file).unwrap();
    blocker.execute_batch("DROP TABLE messages").unwrap();
    assert!(world.requests.flush().is_err());
    assert!(world.requests.flush().is_err());
    assert!(world.requests.memory().unwritten.contains_key(&KEY) && world.requests.memory().octets > 0);
}
