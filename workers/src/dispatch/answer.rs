//! What a process says of a message: input from outside, checked like any.

use crate::EventError;
use bytes::Bytes;
use hyper::StatusCode;
use mailwright_engine::worker::Forward;
use serde::Deserialize;

/// Most destinations of a message.
const FORWARDS: usize = 100;
/// Most octets of an address (RFC 5321 section 4.5.3.1.3 has 256, without what SMTPUTF8 adds).
const ADDRESS: usize = 512;
/// Most header fields that a destination's copy gets.
const FIELDS: usize = 100;
/// Most octets of a header field: a line (RFC 5322 section 2.1.1).
const FIELD: usize = 998;
/// Most characters of what is told of an exception.
const EXCEPTION: usize = 1_024;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Said {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// What the code asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) forwards: Vec<Forward>,
    pub(super) reject: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Raw {
    forwards: Vec<RawForward>,
    reject: Option<String>,
    error: Option<RawError>,
    no_handler: bool,
}

#[derive(Debug, Deserialize)]
struct RawForward {
    to: String,
    headers: Vec<(String, String)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawError {
    name: String,
    message: String,
}

impl Said {
    /// Reads and checks it.
    pub(super) fn read(&self) -> Result<Answer, EventError> {
        if !self.status.is_success() {
            let why = "nothing: it waits for what never comes, or ended itself; its log says which";
            return Err(EventError::Threw(why.to_owned()));
        }
        let raw: Raw = serde_json::from_slice(&self.body)
            .map_err(|error| odd(format_args!("it is no answer: {error}")))?;
        if raw.no_handler {
            return Err(EventError::NoHandler("email"));
        }
        if let Some(error) = raw.error {
            return Err(EventError::Threw(exception(&error.name, &error.message)));
        }
        if raw.forwards.len() > FORWARDS {
            return Err(odd(format_args!(
                "it goes on to {} addresses, of at most {FORWARDS}",
                raw.forwards.len()
            )));
        }
        let forwards = raw.forwards.into_iter().map(forward).collect::<Result<_, _>>()?;
        Ok(Answer { forwards, reject: raw.reject })
    }
}

/// An exception in a line.
pub(super) fn exception(name: &str, message: &str) -> String {
    let text = if name.is_empty() { message.to_owned() } else { format!("{name}: {message}") };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCEPTION).collect()
}

fn odd(why: impl std::fmt::Display) -> EventError {
    EventError::Threw(format!("an answer that is not ours: {why}"))
}

fn forward(RawForward { to, headers }: RawForward) -> Result<Forward, EventError> {
    if to.is_empty() || to.len() > ADDRESS || to.chars().any(char::is_control) {
        return Err(odd("a destination is no address"));
    }
    if headers.len() > FIELDS {
        return Err(odd(format_args!("{} header fields, of at most {FIELDS}", headers.len())));
    }
    match headers.iter().find(|(name, value)| !fits(name, value)) {
        Some((name, _)) => {
            let name: String = name.chars().take(80).collect();
            Err(odd(format_args!(
                "the header field {name:?} cannot be added: names begin with X-, values are a line of text"
            )))
        }
        None => Ok(Forward { to, headers }),
    }
}

/// Whether a field may be added: `X-` and what RFC 5322 section 2.2 allows.
fn fits(name: &str, value: &str) -> bool {
    let is_ours = name.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("x-")) && name.len() > 2;
    is_ours
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
        && !value.chars().any(|c| c.is_control() && c != '\t')
        && name.len() + value.len() + 2 <= FIELD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Answer, EventError> {
        Said { status: StatusCode::OK, body: Bytes::copy_from_slice(body.as_bytes()) }.read()
    }

    #[test]
    fn what_the_code_asked_for_is_read() {
        let answer = read(r#"{"forwards":[{"to":"a@b","headers":[["x-a","1"]]}],"reject":"no"}"#).unwrap();
        let headers = vec![("x-a".to_owned(), "1".to_owned())];
        assert_eq!(answer.forwards, [Forward { to: "a@b".to_owned(), headers }]);
        assert_eq!(answer.reject.as_deref(), Some("no"));
    }

    #[test]
    fn exceptions_and_missing_handlers_are_told() {
        let threw = read(r#"{"error":{"name":"TypeError","message":"x\ny","stack":"s"}}"#);
        assert_eq!(threw, Err(EventError::Threw("TypeError: x y".to_owned())));
        assert_eq!(read(r#"{"noHandler":true}"#), Err(EventError::NoHandler("email")));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let many = format!(r#"{{"forwards":[{}]}}"#, vec![r#"{"to":"a@b","headers":[]}"#; 101].join(","));
        for bad in [
            "",
            "[]x",
            "{\"forwards\":1}",
            &many,
            r#"{"forwards":[{"to":"","headers":[]}]}"#,
            r#"{"forwards":[{"to":"a@b\r\nDATA","headers":[]}]}"#,
            r#"{"forwards":[{"to":"a@b","headers":[["subject","x"]]}]}"#,
            r#"{"forwards":[{"to":"a@b","headers":[["x-a","b\r\nBcc: c"]]}]}"#,
            r#"{"forwards":[{"to":"a@b","headers":[["x-a: b\r\nc","d"]]}]}"#,
        ] {
            assert!(matches!(read(bad), Err(EventError::Threw(_))), "{bad}");
        }
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        assert!(Said { status, body: Bytes::from_static(b"{}") }.read().is_err());
    }
}
