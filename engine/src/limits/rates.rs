//! What a limit is.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// All that an account sends.
    Account,
    /// What it sends from one sending domain.
    Domain,
    /// What it sends to one address.
    Recipient,
    /// What is sent with one token.
    Token,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Account, Self::Domain, Self::Recipient, Self::Token];

    /// `account`, `domain`, `recipient` or `token`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Domain => "domain",
            Self::Recipient => "recipient",
            Self::Token => "token",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Over what time a limit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// Any second.
    Second,
    /// Any hour.
    Hour,
    /// A day of UTC.
    Day,
}

impl Window {
    /// Every window, the shortest first.
    pub const ALL: [Self; 3] = [Self::Second, Self::Hour, Self::Day];

    /// `second`, `hour` or `day`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// How long a slot is, in milliseconds.
    pub(super) const fn slot_millis(self) -> u64 {
        match self {
            Self::Second => 50,
            Self::Hour => 60_000,
            Self::Day => 86_400_000,
        }
    }

    /// How many slots the window has: those that a second or an hour can touch, wherever it begins.
    pub(super) const fn slots(self) -> u64 {
        match self {
            Self::Second => 21,
            Self::Hour => 61,
            Self::Day => 1,
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Most recipients in each window. `None` says nothing, so that what is more general holds; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// In any second.
    pub second: Option<u64>,
    /// In any hour.
    pub hour: Option<u64>,
    /// In a day of UTC.
    pub day: Option<u64>,
}

impl Rates {
    /// These, and `general` where they say nothing.
    pub fn or(self, general: Self) -> Self {
        Self {
            second: self.second.or(general.second),
            hour: self.hour.or(general.hour),
            day: self.day.or(general.day),
        }
    }

    /// Most recipients in a window; `None` if they are not limited.
    pub fn most(self, window: Window) -> Option<u64> {
        let most = match window {
            Window::Second => self.second,
            Window::Hour => self.hour,
            Window::Day => self.day,
        };
        most.filter(|most| *most > 0)
    }

    /// Whether nothing is limited.
    pub fn is_unlimited(self) -> bool {
        Window::ALL.into_iter().all(|window| self.most(window).is_none())
    }
}
