//! Reading a domain's due entries from disk, class by class.

use super::{
    DomainActor, STORAGE_PAUSE,
    outlived::{self, Reason},
    queue::{CLASS_MAX, ReadRoom},
};
use crate::clock;
use actix::prelude::*;
use mailwright_engine::{address::Domain, class::QueueClass, time::UnixMillis};
use mailwright_storage::{DueClasses, DueEntries, EntryKey, Fresh, QueueEntry, Spool, StorageError};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// Pause before entries that an earlier actor of this domain handed out are looked for again.
const STRANGER_PAUSE: Duration = Duration::from_secs(1);
/// Classes asked for at a time; a domain has one for each tenant that writes to it.
const CLASSES_AT_A_TIME: usize = 1_000;

/// A read that is under way.
#[derive(Default)]
pub(super) struct Reading {
    /// Kept until the answer is there.
    _room: Option<ReadRoom>,
    /// Entries settled since it began, which its answer may still hold.
    pub(super) settled: HashSet<EntryKey>,
    /// Entries committed since it began: they come behind what it finds.
    arrived: Vec<Fresh>,
    /// Why what outlived its lifetime is ended, if that is looked for.
    outlived: Option<Reason>,
}

/// What a read found.
struct Found {
    /// Every class with due entries was seen before this position.
    position: u64,
    /// Each class read, with the limit of its read.
    read: Vec<(QueueClass, usize, DueEntries)>,
    /// Classes that have enough in memory.
    left: Vec<QueueClass>,
    /// What outlived its lifetime, if that was looked for.
    outlived: Vec<QueueEntry>,
}

/// How much to read of each class.
struct Limits {
    known: HashMap<QueueClass, Option<usize>>,
    others: usize,
}

impl DomainActor {
    pub(super) fn look_on_disk(&mut self, ctx: &mut Context<Self>) {
        self.queue.look_on_disk();
        self.advance(ctx);
    }

    pub(super) fn read_if_wanted(&mut self, ctx: &mut Context<Self>) {
        let wanted = self.looks.wanted.is_some() || self.queue.wants_read(&self.unsourced);
        if self.reading.is_none() && wanted {
            self.read(ctx);
        }
    }

    fn read(&mut self, ctx: &mut Context<Self>) {
        self.queue.read_begins();
        let (spool, name, now) = (self.deps.spool.clone(), self.name.clone(), clock::now());
        let limits = self.read_limits();
        let classes = limits.known.values().flatten().count().max(1);
        let (room, outlived) = (self.queue.room_to_read(classes), self.looks.wanted.take());
        let look = outlived.is_some();
        self.reading = Some(Reading { _room: Some(room), outlived, ..Reading::default() });
        let found = async move {
            let mut found = find(&spool, name.clone(), now, &limits).await?;
            if look {
                found.outlived = spool.outlived(name, now, outlived::MOST).await?;
            }
            Ok(found)
        };
        ctx.spawn(found.into_actor(self).map(move |found, actor, ctx| actor.read_done(found, now, ctx)));
    }

    fn read_limits(&self) -> Limits {
        let in_flight = self.outstanding.len();
        let mut known: HashMap<_, _> = self
            .queue
            .classes()
            .map(|class| (class.clone(), self.queue.read_limit(class, in_flight)))
            .collect();
        known.extend(self.unsourced.keys().map(|class| (class.clone(), None)));
        Limits { known, others: self.queue.class_max() + in_flight }
    }

    fn read_done(&mut self, found: Result<Found, StorageError>, now: UnixMillis, ctx: &mut Context<Self>) {
        let Reading { settled, arrived, outlived, .. } = self.reading.take().unwrap_or_default();
        match found {
            Ok(found) => {
                if let Some(reason) = outlived {
                    self.end_found(found.outlived, reason, &settled, ctx);
                }
                self.queue.classes_seen(found.position, now);
                for class in &found.left {
                    self.queue.look_again(class);
                }
                for (class, limit, due) in found.read {
                    self.queue.class_read(&class, due.position, now, due.entries.len() < limit);
                    self.take_in(due.entries, &settled, ctx);
                }
                self.take_fresh(arrived, ctx);
                self.advance(ctx);
            }
            Err(error) => {
                tracing::error!(domain = %self.name, %error, "queued entries could not be read");
                ctx.run_later(STORAGE_PAUSE, Self::look_on_disk);
            }
        }
    }

    /// Takes in entries that were just committed, behind those that were before them.
    pub(super) fn take_fresh(&mut self, fresh: Vec<Fresh>, ctx: &mut Context<Self>) {
        if let Some(reading) = &mut self.reading {
            reading.arrived.extend(fresh);
            let rest = reading.arrived.split_off(reading.arrived.len().min(CLASS_MAX));
            rest.iter().for_each(|late| self.queue.look_again(&late.entry.place.class));
            return;
        }
        for Fresh { entry, message } in fresh {
            if self.queue.is_news(&entry) && self.queue.has_room(&entry.place.class) {
                self.admit(entry, message, ctx);
            }
        }
    }

    fn take_in(&mut self, entries: Vec<QueueEntry>, settled: &HashSet<EntryKey>, ctx: &mut Context<Self>) {
        if entries.iter().any(|entry| self.is_stranger(entry)) {
            ctx.run_later(STRANGER_PAUSE, Self::look_on_disk);
        }
        for entry in entries.into_iter().filter(|entry| !settled.contains(&entry.key())) {
            self.admit(entry, None, ctx);
        }
    }

    /// Whether the entry was handed out by an actor of this domain that has died: if it comes back untried,
    /// nobody will be told.
    fn is_stranger(&self, entry: &QueueEntry) -> bool {
        let key = entry.key();
        self.deps.in_flight.contains(key) && !self.outstanding.contains(&key)
    }
}

async fn find(spool: &Spool, name: Domain, now: UnixMillis, limits: &Limits) -> Result<Found, StorageError> {
    let classes = classes_due(spool, &name, now).await?;
    let mut found =
        Found { position: classes.position, read: Vec::new(), left: Vec::new(), outlived: Vec::new() };
    for (class, _) in classes.classes {
        match limits.known.get(&class).copied().unwrap_or(Some(limits.others)) {
            Some(limit) => {
                let due = spool.due_in_domain(name.clone(), class.clone(), now, limit).await?;
                found.read.push((class, limit, due));
            }
            None => found.left.push(class),
        }
    }
    Ok(found)
}

/// Every class of the domain with due entries; the position is that of the first page.
async fn classes_due(spool: &Spool, name: &Domain, now: UnixMillis) -> Result<DueClasses, StorageError> {
    let mut all = spool.classes_due(name.clone(), None, now, CLASSES_AT_A_TIME).await?;
    let mut page = all.classes.len();
    while page == CLASSES_AT_A_TIME {
        let last = all.classes.last().map(|(class, _)| class.clone());
        let next = spool.classes_due(name.clone(), last, now, CLASSES_AT_A_TIME).await?;
        page = next.classes.len();
        all.classes.extend(next.classes);
    }
    Ok(all)
}
