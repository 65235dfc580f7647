//! What each client address may do: so many sessions at a time, so many failures (wrong passwords, recipients that
//! there are not) in a while, so many connections and messages a minute.
//!
//! A token has 238 bits of randomness, so nobody finds one by trying. The guard is for the machine's sake, and for
//! that of people who notice in the log who tries.

use mailwright_engine::{
    governor::bucket::TokenBucket,
    shaping::Rate,
    smtp::reply::{EnhancedCode, Reply, SmtpCode},
    time::UnixMillis,
};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Addresses kept in memory; with more, those that owe nothing are forgotten first, then those without a session.
const MOST_ADDRESSES: usize = 50_000;
/// How long the first failure that waits at all waits for its answer; each further one waits twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// The longest a failure waits for its answer: well below the time-outs of clients.
const LONGEST_DELAY: Duration = Duration::from_secs(8);

/// What one address may do. An IPv6 network of 64 bits counts as one: one customer has them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressLimits {
    /// Most sessions at a time.
    pub sessions: usize,
    /// Failures after which the address is refused.
    pub failures: u32,
    /// Failures that are answered at once; those beyond wait ever longer.
    pub at_once: u32,
    /// How long after its last failure an address starts afresh.
    pub memory: Duration,
    /// Sessions a minute; 0: as many as it likes.
    pub sessions_per_minute: u32,
    /// Messages a minute; 0: as many as it likes.
    pub messages_per_minute: u32,
}

/// Why an address may not talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TurnedAway {
    /// It has as many sessions as it may.
    #[error("too many connections from your address, try again later")]
    Sessions,
    /// It failed too often: gave wrong passwords, where nothing else is said.
    #[error("too many failed logins from your address, try again later")]
    Failures,
    /// It began too many sessions lately.
    #[error("too many connections a minute from your address, try again later")]
    Pace,
}

