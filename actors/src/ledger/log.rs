//! Outcomes for people: a line in the log and an event for each recipient.

use super::Ended;
use crate::outcome::Settled;
use mailwright_engine::{
    address::EmailAddress,
    classify::Judged,
    envelope::Envelope,
    message::{fields, split_header},
    smtp::verdict::Outcome as Fate,
};
use mailwright_storage::{
    Content, StoredMessage,
    events::{
        Event, EventLog,
        event::{Attempt, Expired},
    },
};

/// Tells what became of each recipient.
pub(super) fn tell(settled: &Settled, ended: &Ended, events: &EventLog) {
    let id = settled.entry.key().id;
    for (recipient, judged) in &settled.attempt {
        let attempt = attempt(settled, ended, *recipient, judged);
        if tracing::enabled!(tracing::Level::INFO) {
            log(settled, ended.message.as_deref(), &attempt, judged);
        }
        events.record(settled.now, Some(id), Event::Attempt(Box::new(attempt)));
    }
    for recipient in &settled.expired {
        let last = settled.attempt.iter().find(|(index, _)| index == recipient);
        let last = last.map(|(_, judged)| judged.verdict.to_string()).unwrap_or_default();
        let expired = Expired { group: settled.entry.key().group, recipient: *recipient, last };
        events.record(settled.now, Some(id), Event::Expired(expired));
    }
}

fn attempt(settled: &Settled, ended: &Ended, recipient: u16, judged: &Judged) -> Attempt {
    let entry = &settled.entry;
    let envelope: Option<&Envelope> = ended.message.as_deref().map(|message| &message.envelope);
    let address = envelope.and_then(|envelope| envelope.recipients.get(usize::from(recipient)));
    let peer = ended.peer.as_ref();
    let reply = match (judged.verdict.outcome, &judged.verdict.reply) {
        (Fate::Delivered, Some(reply)) => reply.to_string(),
        _ => judged.verdict.to_string(),
    };
    let next = settled.outcome.after.as_ref().filter(|_| judged.verdict.outcome == Fate::Soft);
    Attempt {
        group: entry.key().group,
        recipient,
        address: address.map(EmailAddress::to_string).unwrap_or_default(),
        domain: entry.place.domain.clone(),
        site: peer.map(|peer| peer.site.clone()).unwrap_or_default(),
        tenant: entry.place.class.tenant.clone(),
        mx: peer.map(|peer| peer.host.to_string()),
        remote: peer.map(|peer| peer.ip),
        source: peer.map(|peer| peer.source.clone()),
        tls: peer.and_then(|peer| peer.tls.as_ref()).map(ToString::to_string),
        outcome: judged.verdict.outcome,
        class: judged.class_name().to_owned(),
        status: judged.verdict.status,
        reply,
        duration_ms: u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX),
        attempt: entry.attempts.saturating_add(1),
        next_due: next.map(|after| after.place.due),
        retry_after_ms: judged.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
    }
}

fn log(settled: &Settled, message: Option<&StoredMessage>, attempt: &Attempt, judged: &Judged) {
    let fate = match judged.verdict.outcome {
        Fate::Delivered => "delivered",
        Fate::Soft => "deferred",
        Fate::Hard => "bounced",
    };
    let from = message.map(|message| message.envelope.reverse_path.to_string()).unwrap_or_default();
    let subject = message.map(|message| subject(&message.content)).unwrap_or_default();
    let next = attempt.next_due.map(|due| due.to_string());
    let Attempt { address: to, domain, site, reply, class, mx, tls, .. } = attempt;
    let id = settled.entry.key().id;
    tracing::info!(%id, from, to, %domain, site, subject, reply, class, mx, tls, next, "{fate}");
}

/// The Subject field as it stands in the header, for people reading the log.
fn subject(content: &Content) -> String {
    let subject = |part| fields(part).find(|field| field.is("Subject")).map(|field| field.unfolded());
    let (header, _) = split_header(&content.body);
    let unfolded = subject(&content.head).or_else(|| subject(header)).unwrap_or_default();
    unfolded.trim().chars().take(80).collect()
}
