//! From the words of a report to status and class.
//!
//! Three may have spoken: the server that decided (its reply, quoted), the one that reports (its Status field)
//! and a program that writes for people. They are heard in this order, the next where the one before is vague.

use super::{text::plain, wording};
use crate::{
    classify::{BounceClass, BounceRules, Classification},
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        verdict::{Fault, Outcome, Phase},
    },
};

/// Most octets of a text in which a reply is looked for.
const MAX_SEARCHED: usize = 8 * 1024;

/// Words after a code among which its enhanced code is looked for.
const NEAR: usize = 20;

/// What is known of a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    /// The reply of the server that decided, or what stands in its place.
    pub(super) diagnostic: &'a str,
    /// The Status field.
    pub(super) status: Option<EnhancedCode>,
    /// The whole notice, in plain form, for when the others say nothing.
    pub(super) notice: &'a str,
    /// Whether the report says that the message is tried further.
    pub(super) delayed: bool,
}

/// Status and class of a failure.
pub(super) fn judge(words: Words<'_>, rules: &BounceRules) -> (EnhancedCode, Classification) {
    let quoted = Quoted::find(words.diagnostic);
    let mut judged = by_codes(&words, &quoted, rules);
    if is_vague(&judged.1) {
        let known = wording::status_of(&plain(words.diagnostic)).or_else(|| wording::status_of(words.notice));
        if let Some(status) = known {
            judged = by_status(status, &quoted, words.diagnostic, rules);
        }
    }
    let (status, mut class) = judged;
    if words.delayed {
        class.outcome = Outcome::Soft;
    }
    (agreeing(status, class.outcome), class)
}

/// What codes, and the rules' wordings, say.
fn by_codes(words: &Words<'_>, quoted: &Quoted, rules: &BounceRules) -> (EnhancedCode, Classification) {
    let text = words.diagnostic;
    let told = quoted.enhanced.filter(is_telling);
    let reported = words.status.filter(is_telling);
    // A reporter that knows no more than the first digit guesses: the words of the server count for more.
    if told.is_none() && !text.is_empty() {
        let code = quoted.code.unwrap_or_else(|| code_for(words));
        let by_words = rules.classify(phase(text, None), &Reply::new(code, None, text));
        if by_words.class != BounceClass::Other && !is_by_code(&by_words) {
            // The reporter's status blames the address where the words do not.
            let fits = |status: &EnhancedCode| status.subject() != 1 || by_words.class.is_about_address();
            let status = reported.filter(fits).unwrap_or_else(|| status_of(by_words.class));
            return (status, by_words);
        }
    }
    match told.or(reported) {
        Some(status) => by_status(status, quoted, text, rules),
        None => by_basic_code(words, quoted, rules),
    }
}

/// What a status says, beside a code of the class that the server's reply had.
fn by_status(
    status: EnhancedCode,
    quoted: &Quoted,
    text: &str,
    rules: &BounceRules,
) -> (EnhancedCode, Classification) {
    let code = quoted.code.unwrap_or(match status.class() {
        4 => SmtpCode::LOCAL_ERROR,
        _ => SmtpCode::TRANSACTION_FAILED,
    });
    let class = if code.as_u16() < 500 { 4 } else { 5 };
    let status = EnhancedCode::new(class, status.subject(), status.detail());
    (status, rules.classify(phase(text, Some(status)), &Reply::new(code, Some(status), text)))
}

/// What is left when nobody gives an enhanced code.
fn by_basic_code(words: &Words<'_>, quoted: &Quoted, rules: &BounceRules) -> (EnhancedCode, Classification) {
    let code = quoted.code.unwrap_or_else(|| code_for(words));
    let text = words.diagnostic;
    let mut class = rules.classify(phase(text, None), &Reply::new(code, None, text));
    if quoted.code.is_none() && is_by_code(&class) {
        // The code is ours, so it means nothing.
        class = Classification {
            class: BounceClass::Other,
            fault: Fault::Unknown,
            rule: "report/no-reason".to_owned(),
            ..class
        };
    }
    (status_of(class.class), class)
}

/// The code that stands in for a reply that was not quoted.
fn code_for(words: &Words<'_>) -> SmtpCode {
    let soft = words.delayed || words.status.is_some_and(|status| status.class() == 4);
    if soft { SmtpCode::LOCAL_ERROR } else { SmtpCode::TRANSACTION_FAILED }
}

/// Whether a classification goes by a code alone.
fn is_by_code(class: &Classification) -> bool {
    class.rule.starts_with("codes/")
}

/// Whether a classification says next to nothing, so that other words may say more.
fn is_vague(class: &Classification) -> bool {
    class.class == BounceClass::Other
        || (class.class == BounceClass::Policy && is_by_code(class))
        || (class.class == BounceClass::Protocol && is_by_code(class))
}

/// Whether a code says more than its class: x.0.0 does not.
fn is_telling(code: &EnhancedCode) -> bool {
    code.condition() != (0, 0)
}

