//! The first part: the report for people.

use super::{Part, Report, ReportKind, ReportedRecipient, fold::push_text, rfc5322_date, status::host};
use crate::smtp::{
    reply::printable,
    verdict::{Fault, Verdict},
};

/// Most characters of a server's words; the rest is in the second part.
const MAX_WORDS: usize = 500;
/// The status of a message whose time is over (RFC 3463 section 3.5).
const EXPIRED: (u16, u16) = (4, 7);

/// Why, in one sentence, and what the sender can do about it, in another.
type Explanation = (&'static str, &'static str);

/// The subject, by the worst news in the report.
pub(super) fn subject(report: &Report<'_>) -> &'static str {
    if report.of(ReportKind::is_failed).next().is_some() {
        "Your message could not be delivered"
    } else if report.of(ReportKind::is_delayed).next().is_some() {
        "Your message is delayed"
    } else {
        "Your message was handed on"
    }
}

/// The first part.
pub(super) fn part(report: &Report<'_>) -> Part {
    let mut text = String::new();
    let host = report.reporting_mta;
    push_text(&mut text, "", &format!("This is the mail system at {host}."));
    push_group(
        &mut text,
        "Your message could not be delivered to the following recipients. It will not be tried again.",
        report.of(ReportKind::is_failed),
    );
    push_group(
        &mut text,
        "Your message has not yet been delivered to the following recipients. You need not send it again: it will \
         be tried further.",
        report.of(ReportKind::is_delayed),
    );
    push_group(
        &mut text,
        "Your message was handed on for the following recipients, to mail servers that do not report delivery. \
         You will hear no more unless something goes wrong there.",
        report.of(ReportKind::is_relayed),
    );
    text.push_str("\r\n");
    let id = report.original_id;
    let end = "A report for programs and what came back of your message are attached.";
    push_text(&mut text, "", &format!("{end} If you ask the postmaster of {host}, name the id {id}."));
    let ascii = text.is_ascii();
    let media_type = if ascii { "text/plain; charset=us-ascii" } else { "text/plain; charset=utf-8" };
    Part { media_type, description: "Notification", body: text.into_bytes() }
}

/// A heading and its recipients; nothing if there are none.
fn push_group<'a>(
    out: &mut String,
    heading: &str,
    recipients: impl Iterator<Item = &'a ReportedRecipient<'a>>,
) {
    let mut recipients = recipients.peekable();
    if recipients.peek().is_none() {
        return;
    }
    out.push_str("\r\n");
    push_text(out, "", heading);
    for recipient in recipients {
        push_recipient(out, recipient);
    }
}

fn push_recipient(out: &mut String, recipient: &ReportedRecipient<'_>) {
    out.push_str("\r\n");
    push_text(out, "  ", recipient.address.as_str());
    if let Some(original) =
        recipient.orcpt.filter(|original| original.address() != recipient.address.as_str())
    {
        push_text(out, "  ", &format!("(you wrote to {})", original.address()));
    }
    if recipient.kind == ReportKind::Relayed {
        return push_source(out, recipient);
    }
    let (why, advice) = explanation(recipient.verdict);
    let late = recipient.kind.is_failed() && recipient.verdict.status.condition() == EXPIRED;
    let time = if late { "The time for delivery is over. The last time: " } else { "" };
    push_text(out, "    ", &format!("Why: {time}{why}"));
    push_source(out, recipient);
    match recipient.kind {
        ReportKind::Delayed { will_retry_until } => {
            push_text(out, "    ", &format!("It will be tried until {}.", rfc5322_date(will_retry_until)));
        }
        _ => push_text(out, "    ", &format!("What you can do: {advice}")),
    }
}

