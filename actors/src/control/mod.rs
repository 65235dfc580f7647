//! What operators tell the running engine to do, and what they ask it: messages to the supervisor.
//!
//! Orders that must outlive a restart are stored before they are carried out. Orders about many messages work
//! through the queue in small pages, so that a million entries are neither loaded nor hold up delivery.

mod describe;
mod orders;
mod past;
mod shaping;
mod why;

pub use describe::{DescribeEntry, DescribeQueue, EntryReport, QueueReport, SourceSnapshot};
pub use orders::{Cancel, Ordered, ReloadShaping, Reroute, Resume, RetryNow, Suspend};
pub use past::past_attempts;
pub use shaping::ExplainShaping;
pub use why::{Held, Holding, Reason, Why, held_by_domain, held_by_site};

use mailwright_engine::smtp::verdict::Verdict;
use mailwright_storage::{StorageError, control::ControlError};

/// Why an order could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The queue could not be read or changed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The order could not be stored.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// What the order gave as a file is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The engine is stopping.
    #[error("delivery is stopping; try again after the restart")]
    Stopping,
}

/// What recipients of a cancelled message are told, if they are.
pub(crate) fn cancelled(by: &str) -> Verdict {
    Verdict::cancelled(by)
}
