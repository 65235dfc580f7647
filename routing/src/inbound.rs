//! Inbound: takes mail from the world, for addresses of ours only. The domain of a recipient says who takes it; so far
//! that is the return path alone.
//!
//! What arrives is acted on before it is answered, so 250 means that it has had its effect. Two messages are worked on
//! at a time, for each may read a good deal of the event log.

use crate::{
    gate::{Gate, Visitor},
    return_path::{Mailbox, ReturnPath, Unrouted},
};
use mailwright_actors::{
    intake::{Intake, NewMessage},
    smtp::{
        Early, Reaction, Service, TlsFacts,
        handover::{refuse_loop, refused},
        refuse,
    },
};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    envelope::Origin,
    message::ReceivedHeader,
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        server::{Answer, MailCommand, ReceivedMessage},
    },
};
use std::{net::SocketAddr, sync::Arc};
use tokio::sync::Semaphore;

/// Messages that are worked on at a time.
const AT_A_TIME: usize = 2;

/// Inbound's decisions. Clones share their limits.
#[derive(Clone)]
pub struct Inbound {
    returns: ReturnPath,
    intake: Intake,
    hostname: Arc<str>,
    gate: Gate,
    turns: Arc<Semaphore>,
}

/// A client of inbound.
#[derive(Debug)]
pub struct InboundClient {
    peer: SocketAddr,
    cipher: Option<String>,
    visitor: Visitor,
}

impl Inbound {
    /// Takes mail for `returns` from whom `gate` lets in, and hands on by `intake` what others are to have.
    pub fn new(returns: ReturnPath, intake: Intake, hostname: impl Into<Arc<str>>, gate: Gate) -> Self {
        let turns = Arc::new(Semaphore::new(AT_A_TIME));
        Self { returns, intake, hostname: hostname.into(), gate, turns }
    }

    /// Acts on a message for each of its recipients.
    async fn take(&self, client: &InboundClient, message: &ReceivedMessage) -> Result<(), Reaction> {
        if let Some(looping) = refuse_loop(&message.content) {
            return Err(looping);
        }
        let mut mailboxes = Vec::new();
        for recipient in &message.recipients {
            // Keys and domains may have changed since RCPT; what is gone by now is gone.
            let mailbox = self.returns.mailbox(recipient).map_err(unrouted)?;
            if !mailboxes.contains(&mailbox) {
                mailboxes.push(mailbox);
            }
        }
        let content: Arc<[u8]> = message.content.as_slice().into();
        for mailbox in mailboxes {
            if let Some(sender) = self.act(mailbox, Arc::clone(&content)).await? {
                self.hand_on(client, message, sender).await?;
            }
        }
        Ok(())
    }

    /// Whom the message is to be handed on to comes back.
    async fn act(&self, mailbox: Mailbox, content: Arc<[u8]>) -> Result<Option<EmailAddress>, Reaction> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        let returns = self.returns.clone();
        let acted = tokio::task::spawn_blocking(move || returns.take(&mailbox, &content)).await;
        match acted {
            Ok(Ok(sender)) => Ok(sender),
            Ok(Err(error)) => {
                tracing::error!(%error, "what came back could not be acted on");
                Err(later())
            }
            Err(error) => {
                tracing::error!(%error, "acting on what came back ended unasked");
                Err(later())
            }
        }
    }

    /// A sender with an address of its own hears what its server would have heard without us.
    async fn hand_on(
        &self,
        client: &InboundClient,
        message: &ReceivedMessage,
        to: EmailAddress,
    ) -> Result<(), Reaction> {
        let (id, date) = self.intake.next_id();
        let received = ReceivedHeader {
            helo: &message.helo,
            peer: Some(client.peer.ip()),
            by: &self.hostname,
            with: message.protocol(),
            tls: client.cipher.as_deref(),
            id,
            date,
        };
        let content = message.content.clone();
        let accepted = self.intake.accept(NewMessage {
            smtputf8: message.smtputf8,
            trace: received.to_string(),
            ..NewMessage::new(id, ReversePath::Null, vec![to], Origin::Report, content)
        });
        accepted.await.map_err(|error| refused(&error))
    }
}

impl Service for Inbound {
    type Client = InboundClient;

    fn admit(&self, peer: SocketAddr) -> Result<InboundClient, Reply> {
        Ok(InboundClient { peer, cipher: None, visitor: self.gate.admit(peer)? })
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

    async fn mail(&self, client: &mut InboundClient, _: &MailCommand) -> Reaction {
        self.gate.mail(&client.visitor).map_or_else(|refusal| refusal, |()| Reaction::Answer(Answer::Accept))
    }

    async fn rcpt(&self, client: &mut InboundClient, recipient: &EmailAddress) -> Reaction {
        if let Err(refusal) = self.gate.rcpt(&mut client.visitor, recipient).await {
            return refusal;
        }
        match self.returns.mailbox(recipient) {
            Ok(_) => {
                self.gate.took(&client.visitor);
                Reaction::Answer(Answer::Accept)
            }
            Err(why) => self.gate.unknown(&client.visitor, unrouted(why)).await,
        }
    }

    async fn data(&self, _: &mut InboundClient) -> Reaction {
        Reaction::Answer(Answer::Accept)
    }

    async fn message(&self, client: &mut InboundClient, message: ReceivedMessage) -> Reaction {
        let accepted = || Reply::new(SmtpCode::OK, Some(EnhancedCode::new(2, 0, 0)), "Ok: heard");
        match self.take(client, &message).await {
            Ok(()) => Reaction::Answer(Answer::AcceptWith(accepted())),
            Err(refusal) => refusal,
        }
    }
}

fn unrouted(why: Unrouted) -> Reaction {
    let status = match why {
        Unrouted::Foreign => EnhancedCode::new(5, 7, 1),
        Unrouted::Unknown => EnhancedCode::new(5, 1, 1),
    };
    refuse(SmtpCode::MAILBOX_UNAVAILABLE, status, why.to_string())
}

/// Nothing is lost: the client comes again.
fn later() -> Reaction {
    let why = "the message could not be acted on for now; try again later";
    refuse(SmtpCode::LOCAL_ERROR, EnhancedCode::new(4, 3, 0), why)
}
