//! Chains, checked with mail-auth's own verifier and keys that never leave memory.

use super::*;
use crate::{
    address::Domain,
    authentication::{Judgement, field::tests::judgement, without_results},
    dkim::tests::{Records, ed25519, finish, rsa, with_own_hashes},
    message::split_header,
};
use mail_auth::{
    AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, Txt,
    common::{parse::TxtRecordParser, verify::DomainKey},
    hickory_resolver::config::{ResolverConfig, ResolverOpts},
};
use proptest::prelude::*;
use std::collections::HashMap;

const MESSAGE: &str = "Received: from x\r\nDKIM-Signature: v=1; b=x\r\nFrom: Ann <ann@example.org>\r\n\
    To: bob@example.net,\r\n carl@example.net\r\nSubject:  Two   spaces \r\n\r\nHello  there \r\n\r\nBye\r\n\r\n";
const NOW: UnixMillis = UnixMillis::new(1_795_255_445_123);

fn sealer(selector: &str) -> ArcSealer {
    let key = if selector == "r" { rsa() } else { ed25519() };
    ArcSealer::new(Signer::new(&Domain::parse("example.org").unwrap(), selector, key).unwrap())
}

/// The message with a set on top.
fn sealed(message: &str, selector: &str, found: MethodResult) -> Option<String> {
    let mut judgement: Judgement = judgement();
    judgement.arc.result = found;
    let (header, body) = split_header(message.as_bytes());
    let results = AuthenticationResults { authserv_id: "mx.example.org", judgement: &judgement };
    let set = sealer(selector).seal(header, [body], &results, NOW).unwrap()?;
    Some(String::from_utf8(set).unwrap() + message)
}

fn verified(message: &str) -> DkimResult {
    let record = |name: &str, key: &crate::dkim::DkimKey| {
        let parsed = DomainKey::parse(key.public_record().unwrap().as_bytes()).unwrap();
        (name.into(), Txt::DomainKey(parsed.into()))
    };
    let records = Records(HashMap::from([
        record("r._domainkey.example.org.", rsa()),
        record("e._domainkey.example.org.", ed25519()),
    ]));
    let verifier = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default()).unwrap();
    let mut parsed = AuthenticatedMessage::parse(message.as_bytes()).unwrap();
    with_own_hashes(&mut parsed);
    finish(verifier.verify_arc(Parameters::new(&parsed).with_txt_cache(&records))).result().clone()
}

#[test]
fn a_chain_holds_from_the_first_set_to_the_last() {
    let mut message = sealed(MESSAGE, "r", MethodResult::None).unwrap();
    assert!(
        message.starts_with(
            "ARC-Seal: i=1; a=rsa-sha256; cv=none;\r\n\td=example.org; s=r; t=1795255445;\r\n\tb="
        )
    );
    assert!(
        message.contains("\r\nARC-Authentication-Results: i=1; mx.example.org;\r\n\tiprev=pass"),
        "{message}"
    );
    assert_eq!(verified(&message), DkimResult::Pass);
    for instance in 2..=5 {
        message = sealed(&message, if instance % 2 == 0 { "e" } else { "r" }, MethodResult::Pass).unwrap();
        assert!(message.starts_with(&format!("ARC-Seal: i={instance};")));
        assert_eq!(verified(&message), DkimResult::Pass, "{instance}");
    }
    let body_changed = message.replace("Bye", "Buy");
    let header_changed = message.replace("Two ", "Too ");
    let history_changed = message.replacen("i=3; mx", "i=3; my", 1);
    let from_added = format!("From: eve@example.com\r\n{message}");
    for (what, broken) in [
        ("body", body_changed),
        ("header", header_changed),
        ("history", history_changed),
        ("from", from_added),
    ] {
        assert_ne!(broken, message);
        assert_ne!(verified(&broken), DkimResult::Pass, "{what}");
    }
}

#[test]
fn a_broken_chain_is_sealed_once_and_then_left() {
    let first = sealed(MESSAGE, "r", MethodResult::None).unwrap().replace("Bye", "Buy");
    let broken = sealed(&first, "r", MethodResult::Fail).unwrap();
    assert!(broken.starts_with("ARC-Seal: i=2; a=rsa-sha256; cv=fail;"));
    assert_eq!(sealed(&broken, "r", MethodResult::Fail), None);
    // Only its own set is sealed: whatever becomes of the others, its seal is the same.
    let alone = sealed(&first.replace("i=1; mx", "i=1; my"), "r", MethodResult::Fail).unwrap();
    let seal = |message: &str| message.split("ARC-Message-Signature").next().unwrap().to_owned();
    assert_eq!(seal(&alone), seal(&broken));
}

#[test]
fn a_chain_without_end_or_answer_is_left() {
    let first = sealed(MESSAGE, "e", MethodResult::None).unwrap();
    assert_eq!(sealed(&first, "e", MethodResult::TempError), None);
    let last = first.replace("ARC-Seal: i=1;", "ARC-Seal: i=50;");
    assert_eq!(sealed(&last, "e", MethodResult::Pass), None);
}

#[test]
fn a_header_section_that_is_cut_off_is_refused() {
    let judgement = judgement();
    let results = AuthenticationResults { authserv_id: "mx", judgement: &judgement };
    assert_eq!(sealer("e").seal(b"From: a@b", [&b""[..]], &results, NOW), Err(SealError::CutOff));
}

proptest! {
    #[test]
    fn whatever_can_be_passed_on_can_be_sealed(
        header in "((Subject|X|List-Id|Cc|Authentication-Results) ?: ?(\\PC|\t| |\r\n ){0,40}\r\n){0,5}",
        body in "(\\PC|\r\n| |\t){0,80}",
    ) {
        let message = format!("From: a@example.org\r\n{header}\r\n{body}\r\n");
        let with_set = sealed(&message, "e", MethodResult::None).unwrap();
        prop_assert!(with_set.ends_with(&message));
        prop_assert!(with_set.split("\r\n").take(4).all(|line| line.len() < 998));
        prop_assert_eq!(verified(&with_set), DkimResult::Pass);
        // Taking out results that are not ours to keep does not break the seal.
        let (header, body) = split_header(with_set.as_bytes());
        let stripped = [&without_results(header, "mx.example.org"), &b"\r\n"[..], body].concat();
        prop_assert_eq!(verified(&String::from_utf8(stripped).unwrap()), DkimResult::Pass);
    }
}
