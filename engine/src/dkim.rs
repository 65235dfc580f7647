//! DKIM signatures (RFC 6376) with RSA-SHA256 and Ed25519-SHA256 (RFC 8463) keys.
//!
//! Canonical forms of fields and their syntax come from mail-auth, the arithmetic from aws-lc-rs. Signatures
//! are relaxed/relaxed, never limited with `l=`, and expire (`x=`), which bounds how long a captured
//! message can be replayed. The time is an argument: mail-auth's own signer would read the clock.

mod body;

pub use body::BodyHash;

use crate::{
    address::Domain,
    message::{Field, fields},
    time::UnixMillis,
};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use data_encoding::BASE64;
use mail_auth::{
    common::{
        crypto::{Algorithm, HashContext, HashImpl, Sha256},
        headers::Writable,
    },
    dkim::{Canonicalization, Signature},
};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};

/// How long a signature is valid: longer than a message stays queued, short enough to spoil replays.
const VALIDITY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Fields signed once more than they occur, so that none can be added (RFC 6376 section 8.15).
const OVERSIGNED: [&str; 3] = ["From", "To", "Subject"];

/// Fields signed as often as they occur (RFC 6376 section 5.4.1, RFC 8058 section 4, RFC 9477 section 3.1,
/// RFC 8460 section 5.3).
const SIGNED: [&str; 15] = [
    "Cc",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "In-Reply-To",
    "References",
    "Feedback-ID",
    "CFBL-Address",
    "CFBL-Feedback-ID",
    "TLS-Report-Domain",
    "TLS-Report-Submitter",
];

/// Why a key or a signature could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DkimError {
    /// The bytes are no private key of that kind in PKCS #8, or an RSA key outside 2,048 to 8,192 bits.
    #[error("the private key was rejected: {0}")]
    KeyRejected(String),
    /// The cryptographic library failed to make or write a key.
    #[error("the key could not be made")]
    KeyGeneration,
    /// The system has no random numbers.
    #[error("the system gave no random numbers")]
    Randomness,
    /// The selector is not one or more DNS labels.
    #[error("{0:?} is not a DKIM selector (labels of letters, digits and hyphens)")]
    Selector(String),
    /// An address literal has no DNS name to publish a key under.
    #[error("{0} is not a domain that can sign")]
    Domain(Domain),
    /// The header section has no From field, which every signature must cover (RFC 6376 section 5.4).
    #[error("the message has no From field")]
    NoFrom,
    /// The header section does not end with CRLF.
    #[error("the header section is cut off")]
    CutOff,
    /// The cryptographic library failed to sign.
    #[error("the message could not be signed")]
    Signing,
}

/// The kinds of key DKIM knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyAlgorithm {
    /// RSA with SHA-256; understood by every receiver.
    Rsa,
    /// Ed25519 with SHA-256 (RFC 8463); shorter and faster, not understood everywhere.
    Ed25519,
}

impl KeyAlgorithm {
    /// As selectors name it: `rsa` or `ed25519`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// Seeds the random numbers that a signature's blinding needs. The first of a process take some 40 ms, which no message
/// should wait for.
///
/// # Errors
/// [`DkimError::Randomness`] when the system has none.
pub fn seed_randomness() -> Result<(), DkimError> {
    aws_lc_rs::rand::fill(&mut [0; 32]).map_err(|_| DkimError::Randomness)
}

/// A private signing key. Clones share it; `Debug` does not show it.
#[derive(Clone)]
pub struct DkimKey(Arc<Secret>);

enum Secret {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl DkimKey {
    /// Makes an RSA key of 2,048 bits, which takes a good part of a second.
    ///
    /// The randomness comes from inside aws-lc-rs, the one exception to this crate's rule: a key must
    /// not depend on a source that a caller could choose badly.
    ///
    /// # Errors
    /// [`DkimError::KeyGeneration`] when the library fails.
    pub fn generate_rsa_2048() -> Result<Self, DkimError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| DkimError::KeyGeneration)?;
        Ok(Self(Secret::Rsa(pair).into()))
    }

