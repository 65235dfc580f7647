//! One layer of limits: some keys set, the others left to the layers below.

use super::{
    keys::{KEYS, Key},
    limits::Limits,
    rule::Rule,
};
use std::{collections::BTreeMap, sync::Arc};

/// The limits that one section of a file sets.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    /// Holds the values of `keys`; the others mean nothing.
    values: Limits,
    keys: Vec<&'static Key>,
    /// Why a key has its value, by key.
    notes: BTreeMap<String, String>,
}

impl Layer {
    /// Sets `key` by `read`, which is given the place for it.
    pub(super) fn set<E>(
        &mut self,
        key: &'static Key,
        read: impl FnOnce(&mut Limits) -> Result<(), E>,
    ) -> Result<(), E> {
        read(&mut self.values)?;
        self.keys.push(key);
        Ok(())
    }

    pub(super) fn add_note(&mut self, key: &str, note: &str) {
        self.notes.insert(key.to_owned(), note.to_owned());
    }

    /// Whether this layer decides on the key of this name.
    pub(super) fn sets(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    /// Where the value of the key comes from; a note on a table stands for every key in it.
    pub(super) fn note(&self, name: &str) -> Option<&str> {
        let table = name.split('.').next().unwrap_or(name);
        self.notes.get(name).or_else(|| self.notes.get(table)).map(String::as_str)
    }

    /// Puts the values of this layer in the place of those in `limits`.
    pub(super) fn apply(&self, limits: &mut Limits) {
        self.keys.iter().for_each(|key| (key.copy)(&self.values, limits));
    }

    /// The values set here; those of other keys mean nothing.
    pub(super) fn values(&self) -> &Limits {
        &self.values
    }
}

/// The rules of one section.
#[derive(Debug, Clone)]
pub(super) struct NotedRule {
    pub(super) rule: Rule,
    /// Where it comes from.
    pub(super) note: Option<String>,
}

/// Makes limits that were merged agree with each other: a layer may lower `connections` without a word about
/// `initial_connections`, and there is one idle time.
pub(super) fn reconcile(limits: &mut Limits) {
    limits.initial_connections = limits.initial_connections.min(limits.connections);
    limits.timeouts.idle = limits.idle_timeout;
}

/// The rules alone, as the governor wants them.
pub(super) fn plain<'r>(rules: impl Iterator<Item = &'r NotedRule>) -> Arc<[Rule]> {
    rules.map(|noted| noted.rule.clone()).collect()
}

/// The names of all keys.
pub(super) fn key_names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}
