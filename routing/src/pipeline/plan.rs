//! What is to be done with a message, address by address, before any of it is done.

use mailwright_engine::{address::EmailAddress, id::QueueId, message::RawMessage};
use mailwright_workers::EventError;

/// What rules and Workers say of a message.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Where it goes on to; each of these is a message of its own.
    pub(super) onward: Vec<Group>,
    /// Addresses whose rules throw it away.
    pub(super) dropped: Vec<EmailAddress>,
    /// Addresses whose Workers took it and sent it nowhere.
    pub(super) processed: Vec<EmailAddress>,
    /// Addresses whose Workers refuse it, and why.
    pub(super) rejected: Vec<(EmailAddress, String)>,
    /// Addresses whose Workers did not come to an end with it, and why.
    pub(super) failed: Vec<(EmailAddress, EventError)>,
    /// Answers to its sender.
    pub(super) replies: Vec<WorkerReply>,
}

/// Destinations that get the same octets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Fields that are put on top for them, CRLF lines.
    pub(super) fields: String,
    /// Where it goes, and the address of ours that it was written to.
    pub(super) recipients: Vec<(EmailAddress, EmailAddress)>,
}

/// An answer of a Worker, checked.
#[derive(Debug)]
pub(super) struct WorkerReply {
    /// Its name.
    pub(super) id: QueueId,
    /// The sender of the message that it answers.
    pub(super) to: EmailAddress,
    /// The answer.
    pub(super) message: RawMessage,
}

impl Plan {
    /// Has the message go to `destination` with these fields on top; once, however often that is said.
    pub(super) fn go_on(&mut self, fields: &str, destination: EmailAddress, addressed: &EmailAddress) {
        let known = self.onward.iter_mut().find(|group| group.fields == fields);
        match known {
            Some(group) if group.recipients.iter().any(|(known, _)| *known == destination) => {}
            Some(group) => group.recipients.push((destination, addressed.clone())),
            None => self.onward.push(Group {
                fields: fields.to_owned(),
                recipients: vec![(destination, addressed.clone())],
            }),
        }
    }

    /// Whether somebody takes it, and be it to throw it away.
    pub(super) fn is_taken(&self) -> bool {
        !(self.onward.is_empty() && self.dropped.is_empty() && self.processed.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    #[test]
    fn one_destination_gets_the_same_octets_once() {
        let mut plan = Plan::default();
        let (ann, bob, ours) =
            (address("ann@far.example"), address("bob@far.example"), address("us@our.example"));
        for (fields, to) in [("", &ann), ("", &bob), ("", &ann), ("X-A: 1\r\n", &ann)] {
            plan.go_on(fields, to.clone(), &ours);
        }
        let sizes: Vec<_> = plan.onward.iter().map(|group| group.recipients.len()).collect();
        assert_eq!(sizes, [2, 1]);
        assert!(plan.is_taken());
        assert!(!Plan { rejected: vec![(ours, "no".into())], ..Plan::default() }.is_taken());
    }
}
