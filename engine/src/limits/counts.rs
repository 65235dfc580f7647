//! All counts, and what they allow.

use super::{Counter, Rates, Refusal, Scope, Used, Window};
use crate::{address::EmailAddress, class::TenantName, envelope::SentBy, id::ObjectKey, time::UnixMillis};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Counters with which it is first looked for those that are over.
const SWEEP_AT: usize = 4_096;
/// How long it is not looked again while there is no room for addresses: the looking takes milliseconds.
const SWEEP_PAUSE: Duration = Duration::from_secs(60);

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CountKey {
    /// All of an account.
    Account(TenantName),
    /// All of a sending domain.
    Domain(ObjectKey),
    /// All of a token.
    Token(ObjectKey),
    /// All of an account to one address, in lower case.
    Recipient(TenantName, Box<str>),
}

impl CountKey {
    /// The key of what an account sends to one address. Addresses that differ in case count as one: few receivers
    /// tell them apart (RFC 5321 section 2.4).
    pub fn recipient(account: &TenantName, address: &EmailAddress) -> Self {
        Self::Recipient(account.clone(), address.as_str().to_lowercase().into())
    }

    fn scope(&self) -> Scope {
        match self {
            Self::Account(_) => Scope::Account,
            Self::Domain(_) => Scope::Domain,
            Self::Token(_) => Scope::Token,
            Self::Recipient(..) => Scope::Recipient,
        }
    }
}

/// A message that is to be counted.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// Whose it is.
    pub account: &'a TenantName,
    /// By what it is sent.
    pub sent_by: SentBy,
    /// To whom.
    pub recipients: &'a [EmailAddress],
}

/// The limits that one message has to fit in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitsOf {
    /// Of its account.
    pub account: Rates,
    /// Quotas of the first, second, third … day on which the account sends. What is beyond its end is not held to it.
    pub ramp: Arc<[u64]>,
    /// Of its sending domain.
    pub domain: Rates,
    /// Of each address, in its account.
    pub recipient: Rates,
    /// Of its token.
    pub token: Rates,
}

impl LimitsOf {
    fn rates(&self, scope: Scope) -> Rates {
        match scope {
            Scope::Account => self.account,
            Scope::Domain => self.domain,
            Scope::Recipient => self.recipient,
            Scope::Token => self.token,
        }
    }

    /// The quota of an account that has sent on so many days before today; `None` once the ramp is behind it.
    pub fn ramp_quota(&self, earlier_days: usize) -> Option<u64> {
        self.ramp.get(earlier_days).copied()
    }

    /// What the message adds to which counts. Addresses are counted only where they are limited.
    fn parts(&self, demand: Demand<'_>) -> Vec<(CountKey, u64)> {
        let Demand { account, sent_by, recipients } = demand;
        let count = recipients.len() as u64;
        let mut parts = Vec::with_capacity(3);
        parts.push((CountKey::Account(account.clone()), count));
        parts.extend(sent_by.domain.map(|domain| (CountKey::Domain(domain), count)));
        parts.extend(sent_by.token.map(|token| (CountKey::Token(token), count)));
        if !self.recipient.is_unlimited() {
            let mut addresses = HashMap::new();
            for address in recipients {
                *addresses.entry(CountKey::recipient(account, address)).or_insert(0) += 1;
            }
            parts.extend(addresses);
        }
        parts
    }

    /// The message as it is counted at a moment.
    pub fn counted(&self, demand: Demand<'_>, at: UnixMillis) -> Counted {
        Counted { at, parts: self.parts(demand) }
    }
}

/// What a message adds to which counts, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// When.
    pub at: UnixMillis,
    /// What.
    pub parts: Vec<(CountKey, u64)>,
}

/// All counts.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    counters: HashMap<CountKey, Counter>,
    /// How many of them are of addresses, and how many may be.
    recipients: usize,
    most_recipients: usize,
    uncounted: u64,
    /// The latest time that was asked for: time does not go back here, or slots would be missed that are over.
    latest: UnixMillis,
    sweep_at: usize,
    swept: UnixMillis,
}

impl Counts {
    /// Nothing, with room for so many addresses.
    pub fn new(most_recipients: usize) -> Self {
        Self { most_recipients, sweep_at: SWEEP_AT, ..Self::default() }
    }

    /// Whether a message fits in all of its limits.
    ///
    /// # Errors
    /// The limit that it has to wait for longest.
    pub fn check(&self, demand: Demand<'_>, limits: &LimitsOf, now: UnixMillis) -> Result<(), Refusal> {
        self.check_parts(&limits.parts(demand), limits, now.max(self.latest))
    }

    /// Counts a message that fits in all of its limits; what it was counted as is for [`Counts::release`]. Its time
    /// is the message's from now on.
    ///
    /// # Errors
    /// The limit that it has to wait for longest; then it was counted nowhere.
    pub fn reserve(
        &mut self,
        demand: Demand<'_>,
        limits: &LimitsOf,
        now: UnixMillis,
    ) -> Result<Counted, Refusal> {
        let counted = limits.counted(demand, now.max(self.latest));
        self.check_parts(&counted.parts, limits, counted.at)?;
        self.add(&counted);
        Ok(counted)
    }

