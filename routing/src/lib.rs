//! Mail from the world: who may hand it in, what it is judged by, and what becomes of it.
//!
//! Clients of the listeners in `mailwright-actors` meet [`inbound`]; [`return_path`] acts on what comes back of mail
//! that was sent; [`authentication`] finds out whether mail is from whom it says.

pub mod authentication;
pub mod gate;
pub mod inbound;
pub mod metrics;
pub mod return_path;
