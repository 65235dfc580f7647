//! The names of objects.

use super::{ControlError, random_bytes};
use mailwright_engine::class::TenantName;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The name of an account, zone, sending domain or token: 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectId(String);

/// Text that is no [`ObjectId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no id: ids are 32 hexadecimal digits")]
pub struct InvalidId(String);

impl ObjectId {
    /// A fresh random id.
    pub(crate) fn random() -> Result<Self, ControlError> {
        Ok(Self(data_encoding::HEXLOWER.encode(&random_bytes::<16>()?)))
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

impl FromStr for ObjectId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 32 && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
