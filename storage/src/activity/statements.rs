//! What is said to SQLite to write a day.

use super::model::Direction;

/// Adds a recipient, or says of one that is there already what is known from the beginning.
macro_rules! insert {
    ($table:literal, $columns:literal, $values:literal, $update:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (key, hour, account, zone, domain, email, message_id, address, status, class, code, reply, changed,
                attempts, due, late, complained, unsubscribed, kind, size, took",
            $columns,
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce(?9, 0), coalesce(?10, ''), coalesce(?11, ''),
                coalesce(?12, ''), ?13, coalesce(?14, 0), ?15, ?16, ?17, ?18, ?19, ?20, ?21",
            $values,
            ") ON CONFLICT (key) DO UPDATE SET account = ?3, zone = ?4,
                domain = iif(?8 = '', domain, ?5), email = iif(?8 = '', email, ?6), message_id = ?7,
                address = iif(?8 = '', address, ?8), status = coalesce(?9, status), class = coalesce(?10, class),
                code = coalesce(?11, code), reply = coalesce(?12, reply), changed = max(changed, ?13),
                attempts = coalesce(?14, attempts), due = iif(?9 IS NULL, due, ?15), late = late | ?16,
                complained = coalesce(?17, complained), unsubscribed = coalesce(?18, unsubscribed),
                kind = ?19, size = ?20, took = ?21",
            $update
        )
    };
}

pub(super) const INSERT_SENT: &str = insert!("recipients", ", campaign", ", ?22", ", campaign = ?22");

pub(super) const INSERT_ROUTED: &str = insert!(
    "routed",
    ", ours, author, author_domain, envelope, addressed",
    ", ?22, ?23, ?24, ?25, ?26",
    ", ours = iif(?26 = '', ours, ?22), author = ?23, author_domain = ?24, envelope = ?25,
        addressed = iif(?26 = '', addressed, ?26)"
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
                unsubscribed = coalesce(?11, unsubscribed), kind = ?12, took = ?13
            WHERE key = ?1"
        )
    };
}

/// Says where one goes of whom only the address of ours was known.
pub(super) const NAME_ROUTED: &str =
    "UPDATE routed SET address = ?2, domain = ?3, email = ?4 WHERE key = ?1 AND address = ''";

/// Takes over what was known of a message's recipients before it was known where it came from.
pub(super) const ADOPT: &str = "
    INSERT INTO routed (key, hour, account, zone, domain, email, message_id, address, status, class, code, reply, changed,
        attempts, due, late, complained, unsubscribed, kind, size, took, ours, author, author_domain, envelope,
        addressed)
    SELECT key, hour, account, zone, domain, email, message_id, address, status, class, code, reply, changed, attempts,
        due, late, complained, unsubscribed, kind, size, took, 0, 0, 0, 0, ''
    FROM recipients WHERE key >= ?1 AND key < ?2";
pub(super) const ADOPTED: &str = "DELETE FROM recipients WHERE key >= ?1 AND key < ?2";

pub(super) const ARRIVAL: &str = "
    INSERT OR REPLACE INTO arrivals (id, peer, helo, spf, dkim, dmarc, arc, spam) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

pub(super) const MESSAGE: &str = "
    INSERT INTO messages (id, account, zone, envelope_from, author, message_id, subject, campaign, origin, recipients,
        size, preview)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
    ON CONFLICT (id) DO UPDATE SET account = ?2, zone = ?3, envelope_from = ?4, author = ?5, message_id = ?6,
        subject = ?7, campaign = ?8, origin = ?9, recipients = ?10, size = ?11, preview = ?12";

/// Stands for a message of which the acceptance is not known, or not yet.
pub(super) const UNKNOWN: &str = "
    INSERT OR IGNORE INTO messages (id, account, envelope_from, author, message_id, origin, recipients, size)
    VALUES (?, ?, '', '', '', '', 0, 0)";

/// Columns of a recipient that it is counted by, as `standing::read` reads them.
macro_rules! standing {
    ($table:literal) => {
        concat!(
            "SELECT key, kind, status, class, code, attempts, complained IS NOT NULL, unsubscribed IS NOT NULL, took, size
            FROM ",
            $table,
            " WHERE key >= ? AND key < ?"
        )
    };
}

/// How the recipients between two keys stand.
pub(super) const fn standing(direction: Direction) -> &'static str {
    match direction {
        Direction::Sending => standing!("recipients"),
        Direction::Routing => standing!("routed"),
    }
}

/// Says of a recipient of which something was known before its message what follows from that.
pub(super) const fn known(direction: Direction) -> &'static str {
    match direction {
        Direction::Sending => {
            "UPDATE recipients SET kind = ?2, size = ?3, account = ?4, zone = ?5, message_id = ?6, campaign = ?7
            WHERE key = ?1"
        }
        Direction::Routing => {
            "UPDATE routed SET kind = ?2, size = ?3, account = ?4, zone = ?5, message_id = ?6, author = ?7,
                author_domain = ?8, envelope = ?9
            WHERE key = ?1"
        }
    }
}

/// Changes a recipient.
pub(super) const fn update(direction: Direction) -> &'static str {
    match direction {
        Direction::Sending => update!("recipients"),
        Direction::Routing => update!("routed"),
    }
}
