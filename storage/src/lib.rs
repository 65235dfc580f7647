//! What must survive: the spool journal, the queue state and the control data.
//!
//! The **journal** ([`journal`]) is the truth: every accepted message, every delivery about to pass its final
//! dot and every outcome is a checksummed record in it, and nothing is acknowledged before the record is
//! synced. The **queue state** ([`queue`]) is an index over the journal, kept in sled, that can be thrown
//! away and rebuilt at any time. [`spool::Spool`] joins the two behind one handle. **Control data**
//! ([`control`]) holds accounts, zones, signing keys, token hashes and suspensions. The **event log** ([`events`])
//! remembers what happened, for people, and the **activity log** ([`activity`]) finds it by message and recipient; the
//! **outbox** ([`webhooks`]) keeps what endpoints of accounts are to be told.
//! **Suppressions** ([`suppressions`]) say whom not to write to, **limits** ([`limits`]) how much may be sent. **Requests**
//! ([`requests`]) remember what was asked for with a key, so that nothing is sent twice. **Reports** ([`reports`]) sum up
//! how mail fared with DMARC, here and elsewhere. **Workers** ([`workers`]) have their code, keys and values, queues and data
//! points here; what is **held** ([`held`]) waits until one can have it. [`state_dir`] owns the folder, in which a
//! [`PrivateFolder`] keeps keys; [`disk`] is what the journal is written to, and [`fail_point`] names the moments at which tests kill the process.

pub mod activity;
pub mod content;
pub mod control;
mod cursor;
pub mod disk;
pub mod error;
pub mod events;
pub mod fail_point;
pub mod held;
pub mod journal;
pub mod limits;
pub mod metrics;
mod private_folder;
pub mod queue;
mod recovery;
pub mod reports;
pub mod requests;
pub mod spool;
pub mod state_dir;
pub mod suppressions;
pub mod webhooks;
pub mod workers;

pub use content::{Content, StoredMessage};
pub use error::StorageError;
pub use private_folder::PrivateFolder;
pub use queue::{
    entry::{
        ChangedBy, DueClasses, DueEntries, EntryKey, EntryPlace, Location, Outcome, QueueEntry,
        RecipientResult,
    },
    filter::{IdPrefix, ListCursor, ListFilter},
    last::LastAttempt,
    view::{ClassSummary, DomainSummary, ListPage, QueueView},
};
pub use recovery::RecentChange;
pub use spool::{DeliverySink, Fresh, Recovery, Spool, SpoolSettings, SpoolStarter, SpoolThreads};
pub use state_dir::StateDir;
