//! The event log: what happened to each message and what the engine did by itself, for operators and for replay.
//!
//! Not the truth about mail, which is the [journal](crate::journal): an event may be lost to a power cut or to a
//! full channel, and then is counted. In return it costs delivery next to nothing: [`EventLog::record`] hands
//! over and returns, and one thread writes what gathered. A file a day, `2026-11-21.log` by UTC, in the
//! format of checksummed records that `record` describes; old ones are deleted. [`EventReader`] finds a message's events
//! or those of a stretch of time; the time of an event is found by halving the file, since records are in the
//! order of time but for [`SKEW`]. [`Tail`] follows the log from a [`Place`] on, as the
//! [index of messages](crate::activity) does; [`Listener`] hears live what is written.
//!
//! A million attempts take 245 MiB. Measured unoptimised: 0.3 µs to hand one over, 0.5 s to look through all of
//! them for one message (`events::tests::a_million_events`).

mod cursor;
pub mod event;
pub(crate) mod files;
mod live;
mod place;
mod reader;
mod record;
mod tail;
mod writer;

pub use event::{Event, EventKind, LoggedEvent};
pub use live::{Heard, Listener};
pub use place::{InvalidPlace, Place, Placed};
pub use reader::{EventReader, Scan, ScanFilter, Timeline, TimelineEnd, TimelineLimits};
pub use tail::Tail;
pub use writer::{EventLog, EventLogThread};

use std::time::Duration;

/// How far records of one file may be out of order: events wait in a channel, and clocks are set.
pub const SKEW: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
