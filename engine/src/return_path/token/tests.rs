//! Tokens: read back in whatever form they return, and never believed when they were not made here.

use super::*;
use crate::{
    address::{Domain, EmailAddress},
    class::TenantName,
};
use proptest::prelude::*;

fn key(fill: u8) -> TokenKey {
    TokenKey::new(&[fill; 32]).unwrap()
}

fn keys(fill: u8) -> TokenKeys {
    TokenKeys::new(key(fill), Vec::new())
}

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

fn verp(raw: u64, recipient: Option<u16>) -> VerpAddress {
    VerpAddress::new(QueueId::from_raw(raw), recipient, domain("cf-bounce.example.org"))
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn token() -> UnsubscribeToken {
    UnsubscribeToken {
        message: QueueId::from_raw(9),
        account: TenantName::parse("shop").unwrap(),
        domain: domain("example.org"),
        recipient: address("ann@example.net"),
    }
}

#[test]
fn an_address_shows_the_queue_id() {
    let one = verp(0x0006_1234_5678_9abc, Some(3)).to_address(&keys(1)).unwrap();
    assert!(one.as_str().starts_with("b-06123456789abc-3-"), "{one}");
    let all = verp(0x0006_1234_5678_9abc, None).to_address(&keys(1)).unwrap();
    assert!(all.as_str().starts_with("b-06123456789abc-"), "{all}");
    assert_eq!(all.local().split('-').count(), 3);
}

#[test]
fn tells_foreign_addresses_from_forged_ones() {
    let real = verp(7, Some(1)).to_address(&keys(1)).unwrap();
    let sum = real.local().rsplit('-').next().unwrap();
    let foreign = [
        "postmaster".to_owned(),
        "b".to_owned(),
        format!("c-00000000000007-1-{sum}"),
        format!("b-7-1-{sum}"),
        format!("b-00000000000007-01-{sum}"),
        format!("b-00000000000007-+1-{sum}"),
        format!("b-00000000000007-65536-{sum}"),
        format!("b-00000000000007-1-{sum}a"),
        format!("b-00000000000007-1-1-{sum}"),
        format!("b-00000000000007-1-{}", "1".repeat(16)),
        format!("b-0000000000000007-1-{sum}"),
    ];
    for local in foreign {
        let read = VerpAddress::read(&address(&format!("{local}@cf-bounce.example.org")), &keys(1));
        assert_eq!(read, Err(TokenError::NotOurs), "{local}");
    }
    let forged = [
        format!("b-00000000000007-2-{sum}@cf-bounce.example.org"),
        format!("b-00000000000007-{sum}@cf-bounce.example.org"),
        format!("b-00000000000008-1-{sum}@cf-bounce.example.org"),
        format!("b-00000000000007-1-{sum}@cf-bounce.example.net"),
        format!("b-00000000000007-1-{}@cf-bounce.example.org", "a".repeat(16)),
    ];
    for text in forged {
        assert_eq!(VerpAddress::read(&address(&text), &keys(1)), Err(TokenError::Forged), "{text}");
    }
}

#[test]
fn keys_rotate_without_losing_what_is_on_its_way() {
    let made_before = verp(9, None).to_address(&keys(1)).unwrap();
    let rotated = TokenKeys::new(key(2), vec![key(1)]);
    assert_eq!(VerpAddress::read(&made_before, &rotated), Ok(verp(9, None)));
    assert_eq!(verp(9, None).to_address(&rotated), verp(9, None).to_address(&keys(2)));
    assert_eq!(VerpAddress::read(&made_before, &keys(2)), Err(TokenError::Forged));
}

#[test]
fn a_token_is_of_use_for_nothing_else() {
    let message = MessageRef { id: QueueId::from_raw(9), recipient: None };
    let complaint = ComplaintId(message).to_text(&keys(1));
    let (id, sum) = complaint.split_once(':').unwrap();
    let moved = address(&format!("b-{id}-{sum}@example.org"));
    assert_eq!(VerpAddress::read(&moved, &keys(1)), Err(TokenError::Forged));

    let unsubscribe = token().to_text(&keys(1));
    let octets = data_encoding::BASE64URL_NOPAD.decode(unsubscribe.as_bytes()).unwrap();
    let sum = data_encoding::BASE32_NOPAD.encode(&octets[octets.len() - 10..]);
    assert_eq!(ComplaintId::read(&format!("{id}:{sum}"), &keys(1)), Err(TokenError::Forged));

    let bounce = verp(9, Some(0)).to_address(&keys(1)).unwrap();
    let renamed = address(&bounce.as_str().replacen('b', "u", 1));
    assert_eq!(VerpAddress::read(&renamed, &keys(1)), Err(TokenError::Forged));
}

#[test]
fn an_address_to_unsubscribe_at_names_message_and_recipient() {
    let made = VerpAddress::unsubscribe(QueueId::from_raw(9), 2, domain("cf-bounce.example.org"));
    let written = made.to_address(&keys(1)).unwrap();
    assert!(written.as_str().starts_with("u-00000000000009-2-"), "{written}");
    assert_eq!(VerpAddress::read(&written, &keys(1)), Ok(made));
}

#[test]
fn a_key_is_long_and_never_shown() {
    assert!(TokenKey::new(&[7; 31]).is_err());
    assert_eq!(format!("{:?}", key(b'k')), "TokenKey(not shown)");
}

#[test]
fn unsubscribe_tokens_that_were_changed_are_refused() {
    let text = token().to_text(&keys(1));
    assert_eq!(UnsubscribeToken::read(&text, &keys(1)), Ok(token()));
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(UnsubscribeToken::read(&changed, &keys(1)).is_err(), "{changed}");
    }
    assert_eq!(UnsubscribeToken::read(&text, &keys(2)), Err(TokenError::Forged));
    for foreign in ["", "a", "unsubscribe", &"A".repeat(16), &"A".repeat(5_000)] {
        assert_eq!(UnsubscribeToken::read(foreign, &keys(1)), Err(TokenError::NotOurs), "{foreign}");
    }
}

