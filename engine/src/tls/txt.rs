//! The form that the TXT records of MTA-STS and TLS-RPT share: a version, then `name=value` fields between
//! semicolons (RFC 8461 section 3.1, RFC 8460 section 3).

/// Longest piece of a record that an error repeats, in characters.
const MAX_SHOWN: usize = 60;

/// What is wrong with the fields of a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TxtError {
    /// More than one record with the version.
    #[error("{count} TXT records begin with {version}; there must be exactly one")]
    Several {
        /// The version they begin with.
        version: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A field that is not `name=value` with a valid name, or octets that are no text.
    #[error("{0:?} in the TXT record is not of the form name=value")]
    NotAField(String),
}

/// The fields of the one record that begins with `version`; records of other versions are passed over. `None`
/// when there is none. The strings of one record come joined (RFC 8461 section 3.1).
pub(super) fn sole_record<'a>(
    records: impl IntoIterator<Item = &'a [u8]>,
    version: &'static str,
) -> Result<Option<Vec<(&'a str, &'a str)>>, TxtError> {
    let candidates: Vec<_> =
        records.into_iter().filter_map(|record| after_version(record, version)).collect();
    match candidates.as_slice() {
        [] => Ok(None),
        [one] => fields(one).map(Some),
        several => Err(TxtError::Several { version, count: several.len() }),
    }
}

/// What stands behind `version` and its semicolon.
fn after_version<'a>(record: &'a [u8], version: &str) -> Option<&'a [u8]> {
    record.strip_prefix(version.as_bytes())?.trim_ascii_start().strip_prefix(b";")
}

fn fields(record: &[u8]) -> Result<Vec<(&str, &str)>, TxtError> {
    let text = std::str::from_utf8(record).map_err(|_| not_a_field(&String::from_utf8_lossy(record)))?;
    let pieces = text.split(';').map(|piece| piece.trim_matches([' ', '\t']));
    pieces
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            piece.split_once('=').filter(|(name, _)| is_name(name)).ok_or_else(|| not_a_field(piece))
        })
        .collect()
}

fn not_a_field(piece: &str) -> TxtError {
    TxtError::NotAField(piece.chars().take(MAX_SHOWN).collect())
}

/// `sts-ext-name` of RFC 8461 section 3.1: at most 32 letters, digits, and inside it `_`, `-` and `.`.
pub(super) fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}
