//! Whether mail is from whom it says: what SPF, DKIM, DMARC, ARC and iprev found, what follows from it, and what is
//! written into the message about it.
//!
//! Looking things up and checking signatures is the work of `mailwright-routing`; it leaves a [`Judgement`]. From that,
//! [`decide`] says whether the message is taken, [`AuthenticationResults`] writes what was found for whoever gets the
//! message next, and [`ArcSealer`] vouches for it. [`without_results`] takes out what others wrote in our name.

mod chain;
mod decision;
mod field;
mod forged;
mod judgement;
mod seal;

pub use chain::{ArcChain, MAX_INSTANCE};
pub use decision::{Cause, Decision, Policy, Requirement, decide};
pub use field::AuthenticationResults;
pub use forged::without_results;
pub use judgement::{
    ArcResult, Author, DkimResult, DmarcResult, IprevResult, Judgement, MethodResult, SpfResult, applied,
};
pub use seal::{ArcSealer, SealError};
