//! A record with all that it leads to.

use super::{
    names::is_domain_name,
    record::{Modifier, SpfRecord, SpfTerm, TermKind, is_spf},
    term::{DomainSpec, Mechanism},
};
use crate::domain_dns::{
    answers::{Found, Lookups, normal},
    finding::Code,
};
use std::net::IpAddr;

/// Most look-ups that a receiver makes for one message (RFC 7208 section 4.6.4).
pub const MAX_LOOKUPS: u32 = 10;
/// Most of them that may lead to nothing (section 4.6.4).
pub const MAX_VOID_LOOKUPS: u32 = 2;
/// Most mail exchangers of one `mx` (section 4.6.4).
const MAX_EXCHANGES: usize = 10;
/// Most records that are followed: enough to show what a receiver would not look at any more.
pub const MAX_NODES: u32 = 50;
/// How deep they are followed.
const MAX_DEPTH: usize = 12;

/// The record of a domain, and what its terms lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpfTree {
    /// Whose record it is.
    pub domain: String,
    /// The record; `None` where there is not exactly one.
    pub record: Option<String>,
    /// Its terms, in order.
    pub nodes: Vec<SpfNode>,
    /// What is wrong here; what is wrong beneath stands there.
    pub problems: Vec<SpfProblem>,
}

/// A term and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpfNode {
    /// The term.
    pub term: SpfTerm,
    /// Whether it stands behind `all`, or is a redirect beside one: no receiver looks at it.
    pub is_ignored: bool,
    /// How many look-ups it costs with all beneath it.
    pub lookups: u32,
    /// How many of them find nothing.
    pub void_lookups: u32,
    /// The addresses that an `a` or an `mx` names.
    pub addresses: Vec<IpAddr>,
    /// The record that it includes or redirects to.
    pub beneath: Option<Box<SpfTree>>,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpfProblem {
    /// What, for programs.
    pub code: Code,
    /// Whose record it is.
    pub domain: String,
    /// What and where, for people.
    pub message: String,
    /// The wrong text itself, for errors about one.
    pub details: Option<String>,
}

impl SpfTree {
    /// Follows the record of `domain` to its ends.
    pub fn build(domain: &str, lookups: &mut Lookups<'_>) -> Self {
        Self::of_texts(domain, None, lookups)
    }

    /// Follows `record` as if it were that of `domain`: what would happen if it were published.
    pub fn of_record(domain: &str, record: &str, lookups: &mut Lookups<'_>) -> Self {
        Self::of_texts(domain, Some(vec![record.to_owned()]), lookups)
    }

    fn of_texts(domain: &str, texts: Option<Vec<String>>, lookups: &mut Lookups<'_>) -> Self {
        let mut builder = Builder { lookups, path: Vec::new(), records: 0 };
        let domain = normal(domain);
        let texts = match texts {
            Some(texts) => Found::Some(texts),
            None => builder.lookups.txt(&domain),
        };
        let mut tree = builder.tree(domain, texts);
        tree.check_limits();
        tree
    }

    /// How many look-ups the whole record costs; at most [`MAX_LOOKUPS`] are allowed.
    pub fn total_lookups(&self) -> u32 {
        self.nodes.iter().map(|node| node.lookups).sum()
    }

    /// How many of them find nothing; at most [`MAX_VOID_LOOKUPS`] are allowed.
    pub fn void_lookups(&self) -> u32 {
        self.nodes.iter().map(|node| node.void_lookups).sum()
    }

    /// What is wrong, here and beneath, from the top.
    pub fn all_problems(&self) -> Vec<&SpfProblem> {
        let beneath = self.nodes.iter().filter_map(|node| node.beneath.as_deref());
        self.problems.iter().chain(beneath.flat_map(SpfTree::all_problems)).collect()
    }

