//! Where refusals are explained: the address of a page at the end of each, with its enhanced code as the anchor.

use super::session::ServerSession;
use crate::smtp::reply::{EnhancedCode, Reply};

/// Longest line of a reply in octets, with its CRLF (RFC 5321 section 4.5.3.1.5).
const MAX_REPLY_LINE: usize = 512;

impl ServerSession {
    /// Appends a reply of our own, which is whole lines.
    pub(super) fn say(&self, reply: &str, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(reply.as_bytes());
        explain(out, start, self.config.help_url.as_deref());
    }

    /// Appends a reply of the caller's.
    pub(super) fn pass_on(&self, reply: &Reply, out: &mut Vec<u8>) {
        let start = out.len();
        reply.write_to(out);
        explain(out, start, self.config.help_url.as_deref());
    }

    /// Appends the reply that the caller chose, or else the usual one.
    pub(super) fn say_or(&self, chosen: Option<&Reply>, usual: &str, out: &mut Vec<u8>) {
        match chosen {
            Some(reply) => self.pass_on(reply, out),
            None => self.say(usual, out),
        }
    }
}

/// Puts the address of its explanation at the end of the reply that `out` ends with, from `start` on, if it refuses and
/// has an enhanced code; on a line of its own where the last one is full.
fn explain(out: &mut Vec<u8>, start: usize, help_url: Option<&str>) {
    let Some(url) = help_url else { return };
    let reply = out.get(start..).unwrap_or_default();
    let Some(status) = status_of_refusal(reply) else { return };
    let reply = reply.strip_suffix(b"\r\n").unwrap_or(reply);
    let last = reply.iter().rposition(|&octet| octet == b'\n').map_or(0, |at| at + 1);
    let (length, code) = (reply.len() - last, reply.get(last..last + 3).unwrap_or_default().to_vec());
    let explanation = format!(" {url}{status}\r\n");
    out.truncate(out.len().saturating_sub(2));
    if length + explanation.len() > MAX_REPLY_LINE {
        if let Some(separator) = out.get_mut(start + last + 3) {
            *separator = b'-';
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&code);
        out.extend_from_slice(format!(" {status}").as_bytes());
    }
    out.extend_from_slice(explanation.as_bytes());
}

/// The enhanced code of a 4yz or 5yz reply.
fn status_of_refusal(reply: &[u8]) -> Option<EnhancedCode> {
    let (code, rest) = reply.split_at_checked(4)?;
    if !code.starts_with(b"4") && !code.starts_with(b"5") {
        return None;
    }
    let word = rest.split(u8::is_ascii_whitespace).next()?;
    str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: Option<&str> = Some("https://mx.example/postmaster#");

    fn explained(reply: &str, url: Option<&str>) -> String {
        let mut out = b"250 2.0.0 Ok\r\n".to_vec();
        let start = out.len();
        out.extend_from_slice(reply.as_bytes());
        explain(&mut out, start, url);
        String::from_utf8(out).unwrap().strip_prefix("250 2.0.0 Ok\r\n").unwrap().to_owned()
    }

    #[test]
    fn refusals_alone_say_where_they_are_explained() {
        let cases = [
            ("550 5.1.1 no\r\n", "550 5.1.1 no https://mx.example/postmaster#5.1.1\r\n"),
            (
                "550-5.7.1 no\r\n550 5.7.1 never\r\n",
                "550-5.7.1 no\r\n550 5.7.1 never https://mx.example/postmaster#5.7.1\r\n",
            ),
            ("421 4.7.0\r\n", "421 4.7.0 https://mx.example/postmaster#4.7.0\r\n"),
        ];
        for (reply, expected) in cases {
            assert_eq!(explained(reply, URL), expected);
            assert_eq!(explained(reply, None), reply);
        }
        for reply in ["250 2.1.5 Ok\r\n", "354 go on\r\n", "550 no code\r\n", "220 mx.example\r\n"] {
            assert_eq!(explained(reply, URL), reply);
        }
    }

    #[test]
    fn no_line_of_a_reply_grows_too_long() {
        for room in 0..80 {
            let reply = format!("550 5.7.1 {}\r\n", "x".repeat(500 - room));
            let explained = explained(&reply, URL);
            assert!(explained.split_inclusive("\r\n").all(|line| line.len() <= 512), "{room}");
            assert!(explained.ends_with(" https://mx.example/postmaster#5.7.1\r\n"), "{explained}");
            let codes: Vec<_> = explained.lines().map(|line| line.split_at(4).0).collect();
            assert!(codes == ["550 "] || codes == ["550-", "550 "], "{codes:?}");
        }
    }
}
