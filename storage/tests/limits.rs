//! However the process ends, what is counted of an account's limits is what the journal accepted: no more, no less.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod common;

use common::{NOW, SMALL, block_on, content, copy_dir, delivered, envelope, key};
use mailwright_engine::{
    class::TenantName,
    envelope::{Envelope, SentBy},
    id::ObjectKey,
    limits::{CountKey, Rates, Window},
};
use mailwright_storage::{
    Content, Spool, SpoolStarter, SpoolThreads, StateDir, StorageError,
    control::{AccountLimits, By, Control, ObjectId},
    limits::{LimitSettings, Limits},
};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

const TO: [&str; 3] = ["a@one.example", "B@one.example", "c@two.example"];
const SIZE: usize = 9_000;

/// A spool that counts, over a folder of its own.
struct Counting {
    spool: Spool,
    limits: Limits,
    control: Arc<Control>,
    account: ObjectId,
    threads: SpoolThreads,
    _state: StateDir,
}

/// The folder of control data is one for all copies: what it says does not change.
fn control(home: &Path) -> (Arc<Control>, ObjectId) {
    let control = Control::open(&home.join("control")).unwrap();
    let account = control.create_account("test", &By::server(NOW)).unwrap().id;
    let day = Rates { day: Some(1_000_000), ..Rates::default() };
    let limits = AccountLimits { recipient: day, ..AccountLimits::new(&account) };
    control.set_limits(limits, &By::server(NOW)).unwrap();
    (Arc::new(control), account)
}

impl Counting {
    fn start(dir: &Path, (control, account): &(Arc<Control>, ObjectId)) -> Self {
        let state = open_state(dir);
        let limits =
            Limits::open(&state.limits_dir(), Arc::clone(control), LimitSettings::default()).unwrap();
        let (starter, _) = SpoolStarter::recover_counting(&state, SMALL, limits.clone(), |_| {}).unwrap();
        let (spool, threads) = starter.start(Box::new(|_| {})).unwrap();
        let (control, account) = (Arc::clone(control), account.clone());
        Self { spool, limits, control, account, threads, _state: state }
    }

    fn tenant(&self) -> TenantName {
        self.account.tenant().unwrap()
    }

    fn envelope(&self, id: u64, recipients: usize) -> Envelope {
        let sent_by = SentBy { domain: None, token: Some(token()) };
        Envelope { account: Some(self.tenant()), sent_by, ..envelope(id, &TO[..recipients]) }
    }

    fn accept(&self, id: u64, recipients: usize) {
        let content = Content::whole(content(id, SIZE));
        block_on(self.spool.accept(self.envelope(id, recipients), content, NOW)).unwrap();
    }

    fn deliver(&self, id: u64) {
        for group in 0..2 {
            if let Some(entry) = block_on(self.spool.get(key(id, group))).unwrap() {
                self.spool.record(vec![delivered(entry)]).unwrap();
            }
        }
    }

    /// Has the queue state stored, and the counts before it.
    fn checkpoint(&self) {
        block_on(self.spool.domains()).unwrap();
    }

    fn assert_counts(&self, accepted: &[usize]) {
        let sum: usize = accepted.iter().sum();
        let mut expected = BTreeMap::new();
        for recipients in accepted {
            for address in &TO[..*recipients] {
                *expected.entry(address.to_lowercase()).or_insert(0u64) += 1;
            }
        }
        let used = |key: &CountKey| Window::ALL.map(|window| self.limits.used(key, window, NOW).used);
        assert_eq!(used(&CountKey::Account(self.tenant())), [sum as u64; 3]);
        assert_eq!(used(&CountKey::Token(token())), [sum as u64; 3]);
        for (address, count) in expected {
            assert_eq!(used(&CountKey::Recipient(self.tenant(), address.into())), [count; 3]);
        }
        assert!(self.control.account(self.account.as_str()).is_some());
    }

    fn close(self) {
        let Self { spool, threads, .. } = self;
        drop(spool);
        threads.close();
    }
}

fn token() -> ObjectKey {
    ObjectKey::parse(&"7".repeat(32)).unwrap()
}

/// Opens the folder. What had it lets go of it a moment after it is dropped.
fn open_state(dir: &Path) -> StateDir {
    loop {
        match StateDir::open(dir) {
            Err(StorageError::InUse { .. }) => std::thread::sleep(Duration::from_millis(1)),
            opened => return opened.unwrap(),
        }
    }
}

/// Copies a folder as a process killed at this moment would leave it: the queue state first and the journal last,
/// since neither the counts nor the journal are ever behind it.
fn killed_copy(from: &Path, to: &Path) {
    for folder in ["queue", "limits", "spool"] {
        copy_dir(&from.join(folder), &to.join(folder));
    }
    std::fs::copy(from.join("format"), to.join("format")).unwrap();
}

#[test]
fn each_accepted_message_counts_once_however_the_process_ends() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let rounds = if common::long() { 200 } else { 25 };
    let home = common::home();
    let control = control(home.path());
    let mut dir = home.path().join("0");
    let (mut accepted, mut next) = (Vec::new(), 1u64);
    for round in 1..=rounds {
        let server = Counting::start(&dir, &control);
        server.assert_counts(&accepted);
        for _ in 0..random.usize(0..20) {
            let recipients = random.usize(1..=TO.len());
            server.accept(next, recipients);
            accepted.push(recipients);
            if random.f32() < 0.8 {
                server.deliver(next);
            }
            next += 1;
            if random.f32() < 0.2 {
                server.checkpoint();
            }
        }
        // The queue state that this start began with may not even have been stored.
        let after = home.path().join(round.to_string());
        match random.u8(0..4) {
            0 => server.close(),
            1 => {
                killed_copy(&dir, &after);
                server.close();
                dir = after;
            }
            2 => {
                killed_copy(&dir, &after);
                server.close();
                std::fs::remove_dir_all(after.join("queue")).unwrap();
                dir = after;
            }
            _ => {
                // Power went between the counts and the queue state: the state is older.
                let older = home.path().join(format!("{round}-queue"));
                copy_dir(&dir.join("queue"), &older);
                server.checkpoint();
                killed_copy(&dir, &after);
                server.close();
                std::fs::remove_dir_all(after.join("queue")).unwrap();
                std::fs::rename(older, after.join("queue")).unwrap();
                dir = after;
            }
        }
    }
    let server = Counting::start(&dir, &control);
    server.assert_counts(&accepted);
    assert!(accepted.len() > 20, "{} messages prove little (seed {seed})", accepted.len());
    server.close();
}
