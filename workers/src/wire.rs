//! How a process and its host talk: HTTP over Unix sockets in its run folder.
//!
//! On the host's socket every request has the header field [`BINDING`], which workerd sets and no user's code can: the
//! index of a binding in the version's list, [`DESK`] for what our entry module asks on behalf of a message, or
//! [`TAIL`] for what our tail worker tells.
//!
//! | who | request | body | answer |
//! |---|---|---|---|
//! | [`DESK`] | `POST /may-forward`, [`EVENT`] | the address | `{}` or `{"error":{"code"?,"message"}}`, always 200 |
//! | [`DESK`] | `POST /reply`, [`EVENT`] | [a frame](split_frame) of `{"from","to"}` and the message | the same |
//! | [`TAIL`] | `POST /` | what [`TraceSink::traces`] takes, at most [`TRACES_MAX`] octets | 204 |

/// The header field that says on whose behalf a process asks.
pub const BINDING: &str = "mw-binding";
/// The value of [`BINDING`] of the entry module.
pub const DESK: &str = "desk";
/// The value of [`BINDING`] of the tail worker.
pub const TAIL: &str = "tail";
/// The header field with the token of the message that it is about ([`Ticket::token`](crate::Ticket::token)).
pub const EVENT: &str = "mw-event";
/// Most octets of a post of the tail worker.
pub const TRACES_MAX: usize = 4 * 1024 * 1024;

/// Who takes what the tail worker tells.
pub trait TraceSink: Send + Sync {
    /// Takes one post: JSON, hostile like all that comes out of a process. It never blocks.
    fn traces(&self, body: &[u8]);
}

/// The two parts of a frame: a head, whose length in octets stands before it as four octets, the first the highest,
/// and what follows it. `None` if the length is not true.
pub fn split_frame(frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = frame.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_falls_into_head_and_rest() {
        assert_eq!(split_frame(b"\0\0\0\x02{}raw"), Some((b"{}".as_slice(), b"raw".as_slice())));
        assert_eq!(split_frame(b"\0\0\0\x02{}"), Some((b"{}".as_slice(), b"".as_slice())));
        for bad in [b"".as_slice(), b"\0\0\0", b"\0\0\0\x03{}", b"\xff\xff\xff\xff{}"] {
            assert_eq!(split_frame(bad), None);
        }
    }
}
