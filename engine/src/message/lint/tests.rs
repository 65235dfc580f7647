use super::*;

const HEADER: &str = "From: a@shop.example\nTo: b@example.net\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n\
                      Message-ID: <1@shop.example>\nSubject: Hello\nDKIM-Signature: v=1; d=shop.example; s=x; b=\n";

fn ids(text: &str) -> Vec<&'static str> {
    lint(text.replace('\n', "\r\n").as_bytes()).iter().map(|finding| finding.id).collect()
}

fn of_html(html: &str) -> Vec<&'static str> {
    let head = HEADER.to_owned() + "Content-Type: multipart/alternative; boundary=b\n\n";
    ids(&format!("{head}--b\n\nplain\n--b\nContent-Type: text/html\n\n{html}\n--b--\n"))
}

#[test]
fn a_message_without_fault_has_no_findings() {
    assert_eq!(ids(&format!("{HEADER}\nhello\n")), [""; 0]);
    assert_eq!(
        of_html(
            "<p>See <a href=\"https://shop.example/\">our shop</a> <img src='https://shop.example/a.png' alt=''></p>"
        ),
        [""; 0]
    );
}

#[test]
fn fields_that_are_missing_or_wrong() {
    let without = |name: &str| {
        let kept = HEADER.lines().filter(|line| !line.starts_with(name)).map(|line| format!("{line}\n"));
        ids(&format!("{}\nhello\n", kept.collect::<String>()))
    };
    assert_eq!(without("Date"), ["no-date"]);
    assert_eq!(without("Message-ID"), ["no-message-id"]);
    assert_eq!(without("Subject"), ["no-subject"]);
    assert_eq!(without("DKIM"), ["unsigned"]);
    let with = |from: &str, to: &str| ids(&format!("{}\nhello\n", HEADER.replace(from, to)));
    assert_eq!(with("Hello", ""), ["no-subject"]);
    assert_eq!(with("Hello", &"long ".repeat(20)), ["long-subject"]);
    // Encoded, it is counted as it is read.
    assert_eq!(with("Hello", &format!("=?utf-8?q?{}?=", "=C3=BC".repeat(20))), [""; 0]);
    assert_eq!(with("Hello", "Grüße"), ["raw-header"]);
    assert_eq!(with("d=shop.example", "d=bulk.example"), ["not-aligned"]);
    assert_eq!(with("d=shop.example", "d=MAIL.shop.example"), [""; 0]);
    assert_eq!(with("From: a@", "From: a@news."), [""; 0]);
    assert_eq!(with("d=shop.example", "d=workshop.example"), ["not-aligned"]);
}

#[test]
fn bulk_mail_needs_a_way_out_with_one_click() {
    let with = |more: &str| ids(&format!("{HEADER}{more}\nhello\n"));
    for bulk in
        ["Precedence: bulk\n", "List-Id: <news.shop.example>\n", "Feedback-ID: november:1:news:shop\n"]
    {
        assert_eq!(with(bulk), ["no-list-unsubscribe"], "{bulk}");
        let link = format!("{bulk}List-Unsubscribe: <https://shop.example/u>\n");
        assert_eq!(with(&link), ["no-one-click"], "{bulk}");
        assert_eq!(
            with(&format!("{link}List-Unsubscribe-Post: List-Unsubscribe=One-Click\n")),
            [""; 0],
            "{bulk}"
        );
    }
    assert_eq!(with("Feedback-ID: :1:receipt:shop\n"), [""; 0]);
}

#[test]
fn html_alone_nothing_at_all_and_lines_without_end() {
    assert_eq!(ids(&format!("{HEADER}Content-Type: text/html\n\n<p>x</p>\n")), ["no-text"]);
    assert_eq!(ids(&format!("{HEADER}\n\n")), ["empty"]);
    assert_eq!(ids(&format!("{HEADER}\n{}\n", "x".repeat(998))), [""; 0]);
    assert_eq!(ids(&format!("{HEADER}\n{}\n", "x".repeat(999))), ["long-line"]);
    assert_eq!(of_html(&"<p>some words</p>\n".repeat(7_000)), ["clipped"]);
}

#[test]
fn images_and_links() {
    assert_eq!(of_html("<IMG SRC=https://a.example/x.png>"), ["no-alt"]);
    assert_eq!(of_html("<img alt='a > b' src=\"HTTP://a.example/x.png\">"), ["http-images"]);
    assert_eq!(of_html("<!-- <img src=x> --><p title=\"<img>\">x</p>"), [""; 0]);
    assert_eq!(of_html("<a href='http://shop.example'>shop</a>"), ["http-links"]);
    let link = |href: &str, words: &str| of_html(&format!("<a class=x href=\"{href}\">{words}</a>"));
    assert_eq!(link("https://evil.example/login", "https://bank.example/login"), ["posing-link"]);
    assert_eq!(link("https://evil.example", "<b>www.bank.example</b>"), ["posing-link"]);
    assert_eq!(link("https://bank.example@evil.example", "bank.example"), ["posing-link"]);
    for honest in [
        ("https://www.bank.example/x", "bank.example"),
        ("https://click.bank.example/x", "bank.example"),
        ("https://evil.example", "version 1.2"),
        ("https://evil.example", "v1.2"),
        ("mailto:a@bank.example", "a@bank.example"),
    ] {
        assert_eq!(link(honest.0, honest.1), [""; 0], "{honest:?}");
    }
}

#[test]
fn the_worst_comes_first_and_says_what_to_do() {
    let found = lint(b"Subject: \r\n\r\n");
    assert!(found.is_sorted_by_key(|finding| finding.level) && found.len() > 3, "{found:?}");
    assert!(
        found.iter().all(|finding| finding.text.ends_with('.') && finding.help.ends_with('.')),
        "{found:?}"
    );
}

#[test]
fn nonsense_does_no_harm() {
    for html in [
        "<",
        "<a",
        "<a href",
        "<a href=",
        "<a href=\"",
        "<img alt==''='>",
        "<!--",
        "</a></a>",
        "<a href=x>ü\u{1f600}",
    ] {
        of_html(html);
    }
    lint(b"");
    lint(b"\xff\xfe\r\n");
}
