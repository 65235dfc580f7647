//! How the queue's orders are laid out as sled keys, all in one tree so that a batch is atomic.
//!
//! | key | value |
//! |---|---|
//! | `e` domain `\0` class due id group | the entry: order within a domain's classes |
//! | `d` due id group | domain `\0` class: due order over all domains |
//! | `i` id group | due domain `\0` class: look-up by name |
//! | `x` name | what the state reflects |
//!
//! Numbers are big-endian, so that byte order is numeric order. A class is priority, tenant `\0`, pool `\0`,
//! security: no class is the beginning of another, an absent name is empty and sorts first, and domains and
//! names hold no NUL, so that byte order is the order of [`QueueClass`].

use super::entry::{EntryKey, EntryPlace};
use mailwright_engine::{
    address::Domain,
    class::{PoolName, Priority, QueueClass, TenantName, TransportSecurity},
    id::QueueId,
    time::UnixMillis,
};
use std::ops::Range;

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
    pub(super) const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Entry => b"e",
            Self::Due => b"d",
            Self::Id => b"i",
        }
    }
}

/// What the state reflects. Named for its layout: a state of another one has no such key and is rebuilt.
pub(super) const POSITION: &[u8] = b"xposition3";

/// What a process leaves that ends in good order.
pub(super) const CLOSED: &[u8] = b"xclosed";

pub(super) fn domain_prefix(domain: &str) -> Vec<u8> {
    [b"e".as_slice(), domain.as_bytes(), &[0]].concat()
}

pub(super) fn after_domain(domain: &str) -> Vec<u8> {
    [b"e".as_slice(), domain.as_bytes(), &[1]].concat()
}

/// How the entry keys of a class of a domain begin.
pub(super) fn class_prefix(domain: &str, class: &QueueClass) -> Vec<u8> {
    let mut prefix = domain_prefix(domain);
    push_class(&mut prefix, class);
    prefix
}

/// The first key that may belong to a later class than `class`.
pub(super) fn after_class(domain: &str, class: &QueueClass) -> Vec<u8> {
    let mut bound = class_prefix(domain, class);
    // The last octet of a class is its security, a small number.
    if let Some(last) = bound.last_mut() {
        *last += 1;
    }
    bound
}

/// The keys of all entries.
pub(super) fn all_entries() -> Range<Vec<u8>> {
    b"e".to_vec()..b"f".to_vec()
}

/// The keys of a domain's entries.
pub(super) fn entries_of_domain(domain: &str) -> Range<Vec<u8>> {
    domain_prefix(domain)..after_domain(domain)
}

/// The id keys of messages from `first` to `last`, both inclusive.
pub(super) fn ids(first: u64, last: u64) -> Range<Vec<u8>> {
    let end = last.checked_add(1).map_or_else(|| b"j".to_vec(), |end| id_bound(QueueId::from_raw(end)));
    id_bound(QueueId::from_raw(first))..end
}

