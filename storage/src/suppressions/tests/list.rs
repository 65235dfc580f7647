//! Lists, their filters and their cursors.

use super::*;
use proptest::{collection::vec, prelude::*, sample::select};

impl World {
    fn page(&self, from: ListStart, limit: usize) -> ListPage {
        self.store.list(&self.account, from, limit, NOW).unwrap()
    }

    /// The addresses of a whole list, read page by page; each cursor goes through its text.
    fn all(&self, filter: ListFilter, limit: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut from = ListStart::Of(filter);
        loop {
            let page = self.page(from, limit);
            assert!(page.rows.len() <= limit);
            found.extend(page.rows.iter().map(|row| row.email.to_string()));
            let Some(next) = page.next else { return found };
            from = ListStart::At(next.to_string().parse().unwrap());
        }
    }
}

fn by(scope: &str) -> Scope {
    if scope.is_empty() { Scope::Account } else { Scope::SendingDomain(domain(scope)) }
}

#[test]
fn sending_domains_come_first_and_the_newest_first_in_each_group() {
    let world = World::new();
    for (text, scope) in
        [("1@a.example", ""), ("2@a.example", "y.example"), ("3@a.example", ""), ("4@a.example", "x.example")]
    {
        world.create(text, by(scope), None);
    }
    for limit in 1..6 {
        let found = world.all(ListFilter::default(), limit);
        assert_eq!(found, ["4@a.example", "2@a.example", "3@a.example", "1@a.example"], "{limit}");
    }
    let full = world.page(ListStart::Of(ListFilter::default()), 4);
    assert_eq!((full.rows.len(), full.next), (4, None), "a page that holds the last row is the last");
}

#[test]
fn a_cursor_is_stable_while_rows_come_and_go() {
    let world = World::new();
    let rows: Vec<_> =
        (0..6).map(|n| world.create(&format!("{n}@a.example"), Scope::Account, None).row).collect();
    let first = world.page(ListStart::Of(ListFilter::default()), 2);
    assert_eq!(first.rows, [rows[5].clone(), rows[4].clone()]);
    // The very row that the cursor stands on, one behind it, and new ones before it.
    for gone in [4, 2] {
        world.store.remove(&world.account, rows[gone].id, NOW).unwrap();
    }
    world.create("new@a.example", Scope::Account, None);
    world.create("new@a.example", by("x.example"), None);
    let second = world.page(ListStart::At(first.next.unwrap()), 10);
    assert_eq!(second.rows, [rows[3].clone(), rows[1].clone(), rows[0].clone()]);
    assert_eq!(second.next, None);
}

#[test]
fn a_cursor_that_no_list_returned_is_an_error() {
    let world = World::new();
    for n in 0..3 {
        world.create(&format!("{n}@a.example"), Scope::Account, None);
    }
    let good = world.page(ListStart::Of(ListFilter::default()), 1).next.unwrap().to_string();
    assert!(good.parse::<ListCursor>().is_ok());
    for at in 0..good.len() {
        let mut bad = good.clone().into_bytes();
        bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
        let bad = String::from_utf8(bad).unwrap();
        assert_eq!(bad.parse::<ListCursor>(), Err(InvalidCursor), "{bad}");
        assert!(good[..at].parse::<ListCursor>().is_err());
    }
    for bad in ["é", "====", &"A".repeat(100_000)] {
        assert!(bad.parse::<ListCursor>().is_err());
    }
}

