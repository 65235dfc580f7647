//! One SPF record, term by term (RFC 7208 sections 4.5, 4.6 and 12).

use super::term::{DomainSpec, Mechanism};
use serde::Serialize;

/// Longest term that an error repeats, in characters.
const MAX_SHOWN: usize = 80;
/// Most terms read of one record; a record of a whole DNS message has some 5,000.
const MAX_TERMS: usize = 200;

/// Whether a TXT record is meant to be read as SPF (section 4.5).
pub fn is_spf(text: &str) -> bool {
    text.split_at_checked(6).is_some_and(|(version, rest)| {
        version.eq_ignore_ascii_case("v=spf1") && (rest.is_empty() || rest.starts_with(' '))
    })
}

/// What a match means (section 4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Qualifier {
    /// The host may send.
    #[serde(rename = "+")]
    Pass,
    /// It may not.
    #[serde(rename = "-")]
    Fail,
    /// It may not, and the owner is not quite sure.
    #[serde(rename = "~")]
    SoftFail,
    /// Nothing is said.
    #[serde(rename = "?")]
    Neutral,
}

impl Qualifier {
    fn of(term: &str) -> (Option<Self>, &str) {
        let qualifier = match term.as_bytes().first() {
            Some(b'+') => Self::Pass,
            Some(b'-') => Self::Fail,
            Some(b'~') => Self::SoftFail,
            Some(b'?') => Self::Neutral,
            _ => return (None, term),
        };
        (Some(qualifier), &term[1..])
    }
}

/// A modifier (section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Modifier {
    /// The record of another domain counts where nothing here matches.
    Redirect(DomainSpec),
    /// Where the words of a refusal stand.
    Explanation(DomainSpec),
    /// One that this RFC does not know, which is passed over.
    Unknown,
}

/// What a term is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermKind {
    /// A test of the sending host, and what a match means.
    Mechanism(Qualifier, Mechanism),
    /// Anything else.
    Modifier(Modifier),
}

/// A term and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpfTerm {
    /// Its first character in the record, from 1.
    pub at: usize,
    /// As it is written.
    pub text: String,
    /// What it is.
    pub kind: TermKind,
}

/// A term that means nothing, which makes the whole record useless (section 4.6).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{term:?} at character {at}: {why}")]
pub struct SpfSyntaxError {
    /// Its first character in the record, from 1.
    pub at: usize,
    /// How it begins.
    pub term: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpfRecord {
    /// Its terms in order, without those that are wrong.
    pub terms: Vec<SpfTerm>,
    /// What is wrong with the others, in order.
    pub errors: Vec<SpfSyntaxError>,
}

impl SpfRecord {
    /// Reads a record for which [`is_spf`] holds. Reading goes on past errors, so that all of them are told.
    pub fn parse(text: &str) -> Self {
        let mut record = Self { terms: Vec::new(), errors: Vec::new() };
        let mut at = 1;
        for term in text.split(' ') {
            if at > 1 && !term.is_empty() {
                record.add(at, term);
            }
            at += term.chars().count() + 1;
            if record.terms.len() + record.errors.len() >= MAX_TERMS {
                break;
            }
        }
        record
    }

    fn add(&mut self, at: usize, term: &str) {
        let shown = || term.chars().take(MAX_SHOWN).collect();
        let is_second = |kind: &TermKind| {
            let same = |modifier: &Modifier| match kind {
                TermKind::Modifier(kind) => {
                    *kind != Modifier::Unknown
                        && std::mem::discriminant(kind) == std::mem::discriminant(modifier)
                }
                TermKind::Mechanism(..) => false,
            };
            self.terms.iter().any(|term| matches!(&term.kind, TermKind::Modifier(modifier) if same(modifier)))
        };
        match read_term(term) {
            Ok(kind) if is_second(&kind) => {
                let why = "this modifier stands here for the second time";
                self.errors.push(SpfSyntaxError { at, term: shown(), why });
            }
            Ok(kind) => self.terms.push(SpfTerm { at, text: term.to_owned(), kind }),
            Err(why) => self.errors.push(SpfSyntaxError { at, term: shown(), why }),
        }
    }

    /// Whether it has `all`, behind which nothing counts (section 5.1).
    pub fn has_all(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.kind, TermKind::Mechanism(_, Mechanism::All)))
    }
}

fn read_term(term: &str) -> Result<TermKind, &'static str> {
    if !term.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        return Err("it has a character that is not printable ASCII");
    }
    if let Some((name, value)) = modifier(term) {
        let modifier = match name.to_ascii_lowercase().as_str() {
            "redirect" => Modifier::Redirect(DomainSpec::parse(value)?),
            "exp" => Modifier::Explanation(DomainSpec::parse(value)?),
            "v" => return Err("a second version; join two records by their terms"),
            _ => Modifier::Unknown,
        };
        return Ok(TermKind::Modifier(modifier));
    }
    let (qualifier, rest) = Qualifier::of(term);
    let mechanism = Mechanism::parse(rest)?;
    Ok(TermKind::Mechanism(qualifier.unwrap_or(Qualifier::Pass), mechanism))
}

/// The name and value of what is written like a modifier: a letter, then letters, digits, `-`, `_` or `.`, then an
/// equals sign.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    is_name.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_auth::{common::parse::TxtRecordParser, spf::Spf};
    use proptest::prelude::*;

    #[test]
    fn spf_is_told_from_other_text() {
        assert!(is_spf("v=spf1") && is_spf("V=SPF1 -all"));
        assert!(!is_spf("v=spf10 -all") && !is_spf("v=spf2.0/pra") && !is_spf("spf1") && !is_spf(" v=spf1"));
    }

    #[test]
    fn every_wrong_term_is_told_with_its_place() {
        let record = SpfRecord::parse(
            "v=spf1  include:a.example inclde:b.example ip4:300.1.1.1 redirect=x.y redirect=z.y ~all",
        );
        let errors: Vec<_> = record.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [
                "\"inclde:b.example\" at character 27: there is no such mechanism",
                "\"ip4:300.1.1.1\" at character 44: it names no IPv4 address",
                "\"redirect=z.y\" at character 71: this modifier stands here for the second time",
            ]
        );
        assert_eq!(record.terms.iter().map(|term| term.at).collect::<Vec<_>>(), [9, 58, 84]);
        assert!(record.has_all());
    }

    #[test]
    fn unknown_modifiers_are_passed_over() {
        let record = SpfRecord::parse("v=spf1 moo.cow-far_out=man:dog/cat moo=1 moo=2 ?all");
        assert_eq!(record.errors, []);
        assert_eq!(record.terms.len(), 4);
    }

    #[test]
    fn a_record_of_another_is_not_swallowed() {
        let record = SpfRecord::parse("v=spf1 a v=spf1 mx -all");
        assert_eq!(record.errors.len(), 1, "{record:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,120}") {
            let _ = SpfRecord::parse(&format!("v=spf1 {text}"));
        }

        /// What we take, a receiver's parser takes too.
        #[test]
        fn what_is_right_is_right_elsewhere(
            terms in proptest::collection::vec(
                "[-+~?]?(all|a|mx|a:x\\.example|mx/2[0-9]|ip4:10\\.[0-9]\\.0\\.0/1[0-9]|ip6:2001:db8::/[1-9]|include:[a-c]\\.example|exists:%\\{i\\}\\.x\\.example)",
                0..8,
            )
        ) {
            let text = format!("v=spf1 {}", terms.join(" "));
            prop_assert_eq!(SpfRecord::parse(&text).errors, []);
            prop_assert!(Spf::parse(text.as_bytes()).is_ok(), "{}", text);
        }
    }
}
