//! Which mail comes in: what the addresses of return-path domains are for.

use super::{ReturnPath, count};
use crate::addressee::Unrouted;
use mailwright_actors::outgoing::COMPLAINTS;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    return_path::token::{TokenError, VerpAddress},
};

/// An address of ours at a return-path domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mailbox {
    /// News about a message, or the wish to get no more like it.
    Verp(VerpAddress),
    /// Complaints about mail of this return-path domain, which say themselves what they are about.
    Complaints(Domain),
}

impl Mailbox {
    /// Its return-path domain.
    pub fn domain(&self) -> &Domain {
        match self {
            Self::Verp(verp) => &verp.domain,
            Self::Complaints(domain) => domain,
        }
    }
}

impl ReturnPath {
    /// What mail to `address` is for. Forged addresses are counted.
    ///
    /// # Errors
    /// When it takes none.
    pub fn mailbox(&self, address: &EmailAddress) -> Result<Mailbox, Unrouted> {
        let is_ours = || self.is_ours(address.domain());
        match VerpAddress::read(address, &self.parts.control.token_keys()) {
            // The checksum covers the domain: reports on mail of one that was removed still come in.
            Ok(verp) => Ok(Mailbox::Verp(verp)),
            Err(_) if !is_ours() => Err(Unrouted::Foreign),
            Err(TokenError::Forged) => {
                count("address", "forged");
                Err(Unrouted::Unknown)
            }
            Err(TokenError::NotOurs) if address.local().eq_ignore_ascii_case(COMPLAINTS) => {
                Ok(Mailbox::Complaints(address.domain().clone()))
            }
            Err(TokenError::NotOurs) => Err(Unrouted::Unknown),
        }
    }

    /// Whether `domain` takes what comes back of sent mail.
    pub fn is_ours(&self, domain: &Domain) -> bool {
        self.parts.control.domain_of_return_path(domain).is_some()
    }
}
