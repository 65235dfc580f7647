//! Secrets and signatures (Standard Webhooks, "Signature scheme").

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use std::fmt;

const PREFIX: &str = "whsec_";

/// What calls to an endpoint are signed with: 24 to 64 octets, written as `whsec_` and base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookSecret(Vec<u8>);

/// Text or octets that are no [`WebhookSecret`]. Does not repeat them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is whsec_ and 24 to 64 octets in base64")]
pub struct InvalidSecret;

impl WebhookSecret {
    /// How many octets a fresh secret has.
    pub const FRESH_LEN: usize = 32;

    /// The secret of these octets.
    ///
    /// # Errors
    /// When they are fewer than 24 or more than 64.
    pub fn from_octets(octets: Vec<u8>) -> Result<Self, InvalidSecret> {
        if (24..=64).contains(&octets.len()) { Ok(Self(octets)) } else { Err(InvalidSecret) }
    }

    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    /// When it is not of this form.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let base64 = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        Self::from_octets(BASE64.decode(base64.as_bytes()).map_err(|_| InvalidSecret)?)
    }

    /// The secret as its holder is shown it, once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(&self.0))
    }

    /// `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`.
    fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", BASE64.encode(context.sign().as_ref()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

impl TryFrom<String> for WebhookSecret {
    type Error = InvalidSecret;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<WebhookSecret> for String {
    fn from(secret: WebhookSecret) -> Self {
        secret.reveal()
    }
}

/// The value of `webhook-signature`: one signature with each secret, separated by spaces, so that a receiver that
/// knows any of them is content. `timestamp` is in seconds since the epoch.
pub fn signature_header<'a>(
    secrets: impl IntoIterator<Item = &'a WebhookSecret>,
    id: &str,
    timestamp: u64,
    body: &[u8],
) -> String {
    let signatures: Vec<_> = secrets.into_iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn signs_as_the_reference_libraries_do() {
        let secret = WebhookSecret::parse(SECRET).unwrap();
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signature_header([&secret], id, 1_614_265_330, body), signature);
        let other = WebhookSecret::from_octets(vec![7; 32]).unwrap();
        let both = signature_header([&other, &secret], id, 1_614_265_330, body);
        let signatures: Vec<_> = both.split(' ').collect();
        assert!(signatures.len() == 2 && signatures[1] == signature && signatures[0] != signature, "{both}");
    }

    #[test]
    fn reads_back_what_it_shows_and_shows_it_to_nobody_else() {
        let secret = WebhookSecret::parse(SECRET).unwrap();
        assert_eq!(secret.reveal(), SECRET);
        assert!(!format!("{secret:?}").contains("MfKQ"));
        for wrong in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ", "whsec_MfKQ9r8GKYqr!"] {
            assert_eq!(WebhookSecret::parse(wrong), Err(InvalidSecret), "{wrong}");
        }
        assert!(WebhookSecret::from_octets(vec![0; 65]).is_err());
    }
}
