//! What is said of Workers.

use super::super::random_id;
use crate::{control::ObjectId, error::StorageError, workers::database::failed};
use mailwright_engine::{
    time::UnixMillis,
    worker::{Binding, Limits, Module, ModuleKind, ScriptName},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

/// A Worker: a name of an account, and what runs under it.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// Its own name, the same through all versions (`tag` to clients).
    pub id: ObjectId,
    /// Whose it is.
    pub account: ObjectId,
    /// What it is called.
    pub name: ScriptName,
    /// When it was first uploaded.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
    /// The version that runs; `None` before the first deployment.
    pub deployed: Option<Arc<Version>>,
    /// The deployment in force.
    pub deployment: Option<Arc<Deployment>>,
    /// Whether its `fetch()` is reached under its own host name.
    pub workers_dev: bool,
    /// Whether its versions are to be reached under host names of theirs.
    pub previews: bool,
    /// What clients said of the Worker that means nothing here, to be told again.
    pub settings: Value,
}

/// The name of a version: a UUID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionId(String);

/// The name of a deployment: a UUID, too.
pub type DeploymentId = VersionId;

/// Text that is no [`VersionId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no id of a version: a UUID in lower-case letters")]
pub struct InvalidVersionId(String);

/// A version: what was uploaded, never changed afterwards. With secrets: not to be shown as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Its name.
    pub id: VersionId,
    /// Its number among those of the Worker, from 1.
    pub number: u64,
    /// Who made it, when and with what.
    pub origin: Origin,
    /// What it says of itself: `workers/message`, `workers/tag`, `workers/triggered_by`.
    pub annotations: BTreeMap<String, String>,
    /// The module that others are imported from.
    pub main_module: String,
    /// The day whose behaviour of the runtime it wants: `2026-04-26`.
    pub compatibility_date: String,
    /// Changes of that behaviour.
    pub compatibility_flags: Vec<String>,
    /// Its modules, in the order in which they were uploaded ([`ScriptStore::modules`](super::ScriptStore::modules)).
    pub modules: Vec<ModuleInfo>,
    /// SHA-256 of their octets, one after the other, in hexadecimal digits.
    pub etag: String,
    /// What it may use, secrets too.
    pub bindings: Vec<Binding>,
    /// What it may take.
    pub limits: Limits,
    /// The handlers that its uploader has seen in it: `email`, `fetch`, `queue`.
    pub handlers: Vec<String>,
    /// What else its uploader said, which means nothing here, to be told again.
    pub extra: Value,
    /// The version whose file has the modules.
    pub(super) code: VersionId,
}

/// A module of a version, without its octets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleInfo {
    /// The name by which others import it.
    pub name: String,
    /// How it is read.
    pub kind: ModuleKind,
    /// Its octets.
    pub size: u64,
}

/// Who made something, when and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// When.
    pub at: UnixMillis,
    /// Who: the name of a token, or `server`.
    pub author: String,
    /// With what: `wrangler`, `api`, `mailwright`.
    pub source: String,
}

/// A version to be.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// The module that others are imported from.
    pub main_module: String,
    /// Its modules.
    pub code: Code,
    /// The day whose behaviour of the runtime it wants.
    pub compatibility_date: String,
    /// Changes of that behaviour.
    pub compatibility_flags: Vec<String>,
    /// All that it may use.
    pub bindings: Vec<Binding>,
    /// What it may take.
    pub limits: Limits,
    /// The handlers that its uploader has seen in it.
    pub handlers: Vec<String>,
    /// What it says of itself.
    pub annotations: BTreeMap<String, String>,
    /// What else its uploader said, to be told again.
    pub extra: Value,
}

/// The modules of a version to be.
#[derive(Debug, Clone)]
pub enum Code {
    /// These.
    New(Vec<Module>),
    /// Those of another version of the Worker.
    Of(VersionId),
}

/// Which version runs, from a time on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its name.
    pub id: DeploymentId,
    /// Who made it, when and with what.
    pub origin: Origin,
    /// What runs.
    pub version: VersionId,
    /// What it says of itself: `workers/message`, `workers/triggered_by`.
    pub annotations: BTreeMap<String, String>,
}

/// A deployment to be.
#[derive(Debug, Clone, Default)]
pub struct NewDeployment {
    /// What it says of itself.
    pub annotations: BTreeMap<String, String>,
}

/// Why something of a Worker cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The database or the file system refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// No such Worker.
    #[error("there is no Worker {0}")]
    NoScript(ScriptName),
    /// No such version, or no more.
    #[error("the Worker {script} has no version {version}")]
    NoVersion {
        /// The Worker.
        script: ScriptName,
        /// The version.
        version: String,
    },
    /// No such secret.
    #[error("the Worker {script} has no secret {secret:?}")]
    NoSecret {
        /// The Worker.
        script: ScriptName,
        /// The secret.
        secret: String,
    },
    /// What was uploaded cannot be a version.
    #[error("{0}")]
    Invalid(String),
    /// There are as many as there may be.
    #[error("the account has {most} Workers, as many as it may have")]
    Full {
        /// How many.
        most: usize,
    },
    /// Another account has the subdomain.
    #[error("the subdomain {0} is taken")]
    Taken(String),
}

impl From<rusqlite::Error> for ScriptError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(failed(super::rows::SCHEMA.name, &error))
    }
}

impl ScriptError {
    /// This, where only storage can fail.
    pub(super) fn into_storage(self) -> StorageError {
        match self {
            Self::Storage(error) => error,
            error => StorageError::format("Worker", error),
        }
    }
}

impl VersionId {
    /// A fresh random one (RFC 9562, version 4).
    pub(super) fn random() -> Result<Self, StorageError> {
        let id = random_id()?;
        let digits = id.as_str();
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
        let variant = match part(16, 17).as_bytes().first().map_or(0, |digit| digit % 4) {
            0 => '8',
            1 => '9',
            2 => 'a',
            _ => 'b',
        };
        let (one, two, three, four, five) =
            (part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32));
        Ok(Self(format!("{one}-{two}-4{three}-{variant}{four}-{five}")))
    }

    /// The UUID.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VersionId {
    type Err = InvalidVersionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let fits = |(at, byte): (usize, u8)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => is_digit(byte),
        };
        if text.len() == 36 && text.bytes().enumerate().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidVersionId(text.chars().take(80).collect()))
        }
    }
}

impl TryFrom<String> for VersionId {
    type Error = InvalidVersionId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<VersionId> for String {
    fn from(id: VersionId) -> Self {
        id.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
