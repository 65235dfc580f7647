//! Accounts: who the mail belongs to.

use super::{By, Control, ControlError, ObjectId, audit::Configured, not_found};
use mailwright_engine::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name to clients.
    pub id: ObjectId,
    /// Its name to people.
    pub name: String,
    /// When it was made.
    pub created: UnixMillis,
}

impl Account {
    /// Longest name, in characters.
    pub const MAX_NAME: usize = 100;
}

impl Configured for Account {
    const TABLE: &'static str = "account/";
    const KIND: &'static str = "account";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        Some(&self.id)
    }

    fn shown(&self) -> Value {
        serde_json::json!({ "id": self.id, "name": self.name })
    }
}

impl Control {
    /// Makes an account. Blocks for a sync.
    ///
    /// # Errors
    /// When the name is none, or it cannot be stored.
    pub fn create_account(&self, name: &str, by: &By) -> Result<Account, ControlError> {
        let name = named(name)?;
        let _changing = self.changing();
        let account = Account { id: ObjectId::random()?, name, created: by.at };
        self.change(by, None, Some(&account))?;
        self.write(|state| state.accounts.insert(account.id.clone(), account.clone()));
        Ok(account)
    }

    /// Gives an account another name. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such account, the name is none, or it cannot be stored.
    pub fn rename_account(&self, id: &ObjectId, name: &str, by: &By) -> Result<Account, ControlError> {
        let name = named(name)?;
        let _changing = self.changing();
        let before = self.account(id.as_str()).ok_or_else(|| not_found("account", id))?;
        let after = Account { name, ..before.clone() };
        self.change(by, Some(&before), Some(&after))?;
        self.write(|state| state.accounts.insert(id.clone(), after.clone()));
        Ok(after)
    }

    /// Removes an account that has no zones, and its tokens, webhooks, destination
    /// addresses and limits with it. Mail of it that is in the queue stays there.
    /// Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such account, it has zones, or that cannot be stored.
    pub fn delete_account(&self, id: &ObjectId, by: &By) -> Result<(), ControlError> {
        let _changing = self.changing();
        let account = self.account(id.as_str()).ok_or_else(|| not_found("account", id))?;
        let zones = self.zones().iter().filter(|zone| zone.account_id == *id).count();
        if zones > 0 {
            return Err(ControlError::InUse(format!("the account has {zones} zones; remove them first")));
        }
        let mut batch = sled::Batch::default();
        let tokens: Vec<_> = self.tokens().into_iter().filter(|token| token.account_id == *id).collect();
        for token in &tokens {
            self.put_change(&mut batch, by, Some(&**token), None)?;
        }
        for webhook in self.webhooks(id.as_str()) {
            self.put_change(&mut batch, by, Some(&*webhook), None)?;
        }
        self.put_removal_of_destinations(&mut batch, id, by)?;
        if let Some(limits) = self.limits_of_account(id) {
            self.put_change(&mut batch, by, Some(&*limits), None)?;
        }
        self.put_change(&mut batch, by, Some(&account), None)?;
        self.commit(batch)?;
        self.write(|state| {
            state.accounts.remove(id);
            state.remove_webhooks_of(id);
            state.destinations.remove_all_of(id);
            state.limits.retain(|_, limits| limits.account_id != *id);
            for token in &tokens {
                state.tokens.remove(&token.id);
            }
        });
        Ok(())
    }

    /// The account with this id.
    pub fn account(&self, id: &str) -> Option<Account> {
        let id = id.parse().ok()?;
        self.read(|state| state.accounts.get(&id).cloned())
    }

    /// Every account, in the order of names.
    pub fn accounts(&self) -> Vec<Account> {
        let mut accounts: Vec<_> = self.read(|state| state.accounts.values().cloned().collect());
        accounts.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        accounts
    }
}

/// A name for people: something, and not more than [`Account::MAX_NAME`] characters.
pub(super) fn named(name: &str) -> Result<String, ControlError> {
    let name = name.trim();
    let fits = (1..=Account::MAX_NAME).contains(&name.chars().count());
    if fits && !name.chars().any(char::is_control) { Ok(name.to_owned()) } else { Err(ControlError::Name) }
}
