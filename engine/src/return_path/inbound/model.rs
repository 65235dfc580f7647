//! What [`classify`](super::classify) gives.
//!
//! All text is a stranger's: bounded, without control characters, and not to be believed.

use crate::{
    classify::Classification,
    dsn::Action,
    smtp::{reply::EnhancedCode, verdict::Outcome},
};
use std::net::IpAddr;

/// What a message to a return-path address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbound {
    /// News of a delivery: it failed, is late, or came about.
    Report(BounceReport),
    /// A recipient calls a message spam, or takes that back.
    Complaint(Complaint),
    /// A machine answers for a person. Never a bounce.
    AutoReply(AutoReplyKind),
    /// A filter wants the sender to prove to be a person. Never a bounce, and never answered.
    Challenge,
    /// Statistics about the domain, not about a message; they have gone astray here.
    Statistics(StatisticsKind),
    /// Anything else: a person's answer, spam, what we do not understand.
    Other,
}

/// News of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BounceReport {
    /// How it was told.
    pub form: ReportForm,
    /// Who wrote the report, if it says so: the name of a host.
    pub reporting_mta: Option<String>,
    /// The sender's name for the message, from ENVID (RFC 3461).
    pub envid: Option<String>,
    /// What it says of whom; never empty, at most 1,000.
    pub recipients: Vec<RecipientReport>,
    /// What came back of our message.
    pub original: OriginalMessage,
}

/// How news of a delivery is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportForm {
    /// A delivery status notification (RFC 3464), well-formed or nearly so.
    Dsn,
    /// Prose for people, in the style named: `qmail`, `exim`, `generic` and so on.
    Prose(&'static str),
}

/// What a report says of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientReport {
    /// The address that was tried in the end, which can be another than the one we sent to (an alias was
    /// followed). `None` where prose names nobody: then it is whom the return-path address names.
    pub recipient: Option<String>,
    /// The address it had at first, if the report says so: the one we sent to.
    pub original: Option<String>,
    /// What became of it.
    pub action: Action,
    /// Why (RFC 3463): as the receiver said it, else after the wording. Its class goes with the outcome.
    pub status: EnhancedCode,
    /// The words of the server that decided, or of the notice.
    pub diagnostic: Option<String>,
    /// That server.
    pub remote_mta: Option<String>,
    /// What the failure was about, whether the address may work later (soft) or not (hard), and whose fault it
    /// was. `None` unless something failed: delivered, relayed, expanded.
    pub failure: Option<Classification>,
}

impl RecipientReport {
    /// Whether the recipient will not get the message: only then it is a bounce. A soft one is final for the
    /// message too, but says little about the address.
    pub fn is_bounce(&self) -> bool {
        self.action == Action::Failed
    }

    /// Whether the recipient will not get this message, nor any other.
    pub fn is_hard_bounce(&self) -> bool {
        self.is_bounce() && self.failure.as_ref().is_some_and(|failure| failure.outcome == Outcome::Hard)
    }
}

/// What came back of our message, from the fields of its header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OriginalMessage {
    /// Its Message-ID without angle brackets; from In-Reply-To or References where nothing came back.
    pub message_id: Option<String>,
    /// Its `CFBL-Feedback-ID`, for [`ComplaintId::read`](crate::return_path::token::ComplaintId::read).
    pub complaint_id: Option<String>,
    /// Its envelope sender, as the receiver noted it.
    pub return_path: Option<String>,
    /// The first address of its To field.
    pub to: Option<String>,
}

/// A complaint about a message of ours (RFC 5965, RFC 9477), or the contrary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What is said of the message.
    pub feedback_type: FeedbackType,
    /// The program that wrote the report.
    pub user_agent: Option<String>,
    /// Who complains, by Original-Rcpt-To; often left out or redacted (RFC 6590), which is for the caller to
    /// find out: what names nobody we sent to is redacted. At most 1,000.
    pub recipients: Vec<String>,
    /// The envelope sender, by Original-Mail-From: our VERP address, if it was left whole.
    pub mail_from: Option<String>,
    /// The address the message came from: ours.
    pub source_ip: Option<IpAddr>,
    /// How many complaints this stands for; 1 unless it says more.
    pub incidents: u32,
    /// What came back of our message.
    pub original: OriginalMessage,
}

impl Complaint {
    /// Whether the recipient wants no more of this mail.
    pub fn is_against_us(&self) -> bool {
        self.feedback_type != FeedbackType::NotSpam
    }
}

/// The types of feedback (RFC 5965 section 7.3 and its registry).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FeedbackType {
    /// Spam, or some other kind of abuse.
    Abuse,
    /// Fraud or phishing.
    Fraud,
    /// A virus.
    Virus,
    /// No spam after all.
    NotSpam,
    /// The recipient wants off the list (`opt-out`, `opt-out-list`; not registered, but sent).
    OptOut,
    /// Some other kind, by its name in lower case.
    Other(String),
}

/// How a machine answers for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AutoReplyKind {
    /// The person is away, or has moved.
    OutOfOffice,
    /// The message was opened, or deleted unread (RFC 8098).
    ReadReceipt,
    /// Some other answer: "we have received your mail".
    Acknowledgement,
}

/// Statistics about a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatisticsKind {
    /// DMARC aggregate report (RFC 9990, once RFC 7489).
    DmarcAggregate,
    /// DMARC failure report (RFC 9991, RFC 6591).
    DmarcFailure,
    /// TLS report (RFC 8460).
    Tls,
}
