//! The kinds of recipients that a day has, each with a number.

use super::{
    super::model::Direction,
    kind::{Facts, LastEvent, Stand},
};
use rusqlite::{Connection, Row, params};
use std::collections::HashMap;

/// Kinds remembered; with more, all are forgotten and read again: some 10 MiB at most.
const REMEMBERED: usize = 30_000;

const FIND: &str = "
    SELECT id FROM kinds WHERE direction = ? AND account = ? AND zone = ? AND domain = ? AND status = ? AND event = ?
        AND cause = ? AND spf = ? AND dkim = ? AND dmarc = ? AND arc = ? AND spam = ? AND report = ?";
const ADD: &str = "
    INSERT INTO kinds (direction, account, zone, domain, status, event, cause, spf, dkim, dmarc, arc, spam, report)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
const GET: &str = "
    SELECT direction, account, zone, domain, status, event, cause, spf, dkim, dmarc, arc, spam, report
    FROM kinds WHERE id = ?";

/// The numbers of a day's kinds, as far as they were needed of late. To be forgotten when a transaction fails.
#[derive(Debug, Default)]
pub(in super::super) struct Kinds {
    facts: HashMap<Facts, u32>,
    numbers: HashMap<(u32, Stand), i64>,
    known: HashMap<i64, (Facts, LastEvent)>,
}

impl Kinds {
    /// The facts of a message under a number that is good until [`Kinds::trim`].
    fn remember(&mut self, facts: &Facts) -> u32 {
        if let Some(number) = self.facts.get(facts) {
            return *number;
        }
        let number = u32::try_from(self.facts.len()).unwrap_or(u32::MAX);
        self.facts.insert(facts.clone(), number);
        number
    }

    /// The kind of recipients that stand so, of a message with these facts.
    pub(in super::super) fn number(
        &mut self,
        db: &Connection,
        facts: &Facts,
        stand: Stand,
    ) -> rusqlite::Result<i64> {
        let key = (self.remember(facts), stand);
        if let Some(number) = self.numbers.get(&key) {
            return Ok(*number);
        }
        let number = stored(db, facts, &key.1)?;
        self.numbers.insert(key, number);
        Ok(number)
    }

    /// What is known of the kind with this number: of its messages, and what happened last.
    pub(in super::super) fn get(
        &mut self,
        db: &Connection,
        number: i64,
    ) -> rusqlite::Result<(Facts, LastEvent)> {
        if let Some(known) = self.known.get(&number) {
            return Ok(known.clone());
        }
        let known = db.prepare_cached(GET)?.query_row([number], read)?;
        self.known.insert(number, known.clone());
        Ok(known)
    }

    /// Forgets all when that is much.
    pub(in super::super) fn trim(&mut self) {
        if self.numbers.len() + self.known.len() + self.facts.len() > REMEMBERED {
            *self = Self::default();
        }
    }
}

fn stored(db: &Connection, facts: &Facts, stand: &Stand) -> rusqlite::Result<i64> {
    let direction = direction(facts.direction);
    let Facts { account, zone, domain, is_spam, is_report, .. } = facts;
    let (status, event, cause) = (stand.status.as_str(), stand.event.as_str(), &stand.cause);
    let [spf, dkim, dmarc, arc] = facts.results(stand.status);
    let all = params![
        direction, account, zone, domain, status, event, cause, spf, dkim, dmarc, arc, is_spam, is_report
    ];
    db.prepare_cached(ADD)?.execute(all)?;
    db.prepare_cached(FIND)?.query_row(all, |row| row.get(0))
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Facts, LastEvent)> {
    let routed: bool = row.get(0)?;
    let direction = if routed { Direction::Routing } else { Direction::Sending };
    // What we send has what follows from its zone.
    let checks = if routed { Some([row.get(7)?, row.get(8)?, row.get(9)?, row.get(10)?]) } else { None };
    let facts = Facts {
        direction,
        account: row.get(1)?,
        zone: row.get(2)?,
        domain: row.get(3)?,
        checks,
        is_spam: row.get(11)?,
        is_report: row.get(12)?,
    };
    Ok((facts, LastEvent::of_name(&row.get::<_, String>(5)?)))
}

/// As kinds have it.
pub(in super::super) const fn direction(direction: Direction) -> bool {
    match direction {
        Direction::Sending => false,
        Direction::Routing => true,
    }
}
