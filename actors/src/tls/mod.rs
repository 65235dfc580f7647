//! TLS: what is asked of connections out, and the configurations of connections in.

mod client;
mod facts;
mod kept;
mod plan;
mod policies;
mod report_courier;
mod report_sender;
mod report_times;
mod reports;
mod sts;
mod verifier;

pub use crate::https::AllowedHosts;
pub use client::{ClientConfigs, TrustRoots};
pub use facts::TlsFacts;
pub use kept::Period;
pub use mailwright_engine::tls::PolicyIdentity as TlsIdentity;
pub use plan::{DomainTls, HostTls, TlsPlan};
pub use policies::TlsPolicies;
pub use report_sender::TlsReporter;
pub use report_times::ReportSending;
pub use reports::TlsSessions;
pub use sts::{PolicyClient, PolicyFetch, StsBook};
pub(crate) use verifier::handshake_problem;

use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use std::sync::Arc;

/// A TLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// rustls refused.
    #[error("TLS configuration: {0}")]
    Rustls(#[from] rustls::Error),
    /// The certificate could not be made.
    #[error("self-signed certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificates of authorities could not be read.
    #[error("certificates of authorities{0}")]
    Roots(String),
}

/// A server with a certificate of its own making for `hostname`, made anew at every start.
///
/// # Errors
/// When the certificate cannot be made, as for a name that is none.
pub fn self_signed_server(hostname: &str) -> Result<Arc<ServerConfig>, TlsError> {
    let made = rcgen::generate_simple_self_signed(vec![hostname.to_owned()])?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok(Arc::new(config))
}
