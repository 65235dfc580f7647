//! Whether mail to an address is suppressed: the question of every send.

use super::{
    AddressKey, Suppression, SuppressionError, Suppressions,
    row::{COLUMNS, millis, read},
};
use crate::{control::ObjectId, metrics};
use mailwright_engine::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use rusqlite::{Connection, params};

/// Whose mail a look-up is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender<'a> {
    /// The account.
    pub account: &'a ObjectId,
    /// The domain the mail is from. Rows for this sending domain apply.
    pub domain: &'a Domain,
    /// The domain of the envelope's sender. Rows for it apply as well, since the service that ours is modelled on
    /// compares with this one.
    pub return_path: Option<&'a Domain>,
}

impl Suppressions {
    /// The rows that forbid mail to `addresses`, in their order; `None` where there is none.
    ///
    /// A row applies if it is for the whole account or for this sender's domain and is not over by `now`; of several
    /// the one that lasts longest. A row for an address without its sub-address applies too.
    ///
    /// Takes less than a microsecond an address that nobody has suppressed, some for others, and never waits for
    /// writers; what is not in memory is read from disk.
    ///
    /// # Errors
    /// When the database cannot be read: then it is unknown, and nothing should be sent.
    pub fn suppressed(
        &self,
        sender: Sender<'_>,
        addresses: &[EmailAddress],
        now: UnixMillis,
    ) -> Result<Vec<Option<Suppression>>, SuppressionError> {
        let keys = addresses.iter().map(|address| self.possible_keys(address)).collect::<Vec<_>>();
        let possible = keys.iter().filter(|keys| !keys.is_empty()).count();
        if possible == 0 {
            return Ok(vec![None; addresses.len()]);
        }
        let connection = self.lookup()?;
        // One view for all of them; but taking one costs as much as the look-up of a single address.
        let _view = if possible > 1 { Some(connection.unchecked_transaction()?) } else { None };
        let first = |keys: Vec<AddressKey>| {
            keys.iter().find_map(|key| applying(&connection, &sender, key, now).transpose()).transpose()
        };
        let found = keys.into_iter().map(first).collect::<Result<Vec<_>, SuppressionError>>()?;
        metrics::suppression_hits(found.iter().flatten().count());
        Ok(found)
    }

    /// By which keys the address may be found, in the order in which they count; mostly none.
    fn possible_keys(&self, address: &EmailAddress) -> Vec<AddressKey> {
        let key = AddressKey::of(address);
        let base = key.base();
        [Some(key), base].into_iter().flatten().filter(|key| self.shared.filter.may_have(key)).collect()
    }
}

fn applying(
    connection: &Connection,
    sender: &Sender<'_>,
    key: &AddressKey,
    now: UnixMillis,
) -> Result<Option<Suppression>, SuppressionError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM suppressions INDEXED BY by_email
         WHERE account = (SELECT n FROM accounts WHERE id = ?1) AND email = ?2 AND scope IN ('', ?3, ?4)
           AND (expires IS NULL OR expires > ?5)
         ORDER BY expires IS NOT NULL, expires DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let (account, domain) = (sender.account.as_str(), sender.domain.as_str());
    let return_path = sender.return_path.map(Domain::as_str);
    let mut rows = statement.query(params![account, key.as_str(), domain, return_path, millis(now)])?;
    Ok(rows.next()?.map(read).transpose()?.map(|found| found.row))
}
