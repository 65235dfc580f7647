//! The process of a Worker, through all its versions: the one that takes new events, and what went wrong with the last.

use crate::{EventError, process::Process};
use mailwright_engine::worker::ScriptName;
use mailwright_storage::control::ObjectId;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};
use tokio::time::Instant;

/// The pause after a process came to nothing, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A Worker's place for processes.
pub(crate) struct Slot {
    /// Whose Worker it is.
    pub(crate) account: ObjectId,
    /// The Worker.
    pub(crate) script: ScriptName,
    /// Held by whoever starts a process.
    pub(crate) starting: tokio::sync::Mutex<()>,
    /// Whether somebody sees to it that the newest version takes over.
    pub(crate) is_reloading: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Process>>,
    failures: u32,
    /// Until when no other is started, and what events are told until then.
    pause: Option<(Instant, EventError)>,
}

impl Slot {
    /// The place of a Worker that has no process yet.
    pub(crate) fn new(account: &ObjectId, script: &ScriptName) -> Self {
        Self {
            account: account.clone(),
            script: script.clone(),
            starting: tokio::sync::Mutex::default(),
            is_reloading: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// The process that takes new events, if it is alive.
    pub(crate) fn current(&self) -> Option<Arc<Process>> {
        self.state().current.as_ref().filter(|process| process.is_alive()).cloned()
    }

    /// Lets new events go to `process`, or to none. Returns the one that took them until now.
    pub(crate) fn put(&self, process: Option<Arc<Process>>) -> Option<Arc<Process>> {
        std::mem::replace(&mut self.state().current, process)
    }

    /// A process came to nothing: it did not start, or ended before an event of it did. The next is not started at once.
    pub(crate) fn failed(&self, why: EventError) {
        let mut state = self.state();
        let pause = FIRST_PAUSE.saturating_mul(1 << state.failures.min(16)).min(LONGEST_PAUSE);
        state.failures = state.failures.saturating_add(1);
        state.pause = Some((Instant::now() + pause, why));
    }

    /// A process has proven to be of use, or there is another version: what was before does not count.
    pub(crate) fn forgive(&self) {
        let mut state = self.state();
        state.failures = 0;
        state.pause = None;
    }

    /// Whether a process may be started now.
    ///
    /// # Errors
    /// What went wrong with the last.
    pub(crate) fn may_start(&self) -> Result<(), EventError> {
        match &self.state().pause {
            Some((until, why)) if Instant::now() < *until => Err(why.clone()),
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("account", &self.account)
            .field("script", &self.script)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_failure_makes_the_pause_longer_until_one_succeeds() {
        let slot = Slot::new(&"0".repeat(32).parse().unwrap(), &"a".parse().unwrap());
        let why = EventError::NotStarted("x".to_owned());
        for pause in [250, 500, 1_000, 2_000] {
            assert_eq!(slot.may_start(), Ok(()));
            slot.failed(why.clone());
            assert_eq!(slot.may_start(), Err(why.clone()));
            tokio::time::advance(Duration::from_millis(pause - 1)).await;
            assert_eq!(slot.may_start(), Err(why.clone()));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        (0..100).for_each(|_| slot.failed(why.clone()));
        tokio::time::advance(LONGEST_PAUSE).await;
        assert_eq!(slot.may_start(), Ok(()));
        slot.failed(why);
        slot.forgive();
        assert_eq!(slot.may_start(), Ok(()));
    }
}
