//! In place of the Ledger: from verdict to outcome, by the same function, and whether each is as it should be.

use super::{LAZY_SYNC, World, books::Fate, machine::Step};
use mailwright_engine::{
    classify::Judged,
    smtp::verdict::{Outcome, Verdict},
    time::UnixMillis,
};
use mailwright_storage::{EntryKey, Outcome as Record, QueueEntry};
use outcome::{Settled, Settlement, settle};
use std::time::Duration;

#[path = "../../../actors/src/outcome.rs"]
#[allow(unreachable_pub, reason = "what the actors use is public there")]
mod outcome;

/// No attempt follows another sooner: the least that a receiver's word is taken for.
const SHORTEST_RETRY: Duration = Duration::from_secs(30);

/// Why entries end without an attempt, or do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// An attempt was made.
    Attempt,
    /// There is no such place.
    Nowhere,
    /// They are too old.
    Expired,
    /// An operator wants it so.
    Cancelled,
}

impl World {
    /// An attempt has ended.
    pub(super) fn settle_attempt(&mut self, entry: QueueEntry, attempt: Vec<(u16, Judged)>) -> Step {
        let (key, domain) = (entry.key(), entry.place.domain.clone());
        self.settle(entry, attempt, Why::Attempt)?;
        self.delivery_ends(key);
        if let Some(desk) = self.node.desks.get_mut(&domain) {
            desk.outstanding -= 1;
        }
        self.tell_standing(&domain);
        Ok(())
    }

    /// An entry is in flight no more.
    pub(super) fn delivery_ends(&mut self, key: EntryKey) {
        self.node.in_flight.remove(&key);
        self.books.ends(key);
    }

    /// Journals an outcome, which a power cut in the next moment may undo.
    pub(super) fn record(&mut self, outcome: Record) -> Step {
        let at = self.now().saturating_add(LAZY_SYNC);
        self.sync_at.get_or_insert(at);
        self.machine.record(outcome)
    }

    /// One verdict for all that wait in these entries.
    pub(super) fn fail(&mut self, entries: Vec<QueueEntry>, verdict: &Verdict, why: Why) -> Step {
        let judged = Judged::new(verdict.clone(), &self.settings.bounces);
        for entry in entries {
            let attempt = entry.pending.iter().map(|recipient| (*recipient, judged.clone())).collect();
            self.settle(entry, attempt, why)?;
        }
        Ok(())
    }

    fn settle(&mut self, entry: QueueEntry, attempt: Vec<(u16, Judged)>, why: Why) -> Step {
        let (now, retry) = (self.now(), &self.settings.retry);
        let settled = settle(entry, Settlement { attempt, retry, source: None, remote: None, now });
        self.check_schedule(&settled);
        for (recipient, judged) in &settled.attempt {
            self.settle_recipient(&settled, *recipient, judged, why);
        }
        let after = settled.outcome.after.as_ref().map(|after| after.place.clone());
        self.record(settled.outcome)?;
        after.into_iter().for_each(|place| self.retry_later(place));
        Ok(())
    }

    fn settle_recipient(&mut self, settled: &Settled, recipient: u16, judged: &Judged, why: Why) {
        let key = settled.entry.key();
        self.note(format_args!("{key} recipient {recipient}: {}", judged.verdict));
        let totals = &mut self.history.totals;
        let (fate, count) = match (judged.verdict.outcome, why) {
            (Outcome::Soft, _) => {
                totals.deferred += 1;
                return;
            }
            (Outcome::Delivered, _) => (Fate::Delivered, &mut totals.delivered),
            (Outcome::Hard, Why::Cancelled) => (Fate::Cancelled, &mut totals.cancelled),
            (Outcome::Hard, _) => (Fate::Bounced, &mut totals.bounced),
        };
        *count += 1;
        if fate == Fate::Bounced {
            self.check_bounce(settled, recipient, judged, why);
        }
        self.books.settles(key, recipient, fate);
    }

    /// Nothing bounces but what was refused for good, is too old, or has no place to go to.
    fn check_bounce(&self, settled: &Settled, recipient: u16, judged: &Judged, why: Why) {
        let (key, now) = (settled.entry.key(), settled.now);
        let is_old = now >= self.expiry(&settled.entry);
        let most = self.settings.retry.default.max_attempts;
        let is_tried_enough = most.is_some_and(|most| settled.entry.attempts + 1 >= most);
        let is_right = match why {
            Why::Attempt if settled.expired.contains(&recipient) => is_old || is_tried_enough,
            Why::Attempt => self.books.was_refused(key, recipient),
            Why::Expired => is_old,
            // Asserted where it was found.
            Why::Nowhere | Why::Cancelled => true,
        };
        assert!(is_right, "{key} recipient {recipient} bounces: {why:?}, {}", judged.verdict);
    }

    fn expiry(&self, entry: &QueueEntry) -> UnixMillis {
        let (accepted_at, own) = self.books.expires_at(entry.key().id);
        own.unwrap_or_else(|| accepted_at.saturating_add(self.settings.retry.default.max_age))
    }

    /// What is put off waits neither for less than anything asks nor for more, and those that found no place in the
    /// attempt go on at once only if somebody was served.
    fn check_schedule(&self, settled: &Settled) {
        let Some(after) = &settled.outcome.after else { return };
        let (due, now, key) = (after.place.due, settled.now, after.key());
        let serves = settled.attempt.iter().any(|(_, judged)| judged.verdict.outcome != Outcome::Soft);
        let left_over = after.pending.len() > settled.attempt.len() || serves;
        if due == now && left_over {
            return;
        }
        let expiry = self.expiry(after);
        assert!(now < expiry, "{key} is too old and waits on");
        let soonest = now.saturating_add(SHORTEST_RETRY).min(expiry);
        let longest = self.settings.retry.default.max_interval.max(Duration::from_secs(3_600)).mul_f64(1.1);
        let latest = now.saturating_add(longest).min(expiry);
        assert!(soonest <= due && due <= latest, "{key} is tried at {due}, not from {soonest} to {latest}");
    }
}
