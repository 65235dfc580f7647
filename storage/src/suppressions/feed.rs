//! Outcomes on their way to the suppressions: told by delivery, which waits for nothing, written by one thread.
//!
//! What is on its way when the process is killed is lost: the next bounce of the address suppresses it.

use super::{AddressKey, Automatic, AutomaticCause, Scope, SoftBounce, SuppressionError, Suppressions};
use crate::{control::ObjectId, error::StorageError};
use crossbeam_channel::{Receiver, Sender, bounded, select};
use mailwright_engine::{address::EmailAddress, time::UnixMillis};
use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    thread::JoinHandle,
};

/// Outcomes that may be on their way; more are left out, and the next of their addresses will do.
const ON_THE_WAY: usize = 16_384;
/// Outcomes that are written with one sync.
const TOGETHER: usize = 1_000;

/// What became of mail to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Whose mail it was.
    pub account: ObjectId,
    /// The recipient.
    pub email: EmailAddress,
    /// What became of it.
    pub what: What,
    /// When.
    pub at: UnixMillis,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The address is none, or takes no mail; in its server's words.
    HardBounce(String),
    /// It was given up after it failed for now.
    SoftBounce,
    /// It was taken.
    Delivered,
}

/// The way for outcomes. Clones are cheap and may be used from any thread.
#[derive(Debug, Clone)]
pub struct SuppressionFeed {
    fates: Option<Sender<Fate>>,
    counted: Arc<Counted>,
}

/// Who may have soft bounces counted, so that the deliveries of all others need not be told.
#[derive(Debug, Default)]
struct Counted {
    hasher: RandomState,
    /// Hashes of account and address: two that share one cost a look-up in vain.
    hashes: RwLock<HashSet<u64>>,
}

impl Counted {
    fn hash(&self, account: &str, address: &AddressKey) -> u64 {
        self.hasher.hash_one((account, address.as_str()))
    }

    fn has(&self, hash: u64) -> bool {
        self.hashes.read().unwrap_or_else(PoisonError::into_inner).contains(&hash)
    }

    fn insert(&self, hash: u64) {
        self.hashes.write().unwrap_or_else(PoisonError::into_inner).insert(hash);
    }

    fn remove(&self, hash: u64) {
        self.hashes.write().unwrap_or_else(PoisonError::into_inner).remove(&hash);
    }
}

/// The thread that writes.
#[derive(Debug)]
pub struct SuppressionThread {
    thread: JoinHandle<()>,
    /// Dropped, it tells the thread to end.
    until: Sender<()>,
}

impl SuppressionFeed {
    /// A feed that leads nowhere.
    pub fn disabled() -> Self {
        Self { fates: None, counted: Arc::default() }
    }

    /// A feed into `suppressions`.
    ///
    /// # Errors
    /// When what was counted before cannot be read, or there is no thread to be had.
    pub fn start(suppressions: Suppressions) -> Result<(Self, SuppressionThread), SuppressionError> {
        let counted = Counted::default();
        suppressions.each_counted(|account, address| counted.insert(counted.hash(account, address)))?;
        let counted = Arc::new(counted);
        let (fates, arriving) = bounded(ON_THE_WAY);
        let (until, ends) = bounded(0);
        let thread = std::thread::Builder::new().name("suppressions".to_owned());
        let thread = thread.spawn(move || write(&suppressions, &arriving, &ends));
        let failed = |error| StorageError::io("start the thread of", Path::new("suppressions"), error);
        let thread = thread.map_err(failed)?;
        Ok((Self { fates: Some(fates), counted }, SuppressionThread { thread, until }))
    }

    /// Whether anybody is listening.
    pub fn is_on(&self) -> bool {
        self.fates.is_some()
    }

    /// Tells what became of mail; never waits. A delivery to somebody who never bounced is nothing to tell.
    pub fn tell(&self, fate: Fate) {
        let Some(fates) = &self.fates else { return };
        let hash = self.counted.hash(fate.account.as_str(), &AddressKey::of(&fate.email));
        match fate.what {
            What::Delivered if !self.counted.has(hash) => return,
            What::Delivered => self.counted.remove(hash),
            What::SoftBounce => self.counted.insert(hash),
            What::HardBounce(_) => {}
        }
        if fates.try_send(fate).is_err() {
            tracing::warn!("more bounces at once than can be written down; one was not counted");
        }
    }
}

impl SuppressionThread {
    /// Writes what there is and ends the thread.
    pub fn close(self) {
        drop(self.until);
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes suppressions panicked");
        }
    }
}

fn write(suppressions: &Suppressions, arriving: &Receiver<Fate>, ends: &Receiver<()>) {
    loop {
        let first = select! {
            recv(arriving) -> first => first.ok(),
            recv(ends) -> _ => arriving.try_recv().ok(),
        };
        let Some(first) = first else { return };
        let fates: Vec<_> = std::iter::once(first).chain(arriving.try_iter().take(TOGETHER - 1)).collect();
        if let Err(error) = apply(suppressions, fates) {
            tracing::error!(%error, "bounces were not written down");
        }
    }
}

fn apply(suppressions: &Suppressions, fates: Vec<Fate>) -> Result<(), SuppressionError> {
    let Some(now) = fates.iter().map(|fate| fate.at).max() else { return Ok(()) };
    let (mut hard, mut soft) = (Vec::new(), Vec::new());
    for Fate { account, email, what, at } in fates {
        match what {
            What::HardBounce(words) => hard.push(Automatic {
                account,
                email,
                cause: AutomaticCause::HardBounce,
                scope: Scope::Account,
                expires: None,
                note: Some(words),
            }),
            What::SoftBounce => soft.push(SoftBounce { account, email, at }),
            What::Delivered => {
                // What came before it is forgotten with it.
                suppressions.record_soft_bounces(&std::mem::take(&mut soft), now)?;
                suppressions.forget_soft_bounces(&account, &email)?;
            }
        }
    }
    suppressions.add_automatic(hard, now)?;
    suppressions.record_soft_bounces(&soft, now)?;
    Ok(())
}
