//! Counting mail: how many recipients, by what they are and what became of them, over the days that are kept.
//!
//! A [`Question`] is answered by the coarsest counts that have what it asks for (see `counts`), by finer ones at the edges
//! of its time, and by the rows themselves where nothing else will do: for addresses, exact moments and single recipients.
//! [`Dimension`] has what there is to ask by. An answer takes at most five seconds, or is refused.

mod dimension;
mod model;
mod read;
mod sql;
mod totals;
mod window;

pub use dimension::{Dimension, ValueType};
pub use model::{Cell, Comparison, Condition, Measure, Order, OrderBy, Question};
pub use totals::Totals;

use super::{ActivityLog, Scope};
use crate::{error::StorageError, events::files::Day};
use read::Reader;
use std::{io, thread, time::Duration};

/// How little a thread that counts gets of the processor (`nice`): a tenth of what mail gets where both want all of it.
const NICE: i32 = 10;

/// A group of recipients.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What they have in common, in the order of the question.
    pub dimensions: Vec<Cell>,
    /// What is counted of them.
    pub totals: Totals,
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AnalyticsError {
    /// There is too much to read.
    #[error("there is too much to read within {} s", .0.as_secs())]
    TooLong(Duration),
    /// There are more groups than an answer may have.
    #[error("there are more than {0} groups")]
    TooManyGroups(usize),
    /// A database cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ActivityLog {
    /// The groups of recipients that `scope` may see, counted.
    ///
    /// # Errors
    /// When a database cannot be read, or there is too much to read.
    pub fn groups(&self, scope: &Scope, question: Question) -> Result<Vec<Group>, AnalyticsError> {
        self.analyst(scope).groups(question)
    }

    /// The recipients that `scope` may see, each as the question's dimensions tell it.
    ///
    /// # Errors
    /// As for [`ActivityLog::groups`].
    pub fn events(&self, scope: &Scope, question: Question) -> Result<Vec<Vec<Cell>>, AnalyticsError> {
        self.analyst(scope).events(question)
    }

    fn analyst<'a>(&'a self, scope: &'a Scope) -> Reader<'a> {
        let oldest = Day::of((self.now)()).before(self.retention_days);
        Reader { dir: &self.dir, shared: &self.shared, scope, oldest }
    }
}

/// Does `work` on a thread of its own to which mail is preferred.
///
/// # Errors
/// When there is no thread to be had.
pub fn in_background(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name("analytics".to_owned());
    let started = thread.spawn(move || {
        // Without a lower rank it counts all the same.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::warn!(%error, "a thread of analytics competes with delivery");
        }
        work();
    });
    started.map(drop)
}
