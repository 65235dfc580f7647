//! How many streams there may be.

use crate::answer::ApiError;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Most streams of one account, and of operators together.
const OF_ACCOUNT: usize = 10;
/// Most streams of the server.
const OF_ALL: usize = 100;
/// When somebody who found no room may look again.
const AGAIN: Duration = Duration::from_secs(30);

/// Who has streams open. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamSlots {
    /// By account; operators have the empty name.
    open: Arc<Mutex<HashMap<String, usize>>>,
}

/// The right to one stream, given back when dropped.
#[derive(Debug)]
pub(crate) struct StreamSlot {
    slots: StreamSlots,
    account: String,
}

impl StreamSlots {
    /// A slot for a stream of an account.
    ///
    /// # Errors
    /// 429 when the account or the server has as many as it may.
    pub(crate) fn take(&self, account: &str) -> Result<StreamSlot, ApiError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= OF_ALL {
            let why = format!("The server tells {OF_ALL} streams at a time, and has as many.");
            return Err(ApiError::throttled(why, AGAIN));
        }
        let of_account = open.entry(account.to_owned()).or_default();
        if *of_account >= OF_ACCOUNT {
            let why = format!("An account can have {OF_ACCOUNT} streams open; close one first.");
            return Err(ApiError::throttled(why, AGAIN));
        }
        *of_account += 1;
        Ok(StreamSlot { slots: self.clone(), account: account.to_owned() })
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut open = self.slots.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_so_many_and_a_closed_one_makes_room() {
        let slots = StreamSlots::default();
        let mut taken: Vec<_> = (0..OF_ACCOUNT).map(|_| slots.take("shop").unwrap()).collect();
        assert!(slots.take("shop").is_err());
        let other = slots.take("bank").unwrap();
        taken.pop();
        taken.push(slots.take("shop").unwrap());
        assert!(slots.take("shop").is_err());
        drop((taken, other));
        assert!(slots.open.lock().unwrap().is_empty());
    }

    #[test]
    fn all_together_have_so_many() {
        let slots = StreamSlots::default();
        let taken: Vec<_> = (0..OF_ALL).map(|n| slots.take(&n.to_string()).unwrap()).collect();
        assert!(slots.take("one more").is_err());
        drop(taken);
        assert!(slots.take("one more").is_ok());
    }
}
