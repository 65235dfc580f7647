//! The way to the collector.

use http_body_util::Full;
use hyper::header::HeaderMap;
use mailwright_actors::https::{ChosenHost, HttpsAnswer, Overlong};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// How long the collector may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets of an answer that are read: it says no more than how many spans were refused.
const ANSWER: usize = 64 << 10;
/// Pauses after which spans are sent again if the collector cannot be reached or is busy.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

/// Brings spans to the collector. Says in the log when that begins to fail and when it works again, not each time.
#[derive(Debug)]
pub(super) struct Collector {
    host: ChosenHost,
    /// Secret.
    headers: HeaderMap,
    failing: AtomicBool,
}

impl Collector {
    pub(super) fn new(host: ChosenHost, headers: HeaderMap) -> Self {
        Self { host, headers, failing: AtomicBool::new(false) }
    }

    /// Tries until the collector takes or refuses a request, for some eight seconds at most.
    async fn bring(&self, request: &Request<Bytes>) -> Result<HttpsAnswer, String> {
        let mut pauses = PAUSES.iter();
        loop {
            let answer = self.ask(request).await;
            let again = answer.as_ref().map_or(true, |answer| is_busy(answer.status));
            match pauses.next().filter(|_| again) {
                Some(pause) => {
                    self.note(answer.as_ref());
                    sleep(*pause).await;
                }
                None => return answer,
            }
        }
    }

    async fn ask(&self, request: &Request<Bytes>) -> Result<HttpsAnswer, String> {
        let mut asked = Request::new(Full::new(request.body().clone()));
        asked.method_mut().clone_from(request.method());
        *asked.uri_mut() =
            request.uri().path_and_query().map_or_else(Default::default, |path| path.clone().into());
        asked.headers_mut().clone_from(request.headers());
        // What the file says goes before what the environment says.
        asked.headers_mut().extend(self.headers.clone());
        match timeout(PATIENCE, self.host.exchange(asked, ANSWER, Overlong::Cut)).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        }
    }

    fn note(&self, answer: Result<&HttpsAnswer, &String>) {
        let why = match answer {
            Ok(answer) if is_taken(answer.status) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the collector of traces takes them again");
                }
                return;
            }
            Ok(answer) => format!("status {}", answer.status),
            Err(error) => error.clone(),
        };
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(error = why, "the collector does not take traces; mail is not concerned");
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.bring(&request).await;
        self.note(answer.as_ref());
        let answer = answer?;
        Ok(Response::builder().status(answer.status).body(answer.body)?)
    }
}

const fn is_taken(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// Whether the same is worth another try (OTLP/HTTP, "Failures").
const fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}
