//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that is asked for again is carried out once.

use crate::{
    answer::{self, ApiError},
    body::Body,
    delivery::blocking,
    digest::hash,
    server::AppState,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderMap, HeaderName, HeaderValue},
    rt,
};
use mailwright_engine::request_mark::{RequestDigest, RequestKey};
use mailwright_storage::{
    control::Account,
    requests::{self, Ticket},
};
use serde::Serialize;
use serde_json::Value;
use std::fmt::Display;

/// The field that names a request.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// What it is for, as the description of the API says it.
pub(crate) const DESCRIPTION: &str = "Names the request, with 1 to 255 visible characters: asked for again, it is answered as before and nothing is sent.";
/// What says of an answer that it was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key.
const KEY_MAX: usize = 255;

/// What is to be done for a request.
pub(super) enum Begun {
    /// It is to be carried out; with a ticket if it has a key.
    First(Option<Ticket>),
    /// This is its answer.
    Repeated(HttpResponse),
}

/// Looks up whether a request came before. To be asked before anything is made of it.
///
/// # Errors
/// For a key that is none, that is being worked on, or was used for something else.
pub(super) async fn begin(
    http: &HttpRequest,
    state: &AppState,
    account: &Account,
    body: &Body,
) -> Result<Begun, ApiError> {
    let Some(key) = key(http.headers())? else { return Ok(Begun::First(None)) };
    let key = RequestKey::new(hash([account.id.as_str().as_bytes(), key]));
    let digest = RequestDigest::new(hash([http.path().as_bytes(), body.as_ref()]));
    let requests = state.requests.clone();
    let begun = blocking(move || requests.begin(key, digest).map_err(|error| unknown(&error))).await?;
    match begun {
        requests::Begun::Ticket(ticket) => Ok(Begun::First(Some(ticket))),
        requests::Begun::Answered(result) => {
            let result: Value = serde_json::from_str(&result).map_err(|error| unknown(&error))?;
            Ok(Begun::Repeated(repeated(result)))
        }
        requests::Begun::UnderWay => Err(ApiError::key_under_way()),
        requests::Begun::OtherRequest => Err(ApiError::key_reused()),
    }
}

/// The key that a client gave, if it did.
fn key(headers: &HeaderMap) -> Result<Option<&[u8]>, ApiError> {
    let mut keys = headers.get_all(KEY);
    let Some(key) = keys.next().map(HeaderValue::as_bytes) else { return Ok(None) };
    let is_key = (1..=KEY_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    if is_key && keys.next().is_none() {
        return Ok(Some(key));
    }
    let why = format!("An Idempotency-Key is one header field of 1 to {KEY_MAX} visible ASCII characters.");
    Err(ApiError::schema("Idempotency-Key", why))
}

fn unknown(error: &dyn Display) -> ApiError {
    tracing::error!(%error, "a request with a key was refused: whether it came before is not known");
    ApiError::unavailable("Whether this request came before could not be looked up; try again in a moment.")
}

/// Does work that goes on when its client hangs up: whoever asks again meanwhile must not find the key free.
pub(super) async fn to_its_end<T: 'static>(
    work: impl Future<Output = Result<T, ApiError>> + 'static,
) -> Result<T, ApiError> {
    let ended = rt::spawn(work).await;
    ended.unwrap_or_else(|_| {
        Err(ApiError::unavailable("The server is stopping; try again after its restart."))
    })
}

/// An answer that was given before.
pub(super) fn repeated(result: impl Serialize) -> HttpResponse {
    let mut answer = answer::success(result);
    answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    answer
}

/// The answer to a request, remembered if that has a key.
pub(super) fn answer(ticket: Option<Ticket>, result: &impl Serialize) -> Result<HttpResponse, ApiError> {
    if let Some(ticket) = ticket {
        let text = serde_json::to_string(result).map_err(|error| ApiError::internal(error.to_string()))?;
        ticket.answered(text);
    }
    Ok(answer::success(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_field_of_visible_ascii() {
        let read = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(KEY, HeaderValue::from_bytes(value).unwrap());
            }
            key(&headers).map(|key| key.map(<[u8]>::to_vec))
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b"\"8e03978e\""]), Ok(Some(b"\"8e03978e\"".to_vec())));
        assert!(read(&[&[b'k'; 255]]).is_ok());
        for wrong in
            [&[&b""[..]][..], &[&[b'k'; 256]], &[b"two words"], &["schl\u{fc}ssel".as_bytes()], &[b"a", b"a"]]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
