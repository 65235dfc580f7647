//! What operators ask of the queue: sums and lists.
//!
//! Answered from sled on the caller's thread, so that neither costs the queue thread more than the checkpoint
//! they begin with. Entries that come, move or go while a view is read may be missed or seen twice.

use super::{
    entry::{EntryPlace, QueueEntry},
    filter::{ListCursor, ListFilter},
    keys,
    store::{QueueStore, Row, accepted_at, entry, unreadable},
};
use crate::error::StorageError;
use mailwright_engine::{address::Domain, class::QueueClass, time::UnixMillis};
use std::iter::Peekable;

/// Most rows one call of [`QueueView::list`] looks at, so that a filter that hardly matches ends in time.
const ROWS_MAX: usize = 50_000;

/// The queue as it was stored when the view was asked for, and newer. Every call blocks: make it off the
/// actors' thread. Holds the database open.
#[derive(Debug, Clone)]
pub struct QueueView {
    store: QueueStore,
}

/// What waits for one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSummary {
    /// The destination.
    pub domain: Domain,
    /// Its classes in their order; at least one.
    pub classes: Vec<ClassSummary>,
}

/// What waits in one class of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassSummary {
    /// The class.
    pub class: QueueClass,
    /// Entries.
    pub entries: u64,
    /// How many of them are due.
    pub due: u64,
    /// When the oldest of them was accepted.
    pub oldest: UnixMillis,
    /// When the first of them is or was due.
    pub next_due: UnixMillis,
}

impl DomainSummary {
    /// Entries in all classes.
    pub fn entries(&self) -> u64 {
        self.classes.iter().map(|class| class.entries).sum()
    }

    /// Due entries in all classes.
    pub fn due(&self) -> u64 {
        self.classes.iter().map(|class| class.due).sum()
    }

    /// When the oldest was accepted.
    pub fn oldest(&self) -> UnixMillis {
        self.classes.iter().map(|class| class.oldest).min().unwrap_or_default()
    }

    /// When the first is or was due.
    pub fn next_due(&self) -> UnixMillis {
        self.classes.iter().map(|class| class.next_due).min().unwrap_or_default()
    }
}

/// One part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// The entries that match; may be none though there are more pages.
    pub entries: Vec<QueueEntry>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<ListCursor>,
}

impl QueueView {
    pub(super) const fn new(store: QueueStore) -> Self {
        Self { store }
    }

    /// What waits, domain by domain in the order of their names; `now` is what counts as due. Reads every entry:
    /// a second or two for a million.
    pub fn summaries(
        &self,
        now: UnixMillis,
    ) -> impl Iterator<Item = Result<DomainSummary, StorageError>> + use<> {
        let mut classes = Classes { rows: self.store.rows(keys::all_entries()).peekable(), now }.peekable();
        std::iter::from_fn(move || {
            Some(classes.next()?.and_then(|first| domain_summary(first, &mut classes)))
        })
    }

    /// Every domain with entries, and when its first is due.
    ///
    /// # Errors
    /// When the queue state failed.
    pub fn domains(&self) -> Result<Vec<(Domain, UnixMillis)>, StorageError> {
        self.store.domains()
    }

    /// Up to `limit` entries of `domain` whose messages have a lifetime of their own that is over at `now`. Looks at
    /// every entry of the domain: a million take a second.
    ///
    /// # Errors
    /// When the queue state failed.
    pub fn outlived(
        &self,
        domain: &Domain,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<QueueEntry>, StorageError> {
        let mut outlived = Vec::new();
        for row in self.store.rows(keys::entries_of_domain(domain.as_str())) {
            let (key, value) = row?;
            let place = keys::place_of_entry(&key).ok_or_else(|| unreadable("entry"))?;
            let entry = entry(place, &value)?;
            if entry.expires_at.is_some_and(|at| at <= now) {
                outlived.push(entry);
            }
            if outlived.len() >= limit {
                break;
            }
        }
        Ok(outlived)
    }

    /// Up to `limit` entries that match, from `after` on. Ordered by class and due time if the filter names a
    /// domain, else by age; the cursor is good for the same filter only.
    ///
    /// # Errors
    /// When the queue state failed.
    pub fn list(
        &self,
        filter: &ListFilter,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<ListPage, StorageError> {
        let mut entries = Vec::new();
        let mut last = None;
        for (at, row) in self.store.rows(filter.range(after)).enumerate() {
            let (key, value) = row?;
            if at >= ROWS_MAX || entries.len() >= limit {
                return Ok(ListPage { entries, next: last.map(|key: sled::IVec| ListCursor::new(&key)) });
            }
            let place = filter.place(&key, &value).ok_or_else(|| unreadable("list"))?;
            if filter.matches(&place) {
                let found =
                    if filter.domain.is_some() { Some(entry(place, &value)?) } else { self.find(place)? };
                entries.extend(found.filter(|entry| filter.wants(entry)));
            }
            last = Some(key);
        }
        Ok(ListPage { entries, next: None })
    }

    /// The entry, where it stood or where it went since.
    fn find(&self, place: EntryPlace) -> Result<Option<QueueEntry>, StorageError> {
        let key = place.key;
        Ok(match self.store.at(place)? {
            Some(entry) => Some(entry),
            None => self.store.get(key)?,
        })
    }
}

/// Sums up the classes of one domain, of which `first` is one.
fn domain_summary(
    (domain, first): InDomain,
    rest: &mut Peekable<impl Iterator<Item = Result<InDomain, StorageError>>>,
) -> Result<DomainSummary, StorageError> {
    let mut classes = vec![first];
    while let Some(next) = rest.next_if(|next| !matches!(next, Ok((name, _)) if *name != domain)) {
        classes.push(next?.1);
    }
    Ok(DomainSummary { domain, classes })
}

type InDomain = (Domain, ClassSummary);

/// Sums up rows class by class.
struct Classes<I: Iterator<Item = Row>> {
    rows: Peekable<I>,
    now: UnixMillis,
}

impl<I: Iterator<Item = Row>> Classes<I> {
    fn sum_up(&mut self, first: Row) -> Result<InDomain, StorageError> {
        let (key, value) = first?;
        let EntryPlace { domain, class, due, .. } =
            keys::place_of_entry(&key).ok_or_else(|| unreadable("entry"))?;
        let prefix = keys::class_prefix(domain.as_str(), &class);
        let ready = u64::from(due <= self.now);
        let mut sum =
            ClassSummary { class, entries: 1, due: ready, oldest: accepted_at(&value)?, next_due: due };
        // By prefix and not by parsing each key: a million of them are looked at.
        let same = |row: &Row| !matches!(row, Ok((key, _)) if !key.starts_with(&prefix));
        while let Some(row) = self.rows.next_if(same) {
            let (key, value) = row?;
            let (due, _) = keys::due_and_name(&key).ok_or_else(|| unreadable("entry"))?;
            sum.entries += 1;
            sum.due += u64::from(due <= self.now);
            sum.oldest = sum.oldest.min(accepted_at(&value)?);
        }
        Ok((domain, sum))
    }
}

impl<I: Iterator<Item = Row>> Iterator for Classes<I> {
    type Item = Result<InDomain, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.rows.next()?;
        Some(self.sum_up(first))
    }
}
