//! The published half of DKIM keys (RFC 6376 section 3.6.1, RFC 8301, RFC 8463).

use super::{
    answers::{Found, Lookups},
    description::{DkimRole, DomainKey},
    finding::{Area, Code, Finding, Severity},
    tags::TagList,
};
use crate::address::Domain;
use data_encoding::BASE64;
use mail_auth::common::{parse::TxtRecordParser, verify::DomainKey as PublicKey};
use serde::Serialize;

/// A shorter SubjectPublicKeyInfo in octets is of an RSA key of less than 1,024 bits, which receivers must not
/// accept (RFC 8301 section 3.2).
const TOO_SHORT: usize = 140;
/// A shorter one is of less than 2,048 bits, which signers should not use.
const SHORT: usize = 250;

/// What stands at a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DkimKeyState {
    /// Our key, or a good one where ours is not known.
    Published,
    /// Nothing.
    Missing,
    /// More than one TXT record.
    Multiple,
    /// No key that a receiver could use.
    Invalid,
    /// A key that is not ours.
    Mismatch,
    /// The word that the key is not to be trusted any more.
    Revoked,
    /// Nobody knows.
    Unknown,
}

/// What is known of a selector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DkimFacts {
    /// The selector.
    pub selector: String,
    /// Where it stands.
    pub name: String,
    /// The record there, if it is one.
    pub record: Option<String>,
    /// What it is.
    pub state: DkimKeyState,
}

/// Whether mail fails now for want of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Now,
    Later,
}

/// How much each of `keys` is needed: those that sign, or where none does, those that wait to.
pub(super) fn needs(keys: &[DomainKey]) -> Vec<Need> {
    let has_signing = keys.iter().any(|key| key.role() == DkimRole::Signing);
    let need = |key: &DomainKey| match key.role() {
        DkimRole::Signing => Need::Now,
        DkimRole::Waiting if !has_signing => Need::Now,
        DkimRole::Waiting | DkimRole::Retiring => Need::Later,
    };
    keys.iter().map(need).collect()
}

/// Whether a key that is needed now could not be looked up.
pub(super) fn has_unknown(needs: &[Need], facts: &[DkimFacts]) -> bool {
    let mut needed = needs.iter().zip(facts).filter(|(need, _)| **need == Need::Now);
    needed.any(|(_, facts)| facts.state == DkimKeyState::Unknown)
}

/// Looks at the key of `domain`.
pub(super) fn check(
    domain: &Domain,
    key: &DomainKey,
    need: Need,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> DkimFacts {
    let name = key.name(domain);
    let mut facts = DkimFacts {
        selector: key.selector().to_owned(),
        name: name.clone(),
        record: None,
        state: DkimKeyState::Unknown,
    };
    let texts = match lookups.txt(&name) {
        Found::Some(texts) => texts,
        Found::None => Vec::new(),
        Found::Failed(why) => {
            findings.push(Finding::unknown(Area::Dkim, &name, &why));
            return facts;
        }
    };
    let severity = match need {
        Need::Now => Severity::Error,
        Need::Later => Severity::Warning,
    };
    let mut tell =
        |code, message: String| findings.push(Finding::new(Area::Dkim, code, severity, &name, message));
    facts.state = match texts.as_slice() {
        [] => {
            tell(Code::DkimNotFound, format!("There is no key at {name}. {}", advice(key.role())));
            DkimKeyState::Missing
        }
        [text] => {
            facts.record = Some(text.clone());
            match judge(text, key) {
                Ok(()) => DkimKeyState::Published,
                Err(fault) => {
                    let state = fault.state;
                    tell(fault.code, fault.message);
                    state
                }
            }
        }
        several => {
            tell(Code::MultipleDkim, several_records(several, key));
            DkimKeyState::Multiple
        }
    };
    if facts.state == DkimKeyState::Published {
        findings.extend(facts.record.as_deref().and_then(|text| weakness(&name, text)));
    }
    facts
}

const fn advice(role: DkimRole) -> &'static str {
    match role {
        DkimRole::Signing => "Publish it: until then no signature can be verified.",
        DkimRole::Waiting => "Publish it: signing does not change over to it before.",
        DkimRole::Retiring => "Mail on its way may still be signed with it: leave it there for another week.",
    }
}

