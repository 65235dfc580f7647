//! The field that tells the next reader what was found (RFC 8601).

use super::{DkimResult, Judgement, MethodResult};
use crate::domain_dns::DmarcPolicy;
use std::{
    fmt::{self, Write},
    net::IpAddr,
};

/// Longest value of a property, in characters: the limit of a domain.
const MAX_VALUE: usize = 255;
/// Where lines are folded, in characters (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 78;

/// What was found about a message, as a field's text.
///
/// `Display` writes the whole `Authentication-Results` field, folded, with its final CRLF. Words that came from a peer
/// are cut to 255 characters, and everything in them that could end a word, a comment or a line becomes `?`.
#[derive(Debug, Clone, Copy)]
pub struct AuthenticationResults<'a> {
    /// Who found it: the name of this host, by which others know whether to believe the field.
    pub authserv_id: &'a str,
    /// What was found.
    pub judgement: &'a Judgement,
}

impl AuthenticationResults<'_> {
    /// The field's body: who found it, and what. The same stands in an `ARC-Authentication-Results` field after its
    /// instance (RFC 8617 section 4.1.1).
    pub(super) fn body(&self) -> String {
        let Judgement { iprev, helo_spf, spf, dkim, dmarc, arc, author: _ } = self.judgement;
        let mut out = Folding::new(self.authserv_id);
        out.method("iprev", iprev.result);
        if let Some(name) = &iprev.name {
            out.word(&format!("({})", Harmless(name)));
        }
        out.property("policy.iprev", &address(iprev.address));
        if !spf.identity.is_empty() {
            out.method("spf", spf.result);
            out.property("smtp.mailfrom", &spf.identity);
        }
        // Few have a record for the name in EHLO, and some readers take the last result for that of the sender.
        if spf.identity.is_empty() || helo_spf.result != MethodResult::None {
            out.method("spf", helo_spf.result);
            out.property("smtp.helo", &helo_spf.identity);
        }
        if dkim.is_empty() {
            out.method("dkim", MethodResult::None);
        }
        dkim.iter().for_each(|signature| signed(&mut out, signature));
        out.method("dmarc", dmarc.result);
        if dmarc.record.is_some() {
            out.word(&format!("(p={} dis={})", dmarc.published.as_str(), self.disposition().as_str()));
        }
        if let Some(domain) = &dmarc.domain {
            out.property("header.from", domain.as_str());
        }
        if arc.result != MethodResult::None {
            out.method("arc", arc.result);
            out.reason(arc.reason.as_deref());
            out.property("smtp.remote-ip", &address(iprev.address));
        }
        out.text
    }

    /// What the domain in From asks to be done with the message.
    fn disposition(&self) -> DmarcPolicy {
        let dmarc = &self.judgement.dmarc;
        if dmarc.result == MethodResult::Fail { dmarc.applied } else { DmarcPolicy::None }
    }
}

impl fmt::Display for AuthenticationResults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authentication-Results: {}\r\n", self.body())
    }
}

fn signed(out: &mut Folding, signature: &DkimResult) {
    out.method("dkim", signature.result);
    out.reason(signature.reason.as_deref());
    if signature.domain.is_empty() {
        return;
    }
    out.property("header.d", &signature.domain);
    if let Some(identity) = &signature.identity {
        out.property("header.i", identity);
    }
    for (name, value) in [
        ("header.s", &signature.selector),
        ("header.a", &signature.algorithm),
        ("header.b", &signature.signature),
    ] {
        if !value.is_empty() {
            out.property(name, value);
        }
    }
}

fn address(address: IpAddr) -> String {
    address.to_canonical().to_string()
}

/// Text that grows word by word and is folded before a word that does not fit.
struct Folding {
    text: String,
    /// Where the line begins.
    line: usize,
}

impl Folding {
    fn new(authserv_id: &str) -> Self {
        Self { text: Value(authserv_id).to_string(), line: 0 }
    }

    fn method(&mut self, name: &str, result: MethodResult) {
        self.text.push(';');
        self.fold();
        // Writing to a string does not fail.
        let _ = write!(self.text, "{name}={result}");
    }

    fn fold(&mut self) {
        self.text.push_str("\r\n\t");
        // The tab counts for eight.
        self.line = self.text.len().saturating_sub(8);
    }

    fn word(&mut self, word: &str) {
        if self.text.len() - self.line + 1 + word.len() > MAX_LINE {
            self.fold();
        } else {
            self.text.push(' ');
        }
        self.text.push_str(word);
    }

    fn property(&mut self, name: &str, value: &str) {
        self.word(&format!("{name}={}", Value(value)));
    }

    fn reason(&mut self, reason: Option<&str>) {
        if let Some(reason) = reason {
            self.word(&format!("reason=\"{}\"", Harmless(reason)));
        }
    }
}

/// A value as RFC 8601 section 2.2 writes it: a token, an address, or a quoted string.
struct Value<'a>(&'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_short = self.0.len() <= MAX_VALUE;
        let is_address = || {
            let atoms = |text: &str| !text.contains("..") && text.bytes().all(is_atom);
            self.0
                .split_once('@')
                .is_some_and(|(local, domain)| atoms(local) && !domain.is_empty() && atoms(domain))
        };
        let is_token = || !self.0.is_empty() && self.0.bytes().all(is_token);
        if is_short && (is_token() || is_address()) {
            return f.write_str(self.0);
        }
        write!(f, "\"{}\"", Harmless(self.0))
    }
}

