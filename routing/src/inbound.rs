//! Inbound: takes mail from the world, for addresses of ours only.
//!
//! Recipients are judged when they are named. All of a message are of one [`Kind`](crate::addressee::Kind), because SMTP
//! has one answer for all of them: who names another is told to send that in a message of its own.

use crate::{
    addressee::Addressee,
    gate::{Gate, Visitor},
    pipeline::Arrived,
    reception::Reception,
};
use mailwright_actors::smtp::{Early, Reaction, Service, TlsFacts, handover::refused, refuse};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    smtp::{
        reply::{EnhancedCode, Reply, ReplyClass, SmtpCode},
        server::{Answer, MailCommand, ReceivedMessage},
    },
};
use std::net::SocketAddr;

/// Inbound's decisions. Clones share their limits.
#[derive(Clone)]
pub struct Inbound {
    reception: Reception,
    gate: Gate,
}

/// A client of inbound.
#[derive(Debug)]
pub struct InboundClient {
    peer: SocketAddr,
    cipher: Option<String>,
    visitor: Visitor,
    /// The sender of the message under way.
    sender: ReversePath,
    /// Its recipients so far, all of one kind.
    recipients: Vec<(EmailAddress, Addressee)>,
}

impl Inbound {
    /// Takes what `reception` looks after, from clients whom `gate` lets in.
    pub fn new(reception: Reception, gate: Gate) -> Self {
        Self { reception, gate }
    }

    /// Whether `recipient` may stand beside those that the message has.
    fn add(&self, client: &mut InboundClient, recipient: &EmailAddress, found: Addressee) -> Reaction {
        self.gate.took(&client.visitor);
        if client.recipients.first().is_some_and(|(_, first)| first.kind() != found.kind()) {
            let why = "one domain at a time: send to this address in a message of its own";
            return refuse(SmtpCode::INSUFFICIENT_STORAGE, EnhancedCode::new(4, 5, 3), why);
        }
        client.recipients.push((recipient.clone(), found));
        Reaction::Answer(Answer::Accept)
    }
}

impl Service for Inbound {
    type Client = InboundClient;

    fn admit(&self, peer: SocketAddr) -> Result<InboundClient, Reply> {
        let (sender, recipients) = (ReversePath::Null, Vec::new());
        Ok(InboundClient { peer, cipher: None, visitor: self.gate.admit(peer)?, sender, recipients })
    }

    async fn prepare(&self, client: &mut InboundClient) {
        self.gate.prepare(&mut client.visitor).await;
    }

    fn talked_early(&self, client: &mut InboundClient, when: Early) -> Option<Reply> {
        self.gate.talked_early(&mut client.visitor, when)
    }

    fn hello(&self, client: &mut InboundClient, name: &str) {
        self.gate.hello(&mut client.visitor, name);
    }

    fn secured(&self, client: &mut InboundClient, tls: TlsFacts) {
        client.cipher = tls.cipher;
    }

    async fn mail(&self, client: &mut InboundClient, command: &MailCommand) -> Reaction {
        client.sender = command.reverse_path.clone();
        client.recipients.clear();
        if let Err(refusal) = self.gate.mail(&client.visitor) {
            return refusal;
        }
        self.reception.has_room().map_or_else(|error| refused(&error), |()| Reaction::Answer(Answer::Accept))
    }

    async fn rcpt(&self, client: &mut InboundClient, recipient: &EmailAddress) -> Reaction {
        if let Err(refusal) = self.gate.rcpt(&mut client.visitor, recipient).await {
            return refusal;
        }
        match self.reception.find(&client.sender, recipient) {
            Ok(found) => self.add(client, recipient, found),
            Err(reply) => self.gate.unknown(&client.visitor, Reaction::Answer(Answer::Refuse(reply))).await,
        }
    }

    async fn data(&self, _: &mut InboundClient) -> Reaction {
        Reaction::Answer(Answer::Accept)
    }

    async fn message(&self, client: &mut InboundClient, message: ReceivedMessage) -> Reaction {
        let recipients = std::mem::take(&mut client.recipients);
        let mail = Arrived {
            peer: client.peer.ip(),
            with: message.protocol(),
            cipher: client.cipher.clone(),
            helo: message.helo,
            sender: message.reverse_path,
            smtputf8: message.smtputf8,
            facts: client.visitor.facts().clone(),
            content: message.content,
            spam: None,
        };
        let reply = self.reception.take(mail, recipients).await.reply();
        match reply.class() {
            ReplyClass::Success => Reaction::Answer(Answer::AcceptWith(reply)),
            _ => Reaction::Answer(Answer::Refuse(reply)),
        }
    }
}
