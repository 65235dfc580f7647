//! Changes of Workers.

use super::{
    Code, DEPLOYMENTS_KEPT, Deployment, Host, MAX_SCRIPTS, NewDeployment, NewVersion, Origin, Script,
    ScriptError, ScriptStore, VERSIONS_KEPT, Version, VersionId, checks,
    code::{self, Place},
    rows,
};
use crate::{
    control::ObjectId,
    error::StorageError,
    workers::{commits::lock, database::millis},
};
use mailwright_engine::worker::ScriptName;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;
use std::{mem, sync::Arc};

impl ScriptStore {
    /// Makes a version of a Worker, which is made with its first; what runs stays as it is. Blocks for syncs.
    ///
    /// # Errors
    /// [`ScriptError::Invalid`] for what can be no version, [`ScriptError::Full`] when the account has [`MAX_SCRIPTS`],
    /// [`ScriptError::NoVersion`] when the modules are to be those of one that is not there; when it cannot be stored.
    pub fn upload(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        new: NewVersion,
        origin: Origin,
    ) -> Result<Arc<Version>, ScriptError> {
        let _changing = lock(&self.0.changes);
        self.add(account, name, new, origin)
    }

    /// As [`upload`](Self::upload), under the lock.
    pub(super) fn add(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        mut new: NewVersion,
        origin: Origin,
    ) -> Result<Arc<Version>, ScriptError> {
        checks::version(&new)?;
        if self.script(account, name).is_none() && self.scripts(account).len() >= MAX_SCRIPTS {
            return Err(ScriptError::Full { most: MAX_SCRIPTS });
        }
        let id = VersionId::random()?;
        let place = (account.clone(), name.clone(), id);
        let version = self.version_of(&place, &mut new, origin)?;
        let (of, is_new) = (place.clone(), version.code == place.2);
        let stored = self.0.db.change(move |db| store(db, &of.0, &of.1, version));
        if stored.is_err() && is_new {
            // Nobody knows of the file.
            code::remove(&self.0.dir, &place)?;
        }
        let (version, forgotten) = stored?;
        self.forget(account, name, forgotten);
        self.look_again(account, name)?;
        Ok(version)
    }

    /// The version without its number, its modules written.
    fn version_of(
        &self,
        place: &Place,
        new: &mut NewVersion,
        origin: Origin,
    ) -> Result<Version, ScriptError> {
        let (account, name, id) = place;
        let (modules, etag, code) = match mem::replace(&mut new.code, Code::New(Vec::new())) {
            Code::New(modules) => {
                checks::modules(&new.main_module, &modules)?;
                let (modules, etag) = code::write(&self.0.dir, place, modules)?;
                (modules, etag, id.clone())
            }
            Code::Of(of) => {
                let of = self.version(account, name, &of)?.ok_or_else(|| no_version(name, &of))?;
                (of.modules.clone(), of.etag.clone(), of.code.clone())
            }
        };
        Ok(Version {
            id: id.clone(),
            number: 0,
            origin,
            annotations: mem::take(&mut new.annotations),
            main_module: mem::take(&mut new.main_module),
            compatibility_date: mem::take(&mut new.compatibility_date),
            compatibility_flags: mem::take(&mut new.compatibility_flags),
            modules,
            etag,
            bindings: mem::take(&mut new.bindings),
            limits: new.limits,
            handlers: mem::take(&mut new.handlers),
            extra: mem::take(&mut new.extra),
            code,
        })
    }

    /// Lets a version run from now on. Blocks for a sync.
    ///
    /// # Errors
    /// [`ScriptError::NoScript`], [`ScriptError::NoVersion`]; when it cannot be stored.
    pub fn deploy(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        version: &VersionId,
        new: NewDeployment,
        origin: Origin,
    ) -> Result<Arc<Deployment>, ScriptError> {
        let _changing = lock(&self.0.changes);
        self.put_in_force(account, name, version, new, origin)
    }