/// Who said what, or what happened to us.
fn push_source(out: &mut String, recipient: &ReportedRecipient<'_>) {
    let server = match &recipient.remote {
        Some(remote) => match remote.ip {
            Some(ip) => format!("{} ({ip})", host(remote)),
            None => host(remote),
        },
        None => "The receiving server".to_owned(),
    };
    let verdict = recipient.verdict;
    match &verdict.reply {
        Some(reply) => {
            push_text(out, "    ", &format!("{server} said:"));
            push_text(out, "      ", &printable(&reply.to_string(), MAX_WORDS));
        }
        None if verdict.detail.is_empty() => {}
        None => push_text(out, "    ", &format!("In detail: {}", verdict.detail)),
    }
}

/// By the status where it is precise, else by whose fault it was.
fn explanation(verdict: &Verdict) -> Explanation {
    by_condition(verdict.status.condition()).unwrap_or_else(|| by_fault(verdict.fault))
}

/// What the codes of RFC 3463 mean of which people can make something.
fn by_condition(condition: (u16, u16)) -> Option<Explanation> {
    Some(match condition {
        (1, 1) => (
            "There is no such mailbox, says the receiving server.",
            "Look for a mistake in the part before the @, or ask the recipient for the right address.",
        ),
        (1, 2) => (
            "There is no such mail domain.",
            "Look for a mistake in the part after the @, or ask the recipient for the right address.",
        ),
        (1, 10) | (4, 4) => (
            "The domain of this address takes no mail.",
            "Look for a mistake in the part after the @, or ask the recipient for another address.",
        ),
        (2, 1) => (
            "The mailbox is disabled.",
            "Reach the recipient another way, and ask for an address that is in use.",
        ),
        (2, 2) => {
            ("The mailbox is full.", "Send the message again later, or reach the recipient another way.")
        }
        (2, 3) | (3, 4) => (
            "The message is larger than the receiving server takes.",
            "Send it with smaller attachments, or with a link in their place.",
        ),
        (6, 7) => (
            "The message uses characters in addresses that the receiving server does not support.",
            "Send it from and to addresses that are written in plain letters.",
        ),
        (4, 6) => (
            "The message went in circles.",
            "Tell the postmaster: the route to this domain is configured wrongly.",
        ),
        _ => return None,
    })
}

fn by_fault(fault: Fault) -> Explanation {
    match fault {
        Fault::Recipient => (
            "The receiving server refuses mail for this address.",
            "Look for a mistake in the address, or reach the recipient another way.",
        ),
        Fault::Message => (
            "The receiving server refuses the message for its content or form.",
            "Change what it objects to, and send the message again.",
        ),
        Fault::Sender => (
            "The receiving server refuses mail from your address or its domain.",
            "Ask those who run your domain to check its SPF, DKIM and DMARC records.",
        ),
        Fault::Remote => (
            "The receiving server is overloaded or out of order.",
            "Send the message again later, or reach the recipient another way.",
        ),
        Fault::Us => (
            "The receiving server takes no mail from this mail system.",
            "Nothing is wrong with your message. Tell the postmaster of this mail system.",
        ),
        Fault::Network => (
            "The receiving server could not be reached.",
            "Look for a mistake in the part after the @, or send the message again later.",
        ),
        Fault::Unknown | Fault::None => (
            "The receiving server refuses the message without a reason that programs understand.",
            "Read its words above, or ask the recipient to have them explained by its operators.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_explanation_is_two_whole_sentences() {
        let conditions = (0..8).flat_map(|subject| (0..31).map(move |detail| (subject, detail)));
        let faults = [
            Fault::None,
            Fault::Recipient,
            Fault::Message,
            Fault::Sender,
            Fault::Remote,
            Fault::Us,
            Fault::Network,
            Fault::Unknown,
        ];
        let all = conditions.filter_map(by_condition).chain(faults.map(by_fault));
        for (why, advice) in all {
            for sentence in [why, advice] {
                assert!(sentence.ends_with('.') && sentence.starts_with(char::is_uppercase), "{sentence}");
            }
        }
    }
}
