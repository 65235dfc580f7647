//! Limits of accounts, and how much of them is used: exact over restarts and kills.
//!
//! Who accepts a message [reserves](Limits::reserve) its recipients first, and gives them [back](Limits::release) if it
//! was not accepted. That is in memory. What must survive follows the journal: the thread that owns the queue state
//! notes what each accepted message adds, and has that safe, with the journal's position, before it stores a state
//! that reflects the message. A start reads the counts, and adds the messages of the journal from that position on.
//! So each message counts once, whenever the process is killed, and also when the queue state is thrown away.

mod log;

use crate::{
    control::{AccountLimits, Control, ObjectId},
    error::StorageError,
    metrics as names,
};
use log::CountLog;
use mailwright_engine::{
    class::TenantName,
    envelope::Envelope,
    id::ObjectKey,
    limits::{CountKey, Counted, Counts, Demand, LimitsOf, Rates, Refusal, Scope, Used, Window},
    time::UnixMillis,
};
use metrics::counter;
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What holds for accounts for which nothing else was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// Of all that an account sends.
    pub account: Rates,
    /// Of each sending domain.
    pub domain: Rates,
    /// Of each address, in each account.
    pub recipient: Rates,
    /// Of each token.
    pub token: Rates,
    /// Quotas of the first days on which an account sends.
    pub ramp: Arc<[u64]>,
    /// Addresses that are counted at most. The limits of more are not kept.
    pub max_recipients: usize,
}

impl Default for LimitSettings {
    /// No limits.
    fn default() -> Self {
        Self {
            account: Rates::default(),
            domain: Rates::default(),
            recipient: Rates::default(),
            token: Rates::default(),
            ramp: [].into(),
            max_recipients: 100_000,
        }
    }
}

/// The limits and what is used of them. Clones are cheap and share everything; usable from any thread.
#[derive(Debug, Clone)]
pub struct Limits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    control: Arc<Control>,
    settings: LimitSettings,
    /// With what is being accepted at this moment.
    counts: Mutex<Counts>,
    /// Of what the journal has.
    log: Mutex<CountLog>,
}

impl Limits {
    /// The limits of the accounts of `control`, with the counts that are kept in `dir` (made if missing).
    ///
    /// # Errors
    /// When the folder cannot be read or made.
    pub fn open(dir: &Path, control: Arc<Control>, settings: LimitSettings) -> Result<Self, StorageError> {
        let (log, mut counts) = CountLog::open(dir, settings.max_recipients)?;
        counts.retain_accounts(|account| control.account(account.as_str()).is_some());
        let (counts, log) = (Mutex::new(counts), Mutex::new(log));
        Ok(Self(Arc::new(Inner { control, settings, counts, log })))
    }

    /// Counts a message that is about to be accepted. The time in the answer, which is `now` or a moment later, is
    /// when it is accepted.
    ///
    /// # Errors
    /// The limit that it has to wait for longest; then it is counted nowhere.
    pub fn reserve(&self, demand: Demand<'_>, now: UnixMillis) -> Result<Counted, Refusal> {
        let limits = self.holding(demand);
        let (reserved, uncounted) = {
            let mut counts = self.counts();
            let before = counts.uncounted();
            (counts.reserve(demand, &limits, now), counts.uncounted() - before)
        };
        if uncounted > 0 {
            counter!(names::LIMITS_UNCOUNTED).increment(uncounted);
        }
        if let Err(Refusal { scope, window, .. }) = &reserved {
            counter!(names::LIMITS_REFUSED, "scope" => scope.as_str(), "window" => window.as_str())
                .increment(1);
        }
        reserved
    }

    /// Takes a message back that was not accepted.
    pub fn release(&self, counted: &Counted) {
        self.counts().release(counted);
    }

    /// Whether a message would be accepted now, without counting it.
    ///
    /// # Errors
    /// The limit that it would have to wait for longest.
    pub fn check(&self, demand: Demand<'_>, now: UnixMillis) -> Result<(), Refusal> {
        let limits = self.holding(demand);
        self.counts().check(demand, &limits, now)
    }

