//! Cap'n Proto's text form.

use std::fmt::Write as _;

/// A string literal of these octets: whatever they are, it ends where it ought to.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for byte in text.bytes() {
        match byte {
            b'"' => quoted.push_str("\\\""),
            b'\\' => quoted.push_str("\\\\"),
            b'\n' => quoted.push_str("\\n"),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                let _ = write!(quoted, "\\x{byte:02x}");
            }
        }
    }
    quoted.push('"');
    quoted
}

/// A literal of data.
pub(super) fn data(octets: &[u8]) -> String {
    format!("0x\"{}\"", data_encoding::HEXLOWER.encode(octets))
}

/// A list of members.
pub(super) fn list(members: impl IntoIterator<Item = String>) -> String {
    let members: Vec<_> = members.into_iter().collect();
    format!("[{}]", members.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_end_a_literal_is_written_otherwise() {
        assert_eq!(quoted("a\"), (b=\"\\"), r#""a\"), (b=\"\\""#);
        assert_eq!(quoted("ü\n\0"), r#""\xc3\xbc\n\x00""#);
        assert_eq!(data(&[0, 255]), "0x\"00ff\"");
        assert_eq!(list(["a".to_owned(), "b".to_owned()]), "[a, b]");
    }

    proptest! {
        #[test]
        fn a_literal_has_no_quote_inside_that_is_not_escaped(text in any::<String>()) {
            let literal = quoted(&text);
            let inside = &literal[1..literal.len() - 1];
            let mut escaped = false;
            for byte in inside.bytes() {
                prop_assert!((b' '..=b'~').contains(&byte));
                prop_assert!(escaped || byte != b'"');
                escaped = !escaped && byte == b'\\';
            }
            prop_assert!(!escaped);
        }
    }
}
