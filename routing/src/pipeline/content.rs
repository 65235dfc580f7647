//! What the content of a message says: its spam score, and what filters of others make of it.
//!
//! The score comes first, since it costs less; its fields stand on top of the message, so that filters see them. Fields
//! of that name that came with the message go.

use super::Arrived;
use crate::{
    gate::{Facts, ReverseName},
    metrics::{self, Refusal, Step},
    milter::{ChainVerdict, MilterChain},
    spam::SpamFilter,
};
use mailwright_engine::{
    address::EmailAddress,
    authentication::Judgement,
    id::QueueId,
    milter::Message,
    smtp::reply::{EnhancedCode, Reply, SmtpCode},
    spam::{Score, SpamMail, without_spam_fields},
};
use std::{net::SocketAddr, time::Instant};

/// Who looks at the content of mail from the world.
pub struct ContentChecks {
    /// Who scores it; `None`: nobody.
    pub spam: Option<SpamFilter>,
    /// Above which score a message is refused, where its zone says nothing else; `None`: never.
    pub reject_over: Option<Score>,
    /// Filters of others.
    pub milters: MilterChain,
}

/// A message as it is shown.
pub(super) struct Shown<'a> {
    pub(super) hostname: &'a str,
    pub(super) id: QueueId,
    pub(super) recipients: Vec<&'a EmailAddress>,
    pub(super) judgement: &'a Judgement,
    /// The limit of its zone, if it has one of its own; zero: none.
    pub(super) spam_limit: Option<Score>,
}

/// What became of it.
pub(super) enum Checked {
    Taken,
    /// It is to be taken and thrown away.
    Discarded,
    Refused(Reply, Refusal),
}

impl ContentChecks {
    /// Scores a message and shows it to filters; it may be another afterwards.
    pub(super) async fn check(&self, mail: &mut Arrived, shown: &Shown<'_>) -> Checked {
        if let Some(spam) = &self.spam
            && let Some(refused) = self.score(spam, mail, shown).await
        {
            return refused;
        }
        if self.milters.is_empty() { Checked::Taken } else { self.filter(mail, shown).await }
    }

    async fn score(&self, spam: &SpamFilter, mail: &mut Arrived, shown: &Shown<'_>) -> Option<Checked> {
        let began = Instant::now();
        let lists: Vec<_> = mail.facts.listings.iter().map(|listing| listing.zone.clone()).collect();
        let sender = mail.sender.to_string();
        let scored = SpamMail {
            content: &mail.content,
            sender: bare(&sender),
            helo: &mail.helo,
            client_name: name(&mail.facts),
            client_lists: &lists,
            authentication: shown.judgement.into(),
        };
        let verdict = Box::pin(spam.score(&scored)).await;
        metrics::step(Step::Spam, began.elapsed());
        tracing::info!(id = %shown.id, score = %verdict.score, hits = verdict.summary(), "scored");
        mail.spam = Some(verdict.score);
        let limit = match shown.spam_limit {
            Some(limit) => Some(limit).filter(|limit| *limit > Score::default()),
            None => self.reject_over,
        };
        if let Some(limit) = limit.filter(|limit| verdict.score > *limit) {
            let status = EnhancedCode::new(5, 7, 1);
            let reply = Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(status), verdict.refusal(limit));
            return Some(Checked::Refused(reply, Refusal::Spam));
        }
        let rest = without_spam_fields(&mail.content);
        mail.content = [verdict.header().as_bytes(), &rest].concat();
        None
    }

    async fn filter(&self, mail: &mut Arrived, shown: &Shown<'_>) -> Checked {
        let began = Instant::now();
        let recipients: Vec<_> = shown.recipients.iter().map(ToString::to_string).collect();
        let (sender, id) = (mail.sender.to_string(), shown.id.to_string());
        let message = Message {
            hostname: shown.hostname,
            id: &id,
            client_name: name(&mail.facts),
            // Its port is of no interest to filters.
            client: SocketAddr::new(mail.peer, 0),
            tls: mail.cipher.as_deref().map(|cipher| ("TLS", cipher)),
            helo: &mail.helo,
            sender: bare(&sender),
            recipients: &recipients,
            content: &mail.content,
        };
        let verdict = Box::pin(self.milters.run(message)).await;
        metrics::step(Step::Milter, began.elapsed());
        match verdict {
            ChainVerdict::Passed(None) => Checked::Taken,
            ChainVerdict::Passed(Some(changed)) => {
                mail.content = changed;
                Checked::Taken
            }
            ChainVerdict::Refused(reply) => Checked::Refused(reply, Refusal::Milter),
            ChainVerdict::Unavailable(reply) => Checked::Refused(reply, Refusal::MilterDown),
            ChainVerdict::Discarded => Checked::Discarded,
        }
    }
}

/// The client's name by the DNS; empty if it has none.
fn name(facts: &Facts) -> &str {
    match &facts.reverse {
        ReverseName::Confirmed(name) | ReverseName::Unconfirmed(name) => name,
        ReverseName::NotAsked | ReverseName::Missing | ReverseName::Unknown => "",
    }
}

/// A path without its angle brackets.
fn bare(path: &str) -> &str {
    path.trim_start_matches('<').trim_end_matches('>')
}