/// The key right after `key`.
pub(super) fn successor(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

pub(super) fn due_bound(due: UnixMillis) -> Vec<u8> {
    [b"d".as_slice(), &due.as_millis().to_be_bytes()].concat()
}

/// The smallest id key of messages from `id` on.
pub(super) fn id_bound(id: QueueId) -> Vec<u8> {
    [b"i".as_slice(), &id.as_raw().to_be_bytes()].concat()
}

pub(super) fn entry_key(place: &EntryPlace) -> Vec<u8> {
    [class_prefix(place.domain.as_str(), &place.class).as_slice(), &tail(place)].concat()
}

pub(super) fn due_key(place: &EntryPlace) -> Vec<u8> {
    [b"d".as_slice(), &tail(place)].concat()
}

pub(super) fn due_value(place: &EntryPlace) -> Vec<u8> {
    let mut value = [place.domain.as_str().as_bytes(), &[0]].concat();
    push_class(&mut value, &place.class);
    value
}

pub(super) fn id_key(key: EntryKey) -> Vec<u8> {
    [b"i".as_slice(), &key.id.as_raw().to_be_bytes(), &key.group.to_be_bytes()].concat()
}

pub(super) fn id_value(place: &EntryPlace) -> Vec<u8> {
    [place.due.as_millis().to_be_bytes().as_slice(), &due_value(place)].concat()
}

fn push_class(key: &mut Vec<u8>, class: &QueueClass) {
    key.push(match class.priority {
        Priority::High => 1,
        Priority::Normal => 2,
        Priority::Bulk => 3,
    });
    key.extend(class.tenant.as_ref().map_or("", TenantName::as_str).bytes());
    key.push(0);
    key.extend(class.pool.as_ref().map_or("", PoolName::as_str).bytes());
    key.push(0);
    key.push(match class.security {
        TransportSecurity::ByPolicy => 1,
        TransportSecurity::Required => 2,
        TransportSecurity::NotRequired => 3,
    });
}

fn tail(place: &EntryPlace) -> [u8; TAIL] {
    let mut tail = [0; TAIL];
    tail[..8].copy_from_slice(&place.due.as_millis().to_be_bytes());
    tail[8..16].copy_from_slice(&place.key.id.as_raw().to_be_bytes());
    tail[16..].copy_from_slice(&place.key.group.to_be_bytes());
    tail
}

/// The class at the end of `bytes`, which hold nothing else.
fn class(bytes: &[u8]) -> Option<QueueClass> {
    let (priority, rest) = bytes.split_first()?;
    let mut parts = rest.splitn(3, |byte| *byte == 0);
    let (tenant, pool, security) = (parts.next()?, parts.next()?, parts.next()?);
    Some(QueueClass {
        priority: match priority {
            1 => Priority::High,
            2 => Priority::Normal,
            3 => Priority::Bulk,
            _ => return None,
        },
        tenant: name(tenant, TenantName::parse)?,
        pool: name(pool, PoolName::parse)?,
        security: match security {
            [1] => TransportSecurity::ByPolicy,
            [2] => TransportSecurity::Required,
            [3] => TransportSecurity::NotRequired,
            _ => return None,
        },
    })
}

/// The name in `bytes`, `Some(None)` if there is none, `None` if it does not read.
fn name<T, E>(bytes: &[u8], parse: impl FnOnce(&str) -> Result<T, E>) -> Option<Option<T>> {
    if bytes.is_empty() {
        return Some(None);
    }
    parse(std::str::from_utf8(bytes).ok()?).ok().map(Some)
}

/// Domain and class of an entry key or a due value's text, as stored.
fn domain_and_class(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let at = memchr::memchr(0, bytes)?;
    let (domain, class) = bytes.split_at_checked(at)?;
    Some((std::str::from_utf8(domain).ok()?, class.get(1..)?))
}

/// The class of an entry key.
pub(super) fn class_of(entry_key: &[u8]) -> Option<QueueClass> {
    let (_, rest) = domain_and_class(entry_key.get(1..)?)?;
    class(rest.get(..rest.len().checked_sub(TAIL)?)?)
}

/// Due time and name at the end of an entry or due key.
pub(super) fn due_and_name(key: &[u8]) -> Option<(UnixMillis, EntryKey)> {
    let (due, name) = key.get(key.len().checked_sub(TAIL)?..)?.split_first_chunk()?;
    Some((UnixMillis::new(u64::from_be_bytes(*due)), entry_name(name)?))
}

/// The name that an id key holds.
pub(super) fn name_of_id(id_key: &[u8]) -> Option<EntryKey> {
    entry_name(id_key.get(1..)?)
}

fn entry_name(bytes: &[u8]) -> Option<EntryKey> {
    let (id, group) = bytes.split_first_chunk()?;
    let (group, _) = group.split_first_chunk()?;
    Some(EntryKey { id: QueueId::from_raw(u64::from_be_bytes(*id)), group: u16::from_be_bytes(*group) })
}

/// The place that an id key and its value name.
pub(super) fn place_of_id(key: EntryKey, value: &[u8]) -> Option<EntryPlace> {
    let (due, rest) = value.split_first_chunk()?;
    place(key, UnixMillis::new(u64::from_be_bytes(*due)), rest)
}

/// The place that a due key and its value name.
pub(super) fn place_of_due(due_key: &[u8], value: &[u8]) -> Option<EntryPlace> {
    let (due, key) = due_and_name(due_key)?;
    place(key, due, value)
}

/// The place that an entry key names.
pub(super) fn place_of_entry(entry_key: &[u8]) -> Option<EntryPlace> {
    let (due, key) = due_and_name(entry_key)?;
    place(key, due, entry_key.get(1..entry_key.len().checked_sub(TAIL)?)?)
}

fn place(key: EntryKey, due: UnixMillis, rest: &[u8]) -> Option<EntryPlace> {
    let (domain, rest) = domain_and_class(rest)?;
    Some(EntryPlace { key, domain: Domain::parse(domain).ok()?, class: class(rest)?, due })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(domain: &str, class: QueueClass, due: u64, id: u64) -> EntryPlace {
        EntryPlace {
            key: EntryKey { id: QueueId::from_raw(id), group: 3 },
            domain: Domain::parse(domain).unwrap(),
            class,
            due: UnixMillis::new(due),
        }
    }

    fn classes() -> impl Strategy<Value = QueueClass> {
        use {Priority::*, TransportSecurity::*};
        let name = || prop::option::of("[a-c._-]{1,3}");
        let priority = prop::sample::select(vec![High, Normal, Bulk]);
        let security = prop::sample::select(vec![ByPolicy, Required, NotRequired]);
        (priority, name(), name(), security).prop_map(|(priority, tenant, pool, security)| QueueClass {
            priority,
            tenant: tenant.map(|name| TenantName::parse(&name).unwrap()),
            pool: pool.map(|name| PoolName::parse(&name).unwrap()),
            security,
        })
    }

    fn places() -> impl Strategy<Value = EntryPlace> {
        let domain = prop::sample::select(vec!["a.example", "a.example.org", "b.example", "[192.0.2.1]"]);
        (domain, classes(), 0..300_000u64, 0..300_000u64)
            .prop_map(|(domain, class, due, id)| place(domain, class, due, id))
    }

    fn order(place: &EntryPlace) -> (&str, &QueueClass, UnixMillis, EntryKey) {
        (place.domain.as_str(), &place.class, place.due, place.key)
    }

    proptest! {
        #[test]
        fn entry_keys_sort_by_domain_class_due_time_and_name(a in places(), b in places()) {
            prop_assert_eq!(entry_key(&a).cmp(&entry_key(&b)), order(&a).cmp(&order(&b)));
        }

        #[test]
        fn a_class_is_all_between_its_prefix_and_what_comes_after(a in places(), b in places()) {
            let (name, class) = (a.domain.as_str(), &a.class);
            let bounds = class_prefix(name, class)..after_class(name, class);
            let same = a.domain == b.domain && a.class == b.class;
            prop_assert!(bounds.contains(&entry_key(&a)));
            prop_assert_eq!(bounds.contains(&entry_key(&b)), same);
            prop_assert_eq!(entries_of_domain(name).contains(&entry_key(&b)), a.domain == b.domain);
        }

        #[test]
        fn a_place_reads_back_from_its_keys(place in places()) {
            let key = entry_key(&place);
            prop_assert_eq!(class_of(&key), Some(place.class.clone()));
            prop_assert_eq!(due_and_name(&key), Some((place.due, place.key)));
            prop_assert_eq!(name_of_id(&id_key(place.key)), Some(place.key));
            prop_assert_eq!(place_of_entry(&key), Some(place.clone()));
            prop_assert_eq!(place_of_due(&due_key(&place), &due_value(&place)), Some(place.clone()));
            prop_assert_eq!(place_of_id(place.key, &id_value(&place)), Some(place));
        }

        #[test]
        fn octets_that_are_no_key_are_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            // Whatever comes of it: no panic.
            let _ = (place_of_entry(&bytes), class_of(&bytes), place_of_due(&bytes, &bytes));
            prop_assert_eq!(place_of_id(EntryKey::FIRST, &bytes[..bytes.len().min(10)]), None);
        }
    }
}
