//! What a data point is.

use mailwright_engine::time::UnixMillis;

/// Most blobs, and most numbers, of a point.
pub const MAX_FIELDS: usize = 20;
/// Most octets of all blobs of a point.
pub const MAX_BLOB_OCTETS: usize = 16 << 10;
/// Most octets of an index.
pub const MAX_INDEX_OCTETS: usize = 96;
/// Most indexes of a point. One is what they are for; the samples write two.
const MAX_INDEXES: usize = 4;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointSettings {
    /// Most octets of all points of an account; beyond it the oldest go.
    pub account_octets: u64,
}

impl Default for PointSettings {
    fn default() -> Self {
        Self { account_octets: 1 << 30 }
    }
}

/// A point as a Worker writes it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataPoint {
    /// Texts and octets; `None` keeps the place of one that is not there.
    pub blobs: Vec<Option<Vec<u8>>>,
    /// Numbers.
    pub doubles: Vec<f64>,
    /// What it is found by.
    pub indexes: Vec<String>,
}

/// A point that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPoint {
    /// When.
    pub at: UnixMillis,
    /// What.
    pub point: DataPoint,
}

/// Why something can be no point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// The name of the dataset is none.
    #[error("a dataset has a name of 1 to 100 printable octets")]
    Dataset,
    /// Too much.
    #[error("a data point has at most {most} {what}, not {found}")]
    TooMuch {
        /// What of.
        what: &'static str,
        /// How much there is.
        found: usize,
        /// How much there may be.
        most: usize,
    },
}

impl DataPoint {
    pub(super) fn check(&self) -> Result<(), PointError> {
        let blobs: usize = self.blobs.iter().flatten().map(Vec::len).sum();
        let index = self.indexes.iter().map(String::len).max().unwrap_or_default();
        for (what, found, most) in [
            ("blobs", self.blobs.len(), MAX_FIELDS),
            ("octets in its blobs", blobs, MAX_BLOB_OCTETS),
            ("doubles", self.doubles.len(), MAX_FIELDS),
            ("indexes", self.indexes.len(), MAX_INDEXES),
            ("octets in an index", index, MAX_INDEX_OCTETS),
        ] {
            if found > most {
                return Err(PointError::TooMuch { what, found, most });
            }
        }
        Ok(())
    }
}
