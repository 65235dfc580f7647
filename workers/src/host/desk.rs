//! What the entry module asks on behalf of a message that its Worker handles.

use super::refusal::Refusal;
use crate::{EventDesk, Events, wire};
use hyper::{Method, header::HeaderMap};
use mailwright_engine::worker::ActionError;
use serde::Deserialize;
use std::sync::Arc;

/// Most octets of a request: an answer as large as a message may be, and its head.
pub(super) const BODY_MAX: usize = (25 << 20) + (64 << 10);

/// Something that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// `POST /may-forward`
    MayForward,
    /// `POST /reply`
    Reply,
}

/// The head of a reply.
#[derive(Deserialize)]
struct ReplyHead {
    from: String,
    to: String,
}

impl Question {
    /// What a request asks.
    ///
    /// # Errors
    /// When there is no such question.
    pub(super) fn read(method: &Method, path: &str) -> Result<Self, Refusal> {
        match (method, path) {
            (&Method::POST, "/may-forward") => Ok(Self::MayForward),
            (&Method::POST, "/reply") => Ok(Self::Reply),
            _ => Err(Refusal::bad("A message can be asked about at /may-forward and /reply.")),
        }
    }

    /// Asks whoever answers for the message. May take what checking a message takes.
    ///
    /// # Errors
    /// What is to be an exception in the Worker's code.
    pub(super) fn ask(self, desk: &dyn EventDesk, body: &[u8]) -> Result<(), ActionError> {
        match self {
            Self::MayForward => {
                let to = str::from_utf8(body).map_err(|_| plain("The address to forward to is no text."))?;
                desk.may_forward(to)
            }
            Self::Reply => {
                let (head, raw) = wire::split_frame(body)
                    .ok_or_else(|| plain("The reply breaks off before its message."))?;
                let head: ReplyHead = serde_json::from_slice(head)
                    .map_err(|_| plain("A reply needs texts for from and to."))?;
                desk.reply(&head.from, &head.to, raw.to_vec())
            }
        }
    }
}

/// Who answers for the message that a request is about.
///
/// # Errors
/// When the request names none that is under way.
pub(super) fn of(events: &Events, headers: &HeaderMap) -> Result<Arc<dyn EventDesk>, ActionError> {
    let token = headers.get(wire::EVENT).and_then(|field| field.to_str().ok()).unwrap_or_default();
    events
        .desk(token)
        .ok_or_else(|| plain("The message has been handled: nothing can be asked for it any more."))
}

fn plain(message: &str) -> ActionError {
    ActionError { code: None, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<String>>);

    impl EventDesk for Recorder {
        fn may_forward(&self, to: &str) -> Result<(), ActionError> {
            self.0.lock().unwrap().push(to.to_owned());
            Err(plain("not verified"))
        }

        fn reply(&self, from: &str, to: &str, raw: Vec<u8>) -> Result<(), ActionError> {
            self.0.lock().unwrap().push(format!("{from} {to} {}", raw.len()));
            Ok(())
        }
    }

    #[test]
    fn a_question_reaches_whoever_answers_for_the_message() {
        let desk = Recorder::default();
        let refused = Question::MayForward.ask(&desk, b"a@x.example").unwrap_err();
        assert_eq!(refused.message, "not verified");
        let frame = b"\0\0\0\x15{\"from\":\"f\",\"to\":\"t\"}raw";
        assert_eq!(Question::Reply.ask(&desk, frame), Ok(()));
        assert_eq!(*desk.0.lock().unwrap(), ["a@x.example", "f t 3"]);
    }

    #[test]
    fn what_is_malformed_is_an_exception_and_reaches_nobody() {
        let desk = Recorder::default();
        assert!(Question::MayForward.ask(&desk, b"\xff").is_err());
        assert!(Question::Reply.ask(&desk, b"\0\0\0\x02{}").is_err());
        assert!(Question::Reply.ask(&desk, b"\0\0\0\x09{}").is_err());
        assert!(desk.0.lock().unwrap().is_empty());
        assert!(Question::read(&Method::GET, "/reply").is_err());
    }

    #[test]
    fn a_token_is_good_for_as_long_as_its_message_is_under_way() {
        let events = Events::default();
        let ticket = events.enter(Arc::new(Recorder::default())).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(wire::EVENT, HeaderValue::from_str(ticket.token()).unwrap());
        assert!(of(&events, &headers).is_ok());
        drop(ticket);
        assert!(of(&events, &headers).is_err());
        assert!(of(&events, &HeaderMap::new()).is_err());
    }
}