    /// What was set for an account, with the server's where nothing was.
    pub fn effective(&self, account_id: &ObjectId) -> AccountLimits {
        let set = self.0.control.limits_of_account(account_id);
        let set = set.map_or_else(|| AccountLimits::new(account_id), |set| AccountLimits::clone(&set));
        let settings = &self.0.settings;
        AccountLimits {
            account: set.account.or(settings.account),
            domain: set.domain.or(settings.domain),
            recipient: set.recipient.or(settings.recipient),
            token: set.token.or(settings.token),
            ramp: set.ramp.or_else(|| Some(settings.ramp.to_vec())),
            ..set
        }
    }

    /// How much of a window is used.
    pub fn used(&self, key: &CountKey, window: Window, now: UnixMillis) -> Used {
        self.counts().used(key, window, now)
    }

    /// On how many days before today an account has sent.
    pub fn earlier_days(&self, account: &TenantName, now: UnixMillis) -> usize {
        self.counts().earlier_days(account, now)
    }

    /// The limits that hold for a message.
    fn holding(&self, demand: Demand<'_>) -> LimitsOf {
        let settings = &self.0.settings;
        let of_server = LimitsOf {
            account: settings.account,
            ramp: Arc::clone(&settings.ramp),
            domain: settings.domain,
            recipient: settings.recipient,
            token: settings.token,
        };
        let Some(set) = self.0.control.limits_of(demand.account) else { return of_server };
        let id = |key: Option<ObjectKey>| key.and_then(|key| key.to_string().parse::<ObjectId>().ok());
        let of_domain = |tag: ObjectId| set.of_domain(&tag);
        let of_token = |token: ObjectId| set.of_token(&token);
        LimitsOf {
            account: set.account.or(of_server.account),
            ramp: set.ramp.as_deref().map_or(of_server.ramp, Into::into),
            domain: id(demand.sent_by.domain).map_or(set.domain, of_domain).or(of_server.domain),
            recipient: set.recipient.or(of_server.recipient),
            token: id(demand.sent_by.token).map_or(set.token, of_token).or(of_server.token),
        }
    }

    /// What an accepted message adds to the counts; `None` if no account sends it.
    pub(crate) fn counted(&self, envelope: &Envelope) -> Option<Counted> {
        let account = envelope.account.as_ref().filter(|_| envelope.origin.is_sending())?;
        let demand = Demand { account, sent_by: envelope.sent_by, recipients: &envelope.recipients };
        Some(self.holding(demand).counted(demand, envelope.accepted_at))
    }

    /// Notes a message that the journal has.
    pub(crate) fn note(&self, counted: Counted) {
        self.log().note(counted);
    }

    /// Counts a message that a start found in the journal, unless it is counted.
    pub(crate) fn replayed(&self, lsn: u64, envelope: &Envelope) {
        let mut log = self.log();
        if lsn < log.position {
            return;
        }
        log.position = lsn + 1;
        if let Some(counted) = self.counted(envelope) {
            self.counts().add(&counted);
        }
    }

    /// Has the counts of all messages before `position` safe, as a start found them.
    pub(crate) fn store_replayed(&self, position: u64) -> Result<(), StorageError> {
        let counts = self.counts().clone();
        self.log().write_all(&counts, position)
    }

    /// Has safe what was [noted](Self::note), all of it from before `position`. When it cannot be written, a start
    /// may count too little until the next time that it can; mail does not wait for that.
    pub(crate) fn store(&self, position: u64) {
        if let Err(error) = self.log().store(position) {
            tracing::warn!(%error, "the counts of limits were not stored; after a crash they would be too low");
        }
        let recipients = self.counts().recipients();
        metrics::gauge!(names::LIMITS_RECIPIENTS).set(recipients as f64);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, CountLog> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins the series of refusals, so that an alarm sees each of them at zero first.
pub(crate) fn begin_series() {
    for scope in Scope::ALL {
        for window in Window::ALL {
            counter!(names::LIMITS_REFUSED, "scope" => scope.as_str(), "window" => window.as_str())
                .increment(0);
        }
    }
}

#[cfg(test)]
mod tests;
