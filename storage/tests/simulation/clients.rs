//! Who hands mail in, and who gives orders.

use super::{Event, World, books, ledger::Why, machine::Step};
use bytes::Bytes;
use fastrand::Rng;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    class::{Priority, TenantName},
    envelope::{BodyType, Envelope, Origin},
    roster::Urgency,
    smtp::verdict::Verdict,
};
use mailwright_storage::{Content, EntryKey, Fresh, Outcome, QueueEntry};
use std::{collections::BTreeMap, time::Duration};

impl World {
    /// A client hands a message in, or some, and will again.
    pub(super) fn client(&mut self) -> Step {
        let wait = match self.rng.u8(0..10) {
            0..=4 => self.rng.u64(0..2_000),
            5..=7 => self.rng.u64(0..60_000),
            _ => self.rng.u64(0..3_600_000),
        };
        if !self.is_well {
            self.agenda.after(Duration::from_millis(wait), Event::Client);
            for _ in 0..self.rng.u8(1..4) {
                self.hand_in()?;
            }
        }
        Ok(())
    }

    fn hand_in(&mut self) -> Step {
        let envelope = self.envelope();
        let id = envelope.id.as_raw();
        let content = content(id, &mut self.rng);
        self.note(format_args!("{id} is handed in for {} recipients", envelope.recipients.len()));
        self.books.hands_in(&envelope, &content);
        let fresh = self.machine.accept(envelope, Content::whole(content))?;
        self.books.accepts(id);
        self.history.totals.accepted += 1;
        self.dispatch(fresh)
    }

    fn envelope(&mut self) -> Envelope {
        let now = self.now();
        let id = self.machine.spool().next_id(now.as_millis() * 1_000);
        let domains: Vec<Domain> = self.names.domains().cloned().collect();
        let recipients = (0..self.rng.usize(1..6)).map(|at| {
            let domain = &domains[self.rng.usize(0..domains.len())];
            EmailAddress::parse(&format!("r{at}@{domain}")).unwrap()
        });
        let recipients = recipients.collect();
        let sender = books::sender_of(id.as_raw());
        let rng = &mut self.rng;
        Envelope {
            body: BodyType::EightBitMime,
            account: rng.bool().then(|| TenantName::parse(["shop", "club"][rng.usize(0..2)]).unwrap()),
            priority: [Priority::High, Priority::Normal, Priority::Bulk][rng.usize(0..3)],
            expires_after: (rng.u8(0..8) == 0).then(|| Duration::from_secs(rng.u64(60..7_200))),
            ..Envelope::new(id, now, sender, recipients, Origin::Api)
        }
    }

    fn dispatch(&mut self, fresh: Vec<Fresh>) -> Step {
        let mut by_domain: BTreeMap<Domain, Vec<Fresh>> = BTreeMap::new();
        for item in fresh {
            by_domain.entry(item.entry.place.domain.clone()).or_default().push(item);
        }
        for (domain, items) in by_domain {
            let is_high = |item: &Fresh| item.entry.place.class.priority == Priority::High;
            let urgency = if items.iter().any(is_high) { Urgency::High } else { Urgency::Fresh };
            self.wake_for_fresh(&domain, urgency, items)?;
        }
        Ok(())
    }

    /// Somebody gives an order, and will again.
    pub(super) fn operator(&mut self) -> Step {
        let wait = Duration::from_secs(self.rng.u64(0..1_200));
        if self.is_well {
            return Ok(());
        }
        self.agenda.after(wait, Event::Operator);
        match self.rng.u8(0..4) {
            0 => self.suspend(),
            1 => self.cancel(),
            _ => self.try_now(),
        }
    }

    fn suspend(&mut self) -> Step {
        let at = self.rng.usize(0..self.names.domains().count());
        let domain = self.names.domains().nth(at).cloned().unwrap();
        let until = self.now().saturating_add(Duration::from_secs(self.rng.u64(1..3_600)));
        self.note(format_args!("{domain} is suspended until {until}"));
        self.suspended.insert(domain.clone(), until);
        self.agenda.at(until, Event::Resume(domain));
        self.reconsider()
    }

    /// A suspension ends, if it was not made longer.
    pub(super) fn resume(&mut self, domain: &Domain) -> Step {
        let now = self.now();
        if self.suspended.get(domain).is_some_and(|until| *until <= now) {
            self.suspended.remove(domain);
            self.reconsider()?;
        }
        Ok(())
    }

    fn any_waiting(&mut self) -> Option<EntryKey> {
        let waiting = self.books.waiting();
        let at = self.rng.usize(0..waiting.len().max(1));
        waiting.iter().nth(at).copied()
    }

    /// Ends an entry that is not being delivered.
    fn cancel(&mut self) -> Step {
        let Some(key) = self.any_waiting().filter(|key| !self.node.in_flight.contains(key)) else {
            return Ok(());
        };
        let entry = self.machine.get(key).unwrap();
        self.note(format_args!("{key} is cancelled"));
        let domain = entry.place.domain.clone();
        if let Some(desk) = self.node.desks.get_mut(&domain) {
            desk.forget(&entry);
        }
        self.fail(vec![entry], &Verdict::cancelled("an operator"), Why::Cancelled)?;
        self.advance(&domain)
    }

    /// Has an entry tried now, whatever its schedule says, if it is not being tried.
    fn try_now(&mut self) -> Step {
        let Some(key) = self.any_waiting().filter(|key| !self.node.in_flight.contains(key)) else {
            return Ok(());
        };
        let entry = self.machine.get(key).unwrap();
        let before = entry.place.clone();
        let mut after: QueueEntry = entry;
        after.place.due = self.now();
        let domain = before.domain.clone();
        self.note(format_args!("{key} is to be tried now"));
        self.record(Outcome::by_operator(before, Some(after)))?;
        self.reconsider()?;
        self.wake(&domain)
    }
}

/// Lines of any octets, many of which begin with dots; as unlike one another as the random numbers are.
fn content(id: u64, rng: &mut Rng) -> Bytes {
    let opening = if rng.bool() { "." } else { "Subject: " };
    let mut content = format!("{opening}{id}\r\n\r\n").into_bytes();
    let lines = if rng.u8(0..20) == 0 { 400 } else { 12 };
    for _ in 0..rng.u32(0..lines) {
        content.extend(std::iter::repeat_n(b'.', rng.usize(0..4).saturating_sub(1)));
        content.extend((0..rng.usize(0..70)).map(|_| rng.u8(32..=255)));
        content.extend_from_slice(b"\r\n");
    }
    content.into()
}
