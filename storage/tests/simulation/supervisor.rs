//! In place of Supervisor, Places and RetryScheduler: who is active, and who is woken when.

use super::{Event, World, desk::Desk, machine::Step};
use crate::common::block_on;
use mailwright_engine::{
    address::Domain,
    roster::{Urgency, Woken},
    time::UnixMillis,
};
use mailwright_storage::{EntryPlace, Fresh};
use std::time::Duration;

/// How often domains are looked at while any waits.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How far ahead wake-ups are known, and how often what draws near is read in. Longer than the actors' own: here
/// hours pass in which nothing else happens.
const HORIZON: Duration = Duration::from_secs(3_600);
const READ_EVERY: Duration = Duration::from_secs(900);

/// Why a domain gives its place up.
pub(super) enum Leaving {
    Idle,
    Rests(UnixMillis),
    Yields,
}

impl World {
    /// Has a domain look for due entries on disk, as soon as it may be active.
    pub(super) fn wake(&mut self, domain: &Domain) -> Step {
        let now = self.now();
        match self.node.roster.wake(domain, Urgency::Due, now) {
            Woken::Active => self.tell_to_read(domain),
            Woken::Starts(note) => self.start(domain, note),
            Woken::Waits => self.lines_up(domain),
            Woken::Rests => {}
        }
        Ok(())
    }

    /// The same for mail that was just accepted, which it need not read back.
    pub(super) fn wake_for_fresh(&mut self, domain: &Domain, urgency: Urgency, items: Vec<Fresh>) -> Step {
        let now = self.now();
        match self.node.roster.wake(domain, urgency, now) {
            Woken::Active => return self.take_fresh(domain, items),
            Woken::Starts(None) => {
                self.start_empty(domain, 0);
                return self.take_fresh(domain, items);
            }
            Woken::Starts(note) => self.start(domain, note),
            Woken::Waits => self.lines_up(domain),
            Woken::Rests => {}
        }
        Ok(())
    }

    fn lines_up(&mut self, domain: &Domain) {
        let now = self.now();
        self.node.waiting_since.entry(domain.clone()).or_insert(now);
        self.agenda.after(Duration::ZERO, Event::FillPlaces);
        self.beat_at(now.saturating_add(HEARTBEAT));
    }

    fn tell_to_read(&mut self, domain: &Domain) {
        let number = self.node.desks[domain].number;
        self.agenda.after(Duration::ZERO, Event::Read(domain.clone(), number));
    }

    fn start(&mut self, domain: &Domain, note: Option<u32>) {
        self.start_empty(domain, note.unwrap_or(0));
        self.tell_to_read(domain);
    }

    fn start_empty(&mut self, domain: &Domain, failures: u32) {
        if let Some(since) = self.node.waiting_since.remove(domain) {
            let waited = self.now().since(since).as_secs();
            self.history.totals.longest_wait = self.history.totals.longest_wait.max(waited);
        }
        self.node.roster.is_busy(domain);
        let desk = Desk::new(self.number(), failures);
        assert!(self.node.desks.insert(domain.clone(), desk).is_none(), "{domain} is active twice");
        assert!(
            self.node.desks.len() <= self.settings.places,
            "more domains are active than there are places"
        );
        self.note(format_args!("{domain} starts"));
    }

    /// Gives free places to who waits, and asks others for theirs.
    pub(super) fn fill_places(&mut self) -> Step {
        while let Some((domain, note)) = self.node.roster.next_in_line() {
            self.start(&domain, note);
        }
        let now = self.now();
        while let Some(domain) = self.node.roster.ask_to_leave(now) {
            self.give_up_place(&domain);
        }
        Ok(())
    }

    /// A domain gives its place up.
    pub(super) fn leaves(&mut self, domain: &Domain, how: &Leaving) {
        let desk = self.node.desks.remove(domain).unwrap();
        let roster = &mut self.node.roster;
        roster.leaves(domain);
        match how {
            Leaving::Idle => roster.has_ended(domain),
            Leaving::Rests(until) => roster.rests(domain, *until, desk.failures),
            Leaving::Yields => roster.yields(domain, desk.failures),
        }
        let now = self.now();
        match how {
            Leaving::Idle => {}
            Leaving::Rests(until) => {
                self.node.resting_until.insert(domain.clone(), *until);
                self.beat_at(*until);
            }
            Leaving::Yields => drop(self.node.waiting_since.entry(domain.clone()).or_insert(now)),
        }
        self.note(format_args!("{domain} leaves"));
        self.agenda.after(Duration::ZERO, Event::FillPlaces);
    }

    fn beat_at(&mut self, when: UnixMillis) {
        if self.node.heartbeat.is_none_or(|planned| planned > when) {
            self.node.heartbeat = Some(when);
            self.agenda.at(when, Event::Heartbeat);
        }
    }

    /// Wakes who has rested, and lets some of those who wait have a turn.
    pub(super) fn heartbeat(&mut self) -> Step {
        let now = self.now();
        if self.node.heartbeat.is_none_or(|planned| planned > now) {
            return Ok(());
        }
        self.node.heartbeat = None;
        for domain in self.node.roster.rested(self.now()) {
            self.wake(&domain)?;
        }
        self.fill_places()?;
        if self.node.roster.census().waiting > 0 {
            self.beat_at(now.saturating_add(HEARTBEAT));
        } else if self.node.roster.census().resting > 0 {
            // Rests end at any time; who rests the longest does so for ten minutes.
            self.beat_at(now.saturating_add(Duration::from_secs(60)));
        }
        Ok(())
    }

    /// Has everybody look again at what may be done.
    pub(super) fn reconsider(&mut self) -> Step {
        let sites: Vec<_> = self.node.sites.keys().cloned().collect();
        for site in sites {
            self.reshape(&site)?;
        }
        let active: Vec<_> = self.node.desks.keys().cloned().collect();
        for domain in active {
            self.desk_reconsiders(&domain)?;
        }
        let mut resting = self.node.roster.rouse_all();
        resting.sort_unstable();
        resting.iter().try_for_each(|domain| self.wake(domain))
    }

    /// Reads what is due up to the horizon, and will again.
    pub(super) fn read_schedule(&mut self) {
        self.agenda.after(READ_EVERY, Event::ReadSchedule);
        let (from, to) = (self.node.read_until, self.now().saturating_add(HORIZON));
        self.machine.checkpoint();
        let places = block_on(self.machine.spool().due_between(from, to, usize::MAX)).unwrap();
        self.node.read_until = to;
        for place in places {
            self.agenda.at(place.due, Event::Wake(place.domain));
        }
        self.sweep();
    }

    /// Finds work that nobody waits for any more.
    pub(super) fn sweep(&mut self) {
        let now = self.now();
        for (domain, due) in self.machine.domains() {
            if due <= now {
                self.agenda.after(Duration::ZERO, Event::Wake(domain));
            }
        }
    }

    /// An entry was deferred to this place.
    pub(super) fn retry_later(&mut self, place: EntryPlace) {
        if place.due < self.node.read_until || place.due <= self.now() {
            self.agenda.at(place.due, Event::Wake(place.domain));
        }
    }
}
