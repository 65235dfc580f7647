//! Bounces in prose: known by their wording, read by how they are laid out.
//!
//! Nobody specified them, and there are some dozens of kinds; but nearly all say that something could not be
//! delivered, to whom, why, and show the message. So a notice is recognised by a phrase ([`style`]) beside a
//! sender or subject that fits, cut off before what comes back ([`split_copy`]), and searched for recipients
//! ([`recipients`]); the lines after a recipient are the reason.

mod copy;
mod recipients;
mod style;

pub(super) use copy::split_copy;

use super::{
    evidence::Evidence,
    judge,
    model::{BounceReport, OriginalMessage, RecipientReport, ReportForm},
    text::{MAX_VALUE, plain, value},
};
use crate::{classify::BounceRules, dsn::Action, message::parts::Parts};
use recipients::Found;

/// Reads a notice; `None` if the message is none.
pub(super) fn read(parts: &Parts<'_>, evidence: &Evidence, rules: &BounceRules) -> Option<BounceReport> {
    if !evidence.is_like_a_bounce() {
        return None;
    }
    let (notice, copy) = split_copy(&evidence.notice);
    let plain_notice = plain(notice);
    let style = style::of(&plain_notice, &evidence.subject)?;
    let action =
        if style::is_delay(&plain_notice, &evidence.subject) { Action::Delayed } else { Action::Failed };
    let found = recipients::find(notice, evidence);
    let alone = found.len() <= 1;
    let failure =
        |found: Found| failure(found, action, if alone { &plain_notice } else { "" }, notice, rules);
    let original = OriginalMessage::in_parts(parts, evidence);
    Some(BounceReport {
        form: ReportForm::Prose(style),
        reporting_mta: None,
        envid: None,
        recipients: found.into_iter().map(failure).collect(),
        original: match copy {
            Some(copy) if original.message_id.is_none() => OriginalMessage::in_text(copy).or_reply(evidence),
            _ => original,
        },
    })
}

/// What the notice says of one recipient. Without words of its own, the whole notice (`plain`) is about it.
fn failure(found: Found, action: Action, plain: &str, notice: &str, rules: &BounceRules) -> RecipientReport {
    let said = !found.reason.trim().is_empty();
    let reason = if said || plain.is_empty() { found.reason.as_str() } else { notice };
    let words =
        judge::Words { diagnostic: reason, status: None, notice: plain, delayed: action == Action::Delayed };
    let (status, class) = judge::judge(words, rules);
    let shown: String = reason.chars().take(MAX_VALUE).collect();
    RecipientReport {
        recipient: found.recipient,
        original: found.original,
        action,
        status,
        diagnostic: value(&shown),
        remote_mta: None,
        failure: Some(class),
    }
}
