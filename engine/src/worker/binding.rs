//! What a Worker may use, by the name that its code has for it in `env`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One of `env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The name in `env`: a JavaScript identifier.
    pub name: String,
    /// What stands there.
    pub kind: BindingKind,
}

/// What stands at a name in `env`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BindingKind {
    /// A string (`vars`).
    PlainText(String),
    /// A string that is shown to nobody (`wrangler secret put`).
    SecretText(String),
    /// A value, as JSON text.
    Json(String),
    /// Octets, as an `ArrayBuffer`.
    Data(Vec<u8>),
    /// The sending of mail.
    SendEmail(SendRules),
    /// A namespace of keys and values, by its id: 32 hexadecimal digits.
    Kv(String),
    /// A queue to send to, by its name, with the seconds that its messages wait if nothing else is said.
    Queue {
        /// The queue.
        name: String,
        /// Seconds.
        delay: u32,
    },
    /// Data points, by the name of their dataset.
    Analytics(String),
    /// Which version runs: an object with `id`, `tag`, `timestamp`.
    VersionMetadata,
}

/// Whom a binding sends for and to (`send_email` of the Worker's configuration).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendRules {
    /// The only senders; empty: any of the account's.
    pub allowed_senders: Vec<String>,
    /// The only recipient; messages that name none go there.
    pub destination: Option<String>,
    /// The only recipients; empty: any.
    pub allowed_destinations: Vec<String>,
}

impl fmt::Debug for BindingKind {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PlainText(_) => "PlainText",
            Self::SecretText(_) => "SecretText",
            Self::Json(_) => "Json",
            Self::Data(_) => "Data",
            Self::SendEmail(_) => "SendEmail",
            Self::Kv(_) => "Kv",
            Self::Queue { .. } => "Queue",
            Self::Analytics(_) => "Analytics",
            Self::VersionMetadata => "VersionMetadata",
        })
    }
}
