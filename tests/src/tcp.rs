//! What a connection tells without being read.

use std::io::ErrorKind;
use std::net::TcpStream;

use crate::error::{Context, Result};

/// Says whether something to read, or the end of the connection, has arrived.
///
/// # Errors
/// [`crate::Error::Io`] if the connection has failed.
pub(crate) fn has_input(stream: &TcpStream) -> Result<bool> {
    stream.set_nonblocking(true).context("do not wait")?;
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false).context("wait again")?;
    match peeked {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        peeked => peeked.map(|_| true).context("look for an answer"),
    }
}
