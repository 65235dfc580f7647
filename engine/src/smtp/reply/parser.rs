//! From a peer's bytes to [`Reply`] values, incrementally and with hard bounds.
//!
//! Tolerant where real servers are sloppy: a bare LF ends a line, the text and the space before it may be
//! missing, text that is not UTF-8 becomes lossy. Strict where it protects: a line that does not begin with
//! a code, a code that changes inside one reply, and anything beyond the limits is an error, after which the
//! connection has no meaning left. A long reply is still a reply: were it an error, a talkative server would get
//! each message again and again, since what it said to the final dot would never be known. So the text of a reply
//! is kept up to a bound, and read far beyond it.

use super::{EnhancedCode, Reply, SmtpCode, clean_line, printable};

/// Longest line of a reply in bytes, without its line end. RFC 5321 section 4.5.3.1.5 allows 512; servers
/// that put URLs and tickets in their texts send more.
pub const MAX_LINE: usize = 4_096;
/// Longest reply that is read, in bytes, line ends included.
pub const MAX_READ: usize = 1024 * 1024;
/// Most that is kept of a reply, in bytes, line ends included: its first lines.
pub const MAX_REPLY: usize = 64 * 1024;
/// Most lines of one reply that are kept.
pub const MAX_LINES: usize = 512;

/// Longest excerpt of a peer's line kept in an error, in characters.
const MAX_EXCERPT: usize = 80;

/// Bytes that are not an SMTP reply; the connection they came from is of no more use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line beyond [`MAX_LINE`].
    #[error("a line of the reply is longer than {MAX_LINE} bytes")]
    LineTooLong,
    /// A reply beyond [`MAX_READ`].
    #[error("the reply is longer than {MAX_READ} bytes")]
    ReplyTooLong,
    /// The lines of one reply have different codes (RFC 5321 section 4.2.1 forbids it).
    #[error("the code changes from {first} to {then} within one reply")]
    CodeChanged {
        /// Code of the first line.
        first: SmtpCode,
        /// Code of the line that differs.
        then: SmtpCode,
    },
    /// A line that does not begin with a code and a space, a hyphen or the end of the line.
    #[error("not an SMTP reply: {excerpt:?}")]
    NotAReply {
        /// The first characters of the line, escaped.
        excerpt: String,
    },
}

/// The incremental parser: [`feed`](Self::feed) it bytes, take replies with [`next_reply`](Self::next_reply);
/// what is left of the bytes stays for later.
#[derive(Debug, Default)]
pub struct ReplyParser {
    buffer: Vec<u8>,
    /// Bytes of `buffer` already taken as lines.
    consumed: usize,
    /// Bytes after `consumed` known to hold no line end, so that byte-wise feeding stays linear.
    scanned: usize,
    partial: Partial,
}

/// The lines so far of a reply whose last line has not come.
#[derive(Debug, Default)]
struct Partial {
    code: Option<SmtpCode>,
    lines: Vec<String>,
    bytes: usize,
}

impl ReplyParser {
    /// Takes bytes of the peer in. The caller reads replies between feeds; then at most one incomplete line
    /// and one incomplete reply are held.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.consumed > 0 {
            self.buffer.drain(..self.consumed);
            self.consumed = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete reply, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`ReplyError`] for bytes that are not a reply; each further call gives the same error.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, ReplyError> {
        while let Some(end) = self.find_line_end()? {
            let line = self.buffer.get(self.consumed..end).unwrap_or_default();
            let (code, position, text) = parse_line(line)?;
            self.partial.push(code, text, line.len() + 1)?;
            self.consumed = end + 1;
            self.scanned = 0;
            if position == Position::Last {
                return Ok(Some(std::mem::take(&mut self.partial).finish(code)));
            }
        }
        Ok(None)
    }

    /// Whether bytes or lines of a reply not yet taken are held.
    pub fn has_leftovers(&self) -> bool {
        self.consumed < self.buffer.len() || self.partial.code.is_some()
    }

    /// Drops everything held, as the switch to TLS demands (RFC 3207 section 6).
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Position of the LF that ends the next line, if it has come within the bound on lines.
    fn find_line_end(&mut self) -> Result<Option<usize>, ReplyError> {
        let unseen = self.consumed + self.scanned;
        let found = memchr::memchr(b'\n', self.buffer.get(unseen..).unwrap_or_default());
        let end = found.map_or(self.buffer.len(), |offset| unseen + offset);
        // One byte more for the CR that may stand before the LF.
        if end - self.consumed > MAX_LINE + 1 {
            return Err(ReplyError::LineTooLong);
        }
        if found.is_none() {
            self.scanned = end - self.consumed;
        }
        Ok(found.map(|_| end))
    }
}

