//! Transparency: making content safe to end with a lone dot (RFC 5321 section 4.5.2).

use memchr::memmem;
use std::iter;

/// Everything to write after the reply to DATA: `content` with each dot that begins a line doubled, a CRLF
/// if it lacks one at its end, and the final `.` CRLF. Nothing is copied.
///
/// Lines are what CRLF ends. Content with bare CR or LF must have been refused or normalised before: some
/// receivers would see other lines in it than we do.
pub fn dot_stuff(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let opening_dot = content.starts_with(b".").then_some(&b"."[..]);
    let complete = content.is_empty() || content.ends_with(b"\r\n");
    let end: &[u8] = if complete { b".\r\n" } else { b"\r\n.\r\n" };
    let cuts = memmem::find_iter(content, b"\r\n.").map(|at| at + 3).chain(iter::once(content.len()));
    let mut start = 0;
    let pieces = cuts.filter_map(move |cut| {
        let piece = content.get(start..cut);
        // Each piece but the last ends with a line's dot, and the next begins with the same dot: doubled.
        start = cut.saturating_sub(1);
        piece
    });
    opening_dot.into_iter().chain(pieces).chain(iter::once(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stuffed(content: &[u8]) -> Vec<u8> {
        dot_stuff(content).flatten().copied().collect()
    }

    /// The rule of the RFC, byte by byte.
    fn naive(content: &[u8]) -> Vec<u8> {
        let mut out: Vec<u8> = Vec::new();
        for &byte in content {
            if byte == b'.' && (out.is_empty() || out.ends_with(b"\r\n")) {
                out.push(b'.');
            }
            out.push(byte);
        }
        if !out.is_empty() && !out.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
        out
    }

    /// What a receiver makes of it: the content up to the lone dot, with the leading dots removed.
    fn unstuffed(wire: &[u8]) -> Option<Vec<u8>> {
        let mut rest = wire;
        let mut content = Vec::new();
        loop {
            let end = memmem::find(rest, b"\r\n")? + 2;
            let (line, after) = rest.split_at(end);
            match line.strip_prefix(b".") {
                Some(b"\r\n") => return after.is_empty().then_some(content),
                Some(dotted) => content.extend_from_slice(dotted),
                None => content.extend_from_slice(line),
            }
            rest = after;
        }
    }

    #[test]
    fn doubles_the_dots_that_begin_lines() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"", b".\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b".", b"..\r\n.\r\n"),
            (b".\r\n.\r\n..\r\n", b"..\r\n..\r\n...\r\n.\r\n"),
            (b"a.b\r\n.c", b"a.b\r\n..c\r\n.\r\n"),
            (b"a\n.\n", b"a\n.\n\r\n.\r\n"),
        ];
        for (content, wire) in cases {
            assert_eq!(stuffed(content), wire, "{content:?}");
        }
    }

    #[test]
    fn copies_nothing_of_plain_content() {
        let content = b"no dots at line starts. none.\r\n".repeat(100);
        let pieces: Vec<_> = dot_stuff(&content).collect();
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0].as_ptr(), content.as_ptr());
    }

    proptest! {
        #[test]
        fn agrees_with_the_rule_applied_byte_by_byte(
            content in prop::collection::vec(prop::sample::select(&b".\r\nx"[..]), 0..60)
        ) {
            prop_assert_eq!(stuffed(&content), naive(&content));
        }

        #[test]
        fn a_receiver_reads_back_the_content(lines in prop::collection::vec("[.x]{0,4}", 0..12)) {
            let content: String = lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect();
            prop_assert_eq!(unstuffed(&stuffed(content.as_bytes())), Some(content.into_bytes()));
        }
    }
}
