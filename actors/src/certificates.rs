//! The certificates that our listeners show: from PEM files, chosen by the name that the client asks for, and read
//! again when the files change.
//!
//! A file that cannot be used never takes a listener down: what was read last stays, and the log says why. A key
//! and its certificate are replaced one after the other, so for a moment they do not match; the next look finds
//! them whole.
//!
//! Beside them stand those that this server got for itself ([`IssuedCertificates`]). Where a file and one of these are
//! good for a name, the file is shown: somebody wanted it.

mod issued;

pub use issued::{IssuedCertificate, IssuedCertificates, IssuedError, Validity};

use crate::{clock, metrics as names, tls::TlsError};
use mailwright_engine::time::UnixMillis;
use rustls::{
    ServerConfig,
    client::verify_server_name,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName,
        pem::{self, PemObject},
    },
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How often the files are looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long before its end operators are told that a certificate must be renewed: those who do it by machine renew
/// long before.
const WARN_BEFORE: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often they are told.
const WARN_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Where a certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the certificate, then those that lead to a root.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file holds no such thing in PEM.
    #[error("{} holds no {what} in PEM: {source}", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// What was found.
        source: pem::Error,
    },
    /// Certificate and key are no pair, or of a kind that is not supported.
    #[error("{} cannot be used with its key: {source}", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

/// What tells one version of a file from the next without reading it: when it, or who may read it, last changed
/// (seconds and nanoseconds), its length and its inode. `None` for one that is not there.
type Stamp = Option<(i64, i64, u64, u64)>;

/// What was seen of the certificate's and the key's file.
#[derive(Debug)]
struct Seen {
    /// When they were read into what is served.
    served: [Stamp; 2],
    /// When they were last found to be of no use, so that the log says it once.
    refused: Option<[Stamp; 2]>,
    /// When what is served stops being valid, if it says so.
    end: Option<UnixMillis>,
    /// When the log last said that.
    warned: Option<Instant>,
}

/// One certificate with its files.
#[derive(Debug)]
struct Entry {
    files: CertificateFiles,
    served: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Seen>,
}

impl Entry {
    fn load(files: CertificateFiles, provider: &CryptoProvider) -> Result<Self, CertificateError> {
        // The stamps first: what changes while it is read is read again.
        let stamps = stamps(&files);
        let served = read(&files, provider)?;
        let seen = Mutex::new(Seen { served: stamps, refused: None, end: end_of(&served), warned: None });
        Ok(Self { files, served: RwLock::new(Arc::new(served)), seen })
    }

    fn served(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.served.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn end(&self) -> Option<UnixMillis> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).end
    }

    /// Reads the files again if they are not those that are served.
    fn refresh(&self, provider: &CryptoProvider) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamps(&self.files);
        self.warn_of_its_end(&mut seen);
        if seen.served == now {
            return;
        }
        let certificate = self.files.certificate.display();
        match read(&self.files, provider) {
            Ok(fresh) => {
                *seen = Seen { served: now, refused: None, end: end_of(&fresh), warned: None };
                *self.served.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                tracing::info!(%certificate, "certificate replaced");
            }
            Err(error) if seen.refused != Some(now) => {
                seen.refused = Some(now);
                tracing::warn!(%certificate, %error, "the old certificate stays in use");
            }
            Err(_) => {}
        }
    }

    /// Tells operators, once a day, of a certificate that has expired or soon will: clients go on being shown it.
    fn warn_of_its_end(&self, seen: &mut Seen) {
        let now = clock::wall();
        let Some(end) = seen.end.filter(|end| end.since(now) < WARN_BEFORE) else { return };
        if seen.warned.is_some_and(|warned| warned.elapsed() < WARN_EVERY) {
            return;
        }
        seen.warned = Some(Instant::now());
        let certificate = self.files.certificate.display();
        if end <= now {
            tracing::warn!(%certificate, %end, "the certificate has expired; clients will refuse it until it is renewed");
        } else {
            tracing::warn!(%certificate, %end, "the certificate expires soon");
        }
    }
}

/// When a certificate stops being valid.
fn end_of(served: &CertifiedKey) -> Option<UnixMillis> {
    Validity::of(served).map(|validity| validity.end)
}

/// The certificates in use. Clients that ask for no name of ours, or for none, are shown the first file, without files
/// what [`IssuedCertificates`] have for them.
#[derive(Debug)]
pub struct Certificates {
    section: &'static str,
    entries: Vec<Entry>,
    issued: Arc<IssuedCertificates>,
    provider: Arc<CryptoProvider>,
}

