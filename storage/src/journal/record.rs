//! The record format.
//!
//! ```text
//! 0       4       8          12         16     24         28         32
//! | magic | 0 0 0 0 | meta_len | body_len | lsn  | body_crc | head_crc | meta … | body … |
//! ```
//! Little-endian. `head_crc` covers the header up to itself and the meta block; `body_crc` covers the body.
//! The position is part of the header, so that stale octets of a reused block never pass for a record.

use crate::{
    error::StorageError,
    queue::entry::{EntryKey, Outcome, QueueEntry},
};
use mailwright_engine::{envelope::Envelope, time::UnixMillis};
use serde::{Deserialize, Serialize};

/// Octets of a record's header.
pub const HEADER_LEN: usize = 32;
/// First octets of every record: `MWJ2`.
pub(crate) const MAGIC: &[u8; 4] = b"MWJ2";
/// No record is larger: content is capped far below by every way in.
const MAX_PART: u32 = 256 << 20;

/// What a record says; message content travels beside it as the record's body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// We took responsibility for a message; its content is the body.
    Accepted {
        /// Who to whom.
        envelope: Envelope,
        /// When it was first due.
        due: UnixMillis,
        /// Entries that it takes the place of: they are gone.
        replaces: Vec<EntryKey>,
    },
    /// A message copied forward; its content is the body. The entries say what is left to do.
    Relocated {
        /// Who to whom.
        envelope: Envelope,
        /// Its live entries, as they stood.
        entries: Vec<QueueEntry>,
    },
    /// The final dot of these deliveries is about to go out.
    Intent(Vec<EntryKey>),
    /// What an attempt did.
    Outcome(Outcome),
    /// These deliveries were in doubt when a process ended; they were counted and are queued again.
    DoubtSettled(Vec<EntryKey>),
    /// These entries no longer exist, whatever a `Relocated` before this says.
    Dropped(Vec<EntryKey>),
}

impl Record {
    /// Serialises the meta block.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, StorageError> {
        postcard::to_stdvec(self).map_err(|e| StorageError::format("journal record", e))
    }

    /// Reads a meta block.
    pub(crate) fn decode(meta: &[u8]) -> Result<Self, StorageError> {
        postcard::from_bytes(meta).map_err(|e| StorageError::format("journal record", e))
    }
}

/// A record's header, read or about to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) meta_len: u32,
    pub(crate) body_len: u32,
    pub(crate) lsn: u64,
    pub(crate) body_crc: u32,
    head_crc: u32,
}

impl Header {
    /// The header for a record at `lsn`.
    pub(crate) fn new(lsn: u64, meta: &[u8], body_len: u32, body_crc: u32) -> Self {
        let meta_len = u32::try_from(meta.len()).unwrap_or(u32::MAX);
        let mut header = Self { meta_len, body_len, lsn, body_crc, head_crc: 0 };
        header.head_crc = header.checksum(meta);
        header
    }

    /// Octets of the whole record.
    pub(crate) fn record_len(&self) -> u64 {
        HEADER_LEN as u64 + u64::from(self.meta_len) + u64::from(self.body_len)
    }

    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[0..4].copy_from_slice(MAGIC);
        out[8..12].copy_from_slice(&self.meta_len.to_le_bytes());
        out[12..16].copy_from_slice(&self.body_len.to_le_bytes());
        out[16..24].copy_from_slice(&self.lsn.to_le_bytes());
        out[24..28].copy_from_slice(&self.body_crc.to_le_bytes());
        out[28..32].copy_from_slice(&self.head_crc.to_le_bytes());
        out
    }

    /// The header in `bytes` if they look like one at position `lsn`; its checksum needs the meta block.
    pub(crate) fn parse(bytes: &[u8; HEADER_LEN], lsn: u64) -> Option<Self> {
        let u32_at = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(word)
        };
        let found_lsn = u64::from(u32_at(16)) | u64::from(u32_at(20)) << 32;
        let header = Self {
            meta_len: u32_at(8),
            body_len: u32_at(12),
            lsn: found_lsn,
            body_crc: u32_at(24),
            head_crc: u32_at(28),
        };
        let plausible = bytes.starts_with(MAGIC)
            && found_lsn == lsn
            && header.meta_len <= MAX_PART
            && header.body_len <= MAX_PART;
        plausible.then_some(header)
    }

    /// Whether `meta` is the block this header was written for.
    pub(crate) fn matches(&self, meta: &[u8]) -> bool {
        self.checksum(meta) == self.head_crc
    }

    fn checksum(&self, meta: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.to_bytes()[..28]);
        hasher.update(meta);
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_reads_back_and_notices_any_flipped_bit(
            lsn in any::<u64>(), meta in prop::collection::vec(any::<u8>(), 0..64),
            body_len in 0..MAX_PART, body_crc in any::<u32>(), bit in 0usize..(HEADER_LEN * 8),
        ) {
            let header = Header::new(lsn, &meta, body_len, body_crc);
            let bytes = header.to_bytes();
            prop_assert_eq!(Header::parse(&bytes, lsn), Some(header));
            prop_assert!(header.matches(&meta));
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let noticed = Header::parse(&flipped, lsn).is_none_or(|h| {
                h.meta_len as usize != meta.len() || !h.matches(&meta)
            });
            // Octets 4 to 8 are reserved and not read.
            prop_assert!(noticed || (4..8).contains(&(bit / 8)));
        }
    }
}
