//! Who changed what: a record of every change of the configuration, written together with the change.

use super::{Control, ControlError, ObjectId, database, encode};
use crate::error::StorageError;
use mailwright_engine::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{net::IpAddr, sync::atomic::Ordering::Relaxed, time::Duration};

const TABLE: &str = "audit/";

/// How long records are kept.
const KEPT: Duration = Duration::from_secs(400 * 86_400);
/// How far the time of a change may lie before that of the last: it was taken before its turn came. By more than that,
/// the clock was set.
const TURN: u64 = 60_000;
/// Records that each new one may push out, so that the log shrinks without anybody sweeping it.
const PUSHED_OUT: usize = 2;

/// Who makes a change, when and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: UnixMillis,
    /// From which address; `None` on this machine.
    pub from: Option<IpAddr>,
}

impl By {
    /// The server itself.
    pub const fn server(at: UnixMillis) -> Self {
        Self { actor: Actor::Server, at, from: None }
    }
}

/// Who makes changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Actor {
    /// The server, by itself.
    Server,
    /// A user of this machine with the right to the state folder.
    Local {
        /// Number of the user.
        uid: u32,
    },
    /// The holder of a token.
    Token {
        /// Which.
        id: ObjectId,
        /// Its name.
        name: String,
    },
}

/// What was done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was made.
    Create,
    /// It was changed.
    Update,
    /// It was removed.
    Delete,
}

impl Action {
    /// `create`, `update` or `delete`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its own name.
    pub id: ObjectId,
    /// When.
    pub at: UnixMillis,
    /// Who.
    pub actor: Actor,
    /// From which address; `None` on this machine.
    pub from: Option<IpAddr>,
    /// What was done.
    pub action: Action,
    /// To what kind of object, such as `zone`.
    pub kind: String,
    /// The object's name to clients.
    pub object: String,
    /// Whose it is; `None` for what is the server's.
    pub account_id: Option<ObjectId>,
    /// How it was, without secrets; `None` for what was made.
    pub before: Option<Value>,
    /// How it is, without secrets; `None` for what was removed.
    pub after: Option<Value>,
}

/// A change of something that is kept elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Noted {
    /// What kind of object, such as `worker`.
    pub kind: &'static str,
    /// The object's name to clients.
    pub object: String,
    /// Whose it is; `None` for what is the server's.
    pub account_id: Option<ObjectId>,
    /// How it was, without secrets; `None` for what was made.
    pub before: Option<Value>,
    /// How it is, without secrets; `None` for what was removed.
    pub after: Option<Value>,
}

/// What of the audit log is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Changes to this account's objects.
    pub account_id: Option<ObjectId>,
    /// Changes from then on.
    pub since: Option<UnixMillis>,
    /// Changes before then.
    pub before: Option<UnixMillis>,
    /// Changes to this kind of object.
    pub kind: Option<String>,
    /// Changes to this object.
    pub object: Option<String>,
}

impl AuditFilter {
    fn wants(&self, record: &AuditRecord) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        (self.account_id.is_none() || self.account_id == record.account_id)
            && is(&self.kind, &record.kind)
            && is(&self.object, &record.object)
    }
}

/// An object whose changes are on record.
pub(super) trait Configured: Serialize {
    /// Where it is kept: `zone/`.
    const TABLE: &'static str;
    /// What it is called: `zone`.
    const KIND: &'static str;

    /// Its name, in its table and to clients.
    fn id(&self) -> String;

    /// Whose it is.
    fn account_id(&self) -> Option<&ObjectId>;

    /// How it is shown: without secrets.
    fn shown(&self) -> Value;
}

