//! Line ends and octets, as SMTP demands them (RFC 5321 section 2.3.8).

use std::borrow::Cow;

/// Longest line in octets without its CRLF (RFC 5322 section 2.1.1).
pub(super) const MAX_LINE: usize = 998;

/// Whether the content has octets above 127 and so needs 8BITMIME (RFC 6152) or encoding.
pub fn is_8bit(content: &[u8]) -> bool {
    !content.is_ascii()
}

/// Makes every bare CR and bare LF a CRLF; borrows when there is none.
pub fn to_crlf(content: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = find_bare(content, 0) else {
        return content.into();
    };
    let mut clean = Vec::with_capacity(content.len() + content.len() / 32 + 2);
    let (mut start, mut bare) = (0, Some(first));
    while let Some(at) = bare {
        clean.extend_from_slice(content.get(start..at).unwrap_or_default());
        clean.extend_from_slice(b"\r\n");
        start = at + 1;
        bare = find_bare(content, start);
    }
    clean.extend_from_slice(content.get(start..).unwrap_or_default());
    clean.into()
}

/// The place of the next CR or LF at or after `from` that is not part of a CRLF.
fn find_bare(content: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memchr::memchr2(b'\r', b'\n', content.get(from..)?)?;
        if content.get(at..at + 2) != Some(b"\r\n") {
            return Some(at);
        }
        from = at + 2;
    }
}

/// Number (from 1) and length in octets of the first line above 998 octets; expects CRLF line ends.
pub(super) fn find_long_line(content: &[u8]) -> Option<(usize, usize)> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', content).map(|at| (at + 1, at.saturating_sub(1)));
    for (index, (next, end)) in ends.chain([(content.len(), content.len())]).enumerate() {
        let length = end.saturating_sub(start);
        if length > MAX_LINE {
            return Some((index + 1, length));
        }
        start = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repairs_every_kind_of_bare_line_end() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"a\r\nb\r\n", b"a\r\nb\r\n"),
            (b"a\nb", b"a\r\nb"),
            (b"a\rb", b"a\r\nb"),
            (b"\n\r\n\r", b"\r\n\r\n\r\n"),
            (b"\r\r\n", b"\r\n\r\n"),
            (b"\n\r", b"\r\n\r\n"),
            (b"", b""),
        ];
        for (given, expected) in cases {
            assert_eq!(&*to_crlf(given), expected, "{given:?}");
        }
    }

    #[test]
    fn finds_the_first_long_line() {
        let fits = format!("{}\r\n{}", "a".repeat(998), "b".repeat(998));
        assert_eq!(find_long_line(fits.as_bytes()), None);
        assert_eq!(find_long_line(format!("a\r\n{}\r\n", "b".repeat(999)).as_bytes()), Some((2, 999)));
        assert_eq!(find_long_line(&b"c".repeat(1000)), Some((1, 1000)));
    }

    proptest! {
        #[test]
        fn leaves_no_bare_line_end_and_nothing_else_changed(given in "[ab\r\n]{0,40}") {
            let clean = to_crlf(given.as_bytes()).into_owned();
            prop_assert_eq!(find_bare(&clean, 0), None);
            let words = |text: &[u8]| text.iter().copied().filter(u8::is_ascii_alphabetic).collect::<Vec<_>>();
            prop_assert_eq!(words(&clean), words(given.as_bytes()));
            prop_assert_eq!(&*to_crlf(&clean), &clean[..]);
        }
    }
}
