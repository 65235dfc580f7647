//! What operators set up: accounts, zones, sending domains, tokens.

use mailwright_engine::{address::Domain, class::TenantName, dkim::KeyAlgorithm, time::UnixMillis};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of an account, zone, sending domain or token: 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectId(String);

impl ObjectId {
    /// A fresh random id.
    pub(crate) fn random() -> Result<Self, super::ControlError> {
        Ok(Self(data_encoding::HEXLOWER.encode(&super::random_bytes::<16>()?)))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the queue calls the account with this id; `None` for text that is no id of ours.
    pub fn tenant(&self) -> Option<TenantName> {
        TenantName::parse(&self.0).ok()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name to clients.
    pub id: ObjectId,
    /// Its name to people.
    pub name: String,
    /// When it was made.
    pub created: UnixMillis,
}

/// A domain that an account owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Its name to clients.
    pub id: ObjectId,
    /// Whose it is.
    pub account_id: ObjectId,
    /// The domain.
    pub name: Domain,
    /// When it was made.
    pub created: UnixMillis,
}

/// A DKIM key pair as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// The selector it is published under.
    pub selector: String,
    /// Which algorithm it is for.
    pub algorithm: KeyAlgorithm,
    /// PKCS#8, DER in base64. Secret.
    pub pkcs8: String,
    /// The TXT record to publish at `<selector>._domainkey.<domain>`.
    pub public_record: String,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey")
            .field("selector", &self.selector)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A domain set up for sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendingDomain {
    /// Its name to clients.
    pub tag: ObjectId,
    /// The zone it is in.
    pub zone_id: ObjectId,
    /// Whose it is.
    pub account_id: ObjectId,
    /// The domain.
    pub name: Domain,
    /// Whether mail may be sent from it.
    pub enabled: bool,
    /// Where bounces go: the domain of the envelope sender.
    pub return_path_domain: Domain,
    /// Its signing keys; every one of them signs.
    pub keys: Vec<StoredKey>,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
}

/// What a token lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Send mail.
    Send,
    /// Everything.
    Admin,
}

/// An API token; its secret is known to its holder only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its name to clients.
    pub id: ObjectId,
    /// Its name to people.
    pub name: String,
    /// Whose it is.
    pub account_id: ObjectId,
    /// What it is good for.
    pub permissions: Vec<Permission>,
    /// SHA-256 of the secret, in hexadecimal digits. The secret has 238 bits of randomness, so a plain hash
    /// is as good as a slow one.
    pub hash: String,
    /// When it was made.
    pub created: UnixMillis,
}

impl Token {
    /// Whether the token is good for `permission` in `account_id`.
    pub fn allows(&self, permission: Permission, account_id: &str) -> bool {
        let granted = self.permissions.iter().any(|p| *p == permission || *p == Permission::Admin);
        granted && self.account_id.as_str() == account_id
    }

    /// Whether its holder may operate the server: see and order whatever account's mail.
    pub fn may_operate(&self) -> bool {
        self.permissions.contains(&Permission::Admin)
    }
}

/// A token's secret, shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

impl TokenSecret {
    pub(crate) const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself, for its holder's eyes.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(…)")
    }
}
