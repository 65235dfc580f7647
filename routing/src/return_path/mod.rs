//! The way back: what follows from what arrives of mail that was sent with what
//! [`outgoing`](mailwright_actors::outgoing) writes.
//!
//! What arrives is evidence about one recipient of one message, which the address or an id names. It is acted on
//! before it is answered: suppressions are synced, events written and webhooks in their outbox, or the client is told
//! to come again.

mod effects;
mod mailbox;
mod story;

pub use mailbox::Mailbox;

use mailwright_actors::{clock, metrics as names};
use mailwright_engine::{
    address::EmailAddress,
    classify::BounceRules,
    return_path::{
        inbound::{BounceReport, Complaint, FeedbackType, Inbound, OriginalMessage, classify},
        token::{ComplaintId, MessageRef, TokenError, UnsubscribeToken, VerpAddress, VerpPurpose},
    },
};
use mailwright_storage::{
    StorageError,
    control::{Control, ObjectId},
    events::{EventLog, EventReader},
    suppressions::{Scope, SuppressionError, SuppressionFeed, Suppressions},
    webhooks::{Outbox, WebhookFeed},
};
use std::sync::Arc;
use story::{Story, Whom};

/// What the return path is made of.
pub struct ReturnPathParts {
    /// Keys, and whose domains are whose.
    pub control: Arc<Control>,
    /// Where events are told.
    pub events: EventLog,
    /// Where it is read what became of a message.
    pub log: EventReader,
    /// Whom accounts must not write to.
    pub suppressions: Suppressions,
    /// Where soft bounces are counted.
    pub feed: SuppressionFeed,
    /// What webhooks are told.
    pub webhooks: WebhookFeed,
    /// Where that waits.
    pub outbox: Outbox,
    /// What the words of receivers mean.
    pub rules: BounceRules,
}

/// Acts on what comes back. Clones share everything; every call may block, and may be made from any thread.
#[derive(Clone)]
pub struct ReturnPath {
    parts: Arc<ReturnPathParts>,
}

/// Why something that came back was not acted on, for now.
#[derive(Debug, thiserror::Error)]
pub enum ReturnError {
    /// The event log could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The suppression list could not be changed.
    #[error(transparent)]
    Suppressions(#[from] SuppressionError),
}

/// Whether a link unsubscribed anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsubscribed {
    /// The recipient gets no more such mail.
    Done,
    /// The account is gone, and with it all its mail.
    Gone,
}

/// Counts what came back, by what it was and what followed.
pub(crate) fn count(kind: &'static str, result: &'static str) {
    ::metrics::counter!(names::RETURN_PATH, "kind" => kind, "result" => result).increment(1);
}

