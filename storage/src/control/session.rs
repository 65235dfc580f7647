//! Sessions of the dashboard: a browser shows a secret of its own in place of a token, which it need not keep.
//!
//! Only hashes are kept, over restarts. A session is as good as its token: it ends with it, and when the token's secret
//! changes.

use super::{
    Control, ControlError, ObjectId, Token, database, encode, put,
    secret::{hash_secret, random_secret},
};
use mailwright_engine::time::UnixMillis;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

pub(super) const TABLE: &str = "session/";

/// How long a session lasts at the most.
pub const SESSION_LONGEST: Duration = Duration::from_secs(7 * 86_400);
/// How long a session lasts that nobody uses.
const IDLE: Duration = Duration::from_secs(12 * 3_600);
/// Its use is written down no more often: a power cut can end it earlier by so much.
const USED_EVERY: Duration = Duration::from_secs(300);
/// Most sessions of a token; the next ends the one that was used last the longest ago.
const MOST: usize = 20;

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredSession {
    /// Hash of its secret, as [`Token::hash`].
    hash: String,
    /// The token that it stands for.
    token: ObjectId,
    /// Hash of the token's secret that it was begun with.
    begun_with: String,
    /// When it was begun.
    created: UnixMillis,
    /// When it was last used, as far as it was written down.
    used: UnixMillis,
}

/// A session and its last use.
#[derive(Debug)]
struct Session {
    stored: StoredSession,
    used: AtomicU64,
    written: AtomicU64,
}

impl Session {
    fn new(stored: StoredSession) -> Self {
        let used = stored.used.as_millis();
        Self { stored, used: AtomicU64::new(used), written: AtomicU64::new(used) }
    }

    fn last_used(&self) -> UnixMillis {
        UnixMillis::new(self.used.load(Relaxed))
    }

    /// Whether it stands for `token` at `now`.
    fn is_good(&self, token: &Token, now: UnixMillis) -> bool {
        let StoredSession { created, begun_with, .. } = &self.stored;
        token.is_active(now)
            && token.is_hash(begun_with, now)
            && *created >= token.modified
            && now < created.saturating_add(SESSION_LONGEST)
            && now < self.last_used().saturating_add(IDLE)
    }
}

/// The sessions, by the hashes of their secrets.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<String, Arc<Session>>);

impl Sessions {
    pub(super) fn insert(&mut self, stored: StoredSession) {
        self.0.insert(stored.hash.clone(), Arc::new(Session::new(stored)));
    }
}

/// A session's secret, for its browser's eyes.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionSecret(String);

impl SessionSecret {
    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(…)")
    }
}

