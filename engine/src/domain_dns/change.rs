//! One change of a zone (RFC 2136), as data.

use super::record::{DnsRecord, RecordType};

/// The records of one name and type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordSet {
    /// Their name, without the final dot.
    pub name: String,
    /// Their type.
    pub kind: RecordType,
}

impl RecordSet {
    /// The set that `record` belongs to.
    pub fn of(record: &DnsRecord) -> Self {
        Self { name: record.name.clone(), kind: record.kind }
    }
}

/// A record as a server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord {
    /// What it says.
    pub record: DnsRecord,
    /// The character-strings of a TXT record as they are divided there: to a server, the same text divided
    /// otherwise is another record. Empty for the others.
    pub strings: Vec<Vec<u8>>,
}

/// What must hold, lest nothing is changed (RFC 2136 section 2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prerequisite {
    /// There is no such record (section 2.4.3).
    Absent(RecordSet),
    /// There are exactly these (section 2.4.2), whatever their time to live; all of one set, never none.
    Exactly(Vec<FoundRecord>),
    /// The name is no alias.
    NoAlias(String),
    /// The name has no records at all (section 2.4.5).
    Unused(String),
}

/// A step of a change (RFC 2136 section 2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds a record (section 2.5.1).
    Add(DnsRecord),
    /// Takes this record out, and no other of its name (section 2.5.4).
    Remove(FoundRecord),
}

/// A change of one zone, of which all is done or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Update {
    /// What must hold.
    pub prerequisites: Vec<Prerequisite>,
    /// What is done, in order.
    pub changes: Vec<Change>,
}

impl Update {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