/// Where in the session a reply came, as far as the text or the status tells. What is refused with the content is
/// not held against the address.
fn phase(text: &str, status: Option<EnhancedCode>) -> Phase {
    let text = plain(text.get(..text.floor_char_boundary(MAX_SEARCHED)).unwrap_or_default());
    if text.contains("rcpt to") || text.contains("does not like recipient") {
        Phase::Rcpt
    } else if text.contains("mail from") {
        Phase::Mail
    } else if status.is_some_and(|status| status.subject() == 1) {
        Phase::Rcpt
    } else {
        Phase::Dot
    }
}

/// The status in the class that goes with the outcome, so that it never says 5 of an address that may work later.
fn agreeing(status: EnhancedCode, outcome: Outcome) -> EnhancedCode {
    let class = match outcome {
        Outcome::Delivered => 2,
        Outcome::Soft => 4,
        Outcome::Hard => 5,
    };
    EnhancedCode::new(class, status.subject(), status.detail())
}

/// The status (RFC 3463) that says a class where nobody gave one.
fn status_of(class: BounceClass) -> EnhancedCode {
    let (subject, detail) = match class {
        BounceClass::NoSuchMailbox => (1, 1),
        BounceClass::NoSuchDomain => (1, 2),
        BounceClass::MailboxFull => (2, 2),
        BounceClass::MailboxDisabled => (2, 1),
        BounceClass::Policy
        | BounceClass::SpamContent
        | BounceClass::Blocklisted
        | BounceClass::RateLimited
        | BounceClass::Greylisted
        | BounceClass::RelayDenied => (7, 1),
        BounceClass::AuthenticationFailed => (7, 26),
        BounceClass::MessageTooBig => (3, 4),
        BounceClass::Tls => (7, 10),
        BounceClass::Dns => (4, 3),
        BounceClass::Connection => (4, 1),
        BounceClass::Protocol => (5, 0),
        BounceClass::Other => (0, 0),
    };
    EnhancedCode::new(5, subject, detail)
}

/// The codes of a server's reply that is quoted in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quoted {
    code: Option<SmtpCode>,
    enhanced: Option<EnhancedCode>,
}

impl Quoted {
    /// The first code of 400 to 599 that stands as a reply has it, and the first enhanced code after it; without
    /// a code, the first enhanced code.
    fn find(text: &str) -> Self {
        let text = text.get(..text.floor_char_boundary(MAX_SEARCHED)).unwrap_or_default();
        let mut words = text.split(|c: char| c.is_whitespace() || "()[]<>;,'\"#=".contains(c));
        let Some((at, code)) = words.clone().enumerate().find_map(|(at, word)| Some((at, basic(word)?)))
        else {
            return Self { code: None, enhanced: words.find_map(enhanced) };
        };
        // "550-5.1.1" is one word, "550 5.1.1" are two.
        let mut near = words.skip(at).take(NEAR);
        Self { code: Some(code), enhanced: near.find_map(|word| glued(word).or_else(|| enhanced(word))) }
    }
}

/// `550`, `550-5.1.1` or `550:` as a reply code.
fn basic(word: &str) -> Option<SmtpCode> {
    let (digits, rest) = word.split_at_checked(3)?;
    let ends = rest.is_empty()
        || rest == ":"
        || rest == "-"
        || rest
            .strip_prefix('-')
            .is_some_and(|rest| enhanced(rest).is_some() || !rest.starts_with(|c: char| c.is_ascii_digit()));
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u16>().ok())??;
    if ends && (400..600).contains(&number) { SmtpCode::new(number) } else { None }
}

/// The enhanced code in `550-5.1.1`.
fn glued(word: &str) -> Option<EnhancedCode> {
    let (code, rest) = word.split_once('-')?;
    basic(code)?;
    enhanced(rest)
}

/// `5.1.1`, with what punctuation follows.
fn enhanced(word: &str) -> Option<EnhancedCode> {
    word.trim_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .ok()
        .filter(|code: &EnhancedCode| code.class() != 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_codes_of_a_quoted_reply() {
        let cases = [
            ("550 5.1.1 <a@b.example>: no", Some(550), Some("5.1.1")),
            ("550-5.1.1 The email account 550 5.1.1 that", Some(550), Some("5.1.1")),
            ("550 #5.1.0 Address rejected.", Some(550), Some("5.1.0")),
            ("550 550 Unknown user a@b.example (state 14).", Some(550), None),
            ("host mx.b.example[192.0.2.1] said: 450 4.2.2 full", Some(450), Some("4.2.2")),
            ("5.1.0 - Unknown address error 550-'5.1.1 x'", Some(550), Some("5.1.1")),
            ("#5.1.1 RESOLVER.ADR.RecipNotFound", None, Some("5.1.1")),
            ("sorry, no mailbox here (#5.1.1 - chkusr)", None, Some("5.1.1")),
            ("mailbox of 512 bytes at 5.6.7.8", Some(512), None),
            ("delivered after 2.0.0", None, None),
            ("", None, None),
        ];
        for (text, code, enhanced) in cases {
            let found = Quoted::find(text);
            let enhanced = enhanced.map(|code| code.parse().unwrap());
            assert_eq!((found.code.map(SmtpCode::as_u16), found.enhanced), (code, enhanced), "{text}");
        }
    }
}
