//! Sending domains after they were set up: their records are looked for, their keys replaced.
//!
//! - [`records`]: what is to be published for a domain, by how this server is set up.
//! - [`keys`]: when new keys begin to sign and old ones go, as a pure function of what was found.
//! - [`inspection`]: looks at the DNS that somebody asks for.
//! - [`checker`]: the actor that looks and acts, on a thread of its own.

pub mod checker;
pub mod inspection;
pub mod keys;
pub mod records;

pub use checker::{
    CheckDomain, CheckError, CheckedDomain, DomainChecker, LastCheck, PublishRecords, RemoveRecords,
};
pub use inspection::{InspectSpf, LookAtZone};
pub use records::RecordSettings;
