//! What is kept of a domain's policy, when it is fetched again, and what holds meanwhile.

use super::{StsPolicy, StsRecord};
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Age at which a policy is fetched again although its id is the same, so that it does not run out unnoticed
/// (RFC 8461 section 3.3 suggests a day), or half of its `max_age` if that is sooner.
pub const REFRESH_AFTER: Duration = Duration::from_hours(24);
/// How long nothing is fetched after a fetch failed (section 3.3 suggests five minutes or longer).
pub const FETCH_PAUSE: Duration = Duration::from_mins(5);

/// What is known of one domain's policy; what a disk cache stores for it.
///
/// Three states: nothing known; a policy that holds until it expires; and one that has expired, which counts
/// for nothing. A failed fetch changes none of them, so whoever can disturb DNS or HTTPS cannot end a policy
/// before its time (section 10.2).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StsCacheEntry {
    good: Option<Fetched>,
    failed: Option<Failed>,
}

/// The last fetch that brought a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Fetched {
    record: StsRecord,
    policy: StsPolicy,
    at: UnixMillis,
}

/// A fetch since then that did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Failed {
    record: StsRecord,
    at: UnixMillis,
}

/// What to do about a domain's policy now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StsStep {
    /// Nothing: [`StsCacheEntry::in_force`] says what holds.
    Keep,
    /// Fetch the policy before mail goes out, because none holds or its id is another.
    Fetch,
    /// Fetch it when convenient; the one that holds still is the right one.
    Refresh,
}

impl StsCacheEntry {
    /// The policy that holds at `now`: the last good one until `max_age` after it was fetched.
    pub fn in_force(&self, now: UnixMillis) -> Option<&StsPolicy> {
        self.good.as_ref().filter(|good| good.holds(now)).map(|good| &good.policy)
    }

    /// What to do when DNS gave `record`; `None` for no valid record and for no answer, which both mean that
    /// nothing new is known.
    pub fn next_step(&self, record: Option<&StsRecord>, now: UnixMillis) -> StsStep {
        let Some(record) = record else { return StsStep::Keep };
        if self.failed.as_ref().is_some_and(|failed| failed.pauses(record, now)) {
            return StsStep::Keep;
        }
        match self.good.as_ref().filter(|good| good.holds(now)) {
            Some(good) if good.record != *record => StsStep::Fetch,
            Some(good) if now.since(good.at) >= good.refresh_after() => StsStep::Refresh,
            Some(_) => StsStep::Keep,
            None => StsStep::Fetch,
        }
    }

    /// Takes note of a policy fetched at `at`, announced by `record`.
    pub fn fetched(&mut self, record: StsRecord, policy: StsPolicy, at: UnixMillis) {
        *self = Self { good: Some(Fetched { record, policy, at }), failed: None };
    }

    /// Takes note that fetching what `record` announced failed at `at`. The policy that holds stays.
    pub fn fetch_failed(&mut self, record: StsRecord, at: UnixMillis) {
        self.failed = Some(Failed { record, at });
    }

    /// Whether a cache may forget the entry: no policy holds, and no failure delays the next fetch.
    pub fn is_spent(&self, now: UnixMillis) -> bool {
        self.in_force(now).is_none() && !self.failed.as_ref().is_some_and(|failed| failed.is_recent(now))
    }
}

impl Fetched {
    fn holds(&self, now: UnixMillis) -> bool {
        now.since(self.at) < self.policy.max_age()
    }

    fn refresh_after(&self) -> Duration {
        REFRESH_AFTER.min(self.policy.max_age() / 2)
    }
}

impl Failed {
    fn is_recent(&self, now: UnixMillis) -> bool {
        now.since(self.at) < FETCH_PAUSE
    }

