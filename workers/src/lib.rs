//! People's own code for their mail: Workers, run in processes of workerd that this crate starts, feeds, watches and ends.
//!
//! A Worker is a hostile neighbour until proven otherwise: each runs in a process of its own, is told what it needs for one
//! event, and whatever it answers is checked like any other input from outside.

mod batch;
mod desk;
mod events;
mod host;
mod queues;
mod run;
mod settings;
pub mod wire;

pub use batch::{MessageFormat, QueueBatch, QueueDone, QueueMessage};
pub use desk::{EmailDone, EventDesk, EventError, Mailer, Observer, OutgoingMail, SendRequest, Sending};
pub use events::{Events, Ticket};
pub use run::{LogLine, Run, RunKind, RunOutcome};
pub use settings::WorkersSettings;
