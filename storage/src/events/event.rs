//! What is worth remembering of a message's way and of what the engine did by itself.

use crate::control::SuspensionScope;
use mailwright_engine::{
    address::Domain,
    class::{PoolName, Priority, SourceName, TenantName},
    envelope::{Envelope, Origin},
    id::QueueId,
    smtp::{reply::EnhancedCode, verdict::Outcome},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// An event as it was logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedEvent {
    /// When it happened.
    pub at: UnixMillis,
    /// The message it is about, if it is about one.
    pub about: Option<QueueId>,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// We took responsibility for a message.
    Accepted(Box<Accepted>),
    /// A recipient was tried; the outcome says whether it was delivered, put off or refused.
    Attempt(Box<Attempt>),
    /// A recipient was given up because its message grew too old.
    Expired(Expired),
    /// An operator took recipients out of the queue.
    Cancelled(Cancelled),
    /// An operator changed where or when an entry goes.
    Rerouted(Rerouted),
    /// Delivery was stopped for a scope.
    Suspended(Suspended),
    /// A suspension was ended before its time.
    Resumed(Resumed),
    /// The engine changed its own conduct.
    Automatic(Box<Automatic>),
    /// A site was not reached by one address family and is tried by the other.
    Fallback(Fallback),
    /// We sent a report.
    ReportSent(ReportSent),
    /// Further recipients of a message, beyond those that its acceptance shows.
    Addressed(Addressed),
    /// Recipients were left out of an accepted message because they are suppressed.
    Suppressed(Suppressed),
    /// A message was not taken because it is for recipients that are suppressed.
    Rejected(Box<Refused>),
    /// A message was not taken because its sender may not send so.
    Failed(Box<Refused>),
    /// A report said that a recipient failed after its server had taken the message.
    LateBounce(LateBounce),
    /// A recipient complained about a message.
    Complaint(Complaint),
    /// A recipient wants no more such messages.
    Unsubscribed(Unsubscribed),
    /// A message from the world was taken and thrown away, as the rule of its address says.
    Dropped(Box<Dropped>),
    /// A message from the world was taken by a Worker, which sent it nowhere.
    Processed(Box<Dropped>),
    /// A Worker ran for a message.
    Ran(Box<Ran>),
    /// A message from the world was taken that its Worker could not have yet.
    Held(Box<Dropped>),
    /// A message that was held has been shown to its Worker.
    Released(Released),
}

/// The kinds of [`Event`], as the log's index knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// [`Event::Accepted`].
    Accepted,
    /// [`Event::Attempt`].
    Attempt,
    /// [`Event::Expired`].
    Expired,
    /// [`Event::Cancelled`].
    Cancelled,
    /// [`Event::Rerouted`].
    Rerouted,
    /// [`Event::Suspended`].
    Suspended,
    /// [`Event::Resumed`].
    Resumed,
    /// [`Event::Automatic`].
    Automatic,
    /// [`Event::Fallback`].
    Fallback,
    /// [`Event::ReportSent`].
    ReportSent,
    /// [`Event::Addressed`].
    Addressed,
    /// [`Event::Suppressed`].
    Suppressed,
    /// [`Event::Rejected`].
    Rejected,
    /// [`Event::Failed`].
    Failed,
    /// [`Event::LateBounce`].
    LateBounce,
    /// [`Event::Complaint`].
    Complaint,
    /// [`Event::Unsubscribed`].
    Unsubscribed,
    /// [`Event::Dropped`].
    Dropped,
    /// [`Event::Processed`].
    Processed,
    /// [`Event::Ran`].
    Ran,
    /// [`Event::Held`].
    Held,
    /// [`Event::Released`].
    Released,
}

/// A message came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Envelope sender; empty for the null sender.
    pub from: String,
    /// Address of the author in its header; empty if there is none.
    pub author: String,
    /// The zone that it is sent from; `None` for mail that nobody signs here.
    pub zone: Option<String>,
    /// How many recipients it has.
    pub recipients: u32,
    /// The first of them, at most [`Accepted::SHOWN`]; events of the kind [`Addressed`] have the others.
    pub to: Vec<String>,
    /// Whose it is.
    pub account: Option<TenantName>,
    /// Which door it came in by.
    pub origin: Origin,
    /// How urgent it is.
    pub priority: Priority,
    /// What it is part of, in the sender's words.
    pub campaign: Option<String>,
    /// Its Subject, at most [`Accepted::MAX_SUBJECT`] characters.
    pub subject: Option<String>,
    /// Its Message-ID without the angle brackets; empty if it has none.
    pub message_id: String,
    /// The beginning of its text, where the sending domain keeps it.
    pub preview: Option<String>,
    /// Octets of content.
    pub size: u64,
    /// How it came, if it came from the world.
    pub received: Option<Box<Received>>,
    /// More of what is in it, where the sending domain keeps it. Only in the log: nobody who listens is told.
    pub kept: Option<Box<Kept>>,
}

