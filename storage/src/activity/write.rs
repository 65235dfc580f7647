//! Writing what a stretch of the log changes into a day's database.

use super::{
    change::{MessageChange, RecipientChange},
    counts::{Facts, Kinds, Tally},
    day::{hash, hour_of, key_of, minute_of, of_key},
    list,
    marks::Marks,
    model::{Arrival, Direction, Message},
    standing::{Standing, standings},
    statements::{self, ADOPT, ADOPTED, ARRIVAL, INSERT_ROUTED, INSERT_SENT, MESSAGE, NAME_ROUTED, UNKNOWN},
    tables,
};
use crate::events::{event::Checks, files::Day};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};
use std::{collections::BTreeMap, time::Duration};

/// Writes the changes of a day's messages, in order of age, and counts them.
pub(super) fn write(
    db: &Connection,
    day: Day,
    kinds: &mut Kinds,
    changes: &BTreeMap<i64, MessageChange>,
) -> rusqlite::Result<()> {
    let mut writer = Writer { db, day, kinds, tally: Tally::default() };
    for (number, change) in changes {
        match &change.head {
            Some(message) => writer.first(*number, message, change)?,
            None => writer.later(*number, change)?,
        }
        let mut place = db.prepare_cached("INSERT OR IGNORE INTO places (message, place) VALUES (?, ?)")?;
        for at in &change.places {
            place.execute(params![number, at.packed()])?;
        }
    }
    writer.tally.write(db)?;
    kinds.trim();
    Ok(())
}

/// A batch that is being written.
struct Writer<'a> {
    db: &'a Connection,
    day: Day,
    kinds: &'a mut Kinds,
    tally: Tally,
}

impl Writer<'_> {
    /// Writes a message whose acceptance or refusal is in the batch.
    fn first(&mut self, number: i64, message: &Message, change: &MessageChange) -> rusqlite::Result<()> {
        write_head(self.db, number, message)?;
        let (marks, facts, size) = (Marks::of(message), Facts::of(message), stored_size(message));
        // Mostly there are none: what became of it is rarely known before it is.
        let mut before = BTreeMap::new();
        let (from, to) = (key_of(number, 0), key_of(number + 1, 0));
        if let (Some(from), Some(to)) = (from, to) {
            before.extend(self.uncounted(facts.direction, from, to)?);
        }
        for (index, recipient) in &change.recipients {
            let Some(key) = key_of(number, *index) else { continue };
            let known = before.remove(&key).map(|(_, standing)| standing);
            let mut standing = known.unwrap_or_default().of_size(size);
            standing.apply(recipient, self.accepted(number));
            let kind = self.counted(number, &facts, &standing)?;
            insert(self.db, key, &marks, recipient, kind, &standing)?;
        }
        for (key, (_, known)) in before {
            let standing = known.of_size(size);
            let kind = self.counted(number, &facts, &standing)?;
            mark(self.db, key, &marks, kind, size)?;
        }
        Ok(())
    }

    /// Changes recipients of a message that was accepted in an earlier stretch of the log, or of which nothing is
    /// known.
    fn later(&mut self, number: i64, change: &MessageChange) -> rusqlite::Result<()> {
        let mut message = None;
        for (index, recipient) in &change.recipients {
            let Some(key) = key_of(number, *index) else { continue };
            if self.changed(Direction::Sending, key, recipient)?
                || self.changed(Direction::Routing, key, recipient)?
            {
                continue;
            }
            if message.is_none() {
                let found = message_of(self.db, number, change.tenant.as_deref())?;
                message = found.map(|found| (Marks::of(&found), Facts::of(&found), stored_size(&found)));
            }
            let Some((marks, facts, size)) = &message else { continue };
            let mut standing = Standing::default().of_size(*size);
            standing.apply(recipient, self.accepted(number));
            let kind = self.counted(number, facts, &standing)?;
            insert(self.db, key, marks, recipient, kind, &standing)?;
        }
        Ok(())
    }

    /// Changes a recipient; returns whether mail that goes this way has it.
    fn changed(
        &mut self,
        direction: Direction,
        key: i64,
        recipient: &RecipientChange,
    ) -> rusqlite::Result<bool> {
        let Some((_, (facts, mut standing))) = self.uncounted(direction, key, key + 1)?.pop() else {
            return Ok(false);
        };
        let (number, _) = of_key(key);
        standing.apply(recipient, self.accepted(number));
        let kind = self.counted(number, &facts, &standing)?;
        update(self.db, direction, key, recipient, kind, &standing)?;
        if let (Direction::Routing, Some(address)) = (direction, &recipient.address) {
            let (domain, email) = (hash(domain_of(address)), hash(&address.to_lowercase()));
            self.db.prepare_cached(NAME_ROUTED)?.execute(params![key, address, domain, email])?;
        }
        Ok(true)
    }

    /// The recipients between two keys as they stood, no longer counted.
    fn uncounted(
        &mut self,
        direction: Direction,
        from: i64,
        below: i64,
    ) -> rusqlite::Result<Vec<(i64, (Facts, Standing))>> {
        let mut found = Vec::new();
        for stored in standings(self.db, direction, from, below)? {
            let (facts, event) = self.kinds.get(self.db, stored.kind)?;
            let standing = stored.standing.after(event);
            self.tally.remove(minute_of(of_key(stored.key).0), &standing.counted(stored.kind));
            found.push((stored.key, (facts, standing)));
        }
        Ok(found)
    }

    /// Counts a recipient as it stands now, and returns its kind.
    fn counted(&mut self, number: i64, facts: &Facts, standing: &Standing) -> rusqlite::Result<i64> {
        let kind = self.kinds.number(self.db, facts, standing.stand(facts.direction))?;
        self.tally.add(minute_of(number), &standing.counted(kind));
        Ok(kind)
    }

    /// When a message was accepted.
    fn accepted(&self, number: i64) -> UnixMillis {
        self.day.start().saturating_add(Duration::from_micros(u64::try_from(number).unwrap_or_default()))
    }
}

