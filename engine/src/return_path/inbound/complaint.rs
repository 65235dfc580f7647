//! Complaints: ARF (RFC 5965) with its dialects, Outlook's form without ARF, and CFBL (RFC 9477), which is ARF.

use super::{
    evidence::Evidence,
    model::{Complaint, FeedbackType, Inbound, OriginalMessage, StatisticsKind},
    text::{first_address, value},
};
use crate::message::{Field, fields, parts::Parts};

/// Most octets of the report part that are read.
const MAX_REPORT: usize = 64 * 1024;
/// Most recipients that are read.
const MAX_RECIPIENTS: usize = 1_000;

/// Reads what `message/feedback-report` says, and what others of the family say without it.
pub(super) fn read(parts: &Parts<'_>, evidence: &Evidence) -> Option<Inbound> {
    let report = parts.find(&["message/feedback-report"]).map(|part| part.text(MAX_REPORT));
    match report {
        Some(text) => Some(arf(&text, parts, evidence)),
        None => outlook(parts, evidence).map(Inbound::Complaint),
    }
}

fn arf(text: &str, parts: &Parts<'_>, evidence: &Evidence) -> Inbound {
    let all: Vec<_> = fields(text.as_bytes()).collect();
    let named = |name| all.iter().filter(move |field: &&Field<'_>| field.is(name)).map(Field::unfolded);
    let field = |name| named(name).find_map(|text| value(&text));
    let feedback_type = feedback_type(&field("Feedback-Type").unwrap_or_default());
    let Some(feedback_type) = feedback_type else { return Inbound::Statistics(StatisticsKind::DmarcFailure) };
    let recipients =
        named("Original-Rcpt-To").chain(named("Removal-Recipient")).filter_map(|to| recipient(&to));
    let ip = field("Source-IP").or_else(|| field("Source"));
    Inbound::Complaint(Complaint {
        feedback_type,
        user_agent: field("User-Agent"),
        recipients: recipients.take(MAX_RECIPIENTS).collect(),
        mail_from: field("Original-Mail-From")
            .as_deref()
            .and_then(first_address)
            .map(|from| from.to_string()),
        source_ip: ip.and_then(|ip| ip.trim_matches(['[', ']']).parse().ok()),
        incidents: field("Incidents").and_then(|count| count.parse().ok()).unwrap_or(1).max(1),
        original: original(parts, evidence, &field),
    })
}

/// What came back, and what the report itself says of it.
fn original(
    parts: &Parts<'_>,
    evidence: &Evidence,
    field: &dyn Fn(&'static str) -> Option<String>,
) -> OriginalMessage {
    let read = OriginalMessage::in_parts(parts, evidence);
    OriginalMessage {
        // Some put it into the report, some on top of everything.
        complaint_id: read
            .complaint_id
            .or_else(|| field("CFBL-Feedback-ID"))
            .or_else(|| parts.value("CFBL-Feedback-ID").as_deref().and_then(value)),
        ..read
    }
}

/// The recipient as the reporter gives it: without what stands around it, redacted or not.
fn recipient(text: &str) -> Option<String> {
    let text = text.rsplit_once(';').map_or(text, |(_, address)| address);
    value(text.trim().trim_matches(['<', '>']))
}

/// `None` for a failure report of DMARC (RFC 6591), which is no complaint.
fn feedback_type(name: &str) -> Option<FeedbackType> {
    let name = name.to_ascii_lowercase();
    Some(match name.as_str() {
        "auth-failure" => return None,
        "" | "abuse" | "spam" | "complaint" => FeedbackType::Abuse,
        "fraud" | "phishing" => FeedbackType::Fraud,
        "virus" => FeedbackType::Virus,
        "not-spam" => FeedbackType::NotSpam,
        "opt-out" | "opt-out-list" | "unsubscribe" => FeedbackType::OptOut,
        _ => FeedbackType::Other(name),
    })
}

/// Outlook's Junk Mail Reporting Programme, and those who copy it: the message itself, with a subject.
fn outlook(parts: &Parts<'_>, evidence: &Evidence) -> Option<Complaint> {
    const SUBJECT: &str = "complaint about message from";
    let (_, address) = evidence.subject.split_once(SUBJECT)?;
    let copy = parts.find(&["message/rfc822", "text/rfc822-headers"])?.text(MAX_REPORT);
    // It is put on top of the header of the message complained about.
    let reported = fields(copy.as_bytes()).find(|field| field.is("X-HmXmrOriginalRecipient"));
    Some(Complaint {
        feedback_type: FeedbackType::Abuse,
        user_agent: None,
        recipients: reported.and_then(|field| recipient(&field.unfolded())).into_iter().collect(),
        mail_from: None,
        source_ip: address.trim().parse().ok(),
        incidents: 1,
        original: OriginalMessage::in_parts(parts, evidence),
    })
}
