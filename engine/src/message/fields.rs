//! Reading header fields (RFC 5322 section 2.2) without copying them.

use mail_parser::MessageParser;

/// Longest value whose encoded words are decoded, in octets.
const MAX_TEXT: usize = 8 * 1024;

/// One header field as it stands in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'m> {
    name: &'m [u8],
    value: &'m [u8],
    raw: &'m [u8],
}

impl<'m> Field<'m> {
    /// The name, in the case it was written; empty for a line that is not a field.
    pub fn name(&self) -> &'m [u8] {
        self.name
    }

    /// Everything after the colon, folding and line end included.
    pub fn value(&self) -> &'m [u8] {
        self.value
    }

    /// The whole field, line end included.
    pub fn raw(&self) -> &'m [u8] {
        self.raw
    }

    /// Whether this is the field `name`, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value on one line, without its line ends (RFC 5322 section 2.2.3) and the white space around
    /// it; bytes that are not UTF-8 are replaced.
    pub fn unfolded(&self) -> String {
        let text = String::from_utf8_lossy(self.value);
        text.split(['\r', '\n']).collect::<String>().trim_matches([' ', '\t']).to_owned()
    }

    /// What people read: the first 8 KiB of the value on one line, encoded words decoded (RFC 2047).
    pub fn text(&self) -> String {
        let value = self.unfolded();
        let value = value.get(..value.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
        if !value.contains("=?") {
            return value.to_owned();
        }
        // The parser decodes the words of fields that hold text, whatever this one is called.
        let alone = format!("Subject: {value}\r\n\r\n");
        let parsed = MessageParser::new().parse_headers(alone.as_bytes());
        let text =
            parsed.as_ref().filter(|parsed| !parsed.parts.is_empty()).and_then(|parsed| parsed.subject());
        text.unwrap_or(value).to_owned()
    }
}

/// Splits a message at the empty line: the header section with its last line end, and the body.
///
/// The empty line belongs to neither. Without one, all of it is header. Expects CRLF line ends.
pub fn split_header(message: &[u8]) -> (&[u8], &[u8]) {
    if let Some(body) = message.strip_prefix(b"\r\n") {
        return (&[], body);
    }
    let end = memchr::memmem::find(message, b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    let (header, rest) = message.split_at_checked(end).unwrap_or((message, &[]));
    (header, rest.strip_prefix(b"\r\n").unwrap_or_default())
}

/// The fields of a header section in order.
pub fn fields(header: &[u8]) -> Fields<'_> {
    Fields { rest: header }
}

/// Iterator over the fields of a header section; see [`fields`].
///
/// Lossless: the raw fields laid end to end are the section again, whatever it held.
#[derive(Debug, Clone)]
pub struct Fields<'m> {
    rest: &'m [u8],
}

impl<'m> Iterator for Fields<'m> {
    type Item = Field<'m>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (raw, rest) = self.rest.split_at_checked(field_length(self.rest))?;
        self.rest = rest;
        let (name, value) = match memchr::memchr2(b':', b'\n', raw) {
            Some(at) if raw.get(at) == Some(&b':') => {
                (raw.get(..at).unwrap_or_default(), raw.get(at + 1..).unwrap_or_default())
            }
            _ => (Default::default(), raw),
        };
        Some(Field { name, value, raw })
    }
}

/// Octets up to the end of the first line that the next line does not continue.
fn field_length(header: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', header)
        .map(|at| at + 1)
        .find(|next| !matches!(header.get(*next), Some(b' ' | b'\t')))
        .unwrap_or(header.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_header_from_body() {
        let cases: [(&[u8], &[u8], &[u8]); 4] = [
            (b"A: 1\r\n\r\nbody", b"A: 1\r\n", b"body"),
            (b"A: 1\r\n", b"A: 1\r\n", b""),
            (b"\r\nbody", b"", b"body"),
            (b"A: 1\r\n\r\n\r\n", b"A: 1\r\n", b"\r\n"),
        ];
        for (message, header, body) in cases {
            assert_eq!(split_header(message), (header, body), "{message:?}");
        }
    }

    #[test]
    fn reads_folded_fields() {
        let all: Vec<_> = fields(b"Subject: a\r\n b\r\n\tc\r\nTo:x\r\nbroken\r\nEnd: y").collect();
        assert_eq!(all.iter().map(Field::name).collect::<Vec<_>>(), [&b"Subject"[..], b"To", b"", b"End"]);
        assert_eq!(all[0].unfolded(), "a b\tc");
        assert_eq!(all[0].raw(), b"Subject: a\r\n b\r\n\tc\r\n");
        assert!(all[0].is("SUBJECT"));
        assert_eq!(all[3].value(), b" y");
    }

    proptest! {
        #[test]
        fn loses_no_octet(header in "[a: \t\r\n]{0,60}") {
            let joined: Vec<u8> = fields(header.as_bytes()).flat_map(|f| f.raw().to_vec()).collect();
            prop_assert_eq!(joined, header.as_bytes());
        }
    }
}