    /// As [`deploy`](Self::deploy), under the lock.
    pub(super) fn put_in_force(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        version: &VersionId,
        new: NewDeployment,
        origin: Origin,
    ) -> Result<Arc<Deployment>, ScriptError> {
        self.require(account, name)?;
        let version = self.version(account, name, version)?.ok_or_else(|| no_version(name, version))?;
        let NewDeployment { annotations } = new;
        let id = VersionId::random()?;
        let deployment = Deployment { id, origin, version: version.id.clone(), annotations };
        let (of, called) = (account.clone(), name.clone());
        let (deployment, forgotten) = self.0.db.change(move |db| {
            let n = rows::number(db, &of, &called)?;
            let about = rows::encode(&deployment)?;
            let put = "INSERT INTO deployments (script, version, about) VALUES (?, ?, ?)";
            db.execute(put, params![n, deployment.version.as_str(), about])?;
            touch(db, n, &deployment.origin)?;
            Ok::<_, ScriptError>((Arc::new(deployment), prune(db, n)?))
        })?;
        self.forget(account, name, forgotten);
        self.look_again(account, name)?;
        Ok(deployment)
    }

    /// Sets whether a Worker answers requests under host names. Blocks for a sync.
    ///
    /// # Errors
    /// [`ScriptError::NoScript`]; when it cannot be stored.
    pub fn set_host(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        host: Host,
    ) -> Result<Arc<Script>, ScriptError> {
        let set = "UPDATE scripts SET workers_dev = ?, previews = ? WHERE n = ?";
        self.update(account, name, move |db, n| db.execute(set, params![host.workers_dev, host.previews, n]))
    }

    /// Keeps what clients say of a Worker, in place of what they said before. Blocks for a sync.
    ///
    /// # Errors
    /// [`ScriptError::NoScript`], [`ScriptError::Invalid`] for too much; when it cannot be stored.
    pub fn set_settings(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        settings: &Value,
    ) -> Result<Arc<Script>, ScriptError> {
        let settings = settings.to_string();
        checks::settings(&settings)?;
        let set = "UPDATE scripts SET settings = ? WHERE n = ?";
        self.update(account, name, move |db, n| db.execute(set, params![settings, n]))
    }

