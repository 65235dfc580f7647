//! Where the next page of a list begins.

use super::list::{ListFilter, Place};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Octets of the checksum at a cursor's end.
const CHECKSUM: usize = 4;
/// Longest text taken for a cursor; one of our own holds at most a filter's texts.
const MAX_TEXT: usize = 4_096;

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

/// Text that is no [`ListCursor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a list has returned")]
pub struct InvalidCursor;

impl fmt::Display for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut octets = postcard::to_stdvec(self).map_err(|_| fmt::Error)?;
        octets.extend(crc32fast::hash(&octets).to_be_bytes());
        f.write_str(&BASE64URL_NOPAD.encode(&octets))
    }
}

impl FromStr for ListCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        if text.len() > MAX_TEXT {
            return Err(InvalidCursor);
        }
        let octets = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| InvalidCursor)?;
        let (content, checksum) = octets.split_last_chunk::<CHECKSUM>().ok_or(InvalidCursor)?;
        if crc32fast::hash(content).to_be_bytes() != *checksum {
            return Err(InvalidCursor);
        }
        postcard::from_bytes(content).map_err(|_| InvalidCursor)
    }
}
