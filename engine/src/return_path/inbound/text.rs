//! Text of strangers, made comparable and harmless.

use crate::{address::EmailAddress, smtp::reply::printable};

/// Most characters kept of a value.
pub(super) const MAX_VALUE: usize = 1_000;

/// A value on one line, without control characters and white space around it, bounded; `None` if nothing is left.
pub(super) fn value(text: &str) -> Option<String> {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let kept = printable(&joined, MAX_VALUE);
    (!kept.is_empty()).then_some(kept)
}

/// Lower case, white space folded to one space, quotes and dashes of typographers made plain: what phrases are
/// looked for in.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut space = true;
    for c in text.chars() {
        let c = match c {
            '\u{2018}' | '\u{2019}' | '`' | '\u{b4}' => '\'',
            '\u{2010}'..='\u{2014}' => '-',
            c => c,
        };
        if c.is_whitespace() || c == '\u{200b}' {
            if !space {
                plain.push(' ');
            }
            space = true;
        } else {
            plain.extend(c.to_lowercase());
            space = false;
        }
    }
    plain
}

/// Whether one of the phrases, in plain form, stands in a plain text.
pub(super) fn has_any(plain: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| plain.contains(phrase))
}

/// Whether a text begins with one of the phrases.
pub(super) fn starts_with_any(plain: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| plain.starts_with(phrase))
}

/// The first address in a text, in its normal form, if there is one that could be mailed to.
pub(super) fn first_address(text: &str) -> Option<EmailAddress> {
    addresses(text).next().map(|(_, address)| address)
}

/// The addresses in a text with the place of each one's first octet.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = (usize, EmailAddress)> + '_ {
    memchr::memchr_iter(b'@', text.as_bytes()).filter_map(|at| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        // What could be part of an address: longer is no address, and looking further would be quadratic.
        let window = before.get(before.ceil_char_boundary(before.len().saturating_sub(65))..)?;
        let local = window.rsplit(|c| !in_local(c)).next()?;
        let end = after.find(|c| !in_domain(c)).unwrap_or(after.len()).min(255);
        let domain = after.get(..end)?.trim_end_matches(['.', '-']);
        let is_name = domain.contains('.');
        let address = is_name.then(|| EmailAddress::parse(&format!("{local}@{domain}")).ok())??;
        Some((at - local.len(), address))
    })
}

fn in_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&*+-/=?^_{|}~.".contains(c)
}

fn in_domain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_addresses_where_they_stand() {
        let found = |text| addresses(text).map(|(at, address)| (at, address.to_string())).collect::<Vec<_>>();
        let ann = || "ann@example.org".to_owned();
        for (text, at) in [
            ("ann@example.org", 0),
            ("<ann@example.org>:", 1),
            ("RCPT TO:<ann@example.org>", 9),
            ("\"ann@example.org\"", 1),
            ("to ann@example.org.", 3),
            ("メール ann@example.org。", 10),
        ] {
            assert_eq!(found(text), [(at, ann())], "{text}");
        }
        for none in ["", "@", "ann@", "ann@localhost", "@example.org", "a@b@", "ann @ example.org"] {
            assert_eq!(found(none), [], "{none}");
        }
    }

    #[test]
    fn plain_text_has_one_form() {
        assert_eq!(plain("  Your\u{a0}message \r\n\tcouldn\u{2019}t BE "), "your message couldn't be ");
    }
}