impl Control {
    /// Begins a session for whoever shows the secret of a token; `None` if it is the secret of none that is good at `now`.
    /// Those that have ended are forgotten. Blocks for a sync.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn begin_session(
        &self,
        token_secret: &str,
        now: UnixMillis,
    ) -> Result<Option<(Arc<Token>, SessionSecret)>, ControlError> {
        let Some(token) = self.authenticate(token_secret, now) else { return Ok(None) };
        let secret = random_secret()?;
        let session = StoredSession {
            hash: hash_secret(&secret),
            token: token.id.clone(),
            begun_with: hash_secret(token_secret),
            created: now,
            used: now,
        };
        let _changing = self.changing();
        let gone = self.ended_sessions(&token.id, now);
        let mut batch = sled::Batch::default();
        for hash in &gone {
            batch.remove(format!("{TABLE}{hash}").as_str());
        }
        put(&mut batch, TABLE, &session.hash, &session)?;
        self.commit(batch)?;
        self.write(|state| {
            state.sessions.0.retain(|hash, _| !gone.contains(hash));
            state.sessions.insert(session);
        });
        Ok(Some((token, SessionSecret(secret))))
    }

    /// What has ended, and what has to so that `token` may have one more session.
    fn ended_sessions(&self, token: &ObjectId, now: UnixMillis) -> Vec<String> {
        let all: Vec<_> = self.read(|state| state.sessions.0.values().map(Arc::clone).collect());
        let is_good = |session: &Arc<Session>| {
            self.token(&session.stored.token).is_some_and(|token| session.is_good(&token, now))
        };
        let (good, gone): (Vec<_>, Vec<_>) = all.into_iter().partition(is_good);
        let mut own: Vec<_> = good.into_iter().filter(|session| session.stored.token == *token).collect();
        own.sort_by_key(|session| session.last_used());
        let too_many = (own.len() + 1).saturating_sub(MOST);
        gone.iter().chain(own.iter().take(too_many)).map(|session| session.stored.hash.clone()).collect()
    }

    /// The token that a session stands for, if it is good at `now`; counts as a use of both.
    pub fn session(&self, secret: &str, now: UnixMillis) -> Option<Arc<Token>> {
        let session = self.read(|state| state.sessions.0.get(&hash_secret(secret)).cloned())?;
        let token = self.token(&session.stored.token)?;
        if !session.is_good(&token, now) {
            return None;
        }
        self.use_token(&token.id, now);
        session.used.fetch_max(now.as_millis(), Relaxed);
        let written = session.written.load(Relaxed);
        let is_due = now.since(UnixMillis::new(written)) >= USED_EVERY;
        // As with tokens: whoever comes first writes, and nobody waits for it.
        if is_due && session.written.compare_exchange(written, now.as_millis(), Relaxed, Relaxed).is_ok() {
            self.note_session(&StoredSession { used: now, ..session.stored.clone() });
        }
        Some(token)
    }

    /// Writes a use down, unless the session has ended meanwhile.
    fn note_session(&self, session: &StoredSession) {
        let key = format!("{TABLE}{}", session.hash);
        let noted = encode(session)
            .and_then(|new| self.db.update_and_fetch(key, |old| old.map(|_| new.clone())).map_err(database));
        if let Err(error) = noted {
            tracing::warn!(%error, "the use of a session was not written down");
        }
    }

    /// Ends a session, if there is one with this secret. Blocks for a sync.
    ///
    /// # Errors
    /// When that cannot be stored; then it goes on.
    pub fn end_session(&self, secret: &str) -> Result<(), ControlError> {
        let hash = hash_secret(secret);
        let _changing = self.changing();
        if !self.read(|state| state.sessions.0.contains_key(&hash)) {
            return Ok(());
        }
        let mut batch = sled::Batch::default();
        batch.remove(format!("{TABLE}{hash}").as_str());
        self.commit(batch)?;
        self.write(|state| state.sessions.0.remove(&hash));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{By, NewToken, Permission};
    use super::*;
    use std::path::Path;

    const START: UnixMillis = UnixMillis::new(1_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn by(at: UnixMillis) -> By {
        By::server(at)
    }

    /// Control data with a token and its secret.
    fn with_token(dir: &Path) -> (Control, Arc<Token>, String) {
        let control = Control::open(dir).unwrap();
        let account = control.create_account("shop", &by(START)).unwrap();
        let new = NewToken::new(&account.id, "t", vec![Permission::Admin]);
        let (token, secret) = control.create_token(new, &by(START)).unwrap();
        (control, token, secret.reveal().to_owned())
    }

    fn begin(control: &Control, secret: &str, at: UnixMillis) -> String {
        control.begin_session(secret, at).unwrap().unwrap().1.reveal().to_owned()
    }

    fn is_good(control: &Control, session: &str, at: UnixMillis) -> bool {
        control.session(session, at).is_some()
    }

    #[test]
    fn a_session_survives_a_restart_and_ends_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let (control, token, secret) = with_token(dir.path());
        let session = begin(&control, &secret, START);
        assert!(control.begin_session("wrong", START).unwrap().is_none());
        assert_eq!(control.session(&session, START).unwrap().id, token.id);
        drop(control);

        let control = Control::open(dir.path()).unwrap();
        assert!(is_good(&control, &session, START) && !is_good(&control, "wrong", START));
        control.end_session(&session).unwrap();
        control.end_session(&session).unwrap();
        assert!(!is_good(&control, &session, START));
        drop(control);
        assert!(!is_good(&Control::open(dir.path()).unwrap(), &session, START));
    }

    #[test]
    fn it_lasts_half_a_day_unused_and_a_week_in_all() {
        let dir = tempfile::tempdir().unwrap();
        let (control, _, secret) = with_token(dir.path());
        let unused = begin(&control, &secret, START);
        assert!(!is_good(&control, &unused, START.saturating_add(12 * HOUR)));
        let used = begin(&control, &secret, START);
        let hours =
            (1..24 * 7).take_while(|hour| is_good(&control, &used, START.saturating_add(HOUR * *hour)));
        assert_eq!(hours.count(), 24 * 7 - 1);
        assert!(!is_good(&control, &used, START.saturating_add(SESSION_LONGEST)));
        drop(control);

        // Its uses were written down, and so it is not idle after a restart.
        let control = Control::open(dir.path()).unwrap();
        assert!(is_good(&control, &used, START.saturating_add(HOUR * (24 * 7 - 1))));
        assert!(!is_good(&control, &unused, START.saturating_add(12 * HOUR)));
    }

    #[test]
    fn it_ends_when_its_token_is_rolled_or_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (control, token, secret) = with_token(dir.path());
        let before = begin(&control, &secret, START);
        let later = UnixMillis::new(START.as_millis() + 1);
        let (_, new) = control.roll_token(&token.id, HOUR, &by(later)).unwrap();
        assert!(!is_good(&control, &before, later));
        // The secret before is good for an hour, and what is begun with it as long.
        let (old, new) = (begin(&control, &secret, later), begin(&control, new.reveal(), later));
        assert!(is_good(&control, &old, later));
        assert!(!is_good(&control, &old, later.saturating_add(HOUR)));
        assert!(is_good(&control, &new, later.saturating_add(HOUR)));
        control.delete_token(&token.id, &by(later)).unwrap();
        assert!(!is_good(&control, &new, later));
    }

    #[test]
    fn a_token_has_so_many_sessions_and_what_has_ended_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let (control, _, secret) = with_token(dir.path());
        let at = |second: u64| UnixMillis::new(START.as_millis() + second * 1_000);
        let sessions: Vec<_> = (0..MOST as u64).map(|second| begin(&control, &secret, at(second))).collect();
        // Used last, so that it stays.
        assert!(is_good(&control, &sessions[0], at(100)));
        let one_more = begin(&control, &secret, at(101));
        assert!(is_good(&control, &sessions[0], at(102)) && is_good(&control, &one_more, at(102)));
        assert!(!is_good(&control, &sessions[1], at(102)) && is_good(&control, &sessions[2], at(102)));

        begin(&control, &secret, at(8 * 86_400));
        assert_eq!(control.read(|state| state.sessions.0.len()), 1);
        assert_eq!(control.db.scan_prefix(TABLE).count(), 1);
    }

    #[test]
    fn secrets_are_nowhere_but_with_their_holders() {
        let dir = tempfile::tempdir().unwrap();
        let (control, _, secret) = with_token(dir.path());
        let session = begin(&control, &secret, START);
        let kept: Vec<u8> =
            control.db.scan_prefix(TABLE).flatten().flat_map(|(key, row)| [key, row].concat()).collect();
        let kept = String::from_utf8(kept).unwrap();
        assert!(!kept.contains(&session) && !kept.contains(&secret));
        assert!(!format!("{control:?}").contains(&session));
    }
}
