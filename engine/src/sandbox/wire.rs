//! How the octets of a session travel, whatever they say.

use super::event::Stage;
use std::time::Duration;

/// Text octets on each line of padding, so that a line stays within the 512 of RFC 5321 section 4.5.3.1.5.
const LINE: usize = 500;

/// Where a receiver stops reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopReading {
    /// After so many octets of a message.
    pub after: usize,
    /// How long it stays connected and deaf before it hangs up.
    pub pause: Duration,
}

/// How a receiver reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wire {
    /// Every octet is written on its own, with this pause after it; `None` writes as fast as the client reads.
    pub octet_interval: Option<Duration>,
    /// Where it stops reading.
    pub stop_reading: Option<StopReading>,
    /// Which reply is made so many octets long.
    pub huge: Option<(Stage, usize)>,
}

impl Wire {
    /// Whether [`pad`](Self::pad) does something to the reply of this stage.
    pub fn pads(&self, stage: Stage) -> bool {
        self.huge.is_some_and(|(huge, _)| huge == stage)
    }

    /// Makes `reply`, one whole reply to `stage`, as long as it is to be by putting lines before it.
    pub fn pad(&self, stage: Stage, reply: &mut Vec<u8>) {
        let Some((_, size)) = self.huge.filter(|(huge, _)| *huge == stage) else { return };
        let Some(code) = reply.first_chunk::<3>().copied() else { return };
        let mut padded = Vec::with_capacity(size + LINE);
        while padded.len() + reply.len() < size {
            padded.extend_from_slice(&code);
            padded.push(b'-');
            padded.extend(std::iter::repeat_n(b'x', LINE));
            padded.extend_from_slice(b"\r\n");
        }
        padded.append(reply);
        *reply = padded;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::reply::ReplyParser;

    #[test]
    fn a_huge_reply_is_one_reply() {
        let wire = Wire { huge: Some((Stage::Dot, 10_000)), ..Wire::default() };
        let mut reply = b"250-2.0.0 kept\r\n250 2.0.0 as 1\r\n".to_vec();
        wire.pad(Stage::Dot, &mut reply);
        assert!((10_000..10_600).contains(&reply.len()), "{}", reply.len());
        let mut parser = ReplyParser::default();
        parser.feed(&reply);
        let parsed = parser.next_reply().unwrap().unwrap();
        assert_eq!((parsed.code().as_u16(), parser.has_leftovers()), (250, false));
        assert_eq!(parsed.lines().last().map(String::as_str), Some("2.0.0 as 1"));
    }

    #[test]
    fn other_replies_stay_as_they_are() {
        let wire = Wire { huge: Some((Stage::Dot, 10_000)), ..Wire::default() };
        let mut reply = b"250 ok\r\n".to_vec();
        wire.pad(Stage::Mail, &mut reply);
        assert_eq!((reply.as_slice(), wire.pads(Stage::Mail)), (&b"250 ok\r\n"[..], false));
    }
}
