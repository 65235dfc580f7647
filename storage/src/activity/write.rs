//! Writing what a stretch of the log changes into a day's database.

use super::{
    change::{Head, MessageChange, RecipientChange},
    day::{hash, hour_of, key_of},
};
use mailwright_engine::time::UnixMillis;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

const INSERT: &str = "
    INSERT INTO recipients (key, hour, account, zone, domain, email, message_id, campaign, address, status, class, code,
        reply, changed, attempts, due, late, complained, unsubscribed)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, coalesce(?10, 0), coalesce(?11, ''), coalesce(?12, ''),
        coalesce(?13, ''), ?14, coalesce(?15, 0), ?16, ?17, ?18, ?19)
    ON CONFLICT (key) DO UPDATE SET account = ?3, zone = ?4,
        domain = iif(?9 = '', domain, ?5), email = iif(?9 = '', email, ?6), message_id = ?7, campaign = ?8,
        address = iif(?9 = '', address, ?9), status = coalesce(?10, status), class = coalesce(?11, class),
        code = coalesce(?12, code), reply = coalesce(?13, reply), changed = max(changed, ?14),
        attempts = coalesce(?15, attempts), due = iif(?10 IS NULL, due, ?16), late = late | ?17,
        complained = coalesce(?18, complained), unsubscribed = coalesce(?19, unsubscribed)";

/// Touches no index but those of what changes.
const UPDATE: &str = "
    UPDATE recipients SET status = coalesce(?2, status), class = coalesce(?3, class), code = coalesce(?4, code),
        reply = coalesce(?5, reply), changed = max(changed, ?6), attempts = coalesce(?7, attempts),
        due = iif(?2 IS NULL, due, ?8), late = late | ?9, complained = coalesce(?10, complained),
        unsubscribed = coalesce(?11, unsubscribed)
    WHERE key = ?1";

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
    account: Option<i64>,
    zone: Option<i64>,
    message_id: Option<i64>,
    campaign: Option<i64>,
}

impl Marks {
    fn of(account: Option<&str>, zone: Option<&str>, message_id: &str, campaign: Option<&str>) -> Self {
        Self {
            account: account.map(hash),
            zone: zone.map(hash),
            message_id: Some(message_id).filter(|id| !id.is_empty()).map(hash),
            campaign: campaign.map(hash),
        }
    }
}

/// Writes the changes of a day's messages, in order of age.
pub(super) fn write(db: &Connection, changes: &BTreeMap<i64, MessageChange>) -> rusqlite::Result<()> {
    for (number, change) in changes {
        match &change.head {
            Some(head) => {
                write_head(db, *number, head)?;
                let (account, zone) = (head.account.as_deref(), head.zone.as_deref());
                let marks = Marks::of(account, zone, &head.message_id, head.campaign.as_deref());
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

fn write_head(db: &Connection, number: i64, head: &Head) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(MESSAGE)?;
    let size = i64::try_from(head.size).unwrap_or(i64::MAX);
    insert.execute(params![
        number,
        head.account,
        head.zone,
        head.envelope_from,
        head.author,
        head.message_id,
        head.subject,
        head.campaign,
        head.origin,
        head.recipients,
        size,
        head.preview,
    ])?;
    Ok(())
}

/// Changes recipients of a message that was accepted in an earlier stretch of the log, or of which nothing is known.
fn write_late(db: &Connection, number: i64, change: &MessageChange) -> rusqlite::Result<()> {
    let mut marks = None;
    for (index, recipient) in &change.recipients {
        if update(db, number, *index, recipient)? == 0 {
            if marks.is_none() {
                marks = Some(marks_of(db, number, change.tenant.as_deref())?);
            }
            insert(db, number, *index, marks.as_ref().unwrap_or(&Marks::default()), recipient)?;
        }
    }
    Ok(())
}

fn marks_of(db: &Connection, number: i64, tenant: Option<&str>) -> rusqlite::Result<Marks> {
    db.prepare_cached(UNKNOWN)?.execute(params![number, tenant])?;
    let select = "SELECT account, zone, message_id, campaign FROM messages WHERE id = ?";
    let marks = db.prepare_cached(select)?.query_row([number], |row| {
        let text = |column| row.get::<_, Option<String>>(column);
        let (account, zone, campaign) = (text(0)?, text(1)?, text(3)?);
        let message_id: String = row.get(2)?;
        Ok(Marks::of(account.as_deref(), zone.as_deref(), &message_id, campaign.as_deref()))
    });
    Ok(marks.optional()?.unwrap_or_default())
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
    let state = recipient.state.as_ref();
    db.prepare_cached(INSERT)?.execute(params![
        key,
        hour_of(number),
        marks.account,
        marks.zone,
        hash(domain_of(address)),
        hash(&address.to_lowercase()),
        marks.message_id,
        marks.campaign,
        address,
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
    ])?;
    Ok(())
}

fn update(db: &Connection, number: i64, index: u16, recipient: &RecipientChange) -> rusqlite::Result<usize> {
    let Some(key) = key_of(number, index) else { return Ok(1) };
    let state = recipient.state.as_ref();
    db.prepare_cached(UPDATE)?.execute(params![
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
