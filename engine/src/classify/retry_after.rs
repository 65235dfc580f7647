//! When to come back, as receivers say it in words: "try again in 300 seconds", "greylisted for 5 minutes",
//! "please come back in 00:04:37".

use std::time::Duration;

/// More than a day is no instruction but a slip.
pub(super) const LONGEST: Duration = Duration::from_secs(86_400);

/// Beginnings of the words after which a time is one to wait.
const CUES: [&str; 14] = [
    "retry",
    "retri",
    "again",
    "later",
    "back",
    "wait",
    "greylist",
    "graylist",
    "grey",
    "resend",
    "delay",
    "defer",
    "reconnect",
    "resubmit",
];
/// Most words between the cue and the number: "greylisted, please try to deliver again in about 5 minutes".
const REACH: usize = 6;

/// How long `text` asks to stay away; above zero and at most [`LONGEST`].
pub(super) fn retry_after(text: &str) -> Option<Duration> {
    let words: Vec<&str> = text.split(is_separator).filter(|word| !word.is_empty()).collect();
    let cues = words.iter().enumerate().filter(|(_, word)| is_cue(word)).map(|(at, _)| at + 1);
    cues.filter_map(|start| words.get(start..)).find_map(first_duration)
}

/// Whether a word ends here. Full stops and hyphens stay inside words, so that 4.7.1 and 192.0.2.1 are no
/// numbers; a colon stays for clock times.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '[' | ']' | '<' | '>' | '"' | '\'' | '=' | '/')
}

fn is_cue(word: &str) -> bool {
    CUES.iter().any(|cue| word.get(..cue.len()).is_some_and(|start| start.eq_ignore_ascii_case(cue)))
}

/// The first duration that begins within reach.
fn first_duration(words: &[&str]) -> Option<Duration> {
    let starts = words.iter().take(REACH).enumerate();
    let found =
        starts.filter_map(|(at, word)| duration(word, words.get(at + 1).copied().unwrap_or_default()));
    found.into_iter().find(|found| !found.is_zero() && *found <= LONGEST)
}

/// The duration that `word` is, alone (`60s`, `00:05:00`) or with the unit `next` (`5 minutes`).
fn duration(word: &str, next: &str) -> Option<Duration> {
    let word = word.trim_end_matches(['.', ':', '!']);
    if word.contains(':') {
        return clock(word);
    }
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = word.split_at_checked(digits)?;
    let number: u32 = number.parse().ok()?;
    let unit = seconds_in(if suffix.is_empty() { next } else { suffix.trim_start_matches('-') })?;
    Some(Duration::from_secs(u64::from(number) * unit))
}

/// Seconds in a unit of time, by its usual names.
fn seconds_in(unit: &str) -> Option<u64> {
    let unit = unit.trim_end_matches(['.', '!', ':']).to_ascii_lowercase();
    match unit.as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" | "second(s" => Some(1),
        "m" | "min" | "mins" | "minute" | "minutes" | "mn" => Some(60),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(3_600),
        _ => None,
    }
}

/// `hh:mm:ss`; two numbers alone would rather be a time of day.
fn clock(word: &str) -> Option<Duration> {
    let parts: Option<Vec<u64>> = word.split(':').map(two_digits).collect();
    match parts?.as_slice() {
        &[hours, minutes, seconds] => Some(Duration::from_secs(hours * 3_600 + minutes * 60 + seconds)),
        _ => None,
    }
}

fn two_digits(text: &str) -> Option<u64> {
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_when_to_come_back() {
        let cases = [
            ("Greylisted, please try again in 300 seconds", Some(300)),
            ("Greylisted for 5 minutes", Some(300)),
            ("retry after 60s", Some(60)),
            ("Greylisting in action, please come back in 00:04:37", Some(277)),
            ("Try again later (retry in 10 min.)", Some(600)),
            ("Please retry after 1 hour.", Some(3_600)),
            (
                "Recipient address rejected: Greylisted for 120 seconds (see http://a.example/c.html)",
                Some(120),
            ),
            ("wait at least 2 hours before you reconnect", Some(7_200)),
            ("please try again in 15-minutes", Some(900)),
            ("try again in 3 seconds or wait 5 minutes", Some(3)),
            ("Try again later", None),
            ("You sent 100 messages in 60 seconds", None),
            ("try again in 0 seconds", None),
            ("try again in 100 hours", None),
            ("try again in 4294967296 seconds", None),
            ("try again, error 4.7.1 from 192.0.2.60 second attempt", None),
            ("we are back at 12:30 UTC", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(retry_after(text), seconds.map(Duration::from_secs), "{text}");
        }
    }

    proptest! {
        #[test]
        fn is_bounded_whatever_is_said(text in "(retry |again in |[0-9]{1,12} |seconds?|hours |[0-9]{2}:[0-9]{2} |\\PC){0,12}") {
            if let Some(found) = retry_after(&text) {
                prop_assert!(!found.is_zero() && found <= LONGEST);
            }
        }

        #[test]
        fn reads_back_any_number_of_seconds(seconds in 1_u32..=86_400) {
            let text = format!("Greylisted; please retry in {seconds} seconds");
            prop_assert_eq!(retry_after(&text), Some(Duration::from_secs(u64::from(seconds))));
        }
    }
}
