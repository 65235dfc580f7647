//! The spool journal: append-only, checksummed segments, the one truth about accepted mail.
//!
//! A record has a position (`lsn`), the octets written before it since the journal began; a segment is a file
//! named by the position of its first octet. `committer` is the one writer: it gathers what waits into one
//! write and one `fdatasync` and then wakes the waiters. `scan` reads records back in order; `segment`
//! knows the files; [`record`] is the format.
//!
//! What a record may rely on:
//! - A message is live from its `Accepted` (or a later `Relocated`, which replaces it) until the `Outcome`
//!   that settles its last recipient.
//! - An `Intent` is on disk before the final dot goes out. An intent without a later outcome is a delivery in
//!   doubt: the receiver may or may not have the message.
//! - A copy that an outcome overtook is corrected by a later record before any segment goes: `Dropped` for a
//!   settled entry, a second `Relocated` for one put off or delivered in part.
//! - Segments go from the front only, and only when nothing in them is live. An outcome therefore never
//!   disappears before the acceptance it settles, and replaying whatever is left gives the exact queue.

pub(crate) mod committer;
pub mod record;
pub(crate) mod scan;
pub(crate) mod segment;
