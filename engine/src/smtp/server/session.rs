//! The session: its states, and the way from input to replies and questions.

use super::{
    auth::Exchange,
    bdat::{ChunkHeader, ChunkPlace, ChunkReader, ChunkSkipper, SkipReason},
    config::ServerConfig,
    content::{ContentFault, ContentSink},
    data::DataDecoder,
    input::Progress,
    line::LineReader,
    login::{Login, PlainAuth},
    phase::ServerPhase,
    replies,
    step::{Answer, Step},
    transaction::{Client, Transaction, Transport},
};
use crate::{address::EmailAddress, dsn::RecipientDsn, smtp::reply::Reply};
use std::{mem, ops::ControlFlow, sync::Arc};

/// Where a session stands, with what is valid there and nothing else.
#[derive(Debug, Default)]
pub(super) enum State {
    /// Between commands, no transaction.
    #[default]
    Idle,
    /// Between commands, MAIL was accepted.
    Envelope(Box<Transaction>),
    /// Between commands, at least one chunk was accepted.
    BetweenChunks(Box<Transaction>, ContentSink),
    /// AUTH began, and the client's response comes next.
    Exchange(Exchange),
    /// [`Step::Authenticate`] is open.
    AskedLogin,
    /// [`Step::Mail`] is open.
    AskedMail(Box<Transaction>),
    /// [`Step::Rcpt`] is open.
    AskedRcpt(Box<Transaction>, EmailAddress, RecipientDsn),
    /// [`Step::Data`] is open for DATA.
    AskedData(Box<Transaction>),
    /// [`Step::Data`] is open for a first BDAT.
    AskedChunk(Box<Transaction>, ChunkHeader),
    /// [`Step::Message`] is open.
    AskedMessage,
    /// Between 354 and the final dot.
    Data(Box<Transaction>, DataDecoder),
    /// In a chunk.
    Chunk(ChunkReader),
    /// In a chunk that is refused.
    SkippedChunk(ChunkSkipper),
    /// STARTTLS was accepted.
    Handshake,
    /// Over.
    Closing,
}

/// Whether a client waited where it had to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As far as was seen.
    Kept,
    /// It did not, and nobody has asked since.
    Broken,
}

/// The server side of one SMTP connection.
///
/// The caller owns the socket and the two buffers and goes round like this:
///
/// 1. call [`receive`](Self::receive) with what was read (at first with nothing);
/// 2. at a question, [`answer`](Self::answer) it and go to 1 with the rest of the input, even if that is empty;
/// 3. at [`Step::NeedInput`], send the replies, read, go to 1.
///
/// Nothing needs to be sent before `NeedInput`, `StartTls` or `Close`, so pipelined commands cost one write.
#[derive(Debug)]
pub struct ServerSession {
    pub(super) config: Arc<ServerConfig>,
    pub(super) lines: LineReader,
    pub(super) state: State,
    pub(super) client: Option<Client>,
    pub(super) transport: Transport,
    pub(super) login: Login,
    pub(super) plain_auth: PlainAuth,
    /// Protocol errors since the last accepted message.
    errors: u32,
    /// Whether the client went on where it had to wait.
    pub(super) pace: Pace,
}