    fn check_limits(&mut self) {
        let (total, void) = (self.total_lookups(), self.void_lookups());
        if total > MAX_LOOKUPS {
            let message = format!(
                "the record costs {total} look-ups, and receivers give up after {MAX_LOOKUPS}: take out terms that \
                 are not needed, or put addresses in the place of includes"
            );
            self.problem(Code::MaxLookups, message, None);
        }
        if void > MAX_VOID_LOOKUPS {
            let message = format!(
                "{void} look-ups find nothing, and receivers give up after {MAX_VOID_LOOKUPS}: take out the names that \
                 do not exist any more"
            );
            self.problem(Code::MaxVoidLookups, message, None);
        }
    }

    fn problem(&mut self, code: Code, message: impl Into<String>, details: Option<&str>) {
        let (domain, details) = (self.domain.clone(), details.map(str::to_owned));
        self.problems.push(SpfProblem { code, domain, message: message.into(), details });
    }
}

/// What a term found when it looked.
#[derive(Default)]
struct Reached {
    lookups: u32,
    void_lookups: u32,
    addresses: Vec<IpAddr>,
    beneath: Option<Box<SpfTree>>,
}

struct Builder<'a, 'b> {
    lookups: &'a mut Lookups<'b>,
    /// The domains from the root to here.
    path: Vec<String>,
    records: u32,
}

impl Builder<'_, '_> {
    fn tree(&mut self, domain: String, texts: Found<Vec<String>>) -> SpfTree {
        let mut tree = SpfTree { domain, record: None, nodes: Vec::new(), problems: Vec::new() };
        self.records += 1;
        let Some(text) = sole_record(&mut tree, texts) else { return tree };
        let record = SpfRecord::parse(&text);
        for error in &record.errors {
            tree.problem(Code::InvalidMechanism, error.to_string(), Some(&error.term));
        }
        self.path.push(tree.domain.clone());
        let has_all = record.has_all();
        let mut is_over = false;
        for term in record.terms {
            let is_redirect = matches!(term.kind, TermKind::Modifier(Modifier::Redirect(_)));
            let is_mechanism = matches!(term.kind, TermKind::Mechanism(..));
            let is_ignored = (is_over && is_mechanism) || (has_all && is_redirect);
            is_over |= matches!(term.kind, TermKind::Mechanism(_, Mechanism::All));
            let reached = if is_ignored { Reached::default() } else { self.follow(&mut tree, &term) };
            let Reached { lookups, void_lookups, addresses, beneath } = reached;
            tree.nodes.push(SpfNode { term, is_ignored, lookups, void_lookups, addresses, beneath });
        }
        self.path.pop();
        tree.record = Some(text);
        tree
    }

    /// Looks up what a term names.
    fn follow(&mut self, tree: &mut SpfTree, term: &SpfTerm) -> Reached {
        match &term.kind {
            TermKind::Mechanism(_, mechanism) => match mechanism {
                Mechanism::Include(domain) => self.record_of(tree, domain),
                Mechanism::A(domain, ..) => self.addresses(tree, domain.as_ref()),
                Mechanism::Mx(domain, ..) => self.exchanges(tree, domain.as_ref()),
                Mechanism::Exists(domain) => self.addresses(tree, Some(domain)),
                Mechanism::Ptr(_) => Reached { lookups: 1, ..Reached::default() },
                Mechanism::All | Mechanism::Ip4(_) | Mechanism::Ip6(_) => Reached::default(),
            },
            TermKind::Modifier(Modifier::Redirect(domain)) => self.record_of(tree, domain),
            TermKind::Modifier(Modifier::Explanation(_) | Modifier::Unknown) => Reached::default(),
        }
    }

    fn record_of(&mut self, tree: &mut SpfTree, domain: &DomainSpec) -> Reached {
        let mut reached = Reached { lookups: 1, ..Reached::default() };
        let Some(name) = domain.name().map(normal) else { return reached };
        if self.path.contains(&name) {
            let message = format!("the record leads back to {name}: receivers go round until they give up");
            tree.problem(Code::LoopDetected, message, Some(&name));
            return reached;
        }
        if self.path.len() >= MAX_DEPTH || self.records >= MAX_NODES {
            let message = format!("{name} is not looked at: there are too many records above and before it");
            tree.problem(Code::ResourceLimitExceeded, message, None);
            return reached;
        }
        let texts = self.lookups.txt(&name);
        reached.void_lookups = u32::from(texts == Found::None);
        let beneath = self.tree(name, texts);
        reached.lookups += beneath.total_lookups();
        reached.void_lookups += beneath.void_lookups();
        reached.beneath = Some(Box::new(beneath));
        reached
    }

