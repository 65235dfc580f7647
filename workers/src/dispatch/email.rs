//! A message for `email()`.

use super::{
    answer::{Answer, Said},
    body::Pieces,
    pool::{Broken, Pool},
};
use crate::{EmailDone, EventDesk, EventError, whole::whole, wire};
use bytes::Bytes;
use hyper::{Method, Request};
use mailwright_engine::worker::EmailEvent;
use serde::Serialize;

/// Most octets of an answer.
const ANSWER: usize = 1024 * 1024;
/// Destinations that a process is told of. Of the others it asks.
const DESTINATIONS: usize = 50;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    id: &'a str,
    from: &'a str,
    to: &'a str,
    headers: &'a [(String, String)],
    can_be_forwarded: bool,
    destinations: &'a [String],
}

/// Hands a message over and waits for what its Worker says. The token is the message's in [`Events`](crate::Events).
pub(crate) async fn email(
    pool: &Pool,
    event: &EmailEvent,
    token: &str,
    destinations: &[String],
) -> Result<Said, Broken> {
    let head = Head {
        id: &event.id,
        from: &event.from,
        to: &event.to,
        headers: &event.headers,
        can_be_forwarded: event.can_be_forwarded,
        destinations: destinations.get(..DESTINATIONS).unwrap_or(destinations),
    };
    let head = serde_json::to_vec(&head).map_err(|error| Broken::Body(error.into()))?;
    let length = u32::try_from(head.len()).map_err(|error| Broken::Body(error.into()))?;
    let length = Bytes::copy_from_slice(&length.to_be_bytes());
    let body = Pieces::new([length, Bytes::from(head), Bytes::from_owner(event.raw.clone())]);
    let request = Request::builder()
        .method(Method::POST)
        .uri("/email")
        .header(hyper::header::HOST, "mailwright")
        .header(wire::EVENT, token)
        .body(body.boxed())
        .map_err(|error| Broken::Body(error.into()))?;
    let (mut response, lent) = pool.send(request).await?;
    let status = response.status();
    let body = whole(response.body_mut(), ANSWER).await.map_err(|error| Broken::Body(error.into()))?;
    lent.put_back();
    Ok(Said { status, body })
}

/// Has the process collect what is no longer needed.
pub(crate) async fn collect(pool: &Pool) -> Result<(), Broken> {
    let request = Request::builder()
        .uri("/collect")
        .header(hyper::header::HOST, "mailwright")
        .body(Pieces::default().boxed())
        .map_err(|error| Broken::Body(error.into()))?;
    let (mut response, lent) = pool.send(request).await?;
    whole(response.body_mut(), ANSWER).await.map_err(|error| Broken::Body(error.into()))?;
    lent.put_back();
    Ok(())
}

/// What is to be done: what the code asked for, as far as it may. `desk` has the last word on each destination.
pub(crate) fn judge(said: &Said, desk: &dyn EventDesk, known: &[String]) -> Result<EmailDone, EventError> {
    let Answer { forwards, reject } = said.read()?;
    for forward in &forwards {
        if !known.contains(&forward.to) {
            desk.may_forward(&forward.to).map_err(|error| EventError::Threw(error.to_string()))?;
        }
    }
    Ok(EmailDone { forwards, reject })
}
