//! The milter protocol, from the mail server's side: how filters such as rspamd and SpamAssassin are asked about a
//! message (Sendmail's protocol, version 6; versions from 2 on are understood).
//!
//! [`Session`] is one message's way through one filter: it says what to write, is told what was answered, and ends with a
//! [`Verdict`]. [`PacketReader`] turns a filter's octets into packets. Neither knows of sockets or time.
//!
//! Messages are shown whole, after DATA. What a filter changes of the header is kept ([`HeaderEdit`]); what it changes
//! of the body or the envelope is not done, and told of: a new body breaks every signature, and recipients are the
//! business of the routing rules.

mod command;
mod edit;
mod packet;
mod reply;
mod session;
#[cfg(test)]
mod tests;

pub use edit::{HeaderEdit, apply};
pub use packet::{MAX_PACKET, Packet, PacketError, PacketReader};
pub use session::{Agreed, Message, MilterError, Next, Passed, Session, Verdict};
