//! What the world knows of every message: who was to get it, who did, and who was told what. The law is here.

use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    envelope::Envelope,
    id::QueueId,
    smtp::server::ReceivedMessage,
    time::UnixMillis,
};
use mailwright_storage::{EntryKey, QueueEntry};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a recipient, as far as the sender knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Waits,
    Delivered,
    Bounced,
    Cancelled,
}

/// One recipient of a message.
#[derive(Debug)]
struct Person {
    fate: Fate,
    /// Copies that its receiver has taken.
    received: u32,
    /// Deliveries that the sender knows of.
    claimed: u32,
    /// Whether its receiver ever said no for good.
    refused: bool,
}

/// A message.
#[derive(Debug)]
struct Message {
    envelope: Envelope,
    content: Vec<u8>,
    people: Vec<Person>,
    groups: Vec<Vec<u16>>,
    /// Whether its sender was told that it is accepted.
    is_accepted: bool,
}

/// What a receiver keeps.
pub(super) struct Letter<'a> {
    id: u64,
    recipients: &'a [EmailAddress],
    content: &'a [u8],
}

/// The books.
#[derive(Default)]
pub(super) struct Books {
    messages: BTreeMap<u64, Message>,
    /// How often each entry may have been delivered without the sender's knowing.
    doubts: BTreeMap<EntryKey, u32>,
    /// Entries whose dot may be about to go out, as far as the journal knows.
    intents: BTreeSet<EntryKey>,
    /// Those of them whose attempt is under way.
    open: BTreeSet<EntryKey>,
    /// What was recorded since something was safe, with what was so before: a power cut may undo it.
    unsafe_fates: Vec<(EntryKey, u16)>,
    /// What was so at a power cut: the journal may have lost it though the queue state has not, for as long as there
    /// is one.
    shaky_fates: BTreeSet<(EntryKey, u16)>,
    waiting: BTreeSet<EntryKey>,
    pub(super) copies: u64,
}

/// The sender of a message: refusals before its content comes can be told apart by it.
pub(super) fn sender_of(id: u64) -> ReversePath {
    ReversePath::Address(EmailAddress::parse(&format!("m{id}@sender.example")).unwrap())
}