/// What is kept of a message that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its header section, at most [`Kept::MAX_HEADER`] octets.
    pub header: String,
    /// The beginning of its HTML, at most [`Kept::MAX_HTML`] octets.
    pub html: Option<String>,
}

impl Kept {
    /// Most octets of the header section.
    pub const MAX_HEADER: usize = 8 << 10;
    /// Most octets of HTML: with all the rest at its longest, an acceptance still fits a record.
    pub const MAX_HTML: usize = 24 << 10;
}

impl Accepted {
    /// Most recipients in the acceptance itself: as many as a request of the API may have.
    pub const SHOWN: usize = 50;
    /// Most characters of the Subject kept.
    pub const MAX_SUBJECT: usize = 120;

    /// The acceptance of a message of `size` octets, of which nothing else is known.
    pub fn new(envelope: &Envelope, subject: Option<&str>, size: u64) -> Self {
        let to = envelope.recipients.iter().take(Self::SHOWN);
        Self {
            from: envelope.reverse_path.to_string(),
            author: String::new(),
            zone: None,
            recipients: u32::try_from(envelope.recipients.len()).unwrap_or(u32::MAX),
            to: to.map(ToString::to_string).collect(),
            account: envelope.account.clone(),
            origin: envelope.origin,
            priority: envelope.priority,
            campaign: envelope.campaign.as_ref().map(ToString::to_string),
            subject: subject.map(|subject| subject.chars().take(Self::MAX_SUBJECT).collect()),
            message_id: String::new(),
            preview: None,
            size,
            received: None,
            kept: None,
        }
    }
}

impl Addressed {
    /// Most recipients of one event: at their longest they fit a record.
    const TOGETHER: usize = 150;

    /// The recipients that the acceptance of a message does not show.
    pub fn rest_of(envelope: &Envelope) -> impl Iterator<Item = Self> {
        let rest = envelope.recipients.get(Accepted::SHOWN..).unwrap_or_default();
        rest.chunks(Self::TOGETHER).enumerate().map(|(number, chunk)| {
            let first = Accepted::SHOWN + number * Self::TOGETHER;
            let to = chunk.iter().map(ToString::to_string).collect();
            Self { first: u16::try_from(first).unwrap_or(u16::MAX), to }
        })
    }
}

/// What an attempt did for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which of the message's groups of recipients (see [`Envelope::groups`]).
    pub group: u16,
    /// Which recipient, as index into [`Envelope::recipients`].
    pub recipient: u16,
    /// The recipient's address.
    pub address: String,
    /// The destination.
    pub domain: Domain,
    /// The site that serves it; empty if it was not found.
    pub site: String,
    /// The account it was tried for.
    pub tenant: Option<TenantName>,
    /// Name of the server, if one was reached.
    pub mx: Option<String>,
    /// Address of the server, if one was reached.
    pub remote: Option<IpAddr>,
    /// Which source it left from.
    pub source: Option<SourceName>,
    /// What was negotiated and why, in one line; `None` without TLS.
    pub tls: Option<String>,
    /// What became of the recipient.
    pub outcome: Outcome,
    /// Class of the failure as the bounce rules call it; empty when there was none.
    pub class: String,
    /// Status for delivery reports (RFC 3464 section 2.3.4).
    pub status: EnhancedCode,
    /// The receiver's reply, or our own words.
    pub reply: String,
    /// Milliseconds from the start of the transaction to the verdict.
    pub duration_ms: u64,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// When the next is due, if there is to be one.
    pub next_due: Option<UnixMillis>,
    /// For how many milliseconds the receiver asked to be left alone, if it did: the reason why the next is due then.
    pub retry_after_ms: Option<u64>,
}

/// A recipient was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// Which of the message's groups of recipients.
    pub group: u16,
    /// Which recipient.
    pub recipient: u16,
    /// The last thing that was said about it.
    pub last: String,
}

