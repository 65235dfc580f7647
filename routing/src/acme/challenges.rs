//! Challenges of the kind `tls-alpn-01` (RFC 8737): who asks for `acme-tls/1` at a name is shown a certificate that only
//! the holder of the account can have made for this order.

use mailwright_actors::tls::TlsError;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::PrivateKeyDer,
    server::ClientHello,
    sign::{CertifiedKey, SingleCertAndKey},
};
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
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let key = provider.key_provider.load_private_key(key)?;
        // Made by hand: what the library makes is looked at first, and its extension is critical and unheard of.
        let shown = SingleCertAndKey::from(CertifiedKey::new(vec![certificate.into()], key));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName, server::Acceptor};

    /// What answers a client that asks for `name` and offers `protocols`.
    fn answer(challenges: &Challenges, name: &str, protocols: &[&[u8]]) -> Option<Arc<ServerConfig>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let roots = versions.unwrap().with_root_certificates(RootCertStore::empty());
        let mut config = roots.with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let (mut hello, mut acceptor) = (Vec::new(), Acceptor::default());
        client.write_tls(&mut hello).unwrap();
        acceptor.read_tls(&mut hello.as_slice()).unwrap();
        challenges.asked_for(&acceptor.accept().ok().flatten().unwrap().client_hello())
    }

    #[test]
    fn a_challenge_is_answered_while_it_is_open_to_who_asks_for_nothing_else() {
        let challenges = Challenges::default();
        let open = challenges.open("mta-sts.example.com", &[7; 32]).unwrap();
        let config = answer(&challenges, "mta-sts.example.com", &[PROTOCOL]).unwrap();
        assert_eq!(config.alpn_protocols, [PROTOCOL]);
        assert!(answer(&challenges, "mta-sts.example.net", &[PROTOCOL]).is_none());
        assert!(answer(&challenges, "mta-sts.example.com", &[PROTOCOL, b"http/1.1"]).is_none());
        assert!(answer(&challenges, "mta-sts.example.com", &[b"http/1.1"]).is_none());
        assert!(answer(&challenges, "mta-sts.example.com", &[]).is_none());
        drop(open);
        assert!(answer(&challenges, "mta-sts.example.com", &[PROTOCOL]).is_none());
    }
}
