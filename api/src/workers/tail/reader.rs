//! What the reader of a tail says. Nothing of it matters but that it goes; yet it is read here and not by the library, since
//! the service's tool does not mask its frames (RFC 6455 section 5.3), on which the library ends the connection.

use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt;

/// Most octets of a frame.
const MAX_FRAME: usize = 64 << 10;
/// Opcodes (section 5.2).
const CLOSE: u8 = 8;
const PING: u8 = 9;

/// What a frame is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// To be answered with the same.
    Ping(Vec<u8>),
    /// The end.
    Close,
    /// Nothing that matters.
    Other,
}

/// The frames of a client.
pub(super) struct Reader {
    payload: Payload,
    buffer: BytesMut,
}

impl Reader {
    pub(super) fn new(payload: Payload) -> Self {
        Self { payload, buffer: BytesMut::new() }
    }

    /// What comes next; the end, too, if the connection ends or what comes is no frame.
    pub(super) async fn next(&mut self) -> Said {
        loop {
            match take_frame(&mut self.buffer) {
                Ok(Some(said)) => return said,
                Ok(None) => {}
                Err(TooLong) => return Said::Close,
            }
            match self.payload.next().await {
                Some(Ok(octets)) => self.buffer.extend_from_slice(&octets),
                Some(Err(_)) | None => return Said::Close,
            }
        }
    }
}

/// A frame is longer than anybody has reason for.
#[derive(Debug, PartialEq, Eq)]
struct TooLong;

/// Takes the first frame, if it is whole.
fn take_frame(buffer: &mut BytesMut) -> Result<Option<Said>, TooLong> {
    let (opcode, is_masked, short) = match buffer.as_ref() {
        [first, second, ..] => (first & 0x0f, second & 0x80 != 0, usize::from(second & 0x7f)),
        _ => return Ok(None),
    };
    let (length, mut head) = match (short, buffer.get(2..4)) {
        (127, _) => return Err(TooLong),
        (126, Some(&[high, low])) => (usize::from(u16::from_be_bytes([high, low])), 4),
        (126, _) => return Ok(None),
        (short, _) => (short, 2),
    };
    let mask = if is_masked { buffer.get(head..head + 4) } else { Some(&[0_u8; 4][..]) };
    let Some(mask) = mask.map(<[u8]>::to_vec) else { return Ok(None) };
    if is_masked {
        head += 4;
    }
    if head + length > MAX_FRAME {
        return Err(TooLong);
    }
    if buffer.len() < head + length {
        return Ok(None);
    }
    let frame = buffer.split_to(head + length);
    let content = frame.iter().skip(head).zip(mask.iter().cycle()).map(|(octet, mask)| octet ^ mask);
    Ok(Some(match opcode {
        CLOSE => Said::Close,
        PING => Said::Ping(content.collect()),
        _ => Said::Other,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames in `octets`, which come one by one.
    fn frames(octets: &[u8]) -> Vec<Result<Said, TooLong>> {
        let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
        for octet in octets {
            buffer.extend_from_slice(&[*octet]);
            found.extend(take_frame(&mut buffer).transpose());
        }
        found
    }

    #[test]
    fn frames_are_read_masked_or_not_however_they_are_cut() {
        let unmasked = b"\x81\x02{}";
        let ping = [0x89, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2];
        let mut long = vec![0x81, 126, 1, 0];
        long.extend([b'x'; 256]);
        let all = [&unmasked[..], &ping, &long, b"\x88\x00"].concat();
        let said = frames(&all);
        assert_eq!(said, [Ok(Said::Other), Ok(Said::Ping(b"hi".to_vec())), Ok(Said::Other), Ok(Said::Close)]);
    }

    #[test]
    fn frames_that_are_too_long_are_the_end() {
        assert_eq!(frames(&[0x81, 127]), [Err(TooLong)]);
        assert_eq!(frames(&[0x81, 126, 0xff, 0xff]).first(), Some(&Err(TooLong)));
    }
}
