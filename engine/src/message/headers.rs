//! Which custom header fields an application may set, and with what values.
//!
//! A whitelist, as the service's reference has it: fields the platform writes are refused, so are those
//! with a request field of their own, and of the rest only the ones of [`PERMITTED`] and `X-` fields pass.

use super::error::{SendError, SendErrorCode as Code};
use std::collections::HashSet;

/// Longest header name in bytes.
const MAX_NAME: usize = 100;
/// Longest header value in bytes.
const MAX_VALUE: usize = 2_048;
/// Most custom headers that are not `X-` headers.
const MAX_PERMITTED: usize = 20;
/// Most bytes of all custom headers together, each counted with its `: ` and CRLF.
const MAX_PAYLOAD: usize = 16 * 1024;
/// Longest run without a place to fold, in octets: with the longest name before it, it still fits the 998
/// octets of a line (RFC 5322 section 2.1.1).
const MAX_UNFOLDABLE: usize = 890;

/// Fields the platform writes; `ARC-` fields are platform-controlled too.
const PLATFORM: [&str; 14] = [
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "DKIM-Signature",
    "Return-Path",
    "Received",
    "Feedback-ID",
    "TLS-Required",
    "TLS-Report-Domain",
    "TLS-Report-Submitter",
    "CFBL-Address",
    "CFBL-Feedback-ID",
];

/// Fields that have a request field, with its name.
const API_FIELDS: [(&str, &str); 6] = [
    ("From", "from"),
    ("To", "to"),
    ("Cc", "cc"),
    ("Bcc", "bcc"),
    ("Subject", "subject"),
    ("Reply-To", "reply_to"),
];

/// Whether RFC 2047 words keep a field's meaning, so that a value that cannot be folded may be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    /// Read by programs: ids, URIs, tokens.
    Structured,
    /// Read by people.
    Unstructured,
}

/// A permitted field: canonical name, syntax, and what its value must be (the rest of a sentence that
/// begins with the header's name, when it is not).
type Permitted = (&'static str, Syntax, fn(&str) -> Result<(), &'static str>);

const PERMITTED: [Permitted; 20] = [
    ("In-Reply-To", Syntax::Structured, any),
    ("References", Syntax::Structured, any),
    (LIST_UNSUBSCRIBE, Syntax::Structured, list_unsubscribe),
    (LIST_UNSUBSCRIBE_POST, Syntax::Structured, list_unsubscribe_post),
    ("List-Id", Syntax::Structured, any),
    ("List-Archive", Syntax::Structured, any),
    ("List-Help", Syntax::Structured, any),
    ("List-Owner", Syntax::Structured, any),
    ("List-Post", Syntax::Structured, any),
    ("List-Subscribe", Syntax::Structured, any),
    ("Precedence", Syntax::Structured, precedence),
    ("Auto-Submitted", Syntax::Structured, auto_submitted),
    ("Content-Language", Syntax::Structured, content_language),
    ("Keywords", Syntax::Unstructured, any),
    ("Comments", Syntax::Unstructured, any),
    ("Importance", Syntax::Structured, importance),
    ("Sensitivity", Syntax::Structured, sensitivity),
    ("Organization", Syntax::Unstructured, any),
    ("Require-Recipient-Valid-Since", Syntax::Structured, any),
    ("Archived-At", Syntax::Structured, any),
];

const LIST_UNSUBSCRIBE: &str = "List-Unsubscribe";
const LIST_UNSUBSCRIBE_POST: &str = "List-Unsubscribe-Post";

/// Checks custom headers against the whole policy.
///
/// # Errors
/// [`SendError`] for the first header that breaks it, else for the first limit exceeded by all of them.
pub(super) fn check(headers: &[(String, String)]) -> Result<(), SendError> {
    let mut seen = HashSet::new();
    for (name, value) in headers {
        let syntax = check_name(name)?;
        if !seen.insert(name.to_ascii_lowercase()) {
            let message = format!("Header '{}' appears more than once.", canonical_name(name));
            return Err(error(Code::ValidationError, name, message));
        }
        check_value(name, value, syntax)?;
    }
    check_one_click(headers)?;
    check_totals(headers)
}

