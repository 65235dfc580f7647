//! Reading request bodies: only whole ones, within a deadline, and no more of them at a time than memory holds.

use crate::answer::{self, ApiError};
use actix_web::{
    HttpRequest,
    http::header::CONTENT_LENGTH,
    web::{Bytes, Payload},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Most octets of a request: 25 MiB of content as base64 in JSON, and room for the rest.
pub(crate) const MAX_REQUEST: usize = 36 << 20;
/// Octets of all request bodies in memory at a time; who comes next is asked to try again soon.
const MEMORY: usize = 256 << 20;
/// Octets that most requests have at most: while there is room for one, mail is taken.
const COMMON: usize = 256 << 10;
/// The unit that memory is given out in, so that its count fits a permit's 32 bits.
const BLOCK: usize = 1 << 10;
/// How long a body may take beside what its length takes at [`SLOWEST`]: without a deadline, a client that
/// sends an octet now and then would hold its connection and its share of memory for ever.
const PATIENCE: Duration = Duration::from_secs(30);
/// Octets a second that a client must send at least.
const SLOWEST: u64 = 64 << 10;

/// Memory for request bodies, shared by all workers.
#[derive(Debug, Clone)]
pub(crate) struct BodyMemory(Arc<Semaphore>);

impl Default for BodyMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MEMORY / BLOCK)))
    }
}

/// A body and its share of memory, which is free for others when this is dropped.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Body {
    /// The octets; good for no longer than its share of memory is held.
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl BodyMemory {
    /// Reads the body of a request. To be called for clients that are known only: it takes memory.
    ///
    /// # Errors
    /// When its length is not told, is too much, or more than there is memory for now; when it does not come
    /// whole or in time.
    pub(crate) async fn read(&self, http: &HttpRequest, payload: Payload) -> Result<Body, ApiError> {
        self.read_up_to(MAX_REQUEST, too_big, http, payload).await
    }

    /// The same for a route that takes other lengths: up to `most` octets, `too_big` beyond.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub(crate) async fn read_up_to(
        &self,
        most: usize,
        too_big: fn() -> ApiError,
        http: &HttpRequest,
        payload: Payload,
    ) -> Result<Body, ApiError> {
        let length = length(http)?.filter(|length| *length <= most).ok_or_else(too_big)?;
        let room = self.take(length)?;
        let read = timeout(time_for(length), payload.to_bytes_limited(most)).await;
        let bytes = match read {
            Ok(Ok(Ok(bytes))) => bytes,
            Ok(Ok(Err(error))) => return Err(answer::body_error(&error)),
            Ok(Err(_)) => return Err(too_big()),
            Err(_) => return Err(ApiError::timed_out()),
        };
        Ok(Body { bytes, _room: room })
    }

    /// Whether a common message could be read now.
    pub(crate) fn has_room(&self) -> bool {
        self.0.available_permits() * BLOCK >= COMMON
    }

    fn take(&self, length: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let blocks = u32::try_from(length.div_ceil(BLOCK)).map_err(|_| too_big())?;
        let room = Arc::clone(&self.0).try_acquire_many_owned(blocks);
        room.map_err(|_| ApiError::unavailable("Too many requests are being read; try again in a moment."))
    }
}

/// What the request says its length is; `None` for what is no number that memory can have.
fn length(http: &HttpRequest) -> Result<Option<usize>, ApiError> {
    let length = http.headers().get(CONTENT_LENGTH).ok_or_else(ApiError::no_content_length)?;
    Ok(length.to_str().ok().and_then(|length| length.trim().parse().ok()))
}

fn time_for(length: usize) -> Duration {
    PATIENCE + Duration::from_secs(length as u64 / SLOWEST)
}

fn too_big() -> ApiError {
    ApiError::too_big("The request is larger than a message of 25 MiB can make it.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{FromRequest, test::TestRequest};

    async fn read(memory: &BodyMemory, request: TestRequest) -> Result<Body, ApiError> {
        let (http, mut payload) = request.to_http_parts();
        let payload = Payload::from_request(&http, &mut payload).await.unwrap();
        memory.read(&http, payload).await
    }

    fn error(body: Result<Body, ApiError>) -> String {
        format!("{:?}", body.unwrap_err())
    }

    #[actix_web::test]
    async fn gives_memory_back_with_the_body() {
        let memory = BodyMemory(Arc::new(Semaphore::new(2)));
        let request = || TestRequest::default().set_payload(vec![b'x'; BLOCK + 1]);
        let body = read(&memory, request()).await.unwrap();
        assert_eq!(body.as_ref().len(), BLOCK + 1);
        assert!(error(read(&memory, request()).await).contains("503"));
        drop(body);
        assert!(read(&memory, request()).await.is_ok());
    }

    #[test]
    fn there_is_room_as_long_as_a_common_request_finds_it() {
        let memory = BodyMemory::default();
        let most = memory.take(MEMORY - COMMON).unwrap();
        assert!(memory.has_room());
        let one_more = memory.take(1).unwrap();
        assert!(!memory.has_room());
        drop((most, one_more));
        assert!(memory.has_room());
    }

    #[actix_web::test]
    async fn takes_no_memory_for_a_length_that_is_missing_or_too_much() {
        let memory = BodyMemory::default();
        let missing = TestRequest::default();
        assert!(error(read(&memory, missing).await).contains("10201"));
        for length in [(MAX_REQUEST + 1).to_string(), u64::MAX.to_string(), "9".repeat(40)] {
            let request = TestRequest::default().insert_header((CONTENT_LENGTH, length.clone()));
            assert!(error(read(&memory, request).await).contains("10202"), "{length}");
        }
        assert_eq!(memory.0.available_permits(), MEMORY / BLOCK);
    }

    #[test]
    fn the_largest_request_has_minutes_and_a_small_one_half_of_one() {
        assert_eq!(time_for(0), PATIENCE);
        assert_eq!(time_for(MAX_REQUEST).as_secs() / 60, 10);
    }
}
