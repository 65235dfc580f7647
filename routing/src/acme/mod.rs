//! Certificates from an authority that speaks ACME (RFC 8555), such as Let's Encrypt: for the policy host of every domain
//! whose mail we take, and for our mail hosts.
//!
//! [`Keeper`] sees which names need one and orders them, one after the other; `schedule` says when. The authority looks
//! at each name by `tls-alpn-01` through the policy host's own port ([`Challenges`]), because that one must be reachable
//! anyway ([0029](../../../docs/decisions/0029-tls-alpn-challenges.md)).
//!
//! ```text
//! certificates/account.json    the account at the authority, with its key
//! certificates/attempts.json   what was tried, so that a restart does not try it again
//! certificates/NAME.pem        private key, certificate and those that lead to a root
//! ```

mod account;
mod challenges;
mod http;
mod keeper;
mod kept;
mod order;
mod schedule;

pub use challenges::Challenges;
pub use keeper::{Keeper, KeeperParts};
pub use kept::load;

/// Which authority, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeSettings {
    /// The URL of its directory (RFC 8555 section 7.1.1).
    pub directory: String,
    /// The address that it may write to.
    pub contact: Option<String>,
    /// Mail hosts that get a certificate, in lower case.
    pub hosts: Vec<String>,
}
