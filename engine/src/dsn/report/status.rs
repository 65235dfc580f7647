//! The second part: the report for programs (RFC 3464 section 2, RFC 6533 section 4).

use super::{
    Part, RemoteMta, Report, ReportKind, ReportedRecipient,
    fold::{push_exact, push_field},
    rfc5322_date,
};
use crate::{
    dsn::{OriginalRecipient, xtext},
    envelope::SmtpUtf8,
    smtp::{
        reply::{EnhancedCode, printable},
        verdict::Verdict,
    },
};

/// Longest name of a server that is written, in characters; the DNS has none longer than 253.
const MAX_HOST: usize = 255;

/// The second part. Its fields are in ASCII unless the report travels by SMTPUTF8 anyway.
pub(super) fn part(report: &Report<'_>, smtputf8: SmtpUtf8) -> Part {
    let mut body = String::new();
    push_message(&mut body, report);
    for recipient in report.recipients {
        body.push_str("\r\n");
        push_recipient(&mut body, recipient, smtputf8);
    }
    let media_type = match smtputf8 {
        SmtpUtf8::NotNeeded => "message/delivery-status",
        SmtpUtf8::Needed => "message/global-delivery-status",
    };
    Part { media_type, description: "Delivery report", body: body.into_bytes() }
}

/// The subtype of the part.
pub(super) fn subtype(smtputf8: SmtpUtf8) -> &'static str {
    match smtputf8 {
        SmtpUtf8::NotNeeded => "delivery-status",
        SmtpUtf8::Needed => "global-delivery-status",
    }
}

/// The fields about the message (RFC 3464 section 2.2).
fn push_message(out: &mut String, report: &Report<'_>) {
    if let Some(envid) = report.envid {
        push_exact(out, "Original-Envelope-Id", envid.as_str());
    }
    push_field(out, "Reporting-MTA", &format!("dns; {}", report.reporting_mta));
    push_field(out, "Arrival-Date", &rfc5322_date(report.arrival));
    push_field(out, "X-Mailwright-Queue-ID", &report.original_id.to_string());
}

/// The fields about one recipient (RFC 3464 section 2.3).
fn push_recipient(out: &mut String, recipient: &ReportedRecipient<'_>, smtputf8: SmtpUtf8) {
    let address = |utf8: bool, address_type: &str, text: &str| match (utf8, smtputf8) {
        (true, SmtpUtf8::NotNeeded) => format!("{address_type}; {}", xtext::escape(text)),
        _ => format!("{address_type}; {text}"),
    };
    if let Some(original) = recipient.orcpt {
        let value = address(original.is_utf8(), original.address_type(), original.address());
        push_exact(out, "Original-Recipient", &value);
    }
    let utf8 = recipient.address.needs_smtputf8();
    let address_type = if utf8 { OriginalRecipient::UTF_8 } else { "rfc822" };
    push_exact(out, "Final-Recipient", &address(utf8, address_type, recipient.address.as_str()));
    push_field(out, "Action", action(recipient.kind));
    push_field(out, "Status", &status(recipient.kind, recipient.verdict.status).to_string());
    push_attempt(out, recipient, smtputf8);
}

/// The fields about the last attempt.
fn push_attempt(out: &mut String, recipient: &ReportedRecipient<'_>, smtputf8: SmtpUtf8) {
    if let Some(remote) = &recipient.remote {
        push_field(out, "Remote-MTA", &format!("dns; {}", in_ascii(&host(remote))));
    }
    let diagnostic = diagnostic(recipient.verdict);
    if !diagnostic.is_empty() {
        let text = if smtputf8 == SmtpUtf8::Needed { diagnostic } else { in_ascii(&diagnostic) };
        push_field(out, "Diagnostic-Code", &text);
    }
    if let Some(at) = recipient.last_attempt {
        push_field(out, "Last-Attempt-Date", &rfc5322_date(at));
    }
    if let ReportKind::Delayed { will_retry_until } = recipient.kind {
        push_field(out, "Will-Retry-Until", &rfc5322_date(will_retry_until));
    }
}

fn action(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Failed => "failed",
        ReportKind::Delayed { .. } => "delayed",
        ReportKind::Relayed => "relayed",
    }
}

/// The status in the class that goes with the action (RFC 3464 section 2.3.4); a failure may be of both
/// kinds, for an expired message failed temporarily to the end.
fn status(kind: ReportKind, status: EnhancedCode) -> EnhancedCode {
    let class = match kind {
        ReportKind::Failed => status.class().max(4),
        ReportKind::Delayed { .. } => 4,
        ReportKind::Relayed => 2,
    };
    EnhancedCode::new(class, status.subject(), status.detail())
}

/// The server's words, or else ours under a name of our own; empty if there are neither.
fn diagnostic(verdict: &Verdict) -> String {
    match &verdict.reply {
        Some(reply) => format!("smtp; {reply}"),
        None if verdict.detail.is_empty() => String::new(),
        None => format!("x-mailwright; {}", verdict.detail),
    }
}

/// The server's name, fit to be written: it comes from the DNS.
pub(super) fn host(remote: &RemoteMta<'_>) -> String {
    printable(remote.host, MAX_HOST)
}

/// Characters beyond ASCII as `\x{…}`, which RFC 6533 section 3 has for addresses.
fn in_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() { ascii.push(c) } else { ascii.push_str(&xtext::escape(c.encode_utf8(&mut [0; 4]))) }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_of_a_status_goes_with_the_action() {
        let delayed = ReportKind::Delayed { will_retry_until: crate::time::UnixMillis::new(0) };
        let cases = [
            (ReportKind::Failed, "5.1.1", "5.1.1"),
            (ReportKind::Failed, "4.4.7", "4.4.7"),
            (ReportKind::Failed, "2.0.0", "4.0.0"),
            (delayed, "5.7.1", "4.7.1"),
            (ReportKind::Relayed, "2.6.0", "2.6.0"),
        ];
        for (kind, given, expected) in cases {
            assert_eq!(status(kind, given.parse().unwrap()).to_string(), expected);
        }
    }
}
