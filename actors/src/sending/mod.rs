//! Sending domains and routing zones after they were set up: their records are looked for, their keys replaced.
//!
//! - [`records`]: what is to be published for them, by how this server is set up.
//! - [`watched`]: what both have in common, and what follows from a look at each.
//! - [`keys`]: when new keys begin to sign and old ones go, as a pure function of what was found.
//! - [`inspection`]: looks at the DNS that somebody asks for.
//! - [`checker`]: the actor that looks and acts, on a thread of its own.

pub mod checker;
pub mod inspection;
pub mod keys;
mod looks;
pub mod records;
pub mod watched;

pub use checker::{Check, CheckError, DomainChecker, LastCheck, PublishRecords, RemoveRecords};
pub use inspection::{Examine, InspectSpf, LookAtRouting, LookAtZone};
pub use looks::{Checked, Looks};
pub use records::{RecordSettings, RoutingRecords};
pub use watched::Watched;
