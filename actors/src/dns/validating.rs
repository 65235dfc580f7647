//! What DNSSEC proves (RFC 4035): whose the MX records of a domain are, and which TLSA records a host has.
//!
//! A failed proof is never taken for "there is none": whoever can forge an answer could otherwise switch DANE off
//! (RFC 7672 section 2.1.1). There is one exception, so that a resolver that drops signatures does not hold up all
//! mail: until the first proof of this process has held, a name is taken for unsigned if not even the trust anchors
//! themselves can be proved.

use super::{
    MxProof, Timed, TlsaAnswer,
    hickory::{FAILURE_TTL, NEGATIVE_TTL, is_negative, negative_ttl},
};
use futures_util::future::join;
use hickory_resolver::{
    TokioResolver,
    lookup::Lookup,
    net::{DnsError, NetError},
    proto::{
        dnssec::TrustAnchors,
        rr::{RData, Record, RecordType},
    },
};
use mailwright_engine::{
    address::Domain,
    tls::{
        DaneLookup, MxTrust, RawTlsa,
        dane::{base_domains, query_name},
    },
};
use std::{cell::Cell, path::PathBuf};

/// Whose word is taken for DNSSEC.
#[derive(Debug, Clone, Default)]
pub enum Anchors {
    /// Nobody's: DANE is not used.
    #[default]
    None,
    /// The root's published keys.
    Root,
    /// The keys in this file of DNSKEY records. Names beneath none of them count as unsigned.
    File(PathBuf),
}

impl Anchors {
    /// The keys, and the names that they are the keys of.
    pub(super) fn load(&self) -> Result<Option<(TrustAnchors, Scope)>, String> {
        let path = match self {
            Self::None => return Ok(None),
            Self::Root => return Ok(Some((TrustAnchors::default(), Scope(vec![String::new()])))),
            Self::File(path) => path,
        };
        let failed = |why: String| format!("DNSSEC trust anchors {}: {why}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let anchors = TrustAnchors::from_file(path).map_err(|error| failed(error.to_string()))?;
        Ok(Some((anchors, Scope::of(&text))))
    }
}

/// The names of the trust anchors, in lower case and without the final dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope(Vec<String>);

impl Scope {
    /// The owners of the records in a file.
    fn of(text: &str) -> Self {
        let owners = text.lines().filter(|line| !line.starts_with([' ', '\t', ';']));
        let owners = owners.filter_map(|line| line.split_whitespace().next());
        Self(owners.map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect())
    }

