//! The host names under which Workers answer requests: `NAME.SUBDOMAIN.` of a domain of the server's.

use super::{Script, ScriptError, ScriptStore};
use crate::{control::ObjectId, error::StorageError, workers::commits::lock};
use mailwright_engine::worker::ScriptName;
use rusqlite::{Connection, OptionalExtension, params};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

/// Most octets of a label of a host name (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// The subdomains of accounts, both ways.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    labels: HashMap<ObjectId, String>,
    accounts: HashMap<String, ObjectId>,
}

/// Whether a Worker answers requests under host names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Host {
    /// Under its own.
    pub workers_dev: bool,
    /// Its versions under theirs.
    pub previews: bool,
}

/// The subdomains that there are.
pub(super) fn read(db: &Connection) -> Result<Hosts, ScriptError> {
    let mut hosts = Hosts::default();
    let mut select = db.prepare("SELECT account, label FROM subdomains")?;
    for row in select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))? {
        let (account, label) = row?;
        let account = account.parse().map_err(|error| StorageError::format("subdomain", error))?;
        hosts.put(account, label);
    }
    Ok(hosts)
}

impl Hosts {
    fn put(&mut self, account: ObjectId, label: String) {
        self.forget(&account);
        self.accounts.insert(label.clone(), account.clone());
        self.labels.insert(account, label);
    }

    pub(super) fn forget(&mut self, account: &ObjectId) {
        if let Some(label) = self.labels.remove(account) {
            self.accounts.remove(&label);
        }
    }
}

impl ScriptStore {
    /// The subdomain of an account, if it has chosen one.
    pub fn subdomain(&self, account: &ObjectId) -> Option<String> {
        self.hosts(|hosts| hosts.labels.get(account).cloned())
    }

    /// Chooses a subdomain for an account, in place of an earlier one: a label of a host name. Blocks for a sync.
    ///
    /// # Errors
    /// [`ScriptError::Invalid`] for what is no label, [`ScriptError::Taken`] when another account has it; when it cannot
    /// be stored.
    pub fn set_subdomain(&self, account: &ObjectId, label: &str) -> Result<(), ScriptError> {
        let label = label.to_ascii_lowercase();
        check_label(&label)?;
        let _changing = lock(&self.0.changes);
        let (of, chosen) = (account.clone(), label.clone());
        self.0.db.change(move |db| {
            let holder = "SELECT account FROM subdomains WHERE label = ?";
            let holder: Option<String> = db.query_row(holder, [&chosen], |row| row.get(0)).optional()?;
            if holder.is_some_and(|holder| holder != of.as_str()) {
                return Err(ScriptError::Taken(chosen));
            }
            let put = "INSERT INTO subdomains (account, label) VALUES (?, ?)
                       ON CONFLICT (account) DO UPDATE SET label = excluded.label";
            db.execute(put, params![of.as_str(), chosen])?;
            Ok(())
        })?;
        self.learn_hosts(|hosts| hosts.put(account.clone(), label));
        Ok(())
    }

    /// The Worker whose host name begins with these two labels, if it answers under it. Reads from memory only.
    pub fn script_of_host(&self, label: &str, subdomain: &str) -> Option<Arc<Script>> {
        let name: ScriptName = label.to_ascii_lowercase().parse().ok()?;
        let account = self.hosts(|hosts| hosts.accounts.get(&subdomain.to_ascii_lowercase()).cloned())?;
        self.script(&account, &name).filter(|script| script.workers_dev)
    }

    fn hosts<T>(&self, read: impl FnOnce(&Hosts) -> T) -> T {
        read(&self.0.hosts.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn learn_hosts<T>(&self, write: impl FnOnce(&mut Hosts) -> T) -> T {
        write(&mut self.0.hosts.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn check_label(label: &str) -> Result<(), ScriptError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let ends = !label.starts_with('-') && !label.ends_with('-');
    if (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(fits) && ends {
        return Ok(());
    }
    let shown: String = label.chars().take(80).collect();
    Err(ScriptError::Invalid(format!(
        "a subdomain is 1 to {MAX_LABEL} letters, digits and hyphens, none of these at its ends; {shown:?} is none"
    )))
}
