//! One TLSA record (RFC 6698 section 2, names of RFC 7218), as far as SMTP can use it (RFC 7672 section 3.1).

use aws_lc_rs::digest::{SHA256_OUTPUT_LEN, SHA512_OUTPUT_LEN};
use data_encoding::HEXLOWER;
use std::fmt;

/// A TLSA record as DNS carries it, whatever its numbers mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTlsa {
    /// Certificate usage.
    pub usage: u8,
    /// Selector.
    pub selector: u8,
    /// Matching type.
    pub matching: u8,
    /// Certificate association data.
    pub data: Vec<u8>,
}

/// Which certificate of a chain a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsaUsage {
    /// DANE-TA(2): an authority that vouches for the server.
    TrustAnchor,
    /// DANE-EE(3): the server itself.
    EndEntity,
}

/// Which part of the certificate a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsaSelector {
    /// Cert(0): all of it.
    Certificate,
    /// SPKI(1): its public key.
    PublicKey,
}

/// How the record holds that part. The order is that of preference (RFC 7671 section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsaMatching {
    /// SHA2-256(1).
    Sha256,
    /// SHA2-512(2).
    Sha512,
    /// Full(0): as it is.
    Full,
}

/// A TLSA record that SMTP can use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsaRecord {
    usage: TlsaUsage,
    selector: TlsaSelector,
    matching: TlsaMatching,
    data: Vec<u8>,
}

/// Why a record cannot be used. That is no failure of the host: it only counts for less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlsaProblem {
    /// PKIX-TA(0) or PKIX-EE(1), which SMTP does not have (RFC 7672 section 3.1.3), or an unknown usage.
    #[error("certificate usage {0} cannot be used for SMTP; publish 3 (DANE-EE) or 2 (DANE-TA)")]
    Usage(u8),
    /// An unknown selector.
    #[error("selector {0} is unknown")]
    Selector(u8),
    /// An unknown matching type.
    #[error("matching type {0} is unknown")]
    Matching(u8),
    /// A digest of the wrong length, or nothing at all.
    #[error("the association data is {octets} octets long, which matching type {matching} does not allow")]
    Length {
        /// The matching type.
        matching: u8,
        /// How long it is.
        octets: usize,
    },
}

impl TlsaRecord {
    /// Takes a record that can be used.
    ///
    /// # Errors
    /// [`TlsaProblem`] for one that cannot.
    pub fn new(raw: RawTlsa) -> Result<Self, TlsaProblem> {
        let usage = match raw.usage {
            2 => TlsaUsage::TrustAnchor,
            3 => TlsaUsage::EndEntity,
            other => return Err(TlsaProblem::Usage(other)),
        };
        let selector = match raw.selector {
            0 => TlsaSelector::Certificate,
            1 => TlsaSelector::PublicKey,
            other => return Err(TlsaProblem::Selector(other)),
        };
        let octets = raw.data.len();
        let (matching, fits) = match raw.matching {
            0 => (TlsaMatching::Full, octets > 0),
            1 => (TlsaMatching::Sha256, octets == SHA256_OUTPUT_LEN),
            2 => (TlsaMatching::Sha512, octets == SHA512_OUTPUT_LEN),
            other => return Err(TlsaProblem::Matching(other)),
        };
        if !fits {
            return Err(TlsaProblem::Length { matching: raw.matching, octets });
        }
        Ok(Self { usage, selector, matching, data: raw.data })
    }

    /// Reads the data of a record as DNS carries it (RFC 6698 section 2.1): three octets, then the
    /// association data. `None` when it is shorter than that.
    pub fn raw_from_wire(rdata: &[u8]) -> Option<RawTlsa> {
        let (&[usage, selector, matching], data) = rdata.split_first_chunk::<3>()?;
        Some(RawTlsa { usage, selector, matching, data: data.to_vec() })
    }

    /// Which certificate it is about.
    pub fn usage(&self) -> TlsaUsage {
        self.usage
    }

    /// Which part of the certificate it is about.
    pub fn selector(&self) -> TlsaSelector {
        self.selector
    }

    /// How it holds that part.
    pub fn matching(&self) -> TlsaMatching {
        self.matching
    }

    /// The part, or its digest.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

impl fmt::Display for TlsaRecord {
    /// The presentation form (RFC 6698 section 2.2), as a TLS report repeats it: `3 1 1 0d6f…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = match self.usage {
            TlsaUsage::TrustAnchor => 2,
            TlsaUsage::EndEntity => 3,
        };
        let selector = match self.selector {
            TlsaSelector::Certificate => 0,
            TlsaSelector::PublicKey => 1,
        };
        let matching = match self.matching {
            TlsaMatching::Full => 0,
            TlsaMatching::Sha256 => 1,
            TlsaMatching::Sha512 => 2,
        };
        write!(f, "{usage} {selector} {matching} {}", HEXLOWER.encode(&self.data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn new(usage: u8, selector: u8, matching: u8, octets: usize) -> Result<TlsaRecord, TlsaProblem> {
        TlsaRecord::new(RawTlsa { usage, selector, matching, data: vec![0xab; octets] })
    }

    #[test]
    fn prints_what_dns_carries() {
        for usage in [2, 3] {
            for selector in [0, 1] {
                for (matching, octets) in [(0, 1), (0, 900), (1, 32), (2, 64)] {
                    let expected = format!("{usage} {selector} {matching} {}", "ab".repeat(octets));
                    assert_eq!(new(usage, selector, matching, octets).unwrap().to_string(), expected);
                }
            }
        }
    }

    #[test]
    fn says_why_a_record_cannot_be_used() {
        let cases = [
            (new(0, 1, 1, 32), TlsaProblem::Usage(0)),
            (new(1, 1, 1, 32), TlsaProblem::Usage(1)),
            (new(4, 1, 1, 32), TlsaProblem::Usage(4)),
            (new(255, 1, 1, 32), TlsaProblem::Usage(255)),
            (new(3, 2, 1, 32), TlsaProblem::Selector(2)),
            (new(3, 1, 3, 32), TlsaProblem::Matching(3)),
            (new(3, 1, 0, 0), TlsaProblem::Length { matching: 0, octets: 0 }),
            (new(3, 1, 1, 31), TlsaProblem::Length { matching: 1, octets: 31 }),
            (new(3, 1, 1, 64), TlsaProblem::Length { matching: 1, octets: 64 }),
            (new(3, 1, 2, 32), TlsaProblem::Length { matching: 2, octets: 32 }),
        ];
        for (record, problem) in cases {
            assert_eq!(record, Err(problem));
        }
    }

    proptest! {
        #[test]
        fn reads_the_wire_form_back(rdata in proptest::collection::vec(any::<u8>(), 0..80)) {
            match TlsaRecord::raw_from_wire(&rdata) {
                Some(raw) => {
                    let wire = [&[raw.usage, raw.selector, raw.matching], raw.data.as_slice()].concat();
                    prop_assert_eq!(wire, rdata);
                    let _ = TlsaRecord::new(raw);
                }
                None => prop_assert!(rdata.len() < 3),
            }
        }
    }
}
