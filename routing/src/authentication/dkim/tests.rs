use super::*;
use crate::authentication::{arc, dmarc, parsed};
use futures_util::FutureExt;
use mail_auth::common::crypto::HashAlgorithm;
use mailwright_engine::message::split_header;
use proptest::prelude::*;

/// A message that is short enough to be read at one go.
fn read(text: &[u8]) -> (AuthenticatedMessage<'_>, Signatures) {
    let (header, body) = split_header(text);
    parsed(header, body).now_or_never().unwrap()
}

/// A signature with these tags on a message whose canonical body has seven octets, settled without a key.
fn screened(tags: &str) -> Vec<(MethodResult, String)> {
    let text = format!("DKIM-Signature: {tags}\r\nFrom: a@b\r\n\r\nHello\r\n\r\n");
    let (_, Signatures(found)) = read(text.as_bytes());
    let settled = found.into_iter().map(|one| match one {
        Screened::Settled(result) => (result.result, result.reason.unwrap_or_default()),
        Screened::ToCheck(_) => (MethodResult::None, String::new()),
    });
    settled.collect()
}

#[test]
fn what_need_not_be_checked_is_settled() {
    const REST: &str = "d=b; s=s; b=AAAA; bh=AAAA";
    for (tags, expected) in [
        ("v=1; a=rsa-sha256; h=To:From", MethodResult::None),
        ("v=1; a=rsa-sha256; h= to : from ", MethodResult::None),
        ("a=rsa-sha256; h=From", MethodResult::PermError),
        ("v=1; a=rsa-sha256; h=To", MethodResult::PermError),
        ("v=1; a=rsa-sha1; h=From", MethodResult::Policy),
        ("v=1; a=rsa-sha256; c=relaxed/relaxed; l=7; h=From", MethodResult::None),
        ("v=1; a=rsa-sha256; c=relaxed/relaxed; l=6; h=From", MethodResult::Policy),
        ("v=1; a=rsa-sha256; c=relaxed/relaxed; l=8; h=From", MethodResult::PermError),
        ("v=1; a=rsa-sha256; l=99999999999999999999; h=From", MethodResult::PermError),
        ("v=1; a=rsa-sha512; h=From", MethodResult::Neutral),
        ("v=2; a=rsa-sha256; h=From", MethodResult::Neutral),
        ("v=1; a=rsa-sha256", MethodResult::PermError),
    ] {
        let found = screened(&format!("{tags}; {REST}"));
        assert_eq!(found.len(), 1, "{tags}");
        assert_eq!(found[0].0, expected, "{tags}: {}", found[0].1);
    }
}

#[test]
fn no_more_than_ten_are_looked_at() {
    let one = "DKIM-Signature: v=1; a=rsa-sha256; h=From; d=b; s=s; b=AAAA; bh=AAAA\r\n";
    let text = format!("{}From: a@b\r\n\r\nx\r\n", one.repeat(100));
    let (message, Signatures(found)) = read(text.as_bytes());
    assert_eq!(found.len(), MOST_SIGNATURES);
    assert_eq!((message.dkim_headers.len(), key_names(&message).len()), (MOST_SIGNATURES, MOST_SIGNATURES));
}

proptest! {
    #[test]
    fn no_header_is_too_strange(
        header in "((DKIM-Signature|ARC-Seal|ARC-Message-Signature|ARC-Authentication-Results|From|\\PC{0,9}):?\
                   ( ?(v=1|a=rsa-sha256|b=|bh=AAAA|l=\\d{0,21}|h=From|d=b|s=s|i=\\d{0,3}|cv=pass|c=/|\\PC{0,9});?|\r\n |\r|\n|\t|\\PC){0,9}\r\n){0,6}",
        octets in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let text = [header.as_bytes(), &octets, b"\r\n\r\n", &octets].concat();
        let (message, Signatures(found)) = read(&text);
        prop_assert!(found.len() <= MOST_SIGNATURES);
        let to_check = found.iter().filter(|one| matches!(one, Screened::ToCheck(_))).count();
        prop_assert_eq!(to_check, message.dkim_headers.len());
        // Each of them has a body hash to be compared with, or mail-auth would panic.
        let is_hashed = |form, length| {
            message.body_hashes.iter().any(|(f, h, l, _)| (*f, *h, *l) == (form, HashAlgorithm::Sha256, length))
        };
        for header in &message.dkim_headers {
            prop_assert!(is_hashed(header.header.cb, header.header.l));
        }
        for header in message.ams_headers.iter().filter(|_| !message.has_arc_errors) {
            prop_assert!(is_hashed(header.header.cb, header.header.l));
        }
        key_names(&message);
        arc::key_names(&message);
        dmarc::author(split_header(&text).0, &message);
    }
}
