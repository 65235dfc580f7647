//! A mail transaction (RFC 5321 section 3.3): what MAIL and RCPT said, and the message that comes of it.

use super::login::Login;
use crate::{
    address::{EmailAddress, ReversePath},
    class::TransportSecurity,
    dsn::{DsnRequest, RecipientDsn},
    envelope::{BodyType, SmtpUtf8},
    message::ReceivedWith,
};

/// A MAIL command (RFC 5321 section 4.1.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailCommand {
    /// Where failures are reported.
    pub reverse_path: ReversePath,
    /// Octets of the message by the client's own estimate (SIZE, RFC 1870); at most the configured size.
    pub declared_size: Option<u64>,
    /// Whether the content is 7-bit (BODY, RFC 6152).
    pub body_type: BodyType,
    /// Whether SMTPUTF8 was given (RFC 6531).
    pub smtputf8: SmtpUtf8,
    /// RET and ENVID (RFC 3461); empty unless DSN is offered.
    pub dsn: DsnRequest,
    /// `Required` with REQUIRETLS (RFC 8689), otherwise `ByPolicy`.
    pub security: TransportSecurity,
}

/// A complete message with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// The name the client gave in EHLO or HELO; letters, digits and `.-_:[]` only, otherwise unverified.
    pub helo: String,
    /// Whether the client greeted with EHLO.
    pub esmtp: bool,
    /// Whether the connection is under TLS.
    pub tls: bool,
    /// Whether the client logged in.
    pub authenticated: bool,
    /// Where failures are reported.
    pub reverse_path: ReversePath,
    /// The accepted recipients in the order given, repetitions included; never empty.
    pub recipients: Vec<EmailAddress>,
    /// NOTIFY and ORCPT of each of [`ReceivedMessage::recipients`], in the same order; empty unless DSN is
    /// offered.
    pub recipients_dsn: Vec<RecipientDsn>,
    /// As MAIL declared it.
    pub body_type: BodyType,
    /// As MAIL declared it.
    pub smtputf8: SmtpUtf8,
    /// As MAIL declared it, in octets.
    pub declared_size: Option<u64>,
    /// RET and ENVID (RFC 3461).
    pub dsn: DsnRequest,
    /// As MAIL declared it (REQUIRETLS, RFC 8689).
    pub security: TransportSecurity,
    /// The content without dot-stuffing: no NUL, and CR and LF only as CRLF. From DATA it is empty or ends in
    /// CRLF; from BDAT the last line may be without one.
    pub content: Vec<u8>,
}

impl ReceivedMessage {
    /// The protocol it came by, for its trace field (RFC 3848, RFC 6531 section 4.3).
    pub fn protocol(&self) -> ReceivedWith {
        match (self.smtputf8, self.tls, self.authenticated) {
            (SmtpUtf8::Needed, true, true) => ReceivedWith::Utf8Smtpsa,
            (SmtpUtf8::Needed, true, false) => ReceivedWith::Utf8Smtps,
            (SmtpUtf8::Needed, false, true) => ReceivedWith::Utf8Smtpa,
            (SmtpUtf8::Needed, false, false) => ReceivedWith::Utf8Smtp,
            (SmtpUtf8::NotNeeded, true, true) => ReceivedWith::Esmtpsa,
            (SmtpUtf8::NotNeeded, true, false) => ReceivedWith::Esmtps,
            (SmtpUtf8::NotNeeded, false, true) => ReceivedWith::Esmtpa,
            (SmtpUtf8::NotNeeded, false, false) if self.esmtp => ReceivedWith::Esmtp,
            (SmtpUtf8::NotNeeded, false, false) => ReceivedWith::Smtp,
        }
    }
}

/// How the client greeted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greeting {
    /// EHLO.
    Ehlo,
    /// HELO.
    Helo,
}

/// The client as it introduced itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Client {
    /// The name it gave.
    pub(super) name: String,
    /// The command it gave it with.
    pub(super) greeting: Greeting,
}

/// What carries the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// Plain TCP.
    Plain,
    /// TLS.
    Tls,
}

/// An envelope in the making.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Who sends it.
    pub(super) client: Client,
    /// The accepted MAIL command.
    pub(super) mail: MailCommand,
    /// The accepted recipients.
    pub(super) recipients: Vec<EmailAddress>,
    /// What each wants reported.
    pub(super) recipients_dsn: Vec<RecipientDsn>,
}

impl Transaction {
    /// An envelope without recipients.
    pub(super) fn new(client: Client, mail: MailCommand) -> Self {
        Self { client, mail, recipients: Vec::new(), recipients_dsn: Vec::new() }
    }

    /// Adds an accepted recipient.
    pub(super) fn add(&mut self, recipient: EmailAddress, dsn: RecipientDsn) {
        self.recipients.push(recipient);
        self.recipients_dsn.push(dsn);
    }

    /// Joins the envelope with its content.
    pub(super) fn into_message(
        self,
        transport: Transport,
        login: Login,
        content: Vec<u8>,
    ) -> ReceivedMessage {
        let Self { client, mail, recipients, recipients_dsn } = self;
        ReceivedMessage {
            helo: client.name,
            esmtp: client.greeting == Greeting::Ehlo,
            tls: transport == Transport::Tls,
            authenticated: login == Login::Done,
            reverse_path: mail.reverse_path,
            recipients,
            recipients_dsn,
            body_type: mail.body_type,
            smtputf8: mail.smtputf8,
            declared_size: mail.declared_size,
            dsn: mail.dsn,
            security: mail.security,
            content,
        }
    }
}
