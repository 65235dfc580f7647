//! Envelope senders of forwarded mail (Sender Rewriting Scheme), which pass SPF at the next hop and lead bounces back to
//! the sender.
//!
//! ```text
//! ann@shop.example, forwarded by us:        SRS0=mzxw6ytb=k7=shop.example=ann@us.example
//! SRS0=HASH=TT=shop.example=ann@them, by us: SRS1=ovzw63tu=them==HASH=TT=shop.example=ann@us.example
//! ```
//!
//! The checksum makes sure that nobody but us makes such addresses, so that what comes to one is passed on without
//! being an open relay; the two letters of the day let an address that was harvested end. A second forwarder does not
//! put its own around ours: it notes who was first, and bounces go from the last to the first. Source: Meng Weng Wong,
//! "SRS: Sender Rewriting Scheme" (2003), in the form that other servers read.

use super::{
    TokenError, TokenKeys,
    key::{Purpose, ShortSum},
};
use crate::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use data_encoding::BASE32_NOPAD;

/// Days after which an address of ours is no longer taken: bounces come within the days that mail is tried for.
const GOOD_FOR: u16 = 21;
/// Days that two letters of base32 tell apart.
const DAYS: u16 = 1_024;
/// Milliseconds of a day.
const DAY: u64 = 86_400_000;
/// Longest local part that any server must take, in octets (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// Why mail to a rewritten address is not passed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SrsError {
    /// It is no such address of ours, or a forged one.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It was made too long ago.
    #[error("it has expired")]
    Expired,
}

/// A sender does not fit into a local part of 64 octets once it is rewritten. A [`VerpAddress`](super::VerpAddress) of the
/// forwarded message does, where the way back is kept otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the rewritten sender has a local part of {0} octets, more than the 64 that every server takes")]
pub struct SrsTooLong(usize);

/// The address under which we forward mail from `sender`: at `domain`, which is ours, made at `now`.
///
/// # Errors
/// When its local part would be too long.
pub fn rewrite_sender(
    sender: &EmailAddress,
    domain: &Domain,
    now: UnixMillis,
    keys: &TokenKeys,
) -> Result<EmailAddress, SrsTooLong> {
    let (local, quote) = unquoted(sender.local());
    let rewritten = match Rewritten::split(local) {
        // From another forwarder: the day and the checksum inside are its own business.
        Some(Rewritten::Once { rest }) => twice(sender.domain().as_str(), rest, domain, keys),
        Some(Rewritten::Twice { first, rest, .. }) => twice(first, rest, domain, keys),
        None => {
            let rest = format!("{}={}={local}", letters(day(now)), sender.domain());
            format!("SRS0={}={rest}", sum(keys, &rest, domain))
        }
    };
    let local = format!("{quote}{rewritten}{quote}");
    if local.len() > MAX_LOCAL {
        return Err(SrsTooLong(local.len()));
    }
    EmailAddress::parse(&format!("{local}@{domain}")).map_err(|_| SrsTooLong(local.len()))
}

/// Whom mail to `address`, which is at a domain of ours, goes back to: whoever [`rewrite_sender`] was given, in case the
/// servers on the way left as it was.
///
/// # Errors
/// [`TokenError::NotOurs`] for an address of another form, [`TokenError::Forged`] for one that we did not make,
/// [`SrsError::Expired`] three weeks after we did.
pub fn original_sender(
    address: &EmailAddress,
    now: UnixMillis,
    keys: &TokenKeys,
) -> Result<EmailAddress, SrsError> {
    let (local, _) = unquoted(address.local());
    let (back, domain) = match Rewritten::split(local).ok_or(TokenError::NotOurs)? {
        Rewritten::Once { rest } => {
            // The separator, the checksum, and what it covers.
            let (checksum, covered) =
                rest.get(1..).and_then(|rest| rest.split_once('=')).ok_or(TokenError::NotOurs)?;
            verify(keys, checksum, covered, address.domain())?;
            let (made, sender) = covered.split_once('=').ok_or(TokenError::NotOurs)?;
            let (domain, local) = sender.split_once('=').ok_or(TokenError::NotOurs)?;
            is_fresh(made, now)?;
            (local.to_owned(), domain)
        }
        Rewritten::Twice { checksum, first, rest } => {
            verify(keys, checksum, &format!("{first}={rest}"), address.domain())?;
            (format!("SRS0{rest}"), first)
        }
    };
    // Ours may have needed no quotes where the sender's did. Those that are not needed are dropped.
    let back = EmailAddress::parse(&format!("\"{back}\"@{domain}"));
    Ok(back.map_err(|_| TokenError::NotOurs)?)
}