/// Recipients were taken out of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// Which of the message's groups of recipients.
    pub group: u16,
    /// Which recipients.
    pub recipients: Vec<u16>,
    /// By whom.
    pub by: String,
}

/// An entry was given another way or time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerouted {
    /// Which of the message's groups of recipients.
    pub group: u16,
    /// The pool that carries it from now on.
    pub pool: Option<PoolName>,
    /// When it is tried next.
    pub due: UnixMillis,
    /// By whom.
    pub by: String,
}

/// Delivery was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    /// For what.
    pub scope: SuspensionScope,
    /// By whom.
    pub by: String,
    /// Until when; `None` until somebody ends it.
    pub until: Option<UnixMillis>,
    /// Why.
    pub reason: String,
}

/// Delivery goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// For what.
    pub scope: SuspensionScope,
    /// By whom.
    pub by: String,
}

/// The engine changed its own conduct.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automatic {
    /// Towards which site.
    pub site: String,
    /// For which source; `None` for all.
    pub source: Option<SourceName>,
    /// For which tenant; `None` for all.
    pub tenant: Option<TenantName>,
    /// What it does, in one line.
    pub action: String,
    /// What made it, in one line: a rule and the replies that met it, or a count of failures.
    pub cause: String,
    /// When it ends; `None` if it ends step by step or is an end itself.
    pub until: Option<UnixMillis>,
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// One address family failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// For which site.
    pub site: String,
    /// The family that failed.
    pub from: Family,
    /// The family that is tried instead.
    pub to: Family,
    /// Why.
    pub reason: String,
}

/// What a report tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// That recipients failed (RFC 3464).
    Failure,
    /// That recipients are late (RFC 3464).
    Delay,
    /// That recipients were served or passed on, for a sender who asked (RFC 3461).
    Success,
    /// How TLS went with a domain (RFC 8460).
    TlsReport,
}

/// A report was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportSent {
    /// What it tells.
    pub kind: ReportKind,
    /// To whom.
    pub to: String,
    /// The report's own message.
    pub report: QueueId,
}

/// Further recipients of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressed {
    /// Index of the first of them into [`Envelope::recipients`].
    pub first: u16,
    /// The addresses.
    pub to: Vec<String>,
}

/// Recipients were left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// Their index, from which they are counted on: past those of the message itself.
    pub first: u16,
    /// The addresses.
    pub to: Vec<String>,
}

/// A message was not taken. It has a name all the same, under which it is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its author.
    pub from: String,
    /// Its recipients, at most [`Accepted::SHOWN`].
    pub to: Vec<String>,
    /// Whose it is.
    pub account: TenantName,
    /// The zone it would have been sent from, if that is one of the account's.
    pub zone: Option<String>,
    /// Which door it came to.
    pub origin: Origin,
    /// Its Subject, at most [`Accepted::MAX_SUBJECT`] characters.
    pub subject: Option<String>,
    /// The code of the error that was answered.
    pub code: String,
    /// Why, in a sentence.
    pub reason: String,
    /// How it came, if it came from the world.
    pub received: Option<Box<Received>>,
}

/// How a message came from the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Address of the client.
    pub peer: IpAddr,
    /// The name it gave in EHLO, at most [`Received::MAX_NAME`] characters.
    pub helo: String,
    /// The envelope sender that it gave; empty for the null sender.
    pub from: String,
    /// The addresses of ours that it was for: of a message that goes on, the one that each recipient stands for, by its
    /// index.
    pub addressed: Vec<String>,
    /// What was found about its sender.
    pub checks: Checks,
    /// Its spam score in hundredths of a point, if it was scored.
    pub spam: Option<i32>,
}

impl Received {
    /// Most characters of a name that a client gave (RFC 5321 section 4.5.3.1.2).
    pub const MAX_NAME: usize = 255;
}

/// Results of authentication, in the words of RFC 8601 section 2.7.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// SPF, of the envelope sender or of the name in EHLO.
    pub spf: String,
    /// DKIM: the best of the signatures.
    pub dkim: String,
    /// DMARC of the author's domain.
    pub dmarc: String,
    /// ARC.
    pub arc: String,
}

/// A message that was taken and goes nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Its author; empty if there is none.
    pub author: String,
    /// The addresses of ours that it was for and whose rules or Workers say so.
    pub to: Vec<String>,
    /// Whose they are.
    pub account: TenantName,
    /// The zone they are in.
    pub zone: String,
    /// Its Message-ID without the angle brackets; empty if it has none.
    pub message_id: String,
    /// Its Subject, at most [`Accepted::MAX_SUBJECT`] characters.
    pub subject: Option<String>,
    /// Octets of content.
    pub size: u64,
    /// How it came.
    pub received: Box<Received>,
}

