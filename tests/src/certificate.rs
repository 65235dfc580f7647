//! Certificates for servers under test, made by openssl and trusted by nobody but the test.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::error::{Context, Error, Result};

/// A certificate that signed itself, and its key, as PEM files.
#[derive(Debug)]
pub struct Certificate {
    folder: TempDir,
}

impl Certificate {
    /// Makes one for a name.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with openssl's words if it fails.
    pub fn new(name: &str) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let certificate = Self { folder };
        certificate.renew(name)?;
        Ok(certificate)
    }

    /// Replaces key and certificate as renewing programs do: each file whole, one after the other.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn renew(&self, name: &str) -> Result<()> {
        let (key, certificate) = (self.folder.path().join("new.key"), self.folder.path().join("new.pem"));
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        command.args(["-days", "2", "-subj", &format!("/CN={name}")]);
        command.args(["-addext", &format!("subjectAltName=DNS:{name}")]);
        command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
        let output = command.output().context("run openssl")?;
        if !output.status.success() {
            return Err(Error::unexpected("openssl req", String::from_utf8_lossy(&output.stderr)));
        }
        fs::rename(key, self.key()).context("replace the key")?;
        fs::rename(certificate, self.path()).context("replace the certificate")
    }

    /// Returns the certificate's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Returns the key's file.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("certificate.key")
    }
}