impl ServerSession {
    /// A session at its beginning, in plain text; for TLS from the first byte call
    /// [`tls_established`](Self::tls_established) next.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self {
            lines: LineReader::new(config.max_line),
            config,
            state: State::Idle,
            client: None,
            transport: Transport::Plain,
            login: Login::Missing,
            plain_auth: PlainAuth::Refused,
            errors: 0,
            pace: Pace::Kept,
        }
    }

    /// Lets the client log in without TLS: for connections that nobody can overhear, as those of the machine with
    /// itself. It changes nothing where AUTH is not offered at all.
    pub fn allow_plain_auth(&mut self) {
        self.plain_auth = PlainAuth::Allowed;
    }

    /// Appends the 220 greeting, with which the session begins (RFC 5321 section 3.1).
    pub fn greeting(&self, out: &mut Vec<u8>) {
        let ServerConfig { hostname, greeting, .. } = &*self.config;
        self.say(&format!("220 {hostname} {greeting}\r\n"), out);
    }

    /// Takes what it can off the front of `input`, appends replies to `out`, and says what comes next.
    ///
    /// All input is taken if the step is [`Step::NeedInput`] or [`Step::StartTls`]. Called while a question is
    /// open, it takes nothing and returns `NeedInput`.
    pub fn receive(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Step {
        loop {
            if let ControlFlow::Break(step) = self.advance(input, out) {
                return step;
            }
        }
    }

    /// Answers the question of the last [`Step`]; without an open question it does nothing.
    pub fn answer(&mut self, answer: Answer, out: &mut Vec<u8>) {
        let question = match mem::take(&mut self.state) {
            question @ (State::AskedLogin
            | State::AskedMail(_)
            | State::AskedRcpt(..)
            | State::AskedData(_)
            | State::AskedChunk(..)
            | State::AskedMessage) => question,
            other => {
                self.state = other;
                return;
            }
        };
        match answer {
            Answer::Accept => self.accept(question, None, out),
            Answer::AcceptWith(reply) => self.accept(question, Some(&reply), out),
            Answer::Refuse(reply) => self.refuse(question, reply, out),
            Answer::Disconnect(reply) => self.disconnect(&reply, out),
        }
    }

    /// Tells that the handshake after [`Step::StartTls`] succeeded. Everything the client said in plain text
    /// is forgotten (RFC 3207 section 4.2): it must greet again, and log in again.
    pub fn tls_established(&mut self) {
        self.transport = Transport::Tls;
        self.client = None;
        self.login = Login::Missing;
        self.lines.clear();
        self.state = State::Idle;
    }

    /// Ends the session with a reply of the caller's, a 421 for a time-out or a stop of the service (RFC 5321
    /// section 3.8); whatever was under way is dropped.
    pub fn disconnect(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        self.pass_on(reply, out);
        self.state = State::Closing;
    }

    /// The name that the client gave in EHLO or HELO, if it has since the connection began or went under TLS.
    pub fn hello_name(&self) -> Option<&str> {
        self.client.as_ref().map(|client| client.name.as_str())
    }

    /// Whether the client, since this was asked last, sent more behind a command that has to be the last of a group
    /// before it could know the answer (RFC 2920 section 3.1), as EHLO and DATA. It shows only when both come in one
    /// read, so unlike the replies this depends on the network: what it tells may not have been all.
    pub fn talked_ahead(&mut self) -> bool {
        mem::replace(&mut self.pace, Pace::Kept) == Pace::Broken
    }

    /// What the session waits for.
    pub fn phase(&self) -> ServerPhase {
        match &self.state {
            State::Idle if self.client.is_none() => ServerPhase::Greeting,
            State::Idle => ServerPhase::Ready,
            State::Exchange(_) => ServerPhase::Login,
            State::Envelope(_) | State::BetweenChunks(..) => ServerPhase::Envelope,
            State::AskedLogin
            | State::AskedMail(_)
            | State::AskedRcpt(..)
            | State::AskedData(_)
            | State::AskedChunk(..) => ServerPhase::Deciding,
            State::AskedMessage => ServerPhase::Committing,
            State::Data(..) | State::Chunk(_) | State::SkippedChunk(_) => ServerPhase::Content,
            State::Handshake => ServerPhase::Handshake,
            State::Closing => ServerPhase::Closing,
        }
    }

    /// One move: a command, a run of content, or nothing.
    fn advance(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> ControlFlow<Step> {
        match mem::take(&mut self.state) {
            State::Data(transaction, decoder) => self.take_data(transaction, decoder, input, out),
            State::Exchange(exchange) => self.take_response(exchange, input, out),
            State::Chunk(reader) => self.take_chunk(reader, input, out),
            State::SkippedChunk(skipper) => self.skip_chunk(skipper, input, out),
            state @ (State::Idle | State::Envelope(_) | State::BetweenChunks(..)) => {
                self.state = state;
                self.take_line(input, out)
            }
            State::Handshake => {
                self.state = State::Handshake;
                *input = &[];
                ControlFlow::Break(Step::NeedInput)
            }
            State::Closing => {
                self.state = State::Closing;
                ControlFlow::Break(Step::Close)
            }
            asked => {
                self.state = asked;
                ControlFlow::Break(Step::NeedInput)
            }
        }
    }

    fn take_data(
        &mut self,
        transaction: Box<Transaction>,
        mut decoder: DataDecoder,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> ControlFlow<Step> {
        match decoder.feed(input) {
            Progress::Complete => self.complete(*transaction, decoder.finish(), out),
            Progress::More => {
                self.state = State::Data(transaction, decoder);
                ControlFlow::Break(Step::NeedInput)
            }
        }
    }

    fn take_chunk(
        &mut self,
        mut reader: ChunkReader,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> ControlFlow<Step> {
        if reader.feed(input) == Progress::More {
            self.state = State::Chunk(reader);
            return ControlFlow::Break(Step::NeedInput);
        }
        let ChunkReader { transaction, sink, header, .. } = reader;
        match (sink.fault(), header.place) {
            (Some(fault), _) => self.reject_content(fault, out),
            (None, ChunkPlace::Last) => return self.complete(*transaction, sink.finish(), out),
            (None, ChunkPlace::Inner) => {
                self.say(&format!("250 2.0.0 {} octets received\r\n", header.octets), out);
                self.state = State::BetweenChunks(transaction, sink);
            }
        }
        ControlFlow::Continue(())
    }

    fn skip_chunk(
        &mut self,
        mut skipper: ChunkSkipper,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> ControlFlow<Step> {
        if skipper.feed(input) == Progress::More {
            self.state = State::SkippedChunk(skipper);
            return ControlFlow::Break(Step::NeedInput);
        }
        match skipper.reason {
            SkipReason::BadSequence => self.say(replies::BAD_SEQUENCE, out),
            SkipReason::NoRecipients => self.say(replies::NO_RECIPIENTS, out),
            SkipReason::Refused(reply) => self.pass_on(&reply, out),
        }
        ControlFlow::Continue(())
    }

    /// The message ended, well or not; the transaction is over either way.
    fn complete(
        &mut self,
        transaction: Transaction,
        content: Result<Vec<u8>, ContentFault>,
        out: &mut Vec<u8>,
    ) -> ControlFlow<Step> {
        match content {
            Ok(content) => {
                self.state = State::AskedMessage;
                let message = transaction.into_message(self.transport, self.login, content);
                ControlFlow::Break(Step::Message(Box::new(message)))
            }
            Err(fault) => {
                self.reject_content(fault, out);
                ControlFlow::Continue(())
            }
        }
    }

    fn reject_content(&mut self, fault: ContentFault, out: &mut Vec<u8>) {
        match fault {
            ContentFault::TooLarge => self.say(replies::MESSAGE_TOO_LARGE, out),
            ContentFault::BareLineBreak => self.protocol_error(replies::BARE_LINE_BREAK_IN_CONTENT, out),
            ContentFault::Nul => self.protocol_error(replies::NUL_IN_CONTENT, out),
        }
    }

    fn accept(&mut self, question: State, reply: Option<&Reply>, out: &mut Vec<u8>) {
        match question {
            State::AskedLogin => {
                self.login = Login::Done;
                self.say_or(reply, replies::AUTH_OK, out);
            }
            State::AskedMail(transaction) => {
                self.state = State::Envelope(transaction);
                self.say_or(reply, replies::MAIL_OK, out);
            }
            State::AskedRcpt(mut transaction, recipient, params) => {
                transaction.add(recipient, params);
                self.state = State::Envelope(transaction);
                self.say_or(reply, replies::RCPT_OK, out);
            }
            State::AskedData(transaction) => {
                let sink = self.new_sink(&transaction);
                self.state = State::Data(transaction, DataDecoder::new(sink));
                self.say(replies::START_DATA, out);
            }
            State::AskedChunk(transaction, header) => {
                let sink = self.new_sink(&transaction);
                self.state = State::Chunk(ChunkReader::new(transaction, sink, header));
            }
            _ => {
                self.errors = 0;
                self.say_or(reply, replies::OK, out);
            }
        }
    }

    fn refuse(&mut self, question: State, reply: Reply, out: &mut Vec<u8>) {
        match question {
            // The answer comes after the chunk.
            State::AskedChunk(_, header) => {
                let skipper = ChunkSkipper::new(SkipReason::Refused(reply), header);
                self.state = State::SkippedChunk(skipper);
                return;
            }
            State::AskedRcpt(transaction, ..) => self.state = State::Envelope(transaction),
            _ => {}
        }
        self.pass_on(&reply, out);
    }

    fn new_sink(&self, transaction: &Transaction) -> ContentSink {
        ContentSink::new(self.config.max_message_size, transaction.mail.declared_size)
    }

    /// Answers a mistake of the client; the one too many closes the session instead.
    pub(super) fn protocol_error(&mut self, reply: &str, out: &mut Vec<u8>) {
        self.errors = self.errors.saturating_add(1);
        if self.errors >= self.config.max_errors {
            self.state = State::Closing;
            self.say(replies::TOO_MANY_ERRORS, out);
        } else {
            self.say(reply, out);
        }
    }
}
