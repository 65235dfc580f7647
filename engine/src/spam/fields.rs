//! The header fields that tell of a verdict, and those of others that pretend to.

use super::{Hit, SpamVerdict};
use crate::message::{Field, fields, split_header};
use std::borrow::Cow;

/// The fields that this server writes, and `X-Spam-Flag`, which filters of mailboxes believe too.
pub const FIELDS: [&str; 4] = ["X-Spam-Score", "X-Spam-Status", "X-Spam-Report", "X-Spam-Flag"];

/// Longest line that is written, in octets, where words allow it (RFC 5322 section 2.1.1).
const LINE: usize = 78;
/// Most hits that are told of; what a message can hit is bounded by the file alone.
const MAX_TOLD: usize = 50;

/// The message without the fields that only this server may write; borrowed if there are none. Every other octet
/// stays as it is. Expects CRLF line ends.
pub fn without_spam_fields(message: &[u8]) -> Cow<'_, [u8]> {
    let (header, _) = split_header(message);
    let forged = |field: &Field<'_>| FIELDS.iter().any(|name| is_named(field, name));
    if !fields(header).any(|field| forged(&field)) {
        return message.into();
    }
    let mut kept = Vec::with_capacity(message.len());
    fields(header).filter(|field| !forged(field)).for_each(|field| kept.extend_from_slice(field.raw()));
    kept.extend_from_slice(message.get(header.len()..).unwrap_or_default());
    kept.into()
}

/// Programs disagree on white space before the colon; here it counts as the name.
fn is_named(field: &Field<'_>, name: &str) -> bool {
    field.name().trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
}

/// The fields of a verdict.
pub(super) fn write(verdict: &SpamVerdict) -> String {
    let SpamVerdict { score, spam_at, hits } = verdict;
    let told = hits.get(..MAX_TOLD).unwrap_or(hits);
    let word = if verdict.is_spam() { "Yes" } else { "No" };
    let mut out = format!("X-Spam-Score: {score}\r\nX-Spam-Status: {word}, score={score} required={spam_at}");
    let mut column = LINE;
    for (number, Hit { name, .. }) in told.iter().enumerate() {
        let word = if number == 0 { format!("tests={name}") } else { name.clone() };
        let separator = match (number, column + word.len() + 1 > LINE) {
            (0, _) => "\r\n ",
            (_, true) => ",\r\n ",
            (_, false) => ",",
        };
        column = if separator.ends_with(' ') { 1 + word.len() } else { column + 1 + word.len() };
        out.push_str(separator);
        out.push_str(&word);
    }
    out.push_str("\r\n");
    if !told.is_empty() {
        out.push_str("X-Spam-Report:\r\n");
        told.iter().for_each(|hit| write_hit(hit, &mut out));
    }
    out
}

/// One line of the report. It begins with white space, and has more than that.
fn write_hit(Hit { name, points, description }: &Hit, out: &mut String) {
    out.push_str(&format!(" {points:+} {name}: {description}\r\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spam::Score;
    use proptest::prelude::*;

    fn hit(name: &str, points: f64) -> Hit {
        Hit { name: name.into(), points: Score::new(points).unwrap(), description: "says so".into() }
    }

    fn verdict(hits: Vec<Hit>) -> SpamVerdict {
        SpamVerdict {
            score: hits.iter().map(|hit| hit.points).sum(),
            spam_at: Score::new(5.0).unwrap(),
            hits,
        }
    }

    #[test]
    fn the_verdict_is_told_in_three_fields() {
        assert_eq!(
            write(&verdict(vec![hit("a-rule", 4.5), hit("other", 0.75)])),
            "X-Spam-Score: 5.25\r\n\
             X-Spam-Status: Yes, score=5.25 required=5.0\r\n tests=a-rule,other\r\n\
             X-Spam-Report:\r\n +4.5 a-rule: says so\r\n +0.75 other: says so\r\n"
        );
        assert_eq!(
            write(&verdict(Vec::new())),
            "X-Spam-Score: 0.0\r\nX-Spam-Status: No, score=0.0 required=5.0\r\n"
        );
    }

    #[test]
    fn no_line_is_long_however_many_rules_fit() {
        let many = (0..500).map(|number| hit(&format!("a-rule-with-number-{number}"), 0.1)).collect();
        let written = write(&verdict(many));
        assert!(written.split("\r\n").all(|line| line.len() <= LINE), "{written}");
        assert!(written.matches("says so").count() == MAX_TOLD);
    }

    #[test]
    fn fields_that_pretend_to_be_ours_go() {
        let message = b"A: 1\r\nx-spam-status: No,\r\n score=-9\r\nX-SPAM-FLAG : NO\r\nB:\r\n 2\r\n\r\nX-Spam-Score: 1\r\n";
        assert_eq!(without_spam_fields(message).as_ref(), b"A: 1\r\nB:\r\n 2\r\n\r\nX-Spam-Score: 1\r\n");
        let clean = b"A: 1\r\nX-Spam-Scores: 1\r\n\r\n";
        assert!(matches!(without_spam_fields(clean), Cow::Borrowed(same) if same == clean));
    }

    proptest! {
        #[test]
        fn other_octets_stay_as_they_are(before in "(A: [a-z \t]{0,9}\r\n){0,3}", rest in "[A-Z]: [a-z:\r\n ]{0,60}") {
            let rest = format!("{rest}\r\n\r\nbody");
            let forged = format!("{before}X-Spam-Score: 0\r\n{rest}");
            let clean = format!("{before}{rest}");
            let kept = without_spam_fields(forged.as_bytes()).into_owned();
            prop_assert_eq!(kept, clean.into_bytes());
        }
    }
}
