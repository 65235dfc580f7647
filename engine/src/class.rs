//! Classes of mail within the queue of a domain: what is scheduled together and against each other.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// How urgent a message is against others of its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// A person waits for it: password resets, receipts.
    High,
    /// Everything else.
    #[default]
    Normal,
    /// Newsletters: when there is nothing better to do, but never never.
    Bulk,
}

impl Priority {
    /// `high`, `normal` or `bulk`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no [`Priority`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no priority: say high, normal or bulk")]
pub struct InvalidPriority(String);

impl FromStr for Priority {
    type Err = InvalidPriority;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::High, Self::Normal, Self::Bulk]
            .into_iter()
            .find(|priority| text.trim().eq_ignore_ascii_case(priority.as_str()))
            .ok_or_else(|| InvalidPriority(text.chars().take(40).collect()))
    }
}

/// Text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name: use 1 to 64 lower-case letters, digits, dots, hyphens and underscores")]
pub struct InvalidName(String);

fn check(name: &str) -> Result<Arc<str>, InvalidName> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    let valid = (1..=64).contains(&name.len()) && name.bytes().all(fits);
    if valid { Ok(Arc::from(name)) } else { Err(InvalidName(name.chars().take(80).collect())) }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads a name of 1 to 64 lower-case ASCII letters, digits, dots, hyphens and underscores.
            ///
            /// # Errors
            /// When it is not of this form.
            pub fn parse(name: &str) -> Result<Self, InvalidName> {
                check(name).map(Self)
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(name: String) -> Result<Self, Self::Error> {
                Self::parse(&name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }
    };
}

name_type! {
    /// Whose mail it is: an account. Shares and suspensions go by it.
    TenantName
}

name_type! {
    /// The name of a pool of sources.
    PoolName
}

name_type! {
    /// The name of a source: what logs, metrics and shaping files call it.
    SourceName
}

impl PoolName {
    /// The pool that there is when none is configured.
    pub fn unnamed() -> Self {
        Self(Arc::from("default"))
    }
}

impl SourceName {
    /// The source that there is when none is configured: the system chooses its addresses.
    pub fn unnamed() -> Self {
        Self(Arc::from("default"))
    }
}

/// What a message itself asks of TLS on its way (RFC 8689).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum TransportSecurity {
    /// What the recipient's domain and the configuration say.
    #[default]
    ByPolicy,
    /// Only over authenticated TLS to servers that promise the same (`REQUIRETLS`).
    Required,
    /// Rather without TLS than not at all (`TLS-Required: No`).
    NotRequired,
}

/// What entries of a domain's queue are scheduled by: each class is in order of its own due times, and classes
/// share by priority and tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct QueueClass {
    /// How urgent.
    pub priority: Priority,
    /// Whose; `None` for mail from trusted networks.
    pub tenant: Option<TenantName>,
    /// Which sources carry it; `None` for the default pool.
    pub pool: Option<PoolName>,
    /// What it asks of TLS.
    pub security: TransportSecurity,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn high_sorts_before_normal_before_bulk() {
        assert!(Priority::High < Priority::Normal && Priority::Normal < Priority::Bulk);
        assert_eq!(" High".parse(), Ok(Priority::High));
        assert!("urgent".parse::<Priority>().is_err());
    }

    #[test]
    fn names_are_short_and_plain() {
        assert_eq!(TenantName::parse("shop-1.eu_west").unwrap().as_str(), "shop-1.eu_west");
        for wrong in ["", "Shop", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(PoolName::parse(wrong).is_err(), "{wrong}");
        }
    }
}
