//! Domains, addresses and display names: parsed once at the edge, valid everywhere after it.
//!
//! Every type here holds one normal form, so that equal values mean the same mailbox: domains are
//! lower-case A-labels without a trailing dot, and a local part is quoted only when it has to be.
//! The case of a local part is kept, because RFC 5321 section 2.4 leaves its meaning to the receiver.

mod domain;
mod email;
mod error;
mod mailbox;
mod quoted;
mod reverse_path;
mod text_serde;

pub use domain::Domain;
pub use email::EmailAddress;
pub use error::{AddressError, AddressProblem, Expected};
pub use mailbox::Mailbox;
pub use reverse_path::ReversePath;
