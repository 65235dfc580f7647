//! Webhooks: an account's own server is told what became of its mail, signed, in order, and again until it knows;
//! never one that only we can reach.

mod delivery;
mod endpoints;
mod failures;
mod refusals;
mod world;
