//! Where a notice ends and what comes back of our message begins.

/// What the line before it says, after dashes and the like, in lower case.
const MARKERS: [&str; 41] = [
    "below this line is a copy of the message",
    "below is a copy of the",
    "this is a copy of the message",
    "this is a copy of your message",
    "here is a copy of",
    "enclosed is a copy",
    "copy of the message",
    "original message follows",
    "the original message follows",
    "original message --",
    "original message headers",
    "original message header",
    "original message:",
    "original message below",
    "header of the original message",
    "headers of the original message",
    "the header of the original message",
    "the headers of the original message",
    "original headers",
    "unsent message follows",
    "unsent message below",
    "message header follows",
    "message headers follow",
    "message text follows",
    "message headers:",
    "message header:",
    "returned message",
    "returned text follows",
    "returned mail follows",
    "undelivered message follows",
    "your original message",
    "message contains [",
    "forwarded message",
    "ursprüngliche nachricht",
    "ursprüngliche nachrichtenkopfzeilen",
    "originalnachricht",
    "message d'origine",
    "en-têtes de message d'origine",
    "encabezados de mensajes originales",
    "mensaje original",
    "исходное сообщение",
];
/// Fields that a message begins with on its way through servers; they stand in no notice.
const FIELDS: [&str; 3] = ["return-path:", "received: ", "dkim-signature:"];
/// Longest line that can be a marker, in octets.
const MAX_LINE: usize = 200;

/// The notice, and what follows the line that announces a copy, if there is one.
pub(in super::super) fn split_copy(text: &str) -> (&str, Option<&str>) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        if announces(line) {
            return (text.get(..at).unwrap_or_default(), text.get(next..));
        }
        if begins_message(line) {
            return (text.get(..at).unwrap_or_default(), text.get(at..));
        }
        at = next;
    }
    (text, None)
}

fn announces(line: &str) -> bool {
    if line.len() > MAX_LINE {
        return false;
    }
    let lower = line.to_lowercase().replace('\u{2019}', "'");
    let words = lower.trim_start_matches(|c: char| c.is_whitespace() || "-=*_>|#+".contains(c));
    MARKERS.iter().any(|marker| words.starts_with(marker)) || is_bare_original(words)
}

/// `----- Original message -----` and nothing else.
fn is_bare_original(words: &str) -> bool {
    words.trim_end_matches(|c: char| c.is_whitespace() || "-=*_|".contains(c)) == "original message"
}

fn begins_message(line: &str) -> bool {
    let head = line.get(..line.floor_char_boundary(20)).unwrap_or_default().to_ascii_lowercase();
    FIELDS.iter().any(|field| head.starts_with(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_ends_where_the_copy_begins() {
        let cases = [
            ("no\n--- Below this line is a copy of the message.\n\nA: b\n", "no\n", Some("\nA: b\n")),
            ("no\n   ----- Original message -----\nA: b\n", "no\n", Some("A: b\n")),
            ("no\nReceived: from x\nA: b\n", "no\n", Some("Received: from x\nA: b\n")),
            ("your original message was lost\n", "", Some("")),
            ("the original message size is 5\n", "the original message size is 5\n", None),
            ("", "", None),
        ];
        for (text, notice, copy) in cases {
            assert_eq!(split_copy(text), (notice, copy), "{text:?}");
        }
    }
}
