//! The beginning of a message for people who look for it in a list.

use super::parts::Parts;

/// Octets of a part that are looked at, before decoding: enough for any preview but one behind a long style sheet.
const LOOKED_AT: usize = 16 << 10;

/// The first `max` characters of a message's text, in one line: of its first plain text, else of its first HTML without
/// the marks. `None` if it has neither, or nothing is written there.
pub fn preview(content: &[u8], max: usize) -> Option<String> {
    let parts = Parts::of(content);
    let part = parts.find(&["text/plain"]).or_else(|| parts.find(&["text/html"]))?;
    let text = part.text(LOOKED_AT);
    let printable = |c: &char| !c.is_control();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = line.chars().filter(printable).take(max).collect();
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(content: &str, max: usize) -> Option<String> {
        preview(content.replace('\n', "\r\n").as_bytes(), max)
    }

    #[test]
    fn it_is_the_first_text_in_one_line() {
        assert_eq!(
            of("Subject: s\n\nDear\n  customer,\u{7} hello\n", 99).as_deref(),
            Some("Dear customer, hello")
        );
        assert_eq!(of("Subject: s\n\nDear customer\n", 6).as_deref(), Some("Dear c"));
        let encoded =
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nR3LDvMOfZSE=\n";
        assert_eq!(of(encoded, 3).as_deref(), Some("Grü"));
    }

    #[test]
    fn plain_text_comes_before_html_and_html_before_nothing() {
        let html = "--b\nContent-Type: text/html\n\n<p>Hello <b>you</b></p>\n";
        let text = "--b\nContent-Type: text/plain\n\nHello plainly\n";
        let message =
            |parts: &str| format!("Content-Type: multipart/alternative; boundary=b\n\n{parts}--b--\n");
        assert_eq!(of(&message(&format!("{html}{text}")), 99).as_deref(), Some("Hello plainly"));
        assert_eq!(of(&message(html), 99).as_deref(), Some("Hello you"));
        assert_eq!(of("Content-Type: image/png\n\nx\n", 99), None);
        assert_eq!(of("Subject: s\n\n\n", 99), None);
    }
}
