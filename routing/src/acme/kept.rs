//! The certificates on disk, a file for each name.

use mailwright_actors::{
    certificates::{IssuedCertificate, IssuedCertificates},
    clock,
};
use mailwright_storage::{PrivateFolder, StorageError};
use rcgen::KeyPair;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use std::time::Duration;

/// What files of certificates end with.
const SUFFIX: &str = ".pem";
/// How long after its end a certificate is kept, for its key: the name may be ours again.
const KEPT_AFTER: Duration = Duration::from_secs(30 * 86_400);

/// The file for `name`.
pub(super) fn file_of(name: &str) -> String {
    format!("{name}{SUFFIX}")
}

/// Puts what is in `folder` into `issued`, and removes what is long over. What does not read is told and left alone:
/// another is got in its place.
///
/// # Errors
/// When the folder does not read.
pub fn load(folder: &PrivateFolder, issued: &IssuedCertificates) -> Result<(), StorageError> {
    for file in folder.names()? {
        let Some(name) = file.strip_suffix(SUFFIX) else { continue };
        let Some(pem) = folder.read(&file)? else { continue };
        match IssuedCertificate::read(name, &pem) {
            Ok(read) if read.validity().end.saturating_add(KEPT_AFTER) < clock::wall() => {
                folder.remove(&file)?;
            }
            Ok(read) => issued.put(name, read),
            Err(error) => {
                let path = folder.path_of(&file);
                tracing::warn!(path = %path.display(), %error, "a certificate cannot be used");
            }
        }
    }
    Ok(())
}

/// The key of `name`: the one it has, so that TLSA records of the key stay true, or a new one.
///
/// # Errors
/// When none can be made.
pub(super) fn key_of(folder: &PrivateFolder, name: &str) -> Result<KeyPair, rcgen::Error> {
    let kept = folder.read(&file_of(name)).ok().flatten();
    let kept = kept.and_then(|pem| KeyPair::try_from(&PrivateKeyDer::from_pem_slice(&pem).ok()?).ok());
    kept.map_or_else(KeyPair::generate, Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PrivateFolder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::open(&dir.path().join("certificates")).unwrap();
        (dir, folder)
    }

    fn put(folder: &PrivateFolder, name: &str, last_day: (i32, u8, u8)) -> KeyPair {
        let key = KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(last_day.0, last_day.1, last_day.2);
        let certificate = params.self_signed(&key).unwrap();
        let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
        folder.write(&file_of(name), pem.as_bytes()).unwrap();
        key
    }

    #[test]
    fn what_is_kept_is_in_use_after_a_start() {
        let (_dir, folder) = folder();
        put(&folder, "mta-sts.example.com", (2999, 1, 1));
        put(&folder, "mta-sts.old.example", (2020, 1, 1));
        folder.write("mta-sts.broken.example.pem", b"-----BEGIN").unwrap();
        folder.write("account.json", b"{}").unwrap();
        let issued = IssuedCertificates::none();
        load(&folder, &issued).unwrap();
        assert!(issued.validity("mta-sts.example.com").is_some());
        assert_eq!(issued.validity("mta-sts.old.example"), None);
        let mut names = folder.names().unwrap();
        names.sort();
        assert_eq!(names, ["account.json", "mta-sts.broken.example.pem", "mta-sts.example.com.pem"]);
    }

    #[test]
    fn a_name_keeps_its_key() {
        let (_dir, folder) = folder();
        let key = put(&folder, "mx.example.com", (2020, 1, 1));
        assert_eq!(key_of(&folder, "mx.example.com").unwrap().serialize_pem(), key.serialize_pem());
        let new = key_of(&folder, "mx.example.net").unwrap();
        assert_ne!(new.serialize_pem(), key.serialize_pem());
        folder.write(&file_of("mx.example.net"), b"no key").unwrap();
        assert!(key_of(&folder, "mx.example.net").is_ok());
    }
}
