//! What accounts may send: where they differ from the server's defaults.

use super::{By, Control, ControlError, ObjectId, State, audit::Configured, not_found};
use mailwright_engine::{class::TenantName, limits::Rates};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

pub(super) const TABLE: &str = "limits/";

/// The limits of one account, where they are not the server's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLimits {
    /// Whose they are.
    pub account_id: ObjectId,
    /// Of all that it sends.
    #[serde(default)]
    pub account: Rates,
    /// Of each of its sending domains that is not in `domains`.
    #[serde(default)]
    pub domain: Rates,
    /// Of each address that it sends to.
    #[serde(default)]
    pub recipient: Rates,
    /// Of each of its tokens that is not in `tokens`.
    #[serde(default)]
    pub token: Rates,
    /// Of single sending domains, by their tags.
    #[serde(default)]
    pub domains: BTreeMap<ObjectId, Rates>,
    /// Of single tokens.
    #[serde(default)]
    pub tokens: BTreeMap<ObjectId, Rates>,
    /// Quotas of the first days on which it sends; empty: it is held to none. `None`: the server's.
    #[serde(default)]
    pub ramp: Option<Vec<u64>>,
    /// Whether it may send to its own verified addresses and domains only.
    #[serde(default)]
    pub verified_recipients_only: bool,
}

impl AccountLimits {
    /// The server's for everything.
    pub fn new(account_id: &ObjectId) -> Self {
        Self {
            account_id: account_id.clone(),
            account: Rates::default(),
            domain: Rates::default(),
            recipient: Rates::default(),
            token: Rates::default(),
            domains: BTreeMap::new(),
            tokens: BTreeMap::new(),
            ramp: None,
            verified_recipients_only: false,
        }
    }

    /// Of a sending domain.
    pub fn of_domain(&self, tag: &ObjectId) -> Rates {
        self.domains.get(tag).copied().unwrap_or_default().or(self.domain)
    }

    /// Of a token.
    pub fn of_token(&self, id: &ObjectId) -> Rates {
        self.tokens.get(id).copied().unwrap_or_default().or(self.token)
    }
}

impl Configured for AccountLimits {
    const TABLE: &'static str = TABLE;
    const KIND: &'static str = "limits";

    fn id(&self) -> String {
        self.account_id.to_string()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        Some(&self.account_id)
    }

    fn shown(&self) -> Value {
        serde_json::json!({
            "account": self.account, "domain": self.domain, "recipient": self.recipient, "token": self.token,
            "domains": self.domains, "tokens": self.tokens, "ramp": self.ramp,
            "verified_recipients_only": self.verified_recipients_only,
        })
    }
}

impl State {
    /// Holds the limits of an account; those that are the server's are not held.
    pub(super) fn put_limits(&mut self, limits: Arc<AccountLimits>) {
        if let Some(account) = limits.account_id.tenant() {
            self.limits.insert(account, limits);
        }
    }
}

impl Control {
    /// Sets what an account may send, in place of all that was set before. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such account, domain or token of it, or it cannot be stored.
    pub fn set_limits(&self, limits: AccountLimits, by: &By) -> Result<Arc<AccountLimits>, ControlError> {
        let _changing = self.changing();
        self.check_limits(&limits)?;
        let before = self.limits_of_account(&limits.account_id);
        if before.as_deref() == Some(&limits) {
            return Ok(before.unwrap_or_else(|| Arc::new(limits)));
        }
        let limits = Arc::new(limits);
        self.change(by, before.as_deref(), Some(&*limits))?;
        self.write(|state| state.put_limits(Arc::clone(&limits)));
        Ok(limits)
    }

    fn check_limits(&self, limits: &AccountLimits) -> Result<(), ControlError> {
        let account_id = &limits.account_id;
        if self.account(account_id.as_str()).is_none() {
            return Err(not_found("account", account_id));
        }
        let is_domain = |tag: &&ObjectId| {
            self.sending_domain_tagged(tag).is_some_and(|domain| domain.account_id == *account_id)
        };
        if let Some(missing) = limits.domains.keys().find(|tag| !is_domain(tag)) {
            return Err(not_found("sending domain", missing));
        }
        let is_token = |id: &&ObjectId| self.token(id).is_some_and(|token| token.account_id == *account_id);
        match limits.tokens.keys().find(|id| !is_token(id)) {
            Some(missing) => Err(not_found("token", missing)),
            None => Ok(()),
        }
    }

    /// What was set for an account; `None` if everything is the server's.
    pub fn limits_of_account(&self, id: &ObjectId) -> Option<Arc<AccountLimits>> {
        self.limits_of(&id.tenant()?)
    }

    /// The same by the account's name in the queue. Costs one look-up.
    pub fn limits_of(&self, account: &TenantName) -> Option<Arc<AccountLimits>> {
        self.read(|state| state.limits.get(account).cloned())
    }
}
