//! One record of several (RFC 7208 section 3.2 allows one a name): ours with those of others.

use super::{
    record::{Modifier, Qualifier, SpfRecord, SpfTerm, TermKind},
    term::Mechanism,
};

/// Whether the record `there` says itself all that `ours` says: each of its terms, before anything decides for all.
pub fn covers(there: &str, ours: &str) -> bool {
    let there = SpfRecord::parse(there);
    let decided = there.terms.iter().position(is_all).unwrap_or(there.terms.len());
    let before = &there.terms[..decided];
    sources(&SpfRecord::parse(ours)).all(|our| before.iter().any(|term| is_same(term, our)))
}

/// The one record that lets send whoever `ours` or one of `others` does: ours first, lest a limit is met before, and
/// at the end what the first of the others says of everybody else. `None` when one of them is malformed, or more than
/// one redirects.
pub fn merged(ours: &str, others: &[&str]) -> Option<String> {
    let others: Vec<_> = others.iter().map(|text| SpfRecord::parse(text)).collect();
    let ours = SpfRecord::parse(ours);
    if others.iter().any(|record| !record.errors.is_empty()) {
        return None;
    }
    let mut terms: Vec<&SpfTerm> = sources(&ours).collect();
    for term in others.iter().flat_map(|record| &record.terms).filter(|term| !is_all(term)) {
        if !terms.iter().any(|there| is_same(there, term)) {
            terms.push(term);
        }
    }
    let redirects = terms.iter().filter(|term| is_redirect(term)).count();
    if redirects > 1 || terms.iter().filter(|term| is_explanation(term)).count() > 1 {
        return None;
    }
    let ends =
        others.iter().chain([&ours]).filter_map(|record| record.terms.iter().find(|term| is_all(term)));
    // A redirect says of everybody else what an end would.
    let end = ends.take(usize::from(redirects == 0)).next();
    Some(written(terms.into_iter().chain(end)))
}

/// The record `there` without the terms of `ours`; `None` where that leaves nobody who may send.
pub fn without(there: &str, ours: &str) -> Option<String> {
    let (there, ours) = (SpfRecord::parse(there), SpfRecord::parse(ours));
    let is_ours = |term: &&SpfTerm| sources(&ours).any(|our| is_same(term, our));
    let rest: Vec<_> = there.terms.iter().filter(|term| !is_ours(term)).collect();
    rest.iter().any(|term| !is_all(term)).then(|| written(rest.into_iter()))
}

fn written<'a>(terms: impl Iterator<Item = &'a SpfTerm>) -> String {
    terms.fold("v=spf1".to_owned(), |text, term| text + " " + &term.text)
}

/// The terms that let somebody send.
fn sources(record: &SpfRecord) -> impl Iterator<Item = &SpfTerm> {
    let is_source =
        |term: &&SpfTerm| matches!(term.kind, TermKind::Mechanism(Qualifier::Pass, _)) && !is_all(term);
    record.terms.iter().filter(is_source)
}

fn is_same(one: &SpfTerm, other: &SpfTerm) -> bool {
    let plain = |term: &SpfTerm| term.text.strip_prefix('+').unwrap_or(&term.text).to_ascii_lowercase();
    plain(one) == plain(other)
}

fn is_all(term: &SpfTerm) -> bool {
    matches!(term.kind, TermKind::Mechanism(_, Mechanism::All))
}

fn is_redirect(term: &SpfTerm) -> bool {
    matches!(term.kind, TermKind::Modifier(Modifier::Redirect(_)))
}

fn is_explanation(term: &SpfTerm) -> bool {
    matches!(term.kind, TermKind::Modifier(Modifier::Explanation(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_dns::spf::is_spf;
    use proptest::prelude::*;

    const OURS: &str = "v=spf1 include:_spf.mail.test ~all";

    #[test]
    fn others_keep_their_say_and_there_is_one_end() {
        let cases: [(&[&str], &str); 7] = [
            (&[], OURS),
            (
                &["v=spf1 include:_spf.google.com -all"],
                "v=spf1 include:_spf.mail.test include:_spf.google.com -all",
            ),
            (&["v=spf1 mx  +INCLUDE:_spf.mail.test ?all"], "v=spf1 include:_spf.mail.test mx ?all"),
            (&["v=spf1 a"], "v=spf1 include:_spf.mail.test a ~all"),
            (&["v=spf1 redirect=x.test"], "v=spf1 include:_spf.mail.test redirect=x.test"),
            (&["v=spf1 a -all", "V=SPF1 mx a ~all"], "v=spf1 include:_spf.mail.test a mx -all"),
            (&["v=spf1"], OURS),
        ];
        for (others, expected) in cases {
            assert_eq!(merged(OURS, others).as_deref(), Some(expected), "{others:?}");
        }
        for wrong in [&["v=spf1 incldue:x.test"][..], &["v=spf1 redirect=a.test", "v=spf1 redirect=b.test"]] {
            assert_eq!(merged(OURS, wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_record_covers_ours_where_nothing_decides_before() {
        let cases = [
            (OURS, true),
            ("v=spf1 mx +include:_SPF.mail.test -all", true),
            ("v=spf1 -all include:_spf.mail.test", false),
            ("v=spf1 ~include:_spf.mail.test", false),
            ("v=spf1 mx -all", false),
        ];
        for (there, expected) in cases {
            assert_eq!(covers(there, OURS), expected, "{there}");
        }
    }

    #[test]
    fn what_was_added_is_taken_out_again() {
        for theirs in ["v=spf1 include:_spf.google.com -all", "v=spf1 redirect=x.test", "v=spf1 a mx ?all"] {
            let both = merged(OURS, &[theirs]).unwrap();
            assert!(covers(&both, OURS));
            assert_eq!(without(&both, OURS).as_deref(), Some(theirs));
        }
        assert_eq!(without(OURS, OURS), None);
    }

    proptest! {
        #[test]
        fn whatever_is_merged_is_one_good_record(others in proptest::collection::vec("( ?[a-z+~?:=.-]{0,12}){0,4}", 0..3)) {
            let others: Vec<_> = others.iter().map(|rest| format!("v=spf1 {rest}")).collect();
            let others: Vec<_> = others.iter().map(String::as_str).collect();
            if let Some(text) = merged(OURS, &others) {
                prop_assert!(is_spf(&text) && covers(&text, OURS), "{}", text);
                prop_assert_eq!(SpfRecord::parse(&text).errors, []);
            }
        }
    }
}
