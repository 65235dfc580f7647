//! What the event log knows of a message that news is about: whose it was, and to whom.

use mailwright_engine::{
    address::EmailAddress, class::TenantName, envelope::Origin, id::QueueId, time::UnixMillis,
};
use mailwright_storage::{
    StorageError,
    events::{Event, EventReader, TimelineLimits},
    suppressions::AddressKey,
};
use std::collections::BTreeMap;

/// How far the log is searched: a minute of some thousand messages a second. Messages take no more as a rule, for the
/// search ends a minute after the last recipient was settled.
const LIMITS: TimelineLimits = TimelineLimits { events: 20_000, bytes: 1 << 30 };

/// A message as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Story {
    pub(super) id: QueueId,
    pub(super) account: TenantName,
    /// Its Message-ID; empty if unknown.
    pub(super) message_id: String,
    pub(super) campaign: Option<String>,
    origin: Origin,
    /// The envelope sender that it came in with.
    from: String,
    recipients: BTreeMap<u16, EmailAddress>,
}

/// One of its recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whom {
    pub(super) index: u16,
    pub(super) address: EmailAddress,
}

impl Story {
    /// The message `id` as the log has it at `now`; `None` if it does not have it any more, or it was nobody's.
    pub(super) fn read(
        log: &EventReader,
        id: QueueId,
        now: UnixMillis,
    ) -> Result<Option<Self>, StorageError> {
        let mut story = None;
        let mut recipients = BTreeMap::new();
        let mut put = |index: u16, address: &str| {
            if let Ok(address) = EmailAddress::parse(address) {
                recipients.insert(index, address);
            }
        };
        for logged in log.events_of(id, now, LIMITS)?.events {
            match logged.event {
                Event::Accepted(accepted) => {
                    let accepted = *accepted;
                    (0..).zip(&accepted.to).for_each(|(index, to)| put(index, to));
                    let from = accepted.received.map_or(accepted.from, |received| received.from);
                    story = accepted.account.map(|account| Self {
                        id,
                        account,
                        message_id: accepted.message_id,
                        campaign: accepted.campaign,
                        origin: accepted.origin,
                        from,
                        recipients: BTreeMap::new(),
                    });
                }
                Event::Addressed(rest) => (rest.first..).zip(&rest.to).for_each(|(index, to)| put(index, to)),
                Event::Attempt(attempt) => put(attempt.recipient, &attempt.address),
                _ => {}
            }
        }
        Ok(story.map(|story| Self { recipients, ..story }))
    }

    /// A message to one recipient, of which nothing else is known.
    pub(super) fn of_one(id: QueueId, account: TenantName, recipient: EmailAddress) -> Self {
        Self {
            id,
            account,
            message_id: String::new(),
            campaign: None,
            origin: Origin::Api,
            from: String::new(),
            recipients: BTreeMap::from([(0, recipient)]),
        }
    }

    /// The recipient with the index that our address gave; or else the one that the news names, or the only one.
    pub(super) fn whom<'a>(
        &self,
        index: Option<u16>,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Option<Whom> {
        let index = index.or_else(|| names.into_iter().find_map(|name| self.named(name))).or_else(|| {
            let mut all = self.recipients.keys();
            all.next().filter(|_| all.next().is_none()).copied()
        })?;
        let address = self.recipients.get(&index)?.clone();
        Some(Whom { index, address })
    }

    fn named(&self, name: &str) -> Option<u16> {
        let wanted = AddressKey::of(&EmailAddress::parse(name).ok()?);
        let mut all = self.recipients.iter();
        all.find(|(_, address)| AddressKey::of(address) == wanted).map(|(index, _)| *index)
    }

    /// Whether somebody sent it by us; otherwise it came from the world and went on.
    pub(super) fn is_sending(&self) -> bool {
        self.origin.is_sending()
    }

    /// The sender, if it has an address that is not ours: it is told what comes back.
    pub(super) fn own_sender(&self) -> Option<EmailAddress> {
        if !matches!(self.origin, Origin::Submission | Origin::Routing) {
            return None;
        }
        // The log has it as SMTP does, in angle brackets.
        EmailAddress::parse(self.from.trim_start_matches('<').trim_end_matches('>')).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn story(recipients: &[&str]) -> Story {
        let account = TenantName::parse("shop").unwrap();
        let recipients = (0..).zip(recipients).map(|(index, to)| (index, address(to))).collect();
        Story { recipients, ..Story::of_one(QueueId::from_raw(1), account, address("x@example.net")) }
    }

    #[test]
    fn the_address_says_who_is_meant_before_the_report_does() {
        let story = story(&["ann@example.net", "bob@example.net"]);
        let index = |known, names: &[&str]| story.whom(known, names.iter().copied()).map(|whom| whom.index);
        assert_eq!(index(Some(1), &["ann@example.net"]), Some(1));
        assert_eq!(index(None, &["redacted", "BOB@Example.NET"]), Some(1));
        assert_eq!(index(None, &["eve@example.net"]), None);
        assert_eq!(index(Some(2), &["ann@example.net"]), None);
    }

    #[test]
    fn only_senders_of_submission_have_an_address_of_their_own() {
        let from = |origin, from: &str| Story { origin, from: from.to_owned(), ..story(&[]) }.own_sender();
        assert_eq!(from(Origin::Submission, "<me@example.org>"), Some(address("me@example.org")));
        assert_eq!(from(Origin::Submission, "<>"), None);
        assert_eq!(from(Origin::Api, "<b-1@cf-bounce.example.org>"), None);
    }

    #[test]
    fn a_message_to_one_is_about_that_one_whatever_a_report_calls_it() {
        let whom = story(&["ann@example.net"]).whom(None, ["redacted@redacted.invalid"]);
        assert_eq!(whom, Some(Whom { index: 0, address: address("ann@example.net") }));
    }
}