fn id_of(sender: &ReversePath) -> u64 {
    let text = sender.to_string();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

impl<'a> Letter<'a> {
    pub(super) fn of(message: &'a ReceivedMessage) -> Self {
        let ReceivedMessage { reverse_path, recipients, content, .. } = message;
        Self { id: id_of(reverse_path), recipients, content }
    }
}

impl Message {
    fn person(&mut self, address: &EmailAddress) -> (usize, &mut Person) {
        let at = self.envelope.recipients.iter().position(|known| known == address).unwrap();
        (at, &mut self.people[at])
    }

    fn group_of(&self, recipient: usize) -> u16 {
        let recipient = u16::try_from(recipient).unwrap();
        let group = self.groups.iter().position(|group| group.contains(&recipient)).unwrap();
        u16::try_from(group).unwrap()
    }

    fn key(&self, group: u16) -> EntryKey {
        EntryKey { id: self.envelope.id, group }
    }

    fn waiting(&self, group: u16) -> Vec<u16> {
        let people = self.groups[usize::from(group)].iter().copied();
        people.filter(|at| self.people[usize::from(*at)].fate == Fate::Waits).collect()
    }
}

impl Books {
    /// A client hands a message in.
    pub(super) fn hands_in(&mut self, envelope: &Envelope, content: &[u8]) {
        let person = || Person { fate: Fate::Waits, received: 0, claimed: 0, refused: false };
        let message = Message {
            people: envelope.recipients.iter().map(|_| person()).collect(),
            groups: envelope.groups().into_iter().map(|group| group.recipients).collect(),
            envelope: envelope.clone(),
            content: content.to_vec(),
            is_accepted: false,
        };
        self.messages.insert(envelope.id.as_raw(), message);
    }

    /// It was told that the message is accepted, or finds that it is.
    pub(super) fn accepts(&mut self, id: u64) {
        self.is_safe();
        self.take_over(id);
    }

    fn take_over(&mut self, id: u64) {
        let message = self.messages.get_mut(&id).unwrap();
        message.is_accepted = true;
        let keys = (0..message.groups.len()).map(|group| message.key(group as u16));
        self.waiting.extend(keys);
    }

    /// Everything recorded so far outlives a power cut.
    pub(super) fn is_safe(&mut self) {
        self.unsafe_fates.clear();
    }

    /// The journal is asked to remember that the dot of an entry is about to go out.
    pub(super) fn intends(&mut self, key: EntryKey) {
        self.intents.insert(key);
        self.open.insert(key);
    }

    /// The attempt at an entry is over.
    pub(super) fn ends(&mut self, key: EntryKey) {
        self.open.remove(&key);
    }

    /// A delivery ended past its dot, and nobody knows how.
    pub(super) fn doubts(&mut self, key: EntryKey) {
        *self.doubts.entry(key).or_default() += 1;
    }

    /// A receiver takes a message for all these recipients.
    pub(super) fn receives(&mut self, letter: &Letter<'_>) {
        let message = self.messages.get_mut(&letter.id).unwrap();
        assert!(message.content == letter.content, "message {} arrives changed", letter.id);
        for address in letter.recipients {
            let (at, person) = message.person(address);
            person.received += 1;
            let received = person.received;
            let key = message.key(message.group_of(at));
            let doubts = self.doubts.get(&key).copied().unwrap_or(0);
            assert!(received <= 1 + doubts, "{key} arrives {received} times, {doubts} times in doubt");
            assert!(self.open.contains(&key), "{key} arrives without an intent");
            self.copies += 1;
        }
    }

    /// A receiver refuses one recipient for good.
    pub(super) fn refuses(&mut self, sender: &ReversePath, recipient: &EmailAddress) {
        self.messages.get_mut(&id_of(sender)).unwrap().person(recipient).1.refused = true;
    }

    /// A receiver refuses a message for good.
    pub(super) fn refuses_all(&mut self, sender: &ReversePath) {
        let message = self.messages.get_mut(&id_of(sender)).unwrap();
        message.people.iter_mut().for_each(|person| person.refused = true);
    }

    /// Whether a receiver of this recipient ever said no for good.
    pub(super) fn was_refused(&self, key: EntryKey, recipient: u16) -> bool {
        self.messages[&key.id.as_raw()].people[usize::from(recipient)].refused
    }

    /// The sender has recorded what became of a recipient.
    pub(super) fn settles(&mut self, key: EntryKey, recipient: u16, fate: Fate) {
        let message = self.messages.get_mut(&key.id.as_raw()).unwrap();
        let person = &mut message.people[usize::from(recipient)];
        assert_eq!(person.fate, Fate::Waits, "{key} recipient {recipient} comes to a second end, {fate:?}");
        person.fate = fate;
        if fate == Fate::Delivered {
            person.claimed += 1;
            assert!(person.claimed <= person.received, "{key} recipient {recipient} got nothing");
        }
        self.unsafe_fates.push((key, recipient));
        if message.waiting(key.group).is_empty() {
            self.waiting.remove(&key);
        }
    }

    /// Asserts that an entry waits for whom it should.
    pub(super) fn check_entry(&self, entry: &QueueEntry) {
        let mut pending = entry.pending.clone();
        pending.sort_unstable();
        let waiting = self.messages[&entry.key().id.as_raw()].waiting(entry.key().group);
        assert_eq!(pending, waiting, "{} waits for others than it should", entry.key());
    }

    /// Entries that wait.
    pub(super) fn waiting(&self) -> &BTreeSet<EntryKey> {
        &self.waiting
    }

    /// When a message was accepted, and its own end.
    pub(super) fn envelope(&self, id: QueueId) -> &Envelope {
        &self.messages[&id.as_raw()].envelope
    }

    /// Takes in what a start found: what may be undone may be, and every delivery that may be made a second time is
    /// among those `in_doubt`.
    pub(super) fn starts(&mut self, in_doubt: &[EntryKey], find: impl Fn(EntryKey) -> Option<QueueEntry>) {
        for key in in_doubt {
            assert!(self.intents.contains(key), "{key} is in doubt without an intent");
            self.doubts(*key);
        }
        self.come_back(in_doubt, &find);
        let handed_in: Vec<_> = self.messages.values().filter(|message| !message.is_accepted).collect();
        let taken = handed_in.iter().filter(|message| find(message.key(0)).is_some());
        let taken: Vec<_> = taken.map(|message| message.envelope.id.as_raw()).collect();
        taken.into_iter().for_each(|id| self.take_over(id));
        // Its sender heard nothing, and it is gone.
        self.messages.retain(|_, message| message.is_accepted);
        for key in &self.waiting {
            let entry = find(*key).unwrap_or_else(|| panic!("{key} was accepted and is lost"));
            self.check_entry(&entry);
        }
        self.open.clear();
    }

    /// What was recorded and not safe may wait again.
    fn come_back(&mut self, in_doubt: &[EntryKey], find: &impl Fn(EntryKey) -> Option<QueueEntry>) {
        self.shaky_fates.extend(self.unsafe_fates.drain(..));
        for (key, recipient) in self.shaky_fates.clone() {
            let Some(entry) = find(key).filter(|entry| entry.pending.contains(&recipient)) else { continue };
            self.shaky_fates.remove(&(key, recipient));
            let message = self.messages.get_mut(&key.id.as_raw()).unwrap();
            let person = &mut message.people[usize::from(recipient)];
            let was_delivered = std::mem::replace(&mut person.fate, Fate::Waits) == Fate::Delivered;
            assert!(!was_delivered || in_doubt.contains(&key), "{} comes back and nobody knows", entry.key());
            self.waiting.insert(key);
        }
    }

    /// Asserts that everybody got what was due to them.
    pub(super) fn check_end(&self) {
        assert!(self.waiting.is_empty(), "{:?} wait for ever", self.waiting);
        for message in self.messages.values() {
            for (at, person) in message.people.iter().enumerate() {
                let id = message.envelope.id;
                let got = person.received > 0;
                assert!(person.fate != Fate::Delivered || got, "{id} recipient {at} got nothing");
                assert_ne!(person.fate, Fate::Waits, "{id} recipient {at} came to no end");
            }
        }
    }

    /// When an entry is given up.
    pub(super) fn expires_at(&self, id: QueueId) -> (UnixMillis, Option<UnixMillis>) {
        let envelope = self.envelope(id);
        let own = envelope.expires_after.map(|age| envelope.accepted_at.saturating_add(age));
        (envelope.accepted_at, own)
    }
}
