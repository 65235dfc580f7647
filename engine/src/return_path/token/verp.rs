//! Envelope senders that say which message a bounce is about (variable envelope return paths).
//!
//! ```text
//! b-06123456789abc-3-mzxw6ytboi5dgnbv@cf-bounce.example.org
//! |        |         |        |
//! label  queue id  recipient  checksum over these and the domain
//! ```
//!
//! The recipient is left out where one copy of a message goes to several recipients of a domain: there is one
//! envelope sender for all of them. With the label `u` it is the address in List-Unsubscribe (RFC 2369 section 3.2)
//! to which mail unsubscribes the recipient. Letters, digits and hyphens only, at most 41 octets, any case: nothing that
//! servers on the way are known to change.

use super::{
    MessageRef, TokenError, TokenKeys,
    key::{Checksum, Purpose},
};
use crate::{
    address::{AddressError, Domain, EmailAddress},
    id::QueueId,
};

/// What mail to a [`VerpAddress`] is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VerpPurpose {
    /// It tells what became of a message: the address is its envelope sender.
    Bounce,
    /// It unsubscribes.
    Unsubscribe,
}

impl VerpPurpose {
    /// What the local part begins with.
    const fn label(self) -> &'static str {
        match self {
            Self::Bounce => "b",
            Self::Unsubscribe => "u",
        }
    }

    /// What the checksum is for.
    const fn of_checksum(self) -> Purpose {
        match self {
            Self::Bounce => Purpose::Verp,
            Self::Unsubscribe => Purpose::UnsubscribeAddress,
        }
    }

    fn of_label(label: &str) -> Option<Self> {
        [Self::Bounce, Self::Unsubscribe]
            .into_iter()
            .find(|purpose| label.eq_ignore_ascii_case(purpose.label()))
    }
}

/// An address of ours and the message it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerpAddress {
    /// What mail to it is for.
    pub purpose: VerpPurpose,
    /// What it refers to.
    pub message: MessageRef,
    /// The return-path domain; the checksum covers it.
    pub domain: Domain,
}

impl VerpAddress {
    /// The envelope sender for one recipient of a message, or for several of them at once (`None`).
    pub fn new(id: QueueId, recipient: Option<u16>, domain: Domain) -> Self {
        Self { purpose: VerpPurpose::Bounce, message: MessageRef { id, recipient }, domain }
    }

    /// The address that unsubscribes one recipient of a message.
    pub fn unsubscribe(id: QueueId, recipient: u16, domain: Domain) -> Self {
        let message = MessageRef { id, recipient: Some(recipient) };
        Self { purpose: VerpPurpose::Unsubscribe, message, domain }
    }

    /// The address, with the checksum of the first of `keys`.
    ///
    /// # Errors
    /// When the domain is so long (above 212 octets) that there is no room for the local part in an address.
    pub fn to_address(&self, keys: &TokenKeys) -> Result<EmailAddress, AddressError> {
        let (id, recipient) = self.message.to_parts();
        let octets = self.message.to_octets();
        let parts = [&octets[..], self.domain.as_str().as_bytes()];
        let checksum = keys.sum(self.purpose.of_checksum(), &parts).to_text();
        let label = self.purpose.label();
        let local = match recipient {
            Some(index) => format!("{label}-{id}-{index}-{checksum}"),
            None => format!("{label}-{id}-{checksum}"),
        };
        EmailAddress::parse(&format!("{local}@{}", self.domain))
    }

    /// Reads an address that a message came to, in any case.
    ///
    /// # Errors
    /// [`TokenError::NotOurs`] for an address of another form (`postmaster`, guesses),
    /// [`TokenError::Forged`] for one of this form with a wrong checksum or another domain.
    pub fn read(address: &EmailAddress, keys: &TokenKeys) -> Result<Self, TokenError> {
        let (purpose, message, checksum) = split(address.local()).ok_or(TokenError::NotOurs)?;
        let domain = address.domain().clone();
        // The domain comes last and so needs no end.
        let parts = [&message.to_octets()[..], domain.as_str().as_bytes()];
        let ours = keys.verify(purpose.of_checksum(), &parts, checksum);
        if ours { Ok(Self { purpose, message, domain }) } else { Err(TokenError::Forged) }
    }
}

/// The parts of a local part of ours.
fn split(local: &str) -> Option<(VerpPurpose, MessageRef, Checksum)> {
    let mut parts = local.split('-');
    let purpose = VerpPurpose::of_label(parts.next()?)?;
    let (id, second, third) = (parts.next()?, parts.next()?, parts.next());
    let (recipient, checksum) = match third {
        Some(third) => (Some(second), third),
        None => (None, second),
    };
    let message = MessageRef::from_parts(id, recipient)?;
    let checksum = Checksum::from_text(checksum)?;
    parts.next().is_none().then_some((purpose, message, checksum))
}
