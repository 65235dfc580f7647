//! Reports to senders whose mail was taken and does not reach its address after all (RFC 5321 section 4.5.5): mail that was
//! held. To those for whom SPF has passed alone, since nobody else is known to have sent it.

use super::Shared;
use mailwright_actors::{clock, intake::NewMessage};
use mailwright_engine::{
    address::{Domain, EmailAddress, ReversePath},
    dsn::{Report, ReportKind, ReportedRecipient},
    envelope::Origin,
    smtp::{
        reply::Reply,
        verdict::{Phase, judge},
    },
};
use mailwright_storage::{
    events::{
        Event,
        event::{ReportKind as LoggedKind, ReportSent},
    },
    held::HeldMail,
};

/// Tells the sender of a message that was held what he would have been told while he waited.
pub(super) async fn send(shared: &Shared, held: &HeldMail, refused: &[(EmailAddress, Reply)]) {
    let parts = &shared.parts;
    let (Some((domain, from)), ReversePath::Address(to)) = (names(&parts.settings.hostname), &held.sender)
    else {
        return;
    };
    if refused.is_empty() || !held.judgement.spf.result.is_pass() {
        return;
    }
    let verdicts: Vec<_> = refused.iter().map(|(_, reply)| judge(Phase::Dot, reply)).collect();
    let told = |((address, _), verdict)| ReportedRecipient {
        address,
        orcpt: None,
        kind: ReportKind::Failed,
        verdict,
        remote: None,
        last_attempt: Some(clock::wall()),
    };
    let recipients: Vec<_> =
        refused.iter().map(|(address, reply)| (address, reply)).zip(&verdicts).map(told).collect();
    let (id, date) = parts.intake.next_id();
    let report = Report {
        reporting_mta: &domain,
        from: &from,
        to,
        envid: None,
        ret: None,
        original_id: held.id,
        arrival: held.taken,
        recipients: &recipients,
        original: &held.content,
        id,
        date,
    };
    let written = report.write();
    let new = NewMessage {
        smtputf8: written.smtputf8,
        signed_by: parts.intake.domain_of_author(&written.content),
        ..NewMessage::new(id, ReversePath::Null, vec![to.clone()], Origin::Report, written.content)
    };
    match parts.intake.accept(new).await {
        Ok(()) => {
            let sent = ReportSent { kind: LoggedKind::Failure, to: to.to_string(), report: id };
            parts.intake.note(held.id, Event::ReportSent(sent));
        }
        Err(error) => tracing::error!(id = %held.id, %error, "the sender of a message cannot be told"),
    }
}

/// Our name and the address that reports are from.
fn names(hostname: &str) -> Option<(Domain, EmailAddress)> {
    let domain = Domain::parse(hostname).ok()?;
    let from = EmailAddress::parse(&format!("MAILER-DAEMON@{domain}")).ok()?;
    Some((domain, from))
}