    fn addresses(&mut self, tree: &mut SpfTree, domain: Option<&DomainSpec>) -> Reached {
        let mut reached = Reached { lookups: 1, ..Reached::default() };
        let Some(name) = name_in(tree, domain) else { return reached };
        match self.lookups.addresses(&name) {
            Found::Some(addresses) => reached.addresses = addresses,
            Found::None => reached.void_lookups = 1,
            Found::Failed(why) => {
                tree.problem(Code::LookupFailed, format!("addresses of {name}: {why}"), None);
            }
        }
        reached
    }

    fn exchanges(&mut self, tree: &mut SpfTree, domain: Option<&DomainSpec>) -> Reached {
        let mut reached = Reached { lookups: 1, ..Reached::default() };
        let Some(name) = name_in(tree, domain) else { return reached };
        let records = match self.lookups.mx(&name) {
            Found::Some(records) => records,
            Found::None => {
                reached.void_lookups = 1;
                return reached;
            }
            Found::Failed(why) => {
                tree.problem(Code::LookupFailed, format!("mail exchangers of {name}: {why}"), None);
                return reached;
            }
        };
        if records.len() > MAX_EXCHANGES {
            let message =
                format!("{name} has more than {MAX_EXCHANGES} mail exchangers, which ends the look at them");
            tree.problem(Code::ResourceLimitExceeded, message, None);
        }
        for record in records.iter().take(MAX_EXCHANGES).filter(|record| is_domain_name(&record.exchange)) {
            match self.lookups.addresses(&record.exchange) {
                Found::Some(addresses) => reached.addresses.extend(addresses),
                Found::None => {}
                Found::Failed(why) => {
                    let message = format!("addresses of {}: {why}", record.exchange);
                    tree.problem(Code::LookupFailed, message, None);
                }
            }
        }
        reached
    }
}

/// The name that a term means: its own, or the record's domain. `None` with macros.
fn name_in(tree: &SpfTree, domain: Option<&DomainSpec>) -> Option<String> {
    domain.map_or(Some(tree.domain.clone()), |domain| domain.name().map(normal))
}

/// The one SPF record among the TXT records (section 4.5).
fn sole_record(tree: &mut SpfTree, texts: Found<Vec<String>>) -> Option<String> {
    if !is_domain_name(&tree.domain) {
        let domain = tree.domain.clone();
        tree.problem(Code::InvalidDomain, format!("{domain:?} is no domain name"), Some(&domain));
        return None;
    }
    let texts = match texts {
        Found::Some(texts) => texts,
        Found::None => Vec::new(),
        Found::Failed(why) => {
            let message = format!("the TXT records of {} cannot be looked up: {why}", tree.domain);
            tree.problem(Code::LookupFailed, message, None);
            return None;
        }
    };
    let mut records: Vec<_> = texts.iter().filter(|text| is_spf(text)).cloned().collect();
    match records.len() {
        0 => {
            let meant = texts.iter().find(|text| text.trim().to_ascii_lowercase().contains("v=spf"));
            match meant {
                Some(text) => {
                    let message = format!("{text:?} of {} does not begin with \"v=spf1 \"", tree.domain);
                    tree.problem(Code::InvalidSpf, message, None);
                }
                None => tree.problem(Code::SpfNotFound, format!("{} has no SPF record", tree.domain), None),
            }
            None
        }
        1 => records.pop(),
        count => {
            let message =
                format!("{} has {count} SPF records, so that none counts: join them in one", tree.domain);
            tree.problem(Code::MultipleSpf, message, None);
            None
        }
    }
}

#[cfg(test)]
pub(in crate::domain_dns) mod tests;
