//! Signatures, checked with mail-auth's own verifier and a key that never leaves memory.

use super::*;
use crate::message::split_header;
use mail_auth::{
    AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt,
    common::{parse::TxtRecordParser, verify::DomainKey},
    hickory_resolver::config::{ResolverConfig, ResolverOpts},
};
use std::{
    borrow::Borrow,
    collections::HashMap,
    future::Future,
    hash::Hash,
    pin::pin,
    sync::OnceLock,
    task::{Context, Poll, Waker},
    time::{Instant, SystemTime},
};

const MESSAGE: &str = "Received: from x\r\nFrom: Ann <ann@example.org>\r\nTo: bob@example.net,\r\n carl@example.net\r\n\
    Subject:  Two   spaces \r\nList-Unsubscribe: <https://example.org/u>\r\nX-Other: 1\r\n\r\nHello  there \r\n\r\nBye\r\n\r\n\r\n";

/// TXT records known beforehand, in the place of the verifier's DNS cache.
pub(crate) struct Records(pub(crate) HashMap<Box<str>, Txt>);

impl ResolverCache<Box<str>, Txt> for Records {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(name).cloned()
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

pub(crate) fn rsa() -> &'static DkimKey {
    static KEY: OnceLock<DkimKey> = OnceLock::new();
    KEY.get_or_init(|| DkimKey::generate_rsa_2048().unwrap())
}

pub(crate) fn ed25519() -> &'static DkimKey {
    static KEY: OnceLock<DkimKey> = OnceLock::new();
    KEY.get_or_init(|| DkimKey::generate_ed25519().unwrap())
}

fn signer(selector: &str, key: &DkimKey) -> Signer {
    Signer::new(&Domain::parse("example.org").unwrap(), selector, key).unwrap()
}

fn both() -> DomainSigner {
    DomainSigner::new(signer("r1", rsa()), Some(signer("e1", ed25519())))
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap())
}

fn sign(message: &str, at: UnixMillis) -> String {
    let (header, body) = split_header(message.as_bytes());
    String::from_utf8(both().sign(header, [body], at).unwrap()).unwrap()
}

/// Whether each signature of the message verifies, from the top.
fn verify(message: &str) -> Vec<bool> {
    let record = |name: &str, key: &DkimKey| {
        let parsed = DomainKey::parse(key.public_record().unwrap().as_bytes()).unwrap();
        (name.into(), Txt::DomainKey(parsed.into()))
    };
    let records = Records(HashMap::from([
        record("r1._domainkey.example.org.", rsa()),
        record("e1._domainkey.example.org.", ed25519()),
    ]));
    let verifier = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default()).unwrap();
    let mut parsed = AuthenticatedMessage::parse(message.as_bytes()).unwrap();
    with_own_hashes(&mut parsed);
    let outputs = finish(verifier.verify_dkim(Parameters::new(&parsed).with_txt_cache(&records)));
    outputs.iter().map(|output| *output.result() == DkimResult::Pass).collect()
}

/// Runs a future that never waits, since every record is in the cache.
/// Replaces the verifier's hashes of the body, which are wrong where that ends in white space; ours have tests of their own.
pub(crate) fn with_own_hashes(message: &mut AuthenticatedMessage<'_>) {
    let (_, body) = split_header(message.raw_message);
    for (form, _, _, hash) in &mut message.body_hashes {
        let mut own = BodyHash::new(*form);
        own.write(body);
        *hash = own.finish().0;
    }
}

pub(crate) fn finish<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the verifier went to the network"),
    }
}

/// A tag of the first signature, without folding.
fn tag(signature: &str, name: &str) -> String {
    let value: String = signature.split_once(':').unwrap().1.split_whitespace().collect();
    let mut tags = value.split(';').filter_map(|tag| tag.split_once('='));
    tags.find(|(tag, _)| *tag == name).unwrap_or_else(|| panic!("no {name}= in {signature}")).1.to_owned()
}

#[test]
fn both_signatures_verify() {
    assert_eq!(verify(&format!("{}{MESSAGE}", sign(MESSAGE, now()))), [true, true]);
}

#[test]
fn signs_an_empty_body_and_a_header_of_from_alone() {
    let message = "From: a@example.org\r\n\r\n";
    assert_eq!(verify(&format!("{}{message}", sign(message, now()))), [true, true]);
}

#[test]
fn relaxed_changes_on_the_way_do_no_harm() {
    let signed = format!("{}{MESSAGE}", sign(MESSAGE, now()));
    let refolded = signed
        .replace("bob@example.net,\r\n carl", "bob@example.net, carl")
        .replace("\nSubject:", "\nSUBJECT:");
    assert_eq!(verify(&refolded.replace("Hello  there ", "Hello there")), [true, true]);
}

#[test]
fn any_change_of_what_is_signed_breaks_it() {
    let signed = format!("{}{MESSAGE}", sign(MESSAGE, now()));
    for (from, to) in
        [("Hello", "Hallo"), ("ann@", "eve@"), ("spaces", "places"), ("/u>", "/v>"), ("carl@", "eve@")]
    {
        assert_eq!(verify(&signed.replace(from, to)), [false, false], "{from}");
    }
    assert_eq!(verify(&signed.replace("X-Other: 1", "X-Other: 2")), [true, true]);
}

