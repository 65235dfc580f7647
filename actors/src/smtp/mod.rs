//! SMTP in: sockets around the pure server session.
//!
//! [`listener`] accepts clients, `session` drives one, and a [`Service`] decides: [`relay`] takes mail for
//! the world from trusted networks, [`submission`] from clients that log in, [`sandbox`] keeps everything it gets;
//! what comes from the world is the business of `mailwright-routing`.

pub mod guard;
pub mod handover;
pub mod listener;
pub mod relay;
mod room;
pub mod sandbox;
mod session;
pub mod submission;

use mailwright_engine::{
    address::EmailAddress,
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        server::{Answer, Credentials, MailCommand, ReceivedMessage},
    },
};
use std::net::SocketAddr;

/// What a service does about a question.
#[derive(Debug)]
pub enum Reaction {
    /// Answers it.
    Answer(Answer),
    /// Closes the connection without a word.
    HangUp,
}

/// How a client spoke out of turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Early {
    /// Before it was greeted (RFC 5321 section 3.1 has it wait).
    BeforeGreeting,
    /// Before it had the answer to a command that has to be waited for (RFC 2920 section 3.1).
    BeforeReply,
}

/// What is known of the TLS that carries a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// The registered name of the cipher suite.
    pub cipher: Option<String>,
}

/// Decides about the mail of one kind of listener; sessions share it.
pub trait Service {
    /// What it keeps of one client as long as that is connected.
    type Client;

    /// Whether `peer` may talk at all; the reply says why not.
    fn admit(&self, peer: SocketAddr) -> Result<Self::Client, Reply>;

    /// Prepares for the client, which is greeted when this is done. Who sends something meanwhile talks early.
    fn prepare(&self, _client: &mut Self::Client) -> impl Future<Output = ()> {
        std::future::ready(())
    }

    /// The client talked out of turn; with a reply it is sent away, otherwise its session goes on. Told once of what is
    /// before the greeting, and of all that follows as far as it was noticed.
    fn talked_early(&self, _client: &mut Self::Client, _when: Early) -> Option<Reply> {
        None
    }

    /// The client says that this is its name (EHLO, HELO). Told before each MAIL.
    fn hello(&self, _client: &mut Self::Client, _name: &str) {}

    /// The connection is under TLS from now on. Whatever the client proved before counts no more (RFC 3207
    /// section 4.2).
    fn secured(&self, client: &mut Self::Client, tls: TlsFacts);

    /// Is the client who it says it is? Asked only where the listener offers AUTH.
    fn authenticate(
        &self,
        _client: &mut Self::Client,
        _credentials: &Credentials,
    ) -> impl Future<Output = Reaction> {
        let why = "there is nobody to log in as";
        std::future::ready(refuse(SmtpCode::AUTH_FAILED, EnhancedCode::new(5, 7, 8), why))
    }

    /// May this sender begin a message?
    fn mail(&self, client: &mut Self::Client, command: &MailCommand) -> impl Future<Output = Reaction>;

    /// Is this recipient accepted?
    fn rcpt(&self, client: &mut Self::Client, recipient: &EmailAddress) -> impl Future<Output = Reaction>;

    /// Is there room for content?
    fn data(&self, client: &mut Self::Client) -> impl Future<Output = Reaction>;

    /// A whole message; accepting it takes responsibility.
    fn message(&self, client: &mut Self::Client, message: ReceivedMessage) -> impl Future<Output = Reaction>;
}

/// A refusal.
pub fn refuse(code: SmtpCode, status: EnhancedCode, why: impl Into<String>) -> Reaction {
    Reaction::Answer(Answer::Refuse(Reply::new(code, Some(status), why)))
}
