//! What mail can be counted by: the one table of which clients' schema and the database's queries are made.

use super::super::model::Direction;

/// What the values of a dimension are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// Text.
    Text,
    /// 0 or 1.
    Flag,
    /// A day.
    Date,
    /// A moment.
    Time,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// The beginning of the stretch of so many minutes in which the message was accepted.
    Stretch(i64),
    /// When the message was accepted.
    Moment,
    /// A column of the kind.
    Kind(&'static str),
    /// An expression over the row of a recipient, of either direction.
    Row(&'static str, &'static str),
    /// An expression over the row of its message.
    Message(&'static str),
}

/// What mail can be counted by, or told of a recipient.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Dimension {
    /// Its name, as clients know it.
    pub name: &'static str,
    /// What its values are.
    pub value_type: ValueType,
    /// What it is, for people.
    pub description: &'static str,
    /// Whether it can be compared with.
    pub is_filter: bool,
    /// Whether recipients can be counted by it; it is only told of single ones otherwise.
    pub is_group: bool,
    /// Which way the mail goes that has it; `None` for both.
    of: Option<Direction>,
    pub(super) source: Source,
}

impl Dimension {
    const fn new(
        name: &'static str,
        value_type: ValueType,
        source: Source,
        description: &'static str,
    ) -> Self {
        Self { name, value_type, description, is_filter: true, is_group: true, of: None, source }
    }

    /// The same, told of single recipients only.
    const fn of_single(self) -> Self {
        Self { is_group: false, ..self }
    }

    /// Whether it is a moment, and not the beginning of a stretch of time.
    pub fn is_exact(&self) -> bool {
        self.source == Source::Moment
    }

    /// Everything that mail which goes this way has.
    pub fn all(direction: Direction) -> impl Iterator<Item = &'static Self> {
        DIMENSIONS.iter().filter(move |dimension| dimension.of.is_none_or(|of| of == direction))
    }

    /// The one of this name, if mail that goes this way has it.
    pub fn named(direction: Direction, name: &str) -> Option<&'static Self> {
        Self::all(direction).find(|dimension| dimension.name == name)
    }
}

use Source::{Kind, Message, Moment, Row, Stretch};
use ValueType::{Date, Flag, Text, Time};

/// `name, type, where from, what it is`.
static DIMENSIONS: [Dimension; 23] = [
    Dimension::new("date", Date, Stretch(1_440), "The day on which the message was accepted, in UTC."),
    Dimension::new("datetime", Time, Moment, "When the message was accepted."),
    Dimension::new("datetimeMinute", Time, Stretch(1), "The minute in which the message was accepted."),
    Dimension::new("datetimeFiveMinutes", Time, Stretch(5), "The five minutes in which it was accepted."),
    Dimension::new("datetimeFifteenMinutes", Time, Stretch(15), "The quarter of an hour in which it was."),
    Dimension::new("datetimeHour", Time, Stretch(60), "The hour in which the message was accepted."),
    Dimension::new(
        "status",
        Text,
        Kind("status"),
        "How the recipient stands: `delivered`, `deliveryFailed`, ...",
    ),
    Dimension::new(
        "eventType",
        Text,
        Kind("event"),
        "The last thing that happened: `deferred`, `hardBounce`, ...",
    ),
    Dimension {
        of: Some(Direction::Sending),
        ..Dimension::new("sendingDomain", Text, Kind("domain"), "The domain of the author.")
    },
    Dimension::new("envelopeTo", Text, Row("r.address", "r.addressed"), "The recipient's address."),
    Dimension::new("errorCause", Text, Kind("cause"), "The class of its failure, or the code of a refusal."),
    Dimension::new("arc", Text, Kind("arc"), "Result of ARC."),
    Dimension::new("dkim", Text, Kind("dkim"), "Result of DKIM."),
    Dimension::new("dmarc", Text, Kind("dmarc"), "Result of DMARC."),
    Dimension::new("spf", Text, Kind("spf"), "Result of SPF."),
    Dimension::new("isSpam", Flag, Kind("spam"), "Whether the message was scored as spam."),
    Dimension::new("isNDR", Flag, Kind("report"), "Whether it is a report on other mail."),
    Dimension::new("from", Text, Message("m.author"), "The author's address.").of_single(),
    Dimension::new("to", Text, Row("r.address", "r.addressed"), "The recipient's address.").of_single(),
    Dimension::new("subject", Text, Message("coalesce(m.subject, '')"), "The beginning of the subject.")
        .of_single(),
    Dimension::new("messageId", Text, Message("m.message_id"), "The Message-ID without angle brackets.")
        .of_single(),
    Dimension {
        is_filter: false,
        ..Dimension::new("sessionId", Text, Source::SESSION, "The name of the message on this server.")
            .of_single()
    },
    Dimension::new("errorDetail", Text, Row(DETAIL, DETAIL), "What was said when it failed, or waits.")
        .of_single(),
];

/// The reply to the last attempt that failed.
const DETAIL: &str = "iif(r.status = 1, '', r.reply)";

impl Source {
    /// The number of the message within its day, of which its name is made.
    pub(super) const SESSION: Self = Row("r.key >> 14", "r.key >> 14");
}
