//! What a suppression is, and what can be wrong with a wish for one.

use crate::error::StorageError;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};

/// The name of a suppression: a UUID of version 4 (RFC 9562 section 5.4), printed in lower case with hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SuppressionId([u8; 16]);

/// Text that is no [`SuppressionId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a suppression is a UUID such as 0f8fad5b-d9cb-469f-a165-70867728950e")]
pub struct InvalidId;

impl SuppressionId {
    /// A fresh random id.
    pub(super) fn random() -> Result<Self, SuppressionError> {
        let mut octets = [0; 16];
        aws_lc_rs::rand::fill(&mut octets).map_err(|_| SuppressionError::Randomness)?;
        octets[6] = 0x40 | (octets[6] & 0x0f);
        octets[8] = 0x80 | (octets[8] & 0x3f);
        Ok(Self(octets))
    }

    pub(super) const fn from_octets(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    pub(super) const fn octets(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SuppressionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octet) in self.0.iter().enumerate() {
            let hyphen = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{octet:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for SuppressionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let hyphens = [8, 13, 18, 23];
        let bytes = text.as_bytes();
        if bytes.len() != 36 || hyphens.iter().any(|at| bytes.get(*at) != Some(&b'-')) {
            return Err(InvalidId);
        }
        let digits: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'-').collect();
        let octets = data_encoding::HEXLOWER_PERMISSIVE.decode(&digits).map_err(|_| InvalidId)?;
        octets.try_into().map(Self).map_err(|_| InvalidId)
    }
}

/// Which mail of an account a suppression stops.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of it.
    Account,
    /// That of one sending domain.
    SendingDomain(Domain),
}

impl Scope {
    /// The sending domain, or the empty text for the account: so it is stored.
    pub(super) fn stored(&self) -> &str {
        match self {
            Self::Account => "",
            Self::SendingDomain(domain) => domain.as_str(),
        }
    }
}

/// Why an address is suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The customer asked for it.
    Manual,
    /// The recipient called the mail spam.
    Complaint,
    /// The address does not exist or takes no mail, says its server.
    HardBounce,
    /// Delivery failed for now too often; such rows end by themselves.
    SoftBounce,
    /// A rule forbids it: the recipient has unsubscribed, or the operator does not allow it.
    Policy,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::Manual, Self::Complaint, Self::HardBounce, Self::SoftBounce, Self::Policy];

    /// The word that the API has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Complaint => "complaint",
            Self::HardBounce => "hard_bounce",
            Self::SoftBounce => "soft_bounce",
            Self::Policy => "policy",
        }
    }

    /// The number it is stored as.
    pub(super) const fn stored(self) -> i64 {
        self as i64
    }

    pub(super) fn from_stored(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.stored() == number)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A suppression as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Its name.
    pub id: SuppressionId,
    /// The address as it was given.
    pub email: EmailAddress,
    /// Why.
    pub reason: Reason,
    /// For which mail.
    pub scope: Scope,
    /// Since when.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
    /// When it ends by itself; `None` if never.
    pub expires: Option<UnixMillis>,
    /// What somebody noted about it.
    pub note: Option<String>,
    /// Whether the customer may not change it.
    pub read_only: bool,
}

impl Suppression {
    /// Whether it is over by `now`, so that it counts as gone.
    pub fn is_over(&self, now: UnixMillis) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// Whether `expires` is later than `other`; `None` is never.
pub(super) fn lasts_longer(expires: Option<UnixMillis>, other: Option<UnixMillis>) -> bool {
    other.is_some_and(|other| expires.is_none_or(|expires| expires > other))
}

/// A suppression that a customer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSuppression {
    /// The address.
    pub email: EmailAddress,
    /// For which mail.
    pub scope: Scope,
    /// When it is to end; `None` for never.
    pub expires: Option<UnixMillis>,
    /// What to note about it.
    pub note: Option<String>,
}

/// What became of a wish for a suppression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// There is a new row.
    Created,
    /// The row that was there lasts longer now, or is now the service's.
    Promoted,
    /// The row that was there says as much already.
    Unchanged,
}

/// A row, and what became of the wish for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The row as it stands now.
    pub row: Suppression,
    /// What became of the wish.
    pub recorded: Recorded,
}

/// A field of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// It becomes this.
    Set(T),
}

impl<T> Change<T> {
    /// The new value, or `old`.
    pub(super) fn apply(self, old: T) -> T {
        match self {
            Self::Keep => old,
            Self::Set(new) => new,
        }
    }
}

/// What to change about a suppression.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edit {
    /// When it ends.
    pub expires: Change<Option<UnixMillis>>,
    /// What is noted about it.
    pub note: Change<Option<String>>,
}

/// The rules of suppressions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionSettings {
    /// How many soft bounces within [`soft_bounce_window`](Self::soft_bounce_window) suppress an address; 0 for never.
    pub soft_bounces: u32,
    /// How far back soft bounces count.
    pub soft_bounce_window: Duration,
    /// How long soft bounces suppress an address.
    pub soft_bounce_for: Duration,
    /// How many rows for a complaint an account may remove in any 24 hours.
    pub complaint_removals: u32,
}

impl Default for SuppressionSettings {
    /// Five soft bounces within a week suppress for a week; ten removals a day.
    fn default() -> Self {
        let week = Duration::from_secs(7 * 86_400);
        Self { soft_bounces: 5, soft_bounce_window: week, soft_bounce_for: week, complaint_removals: 10 }
    }
}

/// Why suppressions could not be read or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SuppressionError {
    /// The database refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The account has no such row (any more).
    #[error("there is no suppression {0}")]
    NotFound(SuppressionId),
    /// The row is the service's, not the customer's.
    #[error("the suppression {id} is managed by the service (reason {reason}) and cannot be changed")]
    ReadOnly {
        /// Which.
        id: SuppressionId,
        /// Why it is there.
        reason: Reason,
    },
    /// Rows for complaints may not be removed faster.
    #[error("at most {limit} suppressions for complaints can be removed in 24 hours; the next on {again}")]
    RemovalLimit {
        /// How many in 24 hours.
        limit: u32,
        /// When the next may go.
        again: UnixMillis,
    },
    /// The system gave no randomness.
    #[error("the system's random number generator failed")]
    Randomness,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_a_uuid_of_version_4() {
        let text = SuppressionId::random().unwrap().to_string();
        assert_eq!((text.len(), text.as_bytes()[14]), (36, b'4'), "{text}");
        assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
        for wrong in ["", "0f8fad5bd9cb469fa16570867728950e", "0f8fad5b-d9cb-469f-a165-70867728950g", "é"] {
            assert_eq!(wrong.parse::<SuppressionId>(), Err(InvalidId), "{wrong}");
        }
        // As many octets as a UUID, with hyphens where they do not belong.
        assert_eq!("-f8fad5b-d9cb-469f-a165-70867728950e".parse::<SuppressionId>(), Err(InvalidId));
    }

    #[test]
    fn never_is_later_than_any_time_and_not_than_itself() {
        let at = |millis| Some(UnixMillis::new(millis));
        assert!(lasts_longer(None, at(5)) && lasts_longer(at(6), at(5)));
        assert!(!lasts_longer(None, None) && !lasts_longer(at(5), None) && !lasts_longer(at(5), at(5)));
    }

    proptest! {
        #[test]
        fn an_id_reads_what_it_prints(octets: [u8; 16]) {
            let id = SuppressionId::from_octets(octets);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        }
    }
}
