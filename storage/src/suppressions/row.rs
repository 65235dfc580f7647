//! Rows as they are stored.

use super::{
    AddressKey, NewSuppression, Reason, Scope, SuppressionError,
    model::{Suppression, SuppressionId},
};
use crate::{control::ObjectId, error::StorageError};
use mailwright_engine::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// The columns of a row, in the order that [`read`] expects.
pub(super) const COLUMNS: &str =
    "row, id, email, given, scope, reason, read_only, created, modified, expires, note";

/// A row with its number, by which rows are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) number: i64,
    /// The folded address.
    pub(super) key: String,
    pub(super) row: Suppression,
}

/// Reads a row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<Numbered, SuppressionError> {
    let unreadable = |why: &dyn std::fmt::Display| StorageError::format("suppression", why);
    let key: String = row.get(2)?;
    let given: Option<String> = row.get(3)?;
    let email = EmailAddress::parse(given.as_deref().unwrap_or(&key)).map_err(|e| unreadable(&e))?;
    let scope = match row.get::<_, String>(4)?.as_str() {
        "" => Scope::Account,
        domain => Scope::SendingDomain(Domain::parse(domain).map_err(|e| unreadable(&e))?),
    };
    let reason = row.get(5)?;
    let reason = Reason::from_stored(reason).ok_or_else(|| unreadable(&format!("reason {reason}")))?;
    let suppression = Suppression {
        id: SuppressionId::from_octets(row.get(1)?),
        email,
        reason,
        scope,
        created: time(row.get(7)?),
        modified: time(row.get(8)?),
        expires: row.get::<_, Option<i64>>(9)?.map(time),
        note: row.get(10)?,
        read_only: row.get(6)?,
    };
    Ok(Numbered { number: row.get(0)?, key, row: suppression })
}

/// A time as it is stored.
pub(super) fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// A stored time.
pub(super) fn time(millis: i64) -> UnixMillis {
    UnixMillis::new(u64::try_from(millis).unwrap_or_default())
}

/// The number of an account; `None` if it has never had a suppression or soft bounce.
pub(super) fn account_number(
    connection: &Connection,
    account: &ObjectId,
) -> Result<Option<i64>, SuppressionError> {
    let mut statement = connection.prepare_cached("SELECT n FROM accounts WHERE id = ?1")?;
    Ok(statement.query_row([account.as_str()], |row| row.get(0)).optional()?)
}

/// The number of an account, which it is given if it has none.
pub(super) fn number_account(connection: &Connection, account: &ObjectId) -> Result<i64, SuppressionError> {
    if let Some(number) = account_number(connection, account)? {
        return Ok(number);
    }
    let mut statement = connection.prepare_cached("INSERT INTO accounts (id) VALUES (?1)")?;
    Ok(statement.insert([account.as_str()])?)
}

/// The row of this account, address and scope, over or not.
pub(super) fn find(
    connection: &Connection,
    account: i64,
    key: &AddressKey,
    scope: &Scope,
) -> Result<Option<Numbered>, SuppressionError> {
    let sql = format!("SELECT {COLUMNS} FROM suppressions WHERE account = ?1 AND email = ?2 AND scope = ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![account, key.as_str(), scope.stored()])?;
    rows.next()?.map(read).transpose()
}

/// The row of this name, if it is the account's and not over.
pub(super) fn find_by_id(
    connection: &Connection,
    account: &ObjectId,
    id: SuppressionId,
    now: UnixMillis,
) -> Result<Option<Numbered>, SuppressionError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM suppressions WHERE id = ?1 AND account = (SELECT n FROM accounts WHERE id = ?2)"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![id.octets(), account.as_str()])?;
    let found = rows.next()?.map(read).transpose()?;
    Ok(found.filter(|found| !found.row.is_over(now)))
}

/// Adds a row.
pub(super) fn insert(
    connection: &Connection,
    account: i64,
    new: NewSuppression,
    reason: Reason,
    read_only: bool,
    now: UnixMillis,
) -> Result<Suppression, SuppressionError> {
    let NewSuppression { email, scope, expires, note } = new;
    let id = SuppressionId::random()?;
    let row = Suppression { id, email, reason, scope, created: now, modified: now, expires, note, read_only };
    let key = AddressKey::of(&row.email);
    let given = (key.as_str() != row.email.as_str()).then_some(row.email.as_str());
    let mut statement = connection.prepare_cached(
        "INSERT INTO suppressions
         (id, account, email, given, scope, reason, read_only, created, modified, expires, note)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10)",
    )?;
    let (now, expires) = (millis(now), row.expires.map(millis));
    let scope = row.scope.stored();
    statement.execute(params![
        id.octets(),
        account,
        key.as_str(),
        given,
        scope,
        reason.stored(),
        read_only,
        now,
        expires,
        row.note
    ])?;
    Ok(row)
}

/// Writes what may change about a row.
pub(super) fn update(
    connection: &Connection,
    number: i64,
    row: &Suppression,
) -> Result<(), SuppressionError> {
    let mut statement = connection.prepare_cached(
        "UPDATE suppressions SET reason = ?2, read_only = ?3, modified = ?4, expires = ?5, note = ?6 WHERE row = ?1",
    )?;
    let (modified, expires) = (millis(row.modified), row.expires.map(millis));
    let reason = row.reason.stored();
    statement.execute(params![number, reason, row.read_only, modified, expires, row.note])?;
    Ok(())
}

/// Removes a row.
pub(super) fn delete(connection: &Connection, number: i64) -> Result<(), SuppressionError> {
    connection.prepare_cached("DELETE FROM suppressions WHERE row = ?1")?.execute([number])?;
    Ok(())
}
