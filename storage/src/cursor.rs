//! The text of cursors, with which clients ask for the next page of a list.

use data_encoding::BASE64URL_NOPAD;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;

/// Octets of the checksum at a cursor's end.
const CHECKSUM: usize = 4;
/// Longest text taken for a cursor; one of our own holds at most a filter's texts.
const MAX_TEXT: usize = 8_192;

/// Text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a list has returned")]
pub struct InvalidCursor;

/// Writes a cursor: letters, digits, hyphens and underscores.
pub(crate) fn write(cursor: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut octets = postcard::to_stdvec(cursor).map_err(|_| fmt::Error)?;
    octets.extend(crc32fast::hash(&octets).to_be_bytes());
    f.write_str(&BASE64URL_NOPAD.encode(&octets))
}

/// Reads what [`write`] has written.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, InvalidCursor> {
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
