//! What TLS a session came to, and why so much was asked.

use mailwright_engine::tls::{Authentication, PolicyReason, TlsLevel, TlsRequirement};
use rustls::{ClientConnection, HandshakeKind};
use std::fmt;

/// What was negotiated; kept with every delivery of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1_3` or `TLSv1_2`.
    pub version: String,
    /// The cipher suite.
    pub cipher: String,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// How much was asked.
    pub level: TlsLevel,
    /// Who asked for it.
    pub why: PolicyReason,
}

impl TlsFacts {
    /// What `connection` came to under `requirement`.
    pub fn of(connection: &ClientConnection, requirement: &TlsRequirement) -> Self {
        let unknown = || "unknown".to_owned();
        Self {
            version: connection.protocol_version().map_or_else(unknown, |version| format!("{version:?}")),
            cipher: connection
                .negotiated_cipher_suite()
                .map_or_else(unknown, |cipher| format!("{:?}", cipher.suite())),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            level: requirement.level,
            why: requirement.why,
        }
    }
}

impl fmt::Display for TlsFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            TlsLevel::Never => "not wanted",
            TlsLevel::Opportunistic => "opportunistic",
            TlsLevel::Encrypted => "required",
            TlsLevel::Authenticated(Authentication::WebPki) => "verified by a public authority",
            TlsLevel::Authenticated(Authentication::Dane) => "verified by DANE",
        };
        let resumed = if self.resumed { ", resumed" } else { "" };
        write!(f, "{} {}{resumed}; {level} ({})", self.version, self.cipher, self.why.as_str())
    }
}
