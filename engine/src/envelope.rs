//! The envelope of an accepted message: what SMTP carries beside the content.

use crate::{
    address::{Domain, EmailAddress, ReversePath},
    class::{PoolName, Priority, QueueClass, TenantName, TransportSecurity},
    dsn::{DsnRequest, RecipientDsn},
    id::{ObjectKey, QueueId},
    request_mark::RequestMark,
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// What the content consists of, as `BODY=` of RFC 6152 says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum BodyType {
    /// Octets below 128 only.
    #[default]
    SevenBit,
    /// Lines of any octets (RFC 6152).
    EightBitMime,
}

/// Whether header fields or addresses hold UTF-8, so that the next hop must offer SMTPUTF8 (RFC 6531).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum SmtpUtf8 {
    /// ASCII addresses and header fields.
    #[default]
    NotNeeded,
    /// The next hop must support SMTPUTF8.
    Needed,
}

/// Which door a message came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// The HTTP API.
    Api,
    /// The relay listener for trusted networks.
    Relay,
    /// A submission listener (RFC 6409): a client that logged in.
    Submission,
    /// We wrote it: a delivery report to a sender, or an aggregate report to a domain's owner.
    Report,
    /// It came from the world for an address of ours, and goes on to where that leads.
    Routing,
    /// A Worker of the account sent it by a binding of its own.
    Worker,
}

impl Origin {
    /// `api`, `relay`, `submission`, `report`, `routing` or `worker`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Relay => "relay",
            Self::Submission => "submission",
            Self::Report => "report",
            Self::Routing => "routing",
            Self::Worker => "worker",
        }
    }

    /// Whether it is mail that somebody sends by us: what limits, suppressions, webhooks and reports to senders are
    /// about.
    pub const fn is_sending(self) -> bool {
        matches!(self, Self::Api | Self::Relay | Self::Submission | Self::Worker)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sender's own name for what a message is part of: for sums and searches, never for decisions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Campaign(String);

/// Text that is no [`Campaign`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a campaign: use 1 to {max} printable characters", max = Campaign::MAX_CHARS)]
pub struct InvalidCampaign(String);

impl Campaign {
    /// The longest name, in characters.
    pub const MAX_CHARS: usize = 64;

    /// Reads a name of 1 to [`Campaign::MAX_CHARS`] characters, none of them a control character.
    ///
    /// # Errors
    /// When it is not of this form.
    pub fn parse(name: &str) -> Result<Self, InvalidCampaign> {
        let fits = (1..=Self::MAX_CHARS).contains(&name.chars().count());
        if fits && !name.chars().any(char::is_control) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidCampaign(name.chars().take(80).collect()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Campaign {
    type Error = InvalidCampaign;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name)
    }
}

impl From<Campaign> for String {
    fn from(campaign: Campaign) -> Self {
        campaign.0
    }
}

/// A message that waits for a time that its sender asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// When it is to go.
    pub at: UnixMillis,
    /// How many octets of its content we put on top: trace and signatures, made anew when the time is changed.
    pub on_top: u32,
    /// The number of its first group. Each change of the time makes new entries, so that no two have a name in common.
    pub first_group: u16,
}

/// By what an account sent a message: what limits are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct SentBy {
    /// The sending domain of its author.
    pub domain: Option<ObjectKey>,
    /// The token that its sender showed.
    pub token: Option<ObjectKey>,
}

/// Who sent a message to whom, and how it must be carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The message's name.
    pub id: QueueId,
    /// When we took responsibility for it.
    pub accepted_at: UnixMillis,
    /// Where failures are reported.
    pub reverse_path: ReversePath,
    /// Every recipient, in the order given; elsewhere a recipient is named by its index here.
    pub recipients: Vec<EmailAddress>,
    /// Whether the content is 7-bit.
    pub body: BodyType,
    /// Whether SMTPUTF8 is needed.
    pub smtputf8: SmtpUtf8,
    /// The account that sent it; `None` for mail from trusted networks.
    pub account: Option<TenantName>,
    /// By what that account sent it.
    pub sent_by: SentBy,
    /// Which door it came in by.
    pub origin: Origin,
    /// How urgent it is.
    pub priority: Priority,
    /// What it is part of, in the sender's words.
    pub campaign: Option<Campaign>,
    /// Which sources carry it; `None` for what the configuration says.
    pub pool: Option<PoolName>,
    /// What it asks of TLS on its way (RFC 8689).
    pub security: TransportSecurity,
    /// How long after acceptance it may still be tried; `None` for what the configuration says.
    pub expires_after: Option<Duration>,
    /// What the sender said about reports.
    pub dsn: DsnRequest,
    /// What the sender said about reports on each recipient, by index; empty if nothing about any.
    pub recipients_dsn: Vec<RecipientDsn>,
    /// When it is to go; `None`: at once.
    pub schedule: Option<Schedule>,
    /// The request that it came by, if its client named that with a key.
    pub request: Option<Box<RequestMark>>,
}