impl Partial {
    /// Adds one line of `bytes` bytes, its line end included.
    fn push(&mut self, code: SmtpCode, text: String, bytes: usize) -> Result<(), ReplyError> {
        let first = *self.code.get_or_insert(code);
        if first != code {
            return Err(ReplyError::CodeChanged { first, then: code });
        }
        self.bytes += bytes;
        if self.bytes > MAX_READ {
            return Err(ReplyError::ReplyTooLong);
        }
        if self.bytes <= MAX_REPLY && self.lines.len() < MAX_LINES {
            self.lines.push(text);
        }
        Ok(())
    }

    /// Makes the reply, moving the enhanced code from the text of the lines to its own field.
    ///
    /// It is trusted only when well-formed and of the class of `code` (RFC 2034 section 4); otherwise it
    /// stays text.
    fn finish(self, code: SmtpCode) -> Reply {
        let mut lines = self.lines;
        let enhanced = lines.first().and_then(|line| leading_enhanced_code(line));
        let enhanced = enhanced.filter(|enhanced| enhanced.agrees_with(code));
        if let Some(enhanced) = enhanced {
            for line in &mut lines {
                if leading_enhanced_code(line) == Some(enhanced) {
                    *line = line.split_once(' ').map_or_else(String::new, |(_, text)| text.to_owned());
                }
            }
        }
        Reply { code, enhanced, lines }
    }
}

/// The enhanced code that is the first word of `line`.
fn leading_enhanced_code(line: &str) -> Option<EnhancedCode> {
    line.split(' ').next()?.parse().ok()
}

/// Where in its reply a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    More,
    Last,
}

/// Splits one line, without its LF, into code, position and text.
fn parse_line(line: &[u8]) -> Result<(SmtpCode, Position, String), ReplyError> {
    let text = String::from_utf8_lossy(line);
    let text = clean_line(&text);
    parse_clean_line(&text)
        .map(|(code, position, rest)| (code, position, rest.to_owned()))
        .ok_or_else(|| ReplyError::NotAReply { excerpt: printable(&text, MAX_EXCERPT) })
}