/// The name as it goes into the message: the registered case for known fields, the given one for `X-`.
pub(super) fn canonical_name(name: &str) -> &str {
    PERMITTED.iter().map(|(known, ..)| *known).find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(name)
}

/// Whether a value has to be written as encoded words: it is not ASCII, or a run in it is too long to
/// stand on a line.
pub(super) fn needs_encoding(value: &str) -> bool {
    !value.is_ascii() || longest_unfoldable(value) > MAX_UNFOLDABLE
}

fn error(code: Code, name: &str, message: String) -> SendError {
    SendError::new(code, format!("headers.{}", shown(name)), message)
}

/// A name that may be anything, fit for a message.
fn shown(name: &str) -> String {
    name.escape_debug().take(MAX_NAME).collect()
}

fn check_name(name: &str) -> Result<Syntax, SendError> {
    check_name_characters(name)?;
    let refuse = |code, message| Err(error(code, name, message));
    if let Some((known, field)) = API_FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        let message =
            format!("Header '{known}' must be set via the '{field}' API field, not the 'headers' object.");
        return refuse(Code::HeaderUseApiField, message);
    }
    if is_platform(name) {
        let known = PLATFORM.iter().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(&name);
        let message = format!("Header '{known}' is not allowed. It is auto-generated by the platform.");
        return refuse(Code::HeaderNotAllowed, message);
    }
    match PERMITTED.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)) {
        Some((_, syntax, _)) => Ok(*syntax),
        None if is_extension(name) => Ok(Syntax::Unstructured),
        None => refuse(
            Code::HeaderNotAllowed,
            format!("Header '{name}' is not allowed. Use a permitted header or one that starts with 'X-'."),
        ),
    }
}

fn check_name_characters(name: &str) -> Result<(), SendError> {
    if name.len() > MAX_NAME {
        let message = format!("Header name '{}' exceeds {MAX_NAME} byte limit.", shown(name));
        return Err(error(Code::HeaderNameInvalid, name, message));
    }
    let underscore = is_extension(name);
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || (b == b'_' && underscore);
    if name.is_empty() || name.eq_ignore_ascii_case("X-") || !name.bytes().all(allowed) {
        let message = format!("Header name '{}' contains invalid characters.", shown(name));
        return Err(error(Code::HeaderNameInvalid, name, message));
    }
    Ok(())
}

pub(super) fn is_extension(name: &str) -> bool {
    name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X-"))
}

fn is_platform(name: &str) -> bool {
    name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("ARC-"))
        || PLATFORM.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn check_value(name: &str, value: &str, syntax: Syntax) -> Result<(), SendError> {
    let known = canonical_name(name);
    let invalid = |rest: &str| Err(error(Code::HeaderValueInvalid, name, format!("Header '{known}' {rest}")));
    if value.trim().is_empty() {
        return invalid("must not be empty.");
    }
    if value.len() > MAX_VALUE {
        let message = format!("Header '{known}' value exceeds {MAX_VALUE} byte limit.");
        return Err(error(Code::HeaderValueTooLong, name, message));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return invalid("must not contain line breaks or control characters.");
    }
    if syntax == Syntax::Structured && longest_unfoldable(value) > MAX_UNFOLDABLE {
        return invalid("must have a space at least every 890 bytes, so that it can be folded.");
    }
    let check = PERMITTED.iter().find(|(permitted, ..)| *permitted == known).map(|(_, _, check)| check);
    check.map_or(Ok(()), |check| check(value.trim())).or_else(invalid)
}

/// Octets of the longest word together with the white space before it: what a fold cannot divide.
fn longest_unfoldable(value: &str) -> usize {
    let (mut longest, mut current, mut in_word) = (0, 0, false);
    for byte in value.bytes() {
        let space = matches!(byte, b' ' | b'\t');
        if space && in_word {
            current = 0;
        }
        in_word = !space;
        current += 1;
        longest = longest.max(current);
    }
    longest
}

/// RFC 8058 section 3.1: one-click unsubscribing needs an HTTPS URI to post to.
fn check_one_click(headers: &[(String, String)]) -> Result<(), SendError> {
    let value = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    if value(LIST_UNSUBSCRIBE_POST).is_none() {
        return Ok(());
    }
    let has_https =
        value(LIST_UNSUBSCRIBE).is_some_and(|(_, list)| uris(list).iter().flatten().any(|uri| is_https(uri)));
    if has_https {
        return Ok(());
    }
    let message =
        format!("Header '{LIST_UNSUBSCRIBE_POST}' requires a '{LIST_UNSUBSCRIBE}' header with an HTTPS URI.");
    Err(error(Code::HeaderValueInvalid, LIST_UNSUBSCRIBE_POST, message))
}