    /// A new id is worth a fetch at once: somebody has just changed something.
    fn pauses(&self, record: &StsRecord, now: UnixMillis) -> bool {
        self.record == *record && self.is_recent(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000;
    const DAY: u64 = 86_400 * SECOND;

    fn record(id: &str) -> StsRecord {
        StsRecord::from_id(id).unwrap()
    }

    fn policy(mode: &str, max_age: u64) -> StsPolicy {
        let file = format!("version: STSv1\nmode: {mode}\nmx: mx.example\nmax_age: {max_age}\n");
        StsPolicy::parse(file.as_bytes()).unwrap()
    }

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(millis)
    }

    /// An entry with a policy of a week, fetched at 0 for id 1.
    fn entry() -> StsCacheEntry {
        let mut entry = StsCacheEntry::default();
        entry.fetched(record("1"), policy("enforce", 7 * 86_400), at(0));
        entry
    }

    #[test]
    fn fetches_what_is_unknown_changed_or_old() {
        let cases = [
            (StsCacheEntry::default(), None, 0, StsStep::Keep),
            (StsCacheEntry::default(), Some("1"), 0, StsStep::Fetch),
            (entry(), Some("1"), DAY - 1, StsStep::Keep),
            (entry(), Some("1"), DAY, StsStep::Refresh),
            (entry(), Some("2"), 1, StsStep::Fetch),
            (entry(), None, 6 * DAY, StsStep::Keep),
            (entry(), Some("1"), 7 * DAY, StsStep::Fetch),
        ];
        for (entry, id, now, expected) in cases {
            assert_eq!(entry.next_step(id.map(record).as_ref(), at(now)), expected, "{id:?} at {now}");
        }
    }

    #[test]
    fn a_short_policy_is_refreshed_at_half_its_age() {
        let mut entry = StsCacheEntry::default();
        entry.fetched(record("1"), policy("enforce", 1_000), at(0));
        assert_eq!(entry.next_step(Some(&record("1")), at(500 * SECOND - 1)), StsStep::Keep);
        assert_eq!(entry.next_step(Some(&record("1")), at(500 * SECOND)), StsStep::Refresh);
    }

    #[test]
    fn holds_until_it_expires_whatever_fails_meanwhile() {
        let mut entry = entry();
        entry.fetch_failed(record("2"), at(6 * DAY));
        assert_eq!(entry.in_force(at(7 * DAY - 1)), Some(&policy("enforce", 7 * 86_400)));
        assert_eq!(entry.in_force(at(7 * DAY)), None);
    }

    #[test]
    fn a_failed_fetch_is_repeated_after_a_pause_or_for_a_new_id() {
        let mut entry = entry();
        entry.fetch_failed(record("2"), at(DAY));
        let pause_end = DAY + 300 * SECOND;
        assert_eq!(entry.next_step(Some(&record("2")), at(pause_end - 1)), StsStep::Keep);
        assert_eq!(entry.next_step(Some(&record("3")), at(pause_end - 1)), StsStep::Fetch);
        assert_eq!(entry.next_step(Some(&record("2")), at(pause_end)), StsStep::Fetch);
    }

    #[test]
    fn a_policy_of_no_age_is_fetched_each_time() {
        let mut entry = StsCacheEntry::default();
        entry.fetched(record("1"), policy("enforce", 0), at(5));
        assert_eq!(entry.in_force(at(5)), None);
        assert_eq!(entry.next_step(Some(&record("1")), at(5)), StsStep::Fetch);
    }

    #[test]
    fn a_domain_takes_its_policy_back_with_mode_none() {
        let mut entry = entry();
        entry.fetched(record("2"), policy("none", 60), at(SECOND));
        assert_eq!(entry.in_force(at(2 * SECOND)), Some(&policy("none", 60)));
    }

    #[test]
    fn is_spent_once_nothing_in_it_matters() {
        let mut entry = entry();
        assert!(StsCacheEntry::default().is_spent(at(0)));
        assert!(!entry.is_spent(at(DAY)));
        entry.fetch_failed(record("1"), at(7 * DAY));
        assert!(!entry.is_spent(at(7 * DAY)));
        assert!(entry.is_spent(at(7 * DAY + 300 * SECOND)));
    }

    #[test]
    fn survives_being_stored() {
        let mut entry = entry();
        entry.fetch_failed(record("2"), at(9));
        let stored = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<StsCacheEntry>(&stored).unwrap(), entry);
        assert!(serde_json::from_str::<StsCacheEntry>(&stored.replace("mode: enforce", "mode: x")).is_err());
    }
}
