//! Which domains are active: the engine's [`Roster`], shared by the supervisor and the domains.

use crate::{clock, domain::DomainSnapshot};
use mailwright_engine::{
    address::Domain,
    roster::{Census, Roster, Spare, Urgency, Woken},
};
use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

/// What a domain leaves behind when it gives its place up.
#[derive(Debug, Clone)]
pub struct Note {
    /// Look-ups that failed in a row.
    pub failures: u32,
    /// What holds its mail, if it rests.
    rest: Option<Box<DomainSnapshot>>,
    since: Instant,
}

impl Note {
    /// A note left now.
    pub fn new(failures: u32, rest: Option<DomainSnapshot>) -> Self {
        Self { failures, rest: rest.map(Box::new), since: Instant::now() }
    }

    /// The domain as operators see it now.
    fn describe(&self) -> Option<DomainSnapshot> {
        let snapshot = self.rest.as_deref()?;
        Some(snapshot.clone().aged(self.since.elapsed()))
    }

    /// Whether whatever is accepted for the domain meanwhile must wait as well, wherever it leaves from.
    fn holds_all(&self) -> bool {
        let mut holds = self.rest.iter().flat_map(|rest| &rest.holds);
        holds.any(|hold| hold.source.is_none())
    }
}

/// The places. Used on one thread.
#[derive(Debug)]
pub struct Places {
    roster: RefCell<Roster<Domain, Note>>,
    /// Counts how often everybody was told to look again.
    era: Cell<u64>,
    /// Whether mail may leave from more than one source.
    several_sources: bool,
}

impl Places {
    /// Room for `most` domains, whose mail leaves from one of so many `sources`.
    pub fn new(most: usize, sources: usize) -> Self {
        Self { roster: RefCell::new(Roster::new(most)), era: Cell::new(0), several_sources: sources > 1 }
    }

    /// How many are in which state.
    pub fn census(&self) -> Census {
        self.roster.borrow().census()
    }

    /// As [`Roster::wake`].
    pub fn wake(&self, domain: &Domain, urgency: Urgency) -> Woken<Note> {
        self.roster.borrow_mut().wake(domain, urgency, clock::now())
    }

    /// Wakes a domain for mail that was just accepted. If it rests because of one source and there are others, it
    /// looks whether one of them may carry the mail.
    pub fn wake_for_fresh(&self, domain: &Domain, urgency: Urgency) -> Woken<Note> {
        let mut roster = self.roster.borrow_mut();
        if self.several_sources && roster.note_of(domain).is_some_and(|note| !note.holds_all()) {
            roster.rouse(domain);
        }
        roster.wake(domain, urgency, clock::now())
    }

    /// As [`Roster::admit`].
    pub fn admit(&self, domain: &Domain) -> Option<Note> {
        self.roster.borrow_mut().admit(domain)
    }

    /// As [`Roster::next_in_line`].
    pub fn next_in_line(&self) -> Option<(Domain, Option<Note>)> {
        self.roster.borrow_mut().next_in_line()
    }

    /// As [`Roster::is_busy`].
    pub fn is_busy(&self, domain: &Domain) {
        self.roster.borrow_mut().is_busy(domain);
    }

    /// As [`Roster::can_spare`].
    pub fn can_spare(&self, domain: &Domain, spare: Spare) -> bool {
        self.roster.borrow_mut().can_spare(domain, spare, clock::now())
    }

    /// As [`Roster::leaves`].
    pub fn leaves(&self, domain: &Domain) {
        self.roster.borrow_mut().leaves(domain);
    }

    /// As [`Roster::is_leaving`].
    pub fn is_leaving(&self, domain: &Domain) -> bool {
        self.roster.borrow().is_leaving(domain)
    }

    /// As [`Roster::ask_to_leave`].
    pub fn ask_to_leave(&self) -> Option<Domain> {
        self.roster.borrow_mut().ask_to_leave(clock::now())
    }

    /// As [`Roster::has_ended`].
    pub fn has_ended(&self, domain: &Domain) {
        self.roster.borrow_mut().has_ended(domain);
    }

    /// As [`Roster::rests`], for `rest` from now.
    pub fn rests(&self, domain: &Domain, rest: Duration, note: Note) {
        self.roster.borrow_mut().rests(domain, clock::now().saturating_add(rest), note);
    }

    /// As [`Roster::yields`].
    pub fn yields(&self, domain: &Domain, note: Note) {
        self.roster.borrow_mut().yields(domain, note);
    }

    /// As [`Roster::rested`].
    pub fn rested(&self) -> Vec<Domain> {
        self.roster.borrow().rested(clock::now())
    }

    /// Begins another era: what held mail before need not hold it any more. Returns the domains that rested.
    pub fn begin_era(&self) -> Vec<Domain> {
        self.era.set(self.era.get() + 1);
        self.roster.borrow_mut().rouse_all()
    }

    /// The era.
    pub fn era(&self) -> u64 {
        self.era.get()
    }

    /// A domain that rests, as operators see it.
    pub fn describe(&self, domain: &Domain) -> Option<DomainSnapshot> {
        self.roster.borrow().note_of(domain).and_then(Note::describe)
    }

    /// All that rest, as operators see them.
    pub fn describe_all(&self) -> Vec<DomainSnapshot> {
        self.roster.borrow().notes().filter_map(|(_, note)| note.describe()).collect()
    }

    /// Whether `domain` waits in line.
    pub fn is_waiting(&self, domain: &Domain) -> bool {
        self.roster.borrow().is_waiting(domain)
    }
}
