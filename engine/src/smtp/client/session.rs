//! The session: from the greeting to the close, any number of transactions between.

use super::{
    Action, Attempt, Capabilities, ClientConfig, ClientTls, CloseReason, Extension, Failure, Framing, Loss,
    Transaction, TransactionResult, Wait,
    exchange::{Exchange, MailState, Next, Taken},
};
use crate::smtp::{
    reply::{Reply, ReplyClass, ReplyParser, SmtpCode},
    verdict::{Phase, judge},
};
use std::{mem, sync::Arc};

/// One client connection from its greeting on; see the [module documentation](super).
#[derive(Debug)]
pub struct ClientSession {
    config: Arc<ClientConfig>,
    parser: ReplyParser,
    capabilities: Capabilities,
    state: State,
    security: Security,
    usage: Usage,
    /// Whether the peer holds a transaction that was abandoned.
    leftover: MailState,
    /// Replies received.
    replies: u64,
    /// Bytes to write that no poll has handed out yet.
    out: Vec<u8>,
    finished: Option<Box<TransactionResult>>,
}

/// What the session waits for; each state holds only what is valid in it.
#[derive(Debug)]
enum State {
    ExpectGreeting,
    ExpectEhlo,
    ExpectHelo,
    ExpectStartTls,
    /// The driver performs the TLS handshake.
    Handshake,
    /// Idle.
    Ready,
    /// RSET sent, the next transaction waiting for it.
    ExpectRset(Box<Exchange>),
    /// The replies to MAIL, RCPT and DATA.
    Envelope(Box<Exchange>),
    /// The driver writes the content.
    SendingBody(Box<Exchange>),
    ExpectDot(Box<Exchange>),
    /// The reply to a dot that ends an empty message for nobody.
    ExpectLoneDot(Box<Exchange>),
    /// QUIT sent, for this reason.
    ExpectQuit(CloseReason),
    Closed(CloseReason),
}

/// What carries the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    PlainText,
    Tls,
}

/// Whether an earlier transaction used the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usage {
    Fresh,
    Used,
}

