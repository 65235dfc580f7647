//! What lists and logs show of a message.

use super::fields::fields;

/// Most characters of a Message-ID that are told (RFC 5322 section 2.1.1: the longest line).
const MAX_MESSAGE_ID: usize = 998;

/// The Message-ID of a message with this header section, without its brackets; empty if it has none.
pub fn message_id(header: &[u8]) -> String {
    let field = fields(header).find(|field| field.is("Message-ID")).map(|field| field.unfolded());
    let text = field.as_deref().map(str::trim).unwrap_or_default();
    text.trim_start_matches('<').trim_end_matches('>').chars().take(MAX_MESSAGE_ID).collect()
}

/// Its Subject as people read it: on one line, encoded words decoded (RFC 2047), without control characters.
pub fn subject(header: &[u8]) -> Option<String> {
    let subject = fields(header).find(|field| field.is("Subject"))?.text();
    Some(subject.replace(char::is_control, " ").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_told_as_people_read_it() {
        let subject = |line: &str| subject(format!("Subject: {line}\r\nTo: a@b.example\r\n").as_bytes());
        let cases = [
            ("plain", "plain"),
            ("=?utf-8?B?w5xiZXI=?= =?utf-8?Q?_alles?=", "Über alles"),
            ("=?iso-8859-1?Q?Gr=FC=DFe?=\r\n Ann", "Grüße Ann"),
            ("=?utf-8?Q?two=0D=0Alines?=", "two  lines"),
            ("=?nonsense", "=?nonsense"),
        ];
        for (line, expected) in cases {
            assert_eq!(subject(line).as_deref(), Some(expected), "{line}");
        }
        assert_eq!(super::subject(b"To: a@b.example\r\n"), None);
    }
}
