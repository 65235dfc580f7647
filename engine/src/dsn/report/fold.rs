//! Lines: folding fields (RFC 5322 section 2.2.3) and wrapping prose.

/// Where lines are broken if they can be, in characters.
const WIDTH: usize = 76;
/// Longest run without a space, in octets: with what may come before it, it fits the 998 octets of a line
/// (RFC 5322 section 2.1.1).
const MAX_WORD: usize = 600;

/// Appends a field on one line, for values in which every space counts. They must be bounded and free of
/// control characters by their type.
pub(super) fn push_exact(out: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        out.push_str(part);
    }
}

/// Appends a field, its value folded at spaces; white space in the value becomes single spaces.
pub(super) fn push_field(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push(':');
    push_words(out, name.chars().count() + 1, " ", value);
}

/// Appends text as lines that begin with `indent`; white space in it becomes single spaces.
pub(super) fn push_text(out: &mut String, indent: &str, text: &str) {
    out.push_str(indent);
    // The first word has no space before it.
    let mut words = String::new();
    push_words(&mut words, indent.chars().count(), indent, text);
    out.push_str(words.strip_prefix(' ').unwrap_or(&words));
}

/// Appends the words of `text`, each with a space before it; lines after the first begin with `indent`, which
/// holds at least one space. `column` is how many characters the line has already.
fn push_words(out: &mut String, mut column: usize, indent: &str, text: &str) {
    for word in text.split_whitespace().flat_map(pieces) {
        let length = word.chars().count();
        if column > indent.len() && column + 1 + length > WIDTH {
            out.push_str("\r\n");
            out.push_str(indent);
            column = indent.chars().count();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push_str("\r\n");
}

/// The word in pieces that fit a line.
fn pieces(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let (piece, tail) = rest.split_at_checked(rest.floor_char_boundary(MAX_WORD))?;
        rest = tail;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folds_a_field_at_its_spaces() {
        let mut out = String::new();
        push_field(&mut out, "Diagnostic-Code", &format!("smtp; 550 {}", "words ".repeat(15)));
        let expected =
            format!("Diagnostic-Code: smtp; 550{}\r\n{}\r\n", " words".repeat(8), " words".repeat(7));
        assert_eq!(out, expected);
    }

    #[test]
    fn indents_every_line_of_prose() {
        let mut out = String::new();
        push_text(&mut out, "    ", &"word ".repeat(30));
        assert!(out.lines().all(|line| line.starts_with("    word") && line.len() <= WIDTH), "{out}");
        assert_eq!(out.lines().count(), 3);
    }

    proptest! {
        #[test]
        fn keeps_every_word_and_its_lines_short(text in "[a é\t\r\n]{0,900}", indent in " {1,8}") {
            let mut out = String::new();
            push_field(&mut out, "Field", &text);
            let mut prose = String::new();
            push_text(&mut prose, &indent, &text);
            for (written, name) in [(&out, "Field:"), (&prose, "")] {
                let solid = |text: &str| text.split_whitespace().collect::<String>();
                prop_assert_eq!(solid(&written[name.len()..]), solid(&text));
                prop_assert!(written.ends_with("\r\n"));
                prop_assert!(!written.trim_end().replace("\r\n ", "").contains(['\r', '\n']));
                prop_assert!(written.split("\r\n").all(|line| line.len() < 900));
            }
        }
    }
}
