//! Certificates that this server got for itself from an authority (ACME, RFC 8555), by the name that each is for.

use super::is_for;
use crate::tls::TlsError;
use mailwright_engine::time::UnixMillis;
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, time::ASN1Time};

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The beginning.
    pub begin: UnixMillis,
    /// The end.
    pub end: UnixMillis,
}

impl Validity {
    /// That of the first certificate of a chain; `None` if it does not read.
    pub(super) fn of(certified: &CertifiedKey) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certified.cert.first()?).ok()?;
        let at = |time: ASN1Time| {
            UnixMillis::new(u64::try_from(time.timestamp()).unwrap_or(0).saturating_mul(1000))
        };
        let validity = certificate.validity();
        Some(Self { begin: at(validity.not_before), end: at(validity.not_after) })
    }
}

/// Why something is no certificate for a name.
#[derive(Debug, thiserror::Error)]
pub enum IssuedError {
    /// It lacks what it must have.
    #[error("it holds no {what} in PEM: {source}")]
    Pem {
        /// What was looked for.
        what: &'static str,
        /// What was found.
        source: pem::Error,
    },
    /// Certificate and key are no pair, or of a kind that is not supported.
    #[error("it cannot be used with its key: {0}")]
    Unusable(#[from] rustls::Error),
    /// It is for somebody else, or does not say for how long.
    #[error("it is not a certificate for {0}")]
    Name(String),
}

/// A certificate with its key, good for the name that it was got for.
#[derive(Debug, Clone)]
pub struct IssuedCertificate {
    served: Arc<CertifiedKey>,
    validity: Validity,
}

impl IssuedCertificate {
    /// Reads a certificate for `name`: its private key, itself, and those that lead to a root.
    ///
    /// # Errors
    /// When it is not that.
    pub fn read(name: &str, pem: &[u8]) -> Result<Self, IssuedError> {
        let wrong = |what| move |source| IssuedError::Pem { what, source };
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(wrong("private key"))?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .and_then(
                |chain: Vec<_>| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) },
            )
            .map_err(wrong("certificate"))?;
        let served = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?;
        let fits = ServerName::try_from(name).is_ok_and(|name| is_for(&served, &name));
        let validity = Validity::of(&served).filter(|_| fits);
        let validity = validity.ok_or_else(|| IssuedError::Name(name.to_owned()))?;
        Ok(Self { served: Arc::new(served), validity })
    }

    /// How long it is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }
}

/// The certificates that we have, shared by those who get them and those who show them.
#[derive(Debug, Default)]
pub struct IssuedCertificates {
    /// The first of the mail hosts that certificates are got for.
    first_host: Option<String>,
    /// What is shown before that one has its certificate: few servers that send mail look at more than that there is
    /// one, and none of them would like to find STARTTLS offered and broken.
    own: Option<Arc<CertifiedKey>>,
    by_name: RwLock<HashMap<String, IssuedCertificate>>,
}

impl IssuedCertificates {
    /// None, now and later.
    pub fn none() -> Arc<Self> {
        Arc::default()
    }

    /// None yet, and some for these mail hosts later. Until there is one for the first of them, one of our own making
    /// stands in for it.
    ///
    /// # Errors
    /// When that one cannot be made.
    pub fn for_hosts(hosts: &[String]) -> Result<Arc<Self>, TlsError> {
        let Some(host) = hosts.first() else { return Ok(Self::none()) };
        let made = rcgen::generate_simple_self_signed([host.clone()])?;
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let own = CertifiedKey::from_der(vec![made.cert.into()], key, &aws_lc_rs::default_provider())?;
        let (first_host, own) = (Some(host.clone()), Some(Arc::new(own)));
        Ok(Arc::new(Self { first_host, own, by_name: RwLock::default() }))
    }

    /// Whether listeners can show something, whatever name they are asked for.
    pub fn are_for_hosts(&self) -> bool {
        self.first_host.is_some()
    }

    /// Shows `certificate` from now on to those who ask for `name`, in lower case.
    pub fn put(&self, name: &str, certificate: IssuedCertificate) {
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        by_name.insert(name.to_owned(), certificate);
    }

    /// How long the certificate for `name` is valid, if there is one.
    pub fn validity(&self, name: &str) -> Option<Validity> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name.get(name).map(IssuedCertificate::validity)
    }

    /// The certificate for `name`.
    pub(super) fn served(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name.get(&name.to_ascii_lowercase()).map(|issued| Arc::clone(&issued.served))
    }

    /// What clients are shown that ask for nothing we have.
    pub(super) fn for_anyone(&self) -> Option<Arc<CertifiedKey>> {
        self.first_host.as_ref().and_then(|host| self.served(host)).or_else(|| self.own.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        (made.signing_key.serialize_pem(), made.cert.pem())
    }

    #[test]
    fn a_certificate_is_read_for_its_own_name_only() {
        let (key, certificate) = made("mta-sts.example.com");
        let pem = format!("{key}{certificate}");
        let read = IssuedCertificate::read("mta-sts.example.com", pem.as_bytes()).unwrap();
        assert!(read.validity().begin < read.validity().end);
        let other = IssuedCertificate::read("mta-sts.example.net", pem.as_bytes());
        assert!(matches!(other, Err(IssuedError::Name(name)) if name == "mta-sts.example.net"));
    }

    #[test]
    fn halves_and_wrong_pairs_are_refused() {
        let (key, certificate) = made("mx.example.com");
        let (stranger, _) = made("mx.example.com");
        let read = |pem: &str| IssuedCertificate::read("mx.example.com", pem.as_bytes());
        for half in [&key, &certificate, "", "-----BEGIN CERTIFICATE-----"] {
            assert!(matches!(read(half), Err(IssuedError::Pem { .. })), "{half}");
        }
        assert!(matches!(read(&format!("{stranger}{certificate}")), Err(IssuedError::Unusable(_))));
    }

    #[test]
    fn without_mail_hosts_nobody_is_shown_anything_but_what_he_asks_for() {
        let (key, certificate) = made("mta-sts.example.com");
        let issued = IssuedCertificates::none();
        assert!(issued.for_anyone().is_none());
        let read = IssuedCertificate::read("mta-sts.example.com", format!("{key}{certificate}").as_bytes());
        issued.put("mta-sts.example.com", read.unwrap());
        assert!(issued.served("MTA-STS.example.com").is_some());
        assert!(issued.for_anyone().is_none());
    }
}
