//! The paths of MAIL and RCPT (RFC 5321 section 4.1.2).

/// Splits `<path> rest` behind the path: what is between the angle brackets, and the rest after them.
///
/// A `>` inside a quoted local part does not end the path. `None` if there is no such path.
pub(super) fn split_path(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let (path, rest) = inner.split_at_checked(closing_bracket(inner)?)?;
    Some((path, rest.strip_prefix('>')?))
}

/// Where the bracket is that closes a path.
fn closing_bracket(inner: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    inner.bytes().position(|octet| {
        let was_escaped = std::mem::take(&mut escaped);
        match octet {
            b'\\' if quoted => escaped = !was_escaped,
            b'"' if !was_escaped => quoted = !quoted,
            _ => {}
        }
        octet == b'>' && !quoted
    })
}

/// The mailbox of a path: a source route (`@a.example,@b.example:mailbox`) is accepted and dropped, as RFC 5321
/// section 4.1.1.3 and appendix C want. `None` if the route does not end.
pub(super) fn without_route(path: &str) -> Option<&str> {
    if !path.starts_with('@') {
        return Some(path);
    }
    let mut literal = false;
    let colon = path.bytes().position(|octet| {
        match octet {
            b'[' => literal = true,
            b']' => literal = false,
            _ => {}
        }
        octet == b':' && !literal
    })?;
    let (route, mailbox) = path.split_at_checked(colon)?;
    let hop = |hop: &str| hop.strip_prefix('@').is_some_and(|domain| !domain.is_empty());
    if route.split(',').all(hop) { mailbox.strip_prefix(':') } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_a_path() {
        let cases = [
            ("<>", Some(("", ""))),
            ("<a@b.example> SIZE=1", Some(("a@b.example", " SIZE=1"))),
            (r#"<"a>b"@c.example>x"#, Some((r#""a>b"@c.example"#, "x"))),
            (r#"<"a\">b"@c.example>"#, Some((r#""a\">b"@c.example"#, ""))),
            (r#"<"a\\">b"#, Some((r#""a\\""#, "b"))),
            (r#"<"a>"#, None),
            ("<é@b.example>", Some(("é@b.example", ""))),
            ("a@b.example", None),
            ("<a@b.example", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(split_path(text), expected, "{text:?}");
        }
    }

    #[test]
    fn drops_source_routes() {
        let cases = [
            ("a@b.example", Some("a@b.example")),
            ("@a.example:b@c.example", Some("b@c.example")),
            ("@a.example,@b.example:c@d.example", Some("c@d.example")),
            ("@[IPv6:::1]:c@d.example", Some("c@d.example")),
            ("@a.example", None),
            ("@a.example,b.example:c@d.example", None),
            ("@:c@d.example", None),
        ];
        for (path, expected) in cases {
            assert_eq!(without_route(path), expected, "{path:?}");
        }
    }
}
