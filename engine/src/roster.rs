//! Which of very many destinations are active, so that a queue for any number of them takes bounded memory.
//!
//! At most so many have a place. Whoever wants one when there is none waits in line, mail that was just accepted
//! before mail that was due already (by shares, so that neither waits for ever). Room is made by those who can do
//! nothing with their places: at once by who has no work or must rest until a known time, after a moment by who
//! waits for others, a slow receiver for one. Who rests leaves a note of why, and comes back by itself.
//!
//! `K` names a destination, `N` is the note that it leaves.

use crate::{fair::Strides, time::UnixMillis};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    hash::Hash,
    time::Duration,
};

/// After so long without progress a place is given up to mail that was just accepted.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same, to mail that has waited already: changing places costs more than a moment's wait gains.
const LONG_PATIENCE: Duration = Duration::from_secs(5);
/// Most that give their place up in a second because they only wait, to mail that was just accepted and to other mail.
/// Whoever takes it may have to wait for the same receiver, and each change costs a read from disk.
const TURNOVER: (usize, usize) = (300, 100);
const SECOND: Duration = Duration::from_secs(1);

/// How soon a destination wants its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// It has mail of high priority that was just accepted.
    High,
    /// It has mail that was just accepted.
    Fresh,
    /// It has mail on disk that is due.
    Due,
}

impl Urgency {
    /// Its share of the places that become free.
    const fn share(self) -> u32 {
        match self {
            Self::High => 100,
            Self::Fresh => 10,
            Self::Due => 2,
        }
    }
}

/// What came of waking a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Woken<N> {
    /// It is active.
    Active,
    /// It has a place from now on, and left this note when it had one before.
    Starts(Option<N>),
    /// It waits in line.
    Waits,
    /// It rests.
    Rests,
}

/// Why a destination could spare its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spare {
    /// It has no work, or must rest.
    Free,
    /// It waits for others.
    Stalled,
}

/// How an active destination stands.
#[derive(Debug, Clone, Copy)]
enum Standing {
    Busy,
    Spare(Spare, UnixMillis),
    /// It was asked to leave.
    Leaving,
    /// It leaves.
    Left,
}

#[derive(Debug)]
struct Waiting<N> {
    urgency: Urgency,
    note: Option<N>,
}

#[derive(Debug)]
struct Resting<N> {
    until: UnixMillis,
    note: N,
}

/// How many destinations are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// They have a place.
    pub active: usize,
    /// They wait for one.
    pub waiting: usize,
    /// They must rest and have given theirs up.
    pub resting: usize,
}

/// The roster.
#[derive(Debug)]
pub struct Roster<K, N> {
    most: usize,
    active: HashMap<K, Standing>,
    /// Who could spare its place, those first who lose nothing by it.
    spares: BTreeSet<(Spare, UnixMillis, K)>,
    leaving: usize,
    /// When this second began, and how many were asked in it to leave because they only waited.
    turned_over: (UnixMillis, usize),
    waiting: HashMap<K, Waiting<N>>,
    /// Of those, how many have mail that was just accepted.
    hurried: usize,
    /// The line of each urgency. Names that wait elsewhere by now, or not at all, are passed over.
    lines: HashMap<Urgency, VecDeque<K>>,
    turns: Strides<Urgency>,
    resting: HashMap<K, Resting<N>>,
    ends: BTreeSet<(UnixMillis, K)>,
}

