//! Names of queued messages.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The name of one accepted message, unique for the life of a state folder and rising with time.
///
/// Made from the microseconds since the epoch, so that ids sort by acceptance; printed as 14 lower-case
/// hexadecimal digits wherever a person meets it (logs, `Received`, SMTP replies, the API).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QueueId(u64);

impl QueueId {
    /// The id with the given number; [`QueueId::successor`] makes fresh ones.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The number behind the id, for storage keys.
    pub const fn as_raw(self) -> u64 {
        self.0
    }

    /// The id to give out at `unix_micros` when `last` was the one before: later than both.
    pub fn successor(last: Self, unix_micros: u64) -> Self {
        Self(unix_micros.max(last.0.saturating_add(1)))
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014x}", self.0)
    }
}

/// Text that is not a [`QueueId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a queue id (14 to 16 hexadecimal digits)")]
pub struct InvalidQueueId(String);

impl FromStr for QueueId {
    type Err = InvalidQueueId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = (14..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        let raw = if hex { u64::from_str_radix(text, 16).ok() } else { None };
        raw.map(Self).ok_or_else(|| InvalidQueueId(text.chars().take(40).collect()))
    }
}

/// The name of an object of the control data, in as few octets as it has: 32 hexadecimal digits to clients.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey([u8; 16]);

impl ObjectKey {
    /// Reads 32 lower-case hexadecimal digits; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let decoded = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        decoded.try_into().ok().map(Self)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_key_is_32_digits() {
        let digits = "0123456789abcdef0123456789abcdef";
        assert_eq!(ObjectKey::parse(digits).unwrap().to_string(), digits);
        for wrong in ["", "shop", &digits[1..], "0123456789ABCDEF0123456789ABCDEF"] {
            assert_eq!(ObjectKey::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rises_even_when_the_clock_steps_back() {
        let last = QueueId::from_raw(1_000);
        assert_eq!(QueueId::successor(last, 5), QueueId::from_raw(1_001));
        assert_eq!(QueueId::successor(last, 5_000), QueueId::from_raw(5_000));
    }

    #[test]
    fn reads_back_what_it_prints() {
        let id = QueueId::from_raw(0x0006_1234_5678_9abc);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("+6123456789abcd".parse::<QueueId>().is_err());
    }
}