fn write_head(db: &Connection, number: i64, message: &Message) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(MESSAGE)?;
    insert.execute(params![
        number,
        message.account,
        message.zone,
        message.envelope_from,
        message.from,
        message.message_id,
        message.subject,
        message.campaign,
        message.origin,
        message.recipients,
        stored_size(message),
        message.preview,
    ])?;
    if message.direction() == Direction::Routing {
        let keys = params![key_of(number, 0), key_of(number + 1, 0)];
        if db.prepare_cached(ADOPT)?.execute(keys)? > 0 {
            db.prepare_cached(ADOPTED)?.execute(keys)?;
        }
    }
    if let Some(Arrival { peer, helo, checks, spam }) = &message.arrival {
        let Checks { spf, dkim, dmarc, arc } = checks;
        let arrival = params![number, peer, helo, spf, dkim, dmarc, arc, spam];
        db.prepare_cached(ARRIVAL)?.execute(arrival)?;
    }
    Ok(())
}

fn stored_size(message: &Message) -> i64 {
    i64::try_from(message.size).unwrap_or(i64::MAX)
}

/// A message of which there is more to write than there was, or nothing yet.
fn message_of(db: &Connection, number: i64, tenant: Option<&str>) -> rusqlite::Result<Option<Message>> {
    db.prepare_cached(UNKNOWN)?.execute(params![number, tenant])?;
    // Which day it is makes no difference to what is asked of it.
    let message = |row: &Row<'_>| list::message(row, Day::numbered(0), number, 1);
    db.prepare_cached(tables::MESSAGE)?.query_row([number], message).optional()
}

fn insert(
    db: &Connection,
    key: i64,
    marks: &Marks,
    recipient: &RecipientChange,
    kind: i64,
    standing: &Standing,
) -> rusqlite::Result<()> {
    let address = recipient.address.as_deref().unwrap_or_default();
    let addressed = recipient.addressed.as_deref().unwrap_or_default();
    let state = recipient.state.as_ref();
    let hour = hour_of(of_key(key).0);
    let (domain, email) = (hash(domain_of(address)), hash(&address.to_lowercase()));
    let (status, due) = (state.map(|state| state.status.stored()), state.and_then(|state| state.due));
    let (changed, due) = (millis(recipient.changed), due.map(millis));
    let (complained, unsubscribed) = (recipient.complained.map(millis), recipient.unsubscribed.map(millis));
    let (class, code) = (state.map(|state| &state.class), state.map(|state| &state.code));
    let (ours, reply) = (hash(&addressed.to_lowercase()), state.map(|state| &state.reply));
    let known: [&dyn ToSql; 21] = [
        &key,
        &hour,
        &marks.account,
        &marks.zone,
        &domain,
        &email,
        &marks.message_id,
        &address,
        &status,
        &class,
        &code,
        &reply,
        &changed,
        &recipient.attempts,
        &due,
        &recipient.bounced_late,
        &complained,
        &unsubscribed,
        &kind,
        &standing.size,
        &standing.took,
    ];
    let (statement, more): (_, &[&dyn ToSql]) = match marks.direction {
        Direction::Sending => (INSERT_SENT, &[&marks.campaign]),
        Direction::Routing => {
            (INSERT_ROUTED, &[&ours, &marks.author, &marks.author_domain, &marks.envelope, &addressed])
        }
    };
    let all = known.iter().chain(more).copied();
    db.prepare_cached(statement)?.execute(params_from_iter(all)).map(drop)
}

/// Says of a recipient that is there what follows from its message.
fn mark(db: &Connection, key: i64, marks: &Marks, kind: i64, size: i64) -> rusqlite::Result<()> {
    let Marks { direction, account, zone, message_id, campaign, author, author_domain, envelope } = marks;
    let known: [&dyn ToSql; 6] = [&key, &kind, &size, account, zone, message_id];
    let more: &[&dyn ToSql] = match direction {
        Direction::Sending => &[campaign],
        Direction::Routing => &[author, author_domain, envelope],
    };
    let all = known.iter().chain(more).copied();
    db.prepare_cached(statements::known(*direction))?.execute(params_from_iter(all)).map(drop)
}

fn update(
    db: &Connection,
    direction: Direction,
    key: i64,
    recipient: &RecipientChange,
    kind: i64,
    standing: &Standing,
) -> rusqlite::Result<usize> {
    let state = recipient.state.as_ref();
    db.prepare_cached(statements::update(direction))?.execute(params![
        key,
        state.map(|state| state.status.stored()),
        state.map(|state| &state.class),
        state.map(|state| &state.code),
        state.map(|state| &state.reply),
        millis(recipient.changed),
        recipient.attempts,
        state.and_then(|state| state.due).map(millis),
        recipient.bounced_late,
        recipient.complained.map(millis),
        recipient.unsubscribed.map(millis),
        kind,
        standing.took,
    ])
}

/// What follows the last `@` of an address.
pub(super) fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// As times are stored.
pub(super) fn millis(time: UnixMillis) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
