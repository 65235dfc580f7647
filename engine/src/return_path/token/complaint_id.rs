//! `CFBL-Feedback-ID`: what a complaint by RFC 9477 brings back.

use super::{
    MessageRef, TokenError, TokenKeys,
    key::{Checksum, Purpose},
};

/// The value of a `CFBL-Feedback-ID` field: `06123456789abc:3:mzxw6ytboi5dgnbv`, or without the recipient.
///
/// Reports may carry nothing else of the message (RFC 9477 section 3.5), so it says which it was; the checksum
/// is the component hard to forge that section 6.5 there asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ComplaintId(pub MessageRef);

impl ComplaintId {
    /// The value, with the checksum of the first of `keys`; letters, digits and colons, at most 41 of them.
    pub fn to_text(self, keys: &TokenKeys) -> String {
        let (id, recipient) = self.0.to_parts();
        let checksum = keys.sum(Purpose::Complaint, &[&self.0.to_octets()]).to_text();
        match recipient {
            Some(index) => format!("{id}:{index}:{checksum}"),
            None => format!("{id}:{checksum}"),
        }
    }

    /// Reads a value in any case, with white space around and inside, which RFC 9477 section 4 allows.
    ///
    /// # Errors
    /// [`TokenError::NotOurs`] for another form, [`TokenError::Forged`] for a wrong checksum.
    pub fn read(text: &str, keys: &TokenKeys) -> Result<Self, TokenError> {
        let (message, checksum) = split(text).ok_or(TokenError::NotOurs)?;
        let ours = keys.verify(Purpose::Complaint, &[&message.to_octets()], checksum);
        if ours { Ok(Self(message)) } else { Err(TokenError::Forged) }
    }
}

/// Longest value looked at, in octets; ours have 41 and may have been folded.
const MAX_TEXT: usize = 200;

fn split(text: &str) -> Option<(MessageRef, Checksum)> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let joined: String = text.split_ascii_whitespace().collect();
    let mut parts = joined.split(':');
    let (id, second, third) = (parts.next()?, parts.next()?, parts.next());
    let (recipient, checksum) = match third {
        Some(third) => (Some(second), third),
        None => (None, second),
    };
    let message = MessageRef::from_parts(id, recipient)?;
    let checksum = Checksum::from_text(checksum)?;
    parts.next().is_none().then_some((message, checksum))
}