fn check_totals(headers: &[(String, String)]) -> Result<(), SendError> {
    let permitted = headers.iter().filter(|(name, _)| !is_extension(name)).count();
    if permitted > MAX_PERMITTED {
        let message = format!("{permitted} whitelisted headers provided, maximum is {MAX_PERMITTED}.");
        return Err(SendError::new(Code::HeadersTooMany, "headers", message));
    }
    let payload: usize = headers.iter().map(|(name, value)| name.len() + 2 + value.len() + 2).sum();
    if payload > MAX_PAYLOAD {
        // Rounded up, lest a payload just above the limit be reported as equal to it.
        let tenths = (payload * 10).div_ceil(1024);
        let message =
            format!("Total custom headers payload ({}.{}KB) exceeds 16KB limit.", tenths / 10, tenths % 10);
        return Err(SendError::new(Code::HeadersTooLarge, "headers", message));
    }
    Ok(())
}

fn any(_: &str) -> Result<(), &'static str> {
    Ok(())
}

/// RFC 2369 section 3.2, without plain HTTP.
fn list_unsubscribe(value: &str) -> Result<(), &'static str> {
    let allowed = |uri: &&str| is_https(uri) || has_scheme(uri, "mailto:");
    match uris(value) {
        Some(uris) if uris.iter().all(allowed) => Ok(()),
        _ => Err("must contain angle-bracket HTTPS or mailto URI(s)."),
    }
}

/// The URIs of a list such as `<https://a>, <mailto:b>`; `None` when it is anything else or empty.
fn uris(value: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    let mut rest = value.trim();
    loop {
        let (uri, after) = rest.strip_prefix('<')?.split_once('>')?;
        let clean = uri.is_ascii() && !uri.contains(['<', ' ', '\t']);
        found.push(clean.then_some(uri)?);
        rest = match after.trim_start() {
            "" => return Some(found),
            more => more.strip_prefix(',')?.trim_start(),
        };
    }
}

fn is_https(uri: &str) -> bool {
    has_scheme(uri, "https://")
}

/// Whether `uri` begins with `scheme`, in any case, and goes on.
fn has_scheme(uri: &str, scheme: &str) -> bool {
    uri.len() > scheme.len()
        && uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

fn list_unsubscribe_post(value: &str) -> Result<(), &'static str> {
    if value == "List-Unsubscribe=One-Click" {
        Ok(())
    } else {
        Err("must be exactly 'List-Unsubscribe=One-Click'.")
    }
}

fn one_of(value: &str, words: &[&str], otherwise: &'static str) -> Result<(), &'static str> {
    if words.iter().any(|word| word.eq_ignore_ascii_case(value)) { Ok(()) } else { Err(otherwise) }
}

fn precedence(value: &str) -> Result<(), &'static str> {
    one_of(value, &["bulk", "list", "junk"], "must be one of: bulk, list, junk.")
}

/// RFC 3834 section 5.
fn auto_submitted(value: &str) -> Result<(), &'static str> {
    let words = ["auto-generated", "auto-replied", "auto-notified"];
    one_of(value, &words, "must be one of: auto-generated, auto-replied, auto-notified.")
}

fn importance(value: &str) -> Result<(), &'static str> {
    one_of(value, &["high", "normal", "low"], "must be one of: high, normal, low.")
}

fn sensitivity(value: &str) -> Result<(), &'static str> {
    let words = ["personal", "private", "company-confidential"];
    one_of(value, &words, "must be one of: personal, private, company-confidential.")
}

/// RFC 3282 section 2: language tags, comma-separated.
fn content_language(value: &str) -> Result<(), &'static str> {
    let is_tag = |tag: &str| !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if value.split(',').all(|tag| is_tag(tag.trim())) {
        Ok(())
    } else {
        Err("must contain language tags such as 'en', separated by commas.")
    }
}

#[cfg(test)]
mod tests;
