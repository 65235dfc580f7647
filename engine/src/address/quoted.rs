//! Quoted strings, as local parts and display names use them (RFC 5321 section 4.1.2).

use super::AddressProblem;

/// Reads the quoted string that begins `text` (with its `"`).
///
/// Returns the content without quotes and escapes, and what follows the closing mark. `before` is the
/// number of characters of the whole that precede `text`, for error positions.
///
/// # Errors
/// [`AddressProblem::UnclosedQuote`], or [`AddressProblem::Character`] for a control character.
pub(super) fn read(text: &str, before: usize) -> Result<(String, &str), AddressProblem> {
    let mut content = String::new();
    let mut escaped = false;
    for (index, (offset, found)) in text.char_indices().enumerate().skip(1) {
        match found {
            _ if found.is_control() => {
                return Err(AddressProblem::Character { at: before + index + 1, found });
            }
            _ if escaped => escaped = false,
            '\\' => {
                escaped = true;
                continue;
            }
            '"' => return Ok((content, text.get(offset + 1..).unwrap_or_default())),
            _ => {}
        }
        content.push(found);
    }
    Err(AddressProblem::UnclosedQuote { at: before + 1 })
}

/// Writes `content` as a quoted string with the fewest escapes.
pub(super) fn write(content: &str) -> String {
    let mut quoted = String::with_capacity(content.len() + 2);
    quoted.push('"');
    for c in content.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}
