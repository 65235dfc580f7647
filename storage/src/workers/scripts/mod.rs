//! The code of Workers: versions that never change, and deployments that say which of them runs.
//!
//! **In memory** is every Worker with the version that runs, its bindings too, since an event asks for them. **On disk** a
//! database has Workers, versions and deployments; the modules of a version are in a file of its own,
//! `ACCOUNT/NAME/VERSION`, written whole before the version is known and removed after it is forgotten. Versions that
//! differ in their bindings only share a file.
//!
//! **Bounds.** [`MAX_SCRIPTS`] an account; of each the [`VERSIONS_KEPT`] newest versions and those of the
//! [`DEPLOYMENTS_KEPT`] newest deployments.

mod checks;
mod code;
mod hosts;
mod model;
mod rows;
mod secrets;
mod withdraw;
mod write;

#[cfg(test)]
mod tests;

pub use checks::{MAX_BINDINGS, MAX_MODULES, MAX_OCTETS, MAX_SCRIPTS, MAX_VARIABLE};
pub use hosts::Host;
pub use model::{
    Code, Deployment, DeploymentId, InvalidVersionId, ModuleInfo, NewDeployment, NewVersion, Origin, Script,
    ScriptError, Version, VersionId,
};

use super::database::Database;
use crate::{control::ObjectId, error::StorageError, private_folder::PrivateFolder};
use hosts::Hosts;
use mailwright_engine::worker::{Module, ScriptName};
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// Versions that are kept of a Worker beside those that its deployments name.
const VERSIONS_KEPT: i64 = 100;
/// Deployments that are kept of a Worker.
const DEPLOYMENTS_KEPT: i64 = 10;

/// The Workers of each account, by name.
type Known = HashMap<ObjectId, BTreeMap<ScriptName, Arc<Script>>>;

/// The Workers of all accounts; clones share everything.
#[derive(Debug, Clone)]
pub struct ScriptStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    db: Database,
    known: RwLock<Known>,
    hosts: RwLock<Hosts>,
    /// Held by whoever changes something, from what he looks at to what he stores.
    changes: Mutex<()>,
}

impl ScriptStore {
    /// Opens the Workers in the folder `dir`, made if missing. Files that a crash has left are removed.
    ///
    /// # Errors
    /// When the file system or the database refuses, or a newer version wrote it.
    pub fn open(dir: &Path) -> Result<Self, StorageError> {
        PrivateFolder::open(dir)?;
        let db = Database::open(dir, rows::SCHEMA)?;
        let (known, hosts, codes) = db
            .read(|db| Ok::<_, ScriptError>((rows::known(db)?, hosts::read(db)?, rows::codes(db)?)))
            .map_err(ScriptError::into_storage)?;
        code::sweep(dir, &codes)?;
        let (known, hosts) = (RwLock::new(known), RwLock::new(hosts));
        Ok(Self(Arc::new(Shared { dir: dir.to_path_buf(), db, known, hosts, changes: Mutex::default() })))
    }

    /// The Worker of this name. Reads from memory only.
    pub fn script(&self, account: &ObjectId, name: &ScriptName) -> Option<Arc<Script>> {
        self.known(|known| known.get(account)?.get(name).cloned())
    }

    /// The Workers of an account, in the order of names.
    pub fn scripts(&self, account: &ObjectId) -> Vec<Arc<Script>> {
        self.known(|known| known.get(account).map(|scripts| scripts.values().cloned().collect()))
            .unwrap_or_default()
    }

    /// All Workers, in no order.
    pub fn all(&self) -> Vec<Arc<Script>> {
        self.known(|known| known.values().flat_map(BTreeMap::values).cloned().collect())
    }

    /// The versions that are kept of a Worker, the newest first; none if there is no such Worker.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn versions(&self, account: &ObjectId, name: &ScriptName) -> Result<Vec<Arc<Version>>, ScriptError> {
        self.0.db.read(|db| rows::versions(db, account, name))
    }

    /// A version of a Worker; `None` if it is not (any more) there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn version(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        id: &VersionId,
    ) -> Result<Option<Arc<Version>>, ScriptError> {
        self.0.db.read(|db| rows::version(db, account, name, id))
    }

    /// The newest version of a Worker, deployed or not; `None` if it has none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn latest(&self, account: &ObjectId, name: &ScriptName) -> Result<Option<Arc<Version>>, ScriptError> {
        Ok(self.versions(account, name)?.into_iter().next())
    }

    /// The modules of a version, up to [`MAX_OCTETS`], in the order in which they were uploaded.
    ///
    /// # Errors
    /// [`ScriptError::NoVersion`] when the version was removed meanwhile; when its file cannot be read, or is not what was
    /// written.
    pub fn modules(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        version: &Version,
    ) -> Result<Vec<Module>, ScriptError> {
        code::read(&self.0.dir, account, name, version)
    }

    /// The deployments that are kept of a Worker, the newest, which is the one in force, first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn deployments(
        &self,
        account: &ObjectId,
        name: &ScriptName,
    ) -> Result<Vec<Arc<Deployment>>, ScriptError> {
        self.0.db.read(|db| rows::deployments(db, account, name))
    }

    fn known<T>(&self, read: impl FnOnce(&Known) -> T) -> T {
        read(&self.0.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn learn<T>(&self, write: impl FnOnce(&mut Known) -> T) -> T {
        write(&mut self.0.known.write().unwrap_or_else(PoisonError::into_inner))
    }
}
