//! What a client does, as a sandbox sees it, and what the sandbox does about it.

use crate::{
    address::{EmailAddress, ReversePath},
    smtp::reply::{EnhancedCode, Reply, SmtpCode},
};
use std::{fmt, time::Duration};

/// What a reply of the sandbox answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The connection itself.
    Greeting,
    /// EHLO or HELO.
    Ehlo,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA or BDAT.
    Data,
    /// The end of a message.
    Dot,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
    /// Any other command.
    Other,
}

impl Stage {
    /// Those that have a name, in the order of a session.
    pub(super) const NAMED: [(&'static str, Self); 8] = [
        ("greeting", Self::Greeting),
        ("ehlo", Self::Ehlo),
        ("mail", Self::Mail),
        ("rcpt", Self::Rcpt),
        ("data", Self::Data),
        ("dot", Self::Dot),
        ("rset", Self::Rset),
        ("quit", Self::Quit),
    ];

    /// The stage of a command line, by its first word.
    pub fn of_command(line: &[u8]) -> Self {
        let verb = line.split(|octet| !octet.is_ascii_alphabetic()).next().unwrap_or_default();
        match verb.to_ascii_uppercase().as_slice() {
            b"EHLO" | b"HELO" => Self::Ehlo,
            b"MAIL" => Self::Mail,
            b"RCPT" => Self::Rcpt,
            b"DATA" | b"BDAT" => Self::Data,
            b"RSET" => Self::Rset,
            b"QUIT" => Self::Quit,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::NAMED.iter().find(|(_, stage)| stage == self);
        f.write_str(named.map_or("other", |(name, _)| name))
    }
}

/// What a client does.
///
/// A command that a session understands comes twice: as [`Command`](Self::Command) when its line was read,
/// and with its arguments when the session asks about it. [`Connect`](Self::Connect) and `Command` are accepted,
/// closed or hung up on; only what a session asks about can be [refused](Verdict::Refuse).
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// It has connected and waits for the greeting.
    Connect,
    /// It has sent a command line.
    Command(Stage),
    /// It wants to begin a message of this sender.
    Mail(&'a ReversePath),
    /// It names a recipient of it.
    Rcpt {
        /// The sender of the message.
        sender: &'a ReversePath,
        /// The recipient.
        recipient: &'a EmailAddress,
    },
    /// It has sent the whole message.
    Message,
}

impl Event<'_> {
    /// What the reply to this event answers; each reply of a session has one event with a stage.
    pub(super) fn stage(&self) -> Option<Stage> {
        match self {
            Self::Connect => Some(Stage::Greeting),
            Self::Command(stage) => Some(*stage),
            Self::Message => Some(Stage::Dot),
            Self::Mail(_) | Self::Rcpt { .. } => None,
        }
    }
}

/// Whether the client gets what it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Accept,
    /// It is told no, and may go on.
    Refuse(Reply),
    /// It is told no, with a 421, and the connection closed.
    Close(Reply),
    /// The connection is closed without a word. A whole message has been kept all the same.
    HangUp,
}

/// What the sandbox does about an [`Event`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How long the client waits for it.
    pub delay: Duration,
    /// What it then is.
    pub verdict: Verdict,
}

impl Answer {
    /// Yes, at once.
    pub(super) const ACCEPT: Self = Self { delay: Duration::ZERO, verdict: Verdict::Accept };
    /// Closed without a word.
    pub(super) const HANG_UP: Self = Self { delay: Duration::ZERO, verdict: Verdict::HangUp };

    /// Yes, after a while.
    pub(super) const fn tarpit(delay: Duration) -> Self {
        Self { delay, verdict: Verdict::Accept }
    }

    /// No.
    pub(super) fn refuse(code: SmtpCode, status: EnhancedCode, text: impl Into<String>) -> Self {
        Self { delay: Duration::ZERO, verdict: Verdict::Refuse(Reply::new(code, Some(status), text)) }
    }

    /// No, and goodbye: 421.
    pub(super) fn close(status: EnhancedCode, text: impl Into<String>) -> Self {
        let reply = Reply::new(SmtpCode::SHUTTING_DOWN, Some(status), text);
        Self { delay: Duration::ZERO, verdict: Verdict::Close(reply) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_command_by_its_first_word() {
        let cases: [(&[u8], Stage); 9] = [
            (b"ehlo client.example\r\n", Stage::Ehlo),
            (b"HELO x\r\n", Stage::Ehlo),
            (b"MAIL FROM:<>\r\n", Stage::Mail),
            (b"rcpt to:<a@b.example>\r\n", Stage::Rcpt),
            (b"DATA\n", Stage::Data),
            (b"BDAT 5 LAST\r\n", Stage::Data),
            (b"RSET\r\n", Stage::Rset),
            (b"QUIT\r\n", Stage::Quit),
            (b"MAILX\r\n", Stage::Other),
        ];
        for (line, stage) in cases {
            assert_eq!(Stage::of_command(line), stage, "{}", String::from_utf8_lossy(line));
        }
        assert_eq!(Stage::of_command(b""), Stage::Other);
    }
}
