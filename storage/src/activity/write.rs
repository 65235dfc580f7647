//! Writing what a stretch of the log changes into a day's database.

use super::{
    change::{MessageChange, RecipientChange},
    day::{hash, hour_of, key_of},
    list,
    model::{Arrival, Direction, Message},
    tables,
};
use crate::events::{event::Checks, files::Day};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};
use std::collections::BTreeMap;

/// Adds a recipient, or says of one that is there already what is known from the beginning.
macro_rules! insert {
    ($table:literal, $columns:literal, $values:literal, $update:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (key, hour, account, zone, domain, email, message_id, address, status, class, code, reply, changed,
                attempts, due, late, complained, unsubscribed, ",
            $columns,
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce(?9, 0), coalesce(?10, ''), coalesce(?11, ''),
                coalesce(?12, ''), ?13, coalesce(?14, 0), ?15, ?16, ?17, ?18, ",
            $values,
            ") ON CONFLICT (key) DO UPDATE SET account = ?3, zone = ?4,
                domain = iif(?8 = '', domain, ?5), email = iif(?8 = '', email, ?6), message_id = ?7,
                address = iif(?8 = '', address, ?8), status = coalesce(?9, status), class = coalesce(?10, class),
                code = coalesce(?11, code), reply = coalesce(?12, reply), changed = max(changed, ?13),
                attempts = coalesce(?14, attempts), due = iif(?9 IS NULL, due, ?15), late = late | ?16,
                complained = coalesce(?17, complained), unsubscribed = coalesce(?18, unsubscribed), ",
            $update
        )
    };
}

const INSERT_SENT: &str = insert!("recipients", "campaign", "?19", "campaign = ?19");

const INSERT_ROUTED: &str = insert!(
    "routed",
    "ours, author, author_domain, envelope, addressed",
    "?19, ?20, ?21, ?22, ?23",
    "ours = iif(?23 = '', ours, ?19), author = ?20, author_domain = ?21, envelope = ?22,
        addressed = iif(?23 = '', addressed, ?23)"
);

/// Touches no index but those of what changes.
macro_rules! update {
    ($table:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET status = coalesce(?2, status), class = coalesce(?3, class), code = coalesce(?4, code),
                reply = coalesce(?5, reply), changed = max(changed, ?6), attempts = coalesce(?7, attempts),
                due = iif(?2 IS NULL, due, ?8), late = late | ?9, complained = coalesce(?10, complained),
                unsubscribed = coalesce(?11, unsubscribed)
            WHERE key = ?1"
        )
    };
}

const UPDATE_SENT: &str = update!("recipients");
const UPDATE_ROUTED: &str = update!("routed");

/// Says where one goes of whom only the address of ours was known.
const NAME_ROUTED: &str =
    "UPDATE routed SET address = ?2, domain = ?3, email = ?4 WHERE key = ?1 AND address = ''";

/// Takes over what was known of a message's recipients before it was known where it came from.
const ADOPT: &str = "
    INSERT INTO routed (key, hour, account, zone, domain, email, message_id, address, status, class, code, reply, changed,
        attempts, due, late, complained, unsubscribed, ours, author, author_domain, envelope, addressed)
    SELECT key, hour, account, zone, domain, email, message_id, address, status, class, code, reply, changed, attempts,
        due, late, complained, unsubscribed, 0, 0, 0, 0, ''
    FROM recipients WHERE key >= ?1 AND key < ?2";
const ADOPTED: &str = "DELETE FROM recipients WHERE key >= ?1 AND key < ?2";

const ARRIVAL: &str = "
    INSERT OR REPLACE INTO arrivals (id, peer, helo, spf, dkim, dmarc, arc, spam) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

const MESSAGE: &str = "
    INSERT INTO messages (id, account, zone, envelope_from, author, message_id, subject, campaign, origin, recipients,
        size, preview)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
    ON CONFLICT (id) DO UPDATE SET account = ?2, zone = ?3, envelope_from = ?4, author = ?5, message_id = ?6,
        subject = ?7, campaign = ?8, origin = ?9, recipients = ?10, size = ?11, preview = ?12";

/// Stands for a message of which the acceptance is not known, or not yet.
const UNKNOWN: &str = "
    INSERT OR IGNORE INTO messages (id, account, envelope_from, author, message_id, origin, recipients, size)
    VALUES (?, ?, '', '', '', '', 0, 0)";

/// What indexes hold of a message for each of its recipients.
#[derive(Debug, Default)]
struct Marks {
    direction: Direction,
    account: Option<i64>,
    zone: Option<i64>,
    message_id: Option<i64>,
    campaign: Option<i64>,
    author: i64,
    author_domain: i64,
    envelope: i64,
}

