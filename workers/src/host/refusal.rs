//! Why the host does not do what a process asks for.

use bytes::Bytes;
use hyper::{Response, StatusCode, ext::ReasonPhrase, header::HeaderValue};

/// A status of 400 to 599 and a sentence. The runtime makes an exception of it for the Worker's code, most times out of
/// the reason phrase of the answer's first line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {sentence}")]
pub(crate) struct Refusal {
    status: StatusCode,
    sentence: String,
}

impl Refusal {
    /// A refusal; `sentence` may hold whatever the Worker's code has given.
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into() }
    }

    /// The request is malformed.
    pub(crate) fn bad(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    /// There is more of it than may be.
    pub(crate) fn too_large(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, sentence)
    }

    /// It passes: the same may work later.
    pub(crate) fn unavailable(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, sentence)
    }

    /// What was to be stored or read was not.
    pub(crate) fn storage(what: &str, error: &dyn std::fmt::Display) -> Self {
        // What the disk said is for our log: it names folders.
        tracing::error!(%error, what, "what a Worker asked for could not be stored or read");
        Self::unavailable("What was asked for could not be stored or read for now. Try again later.")
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer: the sentence in its first line and in its body.
    pub(crate) fn answer<B: From<Bytes>>(&self) -> Response<B> {
        let mut answer = Response::new(B::from(Bytes::from(self.sentence.clone())));
        *answer.status_mut() = self.status;
        if let Ok(reason) = ReasonPhrase::try_from(visible(&self.sentence)) {
            answer.extensions_mut().insert(reason);
        }
        // Where a Worker's compatibility date has it look for errors of queues.
        let headers = answer.headers_mut();
        headers.insert("cf-queues-error-code", HeaderValue::from(self.status.as_u16()));
        if let Ok(cause) = HeaderValue::from_str(&visible(&self.sentence)) {
            headers.insert("cf-queues-error-cause", cause);
        }
        answer
    }
}

/// What of a sentence may stand on the first line of an answer (RFC 9112 section 4).
fn visible(sentence: &str) -> String {
    sentence.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    #[test]
    fn a_sentence_cannot_break_out_of_the_first_line() {
        let refusal = Refusal::bad("no\r\nset-cookie: a\u{e4}");
        let answer: Response<Full<Bytes>> = refusal.answer();
        let reason = answer.extensions().get::<ReasonPhrase>().unwrap();
        assert_eq!(reason.as_bytes(), b"no??set-cookie: a?");
        assert_eq!(answer.status(), 400);
    }

    #[test]
    fn a_long_sentence_is_cut_where_lines_end() {
        let answer: Response<Full<Bytes>> = Refusal::too_large("x".repeat(9_000)).answer();
        assert_eq!(answer.extensions().get::<ReasonPhrase>().unwrap().as_bytes().len(), 500);
    }
}
