//! One DNS question over UDP and what the header of its answer says, which is enough to tell whether a
//! server is up and what a resolver thinks of a name.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// The type of an SOA record (RFC 1035 section 3.2.2).
pub(crate) const SOA: u16 = 6;

/// The header of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The response code: 0 no error, 2 SERVFAIL, 3 no such name.
    pub code: u8,
    /// Whether the resolver has verified the data (AD, RFC 4035 section 3.2.3).
    pub authentic: bool,
    /// How many records it has.
    pub records: u16,
}

/// Asks `server` for the records of type `kind` of `name`; `None` if nobody listens or no
/// answer comes in time.
pub(crate) fn ask(server: SocketAddr, name: &str, kind: u16) -> Option<Answer> {
    let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    // Connected, so that a port where nobody listens is told at once.
    socket.connect(server).ok()?;
    socket.send(&query(name, kind)?).ok()?;
    let mut answer = [0; 4096];
    let length = socket.recv(&mut answer).ok()?;
    let [_, _, _, flags, _, _, high, low, ..] = *answer.get(..length)? else { return None };
    Some(Answer {
        code: flags & 0x0f,
        authentic: flags & 0x20 != 0,
        records: u16::from_be_bytes([high, low]),
    })
}

/// Writes a query (RFC 1035 section 4.1): identifier 1, recursion desired, AD set, which asks for it in the
/// answer (RFC 6840 section 5.7), one question of class IN.
fn query(name: &str, kind: u16) -> Option<Vec<u8>> {
    let mut query = b"\0\x01\x01\x20\0\x01\0\0\0\0\0\0".to_vec();
    for label in name.trim_end_matches('.').split('.') {
        query.push(u8::try_from(label.len()).ok()?);
        query.extend_from_slice(label.as_bytes());
    }
    query.push(0);
    query.extend_from_slice(&kind.to_be_bytes());
    query.extend_from_slice(&[0, 1]);
    Some(query)
}
