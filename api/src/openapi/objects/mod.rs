//! The objects in answers whose handlers write them as JSON, in the form that the service gave them.
//!
//! What may be missing is never `null`, and what may be `null` is never missing.

pub mod accounts;
pub mod activity;
pub mod contents;
pub mod delivery;
pub mod dns;
pub mod doctor;
pub mod limits;
pub mod mail;
pub mod routed;
pub mod routing;
pub mod sending;
pub mod suppressions;
pub mod tokens;
pub mod workers;
pub mod workers_kept;
