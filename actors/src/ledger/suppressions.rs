//! Outcomes for the suppression list: who cannot be written to.

use super::Ended;
use crate::{outcome::Settled, suppressed::is_dead};
use mailwright_engine::{
    classify::Judged,
    smtp::verdict::{Fault, Outcome},
};
use mailwright_storage::{
    control::ObjectId,
    suppressions::{Fate, SuppressionFeed, What},
};

/// Most characters of a reply that are noted.
const WORDS: usize = 200;

/// Whether an outcome says anything about its recipients.
pub(super) fn concerns(settled: &Settled, feed: &SuppressionFeed) -> bool {
    account(settled).is_some()
        && feed.is_on()
        && settled.attempt.iter().any(|(recipient, judged)| {
            // A delivery is told if its message is at hand: it is not read for that.
            what(settled, *recipient, judged).is_some_and(|what| what != What::Delivered)
        })
}

/// Tells what it says about each.
pub(super) fn tell(settled: &Settled, ended: &Ended, feed: &SuppressionFeed) {
    let Some(message) = ended.message.as_deref().filter(|_| feed.is_on()) else { return };
    let Some(account) = account(settled).filter(|_| message.envelope.origin.is_sending()) else { return };
    for (recipient, judged) in &settled.attempt {
        let address = message.envelope.recipients.get(usize::from(*recipient));
        if let (Some(email), Some(what)) = (address, what(settled, *recipient, judged)) {
            feed.tell(Fate { account: account.clone(), email: email.clone(), what, at: settled.now });
        }
    }
}

/// The account that sent it; mail of nobody's suppresses nobody.
fn account(settled: &Settled) -> Option<ObjectId> {
    settled.entry.place.class.tenant.as_ref()?.as_str().parse().ok()
}

/// What an outcome says about a recipient.
fn what(settled: &Settled, recipient: u16, judged: &Judged) -> Option<What> {
    let verdict = &judged.verdict;
    match verdict.outcome {
        Outcome::Delivered => Some(What::Delivered),
        Outcome::Soft => None,
        Outcome::Hard if settled.expired.contains(&recipient) => {
            let is_theirs = !matches!(verdict.fault, Fault::Us | Fault::Sender | Fault::Message);
            is_theirs.then_some(What::SoftBounce)
        }
        Outcome::Hard => {
            let is_dead = judged.class.is_some_and(|class| is_dead(class, verdict.fault));
            is_dead.then(|| What::HardBounce(verdict.to_string().chars().take(WORDS).collect()))
        }
    }
}
