use super::*;
use crate::tls::dane::RawTlsa;
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData};

/// A certificate and its key, both as DER and as whoever made them knows them.
struct Known {
    certificate: Vec<u8>,
    public_key: Vec<u8>,
}

/// A server's certificate and that of the authority above it.
fn chain() -> [Known; 2] {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server =
        CertificateParams::new(["mx.example".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    [
        Known { certificate: server.der().to_vec(), public_key: key.subject_public_key_info() },
        Known {
            certificate: authority.der().to_vec(),
            public_key: authority.key().subject_public_key_info(),
        },
    ]
}

/// The record that `usage selector matching` would publish about `known`.
fn record(usage: u8, selector: u8, matching: u8, known: &Known) -> TlsaRecord {
    let part = if selector == 0 { &known.certificate } else { &known.public_key };
    let data = match matching {
        0 => part.clone(),
        1 => digest(&SHA256, part).as_ref().to_vec(),
        _ => digest(&SHA512, part).as_ref().to_vec(),
    };
    TlsaRecord::new(RawTlsa { usage, selector, matching, data }).unwrap()
}

fn sent(chain: &[Known]) -> Vec<&[u8]> {
    chain.iter().map(|known| known.certificate.as_slice()).collect()
}

fn is_mismatch(result: &Result<DaneMatch, DaneMismatch>) -> bool {
    matches!(result, Err(DaneMismatch::NoMatch { .. }))
}

#[test]
fn each_kind_of_record_fits_its_own_certificate_and_no_other() {
    let (chain, other) = (chain(), chain());
    let anchor = || Ok(DaneMatch::TrustAnchors(vec![chain[1].certificate.clone()]));
    for selector in [0, 1] {
        for matching in [0, 1, 2] {
            let kind = format!("{selector} {matching}");
            let judge = |usage, known: &Known| {
                match_chain(&[record(usage, selector, matching, known)], &sent(&chain))
            };
            assert_eq!(judge(3, &chain[0]), Ok(DaneMatch::EndEntity), "3 {kind}");
            assert_eq!(judge(2, &chain[1]), anchor(), "2 {kind}");
            assert!(is_mismatch(&judge(3, &chain[1])), "3 {kind} of the authority");
            assert!(is_mismatch(&judge(3, &other[0])), "3 {kind} of another server");
            if (selector, matching) != (0, 0) {
                assert!(is_mismatch(&judge(2, &chain[0])), "2 {kind} of the server");
                assert!(is_mismatch(&judge(2, &other[1])), "2 {kind} of another authority");
            }
        }
    }
}

#[test]
fn a_published_authority_need_not_be_sent() {
    let chain = chain();
    let published = record(2, 0, 0, &chain[1]);
    let anchors = Ok(DaneMatch::TrustAnchors(vec![chain[1].certificate.clone()]));
    assert_eq!(match_chain(std::slice::from_ref(&published), &sent(&chain[..1])), anchors);
    assert_eq!(match_chain(&[published], &sent(&chain)), anchors);
    assert!(is_mismatch(&match_chain(&[record(2, 1, 0, &chain[1])], &sent(&chain[..1]))));
    let junk = TlsaRecord::new(RawTlsa { usage: 2, selector: 0, matching: 0, data: vec![1] }).unwrap();
    assert!(is_mismatch(&match_chain(&[junk], &sent(&chain))));
}

#[test]
fn one_record_that_fits_is_enough_and_the_server_itself_counts_first() {
    let (chain, other) = (chain(), chain());
    let records = [record(3, 1, 1, &other[0]), record(2, 1, 1, &chain[1]), record(3, 0, 1, &chain[0])];
    assert_eq!(match_chain(&records, &sent(&chain)), Ok(DaneMatch::EndEntity));
    assert!(matches!(match_chain(&records[..2], &sent(&chain)), Ok(DaneMatch::TrustAnchors(_))));
}

#[test]
fn only_the_strongest_digest_of_a_kind_counts() {
    let (chain, other) = (chain(), chain());
    let weak = record(3, 1, 1, &chain[0]);
    let judge = |stronger| match_chain(&[weak.clone(), stronger], &sent(&chain));
    assert!(is_mismatch(&judge(record(3, 1, 2, &other[0]))));
    // Of another selector, of another usage, or no digest: another kind.
    for beside in [record(3, 0, 2, &other[0]), record(2, 1, 2, &other[0]), record(3, 1, 0, &other[0])] {
        assert_eq!(judge(beside), Ok(DaneMatch::EndEntity));
    }
}

#[test]
fn without_a_certificate_nothing_fits() {
    let record = record(3, 1, 1, &chain()[0]);
    assert_eq!(match_chain(&[record], &[] as &[&[u8]]), Err(DaneMismatch::NoCertificate));
}

#[test]
fn looks_at_a_bounded_number_of_certificates() {
    let [server, authority] = chain();
    let chain_of = |fill: usize| {
        let mut chain = vec![server.certificate.as_slice(); fill];
        chain.push(&authority.certificate);
        chain
    };
    let records = [record(2, 1, 1, &authority)];
    assert!(match_chain(&records, &chain_of(MAX_CHAIN - 1)).is_ok());
    assert!(is_mismatch(&match_chain(&records, &chain_of(MAX_CHAIN))));
}

proptest! {
    #[test]
    fn damaged_certificates_never_panic(
        at in any::<prop::sample::Index>(), octet in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let [server, authority] = chain();
        let record = record(3, 1, 1, &server);
        let mut damaged = server.certificate.clone();
        let at = at.index(damaged.len());
        damaged[at] = octet;
        let _ = match_chain(std::slice::from_ref(&record), &[&damaged, &authority.certificate]);
        damaged.truncate(cut.index(damaged.len()));
        prop_assert!(match_chain(&[record], &[&damaged]).is_err());
    }

    #[test]
    fn junk_for_a_certificate_never_fits_a_key(junk in proptest::collection::vec(any::<u8>(), 0..300)) {
        let key = TlsaRecord::new(RawTlsa { usage: 3, selector: 1, matching: 1, data: vec![0; 32] }).unwrap();
        prop_assert!(match_chain(&[key], &[junk]).is_err());
    }
}
