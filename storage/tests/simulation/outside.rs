//! What the world does to the process: weather, power, audits.

use super::{Event, LONGEST_HOLD, Node, World, machine::Step, names::group_of};
use mailwright_engine::time::UnixMillis;
use mailwright_storage::Recovery;
use std::time::Duration;

/// Longest between two looks at who has rested.
const LATEST_BEAT: Duration = Duration::from_secs(61);

impl World {
    /// Plans the first of everything that happens again and again.
    pub(super) fn plan_outside(&mut self) {
        self.agenda.after(Duration::ZERO, Event::Client);
        self.agenda.after(Duration::from_secs(60), Event::Weather);
        self.agenda.after(Duration::from_secs(600), Event::Operator);
        self.agenda.after(Duration::from_secs(600), Event::Audit);
        self.plan_cut();
        self.agenda.after(Duration::from_secs(self.rng.u64(0..30_000)), Event::Stop);
    }

    fn plan_cut(&mut self) {
        let millis = match self.rng.u8(0..4) {
            0 => self.rng.u64(0..5_000),
            1..=2 => self.rng.u64(0..600_000),
            _ => self.rng.u64(0..10_000_000),
        };
        self.agenda.after(Duration::from_millis(millis), Event::PowerCut);
    }

    /// A host and a name change, and will again.
    pub(super) fn weather(&mut self) {
        if self.is_well {
            return;
        }
        let wait = Duration::from_secs(self.rng.u64(1..900));
        self.agenda.after(wait, Event::Weather);
        let names: Vec<_> = self.hosts.keys().cloned().collect();
        self.names.change(&names, &mut self.rng);
        let host = &names[self.rng.usize(0..names.len())];
        self.hosts.get_mut(host).unwrap().change(&mut self.rng);
        self.note(format_args!("{host} changes"));
    }

    /// Nothing goes wrong any more.
    pub(super) fn be_well(&mut self) {
        self.note(format_args!("all is well from now on"));
        self.is_well = true;
        self.names.heal(&mut self.rng);
        self.hosts.values_mut().for_each(|host| host.heal(&mut self.rng));
    }

    /// The power goes: now, or while one of the next things is being done.
    pub(super) fn power_goes(&mut self) -> Step {
        if self.is_well {
            return Ok(());
        }
        self.plan_cut();
        if self.rng.bool() {
            self.machine.light_the_fuse();
            return Ok(());
        }
        Err(super::machine::PowerCut)
    }

    /// Whatever was under way is no more, but for what the network had already.
    pub(super) fn power_is_cut(&mut self) {
        self.history.totals.power_cuts += 1;
        self.note(format_args!("the power is cut"));
        self.lose_connections();
        let recovery = self.machine.cut_power();
        self.come_up(&recovery);
    }

    /// The process is stopped and started, and will be again.
    pub(super) fn stop(&mut self) {
        if self.is_well {
            return;
        }
        let wait = Duration::from_secs(self.rng.u64(0..30_000));
        self.agenda.after(wait, Event::Stop);
        self.history.totals.stops += 1;
        self.note(format_args!("the process is stopped"));
        self.lose_connections();
        let recovery = self.machine.restart();
        self.come_up(&recovery);
    }

    fn lose_connections(&mut self) {
        let ids: Vec<_> = self.node.connections.keys().copied().collect();
        ids.into_iter().for_each(|id| self.lose(id));
        self.agenda.retain(Event::is_outside);
        self.node = Node::new(&self.settings, self.now());
        self.sync_at = None;
        self.traffic.values_mut().for_each(super::limits::Traffic::forget);
    }

    fn come_up(&mut self, recovery: &Recovery) {
        self.history.totals.in_doubt += recovery.in_doubt.len() as u64;
        self.note(format_args!("the process starts: {recovery:?}"));
        let machine = &self.machine;
        self.books.starts(&recovery.in_doubt, |key| machine.get(key));
        let all = self.machine.keys();
        assert_eq!(&all, self.books.waiting(), "the queue has other entries than it should: {recovery:?}");
        assert_eq!(recovery.entries, all.len() as u64, "{recovery:?}");
        self.begin();
    }

    /// Delivery of what is there begins.
    pub(super) fn begin(&mut self) {
        self.agenda.after(Duration::ZERO, Event::ReadSchedule);
    }

    /// Compares the books with the queue, and will again.
    pub(super) fn audit_again(&mut self) {
        let wait = Duration::from_secs(self.rng.u64(1..7_200));
        self.agenda.after(wait, Event::Audit);
        self.audit();
    }

    /// Every entry waits for whom it should, and none for much longer than it may.
    pub(super) fn audit(&mut self) {
        let now = self.now();
        assert_eq!(self.machine.spool().entries(), self.books.waiting().len() as u64, "entries");
        for key in self.books.waiting() {
            let entry = self.machine.get(*key).unwrap_or_else(|| panic!("{key} is lost"));
            self.books.check_entry(&entry);
            let (accepted_at, own) = self.books.expires_at(entry.key().id);
            let overdue = now.since(self.settings.retry.expiry(accepted_at, own));
            assert!(overdue < LONGEST_HOLD, "{key} should have been given up {overdue:?} ago");
        }
        self.check_waits(now);
    }

    /// No domain waits for its place for ever, and none is forgotten.
    fn check_waits(&mut self, now: UnixMillis) {
        for (domain, since) in &self.node.waiting_since {
            let waits = now.since(*since);
            assert!(self.node.roster.is_waiting(domain), "{domain} waits for its place and is forgotten");
            assert!(waits < LONGEST_HOLD, "{domain} has waited {waits:?} for its place");
        }
        for (domain, until) in &self.node.resting_until {
            let late = now.since(*until);
            let rests = self.node.roster.note_of(domain).is_some();
            assert!(!rests || late <= LATEST_BEAT, "{domain} should have come back {late:?} ago");
        }
    }

    /// What the receivers of a host's group see.
    pub(super) fn traffic_of(&mut self, host: &str) -> &mut super::limits::Traffic {
        self.traffic.get_mut(group_of(host)).unwrap()
    }
}
