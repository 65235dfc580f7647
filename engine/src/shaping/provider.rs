//! Mailbox providers, and how a site or a domain is known to be one of theirs.

use super::layer::{Layer, NotedRule};
use crate::address::Domain;
use serde::{Serialize, Serializer};
use std::{collections::HashMap, fmt, sync::Arc};

/// What destinations of no known provider count under.
const OTHER: &str = "other";

/// The name of a mailbox provider: a label with as many values as the shaping file has providers, and one more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderName(Arc<str>);

/// Text that is no [`ProviderName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProviderName {
    /// It has characters that names may not have, none, or too many.
    #[error("a provider's name has 1 to 64 lower-case letters, digits, hyphens and underscores")]
    Form,
    /// It is taken.
    #[error("\"other\" is what destinations of no provider count under: choose another name")]
    Reserved,
}

impl ProviderName {
    /// Reads a name of 1 to 64 lower-case ASCII letters, digits, hyphens and underscores.
    ///
    /// # Errors
    /// When it is not of this form, or `other`.
    pub fn parse(name: &str) -> Result<Self, InvalidProviderName> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
        if !(1..=64).contains(&name.len()) || !name.bytes().all(fits) {
            return Err(InvalidProviderName::Form);
        }
        if name == OTHER { Err(InvalidProviderName::Reserved) } else { Ok(Self(name.into())) }
    }

    /// What destinations of no known provider count under: `other`.
    pub fn other() -> Self {
        Self(OTHER.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ProviderName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// One provider's section.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) name: ProviderName,
    pub(super) layer: Layer,
    pub(super) rules: Vec<NotedRule>,
}

/// Every provider, and the ways to recognise them.
#[derive(Debug, Clone, Default)]
pub(super) struct Providers {
    all: Vec<Arc<Provider>>,
    by_suffix: HashMap<String, Arc<Provider>>,
    by_domain: HashMap<Domain, Arc<Provider>>,
}

impl Providers {
    pub(super) fn add(&mut self, provider: &Arc<Provider>) {
        self.all.push(Arc::clone(provider));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.all.iter().map(AsRef::as_ref)
    }

    /// Hosts of this name and below are the provider's; gives back the provider that had it before.
    pub(super) fn add_suffix(&mut self, suffix: &str, provider: &Arc<Provider>) -> Option<ProviderName> {
        let before = self.by_suffix.insert(suffix.to_owned(), Arc::clone(provider))?;
        (before.name != provider.name).then(|| before.name.clone())
    }

    /// This domain's mail is the provider's; gives back the provider that had it before.
    pub(super) fn add_domain(&mut self, domain: Domain, provider: &Arc<Provider>) -> Option<ProviderName> {
        let before = self.by_domain.insert(domain, Arc::clone(provider))?;
        (before.name != provider.name).then(|| before.name.clone())
    }

    /// Whose site it is: by its hosts (lower case, no final dot), else by the domain.
    ///
    /// *Every* host has to be the provider's. A set with strangers in it is somebody's own arrangement, such as
    /// a filter before the mailboxes or a backup at home, and the provider's rules would be applied to replies
    /// of hosts that are not its own.
    pub(super) fn recognise(&self, domain: Option<&Domain>, hosts: &[String]) -> Option<&Provider> {
        let by_domain = || domain.and_then(|domain| self.by_domain.get(domain));
        self.of_hosts(hosts).or_else(by_domain).map(AsRef::as_ref)
    }

    fn of_hosts(&self, hosts: &[String]) -> Option<&Arc<Provider>> {
        let (first, rest) = hosts.split_first()?;
        let provider = self.of_host(first)?;
        let same = |host: &String| self.of_host(host).is_some_and(|other| other.name == provider.name);
        rest.iter().all(same).then_some(provider)
    }

    /// By the longest suffix of whole labels.
    fn of_host(&self, host: &str) -> Option<&Arc<Provider>> {
        let mut suffix = host;
        loop {
            if let Some(provider) = self.by_suffix.get(suffix) {
                return Some(provider);
            }
            (_, suffix) = suffix.split_once('.')?;
        }
    }
}
