//! What follows from news: suppressions, events and webhooks.

use super::{
    ReturnError, ReturnPath, account,
    story::{Story, Whom},
};
use mailwright_actors::{clock, suppressed::is_dead};
use mailwright_engine::{
    address::Domain,
    return_path::inbound::{FeedbackType, RecipientReport},
    smtp::verdict::Fault,
    time::UnixMillis,
    webhook::{EventKind, SmtpFacts, WebhookEvent},
};
use mailwright_storage::{
    control::ObjectId,
    events::{
        Event,
        event::{Complaint, LateBounce, Unsubscribed},
    },
    suppressions::{Automatic, AutomaticCause, Fate, Scope, What},
};

/// Most characters of a report that are noted with a suppression.
const WORDS: usize = 200;

impl ReturnPath {
    /// A recipient that its server had taken a message for does not get it after all.
    pub(super) fn late_bounce(
        &self,
        story: &Story,
        whom: &Whom,
        told: &RecipientReport,
    ) -> Result<(), ReturnError> {
        let now = clock::now();
        let class = told.failure.as_ref().map_or("", |failure| failure.class.as_str());
        let text = told.diagnostic.clone().unwrap_or_else(|| told.status.to_string());
        self.suppress_bounced(story, whom, told, &text, now)?;
        let event = LateBounce {
            recipient: whom.index,
            class: class.to_owned(),
            status: told.status,
            text: text.chars().take(WebhookEvent::MAX_REPLY).collect(),
        };
        self.parts.events.record(now, Some(story.id), Event::LateBounce(event));
        tracing::info!(id = %story.id, to = %whom.address, class, text, "bounced late");
        if !story.is_sending() {
            return Ok(());
        }
        let smtp = SmtpFacts { host: told.remote_mta.clone(), ..SmtpFacts::new(None, told.status, &text) };
        let webhook = webhook(story, whom, EventKind::Bounced, now);
        self.parts.webhooks.record(&WebhookEvent { class: class.to_owned(), smtp: Some(smtp), ..webhook });
        Ok(())
    }

    /// By the rules for what fails at once: a dead address is suppressed, one that failed for now is counted.
    fn suppress_bounced(
        &self,
        story: &Story,
        whom: &Whom,
        told: &RecipientReport,
        text: &str,
        now: UnixMillis,
    ) -> Result<(), ReturnError> {
        let (Some(account), Some(failure)) = (account(story), &told.failure) else { return Ok(()) };
        // Where an address of ours leads is not an address that the account writes to.
        if !story.is_sending() {
            return Ok(());
        }
        let email = whom.address.clone();
        if told.is_hard_bounce() {
            if is_dead(failure.class, failure.fault) {
                let note = Some(text.chars().take(WORDS).collect());
                let (cause, scope) = (AutomaticCause::HardBounce, Scope::Account);
                let entry = Automatic { account, email, cause, scope, expires: None, note };
                self.parts.suppressions.add_automatic(vec![entry], now)?;
            }
        } else if !matches!(failure.fault, Fault::Us | Fault::Sender | Fault::Message) {
            // Told twice, it is one bounce: that of one message, by its name.
            let at = UnixMillis::new(story.id.as_raw() / 1_000);
            self.parts.feed.tell(Fate { account, email, what: What::SoftBounce, at });
        }
        Ok(())
    }

    /// A recipient called a message spam.
    pub(super) fn complained(
        &self,
        story: &Story,
        whom: &Whom,
        feedback: &FeedbackType,
    ) -> Result<(), ReturnError> {
        let now = clock::now();
        let feedback = name(feedback);
        if let Some(account) = account(story) {
            let entry = Automatic {
                account,
                email: whom.address.clone(),
                cause: AutomaticCause::Complaint,
                scope: Scope::Account,
                expires: None,
                note: Some(format!("Feedback report: {feedback}")),
            };
            self.parts.suppressions.add_automatic(vec![entry], now)?;
        }
        let event = Complaint { recipient: whom.index, feedback: feedback.to_owned() };
        self.parts.events.record(now, Some(story.id), Event::Complaint(event));
        let webhook = webhook(story, whom, EventKind::Complained, now);
        self.parts.webhooks.record(&WebhookEvent { class: feedback.to_owned(), ..webhook });
        tracing::info!(id = %story.id, to = %whom.address, feedback, "complained");
        Ok(())
    }

    /// A recipient of a known message wants no more from its domain.
    pub(super) fn unsubscribe_from(
        &self,
        return_path: &Domain,
        story: &Story,
        whom: &Whom,
    ) -> Result<(), ReturnError> {
        let Some(account) = account(story) else { return Ok(()) };
        let domain = self.parts.control.domain_of_return_path(return_path);
        // If the domain is gone, it is meant for all the account's mail.
        let scope = domain.map_or(Scope::Account, |domain| Scope::SendingDomain(domain.name.clone()));
        self.unsubscribed(story, account, scope, whom)
    }

    pub(super) fn unsubscribed(
        &self,
        story: &Story,
        account: ObjectId,
        scope: Scope,
        whom: &Whom,
    ) -> Result<(), ReturnError> {
        let now = clock::now();
        let (email, cause) = (whom.address.clone(), AutomaticCause::Unsubscribe);
        let note = Some("Unsubscribed by the recipient".to_owned());
        let entry = Automatic { account, email, cause, scope, expires: None, note };
        self.parts.suppressions.add_automatic(vec![entry], now)?;
        let event = Unsubscribed { recipient: whom.index };
        self.parts.events.record(now, Some(story.id), Event::Unsubscribed(event));
        self.parts.webhooks.record(&webhook(story, whom, EventKind::Unsubscribed, now));
        tracing::info!(id = %story.id, to = %whom.address, "unsubscribed");
        Ok(())
    }
}

fn webhook(story: &Story, whom: &Whom, kind: EventKind, at: UnixMillis) -> WebhookEvent {
    let recipient = (whom.index, &whom.address);
    WebhookEvent {
        message_id: story.message_id.clone(),
        tags: story.campaign.iter().cloned().collect(),
        ..WebhookEvent::later(story.id, recipient, story.account.clone(), kind, at)
    }
}

/// As a report calls it (RFC 5965 section 7.3).
fn name(feedback: &FeedbackType) -> &str {
    match feedback {
        FeedbackType::Abuse => "abuse",
        FeedbackType::Fraud => "fraud",
        FeedbackType::Virus => "virus",
        FeedbackType::NotSpam => "not-spam",
        FeedbackType::OptOut => "opt-out",
        FeedbackType::Other(name) => name,
    }
}
