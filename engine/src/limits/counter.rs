//! What was sent, by time.

use super::Window;
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// Recipients by slot of one window, the newest slot last. Slots without any are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Slots(Vec<(u64, u64)>);

impl Slots {
    fn add(&mut self, window: Window, at: UnixMillis, count: u64) {
        let slot = slot(window, at);
        let newest = self.0.last().map_or(slot, |(newest, _)| slot.max(*newest));
        self.0.retain(|(known, _)| known + window.slots() > newest);
        if slot + window.slots() <= newest {
            return;
        }
        match self.0.iter().rposition(|(known, _)| *known <= slot) {
            Some(at) if self.0[at].0 == slot => self.0[at].1 = self.0[at].1.saturating_add(count),
            before => {
                // Most counters of recipients never have a second slot.
                self.0.reserve_exact(usize::from(self.0.is_empty()));
                self.0.insert(before.map_or(0, |at| at + 1), (slot, count));
            }
        }
    }

    fn take_back(&mut self, window: Window, at: UnixMillis, count: u64) {
        let slot = slot(window, at);
        self.0.retain_mut(|(known, counted)| {
            if *known == slot {
                *counted = counted.saturating_sub(count);
            }
            *counted > 0
        });
    }

    /// Those in the window that ends with `at`.
    fn used(&self, window: Window, at: UnixMillis) -> u64 {
        self.current(window, at).map(|(_, count)| count).sum()
    }

    /// When `more` fit in again; `None` if they never do.
    fn room_at(&self, window: Window, at: UnixMillis, most: u64, more: u64) -> Option<UnixMillis> {
        let free = most.checked_sub(more)?;
        let mut used = self.used(window, at);
        let mut again = at;
        for (slot, count) in self.current(window, at) {
            if used <= free {
                break;
            }
            used -= count;
            again = UnixMillis::new((slot + window.slots()).saturating_mul(window.slot_millis()));
        }
        Some(again)
    }

    fn current(&self, window: Window, at: UnixMillis) -> impl Iterator<Item = (u64, u64)> {
        let now = slot(window, at);
        self.0.iter().copied().filter(move |(known, _)| known + window.slots() > now)
    }
}

fn slot(window: Window, at: UnixMillis) -> u64 {
    at.as_millis() / window.slot_millis()
}

/// How much of a limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Used {
    /// Recipients in the window that ends now.
    pub used: u64,
    /// When all of the window is free again, if nothing more is sent; `None` if it is.
    pub free_at: Option<UnixMillis>,
}

/// What was sent by whom, or to whom.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counter {
    second: Slots,
    hour: Slots,
    day: Slots,
    /// The days on which anything was sent.
    days: u32,
    /// The last of them, by its number since the epoch.
    last_day: u64,
}

impl Counter {
    /// Counts recipients of a message.
    pub fn add(&mut self, at: UnixMillis, count: u64) {
        for window in Window::ALL {
            self.slots_mut(window).add(window, at, count);
        }
        let day = slot(Window::Day, at);
        if day > self.last_day {
            self.last_day = day;
            self.days = self.days.saturating_add(1);
        }
    }

    /// Forgets what was counted at that moment: the message was not accepted.
    pub(super) fn take_back(&mut self, at: UnixMillis, count: u64) {
        for window in Window::ALL {
            self.slots_mut(window).take_back(window, at, count);
        }
        if self.day.0.is_empty() && self.last_day == slot(Window::Day, at) {
            self.days = self.days.saturating_sub(1);
            self.last_day = 0;
        }
    }

    /// Recipients in the window that ends with `at`.
    pub fn used(&self, window: Window, at: UnixMillis) -> Used {
        let slots = self.slots(window);
        let used = slots.used(window, at);
        let free_at = (used > 0).then(|| slots.room_at(window, at, used, used)).flatten();
        Used { used, free_at }
    }

    /// When `more` fit beneath `most` again; `None` if they never do.
    pub(super) fn room_at(&self, window: Window, at: UnixMillis, most: u64, more: u64) -> Option<UnixMillis> {
        self.slots(window).room_at(window, at, most, more)
    }

    /// On how many days before that of `at` anything was sent.
    pub fn earlier_days(&self, at: UnixMillis) -> usize {
        let is_today = self.last_day == slot(Window::Day, at);
        usize::try_from(self.days.saturating_sub(u32::from(is_today))).unwrap_or(usize::MAX)
    }

    /// Whether no window that ends with `at` holds anything.
    pub(super) fn is_over(&self, at: UnixMillis) -> bool {
        Window::ALL.into_iter().all(|window| self.slots(window).used(window, at) == 0)
    }

    fn slots(&self, window: Window) -> &Slots {
        match window {
            Window::Second => &self.second,
            Window::Hour => &self.hour,
            Window::Day => &self.day,
        }
    }

    fn slots_mut(&mut self, window: Window) -> &mut Slots {
        match window {
            Window::Second => &mut self.second,
            Window::Hour => &mut self.hour,
            Window::Day => &mut self.day,
        }
    }
}
