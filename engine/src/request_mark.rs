//! What a message remembers of the request that it came by, where its client named that with a key
//! (draft-ietf-httpapi-idempotency-key-header): who asks again is given the same answer, and nothing is sent twice.

use crate::address::EmailAddress;
use serde::{Deserialize, Serialize};

/// A request of a client, by a hash of its account and of the key that it gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestKey([u8; 16]);

/// A hash of what a request asked for: the same key with another is no repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestDigest([u8; 16]);

impl RequestKey {
    /// The key with this hash.
    pub const fn new(hash: [u8; 16]) -> Self {
        Self(hash)
    }

    /// The hash.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl RequestDigest {
    /// The digest with this hash.
    pub const fn new(hash: [u8; 16]) -> Self {
        Self(hash)
    }

    /// The hash.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Which message of which request a message is, and what its answer needs beside the envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestMark {
    /// The request.
    pub key: RequestKey,
    /// What it asked for.
    pub digest: RequestDigest,
    /// The message's place in a batch; 0 of a request for one message.
    pub item: u16,
    /// Its Message-ID, without the angle brackets.
    pub message_id: String,
    /// Recipients that it does not go to, because they are suppressed.
    pub left_out: Vec<EmailAddress>,
}
