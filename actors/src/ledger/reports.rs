//! Reports to senders (RFC 3464): what is due after an attempt, written and queued.

use super::Ended;
use crate::{
    clock,
    intake::{Intake, IntakeError, NewMessage},
    outcome::Settled,
    settings::DeliverySettings,
};
use mailwright_engine::{
    address::{Domain, EmailAddress, ReversePath},
    dsn::{DelayWarning, RemoteMta, Report, ReportEvent, ReportKind, ReportPolicy, ReportedRecipient},
    envelope::{Envelope, Origin},
    retry::RetrySchedule,
    smtp::verdict::Outcome as Fate,
};
use mailwright_storage::{
    Spool, StoredMessage,
    events::{
        Event, EventLog,
        event::{ReportKind as LoggedKind, ReportSent},
    },
};
use std::sync::Arc;

/// Writes reports.
pub(super) struct Reporter {
    intake: Intake,
    spool: Spool,
    events: EventLog,
    policy: ReportPolicy,
    retry: RetrySchedule,
    /// Our name, and the address that reports are from; `None` while the host name is no mail domain.
    sender: Option<(Domain, EmailAddress)>,
}

/// What is to be reported of one recipient.
struct Due {
    recipient: u16,
    kind: ReportKind,
}

impl Reporter {
    pub(super) fn new(intake: Intake, spool: Spool, events: EventLog, settings: &DeliverySettings) -> Self {
        let sender = Domain::parse(&settings.hostname).ok().and_then(|domain| {
            let address = EmailAddress::parse(&format!("MAILER-DAEMON@{domain}")).ok()?;
            Some((domain, address))
        });
        if sender.is_none() {
            tracing::warn!(
                hostname = settings.hostname,
                "no reports are written: the host name is no domain"
            );
        }
        let (policy, retry) = (settings.reports, settings.retry.clone());
        Self { intake, spool, events, policy, retry, sender }
    }

    /// Whether a report could be due: most mail is delivered, and its senders did not ask to hear of that.
    pub(super) fn may_concern(&self, settled: &Settled, ended: &Ended) -> bool {
        let failed = settled.attempt.iter().any(|(_, judged)| judged.verdict.outcome != Fate::Delivered);
        let asked =
            || ended.message.as_deref().is_some_and(|message| !message.envelope.recipients_dsn.is_empty());
        self.sender.is_some() && (failed || asked())
    }

    /// Queues the report that is due, if one is; notes in `settled` that the sender was warned.
    pub(super) async fn report(&self, settled: &mut Settled, ended: &mut Ended) {
        let Some(message) = self.message(settled, ended).await else { return };
        let due = self.due(settled, ended, &message.envelope);
        if due.is_empty() {
            return;
        }
        match self.queue(settled, ended, &message, &due).await {
            Ok(()) => {
                let warned = due.iter().any(|due| matches!(due.kind, ReportKind::Delayed { .. }));
                if let Some(after) = settled.outcome.after.as_mut().filter(|_| warned) {
                    after.warning = DelayWarning::Sent;
                }
            }
            // The message itself is settled all the same: holding it back would help nobody.
            Err(error) => tracing::error!(id = %settled.entry.key().id, %error, "report not queued"),
        }
    }

    /// The message, read back if it is not in memory and one could be due. Its content may be damaged: that is what
    /// its sender is to hear then.
    pub(super) async fn message(&self, settled: &Settled, ended: &mut Ended) -> Option<Arc<StoredMessage>> {
        if ended.message.is_none() {
            let (spool, entry) = (self.spool.clone(), settled.entry.clone());
            let loaded = tokio::task::spawn_blocking(move || spool.load_unchecked(&entry)).await.ok()?;
            match loaded {
                Ok(message) => ended.message = Some(Arc::new(message)),
                Err(error) => {
                    tracing::error!(id = %settled.entry.key().id, %error, "no report: the message is unreadable");
                }
            }
        }
        ended.message.clone()
    }

