//! Whether a server's certificates are what its TLSA records say (RFC 7671 sections 4 and 5).

use super::record::{TlsaMatching, TlsaRecord, TlsaSelector, TlsaUsage};
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rustls_pki_types::CertificateDer;
use std::borrow::Cow;
use webpki::EndEntityCert;

/// Most certificates of a chain that are looked at: the server's own and nine above it.
const MAX_CHAIN: usize = 10;

/// Which part of a server's chain its records name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaneMatch {
    /// The server's own certificate: it is authenticated.
    EndEntity,
    /// Authorities, as DER certificates; never empty. The server is authenticated once a path leads from its
    /// certificate to one of these, and it bears one of the names.
    TrustAnchors(Vec<Vec<u8>>),
}

/// Why no record fits the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DaneMismatch {
    /// The server sent no certificate.
    #[error("the server sent no certificate to compare with its TLSA records")]
    NoCertificate,
    /// None of its certificates is the one of a record.
    #[error("none of the server's {certificates} certificates fits one of its {records} TLSA records")]
    NoMatch {
        /// How many certificates were compared.
        certificates: usize,
        /// With how many records.
        records: usize,
    },
}

/// Compares a server's certificates, as DER and its own first, with its records.
///
/// A record of usage DANE-EE fits the first certificate, one of DANE-TA those after it. A DANE-TA record that
/// holds a whole certificate gives an anchor even where the server does not send it; one that holds a bare
/// key fits only a certificate that is sent. Of digests of one kind only the strongest counts (RFC 7671
/// section 9).
///
/// # Errors
/// [`DaneMismatch`] when nothing fits: the server is not authenticated.
pub fn match_chain(records: &[TlsaRecord], chain: &[impl AsRef<[u8]>]) -> Result<DaneMatch, DaneMismatch> {
    let Some((own, above)) = chain.split_first() else { return Err(DaneMismatch::NoCertificate) };
    let above = above.get(..MAX_CHAIN - 1).unwrap_or(above);
    let strongest: Vec<_> = records.iter().filter(|record| !is_outdone(record, records)).collect();
    let of = |usage| strongest.iter().filter(move |record| record.usage() == usage);

    if of(TlsaUsage::EndEntity).any(|record| fits(record, own.as_ref())) {
        return Ok(DaneMatch::EndEntity);
    }
    let sent = above.iter().map(AsRef::as_ref);
    let mut anchors: Vec<_> = sent
        .filter(|certificate| of(TlsaUsage::TrustAnchor).any(|record| fits(record, certificate)))
        .collect();
    for published in of(TlsaUsage::TrustAnchor).filter_map(|record| whole_certificate(record)) {
        if !anchors.contains(&published) {
            anchors.push(published);
        }
    }
    if anchors.is_empty() {
        return Err(DaneMismatch::NoMatch { certificates: above.len() + 1, records: records.len() });
    }
    Ok(DaneMatch::TrustAnchors(anchors.into_iter().map(<[u8]>::to_vec).collect()))
}

/// Whether a stronger digest of the same kind is published beside it. Records that hold the thing itself
/// outdo nothing.
fn is_outdone(record: &TlsaRecord, all: &[TlsaRecord]) -> bool {
    record.matching() == TlsaMatching::Sha256
        && all.iter().any(|other| {
            other.matching() == TlsaMatching::Sha512
                && (other.usage(), other.selector()) == (record.usage(), record.selector())
        })
}

fn fits(record: &TlsaRecord, certificate: &[u8]) -> bool {
    let Some(part) = select(record.selector(), certificate) else { return false };
    match record.matching() {
        TlsaMatching::Full => *part == *record.data(),
        TlsaMatching::Sha256 => digest(&SHA256, &part).as_ref() == record.data(),
        TlsaMatching::Sha512 => digest(&SHA512, &part).as_ref() == record.data(),
    }
}

/// The part of a certificate a record is about; `None` where that cannot be read.
fn select(selector: TlsaSelector, certificate: &[u8]) -> Option<Cow<'_, [u8]>> {
    match selector {
        TlsaSelector::Certificate => Some(Cow::Borrowed(certificate)),
        TlsaSelector::PublicKey => public_key(certificate).map(Cow::Owned),
    }
}

/// The SubjectPublicKeyInfo of a DER certificate (RFC 5280 section 4.1), as DER.
fn public_key(certificate: &[u8]) -> Option<Vec<u8>> {
    let der = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&der).ok()?;
    Some(certificate.subject_public_key_info().to_vec())
}

/// The certificate that a record is, if it is one.
fn whole_certificate(record: &TlsaRecord) -> Option<&[u8]> {
    let is_whole = (record.selector(), record.matching()) == (TlsaSelector::Certificate, TlsaMatching::Full);
    let is_readable = || EndEntityCert::try_from(&CertificateDer::from(record.data())).is_ok();
    (is_whole && is_readable()).then(|| record.data())
}

#[cfg(test)]
mod tests;
