//! The format of a log file.
//!
//! ```text
//! 0       4     8     12   20   28     29
//! | magic | len | crc | at | id | kind | payload … |
//! ```
//! Little-endian. `len` counts the payload, an [`Event`](super::Event) as postcard writes it; `crc` covers what follows it,
//! and `len` with it. `id` is 0 for events about no message. The magic lets a reader find its way again after
//! a damaged stretch, and begin in the middle of a file.

use super::event::LoggedEvent;
use crate::error::StorageError;
use mailwright_engine::{id::QueueId, time::UnixMillis};

/// Octets of a record's header.
pub(super) const HEADER_LEN: usize = 29;
/// First octets of every record.
pub(super) const MAGIC: &[u8; 4] = b"MWE1";
/// Longest payload: far above the longest event, whose parts are all bounded.
pub(super) const MAX_PAYLOAD: usize = 64 << 10;

/// A record's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) len: usize,
    crc: u32,
    pub(super) at: UnixMillis,
    /// The message it is about; 0 if none.
    pub(super) id: u64,
    pub(super) kind: u8,
}

impl Header {
    /// The header that `bytes` begin with, if they do.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (len, rest) = rest.split_first_chunk()?;
        let (crc, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok().filter(|len| *len <= MAX_PAYLOAD)?;
        Some(Self {
            len,
            crc: u32::from_le_bytes(*crc),
            at: UnixMillis::new(u64::from_le_bytes(*at)),
            id: u64::from_le_bytes(*id),
            kind: *rest.first()?,
        })
    }

    /// Octets of the whole record.
    pub(super) fn record_len(&self) -> usize {
        HEADER_LEN + self.len
    }

    /// Whether `record`, which begins with this header, is whole and as it was written.
    pub(super) fn matches(&self, record: &[u8]) -> bool {
        record.len() == self.record_len() && checksum(record) == Some(self.crc)
    }

    /// The event of `record`, which begins with this header and matches it.
    pub(super) fn read(&self, record: &[u8]) -> Option<LoggedEvent> {
        let event = postcard::from_bytes(record.get(HEADER_LEN..)?).ok()?;
        let about = (self.id != 0).then(|| QueueId::from_raw(self.id));
        Some(LoggedEvent { at: self.at, about, event })
    }
}

/// Appends the record of an event; on error `out` is as it was.
pub(super) fn append(out: &mut Vec<u8>, logged: &LoggedEvent) -> Result<(), StorageError> {
    let payload = postcard::to_stdvec(&logged.event).map_err(|e| StorageError::format("event", e))?;
    if payload.len() > MAX_PAYLOAD {
        return Err(StorageError::format("event", format!("{} octets are too long", payload.len())));
    }
    let start = out.len();
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend(MAGIC);
    out.extend(len.to_le_bytes());
    out.extend([0; 4]);
    out.extend(logged.at.as_millis().to_le_bytes());
    out.extend(logged.about.map_or(0, QueueId::as_raw).to_le_bytes());
    out.push(logged.event.kind() as u8);
    out.extend(payload);
    let crc = out.get(start..).and_then(checksum).unwrap_or_default();
    if let Some(place) = out.get_mut(start + 8..start + 12) {
        place.copy_from_slice(&crc.to_le_bytes());
    }
    Ok(())
}

/// CRC-32 over a record but for its magic and the checksum itself.
fn checksum(record: &[u8]) -> Option<u32> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(record.get(4..8)?);
    hasher.update(record.get(12..)?);
    Some(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::event::{Cancelled, Event};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_reads_back_and_notices_any_flipped_bit(
            at in any::<u64>(), id in 1..u64::MAX, by in ".{0,40}", bit in any::<prop::sample::Index>(),
        ) {
            let event = Event::Cancelled(Cancelled { group: 1, recipients: vec![3], by });
            let logged = LoggedEvent { at: UnixMillis::new(at), about: Some(QueueId::from_raw(id)), event };
            let mut bytes = Vec::new();
            append(&mut bytes, &logged).unwrap();
            let header = Header::parse(&bytes).unwrap();
            prop_assert!(header.matches(&bytes));
            prop_assert_eq!((header.at, header.id, header.kind), (logged.at, id, logged.event.kind() as u8));
            prop_assert_eq!(header.read(&bytes), Some(logged));

            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Header::parse(&bytes).is_none_or(|header| !header.matches(&bytes)));
        }
    }
}
