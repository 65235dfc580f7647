//! Which source carries what now: pools, suspensions, and what each source has sent today.

use crate::{clock, suspensions::Suspensions};
use mailwright_engine::{
    class::SourceName,
    classify::BounceClass,
    source::{Availability, NoSource, PoolFacts, Source, Sources, WarmUp},
};
use mailwright_storage::{
    QueueEntry,
    control::{Control, SourceDay},
};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::Arc,
};

/// What a source has sent on one day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sent {
    day: u64,
    messages: u64,
}

/// Sources with their state. Used on one thread.
pub struct SourceBook {
    sources: Sources,
    suspensions: Suspensions,
    control: Arc<Control>,
    /// Only of sources that warm up.
    sent: RefCell<HashMap<SourceName, Sent>>,
    unsaved: Cell<bool>,
}

impl SourceBook {
    /// The book for `sources`; what they sent today before a restart is read from `control`.
    pub fn new(sources: Sources, suspensions: Suspensions, control: Arc<Control>) -> Self {
        let day = WarmUp::day(clock::wall());
        let warming = sources.all().into_iter().filter(|source| source.warm_up.is_some());
        let sent = warming.map(|source| {
            let messages = control.sent_on(&source.name, day);
            (source.name.clone(), Sent { day, messages })
        });
        let sent = RefCell::new(sent.collect());
        Self { sources, suspensions, control, sent, unsaved: Cell::new(false) }
    }

    /// The source for the next attempt at `entry`.
    ///
    /// # Errors
    /// When its pool, and what that overflows into, has none that may be used.
    pub fn choose(&self, entry: &QueueEntry) -> Result<&Arc<Source>, NoSource> {
        self.choose_except(entry, |_| false)
    }

    /// As [`SourceBook::choose`], passing over sources for which `out` holds.
    ///
    /// # Errors
    /// As [`SourceBook::choose`].
    pub fn choose_except(
        &self,
        entry: &QueueEntry,
        out: impl Fn(&SourceName) -> bool,
    ) -> Result<&Arc<Source>, NoSource> {
        let seed = entry.key().id.as_raw() ^ u64::from(entry.attempts) << 48;
        let availability = |source: &Source| match out(&source.name) {
            true => Availability::Not { until: None },
            false => self.availability(source),
        };
        let class = &entry.place.class;
        let pool = self.sources.pool_for(&PoolFacts {
            tenant: class.tenant.as_ref(),
            destination: Some(&entry.place.domain),
            asked: class.pool.as_ref(),
        });
        self.sources.choose(pool.as_ref(), seed, refused_source(entry), availability)
    }

    fn availability(&self, source: &Source) -> Availability {
        if let Some(suspended) = self.suspensions.source(&source.name) {
            return Availability::Not { until: suspended.until };
        }
        // Days are the calendar's.
        let now = clock::wall();
        match source.warm_up.as_ref().and_then(|warm_up| warm_up.cap(now)) {
            Some(cap) if self.sent_today(&source.name) >= cap => {
                Availability::Not { until: Some(WarmUp::next_day(now)) }
            }
            _ => Availability::Usable,
        }
    }

    fn sent_today(&self, source: &SourceName) -> u64 {
        let day = WarmUp::day(clock::wall());
        self.sent.borrow().get(source).filter(|sent| sent.day == day).map_or(0, |sent| sent.messages)
    }

    /// Counts a message that is about to leave from `source`; false if it may not.
    pub fn take(&self, source: &SourceName) -> bool {
        let Some(known) = self.sources.get(source) else { return false };
        if self.availability(known) != Availability::Usable {
            return false;
        }
        if known.warm_up.is_some() {
            self.count(source, |messages| messages + 1);
        }
        true
    }

    /// Counts back a message that did not leave after all.
    pub fn give_back(&self, source: &SourceName) {
        if self.sent.borrow().contains_key(source) {
            self.count(source, |messages| messages.saturating_sub(1));
        }
    }

    fn count(&self, source: &SourceName, change: impl Fn(u64) -> u64) {
        let day = WarmUp::day(clock::wall());
        let messages = change(self.sent_today(source));
        self.sent.borrow_mut().insert(source.clone(), Sent { day, messages });
        self.unsaved.set(true);
    }

    /// Stores what was sent today, if that has changed, so that a restart does not begin the day anew. Called
    /// once in a while and at the end; what a crash loses is what was sent since. The future blocks nobody.
    pub fn store(&self) -> impl Future<Output = ()> + use<> {
        let day = |(source, sent): (&SourceName, &Sent)| SourceDay {
            source: source.clone(),
            day: sent.day,
            sent: sent.messages,
        };
        let changed = self.unsaved.replace(false);
        let days: Vec<_> = self.sent.borrow().iter().filter(|_| changed).map(day).collect();
        let control = Arc::clone(&self.control);
        async move {
            if days.is_empty() {
                return;
            }
            match tokio::task::spawn_blocking(move || control.set_sent(&days)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "what the sources sent today could not be stored"),
                Err(error) => tracing::error!(%error, "storing what the sources sent panicked"),
            }
        }
    }

    /// The source of this name.
    pub fn get(&self, name: &SourceName) -> Option<&Arc<Source>> {
        self.sources.get(name)
    }

    /// Every source, what it may still send today (`None`: no limit), and whether it may be used.
    pub fn describe(&self) -> Vec<(Arc<Source>, Option<u64>, Availability)> {
        let describe = |source: &Arc<Source>| {
            let cap = source.warm_up.as_ref().and_then(|warm_up| warm_up.cap(clock::wall()));
            let left = cap.map(|cap| cap.saturating_sub(self.sent_today(&source.name)));
            (Arc::clone(source), left, self.availability(source))
        };
        self.sources.all().into_iter().map(describe).collect()
    }
}

/// The source of the last attempt, if its address was refused as blocklisted: the next leaves from another.
fn refused_source(entry: &QueueEntry) -> Option<&SourceName> {
    let last = entry.last.as_ref().filter(|last| last.class == BounceClass::Blocklisted.as_str())?;
    last.source.as_ref()
}
