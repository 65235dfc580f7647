//! The section `[submission]`.

use super::{Acme, Config, ConfigError, invalid};
use mailwright_actors::{
    certificates::CertificateFiles,
    smtp::{
        listener::LoopbackAuth,
        submission::{AddressLimits, SubmissionSettings},
    },
};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Submission {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) listen_tls: Vec<SocketAddr>,
    certificate: PathBuf,
    key: PathBuf,
    more_certificates: Vec<Certificate>,
    allow_plain_auth_on_loopback: bool,
    pub(crate) max_sessions: usize,
    max_sessions_per_address: usize,
    max_auth_failures: u32,
    #[serde(with = "humantime_serde")]
    auth_failure_memory: Duration,
    messages_per_minute: u32,
    pub(crate) return_path: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificate {
    pub(super) fn files(&self) -> CertificateFiles {
        CertificateFiles { certificate: self.certificate.clone(), key: self.key.clone() }
    }
}

impl Default for Submission {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            listen_tls: Vec::new(),
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            more_certificates: Vec::new(),
            allow_plain_auth_on_loopback: false,
            max_sessions: 1000,
            max_sessions_per_address: 50,
            max_auth_failures: 10,
            auth_failure_memory: Duration::from_secs(10 * 60),
            messages_per_minute: 1000,
            return_path: true,
        }
    }
}

impl Submission {
    /// Whether it listens anywhere.
    pub(crate) fn is_on(&self) -> bool {
        !self.listen.is_empty() || !self.listen_tls.is_empty()
    }

    /// The certificates, the one for all other names first; none if none is configured.
    pub(crate) fn certificates(&self) -> Vec<CertificateFiles> {
        let first = Certificate { certificate: self.certificate.clone(), key: self.key.clone() };
        let first = (!is_empty(&first.certificate)).then_some(first);
        first.iter().chain(&self.more_certificates).map(Certificate::files).collect()
    }

    /// How clients on this machine may log in.
    pub(crate) fn loopback_auth(&self) -> LoopbackAuth {
        match self.allow_plain_auth_on_loopback {
            true => LoopbackAuth::InPlainText,
            false => LoopbackAuth::UnderTls,
        }
    }

    /// Finds what cannot work; where `acme` gets certificates for hosts, none need be named here.
    pub(super) fn check(&self, acme: &Acme) -> Result<(), ConfigError> {
        self.check_certificates(acme)?;
        if !(1..=super::MOST_SESSIONS).contains(&self.max_sessions) {
            return Err(invalid("submission.max_sessions", &self.max_sessions, &"from 1 to 100000"));
        }
        if self.max_sessions_per_address == 0 {
            return Err(invalid("submission.max_sessions_per_address", &0, &"at least 1"));
        }
        if self.max_auth_failures == 0 {
            return Err(invalid("submission.max_auth_failures", &0, &"at least 1"));
        }
        Ok(())
    }

    fn check_certificates(&self, acme: &Acme) -> Result<(), ConfigError> {
        let Self { certificate, key, .. } = self;
        if is_empty(certificate) && !is_empty(key) {
            return Err(invalid("submission.certificate", &certificate.display(), &"missing beside key"));
        }
        if is_empty(key) && !is_empty(certificate) {
            return Err(invalid("submission.key", &key.display(), &"missing beside certificate"));
        }
        if !is_empty(certificate) || acme.is_for_hosts() {
            return Ok(());
        }
        let missing = |why: &str| Err(invalid("submission.certificate", &certificate.display(), &why));
        if !self.listen_tls.is_empty() {
            return missing("listen_tls needs one");
        }
        if !self.listen.is_empty() && !self.allow_plain_auth_on_loopback {
            return missing("without one nobody could log in at listen");
        }
        Ok(())
    }
}

impl Config {
    /// How submission is limited.
    pub(crate) fn submission(&self) -> SubmissionSettings {
        let submission = &self.submission;
        SubmissionSettings {
            hostname: self.hostname(),
            address: AddressLimits {
                sessions: submission.max_sessions_per_address,
                failures: submission.max_auth_failures,
                at_once: 0,
                memory: submission.auth_failure_memory,
                sessions_per_minute: 0,
                messages_per_minute: 0,
            },
            messages_per_minute: submission.messages_per_minute,
        }
    }
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Submission, String> {
        let config: Config = toml::from_str(&format!("[submission]\n{text}")).unwrap();
        config.submission.check(&config.acme).map(|()| config.submission).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let cases = [
            ("listen_tls = [\"127.0.0.1:465\"]", "submission.certificate"),
            ("listen = [\"127.0.0.1:587\"]", "submission.certificate"),
            ("certificate = \"a.pem\"", "submission.key"),
            ("key = \"a.key\"", "submission.certificate"),
            ("max_sessions = 0", "submission.max_sessions"),
            ("max_sessions_per_address = 0", "submission.max_sessions_per_address"),
            ("max_auth_failures = 0", "submission.max_auth_failures"),
        ];
        for (text, key) in cases {
            let error = read(text).unwrap_err();
            assert!(error.contains(&format!("{key} = ")), "{error}");
        }
        let loopback = "listen = [\"127.0.0.1:587\"]\nallow_plain_auth_on_loopback = true";
        assert!(read(loopback).unwrap().certificates().is_empty());
    }

    #[test]
    fn the_main_certificate_comes_first() {
        let text = "certificate = \"a.pem\"\nkey = \"a.key\"\n\
                    [[submission.more_certificates]]\ncertificate = \"b.pem\"\nkey = \"b.key\"";
        let files = read(text).unwrap().certificates();
        let names: Vec<_> = files.iter().map(|files| files.certificate.display().to_string()).collect();
        assert_eq!(names, ["a.pem", "b.pem"]);
    }
}