    fn update(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        update: impl FnOnce(&Connection, i64) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<Arc<Script>, ScriptError> {
        let _changing = lock(&self.0.changes);
        self.require(account, name)?;
        let (of, called) = (account.clone(), name.clone());
        self.0.db.change(move |db| Ok::<_, ScriptError>(update(db, rows::number(db, &of, &called)?)?))?;
        self.look_again(account, name)?;
        self.require(account, name)
    }

    /// Removes a Worker with all its versions. Blocks for a sync.
    ///
    /// # Errors
    /// [`ScriptError::NoScript`]; when that cannot be stored.
    pub fn remove(&self, account: &ObjectId, name: &ScriptName) -> Result<(), ScriptError> {
        let _changing = lock(&self.0.changes);
        self.require(account, name)?;
        let (of, called) = (account.clone(), name.clone());
        self.0.db.change(move |db| {
            let remove = "DELETE FROM scripts WHERE account = ? AND name = ?";
            db.execute(remove, params![of.as_str(), called.as_str()])?;
            Ok::<_, ScriptError>(())
        })?;
        self.look_again(account, name)?;
        Ok(code::remove_folder(&self.0.dir, account, Some(name))?)
    }

    /// Removes all Workers of an account, and its subdomain.
    pub(in crate::workers) fn remove_account(&self, account: &ObjectId) -> Result<(), StorageError> {
        let _changing = lock(&self.0.changes);
        let of = account.clone();
        let removed = self.0.db.change(move |db| {
            db.execute("DELETE FROM scripts WHERE account = ?", [of.as_str()])?;
            db.execute("DELETE FROM subdomains WHERE account = ?", [of.as_str()])?;
            Ok(())
        });
        removed.map_err(ScriptError::into_storage)?;
        self.learn(|known| known.remove(account));
        self.learn_hosts(|hosts| hosts.forget(account));
        code::remove_folder(&self.0.dir, account, None)
    }

    pub(super) fn require(&self, account: &ObjectId, name: &ScriptName) -> Result<Arc<Script>, ScriptError> {
        self.script(account, name).ok_or_else(|| ScriptError::NoScript(name.clone()))
    }

    /// Brings what is in memory up to what is on disk.
    pub(super) fn look_again(&self, account: &ObjectId, name: &ScriptName) -> Result<(), ScriptError> {
        let script = self.0.db.read(|db| rows::one(db, account, name))?;
        self.learn(|known| {
            let of_account = known.entry(account.clone()).or_default();
            match script {
                Some(script) => of_account.insert(name.clone(), script),
                None => of_account.remove(name),
            };
        });
        Ok(())
    }

    /// Removes files that no version has any more. One that stays is removed by the next start.
    pub(super) fn forget(&self, account: &ObjectId, name: &ScriptName, codes: Vec<VersionId>) {
        for code in codes {
            if let Err(error) = code::remove(&self.0.dir, &(account.clone(), name.clone(), code)) {
                tracing::warn!(%error, "the modules of a forgotten version of a Worker stay until the next start");
            }
        }
    }
}

fn store(
    db: &Connection,
    account: &ObjectId,
    name: &ScriptName,
    mut version: Version,
) -> Result<(Arc<Version>, Vec<VersionId>), ScriptError> {
    let n = rows::enter(db, account, name, &version.origin)?;
    let next = "UPDATE scripts SET numbers = numbers + 1 WHERE n = ? RETURNING numbers";
    version.number = db.query_row(next, [n], |row| row.get::<_, i64>(0))?.unsigned_abs();
    let about = rows::encode(&version)?;
    db.execute(
        "INSERT INTO versions (script, id, code, about) VALUES (?, ?, ?, ?)",
        params![n, version.id.as_str(), version.code.as_str(), about],
    )?;
    touch(db, n, &version.origin)?;
    Ok((Arc::new(version), prune(db, n)?))
}

fn touch(db: &Connection, n: i64, origin: &Origin) -> rusqlite::Result<()> {
    db.execute("UPDATE scripts SET modified = ? WHERE n = ?", params![millis(origin.at), n])?;
    Ok(())
}

/// Forgets what is more than is kept of a Worker. Returns the files that no version has any more.
fn prune(db: &Connection, n: i64) -> Result<Vec<VersionId>, ScriptError> {
    db.execute(
        "DELETE FROM deployments WHERE script = ?1 AND n NOT IN
         (SELECT n FROM deployments WHERE script = ?1 ORDER BY n DESC LIMIT ?2)",
        params![n, DEPLOYMENTS_KEPT],
    )?;
    let forget = "DELETE FROM versions WHERE script = ?1
                  AND n NOT IN (SELECT n FROM versions WHERE script = ?1 ORDER BY n DESC LIMIT ?2)
                  AND id NOT IN (SELECT version FROM deployments WHERE script = ?1)
                  RETURNING code";
    let mut forget = db.prepare_cached(forget)?;
    let codes = forget.query_map(params![n, VERSIONS_KEPT], |row| row.get::<_, String>(0))?;
    unused(db, n, codes.collect::<rusqlite::Result<Vec<_>>>()?)
}

/// Those of the files that no version of a Worker has any more.
pub(super) fn unused(db: &Connection, n: i64, codes: Vec<String>) -> Result<Vec<VersionId>, ScriptError> {
    let mut unused = Vec::new();
    for code in codes {
        let used = "SELECT 1 FROM versions WHERE script = ? AND code = ? LIMIT 1";
        let used = db.prepare_cached(used)?.query_row(params![n, code], |_| Ok(())).optional()?;
        if used.is_none() {
            unused.push(code.parse().map_err(|error| StorageError::format("Worker", error))?);
        }
    }
    Ok(unused)
}

fn no_version(name: &ScriptName, version: &VersionId) -> ScriptError {
    ScriptError::NoVersion { script: name.clone(), version: version.to_string() }
}
