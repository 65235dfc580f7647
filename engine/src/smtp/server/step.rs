//! What passes between a session and its caller.

use super::{
    auth::Credentials,
    transaction::{MailCommand, ReceivedMessage},
};
use crate::{address::EmailAddress, dsn::RecipientDsn, smtp::reply::Reply};

/// What the caller must do next.
///
/// [`Authenticate`](Step::Authenticate), [`Mail`](Step::Mail), [`Rcpt`](Step::Rcpt), [`Data`](Step::Data) and
/// [`Message`](Step::Message) are questions, to answer with
/// [`ServerSession::answer`](super::ServerSession::answer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The input is used up: send the replies gathered so far, then read more.
    NeedInput,
    /// A client says who it is: is that so? A refusal is 535 with 5.7.8 (RFC 4954 section 6), or a 4yz.
    Authenticate(Credentials),
    /// A sender wants to begin a message: may it?
    Mail(MailCommand),
    /// A recipient of the message: is it accepted?
    Rcpt(EmailAddress, RecipientDsn),
    /// The content is about to come, by DATA or as the first BDAT chunk: is there room for it?
    Data,
    /// A whole message. The answer accepts responsibility for it (RFC 5321 section 6.1), so it must be safe on
    /// disk before [`Answer::Accept`].
    Message(Box<ReceivedMessage>),
    /// Send the replies, make the TLS handshake, then call
    /// [`ServerSession::tls_established`](super::ServerSession::tls_established). The input was emptied: plain
    /// text after STARTTLS is not to be trusted (RFC 3207 section 4.2).
    StartTls,
    /// Send the replies and close the connection.
    Close,
}

/// The answer to a question of [`Step`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes, with the usual reply.
    Accept,
    /// Yes, with a reply of the caller's, which must be a 2yz. The replies that let content begin are fixed by
    /// the protocol, so for [`Step::Data`] this is the same as [`Answer::Accept`].
    AcceptWith(Reply),
    /// No, with a 4yz or 5yz reply. A refused [`Step::Data`] or [`Step::Message`] ends the transaction.
    Refuse(Reply),
    /// No, with a 421 reply (RFC 5321 section 3.8), and the session is over.
    Disconnect(Reply),
}
