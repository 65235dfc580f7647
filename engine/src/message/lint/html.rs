//! As much of HTML as checks need: elements with their attributes, and the words up to where they end.

use mail_parser::decoders::html::html_to_text;

/// Most elements of a message that are looked at.
const MAX_TAGS: usize = 20_000;
/// Most octets of words in an element.
const MAX_WORDS: usize = 2_000;

/// The start of an element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag<'h> {
    name: &'h str,
    attributes: &'h str,
    /// What follows it.
    after: &'h str,
}

/// The elements that begin in `html`, in order. Comments have none.
pub(super) fn tags(html: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = html;
    std::iter::from_fn(move || {
        loop {
            let (_, at) = rest.split_once('<')?;
            if let Some(comment) = at.strip_prefix("!--") {
                rest = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            let name = at.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            if name.is_empty() {
                rest = at;
                continue;
            }
            let attributes = at.get(name.len()..).unwrap_or_default();
            let end = end_of_tag(attributes);
            rest = attributes.get(end..).map_or("", |after| after.strip_prefix('>').unwrap_or(after));
            return Some(Tag { name, attributes: attributes.get(..end).unwrap_or_default(), after: rest });
        }
    })
    .take(MAX_TAGS)
}

/// Where the attributes of a tag end: at a `>` that no quotation marks are around.
fn end_of_tag(attributes: &str) -> usize {
    let mut quote = None;
    for (at, octet) in attributes.bytes().enumerate() {
        match (quote, octet) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(octet),
            (Some(open), _) if open == octet => quote = None,
            _ => {}
        }
    }
    attributes.len()
}

impl Tag<'_> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value of an attribute; empty if it has none.
    pub(super) fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            let length =
                rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/')).unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(length.max(1))?;
            let (value, after) = match after.trim_start().strip_prefix('=') {
                Some(value) => value_of(value.trim_start()),
                None => ("", after),
            };
            if name.eq_ignore_ascii_case(wanted) {
                return Some(value.trim().replace("&amp;", "&"));
            }
            rest = after;
        }
    }

    /// The words between it and the end of the element.
    pub(super) fn text(&self) -> String {
        let close = format!("</{}", self.name.to_ascii_lowercase());
        let words = self.after.get(..floor(self.after, MAX_WORDS)).unwrap_or_default();
        let end = words.to_ascii_lowercase().find(&close).unwrap_or(words.len());
        html_to_text(words.get(..end).unwrap_or_default()).trim().to_owned()
    }
}

/// The largest place up to `most` where `text` can be cut.
fn floor(text: &str, most: usize) -> usize {
    let most = most.min(text.len());
    (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A value with or without quotation marks, and what follows.
fn value_of(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// The host of an address of the web, without `www.`.
pub(super) fn host(address: &str) -> Option<String> {
    let (scheme, rest) = address.trim().split_once("://")?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return None;
    }
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?.to_ascii_lowercase();
    Some(host.strip_prefix("www.").unwrap_or(&host).to_owned())
}

/// The host that words show, if they are nothing but an address of the web.
pub(super) fn host_in_text(words: &str) -> Option<String> {
    if words.is_empty() || words.contains(char::is_whitespace) {
        return None;
    }
    let with_scheme = if words.contains("://") { words.to_owned() } else { format!("http://{words}") };
    let host = host(&with_scheme)?;
    let labels: Vec<_> = host.split('.').collect();
    let is_name =
        |label: &&str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_known =
        labels.last().is_some_and(|last| last.len() >= 2 && last.bytes().all(|b| b.is_ascii_alphabetic()));
    // "v1.2" and "e.g." are no names, and who shows an address of mail does not pose.
    (labels.len() >= 2 && labels.iter().all(is_name) && is_known && !words.contains('@')).then_some(host)
}
