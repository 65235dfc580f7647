//! Challenges of the kind `tls-alpn-01` (RFC 8737): who asks for `acme-tls/1` at a name is shown a certificate that only
//! the holder of the account can have made for this order.

use mailwright_actors::tls::TlsError;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer, server::ClientHello};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The protocol that authorities ask for (section 6.2).
const PROTOCOL: &[u8] = b"acme-tls/1";

/// The challenges that are open. Clones are the same.
#[derive(Clone, Default)]
pub struct Challenges(Arc<Mutex<HashMap<String, Arc<ServerConfig>>>>);

/// A challenge that is answered until this is dropped.
pub(super) struct OpenChallenge {
    challenges: Challenges,
    name: String,
}

impl Challenges {
    /// Answers the challenge at `name`, in lower case, with `digest`, that of its key authorization.
    ///
    /// # Errors
    /// When the certificate cannot be made, as for a name that is none.
    pub(super) fn open(&self, name: &str, digest: &[u8; 32]) -> Result<OpenChallenge, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let certificate = params.self_signed(&key)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        self.all().insert(name.to_owned(), Arc::new(config));
        Ok(OpenChallenge { challenges: self.clone(), name: name.to_owned() })
    }

    /// What answers a client, if it looks at a challenge that is open.
    pub(crate) fn asked_for(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        if !hello.alpn()?.eq([PROTOCOL]) {
            return None;
        }
        self.all().get(&hello.server_name()?.to_ascii_lowercase()).cloned()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<ServerConfig>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenChallenge {
    fn drop(&mut self) {
        self.challenges.all().remove(&self.name);
    }
}
