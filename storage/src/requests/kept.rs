//! What is kept of a request.

use mailwright_engine::{
    envelope::Envelope,
    id::QueueId,
    request_mark::{RequestDigest, RequestMark},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A message that was accepted for a request: what its answer is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMessage {
    /// Its name in the queue.
    pub id: QueueId,
    /// Its Message-ID, without the angle brackets.
    pub message_id: String,
    /// To whom it goes.
    pub recipients: Vec<String>,
    /// Whom it was to go to and does not, because they are suppressed.
    pub left_out: Vec<String>,
    /// The time for which it was scheduled, if it was.
    pub send_at: Option<UnixMillis>,
}

impl KeptMessage {
    /// The message of `envelope`, which has `mark`.
    pub fn of(envelope: &Envelope, mark: &RequestMark) -> Self {
        Self {
            id: envelope.id,
            message_id: mark.message_id.clone(),
            recipients: envelope.recipients.iter().map(ToString::to_string).collect(),
            left_out: mark.left_out.iter().map(ToString::to_string).collect(),
            send_at: envelope.schedule.map(|schedule| schedule.at),
        }
    }

    fn octets(&self) -> usize {
        let lists = self.recipients.iter().chain(&self.left_out).map(String::len);
        128 + self.message_id.len() + lists.map(|length| length + 32).sum::<usize>()
    }
}

/// What is known of a request, or a part of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRequest {
    /// What it asked for.
    pub digest: RequestDigest,
    /// When its first message was accepted.
    pub at: UnixMillis,
    /// Its accepted messages, by their places.
    pub messages: BTreeMap<u16, KeptMessage>,
    /// What it was answered with, as JSON; `None` if nobody was there any more to take the answer.
    pub answer: Option<String>,
}

impl KeptRequest {
    pub(super) fn of_message(digest: RequestDigest, at: UnixMillis, item: u16, message: KeptMessage) -> Self {
        Self { digest, at, messages: BTreeMap::from([(item, message)]), answer: None }
    }

    pub(super) fn of_answer(digest: RequestDigest, at: UnixMillis, answer: String) -> Self {
        Self { digest, at, messages: BTreeMap::new(), answer: Some(answer) }
    }

    /// This, with what was known before. What is another request, under a key that was used again, is not mixed in.
    pub(super) fn with_older(mut self, older: Self) -> Self {
        if self.digest != older.digest {
            return self;
        }
        self.at = self.at.min(older.at);
        for (item, message) in older.messages {
            self.messages.entry(item).or_insert(message);
        }
        self.answer = self.answer.or(older.answer);
        self
    }

    /// Octets in memory, roughly.
    pub(super) fn octets(&self) -> usize {
        let answer = self.answer.as_ref().map_or(0, String::len);
        128 + answer + self.messages.values().map(KeptMessage::octets).sum::<usize>()
    }
}
