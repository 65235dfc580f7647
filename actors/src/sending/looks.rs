//! What was found at those that are watched, and which are due for another look.

use super::watched::Watched;
use crate::clock;
use mailwright_engine::{domain_dns::DomainState, time::UnixMillis};
use mailwright_storage::control::ObjectId;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

/// How soon it looks again at what is not in order, or whose keys wait: somebody is waiting.
const SOON: Duration = Duration::from_secs(300);

/// What was found, and when.
#[derive(Debug)]
pub struct Checked<R> {
    /// When it was looked at.
    pub at: UnixMillis,
    /// What was found.
    pub report: R,
    /// Where it stands: as the report says, or, if the DNS gave no answer, as the last one that had an answer.
    pub state: DomainState,
}

/// The looks at one kind of what is watched.
pub struct Looks<W: Watched> {
    last: HashMap<ObjectId, Arc<Checked<W::Report>>>,
    under_way: HashSet<ObjectId>,
}

impl<W: Watched> Default for Looks<W> {
    fn default() -> Self {
        Self { last: HashMap::new(), under_way: HashSet::new() }
    }
}

impl<W: Watched> Looks<W> {
    /// How many are under way that were begun here.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Notes that a look begins.
    pub(super) fn begin(&mut self, id: &ObjectId) {
        self.under_way.insert(id.clone());
    }

    /// Notes that a look is over.
    pub(super) fn end(&mut self, id: &ObjectId) {
        self.under_way.remove(id);
    }

    /// Forgets those that are gone.
    pub(super) fn retain(&mut self, all: &[Arc<W>]) {
        let there: HashSet<_> = all.iter().map(|watched| watched.id()).collect();
        self.last.retain(|id, _| there.contains(id));
    }

    /// What the last look found.
    pub(super) fn last(&self, id: &ObjectId) -> Option<&Arc<Checked<W::Report>>> {
        self.last.get(id)
    }

    /// Whether it is time to look at `watched`, of which looks are `interval` apart while it is well.
    pub(super) fn is_due(&self, watched: &W, interval: Duration, now: UnixMillis) -> bool {
        let last = self.last.get(watched.id());
        let somebody_waits = watched.is_awaited(last.map(|checked| checked.state));
        let pause = if somebody_waits { SOON.min(interval) } else { interval };
        let is_old = |checked: &Arc<Checked<_>>| now.since(checked.at) >= pause;
        !self.under_way.contains(watched.id()) && last.is_none_or(is_old)
    }

    /// Keeps what a look found.
    pub(super) fn keep(&mut self, id: &ObjectId, report: W::Report) -> Arc<Checked<W::Report>> {
        let state = match (W::state(&report), self.last.get(id)) {
            (DomainState::Unknown, Some(before)) => before.state,
            (state, _) => state,
        };
        let checked = Arc::new(Checked { at: clock::now(), report, state });
        self.last.insert(id.clone(), Arc::clone(&checked));
        checked
    }
}
