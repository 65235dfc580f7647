//! The tables of a day, and what is read from them.

use super::model::Direction;

/// The schema this version reads and writes, kept in `user_version`. Any other is thrown away and made anew from the log.
pub(super) const SCHEMA: u32 = 3;

/// `id` is the microsecond of the day in a message's name, `key` the same with the index of a recipient below it: rows
/// are added at the end, and read from the end. Indexes begin with the hour, so that those of a busy day are written in
/// one small part at a time; what they hold is the CRC-32 of a text, which is compared itself when a row is read. Times
/// are milliseconds since 1970, places as `Place::packed` has them. Status 1 is that a server took it, as most rows say:
/// they are found without an index.
///
/// `recipients` are those of mail that is sent, `routed` those of mail from the world, with `arrivals` to their messages.
/// What is counted by is a row of `kinds`, `counts` and `times` have how many recipients are of a kind, by the minute of
/// the day, the hour and the day (see `counts`). `took` is the time until a server took the message, in milliseconds.
pub(super) const TABLES: &str = "
    CREATE TABLE progress (began INTEGER NOT NULL, reached INTEGER NOT NULL, whole_at INTEGER NOT NULL) STRICT;
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY,
        account TEXT, zone TEXT, envelope_from TEXT NOT NULL, author TEXT NOT NULL, message_id TEXT NOT NULL,
        subject TEXT, campaign TEXT, origin TEXT NOT NULL, recipients INTEGER NOT NULL, size INTEGER NOT NULL,
        preview TEXT
    ) STRICT;
    CREATE TABLE recipients (
        key INTEGER PRIMARY KEY,
        hour INTEGER NOT NULL, account INTEGER, zone INTEGER, domain INTEGER NOT NULL, email INTEGER NOT NULL,
        message_id INTEGER, campaign INTEGER,
        address TEXT NOT NULL, status INTEGER NOT NULL, class TEXT NOT NULL, code TEXT NOT NULL, reply TEXT NOT NULL,
        changed INTEGER NOT NULL, attempts INTEGER NOT NULL, due INTEGER, late INTEGER NOT NULL,
        complained INTEGER, unsubscribed INTEGER, kind INTEGER NOT NULL, size INTEGER NOT NULL, took INTEGER
    ) STRICT;
    CREATE INDEX by_account ON recipients (hour, account) WHERE account IS NOT NULL;
    CREATE INDEX by_zone ON recipients (hour, zone) WHERE zone IS NOT NULL;
    CREATE INDEX by_domain ON recipients (hour, domain);
    CREATE INDEX by_email ON recipients (hour, email);
    CREATE INDEX by_message_id ON recipients (hour, message_id) WHERE message_id IS NOT NULL;
    CREATE INDEX by_campaign ON recipients (hour, campaign) WHERE campaign IS NOT NULL;
    CREATE INDEX by_status ON recipients (hour, status) WHERE status <> 1;
    CREATE INDEX by_class ON recipients (hour, class) WHERE class <> '';
    CREATE TABLE arrivals (
        id INTEGER PRIMARY KEY,
        peer TEXT NOT NULL, helo TEXT NOT NULL,
        spf TEXT NOT NULL, dkim TEXT NOT NULL, dmarc TEXT NOT NULL, arc TEXT NOT NULL, spam INTEGER
    ) STRICT;
    CREATE TABLE routed (
        key INTEGER PRIMARY KEY,
        hour INTEGER NOT NULL, account INTEGER, zone INTEGER, domain INTEGER NOT NULL, email INTEGER NOT NULL,
        message_id INTEGER, ours INTEGER NOT NULL, author INTEGER NOT NULL, author_domain INTEGER NOT NULL,
        envelope INTEGER NOT NULL,
        address TEXT NOT NULL, status INTEGER NOT NULL, class TEXT NOT NULL, code TEXT NOT NULL, reply TEXT NOT NULL,
        changed INTEGER NOT NULL, attempts INTEGER NOT NULL, due INTEGER, late INTEGER NOT NULL,
        complained INTEGER, unsubscribed INTEGER, kind INTEGER NOT NULL, size INTEGER NOT NULL, took INTEGER,
        addressed TEXT NOT NULL
    ) STRICT;
    CREATE INDEX routed_by_account ON routed (hour, account) WHERE account IS NOT NULL;
    CREATE INDEX routed_by_zone ON routed (hour, zone) WHERE zone IS NOT NULL;
    CREATE INDEX routed_by_domain ON routed (hour, domain) WHERE address <> '';
    CREATE INDEX routed_by_email ON routed (hour, email) WHERE address <> '';
    CREATE INDEX routed_by_message_id ON routed (hour, message_id) WHERE message_id IS NOT NULL;
    CREATE INDEX routed_by_ours ON routed (hour, ours);
    CREATE INDEX routed_by_author ON routed (hour, author);
    CREATE INDEX routed_by_author_domain ON routed (hour, author_domain);
    CREATE INDEX routed_by_envelope ON routed (hour, envelope);
    CREATE INDEX routed_by_status ON routed (hour, status) WHERE status <> 1;
    CREATE INDEX routed_by_class ON routed (hour, class) WHERE class <> '';
    CREATE TABLE places (message INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (message, place))
        STRICT, WITHOUT ROWID;
    CREATE TABLE kinds (
        id INTEGER PRIMARY KEY,
        direction INTEGER NOT NULL, account TEXT NOT NULL, zone TEXT NOT NULL, domain TEXT NOT NULL,
        status TEXT NOT NULL, event TEXT NOT NULL, cause TEXT NOT NULL,
        spf TEXT NOT NULL, dkim TEXT NOT NULL, dmarc TEXT NOT NULL, arc TEXT NOT NULL,
        spam INTEGER NOT NULL, report INTEGER NOT NULL,
        UNIQUE (account, zone, direction, domain, status, event, cause, spf, dkim, dmarc, arc, spam, report)
    ) STRICT;
    CREATE TABLE counts (
        grain INTEGER NOT NULL, bucket INTEGER NOT NULL, kind INTEGER NOT NULL,
        count INTEGER NOT NULL, bytes INTEGER NOT NULL, attempts INTEGER NOT NULL, complaints INTEGER NOT NULL,
        unsubscribes INTEGER NOT NULL, took INTEGER NOT NULL, timed INTEGER NOT NULL,
        PRIMARY KEY (grain, bucket, kind)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE times (
        grain INTEGER NOT NULL, bucket INTEGER NOT NULL, kind INTEGER NOT NULL, slot INTEGER NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (grain, bucket, kind, slot)
    ) STRICT, WITHOUT ROWID;
";

/// Columns of a recipient, as `list::recipient` reads them.
macro_rules! recipient {
    ($addressed:literal) => {
        concat!(
            "r.key, r.address, r.status, r.class, r.code, r.reply, r.changed, r.attempts, r.due, r.late,
             r.complained, r.unsubscribed, ",
            $addressed
        )
    };
}

/// Columns of a message, as `list::message` reads them.
macro_rules! message {
    () => {
        "m.account, m.zone, m.envelope_from, m.author, m.message_id, m.subject, m.campaign, m.origin,
         m.recipients, m.size, a.peer, a.helo, a.spf, a.dkim, a.dmarc, a.arc, a.spam"
    };
}

/// A message, after its preview.
pub(super) const MESSAGE: &str = concat!(
    "SELECT m.preview, ",
    message!(),
    " FROM messages m LEFT JOIN arrivals a ON a.id = m.id WHERE m.id = ?"
);

/// Recipients of a message.
pub(super) fn recipients(direction: Direction) -> String {
    let (table, columns) = match direction {
        Direction::Sending => ("recipients", recipient!("NULL")),
        Direction::Routing => ("routed", recipient!("r.addressed")),
    };
    format!("SELECT {columns} FROM {table} r WHERE r.key >= ? AND r.key < ? ORDER BY r.key LIMIT ?")
}

/// The table of recipients.
pub(super) const fn table(direction: Direction) -> &'static str {
    match direction {
        Direction::Sending => "recipients",
        Direction::Routing => "routed",
    }
}

/// What the names of its indexes begin with, before that of a column.
pub(super) const fn index(direction: Direction) -> &'static str {
    match direction {
        Direction::Sending => "by",
        Direction::Routing => "routed_by",
    }
}

/// What a list selects, and what it has to join: the columns of a recipient and then those of a message.
pub(super) const fn line(direction: Direction) -> (&'static str, &'static str) {
    match direction {
        Direction::Sending => (
            concat!(
                recipient!("NULL"),
                ", m.account, m.zone, m.envelope_from, m.author, m.message_id, m.subject, m.campaign, m.origin,
                 m.recipients, m.size, NULL"
            ),
            "JOIN messages m ON m.id = r.key >> 14",
        ),
        Direction::Routing => (
            concat!(recipient!("r.addressed"), ", ", message!()),
            "JOIN messages m ON m.id = r.key >> 14 LEFT JOIN arrivals a ON a.id = m.id",
        ),
    }
}
