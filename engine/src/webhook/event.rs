//! What endpoints are told.

use crate::{
    address::{Domain, EmailAddress},
    class::TenantName,
    envelope::Envelope,
    id::QueueId,
    smtp::{
        reply::EnhancedCode,
        verdict::{Outcome, Verdict},
    },
    time::UnixMillis,
};
use serde::{Deserialize, Serialize, Serializer};
use std::{fmt, net::IpAddr, str::FromStr};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// What an event tells; its name is the event's `type`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// We took responsibility for a message to a recipient.
    Accepted = "message.accepted",
    /// The recipient's server took the message.
    Delivered = "message.delivered",
    /// An attempt failed for now; there will be another.
    Deferred = "message.deferred",
    /// The recipient was given up: a reply was final, or the message grew too old. A report that arrives later says
    /// so of a message that was delivered, too.
    Bounced = "message.bounced",
    /// The recipient complained.
    Complained = "message.complained",
    /// The message was not sent to a recipient, who is on the suppression list.
    Suppressed = "message.suppressed",
    /// The recipient unsubscribed.
    Unsubscribed = "message.unsubscribed",
}

/// Text that is no [`EventKind`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no type of event; there are message.accepted, message.delivered, message.deferred, message.bounced, \
     message.complained, message.suppressed and message.unsubscribed"
)]
pub struct InvalidEventKind(String);

impl FromStr for EventKind {
    type Err = InvalidEventKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == text).copied();
        found.ok_or_else(|| InvalidEventKind(text.chars().take(60).collect()))
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a mail server said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SmtpFacts {
    /// The reply's code; `None` when we speak ourselves, of a connection that failed for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// The status (RFC 3463), as `5.1.1`.
    #[serde(serialize_with = "shown")]
    pub status: EnhancedCode,
    /// The reply in full, or our own words; at most [`WebhookEvent::MAX_REPLY`] characters.
    pub reply: String,
    /// The server's name, if one was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

/// One thing that happened to one recipient of a message. Serialises to what endpoints are sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WebhookEvent {
    /// Its name: the same however often it is sent, and made again from the same facts after a crash.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When.
    #[serde(rename = "timestamp", serialize_with = "shown")]
    pub at: UnixMillis,
    /// Whose message it is.
    #[serde(rename = "account_id")]
    pub account: TenantName,
    /// The message's Message-ID without brackets, as the answer to its sending named it; empty if it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message_id: String,
    /// The message's name in our queue and logs.
    #[serde(serialize_with = "shown")]
    pub queue_id: QueueId,
    /// The recipient's address.
    pub recipient: String,
    /// The recipient's domain.
    pub domain: Domain,
    /// Which attempt it was, from 1; `None` for what is no attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What the failure was about, as the bounce rules call it; empty when there was none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub class: String,
    /// What the mail server said, if one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<SmtpFacts>,
    /// When the next attempt is due, if there is to be one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown_if_any")]
    pub next_attempt_at: Option<UnixMillis>,
    /// What the sender called it: the campaign.
    pub tags: Vec<String>,
}

impl WebhookEvent {
    /// Most characters of a reply that are told.
    pub const MAX_REPLY: usize = 1_000;

    /// An event about the recipient at `index` of a message; nothing about an attempt yet. `None` when the message
    /// belongs to no account, or has no such recipient.
    pub fn about(envelope: &Envelope, index: u16, kind: EventKind, at: UnixMillis) -> Option<Self> {
        let recipient = envelope.recipients.get(usize::from(index))?;
        let tags = envelope.campaign.iter().map(ToString::to_string).collect();
        Some(Self {
            tags,
            ..Self::later(envelope.id, (index, recipient), envelope.account.clone()?, kind, at)
        })
    }

    /// An event about a recipient, with its index, of a message whose envelope is no longer at hand.
    pub fn later(
        id: QueueId,
        (index, recipient): (u16, &EmailAddress),
        account: TenantName,
        kind: EventKind,
        at: UnixMillis,
    ) -> Self {
        Self {
            id: format!("evt_{id}_{index}_{}", short(kind)),
            kind,
            at,
            account,
            message_id: String::new(),
            queue_id: id,
            recipient: recipient.to_string(),
            domain: recipient.domain().clone(),
            attempt: None,
            class: String::new(),
            smtp: None,
            next_attempt_at: None,
            tags: Vec::new(),
        }
    }

    /// The same event as part of an attempt, from 1: its name says which.
    #[must_use]
    pub fn of_attempt(mut self, attempt: u32) -> Self {
        self.id = format!("{}_{attempt}", self.id);
        self.attempt = Some(attempt);
        self
    }

    /// The event as JSON.
    ///
    /// # Errors
    /// Never for what this type can hold; the signature is serde's.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

impl From<Outcome> for EventKind {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered => Self::Delivered,
            Outcome::Soft => Self::Deferred,
            Outcome::Hard => Self::Bounced,
        }
    }
}

impl From<&Verdict> for SmtpFacts {
    /// What was said, by the server if it said anything.
    fn from(verdict: &Verdict) -> Self {
        match &verdict.reply {
            Some(reply) => Self::new(Some(reply.code().into()), verdict.status, &reply.to_string()),
            None => Self::new(None, verdict.status, &verdict.to_string()),
        }
    }
}

