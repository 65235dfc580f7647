//! The database of data points.

use super::{DataPoint, StoredPoint, feed::NewPoint};
use crate::{
    control::ObjectId,
    error::StorageError,
    workers::database::{Database, STEP, Schema, failed, millis, number, time},
};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// `point` is its blobs, numbers and indexes. An account's `octets` are the sum of those of its points.
pub(super) const SCHEMA: Schema = Schema {
    name: "points",
    number: 1,
    tables: "
    CREATE TABLE accounts (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, octets INTEGER NOT NULL) STRICT;
    CREATE TABLE points (
        n INTEGER PRIMARY KEY,
        account INTEGER NOT NULL,
        dataset TEXT NOT NULL,
        at INTEGER NOT NULL,
        octets INTEGER NOT NULL,
        point BLOB NOT NULL
    ) STRICT;
    CREATE INDEX points_by_dataset ON points (account, dataset, at);
    CREATE INDEX points_of_account ON points (account);
    CREATE INDEX points_by_age ON points (at);
",
};

/// Octets that a point takes beside its fields.
const OVERHEAD: usize = 64;

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

/// Writes points; the oldest of an account go as far as it has more than `most` octets.
pub(super) fn add(db: &Database, points: Vec<NewPoint>, most: u64) -> Result<(), StorageError> {
    let added = db.change(move |db| {
        let mut accounts = BTreeSet::new();
        for NewPoint { account, dataset, at, point } in &points {
            let DataPoint { blobs, doubles, indexes } = point;
            let point = postcard::to_stdvec(&(blobs, doubles, indexes)).map_err(unread)?;
            let octets = number(OVERHEAD + dataset.len() + point.len());
            let grow = "INSERT INTO accounts (id, octets) VALUES (?1, ?2)
                        ON CONFLICT (id) DO UPDATE SET octets = octets + ?2 RETURNING n";
            let n: i64 =
                db.prepare_cached(grow)?.query_row(params![account.as_str(), octets], |row| row.get(0))?;
            let insert = "INSERT INTO points (account, dataset, at, octets, point) VALUES (?, ?, ?, ?, ?)";
            db.prepare_cached(insert)?.execute(params![n, dataset, millis(*at), octets, point])?;
            accounts.insert(n);
        }
        accounts.into_iter().try_for_each(|account| push_out(db, account, most))
    });
    added.map_err(|Failed(error)| error)
}

/// Removes the oldest points of an account until it has at most `most` octets.
fn push_out(db: &Connection, account: i64, most: u64) -> Result<(), Failed> {
    let octets = "SELECT octets FROM accounts WHERE n = ?";
    let octets: i64 = db.prepare_cached(octets)?.query_row([account], |row| row.get(0))?;
    let excess = octets.saturating_sub(i64::try_from(most).unwrap_or(i64::MAX));
    if excess <= 0 {
        return Ok(());
    }
    let oldest = "SELECT n, octets FROM points WHERE account = ? ORDER BY n";
    let (mut last, mut less) = (0, 0);
    {
        let mut oldest = db.prepare_cached(oldest)?;
        let mut rows = oldest.query([account])?;
        while less < excess
            && let Some(row) = rows.next()?
        {
            (last, less) = (row.get(0)?, less + row.get::<_, i64>(1)?);
        }
    }
    let remove = "DELETE FROM points WHERE account = ? AND n <= ?";
    db.prepare_cached(remove)?.execute(params![account, last])?;
    db.prepare_cached("UPDATE accounts SET octets = octets - ? WHERE n = ?")?
        .execute(params![less, account])?;
    Ok(())
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

/// Removes points from before `oldest`.
pub(super) fn purge(db: &Database, oldest: UnixMillis) -> Result<(), StorageError> {
    let before = millis(oldest);
    let step = move |db: &Connection| {
        let old = "DELETE FROM points WHERE n IN (SELECT n FROM points WHERE at < ? LIMIT ?)
                   RETURNING account, octets";
        let mut old = db.prepare_cached(old)?;
        let gone = old.query_map(params![before, STEP], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let gone = gone.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
        for (account, octets) in &gone {
            let less = "UPDATE accounts SET octets = octets - ? WHERE n = ?";
            db.prepare_cached(less)?.execute(params![octets, account])?;
        }
        Ok::<_, Failed>(gone.len())
    };
    db.remove_all(step).map(drop).map_err(|Failed(error)| error)
}

/// Removes all points of an account.
pub(super) fn remove_account(db: &Database, account: &ObjectId) -> Result<(), StorageError> {
    let of = account.clone();
    let step = move |db: &Connection| {
        let gone = "DELETE FROM points WHERE n IN (SELECT n FROM points
                    WHERE account = (SELECT n FROM accounts WHERE id = ?) LIMIT ?)";
        let gone = db.prepare_cached(gone)?.execute(params![of.as_str(), STEP])?;
        if gone == 0 {
            db.execute("DELETE FROM accounts WHERE id = ?", [of.as_str()])?;
        }
        Ok::<_, Failed>(gone)
    };
    db.remove_all(step).map(drop).map_err(|Failed(error)| error)
}

fn unread(error: postcard::Error) -> StorageError {
    StorageError::format("data point", error)
}
