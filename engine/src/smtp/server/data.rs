//! The content after DATA: finding its end and undoing the dot-stuffing (RFC 5321 section 4.5.2).

use super::{
    content::{ContentFault, ContentSink},
    input::{Progress, take},
};
use memchr::memmem;

/// Where in a line the next octet stands. Only CRLF begins a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// At the first octet of a line.
    LineStart,
    /// Behind a dot that began a line; the dot is held back.
    AfterDot,
    /// Behind a dot that began a line and a CR; both are held back.
    AfterDotCr,
    /// Behind a CR elsewhere.
    AfterCr,
    /// Anywhere else.
    InLine,
}

/// Decodes the content of DATA up to and including CRLF `.` CRLF, or `.` CRLF at the very beginning.
#[derive(Debug)]
pub(super) struct DataDecoder {
    position: Position,
    sink: ContentSink,
}

impl DataDecoder {
    /// A decoder at the beginning of a message, which fills `sink`.
    pub(super) fn new(sink: ContentSink) -> Self {
        Self { position: Position::LineStart, sink }
    }

    /// Takes content off `input`, up to the end of the message if it is there.
    ///
    /// The few octets around a line's beginning are stepped through; all else is searched and copied in runs.
    pub(super) fn feed(&mut self, input: &mut &[u8]) -> Progress {
        while let Some(&octet) = input.first() {
            self.position = match (self.position, octet) {
                (Position::LineStart, b'.') => advance(input, Position::AfterDot),
                (Position::AfterDot, b'\r') => advance(input, Position::AfterDotCr),
                (Position::AfterDotCr, b'\n') => {
                    take(input, 1);
                    return Progress::Complete;
                }
                // The CR was the line's own; the octet at hand is looked at again behind it.
                (Position::AfterDotCr, _) => {
                    self.sink.push(b"\r");
                    Position::AfterCr
                }
                (Position::AfterCr, b'\n') => {
                    self.sink.push(b"\n");
                    advance(input, Position::LineStart)
                }
                _ => self.run(input),
            };
        }
        Progress::More
    }

    /// The content; for a whole message it is empty or ends in CRLF.
    pub(super) fn finish(self) -> Result<Vec<u8>, ContentFault> {
        self.sink.finish()
    }

    /// Takes everything up to the next line that begins with a dot, and the dot.
    fn run(&mut self, input: &mut &[u8]) -> Position {
        if let Some(at) = memmem::find(input, b"\r\n.") {
            self.sink.push(take(input, at + 2));
            return advance(input, Position::AfterDot);
        }
        let rest = take(input, usize::MAX);
        self.sink.push(rest);
        match rest {
            [.., b'\r', b'\n'] => Position::LineStart,
            [.., b'\r'] => Position::AfterCr,
            _ => Position::InLine,
        }
    }
}

fn advance(input: &mut &[u8], position: Position) -> Position {
    take(input, 1);
    position
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a decoder makes of `reads`: the content, if it ended, and what followed it.
    type Outcome = Option<(Result<Vec<u8>, ContentFault>, Vec<u8>)>;

    fn decode<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
        let mut decoder = DataDecoder::new(ContentSink::new(1 << 20, None));
        let mut reads = reads.into_iter();
        while let Some(mut read) = reads.next() {
            if decoder.feed(&mut read) == Progress::Complete {
                let rest = [read].into_iter().chain(reads).flatten().copied().collect();
                return Some((decoder.finish(), rest));
            }
            assert!(read.is_empty(), "left input behind");
        }
        None
    }

    /// The same by the letter of RFC 5321, slowly.
    fn by_the_letter(input: &[u8]) -> Outcome {
        let text = [b"\r\n", input].concat();
        let end = memmem::find(&text, b"\r\n.\r\n")?;
        let raw = &text[2..end + 2];
        let rest = text[end + 5..].to_vec();
        let mut content = Vec::new();
        for (at, &octet) in raw.iter().enumerate() {
            let stuffed = octet == b'.' && text[at..at + 2] == *b"\r\n";
            if !stuffed {
                content.push(octet);
            }
        }
        let bare = |(at, &octet): (usize, &u8)| match octet {
            b'\n' => at == 0 || raw[at - 1] != b'\r',
            b'\r' => raw.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let dirty = raw.iter().enumerate().any(bare);
        Some((if dirty { Err(ContentFault::BareLineBreak) } else { Ok(content) }, rest))
    }

    fn octets(alphabet: &'static [u8], most: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(proptest::sample::select(alphabet), 0..most)
    }

    #[test]
    fn undoes_dot_stuffing() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b".\r\n", b""),
            (b"\r\n.\r\n", b"\r\n"),
            (b"a\r\n..\r\nb\r\n.\r\n", b"a\r\n.\r\nb\r\n"),
            (b"..a\r\n.b\r\n.\r\n", b".a\r\nb\r\n"),
            (b"a.\r\n...\r\n.\r\n", b"a.\r\n..\r\n"),
            (b"a\r\n\r\n.\r\n", b"a\r\n\r\n"),
        ];
        for (wire, content) in cases {
            assert_eq!(decode([wire]), Some((Ok(content.to_vec()), Vec::new())), "{wire:?}");
        }
    }

    #[test]
    fn leaves_what_follows_the_end_to_the_commands() {
        assert_eq!(decode([&b"a\r\n.\r\nQUIT\r\n"[..]]), Some((Ok(b"a\r\n".to_vec()), b"QUIT\r\n".to_vec())));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn agrees_with_the_letter_of_the_rfc_octet_by_octet_and_whole(input in octets(b"\r\n..\r\na", 40)) {
            let expected = by_the_letter(&input);
            prop_assert_eq!(&decode([&input[..]]), &expected);
            prop_assert_eq!(&decode(input.chunks(1)), &expected);
        }

        #[test]
        fn reads_back_what_was_stuffed(
            lines in proptest::collection::vec(octets(b"..a", 5), 0..6),
            size in 1..9_usize,
        ) {
            let mut content = Vec::new();
            let mut wire = Vec::new();
            for line in lines {
                content.extend([&line[..], b"\r\n"].concat());
                let stuffing: &[u8] = if line.starts_with(b".") { b"." } else { b"" };
                wire.extend([stuffing, &line, b"\r\n"].concat());
            }
            wire.extend(b".\r\nNOOP\r\n");
            prop_assert_eq!(decode(wire.chunks(size)), Some((Ok(content), b"NOOP\r\n".to_vec())));
        }
    }
}