/// A local part that a forwarder made.
enum Rewritten<'a> {
    /// By the first one.
    Once {
        /// What follows `SRS0`: a separator, and what only that forwarder has to understand.
        rest: &'a str,
    },
    /// By one that was not the first.
    Twice {
        checksum: &'a str,
        /// The domain of the first.
        first: &'a str,
        /// What the first one had after `SRS0`.
        rest: &'a str,
    },
}

impl<'a> Rewritten<'a> {
    fn split(local: &'a str) -> Option<Self> {
        let (label, rest) = local.split_at_checked(4)?;
        let separated = rest.starts_with(['=', '+', '-']);
        if separated && label.eq_ignore_ascii_case("SRS0") {
            return Some(Self::Once { rest });
        }
        if separated && label.eq_ignore_ascii_case("SRS1") {
            let (checksum, rest) = rest.get(1..)?.split_once('=')?;
            let (first, rest) = rest.split_once('=')?;
            return rest.starts_with(['=', '+', '-']).then_some(Self::Twice { checksum, first, rest });
        }
        None
    }
}

fn twice(first: &str, rest: &str, domain: &Domain, keys: &TokenKeys) -> String {
    let covered = format!("{first}={rest}");
    format!("SRS1={}={covered}", sum(keys, &covered, domain))
}

fn sum(keys: &TokenKeys, covered: &str, domain: &Domain) -> ShortSum {
    keys.short_sum(Purpose::Srs, &covers(covered, domain))
}

fn verify(keys: &TokenKeys, checksum: &str, covered: &str, domain: &Domain) -> Result<(), TokenError> {
    let ours = keys.verify_short(Purpose::Srs, &covers(covered, domain), checksum);
    if ours { Ok(()) } else { Err(TokenError::Forged) }
}

/// What a checksum covers, in lower case: servers on the way are known to change it.
fn covers(text: &str, domain: &Domain) -> Vec<u8> {
    format!("{}@{domain}", text.to_lowercase()).into_bytes()
}

/// A local part without its quotes, which go around what is made of it.
fn unquoted(local: &str) -> (&str, &'static str) {
    let inner = local.strip_prefix('"').and_then(|local| local.strip_suffix('"'));
    inner.map_or((local, ""), |inner| (inner, "\""))
}

fn day(at: UnixMillis) -> u16 {
    // Below 1,024.
    (at.as_millis() / DAY % u64::from(DAYS)) as u16
}

/// Ten bits in two letters.
fn letters(day: u16) -> String {
    let two = BASE32_NOPAD.encode(&(day << 6).to_be_bytes());
    two.chars().take(2).collect::<String>().to_ascii_lowercase()
}

