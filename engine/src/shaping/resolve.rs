//! From a shaping file to what holds for one site.

use super::{
    ShapingError, file,
    layer::{Layer, NotedRule, plain, reconcile},
    limits::Limits,
    provider::{Provider, ProviderName, Providers},
    rule::Rule,
};
use crate::address::Domain;
use serde::{Serialize, Serializer};
use std::{collections::HashMap, fmt, sync::Arc};

/// The shaping file that comes with mailwright.
const BUILTIN: &str = include_str!("../../../config/shaping.toml");

/// How every destination is treated: limits and rules in layers.
#[derive(Debug, Clone, Default)]
pub struct Shaping {
    pub(super) default: Layer,
    pub(super) default_rules: Vec<NotedRule>,
    pub(super) providers: Providers,
    /// The rules of each provider, and of none, shared by all its sites: a provider may have many thousands.
    shared_rules: HashMap<ProviderName, Arc<[Rule]>>,
    /// By the names of mail exchangers, in the form of [`site_key`].
    pub(super) sites: HashMap<String, Layer>,
    pub(super) domains: HashMap<Domain, Layer>,
    pub(super) sources: HashMap<String, Layer>,
}

/// What is asked about: where mail goes, and from where.
#[derive(Debug, Clone, Copy, Default)]
pub struct SiteFacts<'a> {
    /// The recipients' domain; `None` where a site is meant whatever its domains.
    pub domain: Option<&'a Domain>,
    /// The names of the mail exchangers, in any order and case; empty while they are not known.
    pub mx_hosts: &'a [String],
    /// The name of the source that mail leaves from.
    pub source: Option<&'a str>,
}

/// What holds for one site and one source.
#[derive(Debug, Clone)]
pub struct Effective {
    /// Every key decided.
    pub limits: Arc<Limits>,
    /// The provider's rules before the general ones.
    pub rules: Arc<[Rule]>,
    /// Whose site it is; [`ProviderName::other`] where no section knows it.
    pub provider: ProviderName,
}

/// Which layer decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerName {
    /// No section: mailwright's own value.
    BuiltIn,
    /// `[default]`.
    Default,
    /// `[provider.NAME]`.
    Provider(ProviderName),
    /// `[site."HOSTS"]`.
    Site(String),
    /// `[domain."NAME"]`.
    Domain(Domain),
    /// `[source.NAME]`.
    Source(String),
}

impl fmt::Display for LayerName {
    /// As the section is called in a file: `provider.google`; `built-in` where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::Default => f.write_str("default"),
            Self::Provider(name) => write!(f, "provider.{name}"),
            Self::Site(key) => write!(f, "site.\"{key}\""),
            Self::Domain(domain) => write!(f, "domain.\"{domain}\""),
            Self::Source(name) => write!(f, "source.{name}"),
        }
    }
}

impl Serialize for LayerName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Shaping {
    /// The shaping that comes with mailwright: `config/shaping.toml` as it was when this was built.
    pub fn builtin() -> Self {
        // A test reads the file and demands its providers; were it broken all the same, the limits of
        // `Limits::default` would hold, which suit every receiver.
        Self::parse(BUILTIN).unwrap_or_default()
    }

    /// Reads a shaping file. It is complete in itself: nothing of [`builtin`](Self::builtin) remains beside it.
    ///
    /// # Errors
    /// Every mistake, each with its line, its key, the reason and what to do. A file with a mistake is refused
    /// as a whole.
    pub fn parse(text: &str) -> Result<Self, ShapingError> {
        file::parse(text)
    }

    /// Whether there is a section for this very domain. Mail to such a domain cannot share its site's limits
    /// with other domains.
    pub fn has_domain(&self, domain: &Domain) -> bool {
        self.domains.contains_key(domain)
    }

    /// What holds for a site. Takes some look-ups by hash for each host and copies the limits: for each new
    /// site and each reload, not for each message.
    pub fn resolve(&self, facts: &SiteFacts<'_>) -> Effective {
        let hosts = normalised(facts.mx_hosts);
        let provider = self.providers.recognise(facts.domain, &hosts);
        let mut limits = Limits::default();
        self.layers(facts, &hosts, provider).iter().for_each(|(_, layer)| layer.apply(&mut limits));
        reconcile(&mut limits);
        let provider = provider.map_or_else(ProviderName::other, |provider| provider.name.clone());
        let rules = self.shared_rules.get(&provider).map(Arc::clone).unwrap_or_default();
        Effective { limits: Arc::new(limits), rules, provider }
    }

    /// Puts together what the sites of each provider share, once every section is read.
    pub(super) fn share_rules(&mut self) {
        let of = |provider: Option<&Provider>| {
            let name = provider.map_or_else(ProviderName::other, |provider| provider.name.clone());
            (name, plain(self.rules(provider)))
        };
        self.shared_rules = self.providers.iter().map(Some).chain([None]).map(of).collect();
    }

    /// The rules of a site, in order.
    pub(super) fn rules<'s>(&'s self, provider: Option<&'s Provider>) -> impl Iterator<Item = &'s NotedRule> {
        provider.into_iter().flat_map(|provider| &provider.rules).chain(&self.default_rules)
    }

    /// The layers that apply, the strongest last.
    pub(super) fn layers<'s>(
        &'s self,
        facts: &SiteFacts<'_>,
        hosts: &[String],
        provider: Option<&'s Provider>,
    ) -> Vec<(LayerName, &'s Layer)> {
        let mut layers = vec![(LayerName::Default, &self.default)];
        layers.extend(provider.map(|found| (LayerName::Provider(found.name.clone()), &found.layer)));
        let site =
            |key: &str| self.sites.get_key_value(key).map(|(k, layer)| (LayerName::Site(k.clone()), layer));
        // What is said of one host is less than what is said of this very set of hosts.
        layers.extend(hosts.iter().filter_map(|host| site(host)));
        if hosts.len() > 1 {
            layers.extend(site(&hosts.join(",")));
        }
        let domain = facts.domain.and_then(|domain| self.domains.get_key_value(domain));
        layers.extend(domain.map(|(domain, layer)| (LayerName::Domain(domain.clone()), layer)));
        let source = facts.source.and_then(|source| self.sources.get_key_value(source));
        layers.extend(source.map(|(name, layer)| (LayerName::Source(name.clone()), layer)));
        layers
    }
}

/// Names of hosts in one form: lower case, no final dot, sorted, each once.
pub(super) fn normalised<S: AsRef<str>>(hosts: &[S]) -> Vec<String> {
    let lower = |host: &S| host.as_ref().trim().trim_end_matches('.').to_ascii_lowercase();
    let mut hosts: Vec<_> = hosts.iter().map(lower).filter(|host| !host.is_empty()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// What a site is called in a file: its hosts, sorted and joined by commas.
pub(super) fn site_key<'h>(hosts: impl Iterator<Item = &'h str>) -> String {
    normalised(&hosts.collect::<Vec<_>>()).join(",")
}
