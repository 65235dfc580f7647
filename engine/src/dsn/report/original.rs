//! The third part: what came back of the original message.

use super::{Part, Report, ReportKind};
use crate::{
    dsn::Ret,
    message::{fields, split_header},
};

/// Largest message returned whole, in octets; of a larger one only the header comes back, whatever RET said.
/// Otherwise a forged sender could have us throw large messages at anybody.
pub const MAX_RETURNED: usize = 256 * 1024;
/// Largest header returned, in octets; fields beyond it are left out.
const MAX_HEADER: usize = 64 * 1024;
/// Longest line in octets (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 998;

/// RET asks for the whole of failed messages only (RFC 3461 section 4.3); unasked, the header is enough.
pub(super) fn part(report: &Report<'_>) -> Part {
    let (header, _) = split_header(report.original);
    let failed = report.of(ReportKind::is_failed).next().is_some();
    let whole = failed && report.ret == Some(Ret::Full) && report.original.len() <= MAX_RETURNED;
    let utf8 = !header.is_ascii() && str::from_utf8(header).is_ok();
    let (media_type, description) = match (whole, utf8) {
        (true, false) => ("message/rfc822", "Undelivered message"),
        (true, true) => ("message/global", "Undelivered message"),
        (false, false) => ("text/rfc822-headers", "Header of the message"),
        (false, true) => ("message/global-headers", "Header of the message"),
    };
    let returned = if whole { report.original } else { beginning(header) };
    Part { media_type, description, body: neutralise(returned) }
}

/// As many whole fields as fit.
fn beginning(header: &[u8]) -> &[u8] {
    let lengths = fields(header).scan(0, |end, field| {
        *end += field.raw().len();
        Some(*end)
    });
    let end = lengths.take_while(|&end| end <= MAX_HEADER).last().unwrap_or_default();
    header.get(..end).unwrap_or_default()
}

/// Ends every line with CRLF, drops NUL and cuts lines to 998 octets. What went through our own checks is left
/// as it is; this stands between what did not and the next server.
fn neutralise(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 2);
    let mut rest = content;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (line, tail) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        out.extend(line.iter().filter(|&&octet| octet != 0).take(MAX_LINE));
        out.extend_from_slice(b"\r\n");
        rest = tail.strip_prefix(b"\r\n").or_else(|| tail.get(1..)).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_lines_and_leaves_good_ones_alone() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"a\r\nb\r\n", b"a\r\nb\r\n"),
            (b"a\r\n\r\nb", b"a\r\n\r\nb\r\n"),
            (b"a\nb\rc", b"a\r\nb\r\nc\r\n"),
            (b"a\r\r\n.\r\n", b"a\r\n\r\n.\r\n"),
            (b"a\0b\r\n", b"ab\r\n"),
            (b"", b""),
        ];
        for (given, expected) in cases {
            assert_eq!(neutralise(given), expected, "{given:?}");
        }
        let long = neutralise(&[b'x'; 5_000]);
        assert_eq!(long.len(), MAX_LINE + 2);
    }

    #[test]
    fn a_huge_header_is_cut_between_fields() {
        let field = format!("X-Pad: {}\r\n\tand more\r\n", "p".repeat(980));
        let kept = beginning(field.repeat(100).as_bytes()).to_vec();
        assert_eq!(kept.len() % field.len(), 0);
        assert!(kept.len() <= MAX_HEADER && kept.len() > MAX_HEADER - field.len());
    }
}
