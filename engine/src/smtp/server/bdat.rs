//! The chunks of BDAT (RFC 3030): so many octets, taken as they are.

use super::{
    content::ContentSink,
    input::{Progress, take},
    transaction::Transaction,
};
use crate::smtp::reply::Reply;

/// Whether a chunk ends its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChunkPlace {
    /// More chunks follow.
    Inner,
    /// `LAST` was given.
    Last,
}

/// What a BDAT command announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkHeader {
    /// How many octets follow the command.
    pub(super) octets: u64,
    /// Whether they end the message.
    pub(super) place: ChunkPlace,
}

/// The octets of a chunk that were not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remaining(u64);

impl Remaining {
    /// Takes what `input` has of the chunk.
    fn take<'a>(&mut self, input: &mut &'a [u8]) -> &'a [u8] {
        let piece = take(input, usize::try_from(self.0).unwrap_or(usize::MAX));
        self.0 = self.0.saturating_sub(piece.len() as u64);
        piece
    }

    fn progress(self) -> Progress {
        if self.0 == 0 { Progress::Complete } else { Progress::More }
    }
}

/// Reads one chunk of a message that is being taken.
#[derive(Debug)]
pub(super) struct ChunkReader {
    /// The envelope the message belongs to.
    pub(super) transaction: Box<Transaction>,
    /// The content of this chunk and those before it.
    pub(super) sink: ContentSink,
    /// What BDAT announced.
    pub(super) header: ChunkHeader,
    remaining: Remaining,
}

impl ChunkReader {
    /// A reader for the chunk announced by `header`, adding to `sink`.
    pub(super) fn new(transaction: Box<Transaction>, sink: ContentSink, header: ChunkHeader) -> Self {
        Self { transaction, sink, header, remaining: Remaining(header.octets) }
    }

    /// Takes content off `input`, up to the end of the chunk.
    pub(super) fn feed(&mut self, input: &mut &[u8]) -> Progress {
        self.sink.push(self.remaining.take(input));
        self.remaining.progress()
    }
}

/// Why a chunk is swallowed.
#[derive(Debug)]
pub(super) enum SkipReason {
    /// BDAT was out of order.
    BadSequence,
    /// No recipient was accepted.
    NoRecipients,
    /// The caller refused the message.
    Refused(Reply),
}

/// Swallows a chunk whose command was refused; the answer comes after it (RFC 3030 section 2).
#[derive(Debug)]
pub(super) struct ChunkSkipper {
    /// What to answer.
    pub(super) reason: SkipReason,
    remaining: Remaining,
}

impl ChunkSkipper {
    /// A skipper for the chunk announced by `header`.
    pub(super) fn new(reason: SkipReason, header: ChunkHeader) -> Self {
        Self { reason, remaining: Remaining(header.octets) }
    }

    /// Drops what `input` has of the chunk.
    pub(super) fn feed(&mut self, input: &mut &[u8]) -> Progress {
        self.remaining.take(input);
        self.remaining.progress()
    }
}
