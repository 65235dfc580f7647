//! Secrets: made here, kept as hashes.

use super::ControlError;

/// Letters and digits of a secret.
const SECRET_LEN: usize = 40;

/// SHA-256 in hexadecimal digits.
pub(super) fn hash_secret(secret: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
    data_encoding::HEXLOWER.encode(digest.as_ref())
}

/// `N` octets from the system's generator.
pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N], ControlError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ControlError::Randomness)?;
    Ok(bytes)
}

/// A secret of [`SECRET_LEN`] letters and digits, every one equally likely.
pub(super) fn random_secret() -> Result<String, ControlError> {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut secret = String::with_capacity(SECRET_LEN);
    while secret.len() < SECRET_LEN {
        let octets = random_bytes::<64>()?;
        // 248 is the largest multiple of 62 in an octet: what is above would favour the first letters.
        let letters = octets.iter().filter(|b| **b < 248).map(|b| char::from(ALPHABET[usize::from(b % 62)]));
        secret.extend(letters.take(SECRET_LEN - secret.len()));
    }
    Ok(secret)
}
