//! The links in texts.

use super::domain::registered;
use std::collections::BTreeSet;
use url::{Host, Url};

/// Most different links that are kept.
pub(super) const MAX_URIS: usize = 100;
/// Longest link that is read, in octets; what follows is left out.
const MAX_URI: usize = 2_048;
/// Most registered domains that lists are asked about.
pub(super) const MAX_DOMAINS: usize = 20;

/// Links as browsers understand them: schemes and hosts in lower case, hosts in ASCII, odd ways to write addresses
/// undone.
#[derive(Debug, Default)]
pub(super) struct Uris {
    /// Each once, in the order of the texts.
    pub(super) all: Vec<String>,
    /// What is known already.
    seen: BTreeSet<String>,
    /// The registered domains of their hosts, each once.
    pub(super) domains: Vec<String>,
}

impl Uris {
    /// Adds the links of a text or of HTML as it was written.
    pub(super) fn add(&mut self, text: &str) {
        // Finds `://` and `www.`, the two that make programs show a link.
        for (at, _) in text.match_indices("://") {
            let scheme = ["https", "http"].into_iter().find(|scheme| ends_with(text, at, scheme));
            if let Some(scheme) = scheme {
                self.add_one(&format!("{scheme}{}", cut(text, at)));
            }
            if self.all.len() >= MAX_URIS {
                return;
            }
        }
        for (at, _) in text.match_indices("www.") {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let begins = before.is_none_or(|c| c.is_whitespace() || "(<>\"'".contains(c));
            let link = cut(text, at);
            if begins && link.len() > "www.".len() && self.all.len() < MAX_URIS {
                self.add_one(&format!("http://{link}"));
            }
        }
    }

    fn add_one(&mut self, text: &str) {
        // What HTML writes for the characters that links are made of.
        let text = text.replace("&amp;", "&").replace("&#46;", ".").replace("&#x2e;", ".");
        let Ok(url) = Url::parse(text.trim_end_matches(['.', ',', ';', ':', '!', '?'])) else { return };
        if !self.seen.insert(url.as_str().to_owned()) {
            return;
        }
        if let Some(Host::Domain(host)) = url.host()
            && let Some(domain) = registered(host.trim_end_matches('.'))
            && self.domains.len() < MAX_DOMAINS
            && !self.domains.iter().any(|known| known == domain)
        {
            self.domains.push(domain.to_owned());
        }
        self.all.push(url.into());
    }
}

/// Whether what stands before `at` ends with `word`, in any case.
fn ends_with(text: &str, at: usize, word: &str) -> bool {
    let start = at.checked_sub(word.len());
    start.and_then(|start| text.get(start..at)).is_some_and(|before| before.eq_ignore_ascii_case(word))
}

/// From `at` to the first character that ends a link in text or HTML.
fn cut(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    let rest = rest.get(..rest.floor_char_boundary(MAX_URI)).unwrap_or_default();
    let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"'`)]}|\\^".contains(c);
    rest.split(ends).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Uris {
        let mut uris = Uris::default();
        uris.add(text);
        uris
    }

    #[test]
    fn links_are_found_however_they_are_written() {
        let cases = [
            ("see https://a.example/x.", "https://a.example/x"),
            ("<a href=\"HTTP://A.Example/p?a=1&amp;b=2\">", "http://a.example/p?a=1&b=2"),
            ("(http://a.example)", "http://a.example/"),
            ("go to www.a.example, now", "http://www.a.example/"),
            ("http://ex%61mple.com", "http://example.com/"),
            ("http://3232235777/x", "http://192.168.1.1/x"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("href='http://a&#46;example/'", "http://a.example/"),
        ];
        for (text, uri) in cases {
            assert_eq!(found(text).all, [uri], "{text}");
        }
        for text in ["ftp://a.example", "a://b", "://", "http://", "http:// www. ", "awww.a.example"] {
            assert!(found(text).all.is_empty(), "{text}");
        }
    }

    #[test]
    fn their_number_is_bounded() {
        let many: String = (0..500).map(|n| format!("http://h{n}.example{n}.test/ www.{n}.test\n")).collect();
        let uris = found(&many);
        assert_eq!((uris.all.len(), uris.domains.len()), (MAX_URIS, MAX_DOMAINS));
        assert_eq!(found("http://a.b.test http://c.b.test http://a.b.test").domains, ["b.test"]);
    }
}
