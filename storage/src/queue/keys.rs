//! How the queue's orders are laid out as sled keys, all in one tree so that a batch is atomic.
//!
//! | key | value |
//! |---|---|
//! | `e` domain `\0` due id group | the entry: per-domain order |
//! | `d` due id group | domain: due order over all domains |
//! | `i` id group | due, domain: look-up by name |
//! | `x` name | what the state reflects |
//!
//! Numbers are big-endian, so that byte order is numeric order; a domain holds no NUL.

use super::entry::{EntryKey, EntryPlace};
use mailwright_engine::{address::Domain, id::QueueId, time::UnixMillis};

/// Octets of due time, id and group at the end of an entry or due key.
const TAIL: usize = 8 + 8 + 2;

/// The three kinds of key an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Entry,
    Due,
    Id,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Entry, Self::Due, Self::Id];

    pub(super) const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Entry => b"e",
            Self::Due => b"d",
            Self::Id => b"i",
        }
    }
}

pub(super) const POSITION: &[u8] = b"xposition";

pub(super) fn domain_prefix(domain: &str) -> Vec<u8> {
    [b"e".as_slice(), domain.as_bytes(), &[0]].concat()
}

pub(super) fn after_domain(domain: &str) -> Vec<u8> {
    [b"e".as_slice(), domain.as_bytes(), &[1]].concat()
}

pub(super) fn due_bound(due: UnixMillis) -> Vec<u8> {
    [b"d".as_slice(), &due.as_millis().to_be_bytes()].concat()
}

pub(super) fn entry_key(place: &EntryPlace) -> Vec<u8> {
    [domain_prefix(place.domain.as_str()).as_slice(), &tail(place)].concat()
}

pub(super) fn due_key(place: &EntryPlace) -> Vec<u8> {
    [b"d".as_slice(), &tail(place)].concat()
}

pub(super) fn id_key(key: EntryKey) -> Vec<u8> {
    [b"i".as_slice(), &key.id.as_raw().to_be_bytes(), &key.group.to_be_bytes()].concat()
}

pub(super) fn id_value(place: &EntryPlace) -> Vec<u8> {
    [&place.due.as_millis().to_be_bytes(), place.domain.as_str().as_bytes()].concat()
}

fn tail(place: &EntryPlace) -> [u8; TAIL] {
    let mut tail = [0; TAIL];
    tail[..8].copy_from_slice(&place.due.as_millis().to_be_bytes());
    tail[8..16].copy_from_slice(&place.key.id.as_raw().to_be_bytes());
    tail[16..].copy_from_slice(&place.key.group.to_be_bytes());
    tail
}

/// The domain of an entry key, as stored.
pub(super) fn domain_of(entry_key: &[u8]) -> Option<&str> {
    let domain = entry_key.get(1..entry_key.len().checked_sub(TAIL + 1)?)?;
    std::str::from_utf8(domain).ok()
}

/// Due time and name at the end of an entry or due key.
pub(super) fn due_and_name(key: &[u8]) -> Option<(UnixMillis, EntryKey)> {
    let (due, rest) = key.get(key.len().checked_sub(TAIL)?..)?.split_first_chunk()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (group, _) = rest.split_first_chunk()?;
    let key = EntryKey { id: QueueId::from_raw(u64::from_be_bytes(*id)), group: u16::from_be_bytes(*group) };
    Some((UnixMillis::new(u64::from_be_bytes(*due)), key))
}

/// The place that an id key and its value name.
pub(super) fn place_of_id(key: EntryKey, value: &[u8]) -> Option<EntryPlace> {
    let (due, domain) = value.split_first_chunk()?;
    let domain = Domain::parse(std::str::from_utf8(domain).ok()?).ok()?;
    Some(EntryPlace { key, domain, due: UnixMillis::new(u64::from_be_bytes(*due)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(domain: &str, due: u64, id: u64) -> EntryPlace {
        EntryPlace {
            key: EntryKey { id: QueueId::from_raw(id), group: 3 },
            domain: Domain::parse(domain).unwrap(),
            due: UnixMillis::new(due),
        }
    }

    #[test]
    fn keys_of_a_domain_sort_by_due_time_and_stay_within_its_bounds() {
        let early = entry_key(&place("a.example", 5, 900));
        let late = entry_key(&place("a.example", 300, 1));
        let other = entry_key(&place("a.example.org", 1, 1));
        assert!(early < late);
        assert!((domain_prefix("a.example")..after_domain("a.example")).contains(&late));
        assert!(!(domain_prefix("a.example")..after_domain("a.example")).contains(&other));
    }

    #[test]
    fn a_place_reads_back_from_its_keys() {
        let place = place("a.example", 77, 12);
        let key = entry_key(&place);
        assert_eq!(domain_of(&key), Some("a.example"));
        assert_eq!(due_and_name(&key), Some((place.due, place.key)));
        assert_eq!(due_and_name(&due_key(&place)), Some((place.due, place.key)));
        assert_eq!(place_of_id(place.key, &id_value(&place)), Some(place));
    }
}
