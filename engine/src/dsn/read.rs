//! Reading the reports of others (RFC 3464, RFC 6533). What they say is evidence, never proof: anybody can
//! write a report.
//!
//! Reports are read generously, for old servers write odd ones; what cannot be understood is left out, and
//! everything is bounded: [`MAX_STATUS`] octets, [`MAX_RECIPIENTS`] recipients, [`MAX_VALUE`] characters a value.

use super::{OriginalRecipient, xtext};
use crate::{
    message::{Field, fields, parts::Parts},
    smtp::reply::{EnhancedCode, printable},
};

/// Largest status part that is read, in octets.
const MAX_STATUS: usize = 512 * 1024;
/// Most recipients that are read; the others are left out.
const MAX_RECIPIENTS: usize = 1_000;
/// Most characters kept of a value.
const MAX_VALUE: usize = 1_000;

/// Why something is no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadReportError {
    /// There is no `message/delivery-status` in the message.
    #[error("the message is no delivery report: it has no part of type message/delivery-status")]
    NotAReport,
    /// The status part exceeds the limit.
    #[error("the status part of the delivery report has {octets} octets, more than {MAX_STATUS}")]
    TooLarge {
        /// Its size.
        octets: usize,
    },
    /// No recipient of whom the report says anything.
    #[error("the delivery report names no recipient with an action (RFC 3464 section 2.3)")]
    NoRecipient,
}

/// What a report says about a message (RFC 3464 section 2.2). Values are without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// Who wrote the report, usually of type `dns`.
    pub reporting_mta: Option<TypedText>,
    /// The sender's name for the message, from ENVID.
    pub envid: Option<String>,
    /// What became of whom; never empty.
    pub recipients: Vec<RecipientStatus>,
}

/// What a report says about a recipient (RFC 3464 section 2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientStatus {
    /// The address it had at first, from ORCPT.
    pub original: Option<TypedText>,
    /// The address that was tried in the end.
    pub final_recipient: TypedText,
    /// What became of it.
    pub action: Action,
    /// Why; `None` if it is missing or malformed.
    pub status: Option<EnhancedCode>,
    /// The words of the server that decided, usually of type `smtp`.
    pub diagnostic: Option<TypedText>,
    /// That server, usually of type `dns`.
    pub remote_mta: Option<TypedText>,
}

/// A value with its type, as in `rfc822; ann@example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedText {
    /// The type, in lower case; empty if there was none.
    pub kind: String,
    /// The value.
    pub text: String,
}

/// What became of a recipient (RFC 3464 section 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It was given up.
    Failed,
    /// It is late and tried further.
    Delayed,
    /// It is in the recipient's mailbox.
    Delivered,
    /// It was handed to a server that sends no reports.
    Relayed,
    /// It went to the members of a list.
    Expanded,
}

impl Action {
    /// Reads the first word of the field, in any case.
    fn parse(value: &str) -> Option<Self> {
        Some(match first_word(value).to_ascii_lowercase().as_str() {
            "failed" => Self::Failed,
            "delayed" => Self::Delayed,
            "delivered" => Self::Delivered,
            "relayed" => Self::Relayed,
            "expanded" => Self::Expanded,
            _ => return None,
        })
    }
}

impl TypedText {
    /// Reads `type; value`.
    fn parse(value: &str) -> Self {
        let (kind, text) = value.split_once(';').unwrap_or(("", value));
        Self { kind: kind.trim().to_ascii_lowercase(), text: text.trim().to_owned() }
    }

    /// Reads `type; address`, with the escapes of `utf-8` addresses undone and without the angle brackets that
    /// some put around.
    fn parse_address(value: &str) -> Option<Self> {
        let Self { kind, text } = Self::parse(value);
        let bare = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(&text);
        let text = if kind == OriginalRecipient::UTF_8 { xtext::unescape(bare) } else { None };
        let text = text.unwrap_or_else(|| bare.to_owned());
        (!text.is_empty()).then_some(Self { kind, text })
    }
}

