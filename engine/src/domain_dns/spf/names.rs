//! Names in SPF records (RFC 7208 sections 4.3 and 7.1).

/// Whether `name` is a domain name that can be looked up: two labels at least, 63 octets each, 253 in all. An
/// underscore may stand in it, and the last label is no number.
pub fn is_domain_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(is_label)
        && name.rsplit('.').next().is_some_and(|top| top.bytes().any(|b| !b.is_ascii_digit()))
}

/// Whether `text`, which has a percent sign, is made of well-formed macros (section 7.1).
pub(super) fn has_good_macros(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(['%', '_', '-']) {
            rest = after;
            continue;
        }
        let Some((inside, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            return false;
        };
        if !is_macro(inside) {
            return false;
        }
        rest = after;
    }
    text.bytes().all(|b| (0x21..=0x7e).contains(&b))
}

/// What stands between the braces: a letter, how many parts, whether reversed, and where to split.
fn is_macro(inside: &str) -> bool {
    // c, r and t are for explanations only (section 7.2).
    let Some(rest) = inside.strip_prefix(|c: char| "slodiphvSLODIPHV".contains(c)) else { return false };
    let parts = rest.bytes().take_while(u8::is_ascii_digit).count();
    // "The DIGITs must be a positive number", of which there are 128 at most.
    let are_parts_right =
        parts == 0 || rest[..parts].parse::<u8>().is_ok_and(|parts| (1..=128).contains(&parts));
    let rest = &rest[parts..];
    let rest = rest.strip_prefix(['r', 'R']).unwrap_or(rest);
    are_parts_right && rest.bytes().all(|b| b".-+,/_=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_is_none() {
        for good in
            ["example.com", "_spf.example.com.", "a.b.c.d.example", "xn--bcher-kva.example", "1.example"]
        {
            assert!(is_domain_name(good), "{good}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for bad in ["", ".", "com", "a..b", "-a.b", "a b.c", "192.0.2.1", "a.b:c", &long] {
            assert!(!is_domain_name(bad), "{bad}");
        }
    }

    #[test]
    fn macros_are_told_from_what_is_none() {
        for good in
            ["%{i}._spf.example.com", "%{ir}.%{v}.x", "%{d2}.x", "%{L3r.-+}.x", "a%%b%_%-.x", "%{s128}.x"]
        {
            assert!(has_good_macros(good), "{good}");
        }
        for bad in
            ["%", "%{", "%{}", "%{x}.a", "%{c}.a", "%{d0}", "%{d129}", "%{d!}", "%i.a", "%{i} a", "é%{i}"]
        {
            assert!(!has_good_macros(bad), "{bad}");
        }
    }
}
