//! Which tails there are.

use super::filter::Filters;
use crate::answer::ApiError;
use aws_lc_rs::rand;
use data_encoding::HEXLOWER;
use mailwright_engine::{time::UnixMillis, worker::ScriptName};
use mailwright_storage::control::{ObjectId, Token};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Most tails of one Worker.
const OF_SCRIPT: usize = 10;
/// Most tails of the server.
const OF_ALL: usize = 100;
/// When somebody who found no room may look again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long a tail tells.
const LIFETIME: Duration = Duration::from_secs(6 * 3_600);
/// How long a tail waits for its reader.
const PATIENCE: Duration = Duration::from_secs(60);

/// A tail.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    /// Its name to those who may see the account.
    pub(super) id: String,
    /// What its reader shows; whoever has it needs no token.
    pub(super) secret: String,
    pub(super) account: ObjectId,
    pub(super) script: ScriptName,
    pub(super) filters: Filters,
    /// Who made it; it ends with this token.
    pub(super) token: Option<Arc<Token>>,
    /// When it ends.
    pub(super) expires: UnixMillis,
    /// Until when its reader must have come; `None` while one is there.
    waits_until: Option<UnixMillis>,
}

impl Tail {
    fn is_over(&self, now: UnixMillis) -> bool {
        self.expires <= now || self.waits_until.is_some_and(|until| until <= now)
    }
}

/// The tails of all Workers. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tails(Arc<Mutex<HashMap<String, Tail>>>);

/// A tail with its reader; gone when dropped.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) tail: Tail,
    tails: Tails,
}

impl Tails {
    /// Makes a tail, which has to be opened soon.
    ///
    /// # Errors
    /// 429 when the Worker or the server has as many as it may.
    pub(super) fn make(
        &self,
        (account, script): (ObjectId, ScriptName),
        filters: Filters,
        token: Option<Arc<Token>>,
        now: UnixMillis,
    ) -> Result<Tail, ApiError> {
        let (id, secret) = (random()?, random()?);
        self.with(now, |tails| {
            if tails.len() >= OF_ALL {
                let why = format!("The server has {OF_ALL} tails at a time, and has as many.");
                return Err(ApiError::throttled(why, AGAIN));
            }
            let is_same = |tail: &&Tail| tail.account == account && tail.script == script;
            if tails.values().filter(is_same).count() >= OF_SCRIPT {
                let why = format!("A Worker can have {OF_SCRIPT} tails; end one first.");
                return Err(ApiError::throttled(why, AGAIN));
            }
            let (expires, waits_until) = (now.saturating_add(LIFETIME), Some(now.saturating_add(PATIENCE)));
            let tail = Tail { id: id.clone(), secret, account, script, filters, token, expires, waits_until };
            tails.insert(id, tail.clone());
            Ok(tail)
        })
    }

    /// The tails of a Worker.
    pub(super) fn of(&self, account: &ObjectId, script: &ScriptName, now: UnixMillis) -> Vec<Tail> {
        self.with(now, |tails| {
            let is_same = |tail: &&Tail| tail.account == *account && tail.script == *script;
            let mut found: Vec<Tail> = tails.values().filter(is_same).cloned().collect();
            found.sort_by(|one, other| (one.expires, &one.id).cmp(&(other.expires, &other.id)));
            found
        })
    }

    /// Lets the reader in who shows the secret of a tail; `None` if it is wrong, or one is there.
    pub(super) fn open(&self, id: &str, secret: &str, now: UnixMillis) -> Option<Open> {
        self.with(now, |tails| {
            let tail = tails.get_mut(id).filter(|tail| tail.secret == secret)?;
            tail.waits_until.take()?;
            Some(Open { tail: tail.clone(), tails: self.clone() })
        })
    }

    /// Ends a tail; false if there is none.
    pub(super) fn end(&self, account: &ObjectId, script: &ScriptName, id: &str, now: UnixMillis) -> bool {
        self.with(now, |tails| {
            let is_it = tails.get(id).is_some_and(|tail| tail.account == *account && tail.script == *script);
            is_it && tails.remove(id).is_some()
        })
    }

    /// Whether a tail was not ended meanwhile.
    pub(super) fn has(&self, id: &str, now: UnixMillis) -> bool {
        self.with(now, |tails| tails.contains_key(id))
    }

    fn with<T>(&self, now: UnixMillis, work: impl FnOnce(&mut HashMap<String, Tail>) -> T) -> T {
        let mut tails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tails.retain(|_, tail| !tail.is_over(now));
        work(&mut tails)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.tails.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tail.id);
    }
}

/// What nobody can guess: 32 hexadecimal digits.
fn random() -> Result<String, ApiError> {
    let mut octets = [0; 16];
    rand::fill(&mut octets).map_err(|_| ApiError::unavailable("There is no randomness for now."))?;
    Ok(HEXLOWER.encode(&octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_795_269_600_000);

    fn make(tails: &Tails, script: &str, now: UnixMillis) -> Result<Tail, ApiError> {
        let account = "0".repeat(32).parse().unwrap();
        tails.make((account, script.parse().unwrap()), Filters::default(), None, now)
    }

    #[test]
    fn a_tail_is_read_once_by_who_has_its_secret() {
        let tails = Tails::default();
        let tail = make(&tails, "w", NOW).unwrap();
        assert!(tails.open(&tail.id, "guess", NOW).is_none());
        let open = tails.open(&tail.id, &tail.secret, NOW).unwrap();
        assert!(tails.open(&tail.id, &tail.secret, NOW).is_none());
        assert_eq!(tails.of(&tail.account, &tail.script, NOW).len(), 1);
        drop(open);
        assert!(!tails.has(&tail.id, NOW));
    }

    #[test]
    fn a_tail_ends_by_itself_and_by_order() {
        let tails = Tails::default();
        let (unread, read) = (make(&tails, "w", NOW).unwrap(), make(&tails, "w", NOW).unwrap());
        let _open = tails.open(&read.id, &read.secret, NOW).unwrap();
        let later = NOW.saturating_add(PATIENCE);
        assert!(!tails.has(&unread.id, later) && tails.has(&read.id, later));
        assert!(!tails.has(&read.id, NOW.saturating_add(LIFETIME)));
        let ended = make(&tails, "w", NOW).unwrap();
        let other = "other".parse().unwrap();
        assert!(!tails.end(&ended.account, &other, &ended.id, NOW));
        assert!(tails.end(&ended.account, &ended.script, &ended.id, NOW) && !tails.has(&ended.id, NOW));
    }

    #[test]
    fn a_worker_and_all_together_have_so_many() {
        let tails = Tails::default();
        for _ in 0..OF_SCRIPT {
            make(&tails, "w", NOW).unwrap();
        }
        assert!(make(&tails, "w", NOW).is_err());
        assert!(make(&tails, "w", NOW.saturating_add(PATIENCE)).is_ok());
        for count in 0..OF_ALL {
            assert_eq!(make(&tails, &format!("x{count}"), NOW).is_ok(), count < OF_ALL - 1);
        }
    }
}