/// Finds the status part of a report and reads it.
///
/// # Errors
/// When there is no such part, or [`read_delivery_status`] makes nothing of it.
pub fn read_report(message: &[u8]) -> Result<DeliveryStatus, ReadReportError> {
    status_part(&Parts::of(message))
        .ok_or(ReadReportError::NotAReport)
        .and_then(|part| read_delivery_status(&part))
}

/// What the status part of a message taken apart says; `None` if there is no such part or nothing can be made of
/// it.
pub(crate) fn find_status(parts: &Parts<'_>) -> Option<DeliveryStatus> {
    status_part(parts).and_then(|part| read_delivery_status(&part).ok())
}

/// The content of the status part, its encoding undone.
fn status_part(parts: &Parts<'_>) -> Option<Vec<u8>> {
    let part = parts.find(&["message/delivery-status", "message/global-delivery-status"])?;
    // One octet more than is read, so that more is seen to be too much.
    Some(part.text(MAX_STATUS + 1).into_bytes())
}

/// Reads the content of a `message/delivery-status` or `message/global-delivery-status`: groups of fields with
/// empty lines between them, the first about the message, the others about a recipient each.
///
/// # Errors
/// When it is too large, or no group names a recipient and what became of it.
pub fn read_delivery_status(content: &[u8]) -> Result<DeliveryStatus, ReadReportError> {
    if content.len() > MAX_STATUS {
        return Err(ReadReportError::TooLarge { octets: content.len() });
    }
    let groups = groups(content);
    let first = groups.first().copied().unwrap_or_default();
    // Some leave out the fields about the message: then the first group is about a recipient too.
    let recipients: Vec<_> = groups.iter().copied().filter_map(recipient).take(MAX_RECIPIENTS).collect();
    if recipients.is_empty() {
        return Err(ReadReportError::NoRecipient);
    }
    Ok(DeliveryStatus {
        reporting_mta: value(first, "Reporting-MTA").map(|value| TypedText::parse(&value)),
        envid: value(first, "Original-Envelope-Id"),
        recipients,
    })
}

/// What a group says about a recipient, if it is about one.
fn recipient(group: &[u8]) -> Option<RecipientStatus> {
    let typed = |name| value(group, name).map(|value| TypedText::parse(&value));
    let address = |name| TypedText::parse_address(&value(group, name)?);
    let original = address("Original-Recipient");
    let status = value(group, "Status").and_then(|value| first_word(&value).parse().ok());
    Some(RecipientStatus {
        final_recipient: address("Final-Recipient").or_else(|| original.clone())?,
        original,
        action: action(group, status)?,
        status,
        diagnostic: typed("Diagnostic-Code"),
        remote_mta: typed("Remote-MTA"),
    })
}

/// What became of the recipient; where that is not said, or not in a word that is known, the class of the status
/// tells, 4 being no end yet.
fn action(group: &[u8], status: Option<EnhancedCode>) -> Option<Action> {
    let said = value(group, "Action").and_then(|value| Action::parse(&value));
    said.or_else(|| {
        Some(match status?.class() {
            2 => Action::Delivered,
            4 => Action::Delayed,
            _ => Action::Failed,
        })
    })
}

/// The value of the first field of this name, unless it is empty.
fn value(group: &[u8], name: &str) -> Option<String> {
    let field = fields(group).find(|field: &Field<'_>| field.is(name))?;
    let value = printable(&field.unfolded().replace('\t', " "), MAX_VALUE);
    (!value.is_empty()).then_some(value)
}

/// The value up to a space or a comment.
fn first_word(value: &str) -> &str {
    value.split([' ', '(']).next().unwrap_or_default()
}

/// The runs of lines between empty ones. Lines may end in LF alone.
fn groups(content: &[u8]) -> Vec<&[u8]> {
    let mut groups = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in content.split_inclusive(|&octet| octet == b'\n') {
        if line.trim_ascii().is_empty() {
            groups.push(content.get(start..at).unwrap_or_default());
            start = at + line.len();
        }
        at += line.len();
    }
    groups.push(content.get(start..).unwrap_or_default());
    groups.retain(|group| !group.is_empty());
    groups
}

#[cfg(test)]
mod tests;