#[test]
fn a_search_takes_a_whole_address_a_user_or_a_beginning() {
    let world = World::new();
    for text in ["ann@a.example", "ann@a.example.org", "Ann@b.example", "anna@a.example", "bob@a.example"] {
        world.create(text, Scope::Account, None);
    }
    let search = |text: &str| {
        let filter = ListFilter { search: Search::read(text), ..ListFilter::default() };
        assert!(filter.search.is_some());
        let mut found = world.all(filter, 2);
        found.sort();
        found
    };
    assert_eq!(search("ANN@a.example"), ["ann@a.example"]);
    assert_eq!(search("ann@"), ["Ann@b.example", "ann@a.example", "ann@a.example.org"]);
    assert_eq!(search("ANN"), ["Ann@b.example", "ann@a.example", "ann@a.example.org", "anna@a.example"]);
    assert!(search("%").is_empty() && search("a_n").is_empty() && search("' OR 1=1 --").is_empty());
    for nothing in ["", "a\0b", &"a".repeat(MAX_SEARCH + 1)] {
        assert_eq!(Search::read(nothing), None);
    }
}

#[test]
fn an_account_without_rows_has_an_empty_list() {
    let page = World::new().page(ListStart::Of(ListFilter::default()), 5);
    assert_eq!(page, ListPage { rows: Vec::new(), next: None });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is asked for, the pages together are what a plain filter over all rows gives.
    #[test]
    fn pages_are_the_filtered_list(
        rows in vec((select(vec!["ann", "anna", "bob"]), 0..3_u8, select(vec!["", "x.example", "y.example"]), any::<bool>(), any::<bool>()), 0..25),
        email_filter in select(vec![None, Some("ann@d1.example")]),
        reason in select(vec![None, Some(Reason::Manual), Some(Reason::HardBounce)]),
        scope in select(vec![ScopeFilter::Any, ScopeFilter::Account, ScopeFilter::SendingDomains, ScopeFilter::SendingDomain(domain("x.example"))]),
        search in select(vec![None, Some("ann"), Some("ann@"), Some("bob@d1.example")]),
        limit in 1..7_usize,
    ) {
        let world = World::new();
        let mut model: Vec<Suppression> = Vec::new();
        for (user, number, scope, manual, over) in rows {
            let text = format!("{user}@d{number}.example");
            let expires = over.then_some(NOW);
            let cause = AutomaticCause::HardBounce;
            let entry = Automatic { account: world.account.clone(), email: email(&text), cause, scope: by(scope), expires, note: None };
            // Created in the past, so that those which are over by now are still rows.
            let before = UnixMillis::new(1);
            let new = NewSuppression { email: email(&text), scope: by(scope), expires, note: None };
            let stored = if manual { world.store.create(&world.account, new, before).unwrap() }
                else { world.store.add_automatic(vec![entry], before).unwrap().remove(0) };
            // A row that is promoted keeps its place.
            match model.iter_mut().find(|row| row.id == stored.row.id) {
                Some(row) => *row = stored.row,
                None => model.insert(0, stored.row),
            }
        }
        let filter = ListFilter {
            email: email_filter.map(|text| AddressKey::of(&email(text))),
            reason,
            scope: scope.clone(),
            search: search.and_then(Search::read),
        };
        let shown = |row: &&Suppression| {
            let text = row.email.as_str();
            !row.is_over(NOW)
                && email_filter.is_none_or(|wanted| wanted == text)
                && reason.is_none_or(|wanted| wanted == row.reason)
                && search.is_none_or(|wanted| if wanted.contains("@d") { wanted == text } else { text.starts_with(wanted) })
                && match &scope {
                    ScopeFilter::Any => true,
                    ScopeFilter::Account => row.scope == Scope::Account,
                    ScopeFilter::SendingDomains => row.scope != Scope::Account,
                    ScopeFilter::SendingDomain(domain) => row.scope == Scope::SendingDomain(domain.clone()),
                }
        };
        let mut expected: Vec<_> = model.iter().filter(shown).cloned().collect();
        expected.sort_by_key(|row| row.scope == Scope::Account);
        let mut found = Vec::new();
        let mut from = ListStart::Of(filter);
        loop {
            let page = world.page(from, limit);
            found.extend(page.rows);
            let Some(next) = page.next else { break };
            from = ListStart::At(next);
        }
        prop_assert_eq!(found, expected);
    }
}
