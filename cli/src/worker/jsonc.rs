//! JSON with comments and trailing commas, as `wrangler.jsonc` has it.

/// The same as plain JSON. What is taken out leaves spaces behind, so that errors name the right line and column.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('"', _) => {
                plain.push(c);
                string(&mut plain, &mut rest);
            }
            ('/', Some('/')) => {
                plain.push(' ');
                while let Some(c) = rest.next_if(|c| *c != '\n') {
                    blank(&mut plain, c);
                }
            }
            ('/', Some('*')) => {
                blank(&mut plain, c);
                let mut last = ' ';
                for c in rest.by_ref() {
                    blank(&mut plain, c);
                    if (last, c) == ('*', '/') {
                        break;
                    }
                    last = c;
                }
            }
            _ => plain.push(c),
        }
    }
    without_trailing_commas(&plain)
}

/// Copies what is left of a string, its closing quote included.
fn string(plain: &mut String, rest: &mut impl Iterator<Item = char>) {
    while let Some(c) = rest.next() {
        plain.push(c);
        match c {
            '"' => return,
            '\\' => plain.extend(rest.next()),
            _ => {}
        }
    }
}

fn blank(plain: &mut String, c: char) {
    plain.push(if c == '\n' { c } else { ' ' });
}

fn without_trailing_commas(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let next = || rest.as_str().trim_start().chars().next();
        match c {
            ',' if matches!(next(), Some('}' | ']')) => whole.push(' '),
            '"' => {
                whole.push(c);
                string(&mut whole, &mut rest);
            }
            _ => whole.push(c),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_go_and_strings_stay() {
        let text =
            "{ // a \"comment\"\n \"url\": \"https://a/*b*/,]\\\"\", /* more\n */ \"list\": [1, 2,],\n}";
        let plain = plain(text);
        assert_eq!(plain.lines().count(), text.lines().count());
        let value: serde_json::Value = serde_json::from_str(&plain).unwrap();
        assert_eq!(value, serde_json::json!({ "url": "https://a/*b*/,]\"", "list": [1, 2] }));
    }

    #[test]
    fn what_is_cut_off_stays_an_error_and_nothing_panics() {
        for text in ["{\"a\": \"b\\", "/* never", "{\"a\": 1, // x", "/", "\"", ","] {
            assert!(serde_json::from_str::<serde_json::Value>(&plain(text)).is_err(), "{text}");
        }
    }
}
