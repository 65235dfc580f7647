//! The database of Workers, versions and deployments.

use super::{Deployment, Known, Script, ScriptError, Version, VersionId, code::Place, model::Origin};
use crate::{
    control::ObjectId,
    error::StorageError,
    workers::{
        database::{Schema, millis, time},
        random_id,
    },
};
use mailwright_engine::worker::ScriptName;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::HashSet, sync::Arc};

/// `about` is the object as JSON, so that later versions can add fields. `code` is the version whose file has the modules.
/// `numbers` is the number of the last version: one is never used again.
pub(super) const SCHEMA: Schema = Schema {
    name: "scripts",
    number: 1,
    tables: "
    CREATE TABLE scripts (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        account TEXT NOT NULL,
        name TEXT NOT NULL,
        id TEXT NOT NULL,
        created INTEGER NOT NULL,
        modified INTEGER NOT NULL,
        workers_dev INTEGER NOT NULL,
        previews INTEGER NOT NULL,
        settings TEXT NOT NULL,
        numbers INTEGER NOT NULL,
        UNIQUE (account, name)
    ) STRICT;
    CREATE TABLE versions (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        script INTEGER NOT NULL REFERENCES scripts (n) ON DELETE CASCADE,
        id TEXT NOT NULL UNIQUE,
        code TEXT NOT NULL,
        about TEXT NOT NULL
    ) STRICT;
    CREATE INDEX versions_of_script ON versions (script);
    CREATE TABLE deployments (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        script INTEGER NOT NULL REFERENCES scripts (n) ON DELETE CASCADE,
        version TEXT NOT NULL,
        about TEXT NOT NULL
    ) STRICT;
    CREATE INDEX deployments_of_script ON deployments (script);
    CREATE TABLE subdomains (account TEXT PRIMARY KEY, label TEXT NOT NULL UNIQUE) STRICT, WITHOUT ROWID;
",
};

const COLUMNS: &str = "n, account, name, id, created, modified, workers_dev, previews, settings";

/// All Workers with what runs of them.
pub(super) fn known(db: &Connection) -> Result<Known, ScriptError> {
    let mut known = Known::new();
    let mut select = db.prepare(&format!("SELECT {COLUMNS} FROM scripts"))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let script = Arc::new(script(db, row)?);
        known.entry(script.account.clone()).or_default().insert(script.name.clone(), script);
    }
    Ok(known)
}

/// One Worker as it stands in the database.
pub(super) fn one(
    db: &Connection,
    account: &ObjectId,
    name: &ScriptName,
) -> Result<Option<Arc<Script>>, ScriptError> {
    let select = format!("SELECT {COLUMNS} FROM scripts WHERE account = ? AND name = ?");
    let mut select = db.prepare_cached(&select)?;
    let mut rows = select.query(params![account.as_str(), name.as_str()])?;
    Ok(rows.next()?.map(|row| script(db, row)).transpose()?.map(Arc::new))
}

fn script(db: &Connection, row: &Row<'_>) -> Result<Script, ScriptError> {
    let n: i64 = row.get("n")?;
    let newest = "SELECT about FROM deployments WHERE script = ? ORDER BY n DESC LIMIT 1";
    let deployment: Option<Arc<Deployment>> = about(db, newest, params![n])?;
    let of = "SELECT about FROM versions WHERE id = ?";
    let deployed = match &deployment {
        Some(deployment) => about(db, of, params![deployment.version.as_str()])?,
        None => None,
    };
    let parsed = |what: &'static str| move |error: &dyn std::fmt::Display| StorageError::format(what, error);
    Ok(Script {
        id: row.get::<_, String>("id")?.parse().map_err(|e| parsed("Worker")(&e))?,
        account: row.get::<_, String>("account")?.parse().map_err(|e| parsed("Worker")(&e))?,
        name: row.get::<_, String>("name")?.parse().map_err(|e| parsed("Worker")(&e))?,
        created: time(row.get("created")?),
        modified: time(row.get("modified")?),
        deployed,
        deployment,
        workers_dev: row.get("workers_dev")?,
        previews: row.get("previews")?,
        settings: serde_json::from_str(&row.get::<_, String>("settings")?)
            .map_err(|e| parsed("Worker")(&e))?,
    })
}