/// The recipients of one message at one destination domain: the unit the queue schedules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientGroup {
    /// The destination.
    pub domain: Domain,
    /// Indexes into [`Envelope::recipients`].
    pub recipients: Vec<u16>,
}

impl Envelope {
    /// The largest number of recipients a message may have, so that an index fits 16 bits with room to spare.
    pub const MAX_RECIPIENTS: usize = 10_000;

    /// The envelope of plain mail: seven bits, normal priority, nothing asked for beyond delivery.
    pub fn new(
        id: QueueId,
        accepted_at: UnixMillis,
        reverse_path: ReversePath,
        recipients: Vec<EmailAddress>,
        origin: Origin,
    ) -> Self {
        Self {
            id,
            accepted_at,
            reverse_path,
            recipients,
            body: BodyType::default(),
            smtputf8: SmtpUtf8::default(),
            account: None,
            sent_by: SentBy::default(),
            origin,
            priority: Priority::default(),
            campaign: None,
            pool: None,
            security: TransportSecurity::default(),
            expires_after: None,
            dsn: DsnRequest::default(),
            recipients_dsn: Vec::new(),
            schedule: None,
            request: None,
        }
    }

    /// What the sender said about reports on one recipient.
    pub fn dsn_of(&self, recipient: u16) -> RecipientDsn {
        self.recipients_dsn.get(usize::from(recipient)).cloned().unwrap_or_default()
    }

    /// What its entries are scheduled by.
    pub fn class(&self) -> QueueClass {
        QueueClass {
            priority: self.priority,
            tenant: self.account.clone(),
            pool: self.pool.clone(),
            security: self.security,
        }
    }

    /// The recipients by destination domain, in order of first appearance.
    ///
    /// A group is known by its position in this list, counted from [`Schedule::first_group`], so the order is part of the
    /// stored format.
    pub fn groups(&self) -> Vec<RecipientGroup> {
        let mut groups: Vec<RecipientGroup> = Vec::with_capacity(1);
        for (index, recipient) in (0u16..).zip(&self.recipients) {
            match groups.iter_mut().find(|group| group.domain == *recipient.domain()) {
                Some(group) => group.recipients.push(index),
                None => groups
                    .push(RecipientGroup { domain: recipient.domain().clone(), recipients: vec![index] }),
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(recipients: &[&str]) -> Envelope {
        let recipients = recipients.iter().map(|r| EmailAddress::parse(r).unwrap()).collect();
        Envelope::new(QueueId::from_raw(1), UnixMillis::new(0), ReversePath::Null, recipients, Origin::Relay)
    }

    #[test]
    fn groups_recipients_by_domain_in_order_of_first_appearance() {
        let groups = envelope(&["a@b.example", "c@d.example", "e@B.example"]).groups();
        let shape: Vec<_> = groups.iter().map(|g| (g.domain.as_str(), g.recipients.as_slice())).collect();
        assert_eq!(shape, [("b.example", &[0u16, 2][..]), ("d.example", &[1][..])]);
    }
    #[test]
    fn its_class_is_what_it_asks_for() {
        let mut envelope = envelope(&["a@b.example"]);
        assert_eq!(envelope.class(), QueueClass::default());
        envelope.account = Some(TenantName::parse("shop").unwrap());
        envelope.priority = Priority::Bulk;
        envelope.pool = Some(PoolName::parse("warm").unwrap());
        envelope.security = TransportSecurity::Required;
        let class = envelope.class();
        assert_eq!((class.priority, class.security), (Priority::Bulk, TransportSecurity::Required));
        assert_eq!(class.tenant.as_ref().map(TenantName::as_str), Some("shop"));
        assert_eq!(class.pool.as_ref().map(PoolName::as_str), Some("warm"));
    }

    #[test]
    fn a_campaign_is_short_and_printable() {
        let longest = "ü".repeat(Campaign::MAX_CHARS);
        assert_eq!(Campaign::parse(&longest).unwrap().as_str(), longest);
        for wrong in ["", "a\r\nBcc: b", &"a".repeat(Campaign::MAX_CHARS + 1)] {
            assert!(Campaign::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