impl Marks {
    fn of(message: &Message) -> Self {
        let direction = message.direction();
        let marks = Self {
            direction,
            account: message.account.as_deref().map(hash),
            zone: message.zone.as_deref().map(hash),
            message_id: Some(&message.message_id).filter(|id| !id.is_empty()).map(|id| hash(id)),
            campaign: message.campaign.as_deref().map(hash),
            ..Self::default()
        };
        match direction {
            Direction::Sending => marks,
            Direction::Routing => Self {
                author: hash(&message.from.to_lowercase()),
                author_domain: hash(message.sending_domain()),
                envelope: hash(&message.envelope_from.to_lowercase()),
                ..marks
            },
        }
    }
}

/// Writes the changes of a day's messages, in order of age.
pub(super) fn write(db: &Connection, changes: &BTreeMap<i64, MessageChange>) -> rusqlite::Result<()> {
    for (number, change) in changes {
        match &change.head {
            Some(message) => {
                write_head(db, *number, message)?;
                let marks = Marks::of(message);
                for (index, recipient) in &change.recipients {
                    insert(db, *number, *index, &marks, recipient)?;
                }
            }
            None => write_late(db, *number, change)?,
        }
        let mut place = db.prepare_cached("INSERT OR IGNORE INTO places (message, place) VALUES (?, ?)")?;
        for at in &change.places {
            place.execute(params![number, at.packed()])?;
        }
    }
    Ok(())
}

fn write_head(db: &Connection, number: i64, message: &Message) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(MESSAGE)?;
    let size = i64::try_from(message.size).unwrap_or(i64::MAX);
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
        size,
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

/// Changes recipients of a message that was accepted in an earlier stretch of the log, or of which nothing is known.
fn write_late(db: &Connection, number: i64, change: &MessageChange) -> rusqlite::Result<()> {
    let mut marks = None;
    for (index, recipient) in &change.recipients {
        let Some(key) = key_of(number, *index) else { continue };
        if update(db, UPDATE_SENT, key, recipient)? > 0 {
            continue;
        }
        if update(db, UPDATE_ROUTED, key, recipient)? > 0 {
            if let Some(address) = &recipient.address {
                let (domain, email) = (hash(domain_of(address)), hash(&address.to_lowercase()));
                db.prepare_cached(NAME_ROUTED)?.execute(params![key, address, domain, email])?;
            }
            continue;
        }
        if marks.is_none() {
            marks = Some(marks_of(db, number, change.tenant.as_deref())?);
        }
        insert(db, number, *index, marks.as_ref().unwrap_or(&Marks::default()), recipient)?;
    }
    Ok(())
}

fn marks_of(db: &Connection, number: i64, tenant: Option<&str>) -> rusqlite::Result<Marks> {
    db.prepare_cached(UNKNOWN)?.execute(params![number, tenant])?;
    // Which day it is makes no difference to them.
    let message = |row: &Row<'_>| list::message(row, Day::numbered(0), number, 1);
    let message = db.prepare_cached(tables::MESSAGE)?.query_row([number], message).optional()?;
    Ok(message.as_ref().map(Marks::of).unwrap_or_default())
}

fn insert(
    db: &Connection,
    number: i64,
    index: u16,
    marks: &Marks,
    recipient: &RecipientChange,
) -> rusqlite::Result<()> {
    let Some(key) = key_of(number, index) else { return Ok(()) };
    let address = recipient.address.as_deref().unwrap_or_default();
    let addressed = recipient.addressed.as_deref().unwrap_or_default();
    let state = recipient.state.as_ref();
    let (hour, domain, email) = (hour_of(number), hash(domain_of(address)), hash(&address.to_lowercase()));
    let (status, due) = (state.map(|state| state.status.stored()), state.and_then(|state| state.due));
    let (changed, due) = (millis(recipient.changed), due.map(millis));
    let (complained, unsubscribed) = (recipient.complained.map(millis), recipient.unsubscribed.map(millis));
    let (class, code) = (state.map(|state| &state.class), state.map(|state| &state.code));
    let (ours, reply) = (hash(&addressed.to_lowercase()), state.map(|state| &state.reply));
    let known: [&dyn ToSql; 18] = [
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

fn update(
    db: &Connection,
    statement: &'static str,
    key: i64,
    recipient: &RecipientChange,
) -> rusqlite::Result<usize> {
    let state = recipient.state.as_ref();
    db.prepare_cached(statement)?.execute(params![
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
