//! The tables: their columns, and the orders of their rows.

/// The tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    #[default]
    Domains,
    Sites,
    Sources,
    Trouble,
}

impl Pane {
    /// All of them, in the order of their keys.
    pub(crate) const ALL: [Self; 4] = [Self::Domains, Self::Sites, Self::Sources, Self::Trouble];

    /// What it is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Domains => "Domains",
            Self::Sites => "Sites",
            Self::Sources => "Sources",
            Self::Trouble => "Trouble",
        }
    }

    /// The columns that it can be sorted by: the first, unless somebody chooses.
    pub(crate) const fn orders(self) -> &'static [&'static str] {
        match self {
            Self::Domains => &["waiting", "oldest", "held by", "name"],
            Self::Sites => &["waiting", "connections", "a minute", "held by", "name"],
            Self::Sources => &["as configured", "ready", "connections"],
            Self::Trouble => &["time"],
        }
    }

    /// The columns.
    pub(crate) const fn columns(self) -> &'static [Column] {
        match self {
            Self::Domains => &DOMAINS,
            Self::Sites => &SITES,
            Self::Sources => &SOURCES,
            Self::Trouble => &TROUBLE,
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) width: Width,
    /// Whether its cells end at its right side.
    pub(crate) is_right: bool,
    /// Whether narrow terminals do without it.
    pub(crate) is_wide_only: bool,
}

/// How wide a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// So many characters.
    Exactly(u16),
    /// This share of what the others leave.
    Share(u16),
}

impl Column {
    const fn left(name: &'static str, width: u16) -> Self {
        Self { name, width: Width::Exactly(width), is_right: false, is_wide_only: false }
    }

    const fn right(name: &'static str, width: u16) -> Self {
        Self { is_right: true, ..Self::left(name, width) }
    }

    const fn wide(name: &'static str, width: u16) -> Self {
        Self { is_wide_only: true, ..Self::left(name, width) }
    }

    const fn fill(name: &'static str, share: u16) -> Self {
        Self { width: Width::Share(share), ..Self::left(name, 0) }
    }
}

const DOMAINS: [Column; 8] = [
    Column::fill("DOMAIN", 3),
    Column::right("WAITING", 7),
    Column::wide("DUE", 6),
    Column::right("OLDEST", 7),
    Column::right("SITE/MIN", 8),
    Column::left("HELD BY", 11),
    Column::wide("UNTIL", 9),
    Column::fill("WHY", 3),
];

const SITES: [Column; 7] = [
    Column::fill("SITE", 3),
    Column::wide("PROVIDER", 10),
    Column::right("WAITING", 7),
    Column::right("CONNECTIONS", 11),
    Column::right("A MINUTE", 8),
    Column::left("HELD BY", 11),
    Column::fill("WHY", 2),
];

const SOURCES: [Column; 6] = [
    Column::left("SOURCE", 16),
    Column::right("READY", 7),
    Column::right("CONNECTIONS", 11),
    Column::right("LEFT TODAY", 10),
    Column::left("STATE", 10),
    Column::fill("ADDRESSES", 1),
];

const TROUBLE: [Column; 4] =
    [Column::left("SINCE", 9), Column::left("WHAT", 12), Column::fill("WHERE", 2), Column::fill("DETAIL", 5)];
