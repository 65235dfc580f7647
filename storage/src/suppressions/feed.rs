//! Outcomes on their way to the suppressions: told by delivery, which waits for nothing, written by one thread.
//!
//! What is on its way when the process is killed is lost: the next bounce of the address suppresses it.

use super::{Automatic, AutomaticCause, Scope, SoftBounce, Suppressions};
use crate::control::ObjectId;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use mailwright_engine::{address::EmailAddress, time::UnixMillis};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
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
    /// Whether a delivery may have soft bounces to be forgotten.
    counts: Arc<AtomicBool>,
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
        Self { fates: None, counts: Arc::default() }
    }

    /// A feed into `suppressions`.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(suppressions: Suppressions) -> io::Result<(Self, SuppressionThread)> {
        let (fates, arriving) = bounded(ON_THE_WAY);
        let (until, ends) = bounded(0);
        // What was counted before this start, if anything was.
        let counts = Arc::new(AtomicBool::new(suppressions.settings().soft_bounces > 0));
        let thread = std::thread::Builder::new().name("suppressions".to_owned());
        let thread = thread.spawn(move || write(&suppressions, &arriving, &ends))?;
        Ok((Self { fates: Some(fates), counts }, SuppressionThread { thread, until }))
    }

    /// Whether it matters that mail was delivered: only once something has bounced.
    pub fn counts_deliveries(&self) -> bool {
        self.fates.is_some() && self.counts.load(Ordering::Relaxed)
    }

    /// Tells what became of mail; never waits.
    pub fn tell(&self, fate: Fate) {
        let Some(fates) = &self.fates else { return };
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

fn apply(suppressions: &Suppressions, fates: Vec<Fate>) -> Result<(), super::SuppressionError> {
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
            What::Delivered => suppressions.forget_soft_bounces(&account, &email)?,
        }
    }
    suppressions.add_automatic(hard, now)?;
    suppressions.record_soft_bounces(&soft, now)?;
    Ok(())
}
