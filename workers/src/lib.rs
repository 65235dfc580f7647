//! People's own code for their mail: Workers, run in processes of workerd that this crate starts, feeds, watches and ends.
//!
//! A Worker is a hostile neighbour until proven otherwise: each runs in a process of its own, is told what it needs for one
//! event, and whatever it answers is checked like any other input from outside.

mod batch;
mod config;
mod desk;
mod dispatch;
mod door;
mod events;
mod find;
mod host;
pub mod launch;
pub mod metrics;
mod process;
mod queues;
mod run;
mod settings;
mod slot;
mod tail;
mod watch;
mod whole;
pub mod wire;
mod workers;

pub use batch::{MessageFormat, QueueBatch, QueueDone, QueueMessage};
pub use desk::{EmailDone, EventDesk, EventError, Mailer, Observer, OutgoingMail, SendRequest, Sending};
pub use dispatch::{BodyError, FetchBody};
pub use door::{Door, DoorSettings, Scope};
pub use events::{Events, Ticket};
pub use find::{RuntimeFound, RuntimeMissing, find};
pub use queues::feed_queues;
pub use run::{LogLine, Run, RunKind, RunOutcome};
pub use settings::WorkersSettings;
pub use workers::{Workers, WorkersParts};
