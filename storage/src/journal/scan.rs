//! Reading the journal back in order.

use super::{
    record::{HEADER_LEN, Header, MAGIC, Record},
    segment::{Segment, Segments},
};
use crate::{error::StorageError, queue::entry::Location};
use bytes::Bytes;
use std::sync::Arc;

/// How far past a damaged spot the scan looks for the next record before it calls the rest a torn tail.
/// A little more than the largest message, since damage may hide one record's length.
const RESYNC_LIMIT: u64 = 32 << 20;
/// Octets read at once while looking for the next record.
const RESYNC_CHUNK: usize = 1 << 20;

/// Whether a scan checks message bodies against their checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bodies {
    /// Header and meta block only: bodies are checked when they are read for delivery.
    Trusted,
    /// Bodies too: for the part of the journal that may hold a torn write.
    Verified,
}

/// A record found by a scan.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) location: Location,
    pub(crate) record: Record,
}

/// A stretch of the journal that holds no readable record though records follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedRange {
    /// First position that does not read.
    pub from: u64,
    /// Position of the next record.
    pub to: u64,
}

/// What a scan over one segment saw.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// The position after the last record.
    pub(crate) end: u64,
    pub(crate) damaged: Vec<DamagedRange>,
}

/// Calls `each` for every record of `segment` from position `from` on.
pub(crate) fn scan_segment(
    segment: &Segment,
    from: u64,
    bodies: Bodies,
    each: &mut dyn FnMut(Found) -> Result<(), StorageError>,
) -> Result<Scanned, StorageError> {
    let limit = segment.base + segment.file_len()?;
    let mut scanned = Scanned { end: from, damaged: Vec::new() };
    let mut at = from;
    while at < limit {
        match read_record(segment, at, limit, bodies)? {
            Some((found, next)) => {
                each(found)?;
                at = next;
                scanned.end = next;
            }
            None => match next_record(segment, at + 1, limit)? {
                Some(next) => {
                    scanned.damaged.push(DamagedRange { from: at, to: next });
                    at = next;
                }
                None => break,
            },
        }
    }
    Ok(scanned)
}

/// The record at `lsn` and the position after it, or `None` if there is no whole record.
fn read_record(
    segment: &Segment,
    lsn: u64,
    limit: u64,
    bodies: Bodies,
) -> Result<Option<(Found, u64)>, StorageError> {
    let Some((header, meta)) = read_head(segment, lsn, limit)? else { return Ok(None) };
    if bodies == Bodies::Verified && read_body(segment, &header)?.is_none() {
        return Ok(None);
    }
    let Ok(record) = Record::decode(&meta) else { return Ok(None) };
    let len = u32::try_from(header.record_len()).unwrap_or(u32::MAX);
    Ok(Some((Found { location: Location { lsn, len }, record }, lsn + header.record_len())))
}

/// Header and meta block at `lsn`, if they are whole and the record ends by `limit`.
fn read_head(segment: &Segment, lsn: u64, limit: u64) -> Result<Option<(Header, Vec<u8>)>, StorageError> {
    let mut bytes = [0; HEADER_LEN];
    if !segment.read_exact_at(&mut bytes, lsn)? {
        return Ok(None);
    }
    let Some(header) = Header::parse(&bytes, lsn) else { return Ok(None) };
    if lsn + header.record_len() > limit {
        return Ok(None);
    }
    let mut meta = vec![0; header.meta_len as usize];
    let whole = segment.read_exact_at(&mut meta, lsn + HEADER_LEN as u64)? && header.matches(&meta);
    Ok(whole.then_some((header, meta)))
}

/// The body of the record with this header, if it is whole.
fn read_body(segment: &Segment, header: &Header) -> Result<Option<Vec<u8>>, StorageError> {
    let mut body = vec![0; header.body_len as usize];
    let at = header.lsn + HEADER_LEN as u64 + u64::from(header.meta_len);
    let whole = segment.read_exact_at(&mut body, at)? && crc32fast::hash(&body) == header.body_crc;
    Ok(whole.then_some(body))
}

/// The position of the next whole record at or after `from`.
fn next_record(segment: &Segment, from: u64, limit: u64) -> Result<Option<u64>, StorageError> {
    let limit = limit.min(from.saturating_add(RESYNC_LIMIT));
    let mut chunk_at = from;
    while chunk_at + (HEADER_LEN as u64) <= limit {
        let len = usize::try_from(limit - chunk_at).unwrap_or(RESYNC_CHUNK).min(RESYNC_CHUNK);
        let mut chunk = vec![0; len];
        if !segment.read_exact_at(&mut chunk, chunk_at)? {
            return Ok(None);
        }
        for offset in memchr::memmem::find_iter(&chunk, MAGIC) {
            let at = chunk_at + offset as u64;
            if read_head(segment, at, limit)?.is_some() {
                return Ok(Some(at));
            }
        }
        // Overlap by three octets, so that a magic across two chunks is seen.
        chunk_at += (len as u64).saturating_sub(3).max(1);
    }
    Ok(None)
}

/// Reads one message back: record and content.
///
/// # Errors
/// [`StorageError::Missing`] when the segment is gone (the message was copied forward or settled) or the
/// record does not read; the caller tells damage from relocation by asking the queue.
pub(crate) fn load(segments: &Segments, location: Location) -> Result<(Record, LoadedBody), StorageError> {
    let missing = StorageError::Missing { lsn: location.lsn };
    let bytes = Bytes::from(raw(segments, location)?);
    let header = bytes
        .first_chunk::<HEADER_LEN>()
        .and_then(|head| Header::parse(head, location.lsn))
        .filter(|header| header.record_len() == bytes.len() as u64)
        .ok_or_else(|| missing.clone())?;
    let meta = bytes.slice(HEADER_LEN..HEADER_LEN + header.meta_len as usize);
    if !header.matches(&meta) {
        return Err(missing);
    }
    let content = bytes.slice(HEADER_LEN + header.meta_len as usize..);
    let body = if crc32fast::hash(&content) == header.body_crc {
        LoadedBody::Whole(content)
    } else {
        LoadedBody::Damaged(content)
    };
    Ok((Record::decode(&meta)?, body))
}

/// The octets of a record, whatever they are.
///
/// # Errors
/// [`StorageError::Missing`] when the segment is gone or ends before.
pub(crate) fn raw(segments: &Segments, location: Location) -> Result<Vec<u8>, StorageError> {
    let missing = StorageError::Missing { lsn: location.lsn };
    let segment: Arc<Segment> = segments.containing(location.lsn).ok_or_else(|| missing.clone())?;
    let mut bytes = vec![0; location.len as usize];
    if segment.read_exact_at(&mut bytes, location.lsn)? { Ok(bytes) } else { Err(missing) }
}

/// A body as it was found on disk.
#[derive(Debug)]
pub(crate) enum LoadedBody {
    /// Matches its checksum.
    Whole(Bytes),
    /// Does not.
    Damaged(Bytes),
}