    /// Makes an Ed25519 key, with the same source of randomness.
    ///
    /// # Errors
    /// [`DkimError::KeyGeneration`] when the library fails.
    pub fn generate_ed25519() -> Result<Self, DkimError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| DkimError::KeyGeneration)?;
        Ok(Self(Secret::Ed25519(pair).into()))
    }

    /// Reads a private key in PKCS #8 (DER).
    ///
    /// # Errors
    /// [`DkimError::KeyRejected`] with the library's reason.
    pub fn from_pkcs8_der(algorithm: KeyAlgorithm, der: &[u8]) -> Result<Self, DkimError> {
        let secret = match algorithm {
            KeyAlgorithm::Rsa => RsaKeyPair::from_pkcs8(der).map(Secret::Rsa),
            // Most tools write no public key next to the private one; "maybe unchecked" allows that.
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map(Secret::Ed25519),
        };
        secret.map(|secret| Self(secret.into())).map_err(|error| DkimError::KeyRejected(error.to_string()))
    }

    /// The private key in PKCS #8 (DER), for storage.
    ///
    /// # Errors
    /// [`DkimError::KeyGeneration`] when the library fails to write it.
    pub fn to_pkcs8_der(&self) -> Result<Vec<u8>, DkimError> {
        let der = match &*self.0 {
            Secret::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|der| der.as_ref().to_vec()),
            Secret::Ed25519(pair) => pair.to_pkcs8v1().map(|der| der.as_ref().to_vec()),
        };
        der.map_err(|_| DkimError::KeyGeneration)
    }

    /// Which kind of key this is.
    pub fn algorithm(&self) -> KeyAlgorithm {
        match *self.0 {
            Secret::Rsa(_) => KeyAlgorithm::Rsa,
            Secret::Ed25519(_) => KeyAlgorithm::Ed25519,
        }
    }

    /// The TXT record to publish under `selector._domainkey.domain` (RFC 6376 section 3.6.1, RFC 8463
    /// section 4); an RSA record is longer than the 255 octets of one DNS string.
    ///
    /// # Errors
    /// [`DkimError::KeyGeneration`] when the library fails to write the public key.
    pub fn public_record(&self) -> Result<String, DkimError> {
        match &*self.0 {
            Secret::Rsa(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())
                .map(|der| format!("v=DKIM1; k=rsa; p={}", BASE64.encode(der.as_ref())))
                .map_err(|_| DkimError::KeyGeneration),
            Secret::Ed25519(pair) => {
                Ok(format!("v=DKIM1; k=ed25519; p={}", BASE64.encode(pair.public_key().as_ref())))
            }
        }
    }

    pub(crate) fn sign(&self, data: &[u8]) -> Result<Vec<u8>, DkimError> {
        match &*self.0 {
            Secret::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                // PKCS #1 v1.5 draws no randomness for the signature; the library blinds with its own.
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature)
                    .map_err(|_| DkimError::Signing)?;
                Ok(signature)
            }
            Secret::Ed25519(pair) => {
                let mut digest = Sha256::hasher();
                data.write(&mut digest);
                let signed = pair.try_sign(digest.complete().as_ref()).map_err(|_| DkimError::Signing)?;
                Ok(signed.as_ref().to_vec())
            }
        }
    }
}

impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DkimKey({:?}, private key not shown)", self.algorithm())
    }
}

/// A key with the name its public half is published under.
#[derive(Debug, Clone)]
pub struct Signer {
    domain: Domain,
    selector: String,
    key: DkimKey,
}

impl Signer {
    /// Signs for `domain` with the key published under `selector`.
    ///
    /// # Errors
    /// [`DkimError::Domain`] for an address literal, [`DkimError::Selector`] for a selector that is not
    /// made of DNS labels.
    pub fn new(domain: &Domain, selector: &str, key: &DkimKey) -> Result<Self, DkimError> {
        if domain.literal().is_some() {
            return Err(DkimError::Domain(domain.clone()));
        }
        let is_label = |label: &str| {
            let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        };
        if !selector.split('.').all(is_label) {
            return Err(DkimError::Selector(selector.chars().take(80).collect()));
        }
        Ok(Self { domain: domain.clone(), selector: selector.to_owned(), key: key.clone() })
    }

    pub(crate) fn domain(&self) -> &Domain {
        &self.domain
    }

    pub(crate) fn selector(&self) -> &str {
        &self.selector
    }

    pub(crate) fn key(&self) -> &DkimKey {
        &self.key
    }

