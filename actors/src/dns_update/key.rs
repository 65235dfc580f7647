//! Keys that server and client share (RFC 8945).

use hickory_resolver::proto::rr::{Name, TSigner, rdata::tsig::TsigAlgorithm};
use std::fmt;

/// How far the clocks may differ, in seconds; what RFC 8945 section 10 recommends.
const FUDGE: u16 = 300;
/// Shortest secret taken, in octets: half of what the RFC asks of HMAC-SHA256.
const SHORTEST: usize = 16;

/// A shared key. `Debug` does not show its secret.
#[derive(Clone)]
pub struct TsigKey {
    name: String,
    signer: TSigner,
}

/// What is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// No name.
    #[error("{0:?} is not the name of a key (a DNS name)")]
    Name(String),
    /// An algorithm that is not supported.
    #[error("{0:?} is not supported; make a key of hmac-sha256, hmac-sha384 or hmac-sha512")]
    Algorithm(String),
    /// Not base64, or too short.
    #[error("the key's secret must be base64 of at least {SHORTEST} octets")]
    Secret,
}

impl TsigKey {
    /// The key `name` of an algorithm such as `hmac-sha256`, with its secret in base64, as `tsig-keygen` and `keymgr`
    /// print them.
    ///
    /// # Errors
    /// [`InvalidKey`]; none of them repeats the secret.
    pub fn new(name: &str, algorithm: &str, secret: &str) -> Result<Self, InvalidKey> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let owner = Name::from_ascii(format!("{name}.")).ok().filter(|_| !name.is_empty());
        let owner = owner.ok_or_else(|| InvalidKey::Name(name.chars().take(80).collect()))?;
        let kind = match algorithm.trim_end_matches('.').to_ascii_lowercase().as_str() {
            "hmac-sha256" => TsigAlgorithm::HmacSha256,
            "hmac-sha384" => TsigAlgorithm::HmacSha384,
            "hmac-sha512" => TsigAlgorithm::HmacSha512,
            _ => return Err(InvalidKey::Algorithm(algorithm.chars().take(40).collect())),
        };
        let secret =
            data_encoding::BASE64.decode(secret.trim().as_bytes()).map_err(|_| InvalidKey::Secret)?;
        if secret.len() < SHORTEST {
            return Err(InvalidKey::Secret);
        }
        let signer = TSigner::new(secret, kind, owner, FUDGE)
            .map_err(|_| InvalidKey::Algorithm(algorithm.to_owned()))?;
        Ok(Self { name, signer })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn signer(&self) -> &TSigner {
        &self.signer
    }
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TsigKey({}, secret not shown)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_the_tools_print_and_does_not_show_itself() {
        let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IQ==";
        let key = TsigKey::new("Update.", "HMAC-SHA256", secret).unwrap();
        assert_eq!(format!("{key:?}"), "TsigKey(update, secret not shown)");
        for (name, algorithm, secret) in [
            ("", "hmac-sha256", secret),
            ("a..b", "hmac-sha256", secret),
            ("k", "hmac-md5", secret),
            ("k", "hmac-sha256", "***"),
            ("k", "hmac-sha256", "c2hvcnQ="),
        ] {
            let error = TsigKey::new(name, algorithm, secret).unwrap_err().to_string();
            assert!(!error.contains(secret), "{error}");
        }
    }
}
