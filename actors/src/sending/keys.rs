//! When keys change over.
//!
//! ```text
//! waiting --(all that wait were found in the DNS)--> signing --(others sign)--> retiring --(a while)--> gone
//! ```
//! No message is ever signed with a key that nobody can find, and none loses its key while it is under way.

use mailwright_engine::{
    domain_dns::{DkimFacts, DkimKeyState, DomainReport},
    time::UnixMillis,
};
use mailwright_storage::control::{KeyStage, SendingDomain, StoredKey};
use std::time::Duration;

/// What a look at the DNS means for a sending domain: it is verified from the first time that all is there, and one of
/// its own keys with it, which nobody but the owner of the domain can have published (an SPF record that names our hosts
/// says nothing about accounts). Its keys change over.
pub fn advance(domain: &mut SendingDomain, report: &DomainReport, overlap: Duration, now: UnixMillis) {
    let has_own_key = domain.signing_keys().any(|key| is_found(&report.dkim, &key.selector));
    if report.is_ready() && has_own_key && domain.verified.is_none() {
        domain.verified = Some(now);
    }
    change_over(&mut domain.keys, &report.dkim, overlap, now);
}

/// Has new keys sign once they are published, as `found` tells; those that signed before go `overlap` later.
pub fn change_over(keys: &mut Vec<StoredKey>, found: &[DkimFacts], overlap: Duration, now: UnixMillis) {
    if are_published(keys, found) {
        for key in keys.iter_mut() {
            key.stage = match key.stage {
                KeyStage::Waiting => KeyStage::Signing,
                KeyStage::Signing | KeyStage::Retiring => KeyStage::Retiring,
            };
            key.since = now;
        }
    }
    keys.retain(|key| key.stage != KeyStage::Retiring || now.since(key.since) < overlap);
}

/// Whether there are keys that wait, and every one of them was found.
fn are_published(keys: &[StoredKey], found: &[DkimFacts]) -> bool {
    let mut waiting = keys.iter().filter(|key| key.stage == KeyStage::Waiting).peekable();
    waiting.peek().is_some() && waiting.all(|key| is_found(found, &key.selector))
}

/// Whether this key of ours is published as it is.
fn is_found(found: &[DkimFacts], selector: &str) -> bool {
    found.iter().any(|facts| facts.selector == selector && facts.state == DkimKeyState::Published)
}

/// Whether keys have signed for `lifetime`, and none waits to take over.
pub fn are_due(keys: &[StoredKey], lifetime: Duration, now: UnixMillis) -> bool {
    let is_old = |key: &StoredKey| key.stage == KeyStage::Signing && now.since(key.since) >= lifetime;
    keys.iter().any(is_old) && keys.iter().all(|key| key.stage != KeyStage::Waiting)
}
