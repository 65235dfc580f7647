//! Where the next page of a list begins.

use super::list::{ListFilter, Place};
use crate::cursor::{self, InvalidCursor};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The place in a list after which the next page begins, with the filter that the list is of. Opaque to clients, and
/// stable: rows that come or go meanwhile neither repeat others nor make them missed.
///
/// Holds no secret and is trusted with nothing: a list is always one account's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCursor {
    /// What the list shows.
    pub filter: ListFilter,
    pub(super) after: Place,
}

impl fmt::Display for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cursor::write(self, f)
    }
}

impl FromStr for ListCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        cursor::read(text)
    }
}