    /// Appends this signer's field for a message already digested.
    fn append(&self, digest: &Digest<'_>, now: UnixMillis, out: &mut Vec<u8>) -> Result<(), DkimError> {
        let algorithm = match self.key.algorithm() {
            KeyAlgorithm::Rsa => Algorithm::RsaSha256,
            KeyAlgorithm::Ed25519 => Algorithm::Ed25519Sha256,
        };
        let mut signature = Signature {
            v: 1,
            a: algorithm,
            d: self.domain.as_str().to_owned(),
            s: self.selector.clone(),
            h: digest.names.clone(),
            bh: digest.body.clone(),
            t: now.as_secs(),
            x: now.saturating_add(VALIDITY).as_secs(),
            ch: Canonicalization::Relaxed,
            cb: Canonicalization::Relaxed,
            ..Signature::default()
        };
        let mut data = Vec::with_capacity(2048);
        Canonicalization::Relaxed.canonicalize_headers(digest.fields.iter().copied(), &mut data);
        signature.write(&mut data, false);
        signature.b = self.key.sign(&data)?;
        signature.write(out, true);
        unfold_end(out);
        Ok(())
    }
}

/// Joins a last semicolon that folding put on a line of its own to the value before it. White space around
/// the value of `b=` does not count (RFC 6376 section 3.5), but verifiers in use keep what follows it.
fn unfold_end(field: &mut Vec<u8>) {
    const FOLDED: &[u8] = b"\r\n\t;\r\n";
    if field.ends_with(FOLDED) {
        field.truncate(field.len() - FOLDED.len());
        field.extend_from_slice(b";\r\n");
    }
}

/// The signers of one domain: one, or an RSA and an Ed25519 one side by side (RFC 8463 section 5).
#[derive(Debug, Clone)]
pub struct DomainSigner {
    first: Signer,
    second: Option<Signer>,
}

impl DomainSigner {
    /// Signs with `first`, and with `second` too when it is given.
    pub fn new(first: Signer, second: Option<Signer>) -> Self {
        Self { first, second }
    }

    /// Makes the `DKIM-Signature` fields to put on top of a message, CRLF-ended, without copying it.
    ///
    /// `header` is the header section with its last CRLF (what follows it is ignored), `body` everything
    /// after the empty line in any pieces. Both must have CRLF line ends and go out as they are. `now`
    /// becomes `t=`, seven days later `x=`.
    ///
    /// # Errors
    /// [`DkimError::NoFrom`] and [`DkimError::CutOff`] for an unusable header section,
    /// [`DkimError::Signing`] when the library fails.
    pub fn sign<'m>(
        &self,
        header: &[u8],
        body: impl IntoIterator<Item = &'m [u8]>,
        now: UnixMillis,
    ) -> Result<Vec<u8>, DkimError> {
        let digest = Digest::new(header, body)?;
        let mut out = Vec::with_capacity(1024);
        for signer in [Some(&self.first), self.second.as_ref()].into_iter().flatten() {
            signer.append(&digest, now, &mut out)?;
        }
        Ok(out)
    }
}

/// What of a message is signed, the same for every key.
struct Digest<'m> {
    /// The `h=` tag: a name for each signed field, and for the oversigned one more.
    names: Vec<String>,
    /// Name and value of the signed fields, in the order of `names`.
    fields: Vec<(&'m [u8], &'m [u8])>,
    /// SHA-256 of the canonical body.
    body: Vec<u8>,
}

impl<'m> Digest<'m> {
    fn new<'b>(header: &'m [u8], body: impl IntoIterator<Item = &'b [u8]>) -> Result<Self, DkimError> {
        if !header.ends_with(b"\r\n") {
            return Err(DkimError::CutOff);
        }
        let present: Vec<Field<'m>> = fields(header).collect();
        if !present.iter().any(|field| field.is("From")) {
            return Err(DkimError::NoFrom);
        }
        let mut digest = Self { names: Vec::new(), fields: Vec::new(), body: body_hash(body) };
        for name in OVERSIGNED {
            digest.add(name, &present);
            // A name without a field stands for the empty string (RFC 6376 section 5.4.2).
            digest.names.push(name.to_owned());
        }
        for name in SIGNED {
            digest.add(name, &present);
        }
        Ok(digest)
    }

    /// Adds every field of that name, from the bottom up as RFC 6376 section 5.4.2 counts them.
    fn add(&mut self, name: &str, present: &[Field<'m>]) {
        for field in present.iter().rev().filter(|field| field.is(name)) {
            self.names.push(name.to_owned());
            self.fields.push((field.name(), field.value()));
        }
    }
}

/// SHA-256 of the body in relaxed form (RFC 6376 section 3.4.4).
pub(crate) fn body_hash<'b>(body: impl IntoIterator<Item = &'b [u8]>) -> Vec<u8> {
    let mut hash = BodyHash::new(Canonicalization::Relaxed);
    for piece in body {
        hash.write(piece);
    }
    hash.finish().0
}

#[cfg(test)]
pub(crate) mod tests;
