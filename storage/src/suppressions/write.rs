//! What customers do: create, import, read, edit, remove.

use super::{
    AddressKey, Edit, NewSuppression, Reason, Recorded, Stored, Suppression, SuppressionError, SuppressionId,
    Suppressions,
    filter::Filter,
    model::lasts_longer,
    row::{Numbered, delete, find, find_by_id, insert, millis, number_account, time, update},
};
use crate::{control::ObjectId, metrics};
use mailwright_engine::time::UnixMillis;
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};
use std::{ops::Deref, time::Duration};

/// A change under way.
pub(super) struct Writing<'w> {
    transaction: Transaction<'w>,
    /// Is told of each address before its row can be seen.
    filter: &'w Filter,
}

impl<'w> Deref for Writing<'w> {
    type Target = Transaction<'w>;

    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

/// Over what time removals are limited.
const DAY: Duration = Duration::from_secs(86_400);

impl Suppressions {
    /// Suppresses an address because the customer asks for it. Blocks for a sync.
    ///
    /// Asking again changes nothing, except that an acknowledged wish is always kept: a row that would end sooner than
    /// what is asked for now, and is the customer's to change, becomes `manual`, lasts as long as asked and takes the
    /// new note if there is one. A row that is over is replaced by a new one.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn create(
        &self,
        account: &ObjectId,
        new: NewSuppression,
        now: UnixMillis,
    ) -> Result<Stored, SuppressionError> {
        self.change(|transaction| create(transaction, account, new, now))
    }

    /// Suppresses many addresses, all or (on an error) none, with one sync. What became of each comes in their order.
    ///
    /// # Errors
    /// When they cannot be stored.
    pub fn import(
        &self,
        account: &ObjectId,
        new: Vec<NewSuppression>,
        now: UnixMillis,
    ) -> Result<Vec<Stored>, SuppressionError> {
        let all = |transaction: &Writing<'_>| {
            new.into_iter().map(|new| create(transaction, account, new, now)).collect()
        };
        self.change(all)
    }

    /// The row of this name.
    ///
    /// # Errors
    /// [`SuppressionError::NotFound`] also for a row of another account and for one that is over.
    pub fn get(
        &self,
        account: &ObjectId,
        id: SuppressionId,
        now: UnixMillis,
    ) -> Result<Suppression, SuppressionError> {
        let found = find_by_id(&self.pages(), account, id, now)?;
        found.map(|found| found.row).ok_or(SuppressionError::NotFound(id))
    }

    /// Changes a row. Blocks for a sync.
    ///
    /// # Errors
    /// [`SuppressionError::NotFound`] as for [`get`](Self::get), [`SuppressionError::ReadOnly`] for a row of the
    /// service's.
    pub fn edit(
        &self,
        account: &ObjectId,
        id: SuppressionId,
        edit: Edit,
        now: UnixMillis,
    ) -> Result<Suppression, SuppressionError> {
        self.change(|transaction| {
            let Numbered { number, mut row, .. } =
                find_by_id(transaction, account, id, now)?.ok_or(SuppressionError::NotFound(id))?;
            if row.read_only {
                return Err(SuppressionError::ReadOnly { id, reason: row.reason });
            }
            row.expires = edit.expires.apply(row.expires);
            row.note = edit.note.apply(row.note);
            row.modified = now;
            update(transaction, number, &row)?;
            Ok(row)
        })
    }

    /// Removes a row and returns what it was. Blocks for a sync.
    ///
    /// Rows for complaints may go at the pace of
    /// [`complaint_removals`](super::SuppressionSettings::complaint_removals) only, so that nobody goes on
    /// writing to those who called it spam; other rows of the service's do not go at all.
    ///
    /// # Errors
    /// [`SuppressionError::NotFound`] as for [`get`](Self::get), [`SuppressionError::ReadOnly`],
    /// [`SuppressionError::RemovalLimit`].
    pub fn remove(
        &self,
        account: &ObjectId,
        id: SuppressionId,
        now: UnixMillis,
    ) -> Result<Suppression, SuppressionError> {
        self.change(|transaction| {
            let Numbered { number, row, .. } =
                find_by_id(transaction, account, id, now)?.ok_or(SuppressionError::NotFound(id))?;
            match row.reason {
                Reason::Complaint => {
                    let limit = self.settings().complaint_removals;
                    count_removal(transaction, number_account(transaction, account)?, limit, now)?;
                }
                reason if row.read_only => return Err(SuppressionError::ReadOnly { id, reason }),
                _ => {}
            }
            delete(transaction, number)?;
            Ok(row)
        })
    }

    /// Makes changes that all happen, and are safe from a power cut, or (on an error) none of them.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&Writing<'_>) -> Result<T, SuppressionError>,
    ) -> Result<T, SuppressionError> {
        let mut writer = self.writer();
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let writing = Writing { transaction, filter: &self.shared.filter };
        let changed = change(&writing)?;
        writing.transaction.commit()?;
        Ok(changed)
    }
}

