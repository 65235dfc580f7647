//! DANE for SMTP (RFC 7672, on RFC 6698 and RFC 7671): a host publishes, under DNSSEC, which certificate or
//! which authority is its own.
//!
//! 1. DNS is asked for [`query_name`] of each name that [`base_domains`] gives, in order, until one has
//!    records. It is asked only where the host's addresses came from a signed zone; elsewhere the answer is
//!    [`DaneLookup::Insecure`] without asking (RFC 7672 section 2.2.2).
//! 2. [`DaneDecision::from`] says what the answer means for the host.
//! 3. In the handshake [`match_chain`] compares the records with the server's certificates. For
//!    [`DaneMatch::EndEntity`] nothing more is checked but that the server has the key: neither names nor
//!    dates nor chain (RFC 7672 section 3.1.1). For [`DaneMatch::TrustAnchors`] the caller builds a path from
//!    the server's certificate to one of these, and to nothing else, and checks it for one of
//!    [`reference_names`] (section 3.1.2).
//!
//! The names of a certificate are those of its subjectAltName extension; a common name alone is not enough.

mod matching;
mod record;

pub use matching::{DaneMatch, DaneMismatch, match_chain};
pub use record::{RawTlsa, TlsaMatching, TlsaProblem, TlsaRecord, TlsaSelector, TlsaUsage};

use crate::address::Domain;
use std::sync::Arc;

/// Most records of a host that are looked at; hosts have about four.
pub const MAX_RECORDS: usize = 64;

/// What DNS said when asked for a host's TLSA records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaneLookup {
    /// Records, and the proof that they are the zone's own.
    Secure(Vec<RawTlsa>),
    /// There are none, provably or in a zone that is not signed; or they are not signed and prove nothing.
    Insecure,
    /// No answer, or one that fails validation. Holds the reason. An attacker who could pass this off as
    /// "none" would have switched DANE off.
    Failed(String),
}

/// What a host's TLSA records ask of a connection to it (RFC 7672 section 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaneDecision {
    /// Nothing.
    NotUsed,
    /// TLS, to whomever: there are records, and none of them is of a kind that can be used.
    Encrypt,
    /// TLS to a server that one of the records fits; never empty.
    Authenticate(Arc<[TlsaRecord]>),
    /// Not to be connected to for now, with the reason.
    Defer(String),
}

impl From<DaneLookup> for DaneDecision {
    fn from(lookup: DaneLookup) -> Self {
        let records = match lookup {
            DaneLookup::Secure(records) if !records.is_empty() => records,
            DaneLookup::Secure(_) | DaneLookup::Insecure => return Self::NotUsed,
            DaneLookup::Failed(why) => return Self::Defer(why),
        };
        let usable: Arc<[_]> =
            records.into_iter().take(MAX_RECORDS).filter_map(|raw| TlsaRecord::new(raw).ok()).collect();
        if usable.is_empty() { Self::Encrypt } else { Self::Authenticate(usable) }
    }
}

/// The name at which a server's records stand (RFC 6698 section 3): `_25._tcp.mx.example`.
pub fn query_name(base: &str, port: u16) -> String {
    format!("_{port}._tcp.{base}")
}

/// Where to look for the records of `host`, best first: the name it is an alias of, if every alias on the way
/// is secure (`expanded`), then itself (RFC 7672 section 2.2.3).
pub fn base_domains<'a>(host: &'a str, expanded: Option<&'a str>) -> Vec<&'a str> {
    let expanded = expanded.filter(|name| !name.eq_ignore_ascii_case(host));
    expanded.into_iter().chain([host]).collect()
}

/// The names of which a server's certificate must carry one, where an authority vouches for it: the base
/// domain of the records, and the recipient's domain (RFC 7672 section 3.2.2).
pub fn reference_names<'a>(base: &'a str, domain: &'a Domain) -> Vec<&'a str> {
    let domain = domain.literal().is_none().then(|| domain.as_str());
    [base].into_iter().chain(domain.filter(|name| *name != base)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(usage: u8) -> RawTlsa {
        RawTlsa { usage, selector: 1, matching: 1, data: vec![7; 32] }
    }

    #[test]
    fn records_that_prove_something_decide_and_failures_defer() {
        let both = DaneDecision::from(DaneLookup::Secure(vec![raw(0), raw(3), raw(9)]));
        let usable = TlsaRecord::new(raw(3)).unwrap();
        let cases = [
            (DaneLookup::Insecure, DaneDecision::NotUsed),
            (DaneLookup::Secure(Vec::new()), DaneDecision::NotUsed),
            (DaneLookup::Secure(vec![raw(0), raw(1), raw(4)]), DaneDecision::Encrypt),
            (DaneLookup::Failed("SERVFAIL".into()), DaneDecision::Defer("SERVFAIL".into())),
        ];
        for (lookup, expected) in cases {
            assert_eq!(DaneDecision::from(lookup), expected);
        }
        assert_eq!(both, DaneDecision::Authenticate([usable].into()));
    }

    #[test]
    fn looks_at_a_bounded_number_of_records() {
        let many = DaneDecision::from(DaneLookup::Secure(vec![raw(3); 5_000]));
        assert!(matches!(many, DaneDecision::Authenticate(records) if records.len() == MAX_RECORDS));
    }

    #[test]
    fn names_stand_where_the_rfc_says() {
        assert_eq!(query_name("mx.example.com", 25), "_25._tcp.mx.example.com");
        assert_eq!(base_domains("mx.example", None), ["mx.example"]);
        assert_eq!(base_domains("mx.example", Some("MX.example")), ["mx.example"]);
        assert_eq!(base_domains("mx.example", Some("real.example")), ["real.example", "mx.example"]);
        let domain = Domain::parse("example.com").unwrap();
        assert_eq!(reference_names("mx.example", &domain), ["mx.example", "example.com"]);
        assert_eq!(reference_names("example.com", &domain), ["example.com"]);
        assert_eq!(reference_names("mx.example", &Domain::parse("[192.0.2.1]").unwrap()), ["mx.example"]);
    }
}
