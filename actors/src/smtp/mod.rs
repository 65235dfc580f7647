//! SMTP in: sockets around the pure server session.
//!
//! [`listener`] accepts clients, `session` drives one, and a [`Service`] decides: [`relay`] takes mail for
//! the world from trusted networks, [`sandbox`] keeps everything it gets.

pub mod listener;
pub mod relay;
pub mod sandbox;
mod session;

use mailwright_engine::{
    address::EmailAddress,
    smtp::server::{Answer, MailCommand, ReceivedMessage},
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

/// Decides about the mail of one kind of listener; sessions share it.
pub trait Service {
    /// Whether `peer` may talk at all; the reply says why not.
    fn admits(&self, peer: SocketAddr) -> Result<(), mailwright_engine::smtp::reply::Reply>;

    /// May this sender begin a message?
    fn mail(&self, command: &MailCommand) -> impl Future<Output = Reaction>;

    /// Is this recipient accepted?
    fn rcpt(&self, recipient: &EmailAddress) -> impl Future<Output = Reaction>;

    /// Is there room for content?
    fn data(&self) -> impl Future<Output = Reaction>;

    /// A whole message from `peer`; accepting it takes responsibility.
    fn message(&self, message: ReceivedMessage, peer: SocketAddr) -> impl Future<Output = Reaction>;
}
