//! What an SPF record makes of our hosts, and what is wrong with it.

use super::{
    description::SpfAuthority,
    finding::{Area, Code, Finding, Severity},
    record::spf_text,
    spf::{self, Mechanism, Modifier, Qualifier, SpfProblem, SpfResult, SpfTree, TermKind},
};
use std::net::IpAddr;

/// Tells what is wrong with the SPF record, and whether it lets us send: by `authority`, from `addresses` as far as
/// these are known.
pub(super) fn check(
    authority: Option<&SpfAuthority>,
    tree: &SpfTree,
    addresses: &[IpAddr],
    findings: &mut Vec<Finding>,
) -> bool {
    let before = findings.len();
    findings.extend(tree.all_problems().into_iter().map(finding));
    let Some(record) = &tree.record else { return false };
    habits(tree, findings);
    let named: Vec<IpAddr> = match authority {
        Some(SpfAuthority::Addresses(ours)) => ours.clone(),
        Some(SpfAuthority::Include(_)) | None => Vec::new(),
    };
    let includes = match authority {
        Some(SpfAuthority::Include(name)) => leads_to(tree, name),
        Some(SpfAuthority::Addresses(_)) | None => false,
    };
    let known = if named.is_empty() { addresses } else { &named };
    // Where the DNS gave no answer, that was told already, and nothing more is known.
    let is_refused =
        |ip: &&IpAddr| !matches!(tree.judge(**ip).result, SpfResult::Pass | SpfResult::TempError);
    let refused: Vec<_> = known.iter().filter(is_refused).collect();
    let is_allowed = if known.is_empty() { includes || authority.is_none() } else { refused.is_empty() };
    if !is_allowed {
        let who = match refused.first() {
            Some(address) => format!("{address} gets {}", tree.judge(**address).result.as_str()),
            None => "our hosts are not named in it".to_owned(),
        };
        let merged = authority.and_then(|ours| spf::merged(&spf_text(ours), &[record.as_str()]));
        let mend = merged
            .map_or_else(|| "Name it there.".to_owned(), |text| format!("Publish \"{text}\" in its place."));
        let message = format!("The SPF record does not let us send: {who}. {mend}");
        findings.push(Finding::error(Area::Spf, Code::SpfNotAuthorized, &tree.domain, message));
    }
    findings[before..].iter().all(|finding| finding.severity != Severity::Error) && is_allowed
}

fn finding(problem: &SpfProblem) -> Finding {
    let SpfProblem { code, domain, message, .. } = problem;
    match code {
        Code::LookupFailed => Finding::unknown(Area::Spf, domain, message),
        Code::InvalidMechanism => {
            let message =
                format!("The SPF record of {domain} is malformed and does not count: {message}. Mend it.");
            Finding::error(Area::Spf, *code, domain, message)
        }
        _ => {
            let mut text = message.clone();
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            text.push('.');
            Finding::error(Area::Spf, *code, domain, text)
        }
    }
}

/// Terms that are allowed and do no good.
fn habits(tree: &SpfTree, findings: &mut Vec<Finding>) {
    let name = &tree.domain;
    let mut has_end = false;
    for node in &tree.nodes {
        match &node.term.kind {
            _ if node.is_ignored => {
                let message =
                    format!("No receiver looks at {:?}: all decides before it. Take it out.", node.term.text);
                findings.push(Finding::warning(Area::Spf, Code::SpfIgnoredTerms, name, message));
            }
            TermKind::Mechanism(qualifier, Mechanism::All) => {
                has_end = true;
                if *qualifier == Qualifier::Pass {
                    let message = "The SPF record lets everybody send (+all). End it in ~all or -all.";
                    findings.push(Finding::error(Area::Spf, Code::SpfAllowsAll, name, message));
                }
            }
            TermKind::Modifier(Modifier::Redirect(_)) => has_end = true,
            TermKind::Mechanism(_, Mechanism::Ptr(_)) => {
                let message = "The SPF record uses ptr, which receivers are told not to look at. Name networks instead.";
                findings.push(Finding::warning(Area::Spf, Code::SpfUsesPtr, name, message));
            }
            TermKind::Mechanism(..) | TermKind::Modifier(_) => {}
        }
    }
    if !has_end {
        let message = "The SPF record does not say what to make of other hosts. End it in ~all.";
        findings.push(Finding::note(Area::Spf, Code::SpfOpenEnd, name, message));
    }
}

/// Whether a term that passes leads to the record of `name`, at any depth.
fn leads_to(tree: &SpfTree, name: &str) -> bool {
    tree.nodes.iter().filter(|node| !node.is_ignored).any(|node| {
        let passes = match &node.term.kind {
            TermKind::Mechanism(Qualifier::Pass, Mechanism::Include(_)) => true,
            TermKind::Modifier(Modifier::Redirect(_)) => true,
            TermKind::Mechanism(..) | TermKind::Modifier(_) => false,
        };
        let beneath = node.beneath.as_deref();
        passes && beneath.is_some_and(|beneath| beneath.domain == name || leads_to(beneath, name))
    })
}
