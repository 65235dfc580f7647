//! A batch for `queue()`.

use super::{
    body::Pieces,
    pool::{Broken, Pool},
};
use crate::{EventError, MessageFormat, QueueBatch, QueueDone, QueueMessage, whole::whole};
use bytes::Bytes;
use data_encoding::BASE64;
use hyper::{Method, Request};
use serde::{Deserialize, Serialize};
use std::time::{Duration, UNIX_EPOCH};

/// Most octets of an answer.
const ANSWER: usize = 1024 * 1024;
/// Most seconds that a message may be put off for: twelve hours.
const DELAY: f64 = 43_200.0;

#[derive(Serialize)]
struct Batch<'a> {
    queue: &'a str,
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    id: &'a str,
    sent: u64,
    attempts: u32,
    format: &'static str,
    body: String,
}

/// What workerd says of a batch (`QueueResponse` in its own words).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    outcome: String,
    #[serde(default)]
    ack_all: bool,
    #[serde(default)]
    retry_batch: RetryBatch,
    #[serde(default)]
    explicit_acks: Vec<String>,
    #[serde(default)]
    retry_messages: Vec<RetryMessage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RetryBatch {
    retry: bool,
    delay_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetryMessage {
    msg_id: String,
    #[serde(default)]
    delay_seconds: Option<f64>,
}

/// Hands a batch over and waits for what its Worker says.
pub(crate) async fn queue(pool: &Pool, batch: &QueueBatch) -> Result<Result<QueueDone, EventError>, Broken> {
    let batch = Batch { queue: &batch.queue, messages: batch.messages.iter().map(Message::of).collect() };
    let body = serde_json::to_vec(&batch).map_err(|error| Broken::Body(error.into()))?;
    let request = Request::builder()
        .method(Method::POST)
        .uri("/")
        .header(hyper::header::HOST, "mailwright")
        .body(Pieces::new([Bytes::from(body)]).boxed())
        .map_err(|error| Broken::Body(error.into()))?;
    let (mut response, lent) = pool.send(request).await?;
    let is_success = response.status().is_success();
    let body = whole(response.body_mut(), ANSWER).await.map_err(|error| Broken::Body(error.into()))?;
    lent.put_back();
    if is_success {
        Ok(judge(&body))
    } else {
        Ok(Err(EventError::Threw("before it had the messages".to_owned())))
    }
}

fn judge(body: &[u8]) -> Result<QueueDone, EventError> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| EventError::Threw(format!("an answer that is not ours: {error}")))?;
    match answer.outcome.as_str() {
        outcome @ ("ok" | "exception") => Ok(QueueDone {
            ack_all: answer.ack_all,
            retry_all: (answer.retry_batch.retry || outcome == "exception")
                .then_some(answer.retry_batch.delay_seconds.map(delay)),
            threw: outcome == "exception",
            acked: answer.explicit_acks,
            retried: answer
                .retry_messages
                .into_iter()
                .map(|retry| (retry.msg_id, retry.delay_seconds.map(delay)))
                .collect(),
        }),
        "scriptNotFound" => Err(EventError::NoHandler("queue")),
        outcome => Err(EventError::Threw(format!("an exception in queue() ({outcome})"))),
    }
}

fn delay(seconds: f64) -> Duration {
    let seconds = if seconds.is_finite() { seconds.clamp(0.0, DELAY) } else { 0.0 };
    Duration::from_secs_f64(seconds)
}

impl<'a> Message<'a> {
    fn of(message: &'a QueueMessage) -> Self {
        let sent = message.sent.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let text = || String::from_utf8_lossy(&message.body).into_owned();
        let (format, body) = match message.format {
            MessageFormat::Json => ("json", text()),
            MessageFormat::Text => ("text", text()),
            MessageFormat::Bytes => ("bytes", BASE64.encode(&message.body)),
            MessageFormat::V8 => ("v8", BASE64.encode(&message.body)),
        };
        let sent = u64::try_from(sent).unwrap_or(u64::MAX);
        Self { id: &message.id, sent, attempts: message.attempts, format, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_of_each_message_is_read() {
        let body = br#"{"outcome":"ok","ackAll":false,"retryBatch":{"retry":true,"delaySeconds":3},
            "explicitAcks":["b"],"retryMessages":[{"msgId":"a","delaySeconds":1e300},{"msgId":"c"}]}"#;
        let done = judge(body).unwrap();
        assert_eq!(done.retry_all, Some(Some(Duration::from_secs(3))));
        assert_eq!(done.acked, ["b"]);
        let twelve_hours = Duration::from_secs(43_200);
        assert_eq!(done.retried, [("a".to_owned(), Some(twelve_hours)), ("c".to_owned(), None)]);
        assert!(!done.ack_all);
    }

    #[test]
    fn an_exception_or_nonsense_is_an_error() {
        let threw = judge(br#"{"outcome":"exception","explicitAcks":["a"]}"#).unwrap();
        assert_eq!(
            (threw.threw, threw.retry_all, threw.acked.as_slice()),
            (true, Some(None), &["a".to_owned()][..])
        );
        assert!(matches!(judge(br#"{"outcome":"killSwitch"}"#), Err(EventError::Threw(_))));
        assert!(matches!(judge(b"{}"), Err(EventError::Threw(_))));
    }
}
