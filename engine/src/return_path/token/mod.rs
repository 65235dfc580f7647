//! References to messages and recipients that only we can make: each carries a checksum under a secret key.
//!
//! | token | where | refers to |
//! |---|---|---|
//! | [`VerpAddress`] | envelope sender, address to unsubscribe at | a message, one of its recipients or all |
//! | [`UnsubscribeToken`] | hosted unsubscribe link (RFC 8058) | a recipient of an account's domain |
//! | [`rewrite_sender`] | envelope sender of forwarded mail (SRS) | the sender |
//! | [`ComplaintId`] | `CFBL-Feedback-ID` (RFC 9477) | a message, one of its recipients or all |
//!
//! The checksum covers what kind of token it is, so that none can be turned into one of another kind. Keys
//! rotate: the first of [`TokenKeys`] makes tokens, all of them are believed.

mod complaint_id;
mod key;
mod srs;
mod unsubscribe;
mod verp;

pub use complaint_id::ComplaintId;
pub use key::{InvalidTokenKey, TokenKey, TokenKeys};
pub use srs::{SrsError, SrsTooLong, original_sender, rewrite_sender};
pub use unsubscribe::UnsubscribeToken;
pub use verp::{VerpAddress, VerpPurpose};

use crate::id::QueueId;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenError {
    /// It has not the form of our tokens: a stranger's address, or a mistyped link.
    #[error("it is no token of ours")]
    NotOurs,
    /// It has the form of ours, and the checksum of none of our keys: made up, changed, or made with a key that
    /// was taken out of the configuration.
    #[error("it has the form of a token of ours, but none of our keys made it")]
    Forged,
}

/// A message, and which of its recipients is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageRef {
    /// The message.
    pub id: QueueId,
    /// Index into the recipients of its [`Envelope`](crate::envelope::Envelope); `None` where one copy went to
    /// several of them.
    pub recipient: Option<u16>,
}

impl MessageRef {
    /// The form that checksums cover: equal only for equal references.
    fn to_octets(self) -> [u8; 11] {
        let (known, index) = self.recipient.map_or((0, 0), |index| (1, index));
        let mut octets = [0; 11];
        let (id, rest) = octets.split_at_mut(8);
        id.copy_from_slice(&self.id.as_raw().to_be_bytes());
        let [high, low] = index.to_be_bytes();
        rest.copy_from_slice(&[known, high, low]);
        octets
    }

    /// `06123456789abc` or `0006123456789abc` and `3`: the parts of its text form.
    fn to_parts(self) -> (String, Option<String>) {
        (self.id.to_string(), self.recipient.map(|index| index.to_string()))
    }

    /// Reads [`to_parts`](Self::to_parts); only what that writes, in any case, so that a reference has one form.
    fn from_parts(id: &str, recipient: Option<&str>) -> Option<Self> {
        let reference = Self {
            id: id.parse().ok()?,
            recipient: match recipient {
                Some(index) => Some(index.parse().ok()?),
                None => None,
            },
        };
        let (written_id, written_recipient) = reference.to_parts();
        let same = written_id.eq_ignore_ascii_case(id) && written_recipient.as_deref() == recipient;
        same.then_some(reference)
    }
}

#[cfg(test)]
mod tests;
