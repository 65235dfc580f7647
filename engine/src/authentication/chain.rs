//! The sets of an Authenticated Received Chain in a header section (RFC 8617 section 4).

use super::MethodResult;
use crate::message::{Field, fields};
use mail_auth::arc::{ChainValidation, Results, Seal, Signature};

/// The highest instance a set may have (RFC 8617 section 4.2.1).
pub const MAX_INSTANCE: u32 = 50;

/// The chain of a message, as far as it can be read.
#[derive(Debug, Clone, Default)]
pub struct ArcChain<'m> {
    /// Every field with its instance and kind, by instance, in the order in which they are sealed.
    fields: Vec<(u32, Kind, Field<'m>)>,
    is_closed: bool,
}

/// The fields of a set, in the order in which they are sealed (section 5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Results,
    Signature,
    Seal,
}

impl<'m> ArcChain<'m> {
    /// Reads the chain of a header section. What cannot be read is left out: whether the chain holds is not said here.
    pub fn read(header: &'m [u8]) -> Self {
        let mut chain = Self::default();
        let mut newest = 0;
        for field in fields(header) {
            let found = match kind(field.name()) {
                Some(Kind::Results) => {
                    Results::parse(field.value()).ok().map(|results| (results.i, Kind::Results))
                }
                Some(Kind::Signature) => Signature::parse(field.value()).ok().map(|s| (s.i, Kind::Signature)),
                Some(Kind::Seal) => Seal::parse(field.value()).ok().map(|seal| {
                    if seal.i >= newest {
                        newest = seal.i;
                        chain.is_closed = seal.cv == ChainValidation::Fail;
                    }
                    (seal.i, Kind::Seal)
                }),
                None => None,
            };
            chain.fields.extend(found.map(|(instance, kind)| (instance, kind, field)));
        }
        chain.fields.sort_by_key(|(instance, kind, _)| (*instance, *kind));
        chain
    }

    /// The highest instance; 0 without a chain.
    pub fn highest(&self) -> u32 {
        self.fields.last().map_or(0, |(instance, ..)| *instance)
    }

    /// Whether the newest seal says that the chain is broken: then nobody adds to it (section 5.1).
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The fields in the order in which they are sealed.
    pub(super) fn fields(&self) -> impl Iterator<Item = &Field<'m>> {
        self.fields.iter().map(|(_, _, field)| field)
    }

    /// What the first sealer found of `method`; none where it does not say.
    pub fn first_result(&self, method: &str) -> MethodResult {
        let is_first =
            |(instance, kind, _): &&(u32, Kind, Field<'_>)| (*instance, *kind) == (1, Kind::Results);
        self.fields.iter().find(is_first).map_or(MethodResult::None, |(_, _, field)| result_of(field, method))
    }
}

fn kind(name: &[u8]) -> Option<Kind> {
    let name = name.trim_ascii_end();
    let kinds = [
        ("ARC-Authentication-Results", Kind::Results),
        ("ARC-Message-Signature", Kind::Signature),
        ("ARC-Seal", Kind::Seal),
    ];
    kinds.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes())).map(|(_, kind)| *kind)
}

/// The result of `method` in a list of results, the first if there are several.
fn result_of(field: &Field<'_>, method: &str) -> MethodResult {
    let text = outside_of_quotes(&field.unfolded());
    let results = text.split(';').filter_map(|result| result.split_once('='));
    let mut of_method = results.filter(|(name, _)| name.trim().eq_ignore_ascii_case(method));
    let word = of_method.next().and_then(|(_, rest)| rest.split_ascii_whitespace().next().map(str::to_owned));
    let known =
        |word: String| MethodResult::ALL.into_iter().find(|known| word.eq_ignore_ascii_case(known.as_str()));
    word.and_then(known).unwrap_or_default()
}

/// The text without its quoted strings and comments, where words of others stand.
fn outside_of_quotes(text: &str) -> String {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut outside = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            c => outside.push(c),
        }
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_first_sealer_found() {
        let first = |results: &str| {
            let header = format!(
                "ARC-Authentication-Results: i=2; b; dmarc=fail\r\n\
                 ARC-Authentication-Results: i=1; a;{results}\r\n"
            );
            ArcChain::read(header.as_bytes()).first_result("dmarc")
        };
        for (results, expected) in [
            (" spf=pass;\r\n\tdmarc=pass (p=reject) header.from=x", MethodResult::Pass),
            (" dmarc = pass header.from=x", MethodResult::Pass),
            ("DMARC=fail; dmarc=pass", MethodResult::Fail),
            (" spf=pass smtp.mailfrom=\"; dmarc=pass ;\"@x", MethodResult::None),
            (" spf=pass (; dmarc=pass )", MethodResult::None),
            (" dmarc=passed", MethodResult::None),
            ("", MethodResult::None),
        ] {
            assert_eq!(first(results), expected, "{results}");
        }
    }

    #[test]
    fn knows_how_far_a_chain_goes_and_whether_it_is_closed() {
        let seal =
            |i: u32, cv: &str| format!("ARC-Seal : i={i}; a=rsa-sha256; cv={cv}; d=a; s=b; b=AAAA\r\n");
        let read = |header: &str| {
            let chain = ArcChain::read(header.as_bytes());
            (chain.highest(), chain.is_closed())
        };
        assert_eq!(read("Subject: x\r\n"), (0, false));
        assert_eq!(read(&(seal(1, "none") + &seal(2, "fail"))), (2, true));
        assert_eq!(read(&(seal(3, "pass") + &seal(2, "fail"))), (3, false));
        assert_eq!(read(&seal(51, "pass")), (0, false));
    }
}
