//! What clients are told when no Worker has answered them: text, and nothing of the Worker's insides.

use crate::{EventError, FetchBody};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};

/// Seconds after which a client may try again.
const RETRY_SECONDS: u16 = 5;

/// The answer in place of a Worker's.
pub(super) fn instead(error: &EventError) -> Response<FetchBody> {
    let (status, text) = match error {
        EventError::NotDeployed(_) => (StatusCode::NOT_FOUND, "There is no Worker at this address."),
        EventError::NoRuntime(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "Workers cannot be run on this server for now.")
        }
        EventError::NoHandler(_) => {
            (StatusCode::NOT_IMPLEMENTED, "The Worker at this address exports no fetch() handler.")
        }
        EventError::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many requests wait for this Worker. Try again in a moment.",
        ),
        EventError::NotStarted(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The Worker does not start. Its owner finds out why in its log.",
        ),
        EventError::Threw(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "error code: 1101: the Worker threw an exception.")
        }
        EventError::Crashed(_) => {
            (StatusCode::BAD_GATEWAY, "error code: 1101: the Worker ended before it had answered.")
        }
        EventError::CpuExceeded(_) | EventError::MemoryExceeded(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "error code: 1102: the Worker took more than it may.")
        }
        EventError::TimedOut(_) => (StatusCode::GATEWAY_TIMEOUT, "The Worker did not answer in time."),
    };
    answer(status, text)
}

/// A line of text.
pub(super) fn answer(status: StatusCode, text: &str) -> Response<FetchBody> {
    let body = Full::new(Bytes::from(format!("{text}\n"))).map_err(|never| match never {});
    let mut answer = Response::new(FetchBody::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, RETRY_SECONDS.into());
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_of_an_exception_reaches_clients() {
        let answer = instead(&EventError::Threw("Error: secret".to_owned()));
        assert_eq!(answer.status(), 500);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let text = str::from_utf8(&body).unwrap();
        assert!(text.contains("1101") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn who_meets_a_busy_worker_is_told_when_to_come_again() {
        let answer = instead(&EventError::Busy);
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (503, &HeaderValue::from(5))
        );
    }
}