impl SmtpFacts {
    /// What was said, cut to [`WebhookEvent::MAX_REPLY`] characters; no server yet.
    pub fn new(code: Option<u16>, status: EnhancedCode, reply: &str) -> Self {
        let reply = reply.chars().take(WebhookEvent::MAX_REPLY).collect();
        Self { code, status, reply, host: None, address: None }
    }
}

/// The part of a name after `message.`.
fn short(kind: EventKind) -> &'static str {
    kind.as_str().split_once('.').map_or(kind.as_str(), |(_, short)| short)
}

/// The body of a call: a batch of events, each of them JSON already, in order.
pub fn batch_body<'a>(at: UnixMillis, events: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut body = format!(r#"{{"type":"email.events","timestamp":"{at}","data":["#).into_bytes();
    for (index, event) in events.into_iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(event.as_bytes());
    }
    body.extend_from_slice(b"]}");
    body
}

/// The body of a call that somebody makes to try an endpoint: a batch without events, of another type.
pub fn test_body(at: UnixMillis) -> Vec<u8> {
    format!(r#"{{"type":"webhook.test","timestamp":"{at}","data":[]}}"#).into_bytes()
}

fn shown<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn shown_if_any<S: Serializer>(value: &Option<impl fmt::Display>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::{EmailAddress, ReversePath},
        envelope::{Campaign, Origin},
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn envelope() -> Envelope {
        let recipients = vec![EmailAddress::parse("a@example.com").unwrap()];
        let id = QueueId::from_raw(0x0006_1234_5678_9abc);
        let mut envelope = Envelope::new(id, UnixMillis::new(1), ReversePath::Null, recipients, Origin::Api);
        envelope.account = TenantName::parse("0123456789abcdef0123456789abcdef").ok();
        envelope.campaign = Campaign::parse("spring").ok();
        envelope
    }

    fn event() -> WebhookEvent {
        let at = UnixMillis::new(1_795_255_445_123);
        WebhookEvent::about(&envelope(), 0, EventKind::Bounced, at).unwrap().of_attempt(2)
    }

    #[test]
    fn an_event_says_what_is_documented() {
        let mut event = event();
        event.message_id = "x@example.com".into();
        event.class = "unknown_recipient".into();
        let status = "5.1.1".parse::<EnhancedCode>().unwrap();
        let mut smtp = SmtpFacts::new(Some(550), status, "550 5.1.1 no such \"user\"");
        smtp.host = Some("mx.example.com".into());
        smtp.address = Some("192.0.2.1".parse().unwrap());
        event.smtp = Some(smtp);
        let told: Value = serde_json::from_str(&event.to_json().unwrap()).unwrap();
        let expected = json!({
            "id": "evt_06123456789abc_0_bounced_2",
            "type": "message.bounced",
            "timestamp": "2026-11-21T10:04:05.123Z",
            "account_id": "0123456789abcdef0123456789abcdef",
            "message_id": "x@example.com",
            "queue_id": "06123456789abc",
            "recipient": "a@example.com",
            "domain": "example.com",
            "attempt": 2,
            "class": "unknown_recipient",
            "smtp": {
                "code": 550, "status": "5.1.1", "reply": "550 5.1.1 no such \"user\"",
                "host": "mx.example.com", "address": "192.0.2.1",
            },
            "tags": ["spring"],
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn nothing_is_told_of_mail_without_an_account_or_recipient() {
        let at = UnixMillis::new(1);
        assert_eq!(WebhookEvent::about(&envelope(), 1, EventKind::Accepted, at), None);
        let relayed = Envelope { account: None, ..envelope() };
        assert_eq!(WebhookEvent::about(&relayed, 0, EventKind::Accepted, at), None);
    }

    #[test]
    fn kinds_read_back_what_they_print() {
        for kind in EventKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        let error = "message.opened".parse::<EventKind>().unwrap_err().to_string();
        assert!(EventKind::ALL.iter().all(|kind| error.contains(kind.as_str())), "{error}");
    }

    #[test]
    fn a_test_is_a_call_like_any_other() {
        let body: Value = serde_json::from_slice(&test_body(UnixMillis::new(0))).unwrap();
        let expected = json!({"type": "webhook.test", "timestamp": "1970-01-01T00:00:00.000Z", "data": []});
        assert_eq!(body, expected);
    }

    proptest! {
        #[test]
        fn a_batch_is_json_whatever_replies_say(replies in prop::collection::vec(".{0,40}", 0..5)) {
            let status = "5.0.0".parse::<EnhancedCode>().unwrap();
            let events: Vec<_> = replies.iter().map(|reply| {
                let event = WebhookEvent { smtp: Some(SmtpFacts::new(None, status, reply)), ..event() };
                event.to_json().unwrap()
            }).collect();
            let body = batch_body(UnixMillis::new(5), events.iter().map(String::as_str));
            let body: Value = serde_json::from_slice(&body).unwrap();
            let told = body["data"].as_array().unwrap();
            let told: Vec<_> = told.iter().map(|event| event["smtp"]["reply"].as_str().unwrap()).collect();
            prop_assert_eq!(told, replies);
        }
    }
}