impl Certificates {
    /// Reads all of `files`, which `section` of the configuration names, to be shown besides those of `issued`.
    ///
    /// # Errors
    /// When one cannot be used: at the start that is better found out than passed over.
    pub fn load(
        section: &'static str,
        files: Vec<CertificateFiles>,
        issued: Arc<IssuedCertificates>,
    ) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let entries =
            files.into_iter().map(|files| Entry::load(files, &provider)).collect::<Result<_, _>>()?;
        let certificates = Self { section, entries, issued, provider };
        certificates.tell_end();
        Ok(Arc::new(certificates))
    }

    /// Whether a file holds a certificate that is good for `name`, today.
    pub fn have_file_for(&self, name: &str) -> bool {
        let valid = |entry: &&Entry| entry.end().is_none_or(|end| end > clock::wall());
        let name = ServerName::try_from(name).ok();
        name.is_some_and(|name| self.entries.iter().filter(valid).any(|entry| is_for(&entry.served(), &name)))
    }

    /// A server that shows them.
    ///
    /// # Errors
    /// When the provider lacks a protocol version; not with the one built in.
    pub fn server(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        Ok(Arc::new(config))
    }

    /// Looks at the files once and reads those that have changed. Blocks on the disk.
    pub fn refresh(&self) {
        self.entries.iter().for_each(|entry| entry.refresh(&self.provider));
        self.tell_end();
    }

    fn tell_end(&self) {
        if let Some(end) = self.entries.iter().filter_map(Entry::end).min() {
            ::metrics::gauge!(names::CERTIFICATE_END, "section" => self.section).set(end.as_secs() as f64);
        }
    }

    /// Looks at the files every [`LOOK_EVERY`] until `stopping` turns true.
    pub async fn watch(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let certificates = Arc::clone(&self);
            // It fails only when the runtime ends, and the task with it.
            let _ = tokio::task::spawn_blocking(move || certificates.refresh()).await;
        }
    }

    /// The first certificate that is good for `name`, else the first of all.
    fn choose(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let all = || self.entries.iter().map(Entry::served);
        let server_name = name.and_then(|name| ServerName::try_from(name).ok());
        let fitting = server_name.and_then(|name| all().find(|served| is_for(served, &name)));
        let fitting = fitting.or_else(|| self.issued.served(name?));
        fitting.or_else(|| all().next()).or_else(|| self.issued.for_anyone())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name())
    }
}

fn is_for(served: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let parsed = served.end_entity_cert().and_then(ParsedCertificate::try_from);
    parsed.is_ok_and(|certificate| verify_server_name(&certificate, name).is_ok())
}

fn stamps(files: &CertificateFiles) -> [Stamp; 2] {
    [stamp(&files.certificate), stamp(&files.key)]
}

fn stamp(path: &Path) -> Stamp {
    let data = fs::metadata(path).ok()?;
    Some((data.ctime(), data.ctime_nsec(), data.len(), data.ino()))
}