impl ReturnPath {
    /// The return path over `parts`.
    pub fn new(parts: ReturnPathParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Acts on a message that arrived at `mailbox`. Whom it is to be handed on to comes back: a sender that has an
    /// address of its own.
    ///
    /// # Errors
    /// When it has to come again; what was done will be done again without harm.
    pub fn take(&self, mailbox: &Mailbox, content: &[u8]) -> Result<Option<EmailAddress>, ReturnError> {
        let news = classify(content, &self.parts.rules);
        match (mailbox, news) {
            (_, Inbound::Complaint(complaint)) => self.complaint(mailbox, &complaint)?,
            (Mailbox::Verp(to), news) if to.purpose == VerpPurpose::Bounce => return self.bounced(to, &news),
            (Mailbox::Verp(to), Inbound::Other | Inbound::AutoReply(_)) => self.unsubscribe_by_mail(to)?,
            (_, news) => count(kind(&news), "ignored"),
        }
        Ok(None)
    }

    /// What arrived at an envelope sender.
    fn bounced(&self, to: &VerpAddress, news: &Inbound) -> Result<Option<EmailAddress>, ReturnError> {
        let Some(story) = self.story(to.message)? else {
            count(kind(news), "unknown");
            return Ok(None);
        };
        match news {
            Inbound::Report(report) => self.report(to.message, &story, report)?,
            news => count(kind(news), "ignored"),
        }
        Ok(story.own_sender())
    }

    fn report(&self, about: MessageRef, story: &Story, report: &BounceReport) -> Result<(), ReturnError> {
        let mut failed = report.recipients.iter().filter(|told| told.is_bounce()).peekable();
        if failed.peek().is_none() {
            count("news", "ignored");
            return Ok(());
        }
        // An address that names the recipient is about that one, whoever its server passed the message on to.
        let most = if about.recipient.is_some() { 1 } else { usize::MAX };
        for told in failed.take(most) {
            let names = [&told.original, &told.recipient].into_iter().flatten().map(String::as_str);
            match story.whom(about.recipient, names) {
                Some(whom) => {
                    self.late_bounce(story, &whom, told)?;
                    count("bounce", "applied");
                }
                None => count("bounce", "unmatched"),
            }
        }
        self.settle();
        Ok(())
    }

    fn complaint(&self, mailbox: &Mailbox, complaint: &Complaint) -> Result<(), ReturnError> {
        if !complaint.is_against_us() {
            count("complaint", "ignored");
            return Ok(());
        }
        let about = match mailbox {
            Mailbox::Verp(to) => Ok(to.message),
            Mailbox::Complaints(_) => self.meant_by(complaint),
        };
        let about = match about {
            Ok(about) => about,
            Err(error) => {
                count("complaint", if error == TokenError::Forged { "forged" } else { "unknown" });
                return Ok(());
            }
        };
        let Some(story) = self.story(about)? else {
            count("complaint", "unknown");
            return Ok(());
        };
        let names = complaint.recipients.iter().chain(&complaint.original.to).map(String::as_str);
        let Some(whom) = story.whom(about.recipient, names) else {
            count("complaint", "unmatched");
            return Ok(());
        };
        if complaint.feedback_type == FeedbackType::OptOut {
            self.unsubscribe_from(mailbox.domain(), &story, &whom)?;
        } else {
            self.complained(&story, &whom, &complaint.feedback_type)?;
        }
        count("complaint", "applied");
        self.settle();
        Ok(())
    }

    /// Which message a complaint is about, by what came back of it.
    fn meant_by(&self, complaint: &Complaint) -> Result<MessageRef, TokenError> {
        let keys = self.parts.control.token_keys();
        let OriginalMessage { complaint_id, return_path, .. } = &complaint.original;
        let by_id =
            complaint_id.as_deref().map(|id| ComplaintId::read(id, &keys).map(|ComplaintId(about)| about));
        let by_path = [return_path, &complaint.mail_from].into_iter().flatten().map(|path| {
            let address = EmailAddress::parse(path).map_err(|_| TokenError::NotOurs)?;
            VerpAddress::read(&address, &keys).map(|verp| verp.message)
        });
        let mut found = by_id.into_iter().chain(by_path).collect::<Vec<_>>();
        // The first that is genuine, or else that looks so.
        found.sort_by_key(|found| match found {
            Ok(_) => 0,
            Err(TokenError::Forged) => 1,
            Err(TokenError::NotOurs) => 2,
        });
        found.into_iter().next().unwrap_or(Err(TokenError::NotOurs))
    }

    fn unsubscribe_by_mail(&self, to: &VerpAddress) -> Result<(), ReturnError> {
        let story = self.story(to.message)?;
        let whom = story.as_ref().and_then(|story| story.whom(to.message.recipient, []));
        let (Some(story), Some(whom)) = (story, whom) else {
            count("unsubscribe", "unknown");
            return Ok(());
        };
        self.unsubscribe_from(&to.domain, &story, &whom)?;
        count("unsubscribe", "applied");
        self.settle();
        Ok(())
    }

    /// Reads what stood in a hosted link to unsubscribe.
    ///
    /// # Errors
    /// See [`UnsubscribeToken::read`]; forged ones are counted.
    pub fn read_link(&self, token: &str) -> Result<UnsubscribeToken, TokenError> {
        let read = UnsubscribeToken::read(token, &self.parts.control.token_keys());
        if read == Err(TokenError::Forged) {
            count("unsubscribe", "forged");
        }
        read
    }

    /// Unsubscribes whom a link names.
    ///
    /// # Errors
    /// When it has to be tried again.
    pub fn unsubscribe(&self, link: &UnsubscribeToken) -> Result<Unsubscribed, ReturnError> {
        let account = self.parts.control.account(link.account.as_str());
        let Some(account) = account.map(|account| account.id) else {
            count("unsubscribe", "unknown");
            return Ok(Unsubscribed::Gone);
        };
        let story = Story::of_one(link.message, link.account.clone(), link.recipient.clone());
        let scope = Scope::SendingDomain(link.domain.clone());
        self.unsubscribed(&story, account, scope, &Whom { index: 0, address: link.recipient.clone() })?;
        count("unsubscribe", "applied");
        self.settle();
        Ok(Unsubscribed::Done)
    }

    /// What is known of a message; `None` if nothing is any more.
    fn story(&self, about: MessageRef) -> Result<Option<Story>, ReturnError> {
        // The report may be faster than our own log.
        self.parts.events.flush();
        Ok(Story::read(&self.parts.log, about.id, clock::now())?)
    }

    /// Has what was told reach the disk.
    fn settle(&self) {
        self.parts.events.flush();
        self.parts.outbox.flush_now();
    }
}

/// What a message is, for metrics.
fn kind(news: &Inbound) -> &'static str {
    match news {
        Inbound::Report(_) => "bounce",
        Inbound::Complaint(_) => "complaint",
        Inbound::AutoReply(_) | Inbound::Challenge => "reply",
        Inbound::Statistics(_) | Inbound::Other => "other",
    }
}

/// The account with this name in the queue.
fn account(story: &Story) -> Option<ObjectId> {
    story.account.as_str().parse().ok()
}