impl ClientSession {
    /// A session on a connection just opened.
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self {
            config,
            parser: ReplyParser::default(),
            capabilities: Capabilities::default(),
            state: State::ExpectGreeting,
            security: Security::PlainText,
            usage: Usage::Fresh,
            leftover: MailState::Closed,
            replies: 0,
            out: Vec::new(),
            finished: None,
        }
    }

    /// What the driver must do now; bytes to write first are appended to `out`. Gives the same action until
    /// the driver has done it, the bytes and [`Action::Finished`] only once.
    pub fn poll(&mut self, out: &mut Vec<u8>) -> Action {
        if let Some(result) = self.finished.take() {
            return Action::Finished(result);
        }
        out.append(&mut self.out);
        match &self.state {
            State::Ready => Action::Ready,
            State::Handshake => Action::StartTls,
            State::SendingBody(exchange) => Action::WriteBody(exchange.framing()),
            State::Closed(reason) => Action::Closed(reason.clone()),
            _ => Action::Read(self.wait()),
        }
    }

    /// Takes bytes from the peer, in pieces of any size.
    ///
    /// While the content is being written a driver may read as well: a refusal then ends the transaction
    /// early. It must not do so between the end of the content and [`ClientSession::body_sent`].
    pub fn receive(&mut self, bytes: &[u8]) {
        self.parser.feed(bytes);
        loop {
            if matches!(self.state, State::Handshake | State::Closed(_)) {
                // Plain text behind the reply to STARTTLS may be an attacker's (RFC 3207 section 6).
                self.parser.clear();
                return;
            }
            match self.parser.next_reply() {
                Ok(Some(reply)) => {
                    self.replies += 1;
                    self.transition(|session, state| session.on_reply(state, reply));
                }
                Ok(None) => return,
                Err(error) => {
                    let phase = self.state.phase();
                    self.fail(Failure::Protocol { phase, error });
                }
            }
        }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// Gives the transaction back unless the last action was [`Action::Ready`].
    pub fn begin(&mut self, transaction: Transaction) -> Result<(), Box<Transaction>> {
        if !matches!(self.state, State::Ready) || self.finished.is_some() {
            return Err(Box::new(transaction));
        }
        let exchange = Box::new(Exchange::new(transaction, &self.capabilities, self.config.chunking));
        self.transition(|session, _| {
            if session.leftover == MailState::Open && exchange.has_undecided() {
                session.out.extend_from_slice(b"RSET\r\n");
                State::ExpectRset(exchange)
            } else {
                session.advance(exchange)
            }
        });
        Ok(())
    }

    /// The driver has written the content with its framing; without effect unless it was asked to.
    pub fn body_sent(&mut self) {
        self.transition(|_, state| match state {
            State::SendingBody(exchange) => State::ExpectDot(exchange),
            other => other,
        });
    }

    /// The TLS handshake is done. Everything learned before is forgotten and EHLO said again (RFC 3207
    /// section 4.2). Without effect unless it was asked for.
    pub fn tls_established(&mut self) {
        self.transition(|session, state| match state {
            State::Handshake => {
                session.security = Security::Tls;
                session.capabilities = Capabilities::default();
                session.say_ehlo()
            }
            other => other,
        });
    }

    /// The TLS handshake failed; without effect unless it was asked for.
    pub fn tls_failed(&mut self, why: String) {
        if matches!(self.state, State::Handshake) {
            self.fail(Failure::TlsFailed(why));
        }
    }

    /// The connection is gone, or a time-out has passed, in whatever state.
    pub fn lost(&mut self, why: Loss) {
        let phase = self.state.phase();
        self.fail(Failure::Lost { phase, loss: why });
    }

    /// Says QUIT; without effect unless the last action was [`Action::Ready`].
    pub fn quit(&mut self) {
        self.transition(|session, state| match state {
            State::Ready => session.say_quit(CloseReason::Quit),
            other => other,
        });
    }

    /// What the peer offers, by its last reply to EHLO.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Where the session is, with the time-out that applies; meant for the actions that carry none.
    pub fn wait(&self) -> Wait {
        let phase = self.state.phase();
        Wait { phase, reply: self.replies, timeout: self.config.timeouts.of(phase) }
    }

    /// Replaces the state by what `next` makes of it.
    fn transition(&mut self, next: impl FnOnce(&mut Self, State) -> State) {
        // `Ready` only stands in while `next` owns the state; nothing reads it meanwhile.
        let state = mem::replace(&mut self.state, State::Ready);
        self.state = next(self, state);
    }

    fn fail(&mut self, failure: Failure) {
        self.transition(|session, state| session.end(state, failure));
    }

    /// One reply in one state.
    fn on_reply(&mut self, state: State, reply: Reply) -> State {
        match (state, reply.class()) {
            (State::ExpectQuit(reason), _) => self.close(reason),
            // In answer to any command: the peer closes (RFC 5321 section 3.8).
            (state, _) if reply.code() == SmtpCode::SHUTTING_DOWN => self.end_refused(state, reply),
            (State::ExpectGreeting, ReplyClass::Success) => self.say_ehlo(),
            (State::ExpectEhlo, ReplyClass::Success) => self.on_ehlo(&reply),
            (State::ExpectEhlo, ReplyClass::Permanent) => self.say_helo(),
            (State::ExpectHelo, ReplyClass::Success) => self.without_tls(),
            (State::ExpectStartTls, ReplyClass::Success) => State::Handshake,
            (State::ExpectStartTls, _) => self.say_quit(CloseReason::Failed(Failure::StartTlsRefused(reply))),
            (State::ExpectGreeting, _) => self.on_refusal(Phase::Greeting, reply),
            (State::ExpectEhlo, _) => self.on_refusal(Phase::Ehlo, reply),
            (State::ExpectHelo, _) => self.on_refusal(Phase::Helo, reply),
            (State::ExpectRset(exchange), ReplyClass::Success) => self.on_reset(exchange),
            (state @ State::ExpectRset(_), _) => self.end_refused(state, reply),
            (State::Envelope(exchange), _) => self.on_envelope(exchange, reply),
            (state @ State::SendingBody(_), ReplyClass::Transient | ReplyClass::Permanent) => {
                // The content is incomplete, so the connection cannot be used again.
                self.end_refused(state, reply)
            }
            (State::ExpectDot(exchange), class) if class != ReplyClass::Intermediate => {
                self.on_dot(*exchange, &reply)
            }
            (State::ExpectLoneDot(exchange), _) => self.finish(*exchange, Attempt::Counted),
            (state, _) => self.end_unexpected(state, reply),
        }
    }

    fn on_ehlo(&mut self, reply: &Reply) -> State {
        self.capabilities = Capabilities::from_ehlo(reply);
        let wanted = self.config.tls != ClientTls::Never && self.security == Security::PlainText;
        if wanted && self.capabilities.offers(Extension::StartTls) {
            self.out.extend_from_slice(b"STARTTLS\r\n");
            return State::ExpectStartTls;
        }
        self.without_tls()
    }

    /// Nothing more can be done for TLS: ready, unless it is required and missing.
    fn without_tls(&mut self) -> State {
        if self.config.tls == ClientTls::Required && self.security == Security::PlainText {
            return self.say_quit(CloseReason::Failed(Failure::TlsNotOffered));
        }
        State::Ready
    }

    /// A refusal before any transaction: polite even so, and then over (RFC 5321 section 3.1).
    fn on_refusal(&mut self, phase: Phase, reply: Reply) -> State {
        self.say_quit(CloseReason::Failed(Failure::Refused { phase, reply }))
    }

    fn on_reset(&mut self, exchange: Box<Exchange>) -> State {
        self.leftover = MailState::Closed;
        self.advance(exchange)
    }

    fn on_envelope(&mut self, mut exchange: Box<Exchange>, reply: Reply) -> State {
        let stale = self.usage == Usage::Used && exchange.is_unanswered();
        if stale && reply.code() == SmtpCode::BAD_SEQUENCE {
            // The peer is out of step with us from the transaction before.
            return self.end_refused(State::Envelope(exchange), reply);
        }
        match exchange.take(&reply) {
            Taken::Noted => self.advance(exchange),
            Taken::Go if exchange.has_undecided() => State::SendingBody(exchange),
            Taken::Go => {
                self.out.extend_from_slice(b".\r\n");
                State::ExpectLoneDot(exchange)
            }
            Taken::OutOfPlace => self.end_unexpected(State::Envelope(exchange), reply),
        }
    }

    /// The reply to the end of data, for every recipient accepted.
    fn on_dot(&mut self, mut exchange: Exchange, reply: &Reply) -> State {
        exchange.decide_rest(&judge(Phase::Dot, reply));
        self.finish(exchange, Attempt::Counted)
    }

    /// Sends what may be sent of the envelope.
    fn advance(&mut self, mut exchange: Box<Exchange>) -> State {
        match exchange.advance(&mut self.out) {
            Next::Await => State::Envelope(exchange),
            Next::Over => {
                if !exchange.is_unsent() {
                    self.leftover = exchange.mail_state();
                }
                self.finish(*exchange, Attempt::Counted)
            }
            Next::Body => {
                if exchange.framing() == Framing::Bdat {
                    self.out.extend_from_slice(exchange.bdat_command().as_bytes());
                }
                State::SendingBody(exchange)
            }
        }
    }

    /// Makes the result of a transaction that leaves the connection usable.
    fn finish(&mut self, exchange: Exchange, attempt: Attempt) -> State {
        if !exchange.is_unsent() {
            self.usage = Usage::Used;
        }
        self.finished = Some(Box::new(exchange.finish(attempt)));
        State::Ready
    }

    fn end_refused(&mut self, state: State, reply: Reply) -> State {
        let phase = state.phase();
        self.end(state, Failure::Refused { phase, reply })
    }

    fn end_unexpected(&mut self, state: State, reply: Reply) -> State {
        let phase = state.phase();
        self.end(state, Failure::Unexpected { phase, reply })
    }

    /// The connection ends by `failure`, and with it the transaction under way.
    fn end(&mut self, state: State, failure: Failure) -> State {
        let attempt = self.attempt_ended_by(&state, &failure);
        match state {
            State::ExpectRset(mut exchange)
            | State::Envelope(mut exchange)
            | State::SendingBody(mut exchange)
            | State::ExpectDot(mut exchange)
            | State::ExpectLoneDot(mut exchange) => {
                exchange.decide_rest(&failure.verdict());
                self.finish(*exchange, attempt);
            }
            // What ended the session before this stays the reason.
            State::ExpectQuit(earlier) | State::Closed(earlier) => return self.close(earlier),
            _ => {}
        }
        self.close(CloseReason::Failed(failure))
    }

    /// What the transaction under way counts as when `failure` ends it.
    fn attempt_ended_by(&self, state: &State, failure: &Failure) -> Attempt {
        match state {
            State::ExpectRset(_) => Attempt::NotAttempted,
            State::Envelope(exchange) if self.usage == Usage::Used && exchange.is_unanswered() => {
                Attempt::NotAttempted
            }
            State::ExpectDot(_) if !failure.is_answer() => Attempt::InDoubt,
            _ => Attempt::Counted,
        }
    }

    fn close(&mut self, reason: CloseReason) -> State {
        self.out.clear();
        State::Closed(reason)
    }

    fn say_ehlo(&mut self) -> State {
        self.say_hello("EHLO");
        State::ExpectEhlo
    }

    /// The older greeting, for servers that refuse EHLO (RFC 5321 section 3.2).
    fn say_helo(&mut self) -> State {
        self.say_hello("HELO");
        State::ExpectHelo
    }

    fn say_hello(&mut self, verb: &str) {
        self.out.extend_from_slice(format!("{verb} {}\r\n", self.config.ehlo_name).as_bytes());
    }

    fn say_quit(&mut self, reason: CloseReason) -> State {
        self.out.extend_from_slice(b"QUIT\r\n");
        State::ExpectQuit(reason)
    }
}

impl State {
    /// Where the session is.
    fn phase(&self) -> Phase {
        match self {
            Self::ExpectGreeting => Phase::Greeting,
            Self::ExpectEhlo => Phase::Ehlo,
            Self::ExpectHelo => Phase::Helo,
            Self::ExpectStartTls => Phase::StartTls,
            Self::Handshake => Phase::Tls,
            Self::Ready => Phase::Idle,
            Self::ExpectRset(_) => Phase::Rset,
            Self::Envelope(exchange) => exchange.phase(),
            Self::SendingBody(_) => Phase::Body,
            Self::ExpectDot(_) | Self::ExpectLoneDot(_) => Phase::Dot,
            Self::ExpectQuit(_) | Self::Closed(_) => Phase::Quit,
        }
    }
}

#[cfg(test)]
mod tests;
