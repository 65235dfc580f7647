//! Finding the document in what a mail carries.

use super::Unreadable;
use flate2::read::MultiGzDecoder;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Most octets of all that is unpacked of one mail.
pub const MAX_DOCUMENT: usize = 16 << 20;
/// Files of an archive that are looked at; a report is the only one.
const MAX_FILES: usize = 4;
/// A gzip file, or an archive, may be in another: some senders pack twice.
const MAX_DEPTH: usize = 2;

/// What a report is written in.
pub(super) enum Document {
    /// DMARC.
    Xml(Vec<u8>),
    /// TLS.
    Json(Vec<u8>),
}

/// Unpacks, within what is left of the octets that a mail may come to.
pub(super) struct Unpacker {
    left: usize,
}

impl Default for Unpacker {
    fn default() -> Self {
        Self { left: MAX_DOCUMENT }
    }
}

impl Unpacker {
    /// The document in `octets`, by how they begin: what they are called is not to be relied on.
    pub(super) fn document(&mut self, octets: &[u8]) -> Result<Option<Document>, Unreadable> {
        self.at_depth(octets, 0)
    }

    fn at_depth(&mut self, octets: &[u8], depth: usize) -> Result<Option<Document>, Unreadable> {
        match octets {
            [0x1f, 0x8b, ..] if depth < MAX_DEPTH => {
                let unpacked = self.take(MultiGzDecoder::new(octets))?;
                self.at_depth(&unpacked, depth + 1)
            }
            [b'P', b'K', 3, 4, ..] if depth < MAX_DEPTH => self.in_archive(octets, depth),
            _ if octets.len() > MAX_DOCUMENT => Err(Unreadable::TooLarge),
            _ => Ok(plain(octets)),
        }
    }

    fn in_archive(&mut self, octets: &[u8], depth: usize) -> Result<Option<Document>, Unreadable> {
        let packed = |error: zip::result::ZipError| Unreadable::Packed(error.to_string());
        let mut archive = ZipArchive::new(Cursor::new(octets)).map_err(packed)?;
        for index in 0..archive.len().min(MAX_FILES) {
            let unpacked = self.take(archive.by_index(index).map_err(packed)?)?;
            if let Some(document) = self.at_depth(&unpacked, depth + 1)? {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }

    fn take(&mut self, packed: impl Read) -> Result<Vec<u8>, Unreadable> {
        let mut unpacked = Vec::new();
        let most = u64::try_from(self.left).unwrap_or(u64::MAX).saturating_add(1);
        let read = packed.take(most).read_to_end(&mut unpacked);
        read.map_err(|error| Unreadable::Packed(error.to_string()))?;
        self.left = self.left.checked_sub(unpacked.len()).ok_or(Unreadable::TooLarge)?;
        Ok(unpacked)
    }
}

fn plain(octets: &[u8]) -> Option<Document> {
    let utf8 = in_utf8(octets);
    match utf8.trim_ascii_start() {
        [b'<', b'?' | b'f' | b'F' | b'!', ..] => Some(Document::Xml(utf8)),
        [b'{', ..] => Some(Document::Json(utf8)),
        _ => None,
    }
}

/// In UTF-8, whatever it is declared to be: what has the mark of UTF-16 is that, what is no UTF-8 is taken for Latin-1.
fn in_utf8(octets: &[u8]) -> Vec<u8> {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = rest.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>()
    };
    match octets {
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes).into_bytes(),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes).into_bytes(),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.to_vec(),
        _ if str::from_utf8(octets).is_ok() => octets.to_vec(),
        _ => octets.iter().map(|octet| char::from(*octet)).collect::<String>().into_bytes(),
    }
}
