//! TLSA records and the certificates they are compared with: octets of strangers both.
//!
//! The first octet says how many records there are (its last two bits). Records and certificates follow, each
//! with its length in two octets before it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::tls::{
    DaneDecision, DaneLookup, DaneMatch, DaneMismatch, RawTlsa, TlsaRecord,
    dane::{TlsaMatching, TlsaSelector, TlsaUsage, match_chain},
};
use mailwright_fuzz::{Knobs, assert_printable};

fuzz_target!(|data: &[u8]| {
    let Some((knobs, rest)) = Knobs::take(data) else { return };
    let mut blocks = Blocks(rest);
    let raw: Vec<RawTlsa> = blocks.by_ref().take(usize::from(knobs.choice(0))).filter_map(raw).collect();
    let records: Vec<TlsaRecord> = raw.iter().cloned().filter_map(|raw| TlsaRecord::new(raw).ok()).collect();
    records.iter().for_each(|record| assert_printable(&record.to_string()));
    check_decision(&raw, &records);
    check_match(&records, &blocks.collect::<Vec<_>>());
});

/// Octets with their length before them; the last may be shorter than it says.
struct Blocks<'a>(&'a [u8]);

impl<'a> Iterator for Blocks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (block, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        self.0 = rest;
        Some(block)
    }
}

/// Reads a record as DNS carries it; it must hold the same octets.
fn raw(wire: &[u8]) -> Option<RawTlsa> {
    let raw = TlsaRecord::raw_from_wire(wire);
    match &raw {
        Some(raw) => assert_eq!([&[raw.usage, raw.selector, raw.matching], &*raw.data].concat(), wire),
        None => assert!(wire.len() < 3),
    }
    raw
}

/// Records that prove something are never taken for none.
fn check_decision(raw: &[RawTlsa], records: &[TlsaRecord]) {
    let decision = DaneDecision::from(DaneLookup::Secure(raw.to_vec()));
    match decision {
        DaneDecision::NotUsed => assert!(raw.is_empty()),
        DaneDecision::Encrypt => assert!(!raw.is_empty() && records.is_empty()),
        DaneDecision::Authenticate(usable) => assert_eq!(&*usable, records),
        DaneDecision::Defer(why) => panic!("deferred: {why}"),
    }
}

fn check_match(records: &[TlsaRecord], chain: &[&[u8]]) {
    let found = match_chain(records, chain);
    let Some((own, above)) = chain.split_first() else {
        assert_eq!(found, Err(DaneMismatch::NoCertificate));
        return;
    };
    let has = |usage| records.iter().any(|record| record.usage() == usage);
    match found {
        Ok(DaneMatch::EndEntity) => assert!(has(TlsaUsage::EndEntity)),
        Ok(DaneMatch::TrustAnchors(anchors)) => {
            assert!(has(TlsaUsage::TrustAnchor) && !anchors.is_empty());
            let published = |anchor: &Vec<u8>| records.iter().any(|record| record.data() == anchor);
            assert!(anchors.iter().all(|anchor| above.contains(&&**anchor) || published(anchor)));
        }
        Err(DaneMismatch::NoMatch { records: count, .. }) => assert_eq!(count, records.len()),
        Err(DaneMismatch::NoCertificate) => panic!("there is one"),
    }
    check_own(records, chain, own);
}

/// A record that is the server's certificate itself fits, whatever stands beside it; one octet more never does.
fn check_own(records: &[TlsaRecord], chain: &[&[u8]], own: &[u8]) {
    let whole = |data: Vec<u8>| TlsaRecord::new(RawTlsa { usage: 3, selector: 0, matching: 0, data });
    if let Ok(record) = whole(own.to_vec()) {
        assert_eq!((record.selector(), record.matching()), (TlsaSelector::Certificate, TlsaMatching::Full));
        let with = [records, &[record]].concat();
        assert_eq!(match_chain(&with, chain), Ok(DaneMatch::EndEntity));
    }
    let longer = whole([own, &[0]].concat()).expect("data of any length above zero");
    assert!(match_chain(&[longer], chain).is_err());
}
