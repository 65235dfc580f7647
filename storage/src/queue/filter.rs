//! Which entries a list shows, and where its next page begins.

use super::{
    entry::{EntryPlace, QueueEntry},
    keys,
};
use mailwright_engine::{
    address::Domain,
    class::{PoolName, TenantName},
    id::QueueId,
    time::UnixMillis,
};
use std::{fmt, ops::Range, str::FromStr};

/// Which entries to list: those that match all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListFilter {
    /// Of this domain only.
    pub domain: Option<Domain>,
    /// Of this tenant only.
    pub tenant: Option<TenantName>,
    /// That asked for this pool only.
    pub pool: Option<PoolName>,
    /// Of messages whose id begins so only.
    pub id: Option<IdPrefix>,
    /// That wait at this time for one that their sender asked for only ([`QueueEntry::is_scheduled`]).
    pub scheduled_at: Option<UnixMillis>,
}

/// The first digits of message ids, as they are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdPrefix {
    first: u64,
    last: u64,
}

/// Text that is no [`IdPrefix`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the beginning of a queue id: use 1 to 14 hexadecimal digits")]
pub struct InvalidIdPrefix(String);

impl IdPrefix {
    fn contains(self, id: QueueId) -> bool {
        (self.first..=self.last).contains(&id.as_raw())
    }
}

impl From<QueueId> for IdPrefix {
    /// All digits of one id.
    fn from(id: QueueId) -> Self {
        Self { first: id.as_raw(), last: id.as_raw() }
    }
}

impl FromStr for IdPrefix {
    type Err = InvalidIdPrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        /// Digits of a printed id.
        const DIGITS: usize = 14;
        let invalid = || InvalidIdPrefix(text.chars().take(40).collect());
        let missing = DIGITS.checked_sub(text.len()).ok_or_else(invalid)?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let padded = |digit: &str| u64::from_str_radix(&format!("{text}{}", digit.repeat(missing)), 16);
        match (padded("0"), padded("f")) {
            (Ok(first), Ok(last)) => Ok(Self { first, last }),
            _ => Err(invalid()),
        }
    }
}

/// Where a page of a list ended: opaque, to be handed back with the same filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCursor(Vec<u8>);

/// Text that is no [`ListCursor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list: hand back the one that came with the page before")]
pub struct InvalidCursor;

impl ListCursor {
    pub(super) fn new(key: &[u8]) -> Self {
        Self(key.to_vec())
    }
}

impl fmt::Display for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::BASE64URL_NOPAD.encode(&self.0))
    }
}

impl FromStr for ListCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).map(Self).map_err(|_| InvalidCursor)
    }
}

impl ListFilter {
    /// The rows to look through, after `after`.
    pub(super) fn range(&self, after: Option<&ListCursor>) -> Range<Vec<u8>> {
        let Range { start, end } = match (&self.domain, self.id) {
            (Some(domain), _) => keys::entries_of_domain(domain.as_str()),
            (None, Some(id)) => keys::ids(id.first, id.last),
            (None, None) => keys::ids(0, u64::MAX),
        };
        // A cursor of another list shows what a list of this filter would, or nothing.
        let start = after.map_or_else(|| start.clone(), |after| start.clone().max(keys::successor(&after.0)));
        start.min(end.clone())..end
    }

    /// The place that a row of [`ListFilter::range`] tells.
    pub(super) fn place(&self, key: &[u8], value: &[u8]) -> Option<EntryPlace> {
        match self.domain {
            Some(_) => keys::place_of_entry(key),
            None => keys::place_of_id(keys::name_of_id(key)?, value),
        }
    }

    pub(super) fn matches(&self, place: &EntryPlace) -> bool {
        let EntryPlace { key, domain, class, due } = place;
        self.domain.as_ref().is_none_or(|wanted| wanted == domain)
            && self.tenant.as_ref().is_none_or(|wanted| class.tenant.as_ref() == Some(wanted))
            && self.pool.as_ref().is_none_or(|wanted| class.pool.as_ref() == Some(wanted))
            && self.id.is_none_or(|wanted| wanted.contains(key.id))
            && self.scheduled_at.is_none_or(|now| *due > now)
    }

    /// Whether an entry whose place [matches](Self::matches) does so itself.
    pub(super) fn wants(&self, entry: &QueueEntry) -> bool {
        self.scheduled_at.is_none_or(|now| entry.is_scheduled(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_is_all_ids_that_begin_so() {
        let id: QueueId = "06123456789abc".parse().unwrap();
        for prefix in ["0", "0612", "06123456789abc", "06123456789AB"] {
            assert!(prefix.parse::<IdPrefix>().unwrap().contains(id), "{prefix}");
        }
        for other in ["1", "0613", "06123456789abd"] {
            assert!(!other.parse::<IdPrefix>().unwrap().contains(id), "{other}");
        }
        for wrong in ["", "+1", "06123456789abc0", "xyz", "ä"] {
            assert!(wrong.parse::<IdPrefix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cursor_reads_back_what_it_prints_and_never_widens_a_list() {
        let cursor = ListCursor::new(b"eone.example\0\x02\0\0\x01");
        assert_eq!(cursor.to_string().parse(), Ok(cursor.clone()));
        assert!("no cursor!".parse::<ListCursor>().is_err());
        let filter = ListFilter { domain: Domain::parse("two.example").ok(), ..ListFilter::default() };
        for other in [cursor, ListCursor::new(b"zzz")] {
            let Range { start, end } = filter.range(Some(&other));
            let all = filter.range(None);
            assert!(start >= all.start && start <= end && end == all.end);
        }
    }
}
