//! Messages taken apart, good and hostile.

use super::*;
use proptest::prelude::*;

fn shape(message: &str) -> Vec<(String, String)> {
    let parts = Parts::of(message.as_bytes()).parts;
    parts.iter().map(|part| (part.media_type.clone(), part.text(1_000))).collect()
}

fn pair(media_type: &str, text: &str) -> (String, String) {
    (media_type.to_owned(), text.to_owned())
}

const NESTED: &str = "Subject: x\r\nContent-Type: multipart/report; report-type=\"Delivery-Status\"; boundary=\"b\"\r\n\r\n\
    preamble\r\n--b\r\nContent-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\none\r\n--bb\r\n\
    Content-Type: text/html\r\n\r\n<p>t<b>w</b>o</p>\r\n--bb--\r\n\r\n--b\r\nContent-Type: message/RFC822\r\n\r\n\
    Subject: y\r\n\r\n--bbb\r\n--b--\r\nepilogue\r\n--b\r\n\r\nno\r\n";

#[test]
fn takes_a_message_apart() {
    let parts = Parts::of(NESTED.as_bytes());
    assert_eq!((&*parts.media_type, &*parts.report_type), ("multipart/report", "delivery-status"));
    let expected = [
        pair("text/plain", "one"),
        pair("text/html", "two"),
        pair("message/rfc822", "Subject: y\r\n\r\n--bbb"),
    ];
    let trimmed: Vec<_> =
        shape(NESTED).into_iter().map(|(kind, text)| (kind, text.trim().to_owned())).collect();
    assert_eq!(trimmed, expected);
    assert_eq!(shape(&NESTED.replace("\r\n", "\n")).len(), 3);
}

#[test]
fn undoes_encodings_and_character_sets() {
    let part = |kind: &str, encoding: &str, body: &str| {
        let head = format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        shape(&format!("{head}{body}")).remove(0).1
    };
    assert_eq!(part("text/plain; charset=iso-8859-1", "quoted-printable", "M=FCll"), "Müll");
    assert_eq!(part("text/plain; charset=utf-8", "base64", "TcO8bGw="), "Müll");
    assert_eq!(part("text/plain; charset=iso-2022-jp", "7bit", "\x1b$B%a!<%k\x1b(B"), "メール");
    assert_eq!(part("text/plain; charset=gbk", "base64", "08q8/g=="), "邮件");
    assert_eq!(part("text/plain; charset=\"x\\\"; boundary=y\"", "7bit", "as it is"), "as it is");
}

#[test]
fn blocks_of_html_stand_on_lines_of_their_own() {
    let html =
        "Content-Type: text/html\r\n\r\n<h2>Not delivered</h2><TD>ann@example.org</td>It was<b>n't</b> found";
    let text = shape(html).remove(0).1;
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["Not delivered", "ann@example.org", "It wasn't found"]);
}

#[test]
fn makes_the_best_of_broken_multiparts() {
    let cases = [
        // No boundary named.
        (
            "Content-Type: multipart/report\r\n\r\n--q\r\n\r\none\r\n--q\r\n\r\ntwo\r\n--q--\r\n",
            vec!["one", "two"],
        ),
        // Named, and never there.
        ("Content-Type: multipart/mixed; boundary=z\r\n\r\nonly\r\n", vec!["only\r\n"]),
        // Cut off.
        (
            "Content-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\none\r\n--z\r\n\r\ntw",
            vec!["one", "tw"],
        ),
        ("Content-Type: text\r\n\r\nplain", vec!["plain"]),
        ("\r\nno header", vec!["no header"]),
        ("", vec![""]),
    ];
    for (message, expected) in cases {
        let texts: Vec<_> = shape(message).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, expected, "{message:?}");
    }
}

#[test]
fn number_and_depth_are_bounded() {
    let many =
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(100_000));
    assert_eq!(Parts::of(many.as_bytes()).parts.len(), MAX_PARTS);

    let deep: String =
        (0..20_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    assert_eq!(Parts::of(deep.as_bytes()).parts.len(), 1);

    let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(50_000);
    let parts = Parts::of(messages.as_bytes()).parts;
    assert_eq!((parts.len(), &*parts[0].media_type), (1, "message/rfc822"));
}

proptest! {
    #[test]
    fn anything_can_be_taken_apart(lines in prop::collection::vec(prop::sample::select(vec![
        "Content-Type: multipart/report; boundary=b", "Content-Type: multipart/mixed", "Content-Type: message/rfc822",
        "Content-Transfer-Encoding: base64", "Content-Type: text/html; charset=big5", "--b", "--b--", "--bb", "",
        "a: b", " x", "=FC=", "QQ==", "<p", "\u{e9}"]), 0..40), crlf: bool) {
        let message = lines.join(if crlf { "\r\n" } else { "\n" });
        let parts = Parts::of(message.as_bytes());
        prop_assert!((1..=MAX_PARTS).contains(&parts.parts.len()));
        parts.parts.iter().for_each(|part| { part.text(1_000); });
    }
}
