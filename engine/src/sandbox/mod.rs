//! Personalities of the sandbox: receivers that punish like the large providers do, and receivers with faults.
//!
//! A [`Personality`] is read from text, `rate-limit:rate=60/min,penalty=30s`, and put to work as a [`Receiver`]:
//! the caller owns the sockets and the clock, tells it each [`Event`] of each [`Visit`], and does what the
//! [`Answer`] says: wait, then accept, refuse, close or hang up. What concerns only how octets travel is in
//! [`Wire`]. [`Stats`] are the books, for tests that ask how often we were refused.
//!
//! Each behaviour is a type in `behaviour`, which says what it imitates and where that is documented;
//! [`Personality::help`] lists them. Every refusal ends in `(sandbox)`, so that no log is mistaken for the real thing.
//!
//! Clients are told apart by address. Memory is bounded: a behaviour that has seen too many forgets them all.

mod behaviour;
mod clients;
mod dice;
mod event;
mod personality;
mod receiver;
mod settings;
mod throttle;
mod wire;

pub use event::{Answer, Event, Stage, Verdict};
pub use personality::Personality;
pub use receiver::{Receiver, Stats, Visit};
pub use settings::InvalidPersonality;
pub use wire::{StopReading, Wire};

#[cfg(test)]
mod tests;
