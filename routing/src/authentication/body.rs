//! Hashes of a body, for all signatures that need one.
//!
//! They are made here and given to mail-auth, which would hash at one go, and with SHA-1 too: 25 MiB would hold up all
//! other clients.

use mail_auth::{
    AuthenticatedMessage,
    common::crypto::HashAlgorithm,
    dkim::{Canonicalization, Signature},
};
use mailwright_engine::dkim::BodyHash;

/// Octets hashed before others have their turn: well below a millisecond.
const AT_ONCE: usize = 256 * 1024;

/// A body in the canonical forms that its signatures are made on.
#[derive(Debug, Default)]
pub(super) struct Hashed(Vec<(Canonicalization, Vec<u8>, u64)>);

impl Hashed {
    /// Hashes the body as the signatures of the message need it, those with `l=` among them.
    pub(super) async fn make(message: &AuthenticatedMessage<'_>, body: &[u8]) -> Self {
        let whole = message.dkim_headers.iter().map(|header| header.header.cb);
        let sealed = message.ams_headers.iter().map(|header| header.header.cb);
        let others =
            message.errors.iter().filter_map(|error| Signature::parse(error.value).ok()).map(|s| s.cb);
        let mut hashed = Self::default();
        for form in whole.chain(sealed).chain(others) {
            if hashed.octets(form).is_none() {
                let (hash, octets) = hash(body, form).await;
                hashed.0.push((form, hash, octets));
            }
        }
        hashed
    }

    /// How many octets the body has in that form; `None` if no signature needs it.
    pub(super) fn octets(&self, form: Canonicalization) -> Option<u64> {
        self.0.iter().find(|(known, ..)| *known == form).map(|(.., octets)| *octets)
    }

    /// As mail-auth looks for them: for signatures of the whole body by SHA-256.
    pub(super) fn for_mail_auth(self) -> Vec<(Canonicalization, HashAlgorithm, u64, Vec<u8>)> {
        self.0.into_iter().map(|(form, hash, _)| (form, HashAlgorithm::Sha256, 0, hash)).collect()
    }
}

async fn hash(body: &[u8], form: Canonicalization) -> (Vec<u8>, u64) {
    let mut hash = BodyHash::new(form);
    for (number, piece) in body.chunks(AT_ONCE).enumerate() {
        if number > 0 {
            tokio::task::yield_now().await;
        }
        hash.write(piece);
    }
    hash.finish()
}