/// What a client that may not talk is told.
pub fn go_away(why: TurnedAway) -> Reply {
    Reply::new(SmtpCode::SHUTTING_DOWN, Some(EnhancedCode::new(4, 7, 0)), why.to_string())
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Penalty {
    /// An answer, at once if the time is zero.
    Delay(Duration),
    /// The end.
    Ban,
}

#[derive(Debug, Default)]
struct Record {
    sessions: usize,
    failures: u32,
    last_failure: UnixMillis,
    begun: Option<TokenBucket>,
    messages: Option<TokenBucket>,
}

impl Record {
    /// Forgets failures that are long ago.
    fn refresh(&mut self, now: UnixMillis, memory: Duration) {
        if now.as_millis().saturating_sub(self.last_failure.as_millis()) as u128 >= memory.as_millis() {
            self.failures = 0;
        }
    }

    fn owes_nothing(&self, now: UnixMillis) -> bool {
        let paid = |bucket: &Option<TokenBucket>| bucket.as_ref().is_none_or(|bucket| bucket.is_full(now));
        self.sessions == 0 && self.failures == 0 && paid(&self.begun) && paid(&self.messages)
    }

    fn is_blank(&self) -> bool {
        self.sessions == 0 && self.failures == 0 && self.begun.is_none() && self.messages.is_none()
    }
}

/// The addresses and what they did.
#[derive(Debug)]
pub struct Guard {
    limits: AddressLimits,
    records: Mutex<HashMap<IpAddr, Record>>,
}

/// The right to one session from an address, until dropped.
#[derive(Debug)]
pub struct Slot {
    guard: Arc<Guard>,
    address: IpAddr,
}

impl Guard {
    /// Nobody is known yet.
    pub fn new(limits: AddressLimits) -> Self {
        Self { limits, records: Mutex::default() }
    }

    /// Lets `address` in, or says why not.
    pub fn admit(self: &Arc<Self>, address: IpAddr, now: UnixMillis) -> Result<Slot, TurnedAway> {
        let address = network(address);
        let mut records = self.records();
        self.make_room(&mut records, now);
        let record = records.entry(address).or_default();
        record.refresh(now, self.limits.memory);
        if record.failures >= self.limits.failures {
            return Err(TurnedAway::Failures);
        }
        if record.sessions >= self.limits.sessions {
            return Err(TurnedAway::Sessions);
        }
        take(&mut record.begun, self.limits.sessions_per_minute, now).map_err(|_| TurnedAway::Pace)?;
        record.sessions += 1;
        Ok(Slot { guard: Arc::clone(self), address })
    }

    fn make_room(&self, records: &mut HashMap<IpAddr, Record>, now: UnixMillis) {
        if records.len() < MOST_ADDRESSES {
            return;
        }
        records.retain(|_, record| {
            record.refresh(now, self.limits.memory);
            !record.owes_nothing(now)
        });
        // Room for many: looking through all of them for each newcomer would be slow.
        if records.len() >= MOST_ADDRESSES / 4 * 3 {
            records.retain(|_, record| record.sessions > 0);
        }
    }

    fn records(&self) -> MutexGuard<'_, HashMap<IpAddr, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Counts a message.
    ///
    /// # Errors
    /// When there may be another, if it is one too many.
    pub fn message(&self, now: UnixMillis) -> Result<(), UnixMillis> {
        let mut records = self.guard.records();
        let record = records.entry(self.address).or_default();
        take(&mut record.messages, self.guard.limits.messages_per_minute, now)
    }

    /// It failed once more.
    pub fn failed(&self, now: UnixMillis) -> Penalty {
        let mut records = self.guard.records();
        let record = records.entry(self.address).or_default();
        record.refresh(now, self.guard.limits.memory);
        record.failures = record.failures.saturating_add(1);
        record.last_failure = now;
        if record.failures >= self.guard.limits.failures {
            return Penalty::Ban;
        }
        let Some(late) = record.failures.checked_sub(self.guard.limits.at_once + 1) else {
            return Penalty::Delay(Duration::ZERO);
        };
        Penalty::Delay(FIRST_DELAY.saturating_mul(1 << late.min(16)).min(LONGEST_DELAY))
    }

    /// Something went well: it makes up for one failure.
    pub fn made_up(&self) {
        let mut records = self.guard.records();
        let record = records.entry(self.address).or_default();
        record.failures = record.failures.saturating_sub(1);
    }

    /// A right password was given: what came before were slips.
    pub fn succeeded(&self) {
        self.guard.records().entry(self.address).or_default().failures = 0;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut records = self.guard.records();
        if let Some(record) = records.get_mut(&self.address) {
            record.sessions = record.sessions.saturating_sub(1);
            if record.is_blank() {
                records.remove(&self.address);
            }
        }
    }
}

/// Takes one of `per_minute`, all of which may go at once after a minute's rest.
fn take(bucket: &mut Option<TokenBucket>, per_minute: u32, now: UnixMillis) -> Result<(), UnixMillis> {
    if per_minute == 0 {
        return Ok(());
    }
    let rate = Rate { count: per_minute, per: Duration::from_secs(60) };
    bucket.get_or_insert_with(|| TokenBucket::whole(rate)).take(now)
}

/// What counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AddressLimits = AddressLimits {
        sessions: 2,
        failures: 4,
        at_once: 0,
        memory: Duration::from_secs(60),
        sessions_per_minute: 0,
        messages_per_minute: 0,
    };

    fn at(seconds: u64) -> UnixMillis {
        UnixMillis::new(seconds * 1000)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_session_ends_with_its_slot() {
        let guard = Arc::new(Guard::new(LIMITS));
        let first = guard.admit(ip("192.0.2.1"), at(0)).unwrap();
        let _second = guard.admit(ip("::ffff:192.0.2.1"), at(0)).unwrap();
        assert_eq!(guard.admit(ip("192.0.2.1"), at(0)).err(), Some(TurnedAway::Sessions));
        assert!(guard.admit(ip("192.0.2.2"), at(0)).is_ok());
        drop(first);
        assert!(guard.admit(ip("192.0.2.1"), at(0)).is_ok());
        assert_eq!(guard.records().len(), 1, "the others owe nothing");
    }

    #[test]
    fn wrong_passwords_wait_ever_longer_until_it_is_enough() {
        let guard = Arc::new(Guard::new(LIMITS));
        let slot = guard.admit(ip("192.0.2.1"), at(0)).unwrap();
        let penalties: Vec<_> = (0..4).map(|_| slot.failed(at(1_000))).collect();
        let delay = |times: u32| Penalty::Delay(FIRST_DELAY * times);
        assert_eq!(penalties, [delay(1), delay(2), delay(4), Penalty::Ban]);
        drop(slot);
        assert_eq!(guard.admit(ip("192.0.2.1"), at(1_059)).err(), Some(TurnedAway::Failures));
        assert!(guard.admit(ip("192.0.2.1"), at(1_060)).is_ok());
        assert!(guard.records().is_empty());
    }

    #[test]
    fn no_delay_is_longer_than_clients_wait() {
        let guard = Arc::new(Guard::new(AddressLimits { failures: u32::MAX, ..LIMITS }));
        let slot = guard.admit(ip("192.0.2.1"), at(0)).unwrap();
        let penalties: Vec<_> = (0..100).map(|_| slot.failed(at(1_000))).collect();
        assert_eq!(penalties.last(), Some(&Penalty::Delay(LONGEST_DELAY)));
    }

    #[test]
    fn a_right_password_makes_up_for_wrong_ones() {
        let guard = Arc::new(Guard::new(LIMITS));
        let slot = guard.admit(ip("2001:db8::1"), at(0)).unwrap();
        for _ in 0..3 {
            slot.failed(at(1_000));
        }
        slot.succeeded();
        assert_eq!(slot.failed(at(1_000)), Penalty::Delay(FIRST_DELAY));
    }

    #[test]
    fn a_few_failures_may_be_answered_at_once() {
        let guard = Arc::new(Guard::new(AddressLimits { at_once: 2, ..LIMITS }));
        let slot = guard.admit(ip("192.0.2.1"), at(0)).unwrap();
        let penalties: Vec<_> = (0..4).map(|_| slot.failed(at(1_000))).collect();
        let delay = |times: u32| Penalty::Delay(FIRST_DELAY * times);
        assert_eq!(penalties, [delay(0), delay(0), delay(1), Penalty::Ban]);
    }

    #[test]
    fn sessions_and_messages_have_a_pace_that_outlives_them() {
        let guard =
            Arc::new(Guard::new(AddressLimits { sessions_per_minute: 2, messages_per_minute: 3, ..LIMITS }));
        for _ in 0..2 {
            drop(guard.admit(ip("2001:db8::1"), at(0)).unwrap());
        }
        assert_eq!(guard.admit(ip("2001:db8::2"), at(29)).err(), Some(TurnedAway::Pace));
        let slot = guard.admit(ip("2001:db8::2"), at(30)).unwrap();
        assert!((0..3).all(|_| slot.message(at(30)).is_ok()));
        assert_eq!(slot.message(at(30)), Err(at(50)));
        drop(slot);
        assert!(guard.admit(ip("192.0.2.1"), at(30)).unwrap().message(at(30)).is_ok());
        let slot = guard.admit(ip("2001:db8::3"), at(90)).unwrap();
        assert_eq!(slot.message(at(90)), Ok(()));
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let guard = Arc::new(Guard::new(LIMITS));
        let _slots = ["2001:db8::1", "2001:db8::2"].map(|address| guard.admit(ip(address), at(0)).unwrap());
        assert_eq!(guard.admit(ip("2001:db8::3"), at(0)).err(), Some(TurnedAway::Sessions));
        assert!(guard.admit(ip("2001:db8:0:1::1"), at(0)).is_ok());
    }

    #[test]
    fn memory_is_bounded_by_forgetting_the_absent() {
        let guard = Arc::new(Guard::new(LIMITS));
        let present = guard.admit(ip("203.0.113.1"), at(0)).unwrap();
        for number in 0..MOST_ADDRESSES as u32 {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(number));
            guard.admit(address, at(0)).unwrap().failed(at(1_000));
        }
        assert!(guard.records().len() <= MOST_ADDRESSES);
        drop(guard.admit(ip("203.0.113.2"), at(1_000)).unwrap());
        assert!(guard.records().contains_key(&present.address));
    }
}