    fn due(&self, settled: &Settled, ended: &Ended, envelope: &Envelope) -> Vec<Due> {
        // Whoever sent through the API or from a Worker sees outcomes in the activity. Who wrote to an address of ours is told while he waits, or
        // not at all: his address may be forged.
        if matches!(envelope.origin, Origin::Api | Origin::Routing | Origin::Worker) {
            return Vec::new();
        }
        let event = |fate| match fate {
            Fate::Delivered => ReportEvent::HandedOn(ended.duty),
            Fate::Hard => ReportEvent::Failed,
            Fate::Soft => ReportEvent::Deferred {
                age: settled.now.since(settled.entry.accepted_at),
                will_retry_until: self.retry.expiry(settled.entry.accepted_at, settled.entry.expires_at),
                warning: settled.entry.warning,
            },
        };
        let kind = |recipient: u16, fate| {
            let dsn = envelope.dsn_of(recipient);
            self.policy.report_due(envelope.origin, &envelope.reverse_path, &dsn, event(fate))
        };
        let attempt = settled.attempt.iter();
        attempt
            .filter_map(|(recipient, judged)| {
                let kind = kind(*recipient, judged.verdict.outcome)?;
                Some(Due { recipient: *recipient, kind })
            })
            .collect()
    }

    async fn queue(
        &self,
        settled: &Settled,
        ended: &Ended,
        message: &StoredMessage,
        due: &[Due],
    ) -> Result<(), IntakeError> {
        let Some((domain, from)) = &self.sender else { return Ok(()) };
        let envelope = &message.envelope;
        let ReversePath::Address(to) = &envelope.reverse_path else { return Ok(()) };
        let orcpts: Vec<_> = due.iter().map(|due| envelope.dsn_of(due.recipient).orcpt).collect();
        let host = ended.peer.as_ref().map(|peer| peer.host.to_string());
        let ip = ended.peer.as_ref().map(|peer| peer.ip);
        let recipients: Vec<_> = due
            .iter()
            .zip(&orcpts)
            .filter_map(|(due, orcpt)| {
                let (_, judged) = settled.attempt.iter().find(|(index, _)| *index == due.recipient)?;
                Some(ReportedRecipient {
                    address: envelope.recipients.get(usize::from(due.recipient))?,
                    orcpt: orcpt.as_ref(),
                    kind: due.kind,
                    verdict: &judged.verdict,
                    remote: host.as_deref().map(|host| RemoteMta { host, ip }),
                    last_attempt: Some(settled.now),
                })
            })
            .collect();
        let (id, date) = self.intake.next_id();
        let original = [&message.content.head[..], &message.content.body[..]].concat();
        let report = Report {
            reporting_mta: domain,
            from,
            to,
            envid: envelope.dsn.envid.as_ref(),
            ret: envelope.dsn.ret,
            original_id: envelope.id,
            arrival: envelope.accepted_at,
            recipients: &recipients,
            original: &original,
            id,
            date,
        };
        let written = report.write();
        self.intake
            .accept(NewMessage {
                smtputf8: written.smtputf8,
                account: envelope.account.clone(),
                signed_by: self.intake.domain_of_author(&written.content),
                ..NewMessage::new(id, ReversePath::Null, vec![to.clone()], Origin::Report, written.content)
            })
            .await?;
        let sent = ReportSent { kind: logged(due), to: to.to_string(), report: id };
        self.events.record(clock::now(), Some(envelope.id), Event::ReportSent(sent));
        Ok(())
    }
}

/// The worst of what a report tells.
fn logged(due: &[Due]) -> LoggedKind {
    let tells = |wanted: fn(&ReportKind) -> bool| due.iter().any(|due| wanted(&due.kind));
    if tells(|kind| *kind == ReportKind::Failed) {
        LoggedKind::Failure
    } else if tells(|kind| matches!(kind, ReportKind::Delayed { .. })) {
        LoggedKind::Delay
    } else {
        LoggedKind::Success
    }
}