#[test]
fn the_longest_names_make_tokens_that_can_be_read() {
    let label = "d".repeat(63);
    let long = [&label[..], &label, &label, &label[..61]].join(".");
    let local = "l".repeat(64);
    let token = UnsubscribeToken {
        message: QueueId::from_raw(u64::MAX),
        account: TenantName::parse(&"a".repeat(64)).unwrap(),
        domain: domain(&long),
        recipient: address(&format!("{local}@{}", &long[..189].trim_end_matches('.'))),
    };
    let text = token.to_text(&keys(1));
    assert!(text.len() <= 800, "{}", text.len());
    assert_eq!(UnsubscribeToken::read(&text, &keys(1)), Ok(token));
    assert!(VerpAddress::new(QueueId::from_raw(1), None, domain(&long)).to_address(&keys(1)).is_err());
}

/// Changes the case of letters by the bits of `mask`.
fn mixed(text: &str, mask: u64) -> String {
    let flip = |(at, c): (usize, char)| match mask >> (at % 64) & 1 {
        1 => c.to_ascii_uppercase(),
        _ => c,
    };
    text.chars().enumerate().map(flip).collect()
}

proptest! {
    #[test]
    fn addresses_come_back_in_any_case(raw: u64, recipient: Option<u16>, mask: u64) {
        let made = verp(raw, recipient);
        let written = made.to_address(&keys(5)).unwrap();
        prop_assert!(written.local().len() <= 41, "{}", written);
        prop_assert!(written.local().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        let returned = address(&mixed(written.as_str(), mask));
        prop_assert_eq!(VerpAddress::read(&returned, &keys(5)), Ok(made));
    }

    #[test]
    fn complaint_ids_come_back_in_any_case_and_folded(raw: u64, recipient: Option<u16>, mask: u64, at in 0usize..33) {
        let made = ComplaintId(MessageRef { id: QueueId::from_raw(raw), recipient });
        let mut written = mixed(&made.to_text(&keys(5)), mask);
        written.insert_str(at.min(written.len()), "\r\n ");
        prop_assert_eq!(ComplaintId::read(&written, &keys(5)), Ok(made));
    }

    #[test]
    fn unsubscribe_tokens_come_back(raw: u64, account in "[a-z0-9._-]{1,64}",
        local in "[a-zA-Z0-9]{1,20}", name in "[a-z]{1,20}") {
        let token = UnsubscribeToken {
            message: QueueId::from_raw(raw),
            account: TenantName::parse(&account).unwrap(),
            domain: domain(&format!("{name}.example")),
            recipient: address(&format!("{local}@{name}.example")),
        };
        let text = token.to_text(&keys(5));
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        prop_assert_eq!(UnsubscribeToken::read(&text, &keys(5)), Ok(token));
    }

    #[test]
    fn nothing_that_was_not_made_is_believed(text in "\\PC{0,60}", local in "b-[0-9a-f]{14}(-[0-9]{1,5})?-[a-z2-7]{16}") {
        prop_assert!(ComplaintId::read(&text, &keys(5)).is_err());
        prop_assert!(UnsubscribeToken::read(&text, &keys(5)).is_err());
        let made_up = address(&format!("{local}@example.org"));
        prop_assert!(VerpAddress::read(&made_up, &keys(5)).is_err());
    }
}