/// A message that was held was shown to its Worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// The addresses of ours that it was held for, and is not any more.
    pub to: Vec<String>,
    /// The name of what came of it.
    pub as_message: QueueId,
}

/// What a Worker did and said while it had a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// Whose Worker it is.
    pub account: TenantName,
    /// The address of ours that the message was for.
    pub to: String,
    /// The Worker.
    pub script: String,
    /// Its version.
    pub version: String,
    /// How it ended, in the words of `wrangler tail`: `ok`, `exception`, `exceededCpu`, ...
    pub outcome: String,
    /// Milliseconds from its beginning to its end.
    pub wall_ms: u32,
    /// What it wrote, a line each: `level: text`; at most [`Ran::MAX_TEXT`] octets in all.
    pub lines: Vec<String>,
    /// The exceptions that nobody caught.
    pub exceptions: Vec<String>,
    /// Whether more was written than is kept.
    pub truncated: bool,
}

impl Ran {
    /// Most octets of what is kept of a run.
    pub const MAX_TEXT: usize = 16 << 10;
}

/// A recipient failed after its server had taken the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateBounce {
    /// Which recipient.
    pub recipient: u16,
    /// Class of the failure as the bounce rules call it.
    pub class: String,
    /// Status that the report gives (RFC 3464 section 2.3.4).
    pub status: EnhancedCode,
    /// What the report says.
    pub text: String,
}

/// A recipient complained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// Which recipient.
    pub recipient: u16,
    /// Of what kind, as the report calls it (RFC 5965 section 3.1: `abuse`).
    pub feedback: String,
}

/// A recipient unsubscribed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribed {
    /// Which recipient.
    pub recipient: u16,
}

impl Event {
    /// What kind it is.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Accepted(_) => EventKind::Accepted,
            Self::Attempt(_) => EventKind::Attempt,
            Self::Expired(_) => EventKind::Expired,
            Self::Cancelled(_) => EventKind::Cancelled,
            Self::Rerouted(_) => EventKind::Rerouted,
            Self::Suspended(_) => EventKind::Suspended,
            Self::Resumed(_) => EventKind::Resumed,
            Self::Automatic(_) => EventKind::Automatic,
            Self::Fallback(_) => EventKind::Fallback,
            Self::ReportSent(_) => EventKind::ReportSent,
            Self::Addressed(_) => EventKind::Addressed,
            Self::Suppressed(_) => EventKind::Suppressed,
            Self::Rejected(_) => EventKind::Rejected,
            Self::Failed(_) => EventKind::Failed,
            Self::LateBounce(_) => EventKind::LateBounce,
            Self::Complaint(_) => EventKind::Complaint,
            Self::Unsubscribed(_) => EventKind::Unsubscribed,
            Self::Dropped(_) => EventKind::Dropped,
            Self::Processed(_) => EventKind::Processed,
            Self::Ran(_) => EventKind::Ran,
            Self::Held(_) => EventKind::Held,
            Self::Released(_) => EventKind::Released,
        }
    }
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 22] = [
        Self::Accepted,
        Self::Attempt,
        Self::Expired,
        Self::Cancelled,
        Self::Rerouted,
        Self::Suspended,
        Self::Resumed,
        Self::Automatic,
        Self::Fallback,
        Self::ReportSent,
        Self::Addressed,
        Self::Suppressed,
        Self::Rejected,
        Self::Failed,
        Self::LateBounce,
        Self::Complaint,
        Self::Unsubscribed,
        Self::Dropped,
        Self::Processed,
        Self::Ran,
        Self::Held,
        Self::Released,
    ];

    /// Its name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Attempt => "attempt",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Rerouted => "rerouted",
            Self::Suspended => "suspended",
            Self::Resumed => "resumed",
            Self::Automatic => "automatic",
            Self::Fallback => "fallback",
            Self::ReportSent => "report_sent",
            Self::Addressed => "addressed",
            Self::Suppressed => "suppressed",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::LateBounce => "late_bounce",
            Self::Complaint => "complaint",
            Self::Unsubscribed => "unsubscribed",
            Self::Dropped => "dropped",
            Self::Processed => "processed",
            Self::Ran => "ran",
            Self::Held => "held",
            Self::Released => "released",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
