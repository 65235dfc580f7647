//! What adds suppressions by itself: bounces, complaints, unsubscribes.

use super::{
    AddressKey, NewSuppression, Reason, Recorded, Scope, Stored, Suppression, SuppressionError, Suppressions,
    model::lasts_longer,
    row::{account_number, millis, number_account},
    write::{Kind, Writing, put},
};
use crate::control::ObjectId;
use mailwright_engine::{address::EmailAddress, time::UnixMillis};
use rusqlite::{OptionalExtension, Transaction, params};

/// What has happened to mail for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AutomaticCause {
    /// Its server says that the address is none, or takes no mail.
    HardBounce,
    /// It failed for now too often.
    SoftBounces,
    /// The recipient called it spam. The row is read-only, and its removal limited.
    Complaint,
    /// The recipient has unsubscribed. Stored as `policy`, which sets it apart from what customers listed themselves;
    /// but the customer may remove it, for who unsubscribed may subscribe again.
    Unsubscribe,
    /// The operator does not allow mail to it. The row is read-only and stays.
    Policy,
}

impl AutomaticCause {
    /// The reason that its row shows.
    pub const fn reason(self) -> Reason {
        match self {
            Self::HardBounce => Reason::HardBounce,
            Self::SoftBounces => Reason::SoftBounce,
            Self::Complaint => Reason::Complaint,
            Self::Unsubscribe | Self::Policy => Reason::Policy,
        }
    }

    /// Whether the customer may not change its row.
    pub const fn is_read_only(self) -> bool {
        matches!(self, Self::Complaint | Self::Policy)
    }
}

/// A suppression that the service adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automatic {
    /// Whose.
    pub account: ObjectId,
    /// The address.
    pub email: EmailAddress,
    /// Why.
    pub cause: AutomaticCause,
    /// For which mail: bounces and complaints for the whole account, an unsubscribe for the domain it was from.
    pub scope: Scope,
    /// When it ends; `None` for never.
    pub expires: Option<UnixMillis>,
    /// What to note about it.
    pub note: Option<String>,
}

/// A message that could not be delivered to a recipient for now until it was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftBounce {
    /// Whose message.
    pub account: ObjectId,
    /// The recipient.
    pub email: EmailAddress,
    /// When. The same address at the same time is the same bounce, so that telling of it twice counts once.
    pub at: UnixMillis,
}

impl Suppressions {
    /// Adds suppressions, all or (on an error) none, with one sync; what became of each comes in their order.
    ///
    /// A row that is there stays unless this one lasts longer or, being the service's, must not be the customer's to
    /// remove; then the row changes its reason and keeps its id. Rows of the service's never become the customer's.
    ///
    /// # Errors
    /// When they cannot be stored.
    pub fn add_automatic(
        &self,
        entries: Vec<Automatic>,
        now: UnixMillis,
    ) -> Result<Vec<Stored>, SuppressionError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        self.change(|transaction| entries.into_iter().map(|entry| add(transaction, entry, now)).collect())
    }

    /// Counts soft bounces and suppresses who has had too many
    /// ([`soft_bounces`](super::SuppressionSettings::soft_bounces)), for the whole account and for a time; these rows
    /// are returned. One sync.
    ///
    /// # Errors
    /// When they cannot be stored; then none is counted.
    pub fn record_soft_bounces(
        &self,
        bounces: &[SoftBounce],
        now: UnixMillis,
    ) -> Result<Vec<Suppression>, SuppressionError> {
        if bounces.is_empty() || self.settings().soft_bounces == 0 {
            return Ok(Vec::new());
        }
        self.change(|transaction| {
            let mut suppressed = Vec::new();
            for bounce in bounces {
                let stored = self.count(transaction, bounce, now)?;
                suppressed.extend(stored.filter(|stored| stored.recorded != Recorded::Unchanged));
            }
            Ok(suppressed.into_iter().map(|stored| stored.row).collect())
        })
    }

    /// Forgets the soft bounces of an address that has taken mail. Costs a look-up when there are none, as mostly.
    ///
    /// # Errors
    /// When the database cannot be read or changed.
    pub fn forget_soft_bounces(
        &self,
        account: &ObjectId,
        email: &EmailAddress,
    ) -> Result<(), SuppressionError> {
        let key = AddressKey::of(email);
        let connection = self.lookup()?;
        let Some(number) = account_number(&connection, account)? else { return Ok(()) };
        let sql = "SELECT 1 FROM soft_bounces WHERE account = ?1 AND email = ?2 LIMIT 1";
        let any = connection.prepare_cached(sql)?.exists(params![number, key.as_str()])?;
        drop(connection);
        if any { self.change(|transaction| forget(transaction, number, &key)) } else { Ok(()) }
    }

    /// Hands over every account and address that has soft bounces counted.
    pub(super) fn each_counted(
        &self,
        mut found: impl FnMut(&str, &AddressKey),
    ) -> Result<(), SuppressionError> {
        let connection = self.pages();
        let sql = "SELECT DISTINCT id, email FROM soft_bounces JOIN accounts ON n = account";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            found(&row.get::<_, String>(0)?, &AddressKey::stored(row.get(1)?));
        }
        Ok(())
    }

    fn count(
        &self,
        transaction: &Writing<'_>,
        bounce: &SoftBounce,
        now: UnixMillis,
    ) -> Result<Option<Stored>, SuppressionError> {
        let rule = self.settings();
        let account = number_account(transaction, &bounce.account)?;
        let key = AddressKey::of(&bounce.email);
        let sql = "INSERT OR IGNORE INTO soft_bounces (account, email, at) VALUES (?1, ?2, ?3)";
        transaction.prepare_cached(sql)?.execute(params![account, key.as_str(), millis(bounce.at)])?;
        let since = now.saturating_sub(rule.soft_bounce_window);
        // Whether there are as many: the last of them within the window.
        let nth =
            "SELECT 1 FROM soft_bounces WHERE account = ?1 AND email = ?2 AND at > ?3 LIMIT 1 OFFSET ?4";
        let earlier = rule.soft_bounces.saturating_sub(1);
        let mut enough = transaction.prepare_cached(nth)?;
        let enough = enough
            .query_row(params![account, key.as_str(), millis(since), earlier], |_| Ok(()))
            .optional()?;
        if enough.is_none() {
            return Ok(None);
        }
        forget(transaction, account, &key)?;
        let entry = Automatic {
            account: bounce.account.clone(),
            email: bounce.email.clone(),
            cause: AutomaticCause::SoftBounces,
            scope: Scope::Account,
            expires: Some(now.saturating_add(rule.soft_bounce_for)),
            note: None,
        };
        add(transaction, entry, now).map(Some)
    }
}

fn add(transaction: &Writing<'_>, entry: Automatic, now: UnixMillis) -> Result<Stored, SuppressionError> {
    let Automatic { account, email, cause, scope, expires, note } = entry;
    let account = number_account(transaction, &account)?;
    let read_only = cause.is_read_only();
    let promotes = |old: &Suppression, expires| match (read_only, old.read_only) {
        (true, false) => true,
        (false, true) => false,
        _ => lasts_longer(expires, old.expires),
    };
    let kind = Kind { reason: cause.reason(), read_only, promotes };
    put(transaction, account, NewSuppression { email, scope, expires, note }, &kind, now)
}

fn forget(transaction: &Transaction<'_>, account: i64, key: &AddressKey) -> Result<(), SuppressionError> {
    let sql = "DELETE FROM soft_bounces WHERE account = ?1 AND email = ?2";
    transaction.prepare_cached(sql)?.execute(params![account, key.as_str()])?;
    Ok(())
}
