//! Scripted dialogues: what a client sends, and what a session makes of it.

mod auth;
mod chunking;
mod dialogues;
mod listening;
mod properties;
mod smuggling;

use super::*;
use crate::smtp::reply::{EnhancedCode, Reply, SmtpCode};
use std::sync::Arc;

/// What came of a dialogue.
#[derive(Debug, PartialEq, Eq, Default)]
struct Transcript {
    /// Everything the session said after the greeting.
    replies: String,
    /// Every step but `NeedInput`, in order.
    steps: Vec<Step>,
}

impl Transcript {
    /// The code of each reply, one for a reply of several lines.
    fn codes(&self) -> Vec<&str> {
        self.replies.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]).collect()
    }

    fn messages(&self) -> Vec<&ReceivedMessage> {
        let mut messages = Vec::new();
        for step in &self.steps {
            if let Step::Message(message) = step {
                messages.push(&**message);
            }
        }
        messages
    }

    fn contents(&self) -> Vec<&[u8]> {
        self.messages().into_iter().map(|message| &message.content[..]).collect()
    }

    fn is_closed(&self) -> bool {
        self.steps.last() == Some(&Step::Close)
    }
}

/// Lets a session read `reads` one by one, answering its questions with `decide`.
fn converse<'a>(
    config: &ServerConfig,
    reads: impl IntoIterator<Item = &'a [u8]>,
    decide: impl FnMut(&Step) -> Answer,
) -> Transcript {
    go_on(ServerSession::new(Arc::new(config.clone())), reads, decide)
}

/// [`converse`] with a session of the test's own.
fn go_on<'a>(
    mut session: ServerSession,
    reads: impl IntoIterator<Item = &'a [u8]>,
    mut decide: impl FnMut(&Step) -> Answer,
) -> Transcript {
    let mut out = Vec::new();
    let mut steps = Vec::new();
    'reads: for mut read in reads {
        loop {
            let step = session.receive(&mut read, &mut out);
            match &step {
                Step::NeedInput => {
                    assert!(read.is_empty(), "left input behind");
                    break;
                }
                Step::Close => {
                    steps.push(step);
                    break 'reads;
                }
                Step::StartTls => session.tls_established(),
                question => session.answer(decide(question), &mut out),
            }
            steps.push(step);
        }
    }
    Transcript { replies: String::from_utf8(out).unwrap(), steps }
}

fn config() -> ServerConfig {
    ServerConfig { max_message_size: 1_000, max_recipients: 3, ..ServerConfig::new("mx.example") }
}

/// The dialogue in one read, everything accepted.
fn accepted(input: &str) -> Transcript {
    converse(&config(), [input.as_bytes()], |_| Answer::Accept)
}

fn reply(code: SmtpCode, class: u8, text: &str) -> Reply {
    Reply::new(code, Some(EnhancedCode::new(class, 0, 0)), text)
}

const ENVELOPE: &str = "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n";
