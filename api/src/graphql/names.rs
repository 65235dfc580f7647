//! What the schema calls things.

use mailwright_storage::activity::{
    Direction,
    analytics::{Comparison, Measure, ValueType},
};

/// Where datasets are asked: of one zone, or of all of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Zone,
    Account,
}

impl Level {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Zone, Self::Account];

    /// The type of its object, in the words of the service.
    pub(super) const fn object(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Account => "account",
        }
    }

    /// The field that lists them.
    pub(super) const fn list(self) -> &'static str {
        match self {
            Self::Zone => "zones",
            Self::Account => "accounts",
        }
    }

    /// What its id is called.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Zone => "zoneTag",
            Self::Account => "accountTag",
        }
    }

    /// What names of types begin with.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Zone => "Zone",
            Self::Account => "Account",
        }
    }

    /// The type of what says which of them.
    pub(super) fn filter(self) -> String {
        format!("{}Filter_InputObject", self.prefix())
    }
}

/// A dataset of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dataset {
    pub(super) level: Level,
    pub(super) direction: Direction,
    /// Whether it counts recipients, and does not tell of each.
    pub(super) counts: bool,
}

impl Dataset {
    /// All of a level.
    pub(super) fn all(level: Level) -> impl Iterator<Item = Self> {
        let directions = [Direction::Sending, Direction::Routing];
        let of = move |direction| [false, true].map(|counts| Self { level, direction, counts });
        directions.into_iter().flat_map(of)
    }

    /// The field that it is.
    pub(super) const fn field(self) -> &'static str {
        match (self.direction, self.counts) {
            (Direction::Sending, false) => "emailSendingAdaptive",
            (Direction::Sending, true) => "emailSendingAdaptiveGroups",
            (Direction::Routing, false) => "emailRoutingAdaptive",
            (Direction::Routing, true) => "emailRoutingAdaptiveGroups",
        }
    }

    /// What it is, for people.
    pub(super) const fn description(self) -> &'static str {
        match (self.direction, self.counts) {
            (Direction::Sending, false) => "Recipients of mail that was sent, one by one.",
            (Direction::Sending, true) => "Recipients of mail that was sent, counted.",
            (Direction::Routing, false) => "Recipients of mail from the world, one by one.",
            (Direction::Routing, true) => "Recipients of mail from the world, counted.",
        }
    }

    /// The type of its rows, and what the names of its other types begin with.
    pub(super) fn type_name(self) -> String {
        let field = self.field();
        let rest = field.get(1..).unwrap_or_default();
        format!("{}E{rest}", self.level.prefix())
    }

    /// A type that belongs to it.
    pub(super) fn type_of(self, what: &str) -> String {
        format!("{}{what}", self.type_name())
    }
}

/// The scalar that values of a dimension are.
pub(super) const fn scalar(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Text => "string",
        ValueType::Flag => "uint8",
        ValueType::Date => "Date",
        ValueType::Time => "Time",
    }
}

/// The suffixes of filters, and how they compare.
pub(super) const COMPARISONS: [(&str, Comparison); 10] = [
    ("", Comparison::Is),
    ("neq", Comparison::IsNot),
    ("geq", Comparison::AtLeast),
    ("leq", Comparison::AtMost),
    ("gt", Comparison::Above),
    ("lt", Comparison::Below),
    ("in", Comparison::Among),
    ("notin", Comparison::NotAmong),
    ("like", Comparison::Like),
    ("notlike", Comparison::NotLike),
];

/// Whether values of this type can be compared so.
pub(super) const fn compares(value_type: ValueType, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Like | Comparison::NotLike => matches!(value_type, ValueType::Text),
        _ => true,
    }
}

/// Whether it is compared with a list.
pub(super) const fn takes_list(comparison: Comparison) -> bool {
    matches!(comparison, Comparison::Among | Comparison::NotAmong)
}

/// The objects that measures are in, each with what it is of; the count is in none.
pub(super) const MEASURES: [(&str, &[(&str, Measure)]); 3] = [
    (
        "sum",
        &[
            ("bytes", Measure::Bytes),
            ("attempts", Measure::Attempts),
            ("complaints", Measure::Complaints),
            ("unsubscribes", Measure::Unsubscribes),
            ("hardBounces", Measure::HardBounces),
            ("softBounces", Measure::SoftBounces),
        ],
    ),
    ("avg", &[("timeToDeliveryMs", Measure::AverageTime), ("attempts", Measure::AverageAttempts)]),
    (
        "quantiles",
        &[
            ("timeToDeliveryMsP50", Measure::TimePercentile(50)),
            ("timeToDeliveryMsP95", Measure::TimePercentile(95)),
            ("timeToDeliveryMsP99", Measure::TimePercentile(99)),
        ],
    ),
];

/// The object of percentiles.
pub(super) const QUANTILES: &str = "quantiles";

/// The type of the object `of` measures: `Sum`, ...
pub(super) fn measured(of: &str) -> &'static str {
    match of {
        "sum" => "Sum",
        "avg" => "Avg",
        _ => "Quantiles",
    }
}