fn read(files: &CertificateFiles, provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
    let chain = read_file(&files.certificate)?;
    let wrong = |path: &Path, what| {
        let path = path.to_path_buf();
        move |source| CertificateError::Pem { path, what, source }
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<_, _>>()
        .and_then(|chain: Vec<_>| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(wrong(&files.certificate, "certificate"))?;
    let key =
        PrivateKeyDer::from_pem_slice(&read_file(&files.key)?).map_err(wrong(&files.key, "private key"))?;
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|source| CertificateError::Unusable { path: files.certificate.clone(), source })
}

fn read_file(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|source| CertificateError::Unreadable { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// Writes a certificate for `names` into `dir`; its DER form is returned beside its files.
    fn make(dir: &TempDir, file: &str, names: &[&str]) -> (CertificateFiles, Vec<u8>) {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let path = |kind: &str| dir.path().join(format!("{file}.{kind}"));
        let files = CertificateFiles { certificate: path("pem"), key: path("key") };
        fs::write(&files.certificate, made.cert.pem()).unwrap();
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        (files, made.cert.der().to_vec())
    }

    fn load(files: Vec<CertificateFiles>) -> Result<Arc<Certificates>, CertificateError> {
        Certificates::load("submission", files, IssuedCertificates::none())
    }

    fn shown(certificates: &Certificates, name: Option<&str>) -> Vec<u8> {
        certificates.choose(name).unwrap().cert[0].to_vec()
    }

    #[test]
    fn the_name_asked_for_chooses_the_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let (one, first) = make(&dir, "one", &["mail.example.com"]);
        let (two, second) = make(&dir, "two", &["smtp.example.net", "*.example.org"]);
        let certificates = load(vec![one, two]).unwrap();
        for name in ["smtp.example.net", "SMTP.example.net", "a.example.org"] {
            assert_eq!(shown(&certificates, Some(name)), second, "{name}");
        }
        for name in [Some("mail.example.com"), Some("a.b.example.org"), Some("-"), None] {
            assert_eq!(shown(&certificates, name), first, "{name:?}");
        }
    }

    #[test]
    fn a_replaced_certificate_is_shown_at_the_next_look() {
        let dir = tempfile::tempdir().unwrap();
        let (files, first) = make(&dir, "one", &["mail.example.com"]);
        let certificates = load(vec![files]).unwrap();
        let (_, second) = make(&dir, "one", &["mail.example.com", "more.example.com"]);
        assert_eq!(shown(&certificates, None), first);
        certificates.refresh();
        assert_eq!(shown(&certificates, None), second);
    }

    #[test]
    fn what_cannot_be_used_leaves_the_old_one_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let (files, first) = make(&dir, "one", &["mail.example.com"]);
        let certificates = load(vec![files.clone()]).unwrap();
        let key = fs::read(&files.key).unwrap();
        let (other, second) = make(&dir, "other", &["mail.example.com", "longer.example.com"]);
        // Half way: the certificate is new, the key still the old one.
        fs::copy(&other.certificate, &files.certificate).unwrap();
        certificates.refresh();
        assert_eq!(shown(&certificates, None), first);
        for broken in [&b"-----BEGIN"[..], b"", &key[..key.len() / 2]] {
            fs::write(&files.key, broken).unwrap();
            certificates.refresh();
            assert_eq!(shown(&certificates, None), first);
        }
        fs::remove_file(&files.key).unwrap();
        certificates.refresh();
        fs::rename(&other.key, &files.key).unwrap();
        certificates.refresh();
        assert_eq!(shown(&certificates, None), second);
    }

    #[test]
    fn what_was_issued_is_shown_for_its_name_where_no_file_is() {
        let dir = tempfile::tempdir().unwrap();
        let (files, first) = make(&dir, "one", &["mail.example.com"]);
        let issued = IssuedCertificates::for_hosts(&["mx.example.com".to_owned()]).unwrap();
        let without = Certificates::load("submission", Vec::new(), Arc::clone(&issued)).unwrap();
        let own = shown(&without, None);
        assert_eq!(shown(&without, Some("mail.example.com")), own);
        let put = |name: &str| {
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            let pem = format!("{}{}", made.signing_key.serialize_pem(), made.cert.pem());
            issued.put(name, IssuedCertificate::read(name, pem.as_bytes()).unwrap());
            made.cert.der().to_vec()
        };
        let (host, same) = (put("mx.example.com"), put("mail.example.com"));
        assert_eq!(shown(&without, None), host);
        assert_eq!(shown(&without, Some("MX.example.com")), host);
        assert_eq!(shown(&without, Some("mail.example.com")), same);
        let with = Certificates::load("submission", vec![files], Arc::clone(&issued)).unwrap();
        assert_eq!(shown(&with, Some("mail.example.com")), first);
        assert_eq!(shown(&with, Some("mx.example.com")), host);
        assert_eq!(shown(&with, None), first);
        assert!(with.have_file_for("mail.example.com") && !with.have_file_for("mx.example.com"));
    }

    #[test]
    fn says_which_file_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let (files, _) = make(&dir, "one", &["mail.example.com"]);
        let (other, _) = make(&dir, "other", &["mail.example.com"]);
        let error = |certificate: &Path, key: &Path| {
            let files = CertificateFiles { certificate: certificate.into(), key: key.into() };
            load(vec![files]).unwrap_err().to_string()
        };
        let cases = [
            (error(&dir.path().join("none"), &files.key), "none: No such file"),
            (error(&files.key, &files.key), "one.key holds no certificate in PEM"),
            (error(&files.certificate, &files.certificate), "one.pem holds no private key in PEM"),
            (error(&files.certificate, &other.key), "one.pem cannot be used with its key"),
        ];
        for (error, expected) in cases {
            assert!(error.contains(expected), "{error}");
        }
    }
}
