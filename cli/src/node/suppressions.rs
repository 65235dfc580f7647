//! Opening the suppressions, and giving back the room of those that are over.

use mailwright_actors::clock;
use mailwright_storage::suppressions::Suppressions;
use std::time::Duration;

/// How often rows that are over are removed; they do not count in the meantime either.
const PURGE_EVERY: Duration = Duration::from_secs(300);

/// Purges now and then, until the system ends. Must run inside an actix system.
pub(super) fn keep_clean(suppressions: Suppressions) {
    actix_rt::spawn(async move {
        let mut due = tokio::time::interval(PURGE_EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            let store = suppressions.clone();
            match tokio::task::spawn_blocking(move || store.purge(clock::now())).await {
                Ok(Ok(purged)) if purged.suppressions > 0 => {
                    tracing::debug!(purged.suppressions, "suppressions that were over are removed");
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "suppressions that are over were not removed"),
                Err(_) => return,
            }
        }
    });
}
