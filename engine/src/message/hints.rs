//! What a sender asks of us in the header of a message: fields that only we read.
//!
//! | field | value | travels on |
//! |---|---|---|
//! | `X-Mailwright-Priority` | `high`, `normal` or `bulk` | no |
//! | `X-Mailwright-Campaign` | up to 64 characters | no |
//! | `X-Mailwright-Pool` | the name of a pool of sources | no |
//! | `X-Mailwright-Expires` | how long it may be tried: `30m`, `2h`, `1d` | no |
//! | `X-Mailwright-Unsubscribe` | `hosted`: the message gets our link to unsubscribe | no |
//! | `TLS-Required` | `No` (RFC 8689 section 5) | yes: the next hop reads it too |

use super::fields::{Field, fields, split_header};
use crate::{
    class::{PoolName, Priority, TransportSecurity},
    envelope::Campaign,
    time::UnixMillis,
};
use humantime_serde::re::humantime::parse_duration;
use std::{fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

const PRIORITY: &str = "X-Mailwright-Priority";
const CAMPAIGN: &str = "X-Mailwright-Campaign";
const POOL: &str = "X-Mailwright-Pool";
const EXPIRES: &str = "X-Mailwright-Expires";
const UNSUBSCRIBE: &str = "X-Mailwright-Unsubscribe";
const TLS_REQUIRED: &str = "TLS-Required";

/// What the header of a message asks of us.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SendingHints {
    /// How urgent it is, if it says so.
    pub priority: Option<Priority>,
    /// What it is part of.
    pub campaign: Option<Campaign>,
    /// Which sources carry it.
    pub pool: Option<PoolName>,
    /// How long after acceptance it may still be tried.
    pub expires_after: Option<Duration>,
    /// When it is to go; asked for beside a message only.
    pub send_at: Option<UnixMillis>,
    /// Whose link to unsubscribe it has.
    pub unsubscribe: UnsubscribeLink,
    /// `NotRequired` with `TLS-Required: No`, otherwise `ByPolicy`.
    pub security: TransportSecurity,
}

/// Whose link to unsubscribe a message has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UnsubscribeLink {
    /// The sender's, or none.
    #[default]
    Own,
    /// Ours: one click (RFC 8058), and the recipient is suppressed.
    Hosted,
}

/// Text that names no link to unsubscribe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no link to unsubscribe: say hosted, or leave it out and give a List-Unsubscribe header")]
pub struct InvalidUnsubscribeLink(String);

impl FromStr for UnsubscribeLink {
    type Err = InvalidUnsubscribeLink;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("hosted") {
            return Ok(Self::Hosted);
        }
        Err(InvalidUnsubscribeLink(text.chars().take(40).collect()))
    }
}

/// A field of ours that says nothing we understand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the header field {field} cannot be followed: {reason}")]
pub struct InvalidHint {
    /// The name of the field.
    pub field: &'static str,
    /// What is wrong with it, and what is right.
    pub reason: String,
}

impl SendingHints {
    /// Reads the fields of ours off the header of `content` and removes those that do not travel. A message
    /// without any is not touched.
    ///
    /// # Errors
    /// When one says what we do not understand or occurs twice; `content` is as it was. `TLS-Required` is
    /// somebody else's field: any value but `No`, once, means nothing (RFC 8689 section 5).
    pub fn take(content: &mut Vec<u8>) -> Result<Self, InvalidHint> {
        let header = split_header(content).0;
        if !fields(header).any(|field| is_ours(&field) || field.is(TLS_REQUIRED)) {
            return Ok(Self::default());
        }
        let hints = Self::read(header)?;
        if fields(header).any(|field| is_ours(&field)) {
            let kept: Vec<u8> = fields(header)
                .filter(|field| !is_ours(field))
                .flat_map(|field| field.raw())
                .copied()
                .collect();
            let length = header.len();
            content.splice(..length, kept);
        }
        Ok(hints)
    }

    fn read(header: &[u8]) -> Result<Self, InvalidHint> {
        Ok(Self {
            priority: only(header, PRIORITY, str::parse)?,
            campaign: only(header, CAMPAIGN, Campaign::parse)?,
            pool: only(header, POOL, PoolName::parse)?,
            expires_after: only(header, EXPIRES, lifetime)?,
            send_at: None,
            unsubscribe: only(header, UNSUBSCRIBE, str::parse)?.unwrap_or_default(),
            security: security(header),
        })
    }
}

/// Whether the field is for us alone.
fn is_ours(field: &Field<'_>) -> bool {
    [PRIORITY, CAMPAIGN, POOL, EXPIRES, UNSUBSCRIBE].iter().any(|name| field.is(name))
}

/// The value of the field `name`, if it is there.
fn only<T, E: Display>(
    header: &[u8],
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, InvalidHint> {
    let wrong = |reason: String| InvalidHint { field: name, reason };
    let mut found = fields(header).filter(|field| field.is(name));
    let Some(field) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(wrong("it occurs more than once".to_owned()));
    }
    parse(&field.unfolded()).map(Some).map_err(|error| wrong(error.to_string()))
}

