//! Intake: the one door through which every message enters, whatever protocol brought it.

use crate::{clock, metrics as names, supervisor::Backlog};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    envelope::{BodyType, Envelope, Origin, SmtpUtf8},
    id::QueueId,
    time::UnixMillis,
};
use mailwright_storage::{Content, Spool, StorageError};

/// Committed entries that delivery may be behind before mail is refused for now. At a few hundred octets an
/// entry this bounds memory to some ten megabytes.
const BACKLOG_MAX: usize = 50_000;

/// A message that wants to be accepted.
#[derive(Debug)]
pub struct NewMessage {
    /// Its name, from [`Intake::next_id`].
    pub id: QueueId,
    /// Where failures are reported.
    pub reverse_path: ReversePath,
    /// To whom; at least one.
    pub recipients: Vec<EmailAddress>,
    /// Whether the content is 7-bit.
    pub body: BodyType,
    /// Whether SMTPUTF8 is needed.
    pub smtputf8: SmtpUtf8,
    /// The account it belongs to.
    pub account: Option<String>,
    /// Which door it came in by.
    pub origin: Origin,
    /// What.
    pub content: Content,
}

/// Why a message was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IntakeError {
    /// Delivery is too far behind; try again soon.
    #[error("too much mail is waiting to be queued; try again in a moment")]
    Busy,
    /// More recipients than a message may have.
    #[error("{0} recipients are more than a message may have")]
    TooManyRecipients(usize),
    /// Storage refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl IntakeError {
    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Storage(error) if error.is_disk_full())
    }

    fn label(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::TooManyRecipients(_) => "recipients",
            Self::Storage(error) if error.is_disk_full() => "disk_full",
            Self::Storage(_) => "storage",
        }
    }
}

/// The door. Cheap to clone, usable from any thread.
#[derive(Debug, Clone)]
pub struct Intake {
    spool: Spool,
    backlog: Backlog,
}

impl Intake {
    /// The door to `spool`, watching `backlog`.
    pub fn new(spool: Spool, backlog: Backlog) -> Self {
        Self { spool, backlog }
    }

    /// A fresh message id and the time it was made.
    pub fn next_id(&self) -> (QueueId, UnixMillis) {
        let micros = clock::unix_micros();
        (self.spool.next_id(micros), UnixMillis::new(micros / 1000))
    }

    /// Whether mail would be refused now for want of strength; cheap, for use before content is received.
    pub fn is_busy(&self) -> bool {
        self.backlog.entries() > BACKLOG_MAX
    }

    /// Accepts a message: on return it is safe from a power cut and on its way.
    ///
    /// # Errors
    /// See [`IntakeError`]; nothing was accepted then.
    pub async fn accept(&self, message: NewMessage) -> Result<(), IntakeError> {
        let origin = message.origin;
        let accepted = self.try_accept(message).await;
        match &accepted {
            Ok(()) => {
                let origin = match origin {
                    Origin::Api => "api",
                    Origin::Relay => "relay",
                };
                ::metrics::counter!(names::ACCEPTED, "origin" => origin).increment(1);
            }
            Err(error) => ::metrics::counter!(names::REFUSED, "reason" => error.label()).increment(1),
        }
        accepted
    }

    async fn try_accept(&self, message: NewMessage) -> Result<(), IntakeError> {
        if self.is_busy() {
            return Err(IntakeError::Busy);
        }
        if message.recipients.len() > Envelope::MAX_RECIPIENTS {
            return Err(IntakeError::TooManyRecipients(message.recipients.len()));
        }
        let now = clock::now();
        let envelope = Envelope {
            id: message.id,
            accepted_at: now,
            reverse_path: message.reverse_path,
            recipients: message.recipients,
            body: message.body,
            smtputf8: message.smtputf8,
            account: message.account,
            origin: message.origin,
        };
        Ok(self.spool.accept(envelope, message.content, now).await?)
    }
}
