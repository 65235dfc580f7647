//! A second, naive reader of the journal's format, so that tests can damage it where they mean to.

use mailwright_storage::journal::record::HEADER_LEN;
use std::{
    fs::OpenOptions,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// One record as it lies on disk.
#[derive(Debug, Clone)]
pub(crate) struct RecordAt {
    pub(crate) path: PathBuf,
    /// Offset in the file.
    pub(crate) at: u64,
    pub(crate) meta_len: u64,
    pub(crate) body_len: u64,
    /// Position in the journal.
    pub(crate) lsn: u64,
}

impl RecordAt {
    pub(crate) fn len(&self) -> u64 {
        HEADER_LEN as u64 + self.meta_len + self.body_len
    }

    /// Offset of the meta block in the file.
    pub(crate) fn meta_at(&self) -> u64 {
        self.at + HEADER_LEN as u64
    }

    /// Offset of the body in the file.
    pub(crate) fn body_at(&self) -> u64 {
        self.meta_at() + self.meta_len
    }
}

/// The segments' files, oldest first.
pub(crate) fn segments(state: &Path) -> Vec<PathBuf> {
    super::files_below(&state.join("spool"))
}

/// Every record in the journal of a state folder, in order. Stops in each segment where no record begins.
pub(crate) fn records(state: &Path) -> Vec<RecordAt> {
    segments(state).iter().flat_map(|path| records_of(path)).collect()
}

/// The records of one segment.
pub(crate) fn records_of(path: &Path) -> Vec<RecordAt> {
    let bytes = std::fs::read(path).unwrap();
    let word = |at: usize| u64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()));
    let mut found = Vec::new();
    let mut at = 0;
    while at + HEADER_LEN <= bytes.len() && bytes[at..].starts_with(b"MWJ2") {
        let lsn = word(at + 16) | word(at + 20) << 32;
        let record = RecordAt {
            path: path.to_path_buf(),
            at: at as u64,
            meta_len: word(at + 8),
            body_len: word(at + 12),
            lsn,
        };
        at += usize::try_from(record.len()).unwrap();
        found.push(record);
    }
    found
}

/// The last segment and the offset after its last record.
pub(crate) fn end(state: &Path) -> (PathBuf, u64) {
    let path = segments(state).pop().unwrap();
    let end = records_of(&path).last().map_or(0, |record| record.at + record.len());
    (path, end)
}

/// Inverts one bit.
pub(crate) fn flip_bit(path: &Path, at: u64, bit: u8) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut octet = [0];
    file.read_exact_at(&mut octet, at).unwrap();
    file.write_all_at(&[octet[0] ^ 1 << (bit % 8)], at).unwrap();
}

/// Writes octets over what is at `at`.
pub(crate) fn overwrite(path: &Path, at: u64, octets: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(octets, at).unwrap();
}

/// Cuts a file.
pub(crate) fn cut(path: &Path, len: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(len).unwrap();
}
