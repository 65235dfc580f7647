//! Envelope senders that say which message a bounce is about (variable envelope return paths).
//!
//! ```text
//! b-06123456789abc-3-mzxw6ytboi5dgnbv@cf-bounce.example.org
//! |        |         |        |
//! label  queue id  recipient  checksum over these and the domain
//! ```
//!
//! The recipient is left out where one copy of a message goes to several recipients of a domain: there is one
//! envelope sender for all of them. Letters, digits and hyphens only, at most 41 octets, any case: nothing that
//! servers on the way are known to change.

use super::{
    MessageRef, TokenError, TokenKeys,
    key::{Checksum, Purpose},
};
use crate::{
    address::{AddressError, Domain, EmailAddress},
    id::QueueId,
};

/// What the local part begins with.
const LABEL: &str = "b";

/// An envelope sender of ours and the message it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerpAddress {
    /// What it refers to.
    pub message: MessageRef,
    /// The return-path domain; the checksum covers it.
    pub domain: Domain,
}

impl VerpAddress {
    /// The envelope sender for one recipient of a message, or for several of them at once (`None`).
    pub fn new(id: QueueId, recipient: Option<u16>, domain: Domain) -> Self {
        Self { message: MessageRef { id, recipient }, domain }
    }

    /// The address, with the checksum of the first of `keys`.
    ///
    /// # Errors
    /// When the domain is so long (above 212 octets) that there is no room for the local part in an address.
    pub fn to_address(&self, keys: &TokenKeys) -> Result<EmailAddress, AddressError> {
        let (id, recipient) = self.message.to_parts();
        let octets = self.message.to_octets();
        let checksum = keys.sum(Purpose::Verp, &[&octets, self.domain.as_str().as_bytes()]).to_text();
        let local = match recipient {
            Some(index) => format!("{LABEL}-{id}-{index}-{checksum}"),
            None => format!("{LABEL}-{id}-{checksum}"),
        };
        EmailAddress::parse(&format!("{local}@{}", self.domain))
    }

    /// Reads an address that a message came to, in any case.
    ///
    /// # Errors
    /// [`TokenError::NotOurs`] for an address of another form (`postmaster`, guesses),
    /// [`TokenError::Forged`] for one of this form with a wrong checksum or another domain.
    pub fn read(address: &EmailAddress, keys: &TokenKeys) -> Result<Self, TokenError> {
        let (message, checksum) = split(address.local()).ok_or(TokenError::NotOurs)?;
        let domain = address.domain().clone();
        // The domain comes last and so needs no end.
        let ours = keys.verify(Purpose::Verp, &[&message.to_octets(), domain.as_str().as_bytes()], checksum);
        if ours { Ok(Self { message, domain }) } else { Err(TokenError::Forged) }
    }
}

/// The parts of a local part of ours.
fn split(local: &str) -> Option<(MessageRef, Checksum)> {
    let mut parts = local.split('-');
    let label = parts.next().filter(|label| label.eq_ignore_ascii_case(LABEL));
    let (id, second, third) = (label.and(parts.next())?, parts.next()?, parts.next());
    let (recipient, checksum) = match third {
        Some(third) => (Some(second), third),
        None => (None, second),
    };
    let message = MessageRef::from_parts(id, recipient)?;
    let checksum = Checksum::from_text(checksum)?;
    parts.next().is_none().then_some((message, checksum))
}
