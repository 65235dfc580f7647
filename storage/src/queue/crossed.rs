//! Copies that crossed an outcome on their way into the journal.
//!
//! The reclaimer copies a message as its entries stand, and the copy is committed a little later. What is
//! settled or put off in between is told by an outcome *before* the copy, in a segment that will go: read
//! back alone, the copy would repeat a delivery. So the journal says a correction after it, and nothing is
//! reclaimed until it has: [`Record::Dropped`](crate::journal::record::Record::Dropped) for what was settled,
//! a second copy for what was put off or delivered in part.

use super::entry::{EntryKey, Location};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the journal must still correct; stored with the queue state, so that a restart goes on with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Crossed {
    /// Entries settled before their copy was committed.
    pub(crate) gone: BTreeSet<EntryKey>,
    /// Where copies are that hold an entry as it stood before an attempt.
    pub(crate) stale: BTreeSet<Location>,
}

impl Crossed {
    /// Whether every copy is right.
    pub(crate) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.stale.is_empty()
    }
}
