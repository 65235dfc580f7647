//! What each command does, in each state in which commands are read.

use super::{
    auth::Mechanism,
    bdat::{ChunkHeader, ChunkReader, ChunkSkipper, SkipReason},
    command::{Command, CommandError, Context, parse_command},
    config::{Dsn, Limits, RequireTls, StartTls},
    replies,
    session::{Pace, ServerSession, State},
    step::Step,
    transaction::{Client, Greeting, MailCommand, Transaction, Transport},
};
use crate::{
    address::EmailAddress,
    dsn::RecipientDsn,
    envelope::SmtpUtf8,
    smtp::reply::{Reply, SmtpCode},
};
use std::{mem, ops::ControlFlow};

const GO_ON: ControlFlow<Step> = ControlFlow::Continue(());

impl ServerSession {
    /// Reads a line and carries it out.
    pub(super) fn take_line(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> ControlFlow<Step> {
        let Some(line) = self.lines.next(input) else { return ControlFlow::Break(Step::NeedInput) };
        let context = Context {
            config: &self.config,
            smtputf8: self.transaction_smtputf8(),
            transport: self.transport,
        };
        let command = line.map_err(CommandError::Line).and_then(|line| parse_command(&line, context));
        match command {
            Ok(command) => self.execute(command, input, out),
            Err(error) if error.is_fatal() => {
                self.state = State::Closing;
                self.say(error.reply(), out);
                GO_ON
            }
            Err(error) => {
                self.protocol_error(error.reply(), out);
                GO_ON
            }
        }
    }

    fn transaction_smtputf8(&self) -> SmtpUtf8 {
        match &self.state {
            State::Envelope(transaction) => transaction.mail.smtputf8,
            _ => SmtpUtf8::NotNeeded,
        }
    }

    fn execute(&mut self, command: Command, input: &mut &[u8], out: &mut Vec<u8>) -> ControlFlow<Step> {
        if command.ends_a_group() && !input.is_empty() {
            self.pace = Pace::Broken;
        }
        match command {
            Command::Mail(mail) => return self.mail(mail, out),
            Command::Rcpt(recipient, params) => return self.rcpt(recipient, params, out),
            Command::Data => return self.data(out),
            Command::Bdat(header) => return self.bdat(header),
            Command::StartTls => return self.start_tls(input, out),
            Command::Auth(mechanism, initial) => return self.auth(mechanism, initial.as_ref(), out),
            Command::Hello(client) => self.hello(client, out),
            Command::Rset => {
                self.state = State::Idle;
                self.say(replies::OK, out);
            }
            Command::Noop => self.say(replies::OK, out),
            Command::Vrfy => self.say(replies::CANNOT_VERIFY, out),
            Command::Help => self.say(replies::HELP, out),
            Command::Quit => {
                self.state = State::Closing;
                self.say(&format!("221 2.0.0 {} closing connection\r\n", self.config.hostname), out);
            }
        }
        GO_ON
    }

    /// EHLO and HELO, which also end a transaction (RFC 5321 section 4.1.4).
    fn hello(&mut self, client: Client, out: &mut Vec<u8>) {
        let text = match client.greeting {
            Greeting::Ehlo => self.extensions(),
            Greeting::Helo => self.config.hostname.clone(),
        };
        Reply::new(SmtpCode::OK, None, text).write_to(out);
        self.client = Some(client);
        self.state = State::Idle;
    }

    /// Our name and what we offer, one a line.
    fn extensions(&self) -> String {
        let config = &self.config;
        let mut lines = format!("{}\nPIPELINING\nSIZE {}\n", config.hostname, config.max_message_size);
        lines.push_str("8BITMIME\nSMTPUTF8\nCHUNKING\nENHANCEDSTATUSCODES");
        if config.dsn == Dsn::Offered {
            lines.push_str("\nDSN");
        }
        if config.starttls == StartTls::Offered && self.transport == Transport::Plain {
            lines.push_str("\nSTARTTLS");
        }
        if self.offers_auth() {
            lines.push('\n');
            lines.push_str(Mechanism::OFFERED);
        }
        if config.require_tls == RequireTls::Offered && self.transport == Transport::Tls {
            lines.push_str("\nREQUIRETLS");
        }
        if config.limits == Limits::Offered {
            lines.push_str(&format!("\nLIMITS RCPTMAX={}", config.max_recipients));
        }
        lines
    }

    fn mail(&mut self, mail: MailCommand, out: &mut Vec<u8>) -> ControlFlow<Step> {
        let client = match (&self.client, &self.state) {
            (Some(client), State::Idle) => client.clone(),
            _ => {
                self.protocol_error(replies::BAD_SEQUENCE, out);
                return GO_ON;
            }
        };
        if let Some(refusal) = self.wants_login() {
            self.protocol_error(refusal, out);
            return GO_ON;
        }
        if mail.declared_size.is_some_and(|size| size > self.config.max_message_size as u64) {
            self.say(replies::MESSAGE_TOO_LARGE, out);
            return GO_ON;
        }
        self.state = State::AskedMail(Box::new(Transaction::new(client, mail.clone())));
        ControlFlow::Break(Step::Mail(mail))
    }

    /// RCPT out of order is not counted as a mistake, and neither are DATA and BDAT: a client that pipelines
    /// has sent them before it learns that MAIL was refused (RFC 2920 section 3.1).
    fn rcpt(
        &mut self,
        recipient: EmailAddress,
        params: RecipientDsn,
        out: &mut Vec<u8>,
    ) -> ControlFlow<Step> {
        match mem::take(&mut self.state) {
            State::Envelope(transaction) if transaction.recipients.len() < self.config.max_recipients => {
                self.state = State::AskedRcpt(transaction, recipient.clone(), params.clone());
                return ControlFlow::Break(Step::Rcpt(recipient, params));
            }
            envelope @ State::Envelope(_) => {
                self.state = envelope;
                self.say(replies::TOO_MANY_RECIPIENTS, out);
            }
            other => {
                self.state = other;
                self.say(replies::BAD_SEQUENCE, out);
            }
        }
        GO_ON
    }

    fn data(&mut self, out: &mut Vec<u8>) -> ControlFlow<Step> {
        match mem::take(&mut self.state) {
            State::Envelope(transaction) if !transaction.recipients.is_empty() => {
                self.state = State::AskedData(transaction);
                return ControlFlow::Break(Step::Data);
            }
            envelope @ State::Envelope(_) => {
                self.state = envelope;
                self.say(replies::NO_RECIPIENTS, out);
            }
            // After BDAT too (RFC 3030 section 2): the two do not mix.
            other => {
                self.state = other;
                self.say(replies::BAD_SEQUENCE, out);
            }
        }
        GO_ON
    }

    /// A BDAT that fails ends the transaction, so that chunks pipelined behind it are swallowed with 503.
    fn bdat(&mut self, header: ChunkHeader) -> ControlFlow<Step> {
        self.state = match mem::take(&mut self.state) {
            State::Envelope(transaction) if !transaction.recipients.is_empty() => {
                self.state = State::AskedChunk(transaction, header);
                return ControlFlow::Break(Step::Data);
            }
            State::BetweenChunks(transaction, sink) => {
                State::Chunk(ChunkReader::new(transaction, sink, header))
            }
            State::Envelope(_) => State::SkippedChunk(ChunkSkipper::new(SkipReason::NoRecipients, header)),
            _ => State::SkippedChunk(ChunkSkipper::new(SkipReason::BadSequence, header)),
        };
        GO_ON
    }

    fn start_tls(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> ControlFlow<Step> {
        match (self.config.starttls, self.transport) {
            (StartTls::Offered, Transport::Plain) => {
                self.state = State::Handshake;
                *input = &[];
                self.say(replies::START_TLS, out);
                return ControlFlow::Break(Step::StartTls);
            }
            (StartTls::Offered, Transport::Tls) => self.protocol_error(replies::BAD_SEQUENCE, out),
            (StartTls::NotOffered, _) => self.protocol_error(replies::NOT_IMPLEMENTED, out),
        }
        GO_ON
    }
}
