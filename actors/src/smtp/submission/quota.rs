//! How many messages each token may send in how long.

use mailwright_engine::{governor::bucket::TokenBucket, shaping::Rate, time::UnixMillis};
use mailwright_storage::control::ObjectId;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A bucket for each token that was used; there are no more than tokens were made.
#[derive(Debug)]
pub(super) struct Quotas {
    rate: Option<Rate>,
    buckets: Mutex<HashMap<ObjectId, TokenBucket>>,
}

impl Quotas {
    /// So many messages a minute for each token; 0: as many as it likes.
    pub(super) fn new(per_minute: u32) -> Self {
        let rate = Rate { count: per_minute, per: Duration::from_secs(60) };
        Self { rate: (per_minute > 0).then_some(rate), buckets: Mutex::default() }
    }

    /// Counts a message of `token`.
    ///
    /// # Errors
    /// How long to wait, if it is one too many.
    pub(super) fn take(&self, token: &ObjectId, now: UnixMillis) -> Result<(), Duration> {
        let Some(rate) = self.rate else { return Ok(()) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(token.clone()).or_insert_with(|| TokenBucket::new(rate));
        bucket.take(now).map_err(|at| Duration::from_millis(at.as_millis().saturating_sub(now.as_millis())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token's id, which storage alone can make.
    fn id(letter: char) -> ObjectId {
        serde_json::from_value(letter.to_string().repeat(32).into()).unwrap()
    }

    #[test]
    fn every_token_has_a_count_of_its_own() {
        let quotas = Quotas::new(1);
        let now = UnixMillis::new(1_000_000);
        assert_eq!(quotas.take(&id('a'), now), Ok(()));
        assert_eq!(quotas.take(&id('a'), now), Err(Duration::from_secs(60)));
        assert_eq!(quotas.take(&id('b'), now), Ok(()));
        assert_eq!(quotas.take(&id('a'), UnixMillis::new(1_060_000)), Ok(()));
    }

    #[test]
    fn zero_is_no_limit() {
        let quotas = Quotas::new(0);
        assert!((0..10_000).all(|_| quotas.take(&id('a'), UnixMillis::new(0)).is_ok()));
    }
}