#[test]
fn no_second_from_to_or_subject_can_be_added() {
    let signature = sign(MESSAGE, now());
    for extra in ["From: eve@example.org\r\n", "To: eve@example.org\r\n", "Subject: Other\r\n"] {
        assert_eq!(verify(&format!("{signature}{extra}{MESSAGE}")), [false, false], "{extra}");
    }
    let without_to = "From: a@example.org\r\n\r\nHi\r\n";
    let added = format!("{}To: eve@example.org\r\n{without_to}", sign(without_to, now()));
    assert_eq!(verify(&added), [false, false]);
}

#[test]
fn repeated_fields_are_signed_each() {
    let message = "Cc: a@x.org\r\nFrom: a@example.org\r\nCc: b@x.org\r\n\r\nHi\r\n";
    let signature = sign(message, now());
    assert_eq!(tag(&signature, "h"), "From:From:To:Subject:Cc:Cc");
    assert_eq!(verify(&format!("{signature}{message}")), [true, true]);
    assert_eq!(verify(&format!("{signature}{}", message.replace("a@x.org", "c@x.org"))), [false, false]);
}

#[test]
fn writes_the_agreed_tags() {
    let signature = sign(MESSAGE, UnixMillis::new(1_795_255_445_123));
    let expected = [
        ("v", "1"),
        ("a", "rsa-sha256"),
        ("c", "relaxed/relaxed"),
        ("d", "example.org"),
        ("s", "r1"),
        ("t", "1795255445"),
        ("x", "1795860245"),
        ("h", "From:From:To:To:Subject:Subject:List-Unsubscribe"),
    ];
    for (name, value) in expected {
        assert_eq!(tag(&signature, name), value);
    }
    assert!(!signature.contains("l="), "{signature}");
    assert_eq!(fields(signature.as_bytes()).filter(|field| field.is("DKIM-Signature")).count(), 2);
    assert!(signature.ends_with("\r\n") && signature.lines().all(|line| line.len() <= 78), "{signature}");
}

#[test]
fn an_expired_signature_fails() {
    let long_ago = UnixMillis::new(now().as_millis() - 8 * 24 * 3_600_000);
    assert_eq!(verify(&format!("{}{MESSAGE}", sign(MESSAGE, long_ago))), [false, false]);
}

#[test]
fn pieces_of_a_body_sign_as_the_whole() {
    let (header, body) = split_header(MESSAGE.as_bytes());
    let whole = both().sign(header, [body], UnixMillis::new(5)).unwrap();
    for at in 0..=body.len() {
        let (head, tail) = body.split_at(at);
        assert_eq!(both().sign(header, [head, tail], UnixMillis::new(5)).unwrap(), whole, "split at {at}");
    }
}

#[test]
fn refuses_header_sections_it_cannot_sign() {
    let sign = |header: &[u8]| both().sign(header, [], UnixMillis::new(5)).unwrap_err();
    assert_eq!(sign(b"To: a@b\r\n"), DkimError::NoFrom);
    assert_eq!(sign(b"From: a@b"), DkimError::CutOff);
}

#[test]
fn keys_survive_storage() {
    for key in [rsa(), ed25519()] {
        let again = DkimKey::from_pkcs8_der(key.algorithm(), &key.to_pkcs8_der().unwrap()).unwrap();
        assert_eq!(again.public_record(), key.public_record());
    }
    let wrong = DkimKey::from_pkcs8_der(KeyAlgorithm::Ed25519, &rsa().to_pkcs8_der().unwrap());
    assert!(matches!(wrong, Err(DkimError::KeyRejected(_))));
}

#[test]
fn publishes_the_form_each_algorithm_wants() {
    // The start of every SubjectPublicKeyInfo of a 2,048-bit RSA key.
    let record = rsa().public_record().unwrap();
    assert!(record.starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"), "{record}");
    let record = ed25519().public_record().unwrap();
    assert_eq!(
        BASE64.decode(record.strip_prefix("v=DKIM1; k=ed25519; p=").unwrap().as_bytes()).unwrap().len(),
        32
    );
}

#[test]
fn never_shows_a_private_key() {
    assert_eq!(format!("{:?}", ed25519()), "DkimKey(Ed25519, private key not shown)");
}

#[test]
fn refuses_names_no_key_can_be_published_under() {
    let domain = Domain::parse("example.org").unwrap();
    for selector in ["", "a b", "a;b", "a..b", "-a", "a\r\nb", "é"] {
        assert!(
            matches!(Signer::new(&domain, selector, ed25519()), Err(DkimError::Selector(_))),
            "{selector}"
        );
    }
    assert!(Signer::new(&domain, "2026-11.mail", ed25519()).is_ok());
    let literal = Domain::parse("[192.0.2.1]").unwrap();
    assert!(matches!(Signer::new(&literal, "s", ed25519()), Err(DkimError::Domain(_))));
}

/// What receivers act on must be signed: RFC 8058 section 4, RFC 9477 section 3.1, RFC 8460 section 5.3.
#[test]
fn fields_that_receivers_act_on_cannot_be_changed() {
    let fields = [
        "List-Unsubscribe: <https://example.org/u>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "CFBL-Address: fbl@example.org; report=arf",
        "CFBL-Feedback-ID: 1:0:abc",
        "Feedback-ID: a:b:c:mailwright",
        "TLS-Report-Domain: example.org",
        "TLS-Report-Submitter: mx.example.org",
    ];
    let message = format!("From: a@example.org\r\n{}\r\n\r\nHello\r\n", fields.join("\r\n"));
    let signed = format!("{}{message}", sign(&message, now()));
    assert_eq!(verify(&signed), [true, true]);
    for field in fields {
        let changed = signed.replace(field, &format!("{field}x"));
        assert_eq!(verify(&changed), [false, false], "{field}");
    }
}
