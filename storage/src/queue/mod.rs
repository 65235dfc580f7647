//! The queue state: which entries wait, in due order and by domain.
//!
//! `index` is the state itself: the newest changes in memory, the rest in sled (`store`). A message that is
//! delivered before the next checkpoint never reaches sled at all; what is older does, in small atomic
//! batches of which the last moves the journal position that the whole reflects. After a crash the journal
//! is replayed from that position, which does no harm to what was stored beyond it; if sled is missing,
//! older than the journal's first segment, ahead of its end, or not the state it says it is, it is thrown
//! away and rebuilt from the journal. `worker` is the thread that owns all this, `feed` how it learns of
//! changes, and `reclaim` gives journal segments back; `crossed` names the copies it made that came too
//! late. `merge` joins changes of one entry that crossed. [`view`] is what operators look through, with
//! [`filter`].

pub(crate) mod change;
pub(crate) mod crossed;
pub mod entry;
pub(crate) mod feed;
pub mod filter;
pub(crate) mod index;
mod keys;
pub mod last;
mod merge;
pub(crate) mod reclaim;
pub(crate) mod store;
pub mod view;
pub(crate) mod worker;
