//! Certificates of receivers, made by openssl(1).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::fetched::output_of;

/// A key and a certificate that no authority signed, in PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The file of the private key.
    pub key: PathBuf,
    /// The file of the certificate.
    pub certificate: PathBuf,
    folder: PathBuf,
}

impl Certificate {
    /// Makes one for the host name `host`, valid for two days, as `key.pem` and `cert.pem` in `folder`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with openssl's complaint.
    pub fn self_signed(folder: &Path, host: &str) -> Result<Self> {
        let (key, certificate) = (folder.join("key.pem"), folder.join("cert.pem"));
        let made = Self { key, certificate, folder: folder.into() };
        made.renew(host)?;
        Ok(made)
    }

    /// Replaces key and certificate as renewing programs do: each file whole, one after the other.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with openssl's complaint.
    pub fn renew(&self, host: &str) -> Result<()> {
        let (key, certificate) = (self.folder.join("new.key"), self.folder.join("new.pem"));
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        command.args(["-subj", &format!("/CN={host}"), "-addext", &format!("subjectAltName=DNS:{host}")]);
        output_of(command.arg("-keyout").arg(&key).arg("-out").arg(&certificate))?;
        fs::rename(key, &self.key).context("replace the key")?;
        fs::rename(certificate, &self.certificate).context("replace the certificate")
    }

    /// Returns the data of a TLSA record that names this key, whoever signed its certificate: `3 1 1` and
    /// the SHA-256 digest of the public key (DANE-EE, RFC 7672 section 3.1.1).
    ///
    /// # Errors
    /// [`Error::Unexpected`] with openssl's complaint.
    pub fn tlsa(&self) -> Result<String> {
        let public = self.folder.join("public.der");
        let mut export = Command::new("openssl");
        output_of(
            export
                .args(["pkey", "-pubout", "-outform", "DER", "-in"])
                .arg(&self.key)
                .arg("-out")
                .arg(&public),
        )?;
        let printed = output_of(Command::new("openssl").args(["dgst", "-sha256", "-r"]).arg(&public))?;
        let digest = printed.split_whitespace().next();
        let digest = digest.ok_or_else(|| Error::unexpected("openssl dgst", "it printed no digest"))?;
        Ok(format!("3 1 1 {digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetched::command;
    use crate::needs::{Need, skip_without};

    #[test]
    fn writes_the_tlsa_record_that_ldns_dane_writes() -> Result<()> {
        if skip_without(&[Need::Unbound]) {
            return Ok(());
        }
        let files = tempfile::tempdir().map_err(|error| Error::unexpected("a folder", error.to_string()))?;
        let certificate = Certificate::self_signed(files.path(), "mx.example")?;
        let mut create = command("usr/bin/ldns-dane");
        create.arg("-c").arg(&certificate.certificate);
        create.args(["-n", "create", "mx.example", "25", "3", "1", "1"]);
        let record = output_of(&mut create)?;
        let tlsa = certificate.tlsa()?;
        assert!(record.trim().ends_with(&tlsa), "{record}, not {tlsa}");
        Ok(())
    }
}