/// RFC 2045 section 5.1: what is neither a control, a space nor one of the special characters.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}

/// An atom of an address, without what would have to be quoted.
fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte)
}

/// Text that a peer gave, fit to stand between quotes or in a comment.
struct Harmless<'a>(&'a str);

impl fmt::Display for Harmless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().take(MAX_VALUE).try_for_each(|c| {
            let harmless = (c.is_ascii_graphic() || c == ' ') && !"();\"\\".contains(c);
            f.write_char(if harmless { c } else { '?' })
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        address::Domain,
        authentication::{ArcResult, Author, DmarcResult, IprevResult, SpfResult},
    };
    use proptest::prelude::*;

    pub(in crate::authentication) fn judgement() -> Judgement {
        let from = Domain::parse("example.com").unwrap();
        Judgement {
            iprev: IprevResult {
                result: MethodResult::Pass,
                address: [192, 0, 2, 1].into(),
                name: Some("mail.example.com".to_owned()),
            },
            helo_spf: SpfResult {
                result: MethodResult::None,
                domain: "mail.example.com".to_owned(),
                identity: "mail.example.com".to_owned(),
            },
            spf: SpfResult {
                result: MethodResult::Pass,
                domain: "example.com".to_owned(),
                identity: "a@example.com".to_owned(),
            },
            dkim: vec![DkimResult {
                result: MethodResult::Pass,
                domain: "example.com".to_owned(),
                selector: "s1".to_owned(),
                identity: None,
                algorithm: "rsa-sha256".to_owned(),
                signature: "abcd1234".to_owned(),
                reason: None,
            }],
            dmarc: DmarcResult {
                result: MethodResult::Pass,
                domain: Some(from.clone()),
                policy_domain: Some("example.com".to_owned()),
                record: Some("v=DMARC1; p=reject".to_owned()),
                published: DmarcPolicy::Reject,
                applied: DmarcPolicy::Reject,
                dkim_aligned: true,
                spf_aligned: true,
            },
            arc: ArcResult::default(),
            author: Author::Domain(from),
        }
    }

    fn written(judgement: &Judgement) -> String {
        AuthenticationResults { authserv_id: "mx.example.org", judgement }.to_string()
    }

    #[test]
    fn says_what_was_found() {
        assert_eq!(
            written(&judgement()),
            "Authentication-Results: mx.example.org;\r\n\
             \tiprev=pass (mail.example.com) policy.iprev=192.0.2.1;\r\n\
             \tspf=pass smtp.mailfrom=a@example.com;\r\n\
             \tdkim=pass header.d=example.com header.s=s1 header.a=rsa-sha256\r\n\
             \theader.b=abcd1234;\r\n\
             \tdmarc=pass (p=reject dis=none) header.from=example.com\r\n"
        );
    }

    #[test]
    fn the_null_sender_is_the_name_in_ehlo() {
        let mut judgement = judgement();
        judgement.spf.identity.clear();
        judgement.dkim.clear();
        judgement.iprev.address = "2001:db8::1".parse().unwrap();
        let text = written(&judgement);
        assert!(text.contains(";\r\n\tspf=none smtp.helo=mail.example.com;\r\n\tdkim=none;"), "{text}");
        assert!(text.contains("policy.iprev=\"2001:db8::1\";"), "{text}");
        assert!(!text.contains("mailfrom"), "{text}");
    }

    #[test]
    fn what_is_wrong_has_a_reason() {
        let mut judgement = judgement();
        judgement.dkim[0].result = MethodResult::Fail;
        judgement.dkim[0].reason = Some("the body was changed".to_owned());
        judgement.dmarc.result = MethodResult::Fail;
        judgement.arc = ArcResult { result: MethodResult::Fail, ..ArcResult::default() };
        let text = written(&judgement);
        assert!(text.contains("dkim=fail reason=\"the body was changed\""), "{text}");
        assert!(text.contains("dmarc=fail (p=reject dis=reject) header.from=example.com;"), "{text}");
        assert!(text.contains(";\r\n\tarc=fail smtp.remote-ip=192.0.2.1\r\n"), "{text}");
    }

    proptest! {
        #[test]
        fn nobody_writes_a_result_of_their_own(word in "(\\PC|[;=\"()\r\n\t\\\\@ .]){0,300}") {
            let mut judgement = judgement();
            let plain = written(&judgement).matches(';').count();
            judgement.spf.identity.clone_from(&word);
            judgement.helo_spf.identity.clone_from(&word);
            judgement.iprev.name = Some(word.clone());
            judgement.dkim[0].domain.clone_from(&word);
            judgement.dkim[0].selector.clone_from(&word);
            judgement.dkim[0].identity = Some(word);
            let text = written(&judgement);
            prop_assert!(text.is_ascii() && text.ends_with("\r\n"));
            prop_assert!(text.split_inclusive("\r\n").skip(1).all(|line| line.starts_with('\t')));
            prop_assert!(text.split("\r\n").all(|line| line.len() < 998 && !line.contains(['\r', '\n'])));
            // Outside of quotes there are no more results than methods: one less without a sender.
            let outside: String = text.split('"').step_by(2).collect();
            prop_assert!(outside.matches(';').count() <= plain);
        }
    }
}
