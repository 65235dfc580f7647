//! What arrives at the return path: [`classify`] says what it is and what it means for whom.
//!
//! Reports by RFC 3464 are read by [`dsn`](crate::dsn), old and broken ones too; where a server sends prose instead,
//! its wording is looked for. Everything is read within bounds, whatever was sent: the first
//! [`MAX_READ`] octets, flat, without nesting.
//!
//! What is about a failed delivery is classified with the same [`BounceRules`] as a reply in a session.

mod aggregate;
mod auto_reply;
mod complaint;
mod evidence;
mod judge;
mod model;
mod original;
mod prose;
mod report;
mod text;
mod wording;

pub use model::{
    AutoReplyKind, BounceReport, Complaint, FeedbackType, Inbound, OriginalMessage, RecipientReport,
    ReportForm, StatisticsKind,
};

use crate::{classify::BounceRules, message::parts::Parts};
use evidence::Evidence;

/// Most octets of a message that are read. What matters stands in front; what comes back of our own message, which
/// may be large, stands behind it.
pub const MAX_READ: usize = 1024 * 1024;

/// Says what a message to a return-path address is.
///
/// Takes any octets, with lines that end in CRLF or in LF, and never fails: what is not understood is
/// [`Inbound::Other`]. The caller knows from the address which message of ours it is about; what is said of
/// recipients here is what the message says.
pub fn classify(message: &[u8], rules: &BounceRules) -> Inbound {
    let parts = Parts::of(message.get(..MAX_READ).unwrap_or(message));
    let evidence = Evidence::of(&parts);
    None.or_else(|| aggregate::read(&parts, &evidence).map(Inbound::Statistics))
        .or_else(|| complaint::read(&parts, &evidence))
        .or_else(|| auto_reply::receipt(&parts).then_some(Inbound::AutoReply(AutoReplyKind::ReadReceipt)))
        .or_else(|| report::read(&parts, &evidence, rules).map(Inbound::Report))
        .or_else(|| auto_reply::challenge(&evidence).then_some(Inbound::Challenge))
        .or_else(|| auto_reply::certain(&parts, &evidence).map(Inbound::AutoReply))
        .or_else(|| prose::read(&parts, &evidence, rules).map(Inbound::Report))
        .or_else(|| auto_reply::likely(&evidence).map(Inbound::AutoReply))
        .unwrap_or(Inbound::Other)
}

#[cfg(test)]
mod tests;
