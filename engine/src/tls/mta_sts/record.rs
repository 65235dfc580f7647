//! The TXT record that announces a policy (RFC 8461 section 3.1).

use crate::tls::txt::{self, TxtError};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a record of this RFC begins with.
const VERSION: &str = "v=STSv1";
/// Longest id, in characters.
const MAX_ID: usize = 32;

/// The version of a domain's policy, as its TXT record names it. It only ever is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StsRecord(String);

/// Text that is no id of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("id={0:?} in the MTA-STS record must be 1 to {MAX_ID} letters and digits")]
pub struct InvalidStsId(String);

/// Why a domain's TXT records announce no policy although one was meant. To be treated as no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StsRecordError {
    /// The records are not of the common form.
    #[error("MTA-STS: {0}")]
    Txt(#[from] TxtError),
    /// There is no field `id`.
    #[error("the MTA-STS record has no id field")]
    NoId,
    /// The id is malformed.
    #[error(transparent)]
    Id(#[from] InvalidStsId),
}

impl StsRecord {
    /// Reads the record among all TXT records at [`record_name`](super::record_name), each with its strings
    /// joined. `None` when none of them is about MTA-STS. Of a field that occurs twice, the first counts;
    /// unknown fields are passed over.
    ///
    /// # Errors
    /// When there are several records or the one is malformed. Section 3.1 has the sender act as if there were
    /// none; the error says why, for a log.
    pub fn find<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Self>, StsRecordError> {
        let Some(fields) = txt::sole_record(records, VERSION)? else { return Ok(None) };
        let (_, id) = fields.into_iter().find(|(name, _)| *name == "id").ok_or(StsRecordError::NoId)?;
        Ok(Some(Self::from_id(id)?))
    }

    /// The record with this id.
    ///
    /// # Errors
    /// When it is not 1 to 32 letters and digits.
    pub fn from_id(id: &str) -> Result<Self, InvalidStsId> {
        let fits = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self(id.to_owned())) } else { Err(InvalidStsId(id.chars().take(2 * MAX_ID).collect())) }
    }

    /// The record whose id is a digest of `file`: the half of its SHA-256 that fits.
    pub(super) fn of_file(file: &[u8]) -> Self {
        Self(HEXLOWER.encode(&digest(&SHA256, file).as_ref()[..MAX_ID / 2]))
    }

    /// Whether the id is a digest, as those of our policies are.
    pub fn is_digest(&self) -> bool {
        self.0.len() == MAX_ID && self.0.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StsRecord {
    /// As the TXT record says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}; id={};", self.0)
    }
}

impl TryFrom<String> for StsRecord {
    type Error = InvalidStsId;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::from_id(&id)
    }
}

impl From<StsRecord> for String {
    fn from(record: StsRecord) -> Self {
        record.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(records: &[&str]) -> Result<Option<StsRecord>, StsRecordError> {
        StsRecord::find(records.iter().map(|record| record.as_bytes()))
    }

    fn id(records: &[&str]) -> Option<String> {
        find(records).unwrap().map(String::from)
    }

    #[test]
    fn reads_the_example_of_the_rfc_and_its_relatives() {
        let cases = [
            ("v=STSv1; id=20160831085700Z;", "20160831085700Z"),
            ("v=STSv1;id=a", "a"),
            ("v=STSv1 \t; \tid=1\t ;", "1"),
            ("v=STSv1; future.x_y-z=\"?\"; id=2; id=3", "2"),
            ("v=STSv1;; id=4;;", "4"),
        ];
        for (record, expected) in cases {
            assert_eq!(id(&[record]).as_deref(), Some(expected), "{record}");
        }
    }

    #[test]
    fn passes_over_records_about_other_things() {
        assert_eq!(id(&[]), None);
        assert_eq!(id(&["v=spf1 -all", "v=STSv2; id=1", "V=STSv1; id=1", "v=STSv11; id=2", "v=STSv1"]), None);
        assert_eq!(id(&["verification=x", "v=STSv1; id=5;"]).as_deref(), Some("5"));
    }

    #[test]
    fn says_why_a_record_does_not_count() {
        let long = format!("v=STSv1; id={}", "1".repeat(33));
        let cases: [(&[&str], &str); 7] = [
            (&["v=STSv1; id=1", "v=STSv1; id=1"], "2 TXT records begin with v=STSv1"),
            (&["v=STSv1;"], "no id field"),
            (&["v=STSv1; Id=1"], "no id field"),
            (&["v=STSv1; id=2016-08-31"], "letters and digits"),
            (&["v=STSv1; id="], "letters and digits"),
            (&[&long], "letters and digits"),
            (&["v=STSv1; id=1; junk"], "\"junk\" in the TXT record is not of the form"),
        ];
        for (records, expected) in cases {
            let error = find(records).unwrap_err().to_string();
            assert!(error.contains(expected), "{records:?}: {error}");
        }
        assert!(StsRecord::find([&b"v=STSv1; id=\xff"[..]]).is_err());
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_only_valid_ids(junk in proptest::collection::vec(any::<u8>(), 0..60)) {
            let record = [b"v=STSv1;".as_slice(), &junk].concat();
            if let Ok(Some(found)) = StsRecord::find([record.as_slice()]) {
                prop_assert_eq!(StsRecord::find([found.to_string().as_bytes()]), Ok(Some(found.clone())));
                prop_assert_eq!(StsRecord::from_id(found.id()), Ok(found));
            }
        }
    }
}
