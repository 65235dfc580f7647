//! The envelope of an accepted message: what SMTP carries beside the content.

use crate::{
    address::{Domain, EmailAddress, ReversePath},
    id::QueueId,
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};

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
    pub account: Option<String>,
    /// Which door it came in by.
    pub origin: Origin,
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

    /// The recipients by destination domain, in order of first appearance.
    ///
    /// A group is known by its position in this list, so the order is part of the stored format.
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
        Envelope {
            id: QueueId::from_raw(1),
            accepted_at: UnixMillis::new(0),
            reverse_path: ReversePath::Null,
            recipients: recipients.iter().map(|r| EmailAddress::parse(r).unwrap()).collect(),
            body: BodyType::SevenBit,
            smtputf8: SmtpUtf8::NotNeeded,
            account: None,
            origin: Origin::Relay,
        }
    }

    #[test]
    fn groups_recipients_by_domain_in_order_of_first_appearance() {
        let groups = envelope(&["a@b.example", "c@d.example", "e@B.example"]).groups();
        let shape: Vec<_> = groups.iter().map(|g| (g.domain.as_str(), g.recipients.as_slice())).collect();
        assert_eq!(shape, [("b.example", &[0u16, 2][..]), ("d.example", &[1][..])]);
    }
}