    /// Whether a chain of signatures could lead from an anchor to `name`. Where none could, a proof is neither
    /// possible nor missing (RFC 4035 section 4.3, "indeterminate").
    fn covers(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().any(|anchor| {
            let rest = name.strip_suffix(anchor.as_str());
            anchor.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

/// Whether proofs can be had at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// Nothing was proved yet, and nobody has looked why.
    Untried,
    /// Something was proved: from now on a missing proof is a fault.
    Open,
    /// Not even the anchors: what we ask drops signatures.
    Closed,
}

/// A resolver that checks signatures.
pub(super) struct Validating {
    resolver: TokioResolver,
    scope: Scope,
    path: Cell<Path>,
}

impl Validating {
    pub(super) fn new(resolver: TokioResolver, scope: Scope) -> Self {
        Self { resolver, scope, path: Cell::new(Path::Untried) }
    }

    /// Whether the MX records of `domain` are its own. A domain that has none is its own only host, which its
    /// addresses have to prove.
    pub(super) async fn mx_proof(&self, domain: &Domain) -> Timed<MxProof> {
        if !self.scope.covers(domain.as_str()) {
            return Timed::lasting(Ok(MxTrust::Insecure), NEGATIVE_TTL);
        }
        match self.lookup(domain.as_str(), RecordType::MX).await {
            Ok(lookup) => {
                let trust = if is_secure(&lookup) { MxTrust::Secure } else { MxTrust::Insecure };
                Timed { answer: Ok(trust), valid_until: lookup.valid_until() }
            }
            Err(error) if is_negative(&error) => Timed::lasting(Ok(MxTrust::Insecure), negative_ttl(&error)),
            Err(error) => match self.excuse(&error).await {
                Some(ttl) => Timed::lasting(Ok(MxTrust::Insecure), ttl),
                None => Timed::lasting(Err(error.to_string()), FAILURE_TTL),
            },
        }
    }

    /// The TLSA records of `host` for SMTP at `port`.
    pub(super) async fn tlsa(&self, host: &str, port: u16) -> Timed<TlsaAnswer> {
        let answer = |lookup, ttl| Timed::lasting(TlsaAnswer::of(host, lookup), ttl);
        if !self.scope.covers(host) {
            return answer(DaneLookup::Insecure, NEGATIVE_TTL);
        }
        let bases = match self.bases(host).await {
            Ok(bases) => bases,
            Err(error) => {
                return match self.excuse(&error).await {
                    Some(ttl) => answer(DaneLookup::Insecure, ttl),
                    None => answer(DaneLookup::Failed(format!("its addresses: {error}")), FAILURE_TTL),
                };
            }
        };
        for base in bases {
            match self.lookup(&query_name(&base, port), RecordType::TLSA).await {
                Ok(lookup) if is_secure(&lookup) => {
                    let records = DaneLookup::Secure(tlsa_records(&lookup));
                    return Timed {
                        answer: TlsaAnswer { base, lookup: records },
                        valid_until: lookup.valid_until(),
                    };
                }
                Ok(_) => {}
                Err(error) if is_negative(&error) => {}
                Err(error) => return answer(DaneLookup::Failed(error.to_string()), FAILURE_TTL),
            }
        }
        answer(DaneLookup::Insecure, NEGATIVE_TTL)
    }

    /// Where to look for the TLSA records of `host`: nowhere, unless its addresses or its alias are signed.
    /// Servers that choke on TLSA are mostly in unsigned zones (RFC 7672 section 2.2.2).
    async fn bases(&self, host: &str) -> Result<Vec<String>, NetError> {
        let (six, four) = join(self.lookup(host, RecordType::AAAA), self.lookup(host, RecordType::A)).await;
        let mut failure = None;
        for family in [four, six] {
            match family {
                Ok(lookup) => {
                    let bases = secure_names(host, lookup.answers());
                    if !bases.is_empty() {
                        return Ok(bases);
                    }
                }
                Err(error) if is_negative(&error) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(Vec::new()), Err)
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Lookup, NetError> {
        // The final dot keeps the resolver from trying local search domains.
        let found = self.resolver.lookup(format!("{name}."), kind).await;
        if found.as_ref().is_ok_and(is_secure) {
            self.path.set(Path::Open);
        }
        found
    }

    /// How long a name may be taken for unsigned although proving it failed with `error`; `None`: it may not.
    async fn excuse(&self, error: &NetError) -> Option<std::time::Duration> {
        if !matches!(error, NetError::Dns(DnsError::DnssecBogus | DnsError::Nsec { .. })) {
            return None;
        }
        if self.path.get() != Path::Open && !self.anchors_hold().await {
            if self.path.replace(Path::Closed) == Path::Untried {
                tracing::warn!(
                    "the resolver passes on no DNSSEC signatures: DANE is not used until it does; set [dns] servers \
                     to a resolver that does, or delivery.tls.dnssec = \"off\""
                );
            }
            return Some(NEGATIVE_TTL);
        }
        None
    }

    /// Whether the keys of an anchor can be proved. Remembered by [`Self::lookup`].
    async fn anchors_hold(&self) -> bool {
        for anchor in &self.scope.0 {
            if self.lookup(anchor, RecordType::DNSKEY).await.is_ok_and(|found| is_secure(&found)) {
                return true;
            }
        }
        false
    }
}

/// Whether every record of the answer was proved.
fn is_secure(lookup: &Lookup) -> bool {
    all_secure(lookup.answers())
}

fn all_secure(answers: &[Record]) -> bool {
    let mut records = answers.iter().filter(|record| record.record_type() != RecordType::RRSIG).peekable();
    records.peek().is_some() && records.all(|record| record.proof.is_secure())
}

/// The TLSA base domains of `host`, best first, from what its address look-up gave (RFC 7672 section 2.2.2): the
/// name that has the addresses if every alias on the way is signed, and the host's own if its alias is.
fn secure_names(host: &str, answers: &[Record]) -> Vec<String> {
    let name = |record: &Record| record.name.to_ascii().trim_end_matches('.').to_ascii_lowercase();
    if all_secure(answers) {
        let expanded = answers.iter().find(|record| record.data.ip_addr().is_some()).map(name);
        return base_domains(host, expanded.as_deref()).into_iter().map(str::to_owned).collect();
    }
    let is_signed_alias = |record: &Record| {
        record.record_type() == RecordType::CNAME
            && record.proof.is_secure()
            && name(record).eq_ignore_ascii_case(host)
    };
    if answers.iter().any(is_signed_alias) { vec![host.to_owned()] } else { Vec::new() }
}

fn tlsa_records(lookup: &Lookup) -> Vec<RawTlsa> {
    let records = lookup.answers().iter().filter_map(|record| match &record.data {
        RData::TLSA(tlsa) => Some(RawTlsa {
            usage: u8::from(tlsa.cert_usage),
            selector: u8::from(tlsa.selector),
            matching: u8::from(tlsa.matching),
            data: tlsa.cert_data.clone(),
        }),
        _ => None,
    });
    records.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::{
        dnssec::Proof,
        rr::{
            Name,
            rdata::{A, CNAME},
        },
    };

    #[test]
    fn an_anchor_covers_its_name_and_what_is_beneath() {
        let scope = Scope::of("; keys\nExample.\t3600 IN DNSKEY 257 3 13 x\nb.test. IN DNSKEY 257 3 13 x\n");
        for (name, expected) in [
            ("example", true),
            ("mx.EXAMPLE.", true),
            ("myexample", false),
            ("b.test", true),
            ("a.b.test", true),
            ("test", false),
        ] {
            assert_eq!(scope.covers(name), expected, "{name}");
        }
        assert!(Scope(vec![String::new()]).covers("anything.at.all"));
    }

    fn record(name: &str, data: RData, proof: Proof) -> Record {
        let mut record = Record::from_rdata(Name::from_ascii(name).unwrap(), 60, data);
        record.proof = proof;
        record
    }

    #[test]
    fn an_alias_is_followed_as_far_as_it_is_signed() {
        let address = |name, proof| record(name, RData::A(A::new(192, 0, 2, 1)), proof);
        let alias =
            |proof| record("mx.test.", RData::CNAME(CNAME(Name::from_ascii("real.test.").unwrap())), proof);
        let (secure, insecure) = (Proof::Secure, Proof::Insecure);
        let cases: [(Vec<Record>, &[&str]); 6] = [
            (vec![address("mx.test.", secure)], &["mx.test"]),
            (vec![address("mx.test.", insecure)], &[]),
            (vec![alias(secure), address("Real.test.", secure)], &["real.test", "mx.test"]),
            (vec![alias(secure), address("real.test.", insecure)], &["mx.test"]),
            (vec![alias(insecure), address("real.test.", secure)], &[]),
            (Vec::new(), &[]),
        ];
        for (answers, expected) in cases {
            assert_eq!(secure_names("mx.test", &answers), expected, "{answers:?}");
        }
    }
}
