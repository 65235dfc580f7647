//! Media types as applications write them (RFC 2045 section 5.1).

/// Longest media type with parameters, in characters.
const MAX_CONTENT_TYPE: usize = 255;

/// A media type with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MediaType {
    /// `type/subtype` in lower case.
    pub(super) essence: String,
    /// Parameters in order, values without quotes.
    pub(super) parameters: Vec<(String, String)>,
}

impl MediaType {
    /// A file of unknown kind.
    pub(super) fn unknown() -> Self {
        Self { essence: "application/octet-stream".to_owned(), parameters: Vec::new() }
    }

    /// Reads `type/subtype` with optional parameters; `None` when it is malformed, longer than 255
    /// characters or holds control characters.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_CONTENT_TYPE || text.chars().any(|c| c.is_control() || !c.is_ascii()) {
            return None;
        }
        let mut pieces = split_unquoted(text).into_iter();
        let essence = pieces.next()?.trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let parameters =
            pieces.filter(|p| !p.trim().is_empty()).map(read_parameter).collect::<Option<Vec<_>>>()?;
        Some(Self { essence, parameters })
    }
}

/// Splits at semicolons outside quoted strings.
fn split_unquoted(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c| {
        let splits = c == ';' && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        splits
    })
    .collect()
}

fn read_parameter(text: &str) -> Option<(String, String)> {
    let (name, value) = text.trim().split_once('=')?;
    let value = match value.strip_prefix('"') {
        Some(rest) => unescape(rest)?,
        None if is_token(value) => value.to_owned(),
        None => return None,
    };
    is_token(name).then(|| (name.to_ascii_lowercase(), value))
}

/// The content of a quoted string after its opening mark; `None` unless it ends with the closing one.
fn unescape(rest: &str) -> Option<String> {
    let mut value = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return chars.as_str().is_empty().then_some(value),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

/// `token` of RFC 2045 section 5.1.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_types_and_parameters() {
        let calendar = MediaType::parse("Text/Calendar; METHOD=REQUEST; name=\"a;\\\"b\"; ").unwrap();
        assert_eq!(calendar.essence, "text/calendar");
        let expected = [("method", "REQUEST"), ("name", "a;\"b")].map(|(n, v)| (n.into(), v.into()));
        assert_eq!(calendar.parameters, expected);
        assert_eq!(MediaType::parse("image/svg+xml").unwrap().parameters, []);
    }

    #[test]
    fn refuses_what_is_no_type() {
        let long = format!("text/{}", "a".repeat(300));
        for text in [
            "",
            "png",
            "/png",
            "image/",
            "image/p ng",
            "a/b/c",
            "a/b; x",
            "a/b; x=\"y",
            "a/b; x=\"y\"z",
            "a/b\r\nX: y",
            "é/b",
            &long,
        ] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }
}
