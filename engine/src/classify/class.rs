//! The classes of failures.

use crate::retry::RetryClass;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a failed delivery was about. The names are stable: they are stored, exported as metric labels and
/// written in rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceClass {
    /// The address does not exist (any more), or never could.
    NoSuchMailbox,
    /// The recipient's domain does not exist or takes no mail.
    NoSuchDomain,
    /// The mailbox is over its quota.
    MailboxFull,
    /// The mailbox exists but is disabled, suspended or asleep.
    MailboxDisabled,
    /// Refused by a rule of the receiver that is none of the other classes: closed lists, banned senders,
    /// attachments it does not take, refusals it does not explain.
    Policy,
    /// The content was taken for spam, phishing or malware.
    SpamContent,
    /// Our address, the sender's domain or a link is on a blocklist or of bad reputation.
    Blocklisted,
    /// SPF, DKIM, DMARC or ARC did not pass, or our address has no valid reverse name (the conditions of
    /// RFC 7372).
    AuthenticationFailed,
    /// Too much, too fast, or too many at once: connections, messages, recipients.
    RateLimited,
    /// Refused on first sight (RFC 6647).
    Greylisted,
    /// The message is larger than the receiver takes.
    MessageTooBig,
    /// The receiver does not see itself responsible for the recipient's domain, or wants a login.
    RelayDenied,
    /// TLS is missing, required or failed.
    Tls,
    /// The name service gave no (usable) answer: to us, or to the receiver about the sender's domain.
    Dns,
    /// The receiving system, or one behind it, cannot be reached or takes no mail for now.
    Connection,
    /// One side did not understand the other: syntax, order of commands, form of the message.
    Protocol,
    /// Anything else, internal errors of the receiver among them.
    Other,
}

impl BounceClass {
    /// Every class, in the order of their declaration.
    pub const ALL: [Self; 17] = [
        Self::NoSuchMailbox,
        Self::NoSuchDomain,
        Self::MailboxFull,
        Self::MailboxDisabled,
        Self::Policy,
        Self::SpamContent,
        Self::Blocklisted,
        Self::AuthenticationFailed,
        Self::RateLimited,
        Self::Greylisted,
        Self::MessageTooBig,
        Self::RelayDenied,
        Self::Tls,
        Self::Dns,
        Self::Connection,
        Self::Protocol,
        Self::Other,
    ];

    /// The name in rules, logs and metric labels: `no_such_mailbox`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSuchMailbox => "no_such_mailbox",
            Self::NoSuchDomain => "no_such_domain",
            Self::MailboxFull => "mailbox_full",
            Self::MailboxDisabled => "mailbox_disabled",
            Self::Policy => "policy",
            Self::SpamContent => "spam_content",
            Self::Blocklisted => "blocklisted",
            Self::AuthenticationFailed => "authentication_failed",
            Self::RateLimited => "rate_limited",
            Self::Greylisted => "greylisted",
            Self::MessageTooBig => "message_too_big",
            Self::RelayDenied => "relay_denied",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::Connection => "connection",
            Self::Protocol => "protocol",
            Self::Other => "other",
        }
    }

    /// Whether the class is about the recipient's address itself.
    pub const fn is_about_address(self) -> bool {
        matches!(self, Self::NoSuchMailbox | Self::NoSuchDomain | Self::MailboxFull | Self::MailboxDisabled)
    }

    /// The pace at which a failure of this class is tried again.
    pub const fn retry_class(self) -> RetryClass {
        match self {
            Self::MailboxFull => RetryClass::MailboxFull,
            Self::Greylisted => RetryClass::Greylisted,
            Self::RateLimited => RetryClass::RateLimited,
            Self::Dns => RetryClass::Dns,
            Self::Connection => RetryClass::Connection,
            Self::Policy | Self::SpamContent | Self::Blocklisted | Self::AuthenticationFailed => {
                RetryClass::Policy
            }
            Self::NoSuchMailbox
            | Self::NoSuchDomain
            | Self::MailboxDisabled
            | Self::MessageTooBig
            | Self::RelayDenied
            | Self::Tls
            | Self::Protocol
            | Self::Other => RetryClass::Default,
        }
    }
}

impl fmt::Display for BounceClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<BounceClass> for RetryClass {
    fn from(class: BounceClass) -> Self {
        class.retry_class()
    }
}