impl Control {
    /// Stores an object as it is from now on (`None`: it is gone), and on record who did it. Safe from a power cut
    /// on return. To be called under [`Control::changing`].
    pub(super) fn change<T: Configured>(
        &self,
        by: &By,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Result<(), ControlError> {
        let mut batch = sled::Batch::default();
        self.put_change(&mut batch, by, before, after)?;
        self.commit(batch)
    }

    /// As [`change`](Self::change), as part of a larger one.
    pub(super) fn put_change<T: Configured>(
        &self,
        batch: &mut sled::Batch,
        by: &By,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Result<(), ControlError> {
        let (action, object) = match (before, after) {
            (None, Some(after)) => (Action::Create, after),
            (Some(_), Some(after)) => (Action::Update, after),
            (Some(before), None) => (Action::Delete, before),
            (None, None) => return Ok(()),
        };
        let key = format!("{}{}", T::TABLE, object.id());
        match after {
            Some(after) => batch.insert(key.as_str(), encode(after)?),
            None => batch.remove(key.as_str()),
        }
        self.put_record(
            batch,
            &AuditRecord {
                id: ObjectId::random()?,
                at: by.at,
                actor: by.actor.clone(),
                from: by.from,
                action,
                kind: T::KIND.to_owned(),
                object: object.id(),
                account_id: object.account_id().cloned(),
                before: before.map(Configured::shown),
                after: after.map(Configured::shown),
            },
        )
    }

    /// Puts on record who changed what is not kept here. To be called once the change is made. Blocks for a sync.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn note(&self, by: &By, noted: Noted) -> Result<(), ControlError> {
        let Noted { kind, object, account_id, before, after } = noted;
        let action = match (&before, &after) {
            (None, _) => Action::Create,
            (Some(_), Some(_)) => Action::Update,
            (Some(_), None) => Action::Delete,
        };
        let (id, actor, kind) = (ObjectId::random()?, by.actor.clone(), kind.to_owned());
        let record = AuditRecord {
            id,
            at: by.at,
            actor,
            from: by.from,
            action,
            kind,
            object,
            account_id,
            before,
            after,
        };
        let _changing = self.changing();
        let mut batch = sled::Batch::default();
        self.put_record(&mut batch, &record)?;
        self.commit(batch)
    }

    fn put_record(&self, batch: &mut sled::Batch, record: &AuditRecord) -> Result<(), ControlError> {
        let kept_from = record.at.as_millis().saturating_sub(KEPT.as_millis().try_into().unwrap_or(u64::MAX));
        for item in self.db.range(TABLE..key(kept_from, "").as_str()).take(PUSHED_OUT) {
            batch.remove(item.map_err(database)?.0);
        }
        batch.insert(key(self.place(record.at), record.id.as_str()).as_str(), encode(record)?);
        Ok(())
    }

    /// Where a change of this time stands: behind the one before it.
    fn place(&self, at: UnixMillis) -> u64 {
        let (at, last) = (at.as_millis(), self.recorded.load(Relaxed));
        let place = if last.saturating_sub(at) < TURN { at.max(last.saturating_add(1)) } else { at };
        self.recorded.store(place, Relaxed);
        place
    }

    /// Changes that `filter` wants, newest first: `skip` of them left out, then at most `most`. The second value says
    /// how many there are altogether. Reads from disk.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn audit_log(
        &self,
        filter: &AuditFilter,
        skip: usize,
        most: usize,
    ) -> Result<(Vec<AuditRecord>, usize), ControlError> {
        let from = key(filter.since.map_or(0, UnixMillis::as_millis), "");
        let until = key(filter.before.map_or(u64::MAX, UnixMillis::as_millis), "");
        let (mut records, mut seen) = (Vec::new(), 0);
        if from >= until {
            return Ok((records, seen));
        }
        for item in self.db.range(from.as_str()..until.as_str()).rev() {
            let (_, value) = item.map_err(database)?;
            let record: AuditRecord =
                serde_json::from_slice(&value).map_err(|e| StorageError::format("audit record", e))?;
            if !filter.wants(&record) {
                continue;
            }
            if seen >= skip && records.len() < most {
                records.push(record);
            }
            seen += 1;
        }
        Ok((records, seen))
    }
}

/// The place of the last change that is on record.
pub(super) fn last_place(db: &sled::Db) -> Result<u64, ControlError> {
    let Some(last) = db.scan_prefix(TABLE).next_back() else { return Ok(0) };
    let (key, _) = last.map_err(database)?;
    let place = key.get(TABLE.len()..TABLE.len() + 16).and_then(|place| std::str::from_utf8(place).ok());
    Ok(place.and_then(|place| u64::from_str_radix(place, 16).ok()).unwrap_or_default())
}

/// Sorts by place: the time of the change, as far as that is later than the place before it.
fn key(place: u64, id: &str) -> String {
    format!("{TABLE}{place:016x}/{id}")
}