/// The files that versions have.
pub(super) fn codes(db: &Connection) -> Result<HashSet<Place>, ScriptError> {
    let select =
        "SELECT DISTINCT account, name, code FROM versions JOIN scripts ON scripts.n = versions.script";
    let mut select = db.prepare(select)?;
    let rows = select.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let mut codes = HashSet::new();
    for row in rows {
        let (account, name, code) = row?;
        let place = account.parse().ok().zip(name.parse().ok()).zip(code.parse().ok());
        codes.extend(place.map(|((account, name), code)| (account, name, code)));
    }
    Ok(codes)
}

/// The versions of a Worker, the newest first.
pub(super) fn versions(
    db: &Connection,
    account: &ObjectId,
    name: &ScriptName,
) -> Result<Vec<Arc<Version>>, ScriptError> {
    list(
        db,
        "SELECT about FROM versions WHERE script = (SELECT n FROM scripts WHERE account = ? AND name = ?)
         ORDER BY n DESC",
        params![account.as_str(), name.as_str()],
    )
}

/// A version of a Worker.
pub(super) fn version(
    db: &Connection,
    account: &ObjectId,
    name: &ScriptName,
    id: &VersionId,
) -> Result<Option<Arc<Version>>, ScriptError> {
    let select = "SELECT about FROM versions
                  WHERE id = ? AND script = (SELECT n FROM scripts WHERE account = ? AND name = ?)";
    about(db, select, params![id.as_str(), account.as_str(), name.as_str()])
}

/// The deployments of a Worker, the newest first.
pub(super) fn deployments(
    db: &Connection,
    account: &ObjectId,
    name: &ScriptName,
) -> Result<Vec<Arc<Deployment>>, ScriptError> {
    list(
        db,
        "SELECT about FROM deployments WHERE script = (SELECT n FROM scripts WHERE account = ? AND name = ?)
         ORDER BY n DESC",
        params![account.as_str(), name.as_str()],
    )
}

/// The number of a Worker in other tables.
pub(super) fn number(db: &Connection, account: &ObjectId, name: &ScriptName) -> Result<i64, ScriptError> {
    find(db, account, name)?.ok_or_else(|| ScriptError::NoScript(name.clone()))
}

fn find(db: &Connection, account: &ObjectId, name: &ScriptName) -> Result<Option<i64>, ScriptError> {
    let find = "SELECT n FROM scripts WHERE account = ? AND name = ?";
    let found =
        db.prepare_cached(find)?.query_row(params![account.as_str(), name.as_str()], |row| row.get(0));
    Ok(found.optional()?)
}

/// The number of a Worker in other tables, which is made if there is none.
pub(super) fn enter(
    db: &Connection,
    account: &ObjectId,
    name: &ScriptName,
    origin: &Origin,
) -> Result<i64, ScriptError> {
    if let Some(n) = find(db, account, name)? {
        return Ok(n);
    }
    let id = random_id()?;
    db.execute(
        "INSERT INTO scripts (account, name, id, created, modified, workers_dev, previews, settings, numbers)
         VALUES (?, ?, ?, ?, ?, false, false, 'null', 0)",
        params![account.as_str(), name.as_str(), id.as_str(), millis(origin.at), millis(origin.at)],
    )?;
    Ok(db.last_insert_rowid())
}

fn list<T: DeserializeOwned>(
    db: &Connection,
    select: &str,
    of: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Arc<T>>, ScriptError> {
    let mut select = db.prepare_cached(select)?;
    let mut rows = select.query(of)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Arc::new(decode(&row.get::<_, String>(0)?)?));
    }
    Ok(found)
}

fn about<T: DeserializeOwned>(
    db: &Connection,
    select: &str,
    of: &[&dyn rusqlite::ToSql],
) -> Result<Option<Arc<T>>, ScriptError> {
    let found = db.prepare_cached(select)?.query_row(of, |row| row.get::<_, String>(0)).optional()?;
    Ok(found.map(|text| decode(&text)).transpose()?.map(Arc::new))
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError::format("Worker", error))
}

/// An object as its row has it.
pub(super) fn encode(about: &impl Serialize) -> Result<String, StorageError> {
    serde_json::to_string(about).map_err(|error| StorageError::format("Worker", error))
}
