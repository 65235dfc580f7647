//! Who took the processor time that a process has taken. Pure.
//!
//! Nobody can tell from outside which of several events a process is at. So whatever it takes is shared evenly among those
//! under way at the time. An event that waits for others pays for a part of what they take, which is why the limit is
//! for events that are *still* under way: one that has answered is not looked at any more.

use std::collections::BTreeMap;

/// Shares of events, in nanoseconds.
#[derive(Debug)]
pub(super) struct Shares {
    /// What the process had taken when it was last looked at.
    used: u64,
    /// What each event would have taken that was under way from the start.
    share: u64,
    /// What the process had taken when an event last began or ended.
    progress: u64,
    /// The `share` at which each event began.
    began: BTreeMap<u64, u64>,
    next: u64,
}

impl Shares {
    /// For a process that has taken `used`.
    pub(super) fn new(used: u64) -> Self {
        Self { used, share: 0, progress: used, began: BTreeMap::new(), next: 0 }
    }

    /// By now the process has taken `used`.
    pub(super) fn advance(&mut self, used: u64) {
        let taken = used.saturating_sub(self.used);
        self.used = self.used.max(used);
        match u64::try_from(self.began.len()).unwrap_or(u64::MAX) {
            0 => self.progress = self.used,
            events => self.share += taken / events,
        }
    }

    /// An event begins. Returns its number.
    pub(super) fn begin(&mut self, used: u64) -> u64 {
        self.advance(used);
        if self.began.is_empty() {
            self.progress = self.used;
        }
        let event = self.next;
        self.next += 1;
        self.began.insert(event, self.share);
        event
    }

    /// An event ends. Returns its share.
    pub(super) fn end(&mut self, event: u64, used: u64) -> u64 {
        self.advance(used);
        self.progress = self.used;
        self.began.remove(&event).map_or(0, |began| self.share - began)
    }

    pub(super) fn under_way(&self) -> usize {
        self.began.len()
    }

    /// The share of the event that is under way for longest, which has most.
    pub(super) fn most_of_one(&self) -> u64 {
        self.began.first_key_value().map_or(0, |(_, began)| self.share - began)
    }

    /// What was taken since an event last ended: of a loop that never ends, all of it is one event's.
    pub(super) fn since_progress(&self) -> u64 {
        self.used - self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_alone_pays_for_everything() {
        let mut shares = Shares::new(100);
        shares.advance(150);
        let event = shares.begin(200);
        assert_eq!(shares.end(event, 260), 60);
    }

    #[test]
    fn events_at_the_same_time_share() {
        let mut shares = Shares::new(0);
        let first = shares.begin(0);
        let second = shares.begin(100);
        shares.advance(300);
        assert_eq!(shares.most_of_one(), 200);
        assert_eq!(shares.end(first, 300), 200);
        assert_eq!(shares.end(second, 350), 150);
        assert_eq!(shares.under_way(), 0);
    }

    #[test]
    fn a_loop_among_many_is_seen_by_what_is_taken_without_an_end() {
        let mut shares = Shares::new(0);
        let events: Vec<_> = (0..10).map(|_| shares.begin(0)).collect();
        shares.advance(1_000);
        assert_eq!((shares.most_of_one(), shares.since_progress()), (100, 1_000));
        shares.end(events[3], 1_000);
        assert_eq!(shares.since_progress(), 0);
    }

    #[test]
    fn time_without_events_is_nobodys() {
        let mut shares = Shares::new(0);
        shares.advance(500);
        assert_eq!(shares.since_progress(), 0);
        let event = shares.begin(700);
        assert_eq!((shares.since_progress(), shares.most_of_one()), (0, 0));
        assert_eq!(shares.end(event, 700), 0);
    }

    #[test]
    fn a_count_that_goes_back_is_no_count() {
        let mut shares = Shares::new(100);
        let event = shares.begin(100);
        shares.advance(0);
        assert_eq!(shares.end(event, 110), 10);
    }
}
