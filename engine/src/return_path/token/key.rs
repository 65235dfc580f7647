//! The keys of tokens, and the checksums they make.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use data_encoding::BASE32_NOPAD;
use std::fmt;

/// Octets kept of an HMAC-SHA256: 80 bits, which nobody guesses by writing mail, in 16 characters.
const KEPT: usize = 10;
/// Fewest octets of a key: as many as the hash is wide (RFC 2104 section 3).
const MIN_KEY: usize = 32;

/// What a token is for. Part of what the checksum covers, so that no token passes for one of another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Verp,
    UnsubscribeAddress,
    Unsubscribe,
    Complaint,
    Srs,
}

impl Purpose {
    /// The first octets of what is summed. None is the beginning of another.
    const fn context(self) -> &'static [u8] {
        match self {
            Self::Verp => b"mailwright verp v1\0",
            Self::UnsubscribeAddress => b"mailwright unsubscribe address v1\0",
            Self::Unsubscribe => b"mailwright unsubscribe v1\0",
            Self::Complaint => b"mailwright complaint v1\0",
            Self::Srs => b"mailwright srs v1\0",
        }
    }
}

/// The first octets of an HMAC-SHA256.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checksum([u8; KEPT]);

impl Checksum {
    /// Its length in octets.
    pub(super) const OCTETS: usize = KEPT;
    /// Length of the text form, in characters.
    pub(super) const TEXT_LEN: usize = KEPT / 5 * 8;

    /// The octets, for tokens that are encoded as a whole.
    pub(super) fn as_octets(&self) -> &[u8; KEPT] {
        &self.0
    }

    /// The octets of a token that is encoded as a whole; `None` if they are not as many as there must be.
    pub(super) fn from_octets(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Self)
    }

    /// Lower-case base32, which survives servers that change the case.
    pub(super) fn to_text(self) -> String {
        BASE32_NOPAD.encode(&self.0).to_ascii_lowercase()
    }

    /// Reads the text form in any case; `None` for anything else.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        if text.len() != Self::TEXT_LEN {
            return None;
        }
        let octets = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
        Self::from_octets(&octets)
    }
}

/// The first 40 bits of a checksum, in eight letters: where a local part has no room for all of it. Guessing one takes
/// more recipients than a listener lets anybody name.
pub(super) struct ShortSum(String);

impl ShortSum {
    const LEN: usize = 8;
}

impl fmt::Display for ShortSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A secret that makes tokens. Clones share nothing but their value; `Debug` does not show it.
#[derive(Clone)]
pub struct TokenKey(hmac::Key);

/// Octets that are no [`TokenKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token key has at least {MIN_KEY} octets, and this one has {octets}: take that many random ones")]
pub struct InvalidTokenKey {
    octets: usize,
}

impl TokenKey {
    /// A key of at least 32 octets, which should be random ones.
    ///
    /// # Errors
    /// When there are fewer.
    pub fn new(secret: &[u8]) -> Result<Self, InvalidTokenKey> {
        if secret.len() < MIN_KEY {
            return Err(InvalidTokenKey { octets: secret.len() });
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    fn sum(&self, purpose: Purpose, parts: &[&[u8]]) -> Checksum {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.context());
        for part in parts {
            context.update(part);
        }
        let mut kept = [0; KEPT];
        kept.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        Checksum(kept)
    }

    fn short_sum(&self, purpose: Purpose, covered: &[u8]) -> ShortSum {
        let mut text = self.sum(purpose, &[covered]).to_text();
        text.truncate(ShortSum::LEN);
        ShortSum(text)
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(not shown)")
    }
}

/// The keys in use. A new key is put first and the old ones stay behind it until nothing made with them can
/// come back any more.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    first: TokenKey,
    older: Vec<TokenKey>,
}

impl TokenKeys {
    /// `first` makes tokens; it and `older` are believed.
    pub fn new(first: TokenKey, older: Vec<TokenKey>) -> Self {
        Self { first, older }
    }

    /// The checksum over `parts` laid end to end; the caller sees to it that they say where they end.
    pub(super) fn sum(&self, purpose: Purpose, parts: &[&[u8]]) -> Checksum {
        self.first.sum(purpose, parts)
    }

    /// Whether one of the keys made `checksum`; takes as long whether it is nearly right or quite wrong.
    pub(super) fn verify(&self, purpose: Purpose, parts: &[&[u8]], checksum: Checksum) -> bool {
        let mut keys = [&self.first].into_iter().chain(&self.older);
        keys.any(|key| verify_slices_are_equal(&key.sum(purpose, parts).0, &checksum.0).is_ok())
    }

    /// The short checksum over `covered`.
    pub(super) fn short_sum(&self, purpose: Purpose, covered: &[u8]) -> ShortSum {
        self.first.short_sum(purpose, covered)
    }

    /// Whether one of the keys made the short checksum `text`, in any case.
    pub(super) fn verify_short(&self, purpose: Purpose, covered: &[u8], text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let is_sum = |key: &TokenKey| {
            verify_slices_are_equal(key.short_sum(purpose, covered).0.as_bytes(), text.as_bytes()).is_ok()
        };
        [&self.first].into_iter().chain(&self.older).any(is_sum)
    }
}
