//! The sink's side of TLS: a self-signed certificate, and whether sessions can be resumed.

use crate::{Error, Result};
use std::sync::Arc;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs::{Ticketer, default_provider},
        pki_types::PrivateKeyDer,
        server::NoServerSessionStorage,
    },
};

/// Whether clients may resume TLS sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// Yes, with tickets.
    Offered,
    /// No: every connection costs a whole handshake.
    Refused,
}

/// What the sink's TLS takes; its key is of the kind that most servers use, ECDSA with P-256.
pub(super) fn acceptor(resumption: Resumption) -> Result<TlsAcceptor> {
    let wrong = |detail: String| Error::unexpected("set up the sink's TLS", detail);
    let failed = |error: rustls::Error| wrong(error.to_string());
    let names = ["sink.example.com".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| wrong(error.to_string()))?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(failed)?;
    match resumption {
        Resumption::Offered => config.ticketer = Ticketer::new().map_err(failed)?,
        Resumption::Refused => {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}
