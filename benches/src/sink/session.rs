//! The sink's side of one SMTP session (RFC 5321), as pure code over bytes.

use memchr::{memchr, memmem};

/// What the sink says first.
pub(super) const GREETING: &[u8] = b"220 sink.example.com ESMTP\r\n";

/// What ends a message, the end of the line before it included. Only this: see RFC 5321 section 2.3.8.
const END_OF_DATA: &[u8] = b"\r\n.\r\n";

/// Longest command that is waited for.
const MAX_COMMAND: usize = 4 * 1024;

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Command,
    /// The content of a message.
    Data,
    /// A TLS handshake.
    Tls,
    /// Nothing.
    Over,
}

/// Whether TLS can begin (RFC 3207).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum StartTls {
    /// No: there is none, or it has begun.
    #[default]
    Unknown,
    /// Yes.
    Offered,
}

/// A session.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Read but not yet dealt with.
    pending: Vec<u8>,
    state: State,
    start_tls: StartTls,
}

/// One command or one message dealt with.
struct Step {
    /// How many octets of the input are done with.
    octets: usize,
    reply: &'static [u8],
    next: State,
    messages: u64,
}

impl Session {
    /// A session before its first command.
    pub(super) fn new(start_tls: StartTls) -> Self {
        Self { start_tls, ..Self::default() }
    }

    /// Where to append what was read.
    pub(super) fn pending(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Whether the connection is to be closed.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether a TLS handshake comes next, after which a session of its own begins.
    pub(super) fn is_tls_next(&self) -> bool {
        self.state == State::Tls
    }

    /// Deals with what was read, appends the replies and returns the number of messages that have ended.
    pub(super) fn advance(&mut self, replies: &mut Vec<u8>) -> u64 {
        let (mut used, mut messages) = (0, 0);
        while let Some(step) = self.pending.get(used..).and_then(|rest| self.step(rest)) {
            used += step.octets;
            messages += step.messages;
            replies.extend_from_slice(step.reply);
            self.state = step.next;
        }
        if self.state == State::Data {
            // Of a message only what may be the beginning of its end is of interest.
            used = used.max(self.pending.len().saturating_sub(END_OF_DATA.len() - 1));
        }
        self.pending.drain(..used);
        messages
    }

    fn step(&self, rest: &[u8]) -> Option<Step> {
        match self.state {
            State::Command => command(rest, self.start_tls),
            State::Data => end_of_data(rest),
            State::Tls | State::Over => None,
        }
    }
}

fn command(rest: &[u8], start_tls: StartTls) -> Option<Step> {
    let Some(end) = memchr(b'\n', rest) else {
        let too_long =
            Step { octets: rest.len(), reply: b"500 line too long\r\n", next: State::Over, messages: 0 };
        return (rest.len() > MAX_COMMAND).then_some(too_long);
    };
    let whole = end + 1;
    let verb = rest.get(..4).unwrap_or_default().to_ascii_uppercase();
    let (octets, reply, next): (_, &[u8], _) = match verb.as_slice() {
        b"EHLO" if start_tls == StartTls::Offered => (
            whole,
            b"250-sink.example.com\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
            State::Command,
        ),
        b"STAR" if start_tls == StartTls::Offered => (whole, b"220 Go ahead\r\n", State::Tls),
        b"EHLO" => (whole, b"250-sink.example.com\r\n250-PIPELINING\r\n250 8BITMIME\r\n", State::Command),
        b"HELO" | b"MAIL" | b"RCPT" | b"RSET" | b"NOOP" => (whole, b"250 Ok\r\n", State::Command),
        // The CRLF of the command begins the content, so that a message may end with its first line.
        b"DATA" => (whole.saturating_sub(2), b"354 End with a dot\r\n", State::Data),
        b"QUIT" => (whole, b"221 Bye\r\n", State::Over),
        _ => (whole, b"502 Not implemented\r\n", State::Command),
    };
    Some(Step { octets, reply, next, messages: 0 })
}

fn end_of_data(rest: &[u8]) -> Option<Step> {
    let end = memmem::find(rest, END_OF_DATA)?;
    Some(Step { octets: end + END_OF_DATA.len(), reply: b"250 Ok\r\n", next: State::Command, messages: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the pieces one after the other; returns messages and replies.
    fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (u64, String, Session) {
        let (mut session, mut messages, mut replies) = (Session::default(), 0, Vec::new());
        for piece in pieces {
            session.pending().extend_from_slice(piece);
            messages += session.advance(&mut replies);
        }
        (messages, String::from_utf8(replies).unwrap(), session)
    }

    const DIALOGUE: &[u8] = b"EHLO me\r\nMAIL FROM:<>\r\nrcpt to:<a@b>\r\nDATA\r\n.\r\n\
        MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nA: b\r\n\r\n..\r\n\n.\n\r.\r\n.x\r\n.\r\nSTARTTLS\r\nQUIT\r\n";
    const REPLIES: &str = "250-sink.example.com\r\n250-PIPELINING\r\n250 8BITMIME\r\n\
        250 Ok\r\n250 Ok\r\n354 End with a dot\r\n250 Ok\r\n\
        250 Ok\r\n250 Ok\r\n354 End with a dot\r\n250 Ok\r\n502 Not implemented\r\n221 Bye\r\n";

    #[test]
    fn a_dialogue_may_be_split_anywhere() {
        for at in 0..=DIALOGUE.len() {
            let (first, second) = DIALOGUE.split_at(at);
            let (messages, replies, session) = feed([first, second]);
            assert_eq!((messages, replies.as_str(), session.is_over()), (2, REPLIES, true), "split at {at}");
        }
        let (messages, replies, _) = feed(DIALOGUE.chunks(1));
        assert_eq!((messages, replies.as_str()), (2, REPLIES));
    }

    #[test]
    fn nothing_is_answered_between_starttls_and_the_handshake() {
        let (mut session, mut replies) = (Session::new(StartTls::Offered), Vec::new());
        session.pending().extend_from_slice(b"EHLO me\r\nSTARTTLS\r\nNOOP\r\n");
        assert_eq!(session.advance(&mut replies), 0);
        assert!(session.is_tls_next());
        let replies = String::from_utf8(replies).unwrap();
        assert!(replies.contains("250-STARTTLS\r\n") && replies.ends_with("220 Go ahead\r\n"), "{replies}");
    }

    #[test]
    fn a_message_is_not_kept() {
        let line = [b'x'; 1000];
        let pieces = [&b"DATA\r\n"[..]].into_iter().chain(std::iter::repeat_n(&line[..], 100));
        let (messages, _, session) = feed(pieces);
        assert_eq!(messages, 0);
        assert!(session.pending.len() < END_OF_DATA.len());
    }

    #[test]
    fn a_command_without_end_is_the_end() {
        let (_, replies, session) = feed([&[b'x'; MAX_COMMAND + 1][..]]);
        assert_eq!(replies, "500 line too long\r\n");
        assert!(session.is_over());
    }
}