struct Fault {
    state: DkimKeyState,
    code: Code,
    message: String,
}

impl Fault {
    fn invalid(code: Code, message: impl Into<String>) -> Self {
        Self { state: DkimKeyState::Invalid, code, message: message.into() }
    }
}

/// Whether `text` is the key that is wanted.
fn judge(text: &str, key: &DomainKey) -> Result<(), Fault> {
    let quoted = text.starts_with('"') || text.contains("\\;") || text.contains("\" \"");
    if quoted {
        let message =
            "The record has quotes or backslashes of a zone file inside its text. Enter it without them.";
        return Err(Fault::invalid(Code::DkimSplit, message));
    }
    let tags = TagList::parse(text)
        .map_err(|error| Fault::invalid(Code::InvalidDkim, format!("The record is no DKIM key: {error}.")))?;
    let is_version_wrong =
        tags.get("v").is_some_and(|v| v != "DKIM1" || tags.first() != Some(("v", "DKIM1")));
    if is_version_wrong {
        let message = "v=DKIM1 must stand first in the record, exactly so. Publish the key as it was given.";
        return Err(Fault::invalid(Code::InvalidDkim, message));
    }
    let Some(published) = tags.get("p").map(compact) else {
        let message = "The record has no p= and so no key. Publish the key as it was given.";
        return Err(Fault::invalid(Code::InvalidDkim, message));
    };
    if published.is_empty() {
        let message =
            "The key is published as revoked (an empty p=). Publish the key, or sign with another one.";
        return Err(Fault {
            state: DkimKeyState::Revoked,
            code: Code::DkimRevoked,
            message: message.to_owned(),
        });
    }
    compare(&published, kind(&tags), key)?;
    restrictions(&tags)?;
    // What receivers do: mail-auth's word counts for all of them.
    PublicKey::parse(text.as_bytes()).map(drop).map_err(|error| {
        Fault::invalid(
            Code::InvalidDkim,
            format!("Receivers cannot use the key ({error}). Publish it as it was given."),
        )
    })
}

/// A value without the white space that may stand in it.
fn compact(value: &str) -> String {
    value.split_ascii_whitespace().collect()
}

fn kind<'a>(tags: &TagList<'a>) -> &'a str {
    tags.get("k").unwrap_or("rsa")
}

/// Compares what is published with what we sign with.
fn compare(published: &str, kind_published: &str, key: &DomainKey) -> Result<(), Fault> {
    let Some(ours) = key.record() else { return Ok(()) };
    let Ok(tags) = TagList::parse(ours) else { return Ok(()) };
    let wanted = tags.get("p").map(compact).unwrap_or_default();
    if published == wanted && kind_published.eq_ignore_ascii_case(kind(&tags)) {
        return Ok(());
    }
    if wanted.starts_with(published) || wanted.ends_with(published) {
        let (found, whole) = (published.len(), wanted.len());
        let message = format!(
            "Only {found} of the {whole} characters of the key are published. Enter all of it: in one field, or as \
             strings of at most 255 characters in the same record."
        );
        return Err(Fault::invalid(Code::DkimSplit, message));
    }
    let message = "Another key than ours is published, so our signatures fail. Replace the record with ours, or use \
                   another selector.";
    Err(Fault { state: DkimKeyState::Mismatch, code: Code::DkimMismatch, message: message.to_owned() })
}

/// Whether the record lets the key sign mail by SHA-256.
fn restrictions(tags: &TagList<'_>) -> Result<(), Fault> {
    let allows = |name: &str, wanted: &[&str]| {
        let Some(list) = tags.get(name) else { return true };
        list.split(':').any(|item| wanted.iter().any(|wanted| item.trim().eq_ignore_ascii_case(wanted)))
    };
    if !allows("h", &["sha256"]) {
        let message = "The record's h= leaves out sha256, by which we sign. Take h= out.";
        return Err(Fault::invalid(Code::DkimRestricted, message));
    }
    if !allows("s", &["*", "email"]) {
        let message = "The record's s= does not allow the key for email. Take s= out.";
        return Err(Fault::invalid(Code::DkimRestricted, message));
    }
    Ok(())
}

