//! What each client address may do: so many sessions at a time, so many wrong passwords in a while.
//!
//! A token has 238 bits of randomness, so nobody finds one by trying. The guard is for the machine's sake, and for
//! that of people who notice in the log who tries.

use mailwright_engine::{
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
/// How long the first wrong password waits for its answer; each further one waits twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// The longest a wrong password waits for its answer: well below the time-outs of clients.
const LONGEST_DELAY: Duration = Duration::from_secs(8);

/// What one address may do. An IPv6 network of 64 bits counts as one: one customer has them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressLimits {
    /// Most sessions at a time.
    pub sessions: usize,
    /// Wrong passwords after which the address is refused.
    pub failures: u32,
    /// How long after its last wrong password an address starts afresh.
    pub memory: Duration,
}

/// Why an address may not talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TurnedAway {
    /// It has as many sessions as it may.
    #[error("too many connections from your address, try again later")]
    Sessions,
    /// It gave too many wrong passwords.
    #[error("too many failed logins from your address, try again later")]
    Failures,
}

/// What a client that may not talk is told.
pub fn go_away(why: TurnedAway) -> Reply {
    Reply::new(SmtpCode::SHUTTING_DOWN, Some(EnhancedCode::new(4, 7, 0)), why.to_string())
}

/// What follows a wrong password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Penalty {
    /// An answer, but not at once.
    Delay(Duration),
    /// The end.
    Ban,
}

#[derive(Debug, Default)]
struct Record {
    sessions: usize,
    failures: u32,
    last_failure: UnixMillis,
}

impl Record {
    /// Forgets failures that are long ago.
    fn refresh(&mut self, now: UnixMillis, memory: Duration) {
        if now.as_millis().saturating_sub(self.last_failure.as_millis()) as u128 >= memory.as_millis() {
            self.failures = 0;
        }
    }

    fn owes_nothing(&self) -> bool {
        self.sessions == 0 && self.failures == 0
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
        record.sessions += 1;
        Ok(Slot { guard: Arc::clone(self), address })
    }

    fn make_room(&self, records: &mut HashMap<IpAddr, Record>, now: UnixMillis) {
        if records.len() < MOST_ADDRESSES {
            return;
        }
        records.retain(|_, record| {
            record.refresh(now, self.limits.memory);
            !record.owes_nothing()
        });
        if records.len() >= MOST_ADDRESSES {
            records.retain(|_, record| record.sessions > 0);
        }
    }

    fn records(&self) -> MutexGuard<'_, HashMap<IpAddr, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// A wrong password was given.
    pub fn failed(&self, now: UnixMillis) -> Penalty {
        let mut records = self.guard.records();
        let record = records.entry(self.address).or_default();
        record.refresh(now, self.guard.limits.memory);
        record.failures = record.failures.saturating_add(1);
        record.last_failure = now;
        if record.failures >= self.guard.limits.failures {
            return Penalty::Ban;
        }
        let doubled = FIRST_DELAY.saturating_mul(1 << (record.failures - 1).min(16));
        Penalty::Delay(doubled.min(LONGEST_DELAY))
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
            if record.owes_nothing() {
                records.remove(&self.address);
            }
        }
    }
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

    const LIMITS: AddressLimits = AddressLimits { sessions: 2, failures: 4, memory: Duration::from_secs(60) };

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