/// How long a message may be tried at all: from long enough for one attempt to what no sender waits for.
const LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 86_400);

/// A message gave a lifetime that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no lifetime: write 30m, 2h or 1d, from a second to 30 days")]
pub struct InvalidLifetime(String);

/// Reads how long a message may be tried after its acceptance: `30m`, `2h`, `1d`.
///
/// # Errors
/// When it is no duration from a second to 30 days.
pub fn lifetime(text: &str) -> Result<Duration, InvalidLifetime> {
    let read = parse_duration(text).ok().filter(|lifetime| LIFETIMES.contains(lifetime));
    read.ok_or_else(|| InvalidLifetime(text.chars().take(40).collect()))
}

fn security(header: &[u8]) -> TransportSecurity {
    let mut found = fields(header).filter(|field| field.is(TLS_REQUIRED));
    match (found.next(), found.next()) {
        (Some(field), None) if field.unfolded().eq_ignore_ascii_case("no") => TransportSecurity::NotRequired,
        _ => TransportSecurity::ByPolicy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn take(header: &str) -> Result<(SendingHints, String), InvalidHint> {
        let mut content = format!("{header}\r\nX-Mailwright-Pool: in the body\r\n").into_bytes();
        let hints = SendingHints::take(&mut content)?;
        let text = String::from_utf8(content).unwrap();
        Ok((hints, text.strip_suffix("\r\nX-Mailwright-Pool: in the body\r\n").unwrap().to_owned()))
    }

    #[test]
    fn reads_and_removes_what_is_for_us() {
        let (hints, left) = take(
            "From: a@b.example\r\nx-mailwright-priority: Bulk\r\nSubject: s\r\n\
             X-Mailwright-Campaign: spring\r\n sale\r\nX-Mailwright-Pool: warm\r\n\
             X-Mailwright-Unsubscribe: Hosted\r\nTLS-Required: no\r\n",
        )
        .unwrap();
        assert_eq!(left, "From: a@b.example\r\nSubject: s\r\nTLS-Required: no\r\n");
        assert_eq!((hints.priority, hints.security), (Some(Priority::Bulk), TransportSecurity::NotRequired));
        assert_eq!(hints.campaign.as_ref().map(Campaign::as_str), Some("spring sale"));
        assert_eq!(hints.pool.as_ref().map(PoolName::as_str), Some("warm"));
        assert_eq!(hints.unsubscribe, UnsubscribeLink::Hosted);
    }

    #[test]
    fn a_message_that_asks_nothing_gets_nothing() {
        let header = "From: a@b.example\r\nX-Mailwright-Priorities: high\r\nTLS-Required: yes\r\n";
        assert_eq!(take(header).unwrap(), (SendingHints::default(), header.to_owned()));
        let twice = take("TLS-Required: No\r\nTLS-Required: No\r\n").unwrap().0;
        assert_eq!(twice.security, TransportSecurity::ByPolicy);
    }

    #[test]
    fn says_what_it_does_not_understand() {
        let cases = [
            ("X-Mailwright-Priority: urgent\r\n", "say high, normal or bulk"),
            ("X-Mailwright-Priority:\r\n", "say high, normal or bulk"),
            ("X-Mailwright-Pool: Warm\r\n", "lower-case letters"),
            ("X-Mailwright-Campaign: \r\n", "printable characters"),
            ("X-Mailwright-Unsubscribe: yes\r\n", "say hosted"),
            ("X-Mailwright-Pool: a\r\nX-Mailwright-Pool: b\r\n", "more than once"),
        ];
        for (header, reason) in cases {
            let error = take(header).unwrap_err().to_string();
            assert!(error.starts_with("the header field X-Mailwright-") && error.contains(reason), "{error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_of_ours_is_left_and_the_rest_is_whole(
            parts in proptest::collection::vec(proptest::sample::select(&[
                "X-Mailwright-Priority: high\r\n", "X-Mailwright-Campaign: c\r\n\td\r\n", "Subject: a\r\n b\r\n",
                "broken\r\n", "TLS-Required: No\r\n", "\r\n", " folded\r\n", "X",
            ][..]), 0..8)
        ) {
            let mut content = parts.concat().into_bytes();
            let before = content.clone();
            let taken = SendingHints::take(&mut content);
            if taken.is_err() {
                prop_assert_eq!(content, before);
            } else {
                let (old, body) = split_header(&before);
                prop_assert!(content.ends_with(body));
                let left = &content[..content.len() - body.len()];
                prop_assert!(!fields(left).any(|field| is_ours(&field)));
                let kept: usize = fields(old).filter(|f| !is_ours(f)).map(|f| f.raw().len()).sum();
                prop_assert_eq!(content.len(), before.len() - old.len() + kept);
            }
        }
    }
}