impl<K: Clone + Eq + Hash + Ord, N> Roster<K, N> {
    /// Nobody; at most `most` have a place.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            active: HashMap::new(),
            spares: BTreeSet::new(),
            leaving: 0,
            turned_over: (UnixMillis::default(), 0),
            waiting: HashMap::new(),
            hurried: 0,
            lines: HashMap::new(),
            turns: Strides::new(),
            resting: HashMap::new(),
            ends: BTreeSet::new(),
        }
    }

    /// How many are in which state.
    pub fn census(&self) -> Census {
        Census { active: self.active.len(), waiting: self.waiting.len(), resting: self.resting.len() }
    }

    /// `key` has work. Who waits in line already moves up only for mail of high priority: it had its turn.
    pub fn wake(&mut self, key: &K, urgency: Urgency, now: UnixMillis) -> Woken<N> {
        if self.active.contains_key(key) {
            return Woken::Active;
        }
        if self.resting.get(key).is_some_and(|rest| rest.until > now) {
            return Woken::Rests;
        }
        let note = self.end_rest(key);
        if self.waiting.is_empty() && self.active.len() < self.most {
            self.active.insert(key.clone(), Standing::Busy);
            return Woken::Starts(note);
        }
        self.line_up(key, urgency, note);
        Woken::Waits
    }

    /// Gives `key` a place whatever the line, and returns its note.
    pub fn admit(&mut self, key: &K) -> Option<N> {
        self.active.entry(key.clone()).or_insert(Standing::Busy);
        let waited = self.leave_line(key);
        self.end_rest(key).or(waited)
    }

    /// The next in line for whom there is a place, which it has from now on, and its note.
    pub fn next_in_line(&mut self) -> Option<(K, Option<N>)> {
        if self.active.len() >= self.most {
            return None;
        }
        loop {
            let urgency = *self.turns.first()?;
            let key = self.lines.get_mut(&urgency).and_then(VecDeque::pop_front);
            let Some(key) = key else {
                self.turns.leave(&urgency);
                continue;
            };
            if self.waiting.get(&key).is_some_and(|waiting| waiting.urgency == urgency) {
                self.turns.serve(&urgency);
                let note = self.leave_line(&key);
                self.active.insert(key.clone(), Standing::Busy);
                return Some((key, note));
            }
        }
    }

    fn line_up(&mut self, key: &K, urgency: Urgency, note: Option<N>) {
        let note = match self.waiting.remove(key) {
            Some(known) if known.urgency == urgency || urgency != Urgency::High => {
                self.waiting.insert(key.clone(), known);
                return;
            }
            Some(known) => {
                self.hurried -= usize::from(known.urgency != Urgency::Due);
                note.or(known.note)
            }
            None => note,
        };
        self.hurried += usize::from(urgency != Urgency::Due);
        self.waiting.insert(key.clone(), Waiting { urgency, note });
        self.lines.entry(urgency).or_default().push_back(key.clone());
        self.turns.join(&urgency, urgency.share());
    }

    fn leave_line(&mut self, key: &K) -> Option<N> {
        let waiting = self.waiting.remove(key)?;
        self.hurried -= usize::from(waiting.urgency != Urgency::Due);
        waiting.note
    }

    /// `key`, which is active, has work under way.
    pub fn is_busy(&mut self, key: &K) {
        self.stands(key, Standing::Busy);
    }

    /// `key`, which is active, could spare its place. True if it should give it up now.
    pub fn can_spare(&mut self, key: &K, spare: Spare, now: UnixMillis) -> bool {
        if !self.active.contains_key(key) {
            return false;
        }
        let gives_up = spare == Spare::Free && self.is_short();
        self.stands(key, if gives_up { Standing::Leaving } else { Standing::Spare(spare, now) });
        gives_up
    }

    /// `key`, which is active, leaves; how, is said next.
    pub fn leaves(&mut self, key: &K) {
        self.stands(key, Standing::Left);
    }

    /// Whether `key` leaves and has not said how.
    pub fn is_leaving(&self, key: &K) -> bool {
        matches!(self.active.get(key), Some(Standing::Left))
    }

    fn stands(&mut self, key: &K, standing: Standing) {
        let Some(known) = self.active.get_mut(key) else { return };
        match std::mem::replace(known, standing) {
            Standing::Busy => {}
            Standing::Spare(spare, since) => drop(self.spares.remove(&(spare, since, key.clone()))),
            Standing::Leaving | Standing::Left => self.leaving -= 1,
        }
        match standing {
            Standing::Busy => {}
            Standing::Spare(spare, since) => drop(self.spares.insert((spare, since, key.clone()))),
            Standing::Leaving | Standing::Left => self.leaving += 1,
        }
    }

    /// Whether more wait than there are places free or about to be.
    fn is_short(&self) -> bool {
        self.waiting.len() > self.most.saturating_sub(self.active.len()) + self.leaving
    }

    /// Who is to give its place up, if more are waited for than are about to be free. It leaves, or says that it is
    /// busy.
    pub fn ask_to_leave(&mut self, now: UnixMillis) -> Option<K> {
        if !self.is_short() {
            return None;
        }
        let (spare, since, key) = self.spares.first()?.clone();
        if spare == Spare::Stalled && !self.may_turn_over(since, now) {
            return None;
        }
        self.stands(&key, Standing::Leaving);
        Some(key)
    }

    /// Whether one that has waited since then may be asked to leave for it; counts it if so.
    fn may_turn_over(&mut self, since: UnixMillis, now: UnixMillis) -> bool {
        let hurry = self.hurried > self.leaving;
        let (patience, most) = if hurry { (PATIENCE, TURNOVER.0) } else { (LONG_PATIENCE, TURNOVER.1) };
        if now.since(self.turned_over.0) >= SECOND {
            self.turned_over = (now, 0);
        }
        let may = now.since(since) >= patience && self.turned_over.1 < most;
        self.turned_over.1 += usize::from(may);
        may
    }

    /// `key` has given its place up and has no work.
    pub fn has_ended(&mut self, key: &K) {
        self.stands(key, Standing::Busy);
        self.active.remove(key);
    }

    /// `key` has given its place up and can do nothing before `until`.
    pub fn rests(&mut self, key: &K, until: UnixMillis, note: N) {
        self.has_ended(key);
        self.ends.insert((until, key.clone()));
        self.resting.insert(key.clone(), Resting { until, note });
    }

    /// `key` has given its place up and has work: it waits at the end of the line.
    pub fn yields(&mut self, key: &K, note: N) {
        self.has_ended(key);
        self.line_up(key, Urgency::Due, Some(note));
    }

    fn end_rest(&mut self, key: &K) -> Option<N> {
        let rest = self.resting.remove(key)?;
        self.ends.remove(&(rest.until, key.clone()));
        Some(rest.note)
    }

    /// Those whose rest is over; each is to be woken.
    pub fn rested(&self, now: UnixMillis) -> Vec<K> {
        self.ends.iter().take_while(|(until, _)| *until <= now).map(|(_, key)| key.clone()).collect()
    }

    /// Ends the rest of `key`, which is to be woken.
    pub fn rouse(&mut self, key: &K) {
        if let Some(rest) = self.resting.get_mut(key) {
            self.ends.remove(&(rest.until, key.clone()));
            rest.until = UnixMillis::default();
            self.ends.insert((rest.until, key.clone()));
        }
    }

    /// Ends every rest; returns those who are to be woken.
    pub fn rouse_all(&mut self) -> Vec<K> {
        let keys: Vec<_> = self.resting.keys().cloned().collect();
        keys.iter().for_each(|key| self.rouse(key));
        keys
    }

    /// The note of one that rests.
    pub fn note_of(&self, key: &K) -> Option<&N> {
        self.resting.get(key).map(|rest| &rest.note)
    }

    /// Those that rest, and their notes.
    pub fn notes(&self) -> impl Iterator<Item = (&K, &N)> {
        self.resting.iter().map(|(key, rest)| (key, &rest.note))
    }

    /// Whether `key` waits in line.
    pub fn is_waiting(&self, key: &K) -> bool {
        self.waiting.contains_key(key)
    }
}

#[cfg(test)]
mod tests;
