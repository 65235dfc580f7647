//! Records as lines for a zone file (RFC 1035 section 5).

use super::record::{DnsRecord, RecordType};
use std::fmt::Write;

/// Longest character-string of a TXT record, in octets (RFC 1035 section 3.3).
const MAX_STRING: usize = 255;

/// The octets of a TXT record in pieces that fit into one character-string each; receivers join them without a
/// space. One empty piece for an empty text, since a TXT record has at least one.
pub fn character_strings(text: &str) -> Vec<&[u8]> {
    if text.is_empty() { vec![&[]] } else { text.as_bytes().chunks(MAX_STRING).collect() }
}

/// `records` as lines that a name server reads as part of a zone file, whatever its origin: names are whole and
/// end in a dot.
pub fn zone_lines(records: &[DnsRecord]) -> String {
    let mut out = String::new();
    for record in records {
        // Writing to a string does not fail.
        let _ = write!(out, "{}. {} IN {} ", record.name, record.ttl, record.kind.as_str());
        match record.kind {
            RecordType::Mx => {
                let _ = write!(out, "{} {}.", record.priority.unwrap_or_default(), record.content);
            }
            RecordType::Cname => {
                let _ = write!(out, "{}.", record.content);
            }
            RecordType::Txt => {
                let strings = character_strings(&record.content);
                out.push_str(&strings.into_iter().map(quoted).collect::<Vec<_>>().join(" "));
            }
        }
        out.push('\n');
    }
    out
}

/// A character-string in quotes; what is not printable ASCII as `\DDD` (RFC 1035 section 5.1).
fn quoted(string: &[u8]) -> String {
    let mut out = String::with_capacity(string.len() + 2);
    out.push('"');
    for &byte in string {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\{byte:03}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_dns::record::{Purpose, records, tests::domain};
    use proptest::prelude::*;

    /// Reads quoted strings as RFC 1035 section 5.1 has them, and joins them.
    fn read(line: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let mut bytes = line.bytes().peekable();
        let mut inside = false;
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => inside = !inside,
                b'\\' if bytes.peek().is_some_and(u8::is_ascii_digit) => {
                    let digits: String = bytes.by_ref().take(3).map(char::from).collect();
                    out.push(digits.parse().unwrap());
                }
                b'\\' => out.push(bytes.next().unwrap()),
                _ if inside => out.push(byte),
                _ => assert_eq!(byte, b' '),
            }
        }
        assert!(!inside);
        out
    }

    fn text(content: &str) -> DnsRecord {
        let name = "a.test".to_owned();
        let kind = RecordType::Txt;
        DnsRecord { kind, name, content: content.to_owned(), priority: None, ttl: 60, purpose: Purpose::Dkim }
    }

    #[test]
    fn writes_one_line_a_record() {
        let lines = zone_lines(&records(&domain("example.com")));
        let mut lines = lines.lines();
        assert_eq!(lines.next(), Some("cf-bounce.example.com. 300 IN MX 10 mx1.mail.test."));
        assert_eq!(
            lines.nth(1),
            Some("cf-bounce.example.com. 300 IN TXT \"v=spf1 include:_spf.mail.test ~all\"")
        );
        let key = lines.next().unwrap();
        assert!(key.starts_with("r1._domainkey.example.com. 300 IN TXT \"v=DKIM1; k=rsa; p=MII"), "{key}");
        assert_eq!(key.matches('"').count(), 4, "{key}");
    }

    #[test]
    fn an_alias_names_its_target_from_the_root() {
        let alias = DnsRecord { kind: RecordType::Cname, ..text("b.test") };
        assert_eq!(zone_lines(&[alias]), "a.test. 60 IN CNAME b.test.\n");
    }

    #[test]
    fn quotes_what_would_end_a_string_or_a_line() {
        let line = zone_lines(&[text("a\"b\\c;d\né")]);
        assert_eq!(line, "a.test. 60 IN TXT \"a\\\"b\\\\c;d\\010\\195\\169\"\n");
        assert_eq!(zone_lines(&[text("")]), "a.test. 60 IN TXT \"\"\n");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(content in "(?s).{0,700}") {
            let line = zone_lines(&[text(&content)]);
            let strings = line.strip_prefix("a.test. 60 IN TXT ").unwrap().trim_end_matches('\n');
            prop_assert_eq!(read(strings), content.as_bytes());
            prop_assert!(character_strings(&content).iter().all(|string| string.len() <= MAX_STRING));
        }
    }
}