/// Reads `digits [separator text]`; the first three bytes are digits before any slice is taken at them.
fn parse_clean_line(line: &str) -> Option<(SmtpCode, Position, &str)> {
    let digits = line.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let code = SmtpCode::new(digits.parse().ok()?)?;
    let rest = line.get(3..)?;
    if rest.is_empty() {
        return Some((code, Position::Last, rest));
    }
    if let Some(text) = rest.strip_prefix('-') {
        return Some((code, Position::More, text));
    }
    rest.strip_prefix(' ').map(|text| (code, Position::Last, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All replies in `bytes`, fed at once.
    fn parse(bytes: &[u8]) -> Result<Vec<Reply>, ReplyError> {
        parse_in(bytes, bytes.len().max(1))
    }

    /// All replies in `bytes`, fed in pieces of `size` bytes.
    fn parse_in(bytes: &[u8], size: usize) -> Result<Vec<Reply>, ReplyError> {
        let (mut parser, mut replies) = (ReplyParser::default(), Vec::new());
        for piece in bytes.chunks(size) {
            parser.feed(piece);
            while let Some(reply) = parser.next_reply()? {
                replies.push(reply);
            }
        }
        Ok(replies)
    }

    fn code(number: u16) -> SmtpCode {
        SmtpCode::new(number).unwrap()
    }

    #[test]
    fn tolerates_sloppy_servers() {
        let cases: [(&[u8], u16, &str); 7] = [
            (b"250 ok\r\n", 250, "ok"),
            (b"250 ok\n", 250, "ok"),
            (b"250\r\n", 250, ""),
            (b"250 \r\n", 250, ""),
            (b"220 caf\xe9\r\n", 220, "caf\u{fffd}"),
            (b"250 a\rb\r\n", 250, "a b"),
            (b"421  two spaces\r\n", 421, " two spaces"),
        ];
        for (bytes, number, text) in cases {
            assert_eq!(parse(bytes), Ok(vec![Reply::new(code(number), None, text)]), "{bytes:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_reply() {
        let cases: [&[u8]; 8] = [
            b"\r\n",
            b"25\r\n",
            b"2500 ok\r\n",
            b"250ok\r\n",
            b"199 early\r\n",
            b"600 late\r\n",
            b"HTTP/1.1 400\r\n",
            b"25\xc3\xa9 x\r\n",
        ];
        for bytes in cases {
            assert!(matches!(parse(bytes), Err(ReplyError::NotAReply { .. })), "{bytes:?}");
        }
    }

    #[test]
    fn joins_lines_and_takes_the_enhanced_code_out_of_each() {
        let replies = parse(b"550-5.1.1 no such user\r\n550-see\r\n550 5.1.1\r\n").unwrap();
        let expected = Reply::new(
            SmtpCode::MAILBOX_UNAVAILABLE,
            Some(EnhancedCode::new(5, 1, 1)),
            "no such user\nsee\n",
        );
        assert_eq!(replies, [expected]);
    }

    #[test]
    fn distrusts_enhanced_codes_of_another_class_or_form() {
        for text in ["4.7.1 later", "2.0.0.1 x", "5.7 x", "5.7.1x"] {
            let replies = parse(format!("550 {text}\r\n").as_bytes()).unwrap();
            assert_eq!(replies, [Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, None, text)]);
        }
    }

    #[test]
    fn a_changed_code_is_an_error_and_stays_one() {
        let mut parser = ReplyParser::default();
        parser.feed(b"250-a\r\n550 b\r\n250 c\r\n");
        let error = ReplyError::CodeChanged { first: code(250), then: code(550) };
        assert_eq!(parser.next_reply(), Err(error.clone()));
        assert_eq!(parser.next_reply(), Err(error));
    }

    #[test]
    fn bounds_the_line_with_and_without_its_end() {
        let text = "x".repeat(MAX_LINE - 4);
        assert_eq!(parse(format!("250 {text}\r\n").as_bytes()).map(|replies| replies.len()), Ok(1));
        assert_eq!(parse(format!("250 {text}xx\r\n").as_bytes()), Err(ReplyError::LineTooLong));
        assert_eq!(parse(format!("250 {text}xx").as_bytes()), Err(ReplyError::LineTooLong));
        assert_eq!(parse_in(&vec![b'2'; 100_000], 1), Err(ReplyError::LineTooLong));
    }

    #[test]
    fn keeps_so_many_lines_and_reads_the_others() {
        let line = "250-x\r\n";
        for lines in [MAX_LINES - 1, MAX_LINES, 10 * MAX_LINES] {
            let replies = parse(format!("{}250 x\r\n250 next\r\n", line.repeat(lines)).as_bytes()).unwrap();
            let kept = replies.iter().map(|reply| reply.lines().len()).collect::<Vec<_>>();
            assert_eq!(kept, [MAX_LINES.min(lines + 1), 1], "{lines}");
        }
    }

    #[test]
    fn keeps_so_many_bytes_reads_the_others_and_bounds_them() {
        let line = format!("250-{}\r\n", "x".repeat(1_018));
        let parse_after =
            |lines: usize| parse_in(format!("{}250 x\r\n", line.repeat(lines)).as_bytes(), 4_096);
        assert_eq!(line.len() * 64, MAX_REPLY);
        for lines in [64, 100, MAX_READ / line.len() - 1] {
            let replies = parse_after(lines).unwrap();
            assert_eq!((replies.len(), replies[0].code(), replies[0].lines().len()), (1, SmtpCode::OK, 64));
        }
        assert_eq!(parse_after(MAX_READ / line.len()), Err(ReplyError::ReplyTooLong));
    }

    #[test]
    fn leftovers_are_seen_and_cleared() {
        let mut parser = ReplyParser::default();
        parser.feed(b"220 go\r\n250-in");
        assert!(parser.next_reply().unwrap().is_some());
        assert!(parser.has_leftovers());
        parser.clear();
        assert!(!parser.has_leftovers());
        parser.feed(b"250 clean\r\n");
        assert_eq!(parser.next_reply(), Ok(Some(Reply::new(SmtpCode::OK, None, "clean"))));
        assert!(!parser.has_leftovers());
    }

    fn any_reply() -> impl Strategy<Value = Reply> {
        let enhanced = prop::option::of((0_u16..=999, 0_u16..=999));
        (200_u16..=599, enhanced, "[ -~é\n]{0,60}").prop_map(|(number, enhanced, text)| {
            let class = (number / 100).to_le_bytes()[0];
            let enhanced = enhanced.filter(|_| class != 3).map(|(a, b)| EnhancedCode::new(class, a, b));
            Reply::new(code(number), enhanced, text)
        })
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes_however_it_is_cut(
            replies in prop::collection::vec(any_reply(), 1..5), size in 1_usize..20
        ) {
            // A text that itself begins like an enhanced code is ambiguous on the wire.
            prop_assume!(replies.iter().flat_map(Reply::lines).all(|line| leading_enhanced_code(line).is_none()));
            let mut wire = Vec::new();
            replies.iter().for_each(|reply| reply.write_to(&mut wire));
            prop_assert_eq!(parse_in(&wire, size), Ok(replies));
        }

        #[test]
        fn never_panics_and_does_not_depend_on_the_cuts(
            bytes in prop::collection::vec(prop::sample::select(&b"250-4\r\n .x\xff"[..]), 0..200), size in 1_usize..20
        ) {
            prop_assert_eq!(parse_in(&bytes, size), parse(&bytes));
        }
    }
}
