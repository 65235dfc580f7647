//! The database of data points.

use super::{DataPoint, StoredPoint, feed::NewPoint};
use crate::{
    control::ObjectId,
    error::StorageError,
    workers::database::{Database, STEP, Schema, failed, millis, number, time},
};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, params};

/// `point` is its blobs, numbers and indexes. An account's `points` are how many it has.
pub(super) const SCHEMA: Schema = Schema {
    name: "points",
    number: 1,
    tables: "
    CREATE TABLE accounts (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE points (
        n INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        dataset TEXT NOT NULL,
        at INTEGER NOT NULL,
        point BLOB NOT NULL
    ) STRICT;
    CREATE INDEX points_by_dataset ON points (account, dataset, at);
    CREATE INDEX points_by_age ON points (at);
",
};

/// An error of the two kinds that there are here.
struct Failed(StorageError);

impl From<StorageError> for Failed {
    fn from(error: StorageError) -> Self {
        Self(error)
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self(failed(SCHEMA.name, &error))
    }
}

/// Writes points.
pub(super) fn add(db: &Database, points: Vec<NewPoint>) -> Result<(), StorageError> {
    let added = db.change(move |db| {
        let account = "INSERT INTO accounts (id) VALUES (?) ON CONFLICT (id) DO NOTHING";
        let insert = "INSERT INTO points (account, dataset, at, point)
                      VALUES ((SELECT n FROM accounts WHERE id = ?), ?, ?, ?)";
        for NewPoint { account: of, dataset, at, point } in &points {
            db.prepare_cached(account)?.execute([of.as_str()])?;
            let DataPoint { blobs, doubles, indexes } = point;
            let point = postcard::to_stdvec(&(blobs, doubles, indexes)).map_err(unread)?;
            db.prepare_cached(insert)?.execute(params![of.as_str(), dataset, millis(*at), point])?;
        }
        Ok::<_, Failed>(())
    });
    added.map_err(|Failed(error)| error)
}

/// The newest points of a dataset.
pub(super) fn points(
    db: &Database,
    account: &ObjectId,
    dataset: &str,
    since: UnixMillis,
    most: usize,
) -> Result<Vec<StoredPoint>, StorageError> {
    let found = db.read(|db| {
        let select = "SELECT at, point FROM points
                      WHERE account = (SELECT n FROM accounts WHERE id = ?) AND dataset = ? AND at >= ?
                      ORDER BY at DESC, n DESC LIMIT ?";
        let mut select = db.prepare_cached(select)?;
        let mut rows = select.query(params![account.as_str(), dataset, millis(since), number(most)])?;
        let mut points = Vec::new();
        while let Some(row) = rows.next()? {
            let (blobs, doubles, indexes) =
                postcard::from_bytes(&row.get::<_, Vec<u8>>(1)?).map_err(unread)?;
            points.push(StoredPoint { at: time(row.get(0)?), point: DataPoint { blobs, doubles, indexes } });
        }
        Ok::<_, Failed>(points)
    });
    found.map_err(|Failed(error)| error)
}

/// The datasets of an account, with how many points they have.
pub(super) fn datasets(db: &Database, account: &ObjectId) -> Result<Vec<(String, u64)>, StorageError> {
    let found = db.read(|db| {
        let select = "SELECT dataset, count(*) FROM points
                      WHERE account = (SELECT n FROM accounts WHERE id = ?) GROUP BY dataset ORDER BY dataset";
        let mut select = db.prepare_cached(select)?;
        let rows = select.query_map([account.as_str()], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
        })?;
        Ok::<_, Failed>(rows.collect::<rusqlite::Result<Vec<_>>>()?)
    });
    found.map_err(|Failed(error)| error)
}

/// Removes points from before `oldest`, and the oldest of accounts that have more than `most`.
pub(super) fn purge(db: &Database, oldest: UnixMillis, most: u64) -> Result<(), StorageError> {
    let before = millis(oldest);
    let old = move |db: &Connection| {
        let old = "DELETE FROM points WHERE n IN (SELECT n FROM points WHERE at < ? LIMIT ?)";
        Ok::<_, Failed>(db.prepare_cached(old)?.execute(params![before, STEP])?)
    };
    db.remove_all(old).map_err(|Failed(error)| error)?;
    let accounts = db.read(|db| {
        let mut select = db.prepare_cached("SELECT account, count(*) FROM points GROUP BY account")?;
        let rows = select.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        Ok::<_, Failed>(rows.collect::<rusqlite::Result<Vec<_>>>()?)
    });
    for (account, count) in accounts.map_err(|Failed(error)| error)? {
        let mut excess = count.saturating_sub(i64::try_from(most).unwrap_or(i64::MAX));
        while excess > 0 {
            let step = excess.min(STEP);
            let removed = db.change(move |db| {
                let oldest = "DELETE FROM points WHERE n IN
                              (SELECT n FROM points WHERE account = ? ORDER BY n LIMIT ?)";
                Ok::<_, Failed>(db.prepare_cached(oldest)?.execute(params![account, step])?)
            });
            if removed.map_err(|Failed(error)| error)? == 0 {
                break;
            }
            excess -= step;
        }
    }
    Ok(())
}

/// Removes all points of an account.
pub(super) fn remove_account(db: &Database, account: &ObjectId) -> Result<(), StorageError> {
    let of = account.clone();
    let step = move |db: &Connection| {
        let gone = "DELETE FROM points WHERE n IN (SELECT n FROM points
                    WHERE account = (SELECT n FROM accounts WHERE id = ?) LIMIT ?)";
        Ok::<_, Failed>(db.prepare_cached(gone)?.execute(params![of.as_str(), STEP])?)
    };
    db.remove_all(step).map_err(|Failed(error)| error)?;
    Ok(())
}

fn unread(error: postcard::Error) -> StorageError {
    StorageError::format("data point", error)
}