    /// Takes a message back that was not accepted.
    pub fn release(&mut self, counted: &Counted) {
        for (key, count) in &counted.parts {
            if let Some(counter) = self.counters.get_mut(key) {
                counter.take_back(counted.at, *count);
            }
        }
    }

    /// Counts a message that was accepted, whatever the limits.
    pub fn add(&mut self, counted: &Counted) {
        self.latest = self.latest.max(counted.at);
        for (key, count) in &counted.parts {
            match self.counter(key) {
                Some(counter) => counter.add(counted.at, *count),
                None => self.uncounted += 1,
            }
        }
    }

    /// How often an address was not counted for want of room, so far.
    pub fn uncounted(&self) -> u64 {
        self.uncounted
    }

    /// Puts a counter back as it was.
    pub fn restore(&mut self, key: &CountKey, counter: Counter) {
        if let Some(known) = self.counter(key) {
            *known = counter;
        }
    }

    /// Every counter.
    pub fn counters(&self) -> impl ExactSizeIterator<Item = (&CountKey, &Counter)> {
        self.counters.iter()
    }

    /// How much is used in a window; nothing for what was never counted.
    pub fn used(&self, key: &CountKey, window: Window, now: UnixMillis) -> Used {
        let nothing = Used { used: 0, free_at: None };
        self.counters.get(key).map_or(nothing, |counter| counter.used(window, now.max(self.latest)))
    }

    /// On how many days before today an account has sent.
    pub fn earlier_days(&self, account: &TenantName, now: UnixMillis) -> usize {
        let counter = self.counters.get(&CountKey::Account(account.clone()));
        counter.map_or(0, |counter| counter.earlier_days(now.max(self.latest)))
    }

    /// Forgets accounts that are no more, and what is over.
    pub fn retain_accounts(&mut self, is_there: impl Fn(&TenantName) -> bool) {
        self.counters.retain(|key, _| match key {
            CountKey::Account(account) | CountKey::Recipient(account, _) => is_there(account),
            CountKey::Domain(_) | CountKey::Token(_) => true,
        });
        self.sweep();
    }

    /// How many addresses have counters.
    pub fn recipients(&self) -> usize {
        self.recipients
    }

    fn check_parts(
        &self,
        parts: &[(CountKey, u64)],
        limits: &LimitsOf,
        at: UnixMillis,
    ) -> Result<(), Refusal> {
        let refusals = parts.iter().filter_map(|(key, count)| self.refusal(key, *count, limits, at));
        // What never fits comes last.
        let worst = refusals.max_by_key(|refusal| (refusal.again.is_none(), refusal.again));
        worst.map_or(Ok(()), Err)
    }

    /// Why so many more do not fit, if they do not.
    fn refusal(&self, key: &CountKey, more: u64, limits: &LimitsOf, at: UnixMillis) -> Option<Refusal> {
        let scope = key.scope();
        let rates = limits.rates(scope);
        let ramp = matches!(key, CountKey::Account(_)) && !limits.ramp.is_empty();
        if rates.is_unlimited() && !ramp {
            return None;
        }
        let unused = Counter::default();
        let counter = self.counters.get(key).unwrap_or(&unused);
        let quota = ramp.then(|| limits.ramp_quota(counter.earlier_days(at))).flatten();
        let refusal = |window, most, is_ramp| {
            let used = counter.used(window, at).used;
            (used.saturating_add(more) > most).then(|| Refusal {
                scope,
                window,
                most,
                used,
                asked: more,
                again: counter.room_at(window, at, most, more),
                is_ramp,
                recipient: match key {
                    CountKey::Recipient(_, address) => Some(address.clone()),
                    _ => None,
                },
            })
        };
        let usual = Window::ALL.into_iter().filter_map(|window| refusal(window, rates.most(window)?, false));
        let of_ramp = quota.and_then(|most| refusal(Window::Day, most, true));
        usual.chain(of_ramp).max_by_key(|refusal| (refusal.again.is_none(), refusal.again))
    }

    /// The counter of a key; `None` for an address for which there is no room.
    fn counter(&mut self, key: &CountKey) -> Option<&mut Counter> {
        if !self.counters.contains_key(key) {
            let is_recipient = key.scope() == Scope::Recipient;
            let is_full = is_recipient && self.recipients >= self.most_recipients;
            let may_have_room = is_full && self.latest.since(self.swept) >= SWEEP_PAUSE;
            if may_have_room || self.counters.len() >= self.sweep_at {
                self.sweep();
            }
            if is_recipient {
                if self.recipients >= self.most_recipients {
                    return None;
                }
                self.recipients += 1;
            }
        }
        Some(self.counters.entry(key.clone()).or_default())
    }

    /// Forgets what is over. Accounts stay: how long they have been sending decides what they may. The next time is
    /// when there are twice as many, so that each counter costs little.
    fn sweep(&mut self) {
        let at = self.latest;
        self.counters.retain(|key, counter| matches!(key, CountKey::Account(_)) || !counter.is_over(at));
        self.recipients = self.counters.keys().filter(|key| key.scope() == Scope::Recipient).count();
        self.swept = at;
        self.sweep_at = self.counters.len().saturating_mul(2).max(SWEEP_AT);
    }
}
