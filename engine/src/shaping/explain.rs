//! Why a destination is treated as it is: every value with the layer that decided it.

use super::{
    keys::KEYS,
    layer::{Layer, NotedRule, reconcile},
    limits::Limits,
    provider::ProviderName,
    resolve::{LayerName, Shaping, SiteFacts, normalised},
};
use crate::address::Domain;
use serde::Serialize;
use std::fmt;

/// What holds for a site, and where each part of it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The domain asked about.
    pub domain: Option<Domain>,
    /// Its mail exchangers, sorted.
    pub mx_hosts: Vec<String>,
    /// The source asked about.
    pub source: Option<String>,
    /// Whose site it is.
    pub provider: ProviderName,
    /// Every key of [`Limits`], in their order.
    pub values: Vec<ExplainedValue>,
    /// The rules, in the order in which they are tried.
    pub rules: Vec<ExplainedRule>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedValue {
    /// Its name, as `timeouts.dot`.
    pub key: &'static str,
    /// The effective value, as a file would have it.
    pub value: String,
    /// Who decided it.
    pub layer: LayerName,
    /// What the file says about where the value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedRule {
    /// Its name.
    pub name: String,
    /// What it does, in one line.
    pub rule: String,
    /// Whose it is.
    pub layer: LayerName,
    /// What the file says about where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Shaping {
    /// What [`resolve`](Self::resolve) gives for the same facts, with the layer that decided each value.
    pub fn explain(&self, facts: &SiteFacts<'_>) -> Explanation {
        let hosts = normalised(facts.mx_hosts);
        let provider = self.providers.recognise(facts.domain, &hosts);
        let layers = self.layers(facts, &hosts, provider);
        let of_provider = provider.map_or(0, |provider| provider.rules.len());
        let provider_name = provider.map_or_else(ProviderName::other, |provider| provider.name.clone());
        let rules = self.rules(provider).enumerate().map(|(index, noted)| {
            let own = index < of_provider;
            let layer = if own { LayerName::Provider(provider_name.clone()) } else { LayerName::Default };
            explain_rule(noted, layer)
        });
        Explanation {
            domain: facts.domain.cloned(),
            source: facts.source.map(str::to_owned),
            values: explain_values(&layers),
            rules: rules.collect(),
            mx_hosts: hosts,
            provider: provider_name,
        }
    }
}

fn explain_rule(noted: &NotedRule, layer: LayerName) -> ExplainedRule {
    let NotedRule { rule, note } = noted;
    ExplainedRule { name: rule.name.clone(), rule: rule.to_string(), layer, note: note.clone() }
}

fn explain_values(layers: &[(LayerName, &Layer)]) -> Vec<ExplainedValue> {
    let mut merged = Limits::default();
    layers.iter().for_each(|(_, layer)| layer.apply(&mut merged));
    let mut effective = merged.clone();
    reconcile(&mut effective);
    let explain = |key: &'static super::keys::Key| {
        let value = (key.show)(&effective);
        // Only `initial_connections` can come out other than it was set, and `connections` is why.
        let deciding = if value == (key.show)(&merged) { key.name } else { "connections" };
        let decided = layers.iter().rev().find(|(_, layer)| layer.sets(deciding));
        let layer = decided.map_or(LayerName::BuiltIn, |(name, _)| name.clone());
        let note = decided.and_then(|(_, layer)| layer.note(deciding)).map(str::to_owned);
        ExplainedValue { key: key.name, value, layer, note }
    };
    KEYS.iter().map(explain).collect()
}

