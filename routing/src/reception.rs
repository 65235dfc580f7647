//! Whom mail from the world is handed to, once it is known who it is for.
//!
//! News of sent mail and reports have been acted on before they are answered, so 250 means that they have
//! had their effect. Two messages of that kind are worked on at a time, for each may read a good deal of the
//! event log.

use crate::{
    addressee::{Addressee, Directory, Kind, Unrouted},
    pipeline::{Arrived, Fate, Pipeline, What},
    reports::{ReportMailbox, ReportsInbox},
    return_path::{Mailbox, ReturnPath},
};
use mailwright_actors::{
    intake::{Intake, IntakeError, NewMessage},
    smtp::handover::{reply_of, too_many_hops},
};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    envelope::Origin,
    smtp::reply::{EnhancedCode, Reply, SmtpCode},
};
use std::{fmt::Display, sync::Arc};
use tokio::sync::Semaphore;

/// Messages of news that are worked on at a time.
const AT_A_TIME: usize = 2;

/// Looks after mail from the world. Clones share everything.
#[derive(Clone)]
pub struct Reception {
    directory: Directory,
    returns: ReturnPath,
    reports: ReportsInbox,
    pipeline: Pipeline,
    intake: Intake,
    hostname: Arc<str>,
    turns: Arc<Semaphore>,
}

impl Reception {
    /// Looks after mail for the addresses in `directory`: has `returns` hear news, which hands on by `intake` what others
    /// are to have, `reports` what is reported, and `pipeline` what goes on.
    pub fn new(
        directory: Directory,
        returns: ReturnPath,
        reports: ReportsInbox,
        pipeline: Pipeline,
        intake: Intake,
        hostname: impl Into<Arc<str>>,
    ) -> Self {
        let turns = Arc::new(Semaphore::new(AT_A_TIME));
        Self { directory, returns, reports, pipeline, intake, hostname: hostname.into(), turns }
    }

    /// Whether there is room for a message at all; cheap, for use before content is received.
    ///
    /// # Errors
    /// See [`Intake::has_room`].
    pub fn has_room(&self) -> Result<(), IntakeError> {
        self.intake.has_room()
    }

    /// What a message from `sender` to `recipient` is for.
    ///
    /// # Errors
    /// What a client is told who names a recipient that takes none, or not this one.
    pub fn find(&self, sender: &ReversePath, recipient: &EmailAddress) -> Result<Addressee, Reply> {
        self.directory.find(sender, recipient).map_err(|why| unrouted(&why))
    }

    /// Has a message for one recipient looked after as if a client had brought it here.
    ///
    /// # Errors
    /// What the client would be told when it names the recipient.
    pub async fn hand_in(&self, mail: Arrived, recipient: &EmailAddress) -> Result<Fate, Reply> {
        let found = self.find(&mail.sender, recipient)?;
        self.has_room().map_err(|error| reply_of(&error))?;
        Ok(self.take(mail, vec![(recipient.clone(), found)]).await)
    }

    /// Has a message looked after whose recipients are of one kind.
    pub async fn take(&self, mail: Arrived, recipients: Vec<(EmailAddress, Addressee)>) -> Fate {
        match recipients.first().map(|(_, first)| first.kind()) {
            Some(Kind::Returned | Kind::Reports) => self.hear(&mail, recipients).await,
            _ => self.pipeline.take(mail, recipients).await,
        }
    }

    /// Acts on news for each of its recipients.
    async fn hear(&self, mail: &Arrived, recipients: Vec<(EmailAddress, Addressee)>) -> Fate {
        let (id, _) = self.intake.next_id();
        let what = match self.hear_all(mail, recipients).await {
            Ok(()) => What::Heard,
            Err(reply) => What::Refused(reply),
        };
        Fate { id, what, by_worker: false, judgement: None }
    }

    async fn hear_all(
        &self,
        mail: &Arrived,
        recipients: Vec<(EmailAddress, Addressee)>,
    ) -> Result<(), Reply> {
        if let Some(looping) = too_many_hops(&mail.content) {
            return Err(looping);
        }
        let (mut mailboxes, mut reported) = (Vec::new(), Vec::new());
        for (_, addressee) in recipients {
            match addressee {
                Addressee::Returned(mailbox) if !mailboxes.contains(&mailbox) => mailboxes.push(mailbox),
                Addressee::Reports(mailbox) if !reported.contains(&mailbox) => reported.push(mailbox),
                _ => {}
            }
        }
        let content: Arc<[u8]> = mail.content.as_slice().into();
        for mailbox in reported {
            self.note(mailbox, Arc::clone(&content)).await?;
        }
        for mailbox in mailboxes {
            if let Some(sender) = self.act(mailbox, Arc::clone(&content)).await? {
                self.hand_on(mail, sender).await?;
            }
        }
        Ok(())
    }

    /// Whom the message is to be handed on to comes back.
    async fn act(&self, mailbox: Mailbox, content: Arc<[u8]>) -> Result<Option<EmailAddress>, Reply> {
        let returns = self.returns.clone();
        self.in_turn(move || returns.take(&mailbox, &content)).await
    }

    async fn note(&self, mailbox: ReportMailbox, content: Arc<[u8]>) -> Result<(), Reply> {
        let reports = self.reports.clone();
        self.in_turn(move || reports.take(&mailbox, &content)).await
    }

    /// Does what may block for long, a few at a time.
    async fn in_turn<T: Send + 'static, E: Display + Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, Reply> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(done)) => Ok(done),
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
    async fn hand_on(&self, mail: &Arrived, to: EmailAddress) -> Result<(), Reply> {
        let (id, date) = self.intake.next_id();
        let accepted = self.intake.accept(NewMessage {
            smtputf8: mail.smtputf8,
            trace: mail.trace(&self.hostname, id, date),
            ..NewMessage::new(id, ReversePath::Null, vec![to], Origin::Report, mail.content.clone())
        });
        accepted.await.map_err(|error| reply_of(&error))
    }
}

/// Why a recipient is not taken, as a client is told.
fn unrouted(why: &Unrouted) -> Reply {
    let (code, status) = match why {
        Unrouted::Foreign => (SmtpCode::MAILBOX_UNAVAILABLE, EnhancedCode::new(5, 7, 1)),
        Unrouted::Unknown => (SmtpCode::MAILBOX_UNAVAILABLE, EnhancedCode::new(5, 1, 1)),
        Unrouted::Inactive => (SmtpCode::MAILBOX_UNAVAILABLE, EnhancedCode::new(5, 2, 1)),
        Unrouted::NoReport => (SmtpCode::MAILBOX_UNAVAILABLE, EnhancedCode::new(5, 7, 1)),
        Unrouted::Expired => (SmtpCode::MAILBOX_UNAVAILABLE, EnhancedCode::new(5, 1, 6)),
        Unrouted::NoWorker(_) => (SmtpCode::LOCAL_ERROR, EnhancedCode::new(4, 3, 5)),
    };
    Reply::new(code, Some(status), why.to_string())
}

/// Nothing is lost: the client comes again.
fn later() -> Reply {
    let why = "the message could not be acted on for now; try again later";
    Reply::new(SmtpCode::LOCAL_ERROR, Some(EnhancedCode::new(4, 3, 0)), why)
}
