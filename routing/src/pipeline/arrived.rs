//! A message as it comes, and what is said of it in the end.

use crate::gate::Facts;
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    authentication::Judgement,
    envelope::SmtpUtf8,
    id::QueueId,
    message::{ReceivedHeader, ReceivedWith, split_header, went_on_from},
    smtp::reply::{EnhancedCode, Reply, SmtpCode},
    spam::Score,
    time::UnixMillis,
};
use std::{net::IpAddr, sync::Arc};

/// A message as a client hands it in.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Address of the client.
    pub peer: IpAddr,
    /// The name it gave in EHLO.
    pub helo: String,
    /// How it spoke.
    pub with: ReceivedWith,
    /// The cipher suite it spoke under, if any.
    pub cipher: Option<String>,
    /// The envelope sender.
    pub sender: ReversePath,
    /// Whether SMTPUTF8 was given.
    pub smtputf8: SmtpUtf8,
    /// What the gate noted of the client.
    pub facts: Facts,
    /// Header and body, CRLF lines.
    pub content: Vec<u8>,
    /// Its spam score, once there is one.
    pub spam: Option<Score>,
}

impl Arrived {
    /// The trace field of this hop (RFC 5321 section 4.4), of a message that we call `id`.
    pub(crate) fn trace(&self, hostname: &str, id: QueueId, date: UnixMillis) -> String {
        ReceivedHeader {
            helo: &self.helo,
            peer: Some(self.peer),
            by: hostname,
            with: self.with,
            tls: self.cipher.as_deref(),
            id,
            date,
        }
        .to_string()
    }

    /// Its header section.
    pub(super) fn header(&self) -> &[u8] {
        split_header(&self.content).0
    }

    /// The first of these addresses of ours that it went on from before.
    pub(super) fn went_on_from<'a>(
        &self,
        mut addresses: impl Iterator<Item = &'a EmailAddress>,
    ) -> Option<Reply> {
        let again = addresses.find(|address| went_on_from(self.header(), address))?;
        let text = format!("the message went on from {again} before: it goes round in circles");
        Some(Reply::new(SmtpCode::TRANSACTION_FAILED, Some(EnhancedCode::new(5, 4, 6)), text))
    }
}

/// What became of a message by the time its sender is answered.
#[derive(Debug, Clone)]
pub struct Fate {
    /// Its name, under which the log has it.
    pub id: QueueId,
    /// What became of it.
    pub what: What,
    /// Whether a Worker was shown it.
    pub by_worker: bool,
    /// What was found about it, if it came so far.
    pub judgement: Option<Arc<Judgement>>,
}

/// See [`Fate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was news of sent mail, and has had its effect.
    Heard,
    /// The next server has it.
    Delivered,
    /// It is in the queue.
    Queued,
    /// A rule threw it away.
    Dropped,
    /// A Worker took it, and sent it nowhere.
    Processed,
    /// A Worker is to have it later; until then it is safe.
    Held,
    /// It was not taken, or the next server did not.
    Refused(Reply),
}

impl Fate {
    /// What the client is told.
    pub fn reply(&self) -> Reply {
        let ok = |text: String| Reply::new(SmtpCode::OK, Some(EnhancedCode::new(2, 0, 0)), text);
        match &self.what {
            What::Delivered => ok(format!("Ok: passed on as {}", self.id)),
            What::Queued => ok(format!("Ok: queued as {}", self.id)),
            What::Held => ok(format!("Ok: held as {}", self.id)),
            What::Dropped | What::Processed => ok(format!("Ok: taken as {}", self.id)),
            What::Heard => ok("Ok: heard".to_owned()),
            What::Refused(reply) => reply.clone(),
        }
    }
}
