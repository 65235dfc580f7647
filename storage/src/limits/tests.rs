use super::*;
use crate::control::By;
use mailwright_engine::envelope::Origin;
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    envelope::SentBy,
    id::QueueId,
};
use std::fs;

const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

/// The limits of one account, over a folder that outlives them.
struct World {
    home: tempfile::TempDir,
    control: Arc<Control>,
    account: ObjectId,
    limits: Limits,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let control = Arc::new(Control::open(&home.path().join("control")).unwrap());
        let account = control.create_account("test", &By::server(NOW)).unwrap().id;
        let limits = open(&home, &control);
        limits.store_replayed(0).unwrap();
        Self { home, control, account, limits }
    }

    /// What a start finds.
    fn reopened(&self) -> Limits {
        open(&self.home, &self.control)
    }

    fn set(&self, change: impl FnOnce(&mut AccountLimits)) {
        let mut limits = AccountLimits::new(&self.account);
        change(&mut limits);
        self.control.set_limits(limits, &By::server(NOW)).unwrap();
    }

    fn key(&self) -> CountKey {
        CountKey::Account(self.account.tenant().unwrap())
    }

    fn envelope(&self, recipients: usize) -> Envelope {
        Envelope {
            account: self.account.tenant(),
            ..Envelope::new(QueueId::from_raw(1), NOW, ReversePath::Null, to(recipients), Origin::Api)
        }
    }

    /// Has the journal say, up to `position`, that a message was accepted.
    fn commit(&self, recipients: usize, position: u64) {
        self.limits.note(self.limits.counted(&self.envelope(recipients)).unwrap());
        self.limits.store(position);
    }

    fn file(&self) -> std::path::PathBuf {
        self.home.path().join("limits/counts")
    }

    fn used(&self, limits: &Limits) -> u64 {
        limits.used(&self.key(), Window::Day, NOW).used
    }
}

fn open(home: &tempfile::TempDir, control: &Arc<Control>) -> Limits {
    Limits::open(&home.path().join("limits"), Arc::clone(control), LimitSettings::default()).unwrap()
}

fn to(recipients: usize) -> Vec<EmailAddress> {
    (0..recipients).map(|n| EmailAddress::parse(&format!("r{n}@example.net")).unwrap()).collect()
}

#[test]
fn what_was_stored_is_there_and_the_journal_adds_only_what_was_not() {
    let world = World::new();
    world.commit(2, 100);
    world.commit(3, 200);
    let limits = world.reopened();
    assert_eq!(world.used(&limits), 5);
    // A start that found an older queue state, or none, reads these again.
    for lsn in [0, 60, 199] {
        limits.replayed(lsn, &world.envelope(7));
    }
    assert_eq!(world.used(&limits), 5);
    for lsn in [200, 200, 260] {
        limits.replayed(lsn, &world.envelope(1));
    }
    assert_eq!(world.used(&limits), 7);
    limits.store_replayed(300).unwrap();
    assert_eq!(world.used(&world.reopened()), 7);
}

#[test]
fn the_file_is_believed_up_to_where_a_crash_tore_it() {
    let world = World::new();
    world.commit(2, 100);
    let whole = fs::read(world.file()).unwrap();
    world.commit(3, 200);
    let longer = fs::read(world.file()).unwrap();
    for cut in whole.len()..longer.len() {
        fs::write(world.file(), &longer[..cut]).unwrap();
        let limits = world.reopened();
        assert_eq!(world.used(&limits), 2, "cut at {cut}");
        limits.replayed(150, &world.envelope(3));
        assert_eq!(world.used(&limits), 5);
    }
    let mut damaged = longer.clone();
    damaged[whole.len() + 9] ^= 1;
    fs::write(world.file(), &damaged).unwrap();
    assert_eq!(world.used(&world.reopened()), 2);
}

#[test]
fn the_file_is_written_anew_before_it_grows_large_and_says_the_same() {
    let world = World::new();
    world.set(|limits| limits.recipient.day = Some(1_000));
    let addresses = 400;
    let mut largest = 0;
    for round in 1..=200 {
        world.commit(addresses, round);
        largest = largest.max(fs::metadata(world.file()).unwrap().len());
    }
    let limits = world.reopened();
    assert_eq!(world.used(&limits), 200 * addresses as u64);
    let one = CountKey::recipient(&world.account.tenant().unwrap(), &to(1)[0]);
    assert_eq!(limits.used(&one, Window::Hour, NOW).used, 200);
    let last = fs::metadata(world.file()).unwrap().len();
    assert!(largest > 1_000_000 && largest <= 1 << 20 && last < largest, "{largest} {last}");
}

#[test]
fn nothing_is_written_while_no_account_sends() {
    let world = World::new();
    let before = fs::read(world.file()).unwrap();
    let relayed = Envelope { account: None, ..world.envelope(1) };
    let report = Envelope { origin: Origin::Report, ..world.envelope(1) };
    for envelope in [relayed, report] {
        assert_eq!(world.limits.counted(&envelope), None);
    }
    world.limits.store(500);
    assert_eq!(fs::read(world.file()).unwrap(), before);
}

#[test]
fn what_is_set_for_one_domain_or_token_comes_before_what_is_set_for_all() {
    let world = World::new();
    let by = By::server(NOW);
    let token = crate::control::NewToken::new(&world.account, "t", vec![crate::control::Permission::Send]);
    let (token, _) = world.control.create_token(token, &by).unwrap();
    world.set(|limits| {
        limits.token = Rates { day: Some(2), ..Rates::default() };
        limits.tokens.insert(token.id.clone(), Rates { day: Some(3), ..Rates::default() });
    });
    let account = world.account.tenant().unwrap();
    let known = ObjectKey::parse(token.id.as_str());
    for (token, most) in [(known, 3), (ObjectKey::parse(&"f".repeat(32)), 2)] {
        let sent_by = SentBy { domain: None, token };
        let demand = |recipients| Demand { account: &account, sent_by, recipients };
        let fitting = to(most);
        assert!(world.limits.check(demand(&fitting), NOW).is_ok());
        let refusal = world.limits.check(demand(&to(most + 1)), NOW).unwrap_err();
        assert_eq!((refusal.scope, refusal.most), (Scope::Token, most as u64));
    }
}

#[test]
fn an_account_that_is_gone_leaves_nothing_and_limits_of_others_cannot_be_named() {
    let world = World::new();
    world.commit(2, 100);
    world.set(|limits| limits.account.day = Some(1));
    let mut wrong = AccountLimits::new(&world.account);
    wrong.tokens.insert("f".repeat(32).parse().unwrap(), Rates::default());
    assert!(world.control.set_limits(wrong, &By::server(NOW)).is_err());
    world.control.delete_account(&world.account, &By::server(NOW)).unwrap();
    assert_eq!(world.control.limits_of_account(&world.account), None);
    assert_eq!(world.used(&world.reopened()), 0);
}
