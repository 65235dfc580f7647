//! When keys change over.
//!
//! ```text
//! waiting --(all that wait were found in the DNS)--> signing --(others sign)--> retiring --(a while)--> gone
//! ```
//! No message is ever signed with a key that nobody can find, and none loses its key while it is under way.

use mailwright_engine::{
    domain_dns::{DkimKeyState, DomainReport},
    time::UnixMillis,
};
use mailwright_storage::control::{KeyStage, SendingDomain};
use std::time::Duration;

/// What a look at the DNS means for a domain: it is verified from the first time that all is there, and one of its own
/// keys with it, which nobody but the owner of the domain can have published (an SPF record that names our hosts says
/// nothing about accounts). New keys sign once they are published; those that signed before go `overlap` later.
pub fn advance(domain: &mut SendingDomain, report: &DomainReport, overlap: Duration, now: UnixMillis) {
    let has_own_key = domain.signing_keys().any(|key| is_found(report, &key.selector));
    if report.is_ready() && has_own_key && domain.verified.is_none() {
        domain.verified = Some(now);
    }
    if are_published(domain, report) {
        for key in &mut domain.keys {
            key.stage = match key.stage {
                KeyStage::Waiting => KeyStage::Signing,
                KeyStage::Signing | KeyStage::Retiring => KeyStage::Retiring,
            };
            key.since = now;
        }
    }
    domain.keys.retain(|key| key.stage != KeyStage::Retiring || now.since(key.since) < overlap);
}

/// Whether there are keys that wait, and every one of them was found.
fn are_published(domain: &SendingDomain, report: &DomainReport) -> bool {
    let mut waiting = domain.keys.iter().filter(|key| key.stage == KeyStage::Waiting).peekable();
    waiting.peek().is_some() && waiting.all(|key| is_found(report, &key.selector))
}

/// Whether this key of ours is published as it is.
fn is_found(report: &DomainReport, selector: &str) -> bool {
    report.dkim.iter().any(|facts| facts.selector == selector && facts.state == DkimKeyState::Published)
}

/// Whether keys have signed for `lifetime`, and none waits to take over.
pub fn are_due(domain: &SendingDomain, lifetime: Duration, now: UnixMillis) -> bool {
    let is_old = domain.signing_keys().any(|key| now.since(key.since) >= lifetime);
    is_old && domain.keys.iter().all(|key| key.stage != KeyStage::Waiting)
}
