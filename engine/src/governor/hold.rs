//! Why a site waits.

use crate::time::UnixMillis;
use serde::Serialize;

/// What keeps a site from opening a connection or starting a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// When to look again; it may be over before.
    pub until: UnixMillis,
    /// What it is.
    pub cause: HoldCause,
    /// The cause in one line for people, with its figures.
    pub detail: String,
}

/// What a hold comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldCause {
    /// The configured rate of new connections.
    ConnectionRate,
    /// The configured rate of messages.
    MessageRate,
    /// As many connections as the window allows are open.
    Concurrency,
    /// As many connections as the site was seen to allow are open.
    ConnectionCap,
    /// The destination is dead for now.
    Breaker,
    /// The rule of this name.
    Rule(String),
}

impl HoldCause {
    /// A bounded label for metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::ConnectionRate => "connection_rate",
            Self::MessageRate => "message_rate",
            Self::Concurrency => "concurrency",
            Self::ConnectionCap => "connection_cap",
            Self::Breaker => "breaker",
            Self::Rule(_) => "rule",
        }
    }

    /// Whether there would be more connections but for it.
    pub const fn is_about_connections(&self) -> bool {
        matches!(self, Self::ConnectionRate | Self::Concurrency | Self::ConnectionCap)
    }
}
