//! The TLS configurations of connections out, made once and shared: sessions are resumed within each.

use super::{
    TlsError,
    verifier::{AnyCertificate, DaneVerifier},
};
use mailwright_engine::{
    shaping::TlsMinimum,
    tls::{Authentication, TlsLevel, TlsaRecord},
};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    client::{Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    version::{TLS12, TLS13},
};
use std::{
    cell::RefCell,
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Sessions kept for resumption, over all servers of one configuration; some 2 kB each.
const SESSIONS: usize = 4_096;
/// Most configurations for hosts with TLSA records that are kept; beyond them all are made anew.
const DANE_HOSTS: usize = 1_000;

/// Which authorities vouch for names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TrustRoots {
    /// Those the system trusts.
    #[default]
    System,
    /// Those in this PEM file.
    File(PathBuf),
}

impl TrustRoots {
    fn load(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                for error in found.errors {
                    tracing::warn!(%error, "some authorities of the system could not be read");
                }
                roots.add_parsable_certificates(found.certs);
            }
            Self::File(path) => roots_in(path, &mut roots)
                .map_err(|why| TlsError::Roots(format!(" in {}: {why}", path.display())))?,
        }
        Ok(roots)
    }
}

fn roots_in(path: &Path, roots: &mut RootCertStore) -> Result<(), String> {
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The configurations. Used on one thread.
pub struct ClientConfigs {
    provider: Arc<CryptoProvider>,
    /// For any certificate: of any version, and of TLS 1.3 only.
    any: [Arc<ClientConfig>; 2],
    /// For certificates of public authorities; `None` when there are none to trust.
    public: Option<[Arc<ClientConfig>; 2]>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    dane: RefCell<HashMap<(String, TlsMinimum), DaneConfig>>,
}

struct DaneConfig {
    records: Arc<[TlsaRecord]>,
    config: Arc<ClientConfig>,
}

impl ClientConfigs {
    /// Configurations that trust `roots`.
    ///
    /// # Errors
    /// When the authorities cannot be read.
    pub fn new(roots: &TrustRoots) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(roots.load()?);
        let authorities =
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build().ok();
        if authorities.is_none() {
            tracing::warn!("no authority is trusted: where TLS must be verified, mail will wait");
        }
        let any: Arc<dyn ServerCertVerifier> = Arc::new(AnyCertificate(Arc::clone(&provider)));
        let public = match &authorities {
            Some(authorities) => {
                Some(both(&provider, &(Arc::clone(authorities) as Arc<dyn ServerCertVerifier>))?)
            }
            None => None,
        };
        Ok(Self { any: both(&provider, &any)?, public, authorities, dane: RefCell::default(), provider })
    }

    /// The configuration for a level; `None` when it cannot be reached: no TLS is wanted, or there is no
    /// authority to trust.
    pub fn get(
        &self,
        level: TlsLevel,
        minimum: TlsMinimum,
        host: &str,
        records: Option<&Arc<[TlsaRecord]>>,
    ) -> Option<Arc<ClientConfig>> {
        match level {
            TlsLevel::Never => None,
            TlsLevel::Opportunistic | TlsLevel::Encrypted => of_version(&self.any, minimum),
            TlsLevel::Authenticated(Authentication::WebPki) => of_version(self.public.as_ref()?, minimum),
            TlsLevel::Authenticated(Authentication::Dane) => self.dane(host, minimum, records?),
        }
    }

    /// For HTTPS to hosts that a public authority vouches for.
    pub fn https(&self) -> Option<Arc<ClientConfig>> {
        let mut config = ClientConfig::clone(self.public.as_ref()?.first()?);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Some(Arc::new(config))
    }

    /// Why a server's certificates are not valid for `host`, if they are not.
    pub fn complaint(&self, host: &str, chain: &[CertificateDer<'_>]) -> Option<String> {
        let Some(authorities) = &self.authorities else { return Some("no authority is trusted".to_owned()) };
        let Some((leaf, between)) = chain.split_first() else { return Some("no certificate".to_owned()) };
        let Ok(name) = ServerName::try_from(host) else { return Some(format!("{host} is no name")) };
        authorities
            .verify_server_cert(leaf, between, &name, &[], UnixTime::now())
            .err()
            .map(|e| e.to_string())
    }

    fn dane(
        &self,
        host: &str,
        minimum: TlsMinimum,
        records: &Arc<[TlsaRecord]>,
    ) -> Option<Arc<ClientConfig>> {
        let key = (host.to_owned(), minimum);
        let mut known = self.dane.borrow_mut();
        if let Some(known) = known.get(&key).filter(|known| known.records == *records) {
            return Some(Arc::clone(&known.config));
        }
        let verifier = DaneVerifier { records: Arc::clone(records), provider: Arc::clone(&self.provider) };
        let config = config(&self.provider, Arc::new(verifier), versions(minimum)).ok()?;
        if known.len() >= DANE_HOSTS {
            known.clear();
        }
        known.insert(key, DaneConfig { records: Arc::clone(records), config: Arc::clone(&config) });
        Some(config)
    }
}

fn both(
    provider: &Arc<CryptoProvider>,
    verifier: &Arc<dyn ServerCertVerifier>,
) -> Result<[Arc<ClientConfig>; 2], TlsError> {
    Ok([
        config(provider, Arc::clone(verifier), versions(TlsMinimum::Tls12))?,
        config(provider, Arc::clone(verifier), versions(TlsMinimum::Tls13))?,
    ])
}

fn of_version([any, latest]: &[Arc<ClientConfig>; 2], minimum: TlsMinimum) -> Option<Arc<ClientConfig>> {
    Some(Arc::clone(match minimum {
        TlsMinimum::Tls12 => any,
        TlsMinimum::Tls13 => latest,
    }))
}

static ALL: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static LATEST: [&SupportedProtocolVersion; 1] = [&TLS13];

fn versions(minimum: TlsMinimum) -> &'static [&'static SupportedProtocolVersion] {
    match minimum {
        TlsMinimum::Tls12 => &ALL,
        TlsMinimum::Tls13 => &LATEST,
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<Arc<ClientConfig>, TlsError> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(Arc::new(config))
}
