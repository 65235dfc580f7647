//! Message content in memory, and the budget that bounds it.

use bytes::Bytes;
use mailwright_engine::envelope::Envelope;
use std::{
    io::IoSlice,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The content of a message: header and body, CRLF lines, no dot-stuffing.
///
/// In two parts, so that our own header fields go before what a client sent without copying it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// Header lines of our own; ends in CRLF or is empty; no line starts with a dot.
    pub head: Bytes,
    /// The rest.
    pub body: Bytes,
}

impl Content {
    /// Content in one part.
    pub fn whole(body: impl Into<Bytes>) -> Self {
        Self { head: Bytes::new(), body: body.into() }
    }

    /// Octets in all.
    pub fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// CRC-32 over both parts.
    pub(crate) fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.head);
        hasher.update(&self.body);
        hasher.finalize()
    }

    pub(crate) fn slices(&self) -> impl Iterator<Item = IoSlice<'_>> {
        [&self.head, &self.body].into_iter().filter(|part| !part.is_empty()).map(|part| IoSlice::new(part))
    }
}

/// An accepted message with its content, as the delivery engine carries it.
#[derive(Debug)]
pub struct StoredMessage {
    /// Who to whom.
    pub envelope: Envelope,
    /// What.
    pub content: Content,
    /// Its share of the memory budget, given back on drop; `None` for content read back from disk.
    pub(crate) _memory: Option<MemoryShare>,
}

/// How many bytes of fresh content may stay in memory; what does not fit is read back from the journal.
#[derive(Debug, Clone)]
pub(crate) struct MemoryBudget {
    free: Arc<AtomicU64>,
}

impl MemoryBudget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { free: Arc::new(AtomicU64::new(bytes)) }
    }

    /// Takes `bytes` out of the budget, or `None` when it has not got them.
    pub(crate) fn take(&self, bytes: usize) -> Option<MemoryShare> {
        let bytes = bytes as u64;
        self.free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes))
            .ok()
            .map(|_| MemoryShare { free: Arc::clone(&self.free), bytes })
    }
}

/// Bytes taken from a [`MemoryBudget`]; dropping gives them back.
#[derive(Debug)]
pub(crate) struct MemoryShare {
    free: Arc<AtomicU64>,
    bytes: u64,
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_gives_out_no_more_than_it_has_and_takes_back_on_drop() {
        let budget = MemoryBudget::new(10);
        let share = budget.take(8);
        assert!(share.is_some());
        assert!(budget.take(3).is_none());
        drop(share);
        assert!(budget.take(10).is_some());
    }
}
