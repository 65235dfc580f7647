//! `env.QUEUE.send()` and `sendBatch()`: the runtime's protocol of producers, in front of
//! [`QueueStore`](mailwright_storage::workers::QueueStore).

mod request;

use super::{Services, refusal::Refusal, room::Kept};
use crate::MessageFormat;
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use mailwright_storage::{
    control::ObjectId,
    workers::{BodyKind, NewMessage, QueueError, QueueStatus},
};
use request::Sent;
use serde_json::{Value, json};

/// A queue, as a Worker's binding has it.
pub(super) struct Producer<'a> {
    pub(super) services: &'a Services,
    pub(super) account: &'a ObjectId,
    /// Its name.
    pub(super) queue: &'a str,
    /// Seconds that messages wait if they do not say; 0 for what the queue says.
    pub(super) delay: u32,
}

impl Producer<'_> {
    /// Answers a request.
    ///
    /// # Errors
    /// When messages cannot be taken; then none is.
    pub(super) async fn answer(&self, request: &mut Request<Incoming>) -> Result<Response<Kept>, Refusal> {
        let sent = match (request.method(), request.uri().path()) {
            (&Method::POST, "/message") => {
                let (body, _room) = self.services.rooms.read(request.body_mut(), request::BODY_MAX).await?;
                vec![request::message(request.headers(), body)?]
            }
            (&Method::POST, "/batch") => {
                let (body, _room) = self.services.rooms.read(request.body_mut(), request::BODY_MAX).await?;
                request::batch(request.headers(), &body)?
            }
            (&Method::GET, "/metrics") => {
                return Ok(Response::new(Kept::from(&self.send(Vec::new()).await?)));
            }
            _ => return Err(Refusal::bad("A queue takes POST /message and POST /batch.")),
        };
        let metrics = self.send(sent).await?;
        let answer = json!({ "metadata": { "metrics": metrics } });
        Ok(Response::new(Kept::from(&answer)))
    }

    /// Sends messages, if there are any; says how the queue stands then.
    async fn send(&self, sent: Vec<Sent>) -> Result<Value, Refusal> {
        let (queues, account, name) =
            (self.services.queues.clone(), self.account.clone(), self.queue.to_owned());
        let (now, default) = (self.services.now, (self.delay > 0).then_some(self.delay));
        let stored = tokio::task::spawn_blocking(move || {
            if !sent.is_empty() {
                let messages = sent.into_iter().map(|one| stored(one, default)).collect();
                queues.send(&account, &name, messages, now())?;
            }
            queues.status(&account, &name, now())
        });
        let status = stored.await.map_err(|error| Refusal::storage("queue", &error))?.map_err(refusal)?;
        Ok(metrics(&status))
    }
}

fn stored(sent: Sent, default: Option<u32>) -> NewMessage {
    let kind = match sent.format {
        MessageFormat::Json => BodyKind::Json,
        MessageFormat::Text => BodyKind::Text,
        MessageFormat::Bytes => BodyKind::Bytes,
        MessageFormat::V8 => BodyKind::V8,
    };
    NewMessage { kind, body: sent.body.into(), delay: sent.delay.or(default) }
}

fn metrics(status: &QueueStatus) -> Value {
    json!({
        "backlogCount": status.waiting(), "backlogBytes": status.octets,
        "oldestMessageTimestamp": status.oldest.map_or(0, mailwright_engine::time::UnixMillis::as_millis),
    })
}

fn refusal(error: QueueError) -> Refusal {
    match error {
        QueueError::Storage(error) => Refusal::storage("queue", &error),
        QueueError::TooLong { .. } => Refusal::too_large(format!("{error}.")),
        QueueError::Backlog { .. } => Refusal::new(StatusCode::TOO_MANY_REQUESTS, format!("{error}.")),
        _ => Refusal::bad(format!("{error}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_message_waits_as_it_says_or_as_its_binding_does() {
        let sent = |delay| Sent { format: MessageFormat::Text, body: Bytes::from_static(b"hi"), delay };
        assert_eq!(stored(sent(Some(0)), Some(9)).delay, Some(0));
        assert_eq!(stored(sent(None), Some(9)).delay, Some(9));
        assert_eq!(
            stored(sent(None), None),
            NewMessage { kind: BodyKind::Text, body: b"hi".into(), delay: None }
        );
    }
}
