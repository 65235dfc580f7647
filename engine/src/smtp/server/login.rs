//! AUTH in a session: when it may be used, and the exchange line by line (RFC 4954).

use super::{
    auth::{AuthFault, Exchange, Mechanism, Secret, Turn},
    config::Auth,
    line::LineError,
    replies,
    session::{ServerSession, State},
    step::Step,
    transaction::{Client, Greeting, Transport},
};
use std::ops::ControlFlow;

const GO_ON: ControlFlow<Step> = ControlFlow::Continue(());

/// Whether the client of a session has proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Login {
    /// Not, or not since TLS began.
    #[default]
    Missing,
    /// It has.
    Done,
}

/// Whether a session takes AUTH in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum PlainAuth {
    /// The network could overhear it.
    #[default]
    Refused,
    /// The caller says that nobody listens.
    Allowed,
}

impl ServerSession {
    /// Whether AUTH is offered now.
    pub(super) fn offers_auth(&self) -> bool {
        let safe = self.transport == Transport::Tls || self.plain_auth == PlainAuth::Allowed;
        self.config.auth == Auth::Required && safe
    }

    /// Why MAIL is refused for want of a login, if it is.
    pub(super) fn wants_login(&self) -> Option<&'static str> {
        match (self.config.auth, self.login) {
            (Auth::NotOffered, _) | (Auth::Required, Login::Done) => None,
            (Auth::Required, Login::Missing) if self.offers_auth() => Some(replies::AUTH_REQUIRED),
            (Auth::Required, Login::Missing) => Some(replies::TLS_REQUIRED),
        }
    }

    /// The AUTH command.
    pub(super) fn auth(
        &mut self,
        mechanism: Mechanism,
        initial: Option<&Secret>,
        out: &mut Vec<u8>,
    ) -> ControlFlow<Step> {
        let greeted = matches!(self.client, Some(Client { greeting: Greeting::Ehlo, .. }));
        if !greeted || self.login == Login::Done || !matches!(self.state, State::Idle) {
            self.protocol_error(replies::BAD_SEQUENCE, out);
            return GO_ON;
        }
        if !self.offers_auth() {
            self.protocol_error(replies::ENCRYPTION_REQUIRED, out);
            return GO_ON;
        }
        let exchange = Exchange::begin(mechanism);
        match initial {
            Some(initial) => {
                let turn = exchange.respond_at_once(initial);
                self.follow(turn, out)
            }
            None => self.follow(Ok(Turn::Ask(exchange)), out),
        }
    }

    /// Reads a response of an exchange. Responses may be longer than commands.
    pub(super) fn take_response(
        &mut self,
        exchange: Exchange,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> ControlFlow<Step> {
        let Some(line) = self.lines.next(input) else {
            self.state = State::Exchange(exchange);
            return ControlFlow::Break(Step::NeedInput);
        };
        self.lines.limit(self.config.max_line);
        match line {
            Ok(line) => self.follow(exchange.respond(&line), out),
            Err(LineError::TooLong) => {
                self.protocol_error(replies::RESPONSE_TOO_LONG, out);
                GO_ON
            }
            Err(LineError::BareLineBreak) => {
                self.protocol_error(replies::BAD_RESPONSE, out);
                GO_ON
            }
        }
    }

    fn follow(&mut self, turn: Result<Turn, AuthFault>, out: &mut Vec<u8>) -> ControlFlow<Step> {
        match turn {
            Ok(Turn::Done(credentials)) => {
                self.state = State::AskedLogin;
                return ControlFlow::Break(Step::Authenticate(credentials));
            }
            Ok(Turn::Ask(exchange)) => {
                self.say(exchange.challenge(), out);
                self.lines.limit(self.config.max_line.max(Exchange::MAX_LINE));
                self.state = State::Exchange(exchange);
            }
            Err(AuthFault::Cancelled) => self.protocol_error(replies::AUTH_CANCELLED, out),
            Err(AuthFault::Malformed) => self.protocol_error(replies::BAD_RESPONSE, out),
            Err(AuthFault::OtherIdentity) => self.protocol_error(replies::OTHER_IDENTITY, out),
        }
        GO_ON
    }
}
