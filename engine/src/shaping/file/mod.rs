//! Reading a shaping file: TOML with places, every key checked, every mistake told with its line.
//!
//! The text is read as a tree of spans rather than through serde, for two reasons: all mistakes are told at
//! once, and the keys come from one table ([`keys`](super::keys)) for each kind of section.

mod entry;
mod rules;
mod section;
#[cfg(test)]
mod tests;
pub(super) mod value;

use super::{
    Shaping, ShapingError,
    error::Problems,
    layer::{Layer, NotedRule},
    provider::{Provider, ProviderName},
    site_key,
};
use crate::{address::Domain, class::SourceName};
use entry::Entry;
use std::{collections::BTreeSet, sync::Arc};
use toml::de::{DeTable, DeValue};

/// Reads a whole file.
pub(super) fn parse(text: &str) -> Result<Shaping, ShapingError> {
    let mut problems = Problems::new(text);
    let mut shaping = Shaping::default();
    match DeTable::parse(text) {
        Ok(root) => {
            let mut reader = Reader { problems: &mut problems, rule_names: BTreeSet::new() };
            reader.read(&Entry::all("", root.get_ref()), &mut shaping);
        }
        Err(error) => problems.add(&error.span().unwrap_or_default(), "", error.message()),
    }
    shaping.share_rules();
    problems.finish(shaping)
}

/// Reads section after section.
struct Reader<'p, 'i> {
    problems: &'p mut Problems<'i>,
    rule_names: BTreeSet<String>,
}

/// What a section of a provider or the defaults holds.
struct Section<'t, 'i> {
    layer: Layer,
    rules: Vec<NotedRule>,
    rest: Vec<Entry<'t, 'i>>,
}

impl Reader<'_, '_> {
    fn read(&mut self, root: &[Entry<'_, '_>], shaping: &mut Shaping) {
        for entry in root {
            match entry.name {
                "default" => self.default(entry, shaping),
                "provider" => {
                    entry.table(self.problems).iter().for_each(|entry| self.provider(entry, shaping));
                }
                "site" => entry.table(self.problems).iter().for_each(|entry| self.site(entry, shaping)),
                "domain" => entry.table(self.problems).iter().for_each(|entry| self.domain(entry, shaping)),
                "source" => entry.table(self.problems).iter().for_each(|entry| self.source(entry, shaping)),
                _ => entry.refuse(
                    self.problems,
                    "there is no such section; those there are: default, provider.NAME, site.\"HOST\", \
                     domain.\"DOMAIN\", source.NAME",
                ),
            }
        }
    }

    fn default(&mut self, entry: &Entry<'_, '_>, shaping: &mut Shaping) {
        let section = self.with_rules(entry);
        section::refuse(&section.rest, &["rules"], self.problems);
        shaping.default = section.layer;
        shaping.default_rules = section.rules;
    }

    fn provider(&mut self, entry: &Entry<'_, '_>, shaping: &mut Shaping) {
        let name = ProviderName::parse(entry.name);
        let Section { layer, rules, mut rest } = self.with_rules(entry);
        let known_by = |entry: &Entry<'_, '_>| {
            let list = entry.value().as_array();
            matches!(entry.name, "mx_suffix" | "domains")
                && list.is_none_or(|list| list.iter().next().is_some())
        };
        if entry.value().is_table() && !rest.iter().any(known_by) {
            let reason =
                "nothing is of this provider: say mx_suffix (of its mail exchangers), domains or both";
            entry.refuse(self.problems, reason);
        }
        let suffixes = self.names(&mut rest, "mx_suffix");
        let domains = self.names(&mut rest, "domains");
        section::refuse(&rest, &["rules", "mx_suffix", "domains"], self.problems);
        match name {
            Ok(name) => {
                let provider = Arc::new(Provider { name, layer, rules });
                self.recognise(&provider, &suffixes, &domains, shaping);
            }
            Err(error) => entry.refuse(self.problems, error.to_string()),
        }
    }