impl fmt::Display for Explanation {
    /// Tables for a person at a terminal, with a final line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(domain) = &self.domain {
            writeln!(f, "domain    {domain}")?;
        }
        writeln!(f, "provider  {}", self.provider)?;
        let unknown = if self.mx_hosts.is_empty() { "not known" } else { "" };
        writeln!(f, "hosts     {}{unknown}", self.mx_hosts.join(", "))?;
        writeln!(f, "source    {}\n", self.source.as_deref().unwrap_or("any"))?;
        let values = self.values.iter().map(|value| {
            let ExplainedValue { key, value, layer, note } = value;
            [(*key).to_owned(), value.clone(), layer.to_string(), note.clone().unwrap_or_default()]
        });
        let head = ["KEY", "VALUE", "DECIDED BY", "NOTE"].map(str::to_owned);
        write_table(f, std::iter::once(head).chain(values).collect())?;
        if self.rules.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        let rules = self.rules.iter().map(|rule| {
            let ExplainedRule { name, rule, layer, note } = rule;
            let note = note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
            [name.clone(), layer.to_string(), format!("{rule}{note}")]
        });
        let head = ["RULE", "OF", "WHAT IT DOES"].map(str::to_owned);
        write_table(f, std::iter::once(head).chain(rules).collect())
    }
}

/// Columns as wide as their widest cell, two spaces between them, none at the end of a line.
pub(super) fn write_table<const N: usize>(f: &mut fmt::Formatter<'_>, rows: Vec<[String; N]>) -> fmt::Result {
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[default]
connections = 10
[provider.big]
mx_suffix = ["mx.big.example"]
connections = 3
timeouts = { dot = "20m" }
[provider.big.notes]
connections = "https://big.example/limits"
timeouts = "guess: they are slow"
[[provider.big.rules]]
name = "big-rate"
codes = [421]
action = { slow-down = 0.5 }
hold = "10m"
note = "guess"
[[default.rules]]
name = "general"
action = "suspend-site"
hold = "1h"
[source.cold]
message_rate = "1/h"
"#;

    fn explain(source: Option<&str>) -> Explanation {
        let domain = Domain::parse("a.example").unwrap();
        let hosts = ["B.mx.big.example.".to_owned(), "a.mx.big.example".to_owned()];
        let facts = SiteFacts { domain: Some(&domain), mx_hosts: &hosts, source };
        Shaping::parse(FILE).unwrap().explain(&facts)
    }

    fn decided(explanation: &Explanation, key: &str) -> (String, String, Option<String>) {
        let value = explanation.values.iter().find(|value| value.key == key).unwrap();
        (value.value.clone(), value.layer.to_string(), value.note.clone())
    }

    #[test]
    fn each_value_names_the_layer_that_decided_it() {
        let explanation = explain(Some("cold"));
        let note = |text: &str| Some(text.to_owned());
        let cases = [
            ("connections", "3", "provider.big", note("https://big.example/limits")),
            ("initial_connections", "3", "provider.big", note("https://big.example/limits")),
            ("timeouts.dot", "20m", "provider.big", note("guess: they are slow")),
            ("message_rate", "1/h", "source.cold", None),
            ("connection_rate", "none", "built-in", None),
            ("tls", "opportunistic", "built-in", None),
        ];
        for (key, value, layer, note) in cases {
            assert_eq!(decided(&explanation, key), (value.to_owned(), layer.to_owned(), note), "{key}");
        }
        assert_eq!(explanation.values.len(), KEYS.len());
        assert_eq!(decided(&explain(None), "message_rate").1, "built-in");
    }

    #[test]
    fn rules_name_their_section() {
        let explanation = explain(None);
        let rules: Vec<_> =
            explanation.rules.iter().map(|rule| (rule.name.as_str(), rule.layer.to_string())).collect();
        assert_eq!(rules, [("big-rate", "provider.big".to_owned()), ("general", "default".to_owned())]);
    }

    #[test]
    fn is_a_table_for_people_and_json_for_programs() {
        let explanation = explain(None);
        let text = explanation.to_string();
        assert!(
            text.starts_with("domain    a.example\nprovider  big\nhosts     a.mx.big.example, b.mx"),
            "{text}"
        );
        assert!(
            text.contains("\nconnections                 3              provider.big  https://big"),
            "{text}"
        );
        assert!(
            text.contains("\nbig-rate  provider.big  421: 1 in 1m: slow down to 50 % for 10m (guess)\n"),
            "{text}"
        );
        assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
        let json = serde_json::to_value(&explanation).unwrap();
        assert_eq!(json["provider"], "big");
        assert_eq!(json["values"][0]["layer"], "provider.big");
    }
}