/// Whether a day's letters are not older than three weeks.
fn is_fresh(made: &str, now: UnixMillis) -> Result<(), SrsError> {
    let today = day(now);
    // Yesterday's clock may have been ahead of today's.
    let good = (0..=GOOD_FOR + 1).map(|age| (today + 1 + DAYS - age) % DAYS);
    let is_good = good.map(letters).any(|day| day.eq_ignore_ascii_case(made));
    if is_good { Ok(()) } else { Err(SrsError::Expired) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::return_path::token::TokenKey;
    use proptest::prelude::*;
    use std::time::Duration;

    const NOW: UnixMillis = UnixMillis::new(1_795_269_600_000);

    fn keys(fill: u8) -> TokenKeys {
        TokenKeys::new(TokenKey::new(&[fill; 32]).unwrap(), Vec::new())
    }

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn forward(text: &str, domain: &str, fill: u8) -> EmailAddress {
        rewrite_sender(&address(text), &Domain::parse(domain).unwrap(), NOW, &keys(fill)).unwrap()
    }

    fn back(address: &EmailAddress, days: u64, fill: u8) -> Result<EmailAddress, SrsError> {
        original_sender(address, NOW.saturating_add(Duration::from_secs(days * 86_400)), &keys(fill))
    }

    #[test]
    fn a_bounce_finds_the_sender_for_three_weeks() {
        let forwarded = forward("Ann=Doe+x@shop.example", "us.example", 1);
        assert!(
            forwarded.local().starts_with("SRS0=") && forwarded.local().ends_with("=shop.example=Ann=Doe+x")
        );
        assert_eq!(forwarded.domain().as_str(), "us.example");
        for days in [0, 1, 21] {
            assert_eq!(back(&forwarded, days, 1), Ok(address("Ann=Doe+x@shop.example")), "{days}");
        }
        assert_eq!(back(&forwarded, 22, 1), Err(SrsError::Expired));
        assert_eq!(back(&forwarded, 1_000, 1), Err(SrsError::Expired));
    }

    #[test]
    fn whatever_is_changed_makes_it_forged() {
        let made = forward("ann@shop.example", "us.example", 1);
        let local = made.local();
        let forged = [
            local.replace("=ann", "=bob"),
            local.replace("shop.example", "bank.example"),
            local.replacen("SRS0=", "SRS0=a", 1),
            format!("{local}x"),
        ];
        for local in forged {
            let forged = address(&format!("{local}@us.example"));
            assert_eq!(back(&forged, 0, 1), Err(SrsError::Token(TokenError::Forged)), "{forged}");
        }
        let elsewhere = address(&format!("{local}@other.example"));
        assert_eq!(back(&elsewhere, 0, 1), Err(SrsError::Token(TokenError::Forged)));
        assert_eq!(back(&made, 0, 2), Err(SrsError::Token(TokenError::Forged)), "another key");
        for stranger in
            ["ann@us.example", "SRS0@us.example", "SRS1=a=b@us.example", "SRS2=a=b=c=d@us.example"]
        {
            assert_eq!(
                back(&address(stranger), 0, 1),
                Err(SrsError::Token(TokenError::NotOurs)),
                "{stranger}"
            );
        }
    }

    #[test]
    fn servers_that_change_the_case_do_no_harm() {
        let made = forward("ann@shop.example", "us.example", 1);
        let upper = address(&format!("{}@US.EXAMPLE", made.local().to_uppercase()));
        assert_eq!(
            back(&upper, 0, 1).map(|back| back.as_str().to_lowercase()),
            Ok("ann@shop.example".to_owned())
        );
    }

    #[test]
    fn bounces_go_from_the_last_forwarder_to_the_first() {
        let first = forward("ann@shop.example", "a.example", 1);
        let second = forward(first.as_str(), "b.example", 2);
        assert!(second.local().starts_with("SRS1=") && second.local().contains("=a.example=="), "{second}");
        let third = forward(second.as_str(), "c.example", 3);
        assert!(third.local().len() == second.local().len(), "it does not grow: {third}");
        assert_eq!(back(&third, 100, 3), Ok(first.clone()));
        assert_eq!(back(&second, 0, 2), Ok(first.clone()));
        assert_eq!(back(&first, 0, 1), Ok(address("ann@shop.example")));
        assert_eq!(back(&third, 0, 1), Err(SrsError::Token(TokenError::Forged)));
        // Other servers separate by other signs.
        let foreign = forward("SRS0+hash=TT=shop.example=ann@them.example", "us.example", 1);
        assert_eq!(back(&foreign, 0, 1), Ok(address("SRS0+hash=TT=shop.example=ann@them.example")));
    }

    #[test]
    fn quotes_that_only_the_sender_needs_are_put_back() {
        assert_eq!(
            back(&forward("\".a\"@shop.example", "us.example", 1), 0, 1),
            Ok(address("\".a\"@shop.example"))
        );
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let long = address(&format!("{}@shop.example", "a".repeat(60)));
        let domain = Domain::parse("us.example").unwrap();
        assert!(rewrite_sender(&long, &domain, NOW, &keys(1)).is_err());
    }

    proptest! {
        #[test]
        fn every_sender_comes_back(local in "[A-Za-z0-9=+.-]{1,14}|\"[ -!#-\\[\\]-~]{1,12}\"", domain in "[a-z]{1,8}\\.example") {
            if let Ok(sender) = EmailAddress::parse(&format!("{local}@{domain}")) {
                let us = Domain::parse("us.example").unwrap();
                if let Ok(made) = rewrite_sender(&sender, &us, NOW, &keys(1)) {
                    prop_assert_eq!(original_sender(&made, NOW, &keys(1)), Ok(sender));
                }
            }
        }

        #[test]
        fn nothing_that_arrives_is_believed_or_panics(local in "(SRS[01][=+-])?[ -~]{0,40}") {
            if let Ok(address) = EmailAddress::parse(&format!("{local}@us.example")) {
                prop_assert!(original_sender(&address, NOW, &keys(1)).is_err());
            }
        }
    }
}
