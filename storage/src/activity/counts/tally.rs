//! What a batch changes of the counts.

use super::{Grain, histogram::slot_of};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, HashMap};

const COUNT: &str = "
    INSERT INTO counts (grain, bucket, kind, count, bytes, attempts, complaints, unsubscribes, took, timed)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
    ON CONFLICT (grain, bucket, kind) DO UPDATE SET count = count + ?4, bytes = bytes + ?5, attempts = attempts + ?6,
        complaints = complaints + ?7, unsubscribes = unsubscribes + ?8, took = took + ?9, timed = timed + ?10";
const TIME: &str = "
    INSERT INTO times (grain, bucket, kind, slot, count) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (grain, bucket, kind, slot) DO UPDATE SET count = count + ?5";
/// What was all of one kind and became another.
const UNCOUNT: &str = "DELETE FROM counts WHERE grain = ? AND bucket = ? AND kind = ? AND count = 0";
const UNTIME: &str =
    "DELETE FROM times WHERE grain = ? AND bucket = ? AND kind = ? AND slot = ? AND count = 0";

/// What a recipient counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Counted {
    /// Of what kind it is.
    pub(in super::super) kind: i64,
    /// Octets of its message.
    pub(in super::super) size: i64,
    pub(in super::super) attempts: i64,
    pub(in super::super) complained: bool,
    pub(in super::super) unsubscribed: bool,
    /// Milliseconds from acceptance until its server took the message, if that is how it stands.
    pub(in super::super) took: Option<i64>,
}

/// Sums over recipients, or what is to be added to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sums {
    count: i64,
    bytes: i64,
    attempts: i64,
    complaints: i64,
    unsubscribes: i64,
    took: i64,
    timed: i64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.bytes += other.bytes;
        self.attempts += other.attempts;
        self.complaints += other.complaints;
        self.unsubscribes += other.unsubscribes;
        self.took += other.took;
        self.timed += other.timed;
    }
}

/// Gathers the changes of a batch: one of a day's databases.
#[derive(Debug, Default)]
pub(in super::super) struct Tally {
    /// By minute of the day and kind.
    minutes: HashMap<(i64, i64), Sums>,
    /// By hour of the day, kind and slot.
    times: HashMap<(i64, i64, i64), i64>,
}

impl Tally {
    /// Counts a recipient whose message was accepted in this minute of the day.
    pub(in super::super) fn add(&mut self, minute: i64, counted: &Counted) {
        self.count(minute, counted, 1);
    }

    /// Takes out one that was counted.
    pub(in super::super) fn remove(&mut self, minute: i64, counted: &Counted) {
        self.count(minute, counted, -1);
    }

    fn count(&mut self, minute: i64, counted: &Counted, sign: i64) {
        let Counted { kind, size, attempts, complained, unsubscribed, took } = *counted;
        let sums = Sums {
            count: sign,
            bytes: sign * size,
            attempts: sign * attempts,
            complaints: sign * i64::from(complained),
            unsubscribes: sign * i64::from(unsubscribed),
            took: sign * took.unwrap_or_default(),
            timed: sign * i64::from(took.is_some()),
        };
        self.minutes.entry((minute, kind)).or_default().add(sums);
        if let Some(took) = took {
            let hour = minute / Grain::Hour.minutes();
            *self.times.entry((hour, kind, slot_of(took))).or_default() += sign;
        }
    }

    /// Adds it all to what is stored.
    pub(in super::super) fn write(self, db: &Connection) -> rusqlite::Result<()> {
        for grain in [Grain::Day, Grain::Hour, Grain::Minute] {
            let mut all: BTreeMap<(i64, i64), Sums> = BTreeMap::new();
            for ((minute, kind), sums) in &self.minutes {
                all.entry((minute / grain.minutes(), *kind)).or_default().add(*sums);
            }
            all.retain(|_, sums| *sums != Sums::default());
            for ((bucket, kind), sums) in all {
                count(db, grain, bucket, kind, sums)?;
            }
        }
        for (grain, hours) in [(Grain::Day, 24), (Grain::Hour, 1)] {
            let mut all: BTreeMap<(i64, i64, i64), i64> = BTreeMap::new();
            for ((hour, kind, slot), count) in &self.times {
                *all.entry((hour / hours, *kind, *slot)).or_default() += count;
            }
            all.retain(|_, count| *count != 0);
            for ((bucket, kind, slot), count) in all {
                let key = (grain.stored(), bucket, kind, slot);
                db.prepare_cached(TIME)?.execute(params![key.0, key.1, key.2, key.3, count])?;
                if count < 0 {
                    db.prepare_cached(UNTIME)?.execute(key)?;
                }
            }
        }
        Ok(())
    }
}

fn count(db: &Connection, grain: Grain, bucket: i64, kind: i64, sums: Sums) -> rusqlite::Result<()> {
    let Sums { count, bytes, attempts, complaints, unsubscribes, took, timed } = sums;
    let grain = grain.stored();
    db.prepare_cached(COUNT)?.execute(params![
        grain,
        bucket,
        kind,
        count,
        bytes,
        attempts,
        complaints,
        unsubscribes,
        took,
        timed
    ])?;
    if count < 0 {
        db.prepare_cached(UNCOUNT)?.execute((grain, bucket, kind))?;
    }
    Ok(())
}