    /// Enters how the provider is recognised.
    fn recognise(
        &mut self,
        provider: &Arc<Provider>,
        suffixes: &[(Entry<'_, '_>, Domain)],
        domains: &[(Entry<'_, '_>, Domain)],
        shaping: &mut Shaping,
    ) {
        shaping.providers.add(provider);
        for (entry, suffix) in suffixes {
            if !suffix.as_str().contains('.') || suffix.literal().is_some() {
                let reason = "this would take in every host below a top-level domain: write more of the name";
                entry.refuse(self.problems, reason);
            } else if let Some(other) = shaping.providers.add_suffix(suffix.as_str(), provider) {
                entry.refuse(self.problems, format!("{suffix} is a mx_suffix of provider {other} too"));
            }
        }
        for (entry, domain) in domains {
            if let Some(other) = shaping.providers.add_domain(domain.clone(), provider) {
                entry.refuse(self.problems, format!("{domain} is a domain of provider {other} too"));
            }
        }
    }

    fn site(&mut self, entry: &Entry<'_, '_>, shaping: &mut Shaping) {
        let layer = self.limits(entry);
        match site_key(entry.name.split(',')) {
            key if key.is_empty() || key.contains(char::is_whitespace) => {
                let reason = "a site is the name of a mail exchanger, or of all of them joined by commas";
                entry.refuse(self.problems, reason);
            }
            key => {
                if shaping.sites.insert(key.clone(), layer).is_some() {
                    entry.refuse(self.problems, format!("there is a section for site {key} already"));
                }
            }
        }
    }

    fn domain(&mut self, entry: &Entry<'_, '_>, shaping: &mut Shaping) {
        let layer = self.limits(entry);
        match Domain::parse(entry.name) {
            Ok(domain) => {
                if shaping.domains.insert(domain.clone(), layer).is_some() {
                    entry.refuse(self.problems, format!("there is a section for domain {domain} already"));
                }
            }
            Err(error) => entry.refuse(self.problems, error.to_string()),
        }
    }

    fn source(&mut self, entry: &Entry<'_, '_>, shaping: &mut Shaping) {
        let layer = self.limits(entry);
        match SourceName::parse(entry.name) {
            Ok(name) => {
                shaping.sources.insert(name.as_str().to_owned(), layer);
            }
            Err(error) => entry.refuse(self.problems, error.to_string()),
        }
    }

    /// A section of limits and nothing else.
    fn limits(&mut self, entry: &Entry<'_, '_>) -> Layer {
        let (layer, rest) = section::read(entry.table(self.problems), self.problems);
        section::refuse(&rest, &[], self.problems);
        layer
    }

    /// A section of limits and rules.
    fn with_rules<'t, 'i>(&mut self, entry: &Entry<'t, 'i>) -> Section<'t, 'i> {
        let (layer, mut rest) = section::read(entry.table(self.problems), self.problems);
        let list = take(&mut rest, "rules");
        let rules = list.map(|list| rules::read(&list, &mut self.rule_names, self.problems));
        Section { layer, rules: rules.unwrap_or_default(), rest }
    }

    /// The list of domain names under `name`, each with its place.
    fn names<'t, 'i>(&mut self, rest: &mut Vec<Entry<'t, 'i>>, name: &str) -> Vec<(Entry<'t, 'i>, Domain)> {
        let elements = take(rest, name).map(|list| list.list(self.problems)).unwrap_or_default();
        let read = |entry: Entry<'t, 'i>| {
            let domain = entry.read(self.problems, |value: &DeValue<'_>| {
                value::text(value)
                    .and_then(|text| Domain::parse(text.trim_start_matches('.')).map_err(|e| e.to_string()))
            })?;
            Some((entry, domain))
        };
        elements.into_iter().filter_map(read).collect()
    }
}

/// Takes the entry called `name` out of `entries`.
fn take<'t, 'i>(entries: &mut Vec<Entry<'t, 'i>>, name: &str) -> Option<Entry<'t, 'i>> {
    let at = entries.iter().position(|entry| entry.name == name)?;
    Some(entries.swap_remove(at))
}