/// What is not quite right with a key that works.
fn weakness(name: &str, text: &str) -> Option<Finding> {
    let tags = TagList::parse(text).ok()?;
    if tags.get("t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim().eq_ignore_ascii_case("y"))) {
        let message = "The key is published as in testing (t=y): receivers may treat its mail as unsigned. Take t=y \
                       out when signatures pass.";
        return Some(Finding::warning(Area::Dkim, Code::DkimTesting, name, message));
    }
    let length = BASE64.decode(compact(tags.get("p")?).as_bytes()).ok()?.len();
    if !kind(&tags).eq_ignore_ascii_case("rsa") || length >= SHORT {
        return None;
    }
    let message = "The RSA key is shorter than 2,048 bits. Make a new key under another selector.";
    Some(if length < TOO_SHORT {
        Finding::error(Area::Dkim, Code::DkimWeak, name, message)
    } else {
        Finding::warning(Area::Dkim, Code::DkimWeak, name, message)
    })
}

fn several_records(texts: &[String], key: &DomainKey) -> String {
    let count = texts.len();
    let ours = key.record().map(compact);
    let joined = |order: &[&String]| compact(&order.iter().map(|text| text.as_str()).collect::<String>());
    let is_split = match texts {
        [a, b] => ours.is_some_and(|ours| joined(&[a, b]) == ours || joined(&[b, a]) == ours),
        _ => false,
    };
    if is_split {
        return "The key stands here cut in two records. Put both pieces into one record, as two strings."
            .to_owned();
    }
    format!(
        "There are {count} TXT records, of which receivers take any one or none. Leave only the key, and give each \
         service a selector of its own."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_dns::{
        answers::{Answer, Question},
        record::tests::{ED25519, RSA},
        spf::tree_tests::World,
    };

    const NAME: &str = "s1._domainkey.example.com";

    fn look(texts: &[&str], ours: Option<&str>, role: DkimRole) -> (DkimKeyState, Vec<(Code, Severity)>) {
        let world = World::default().txt(NAME, texts);
        let key = DomainKey::new("s1", ours.map(str::to_owned), role).unwrap();
        let domain = Domain::parse("example.com").unwrap();
        let (facts, findings) = world.judge(|lookups| {
            let mut findings = Vec::new();
            (check(&domain, &key, needs(std::slice::from_ref(&key))[0], lookups, &mut findings), findings)
        });
        assert_eq!(facts.name, NAME);
        (facts.state, findings.into_iter().map(|finding| (finding.code, finding.severity)).collect())
    }

    fn of(texts: &[&str], ours: &str) -> (DkimKeyState, Vec<Code>) {
        let (state, found) = look(texts, Some(ours), DkimRole::Signing);
        (state, found.into_iter().map(|(code, _)| code).collect())
    }

    #[test]
    fn our_key_is_ours_however_it_is_written() {
        let spaced = RSA.replace("k=rsa; p=MII", "k=rsa;p=M II ");
        let reordered = ED25519.replace("k=ed25519; ", "t=s; k=ed25519; n=note; ");
        for (published, ours) in [(RSA, RSA), (&spaced, RSA), (ED25519, ED25519), (&reordered, ED25519)] {
            assert_eq!(of(&[published], ours), (DkimKeyState::Published, vec![]), "{published}");
        }
        let with_hash = RSA.replace("v=DKIM1; ", "v=DKIM1; h=sha256; ");
        assert_eq!(of(&[&with_hash], RSA), (DkimKeyState::Published, vec![]));
    }

    #[test]
    fn every_way_to_publish_it_wrongly_is_told() {
        let (half, rest) = RSA.split_at(255);
        let other = RSA.replace(
            "p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA",
            "p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEB",
        );
        let escaped = RSA.replace(';', "\\;");
        let sha1 = RSA.replace("v=DKIM1; ", "v=DKIM1; h=sha1; ");
        let other_service = RSA.replace("v=DKIM1; ", "v=DKIM1; s=tlsrpt; ");
        let late_version = format!("{}; v=DKIM1", &RSA["v=DKIM1; ".len()..]);
        let cases: [(&[&str], DkimKeyState, Code); 13] = [
            (&[], DkimKeyState::Missing, Code::DkimNotFound),
            (&[RSA, ED25519], DkimKeyState::Multiple, Code::MultipleDkim),
            (&[half, rest], DkimKeyState::Multiple, Code::MultipleDkim),
            (&[half], DkimKeyState::Invalid, Code::DkimSplit),
            (&[&escaped], DkimKeyState::Invalid, Code::DkimSplit),
            (&[&format!("\"{RSA}\"")], DkimKeyState::Invalid, Code::DkimSplit),
            (&[&other], DkimKeyState::Mismatch, Code::DkimMismatch),
            (&[ED25519], DkimKeyState::Mismatch, Code::DkimMismatch),
            (&["v=DKIM1; p="], DkimKeyState::Revoked, Code::DkimRevoked),
            (&["v=DKIM1; k=rsa"], DkimKeyState::Invalid, Code::InvalidDkim),
            (&[&late_version], DkimKeyState::Invalid, Code::InvalidDkim),
            (&[&sha1], DkimKeyState::Invalid, Code::DkimRestricted),
            (&[&other_service], DkimKeyState::Invalid, Code::DkimRestricted),
        ];
        for (texts, state, code) in cases {
            assert_eq!(of(texts, RSA), (state, vec![code]), "{texts:?}");
        }
        assert!(
            several_records(
                &[rest.into(), half.into()],
                &DomainKey::new("s", Some(RSA.into()), DkimRole::Waiting).unwrap()
            )
            .contains("cut in two")
        );
    }

    #[test]
    fn a_key_in_testing_and_a_short_one_are_warned_of() {
        let testing = RSA.replace("v=DKIM1; ", "v=DKIM1; t=y:s; ");
        assert_eq!(of(&[&testing], RSA), (DkimKeyState::Published, vec![Code::DkimTesting]));
        // A key of 1,024 bits, from RFC 6376 appendix C.
        let short = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";
        let (state, found) = look(&[short], None, DkimRole::Signing);
        assert_eq!((state, found), (DkimKeyState::Published, vec![(Code::DkimWeak, Severity::Warning)]));
    }

    #[test]
    fn only_the_key_in_use_must_be_there() {
        for (role, severity) in [
            (DkimRole::Signing, Severity::Error),
            (DkimRole::Waiting, Severity::Error),
            (DkimRole::Retiring, Severity::Warning),
        ] {
            let expected = (DkimKeyState::Missing, vec![(Code::DkimNotFound, severity)]);
            assert_eq!(look(&[], Some(RSA), role), expected);
        }
    }

    #[test]
    fn a_waiting_key_is_needed_where_none_signs() {
        let key = |role| DomainKey::new("s", None, role).unwrap();
        use DkimRole::{Retiring, Signing, Waiting};
        assert_eq!(needs(&[key(Waiting), key(Signing)]), [Need::Later, Need::Now]);
        assert_eq!(needs(&[key(Waiting), key(Retiring)]), [Need::Now, Need::Later]);
    }

    #[test]
    fn no_answer_is_not_taken_for_no_key() {
        let world = World::default().answer(Question::Txt(NAME.into()), Answer::Failed("SERVFAIL".into()));
        let key = DomainKey::new("s1", None, DkimRole::Signing).unwrap();
        let domain = Domain::parse("example.com").unwrap();
        let (facts, findings) = world.judge(|lookups| {
            let mut findings = Vec::new();
            (check(&domain, &key, needs(std::slice::from_ref(&key))[0], lookups, &mut findings), findings)
        });
        assert_eq!((facts.state, findings[0].code), (DkimKeyState::Unknown, Code::LookupFailed));
    }
}
