//! The tree in the form of `GET /zones/{zone_id}/email/auth/spf/inspect`.

use super::{
    record::{Modifier, Qualifier, TermKind},
    tree::{SpfNode, SpfProblem, SpfTree},
};
use crate::domain_dns::finding::Code;
use serde::Serialize;
use std::net::IpAddr;

/// A record as the route shows it: `{domain, record, components, total_lookups, errors}`. The errors of the whole
/// tree stand at the top, and there only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpfInspection {
    /// Whose record it is.
    pub domain: String,
    /// The record; empty where there is not exactly one.
    pub record: String,
    /// Its terms.
    pub components: Vec<SpfComponent>,
    /// How many look-ups it costs with all beneath it.
    pub total_lookups: u32,
    /// What is wrong, left out where nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<SpfError>,
}

/// A term.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpfComponent {
    /// Its name: `include`, `a`, `redirect`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// What a match means; modifiers have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qualifier: Option<Qualifier>,
    /// What stands behind its colon or equals sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// As it is written.
    pub text: String,
    /// Its first character in the record, from 1.
    pub position: usize,
    /// How many look-ups it costs with all beneath it.
    pub lookups: u32,
    /// Whether no receiver looks at it.
    pub ignored: bool,
    /// The addresses that an `a` or `mx` stands for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// The record that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inspection: Option<Box<SpfInspection>>,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpfError {
    /// What, in the words of the API.
    pub code: Code,
    /// Whose record it is in.
    pub domain: String,
    /// What and where, for people.
    pub message: String,
    /// The wrong text itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

impl From<&SpfTree> for SpfInspection {
    fn from(tree: &SpfTree) -> Self {
        Self { errors: tree.all_problems().into_iter().map(SpfError::from).collect(), ..Self::inner(tree) }
    }
}

impl SpfInspection {
    fn inner(tree: &SpfTree) -> Self {
        Self {
            domain: tree.domain.clone(),
            record: tree.record.clone().unwrap_or_default(),
            components: tree.nodes.iter().map(SpfComponent::from).collect(),
            total_lookups: tree.total_lookups(),
            errors: Vec::new(),
        }
    }
}

impl From<&SpfNode> for SpfComponent {
    fn from(node: &SpfNode) -> Self {
        let text = &node.term.text;
        let (kind, qualifier) = match &node.term.kind {
            TermKind::Mechanism(qualifier, mechanism) => (mechanism.as_str().to_owned(), Some(*qualifier)),
            TermKind::Modifier(Modifier::Redirect(_)) => ("redirect".to_owned(), None),
            TermKind::Modifier(Modifier::Explanation(_)) => ("exp".to_owned(), None),
            TermKind::Modifier(Modifier::Unknown) => {
                (text.split('=').next().unwrap_or_default().to_owned(), None)
            }
        };
        let value = match &node.term.kind {
            TermKind::Mechanism(..) => text.split_once(':'),
            TermKind::Modifier(_) => text.split_once('='),
        };
        Self {
            kind,
            qualifier,
            value: value.map(|(_, value)| value.to_owned()),
            text: text.clone(),
            position: node.term.at,
            lookups: node.lookups,
            ignored: node.is_ignored,
            addresses: node.addresses.clone(),
            inspection: node.beneath.as_deref().map(|tree| Box::new(SpfInspection::inner(tree))),
        }
    }
}

impl From<&SpfProblem> for SpfError {
    fn from(problem: &SpfProblem) -> Self {
        let SpfProblem { code, domain, message, details } = problem.clone();
        Self { code, domain, message, details }
    }
}
