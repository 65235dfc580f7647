//! Delivery status notifications: what [`dsn`](crate::dsn) reads, judged.

use super::{
    evidence::{Evidence, MAX_NOTICE},
    judge,
    model::{BounceReport, OriginalMessage, RecipientReport, ReportForm},
    prose,
    text::value,
};
use crate::{
    classify::BounceRules,
    dsn::{Action, DeliveryStatus, RecipientStatus, TypedText, find_status, read_delivery_status},
    message::parts::Parts,
    smtp::reply::EnhancedCode,
};

/// Reads a report; `None` if the message is none, or is about nobody.
pub(super) fn read(parts: &Parts<'_>, evidence: &Evidence, rules: &BounceRules) -> Option<BounceReport> {
    let status = find_status(parts).or_else(|| in_other_parts(parts, evidence))?;
    Some(BounceReport {
        form: ReportForm::Dsn,
        reporting_mta: status.reporting_mta.as_ref().and_then(|mta| host(&mta.text)),
        envid: status.envid.clone(),
        recipients: status
            .recipients
            .iter()
            .map(|recipient| judged(recipient, &status, evidence, rules))
            .collect(),
        original: original(parts, evidence),
    })
}

/// What came back, in a part of its own or at the end of a part that holds everything.
fn original(parts: &Parts<'_>, evidence: &Evidence) -> OriginalMessage {
    let found = OriginalMessage::in_parts(parts, evidence);
    if found.message_id.is_some() {
        return found;
    }
    prose::split_copy(&evidence.notice)
        .1
        .map_or(found, |copy| OriginalMessage::in_text(copy).or_reply(evidence))
}

/// The fields of a report in a part of another type: old servers write text, and where the multipart is broken, all
/// of it is text. Only what machines send is read so.
fn in_other_parts(parts: &Parts<'_>, evidence: &Evidence) -> Option<DeliveryStatus> {
    let is_report = parts.media_type == "multipart/report" || parts.media_type.ends_with("/delivery-status");
    if !is_report && !evidence.is_like_a_bounce() {
        return None;
    }
    let mut texts =
        parts.parts.iter().filter(|part| part.is_text() || part.media_type == "application/octet-stream");
    texts.find_map(|part| {
        let text = part.text(MAX_NOTICE);
        let (notice, _) = prose::split_copy(&text);
        let at = fields_at(notice)?;
        read_delivery_status(notice.get(at..)?.as_bytes()).ok()
    })
}

/// Where the fields about a delivery begin: with the line of the first that only reports have.
fn fields_at(text: &str) -> Option<usize> {
    const NAMES: [&str; 4] =
        ["reporting-mta:", "final-recipient:", "original-recipient:", "original-envelope-id:"];
    let mut at = 0;
    text.split_inclusive('\n').find_map(|line| {
        let start = at;
        at += line.len();
        let head = line.get(..line.floor_char_boundary(24)).unwrap_or_default().to_ascii_lowercase();
        NAMES.iter().any(|name| head.starts_with(name)).then_some(start)
    })
}

fn judged(
    recipient: &RecipientStatus,
    report: &DeliveryStatus,
    evidence: &Evidence,
    rules: &BounceRules,
) -> RecipientReport {
    let diagnostic = recipient.diagnostic.as_ref().map(|words| words.text.clone());
    // The notice is about all of them; of one among several it says nothing.
    let notice = if report.recipients.len() == 1 { &*evidence.plain_notice } else { "" };
    let words = judge::Words {
        diagnostic: diagnostic.as_deref().unwrap_or_default(),
        status: recipient.status,
        notice,
        delayed: recipient.action == Action::Delayed,
    };
    let (status, failure) = match recipient.action {
        Action::Failed | Action::Delayed => {
            let (status, class) = judge::judge(words, rules);
            (status, Some(class))
        }
        Action::Delivered | Action::Relayed | Action::Expanded => {
            (recipient.status.unwrap_or(EnhancedCode::new(2, 0, 0)), None)
        }
    };
    RecipientReport {
        recipient: address(Some(&recipient.final_recipient)),
        original: address(recipient.original.as_ref()),
        action: recipient.action,
        status,
        diagnostic: diagnostic.as_deref().and_then(value),
        remote_mta: recipient.remote_mta.as_ref().and_then(|mta| host(&mta.text)),
        failure,
    }
}

/// An address of a report; some write nothing but `<>` there.
fn address(text: Option<&TypedText>) -> Option<String> {
    text.map(|text| text.text.clone()).filter(|text| text.contains('@'))
}

/// The name of a host, without the dot of the root and what Google explains behind it.
fn host(text: &str) -> Option<String> {
    text.split_whitespace().next().map(|name| name.trim_end_matches('.').to_owned())
}