fn create(
    transaction: &Writing<'_>,
    account: &ObjectId,
    new: NewSuppression,
    now: UnixMillis,
) -> Result<Stored, SuppressionError> {
    let account = number_account(transaction, account)?;
    let promotes = |old: &Suppression, expires| !old.read_only && lasts_longer(expires, old.expires);
    let kind = Kind { reason: Reason::Manual, read_only: false, promotes };
    put(transaction, account, new, &kind, now)
}

/// Of what kind a row is to be, and whether it takes the place of one that is there and would end otherwise.
pub(super) struct Kind<P> {
    pub(super) reason: Reason,
    pub(super) read_only: bool,
    /// Given the old row and when the new one would end.
    pub(super) promotes: P,
}

/// Sees to it that there is a row, new or old.
pub(super) fn put(
    transaction: &Writing<'_>,
    account: i64,
    new: NewSuppression,
    kind: &Kind<impl Fn(&Suppression, Option<UnixMillis>) -> bool>,
    now: UnixMillis,
) -> Result<Stored, SuppressionError> {
    let old = find(transaction, account, &AddressKey::of(&new.email), &new.scope)?;
    let old = match old {
        Some(over) if over.row.is_over(now) => {
            delete(transaction, over.number)?;
            None
        }
        old => old,
    };
    let Some(Numbered { number, mut row, .. }) = old else {
        transaction.filter.insert(AddressKey::of(&new.email).as_str());
        let row = insert(transaction, account, new, kind.reason, kind.read_only, now)?;
        metrics::suppression_added(kind.reason);
        return Ok(Stored { row, recorded: Recorded::Created });
    };
    if !(kind.promotes)(&row, new.expires) {
        return Ok(Stored { row, recorded: Recorded::Unchanged });
    }
    row.reason = kind.reason;
    row.read_only = kind.read_only;
    row.expires = new.expires;
    row.note = new.note.or(row.note);
    row.modified = now;
    update(transaction, number, &row)?;
    Ok(Stored { row, recorded: Recorded::Promoted })
}

/// Counts the removal of a row for a complaint, if there may be one.
fn count_removal(
    transaction: &Transaction<'_>,
    account: i64,
    limit: u32,
    now: UnixMillis,
) -> Result<(), SuppressionError> {
    let day_ago = millis(now.saturating_sub(DAY));
    // The removal that has to be a day old before there may be another: the limit-th before now.
    let nth =
        "SELECT at FROM complaint_removals WHERE account = ?1 AND at > ?2 ORDER BY at DESC LIMIT 1 OFFSET ?3";
    let again = match limit.checked_sub(1) {
        Some(earlier) => transaction
            .prepare_cached(nth)?
            .query_row(params![account, day_ago, earlier], |row| row.get(0))
            .optional()?
            .map(|at| time(at).saturating_add(DAY)),
        // None at all, ever.
        None => Some(now.saturating_add(DAY)),
    };
    if let Some(again) = again {
        return Err(SuppressionError::RemovalLimit { limit, again });
    }
    let sql = "INSERT INTO complaint_removals (account, at) VALUES (?1, ?2)";
    transaction.prepare_cached(sql)?.execute(params![account, millis(now)])?;
    Ok(())
}
