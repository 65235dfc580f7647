//! Certificates of receivers, made by openssl(1).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, Error, Result};
use crate::fetched::output_of;
use crate::stepped_clock::SteppedClock;

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
        self.replace(host, Command::new("openssl"))
    }

    /// Replaces key and certificate by such that expired days ago. Needs a C compiler ([`SteppedClock`]).
    ///
    /// # Errors
    /// [`Error::Unexpected`] with openssl's complaint.
    pub fn let_expire(&self, host: &str) -> Result<()> {
        let (clock, mut command) = (long_ago()?, Command::new("openssl"));
        clock.rule(&mut command);
        self.replace(host, command)
    }

    fn replace(&self, host: &str, mut command: Command) -> Result<()> {
        let (key, certificate) = (self.folder.join("new.key"), self.folder.join("new.pem"));
        command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        command.args(["-subj", &format!("/CN={host}"), "-addext", &format!("subjectAltName=DNS:{host}")]);
        output_of(command.arg("-keyout").arg(&key).arg("-out").arg(&certificate))?;
        fs::rename(key, &self.key).context("replace the key")?;
        fs::rename(certificate, &self.certificate).context("replace the certificate")
    }

    /// Makes one for the host name `host` that `authority` signed, whose own certificate follows in the file, as a
    /// server shows it.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with openssl's complaint.
    pub fn signed_by(folder: &Path, host: &str, authority: &Authority) -> Result<Self> {
        Self::signed(folder, host, authority, None)
    }

    /// Does the same with one that expired days ago. Needs a C compiler ([`SteppedClock`]).
    ///
    /// # Errors
    /// [`Error::Unexpected`] with openssl's complaint.
    pub fn expired(folder: &Path, host: &str, authority: &Authority) -> Result<Self> {
        Self::signed(folder, host, authority, Some(&long_ago()?))
    }

    fn signed(
        folder: &Path,
        host: &str,
        authority: &Authority,
        clock: Option<&SteppedClock>,
    ) -> Result<Self> {
        let (key, certificate) = (folder.join(format!("{host}.key")), folder.join(format!("{host}.pem")));
        let mut command = request(folder, "leaf", host)?;
        if let Some(clock) = clock {
            clock.rule(&mut command);
        }
        command.arg("-CA").arg(&authority.certificate).arg("-CAkey").arg(&authority.key);
        output_of(command.arg("-keyout").arg(&key).arg("-out").arg(&certificate))?;
        let read = |path: &Path| fs::read_to_string(path).context(format!("read {}", path.display()));
        let chain = read(&certificate)? + &read(&authority.certificate)?;
        fs::write(&certificate, chain).context("write the chain")?;
        Ok(Self { key, certificate, folder: folder.into() })
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
        Ok(format!("3 1 1 {}", digest(&public)?))
    }
}

/// A clock at which what is made today, for two days, has expired.
fn long_ago() -> Result<SteppedClock> {
    let clock = SteppedClock::new()?;
    clock.set(-5 * 24 * 3_600)?;
    Ok(clock)
}

/// An authority of the test's own.
#[derive(Clone, Debug)]
pub struct Authority {
    key: PathBuf,
    /// The file of its certificate.
    pub certificate: PathBuf,
    folder: PathBuf,
}

impl Authority {
    /// Makes one, as `authority.key` and `authority.pem` in `folder`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with openssl's complaint.
    pub fn new(folder: &Path) -> Result<Self> {
        let (key, certificate) = (folder.join("authority.key"), folder.join("authority.pem"));
        let mut command = request(folder, "authority", "an authority for tests")?;
        output_of(command.arg("-keyout").arg(&key).arg("-out").arg(&certificate))?;
        Ok(Self { key, certificate, folder: folder.into() })
    }

    /// Returns the data of a TLSA record that names this authority: `2 0 1` and the SHA-256 digest of its
    /// certificate (DANE-TA, RFC 7672 section 3.1.2).
    ///
    /// # Errors
    /// [`Error::Unexpected`] with openssl's complaint.
    pub fn tlsa(&self) -> Result<String> {
        let der = self.folder.join("authority.der");
        let mut convert = Command::new("openssl");
        convert.args(["x509", "-outform", "DER", "-in"]).arg(&self.certificate);
        output_of(convert.arg("-out").arg(&der))?;
        Ok(format!("2 0 1 {}", digest(&der)?))
    }
}

/// Returns the command that makes a key and a certificate of one of the kinds below.
fn request(folder: &Path, kind: &str, name: &str) -> Result<Command> {
    let config = folder.join("openssl.cnf");
    let text = format!(
        "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = {name}\n[authority]\n\
         basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n\
         [leaf]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = DNS:{}\n",
        name.replace(' ', "-")
    );
    fs::write(&config, text).context("write openssl.cnf")?;
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args(["-days", "2", "-extensions", kind, "-config"]).arg(config);
    Ok(command)
}

/// Returns the SHA-256 digest of a file, in hexadecimal digits.
fn digest(file: &Path) -> Result<String> {
    let printed = output_of(Command::new("openssl").args(["dgst", "-sha256", "-r"]).arg(file))?;
    let digest = printed.split_whitespace().next().map(str::to_owned);
    digest.ok_or_else(|| Error::unexpected("openssl dgst", "it printed no digest"))
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
