//! Command lines out of a stream of reads.

use super::input::take;
use memchr::{memchr2, memmem};
use std::{borrow::Cow, mem};

/// A line that cannot be a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineError {
    /// Longer than the limit; it was swallowed to its CRLF.
    TooLong,
    /// It holds a CR or an LF that is not part of its CRLF (RFC 5321 section 2.3.8).
    BareLineBreak,
}

/// Whether the line being gathered is already over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Fits,
    Exceeded,
}

/// Cuts the input at each CRLF and at nothing else.
///
/// A line that lies whole in one read is not copied.
#[derive(Debug)]
pub(super) struct LineReader {
    /// The beginning of a line whose end was not read yet; of a line over the limit only the last octet.
    begun: Vec<u8>,
    length: Length,
    max: usize,
}

impl LineReader {
    /// A reader for lines of at most `max` octets with their CRLF.
    pub(super) fn new(max: usize) -> Self {
        Self { begun: Vec::new(), length: Length::Fits, max }
    }

    /// Takes the next line off `input`, without its CRLF; `None` when all input was taken and more is needed.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Result<Cow<'a, [u8]>, LineError>> {
        match self.end_of_line(input) {
            Some(end) => Some(self.finish(take(input, end))),
            None => {
                self.keep(take(input, usize::MAX));
                None
            }
        }
    }

    /// Sets how long the lines after the one last taken may be, in octets with their CRLF.
    pub(super) fn limit(&mut self, max: usize) {
        self.max = max;
    }

    /// Forgets the begun line.
    pub(super) fn clear(&mut self) {
        self.begun.clear();
        self.length = Length::Fits;
    }

    /// How many octets of `input` belong to the line, CRLF included.
    fn end_of_line(&self, input: &[u8]) -> Option<usize> {
        if self.begun.last() == Some(&b'\r') && input.first() == Some(&b'\n') {
            return Some(1);
        }
        memmem::find(input, b"\r\n").map(|at| at + 2)
    }

    fn keep(&mut self, piece: &[u8]) {
        // A line of exactly `max` octets would have shown its CRLF by now.
        if self.begun.len() + piece.len() >= self.max {
            self.length = Length::Exceeded;
        }
        match (self.length, piece.last()) {
            (Length::Fits, _) => self.begun.extend_from_slice(piece),
            (Length::Exceeded, Some(&last)) => self.begun = vec![last],
            (Length::Exceeded, None) => {}
        }
    }

    fn finish<'a>(&mut self, end: &'a [u8]) -> Result<Cow<'a, [u8]>, LineError> {
        let length = mem::replace(&mut self.length, Length::Fits);
        let mut line = Cow::Borrowed(end);
        if !self.begun.is_empty() {
            let mut whole = mem::take(&mut self.begun);
            whole.extend_from_slice(end);
            line = Cow::Owned(whole);
        }
        if length == Length::Exceeded || line.len() > self.max {
            return Err(LineError::TooLong);
        }
        let line = without_crlf(line);
        match memchr2(b'\r', b'\n', &line) {
            Some(_) => Err(LineError::BareLineBreak),
            None => Ok(line),
        }
    }
}

fn without_crlf(line: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match line {
        Cow::Borrowed(line) => Cow::Borrowed(line.strip_suffix(b"\r\n").unwrap_or(line)),
        Cow::Owned(mut line) => {
            line.truncate(line.len().saturating_sub(2));
            Cow::Owned(line)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(max: usize, reads: &[&[u8]]) -> Vec<Result<String, LineError>> {
        let mut reader = LineReader::new(max);
        let mut found = Vec::new();
        for mut read in reads.iter().copied() {
            while let Some(line) = reader.next(&mut read) {
                found.push(line.map(|line| String::from_utf8(line.into_owned()).unwrap()));
            }
            assert!(read.is_empty(), "left input behind");
        }
        found
    }

    fn every_cut(max: usize, input: &[u8]) -> Vec<Result<String, LineError>> {
        let whole = lines(max, &[input]);
        let single: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(lines(max, &single), whole, "octet by octet");
        for cut in 0..=input.len() {
            let (head, tail) = input.split_at(cut);
            assert_eq!(lines(max, &[head, tail]), whole, "cut at {cut}");
        }
        whole
    }

    #[test]
    fn cuts_at_crlf_wherever_the_reads_end() {
        assert_eq!(
            every_cut(99, b"NOOP\r\n\r\nQUIT\r\nrest"),
            [Ok("NOOP".into()), Ok("".into()), Ok("QUIT".into())]
        );
    }

    #[test]
    fn refuses_bare_line_breaks_and_never_ends_a_line_at_one() {
        for line in ["NO\nOP\r\n", "NO\rOP\r\n", "NOOP\n\r\n", "NOOP\r\r\n", "\nNOOP\r\n"] {
            assert_eq!(every_cut(99, line.as_bytes()), [Err(LineError::BareLineBreak)], "{line:?}");
        }
        assert_eq!(every_cut(99, b"NOOP\nQUIT\n"), []);
    }

    #[test]
    fn swallows_a_line_over_the_limit_to_its_end() {
        assert_eq!(every_cut(6, b"NOOP\r\n"), [Ok("NOOP".into())]);
        assert_eq!(every_cut(6, b"NOOPS\r\nQUIT\r\n"), [Err(LineError::TooLong), Ok("QUIT".into())]);
        assert_eq!(every_cut(6, b"a\rlong\nline\r\nQUIT\r\n"), [Err(LineError::TooLong), Ok("QUIT".into())]);
    }

    #[test]
    fn keeps_no_more_than_the_limit() {
        let mut reader = LineReader::new(6);
        for _ in 0..100 {
            assert_eq!(reader.next(&mut &b"xxxxx"[..]), None);
            assert!(reader.begun.len() <= 6);
        }
    }
}
