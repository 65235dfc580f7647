//! Trees over a made-up DNS.

use super::*;
use crate::{
    domain_dns::{
        answers::{Answer, Answers, Question, decide},
        spf::{SpfInspection, SpfResult},
    },
    mx::MxRecord,
};

/// A DNS of TXT, address and MX records; what it does not have does not exist.
#[derive(Default)]
pub(in crate::domain_dns) struct World(Answers);

impl World {
    pub(in crate::domain_dns) fn txt(mut self, name: &str, texts: &[&str]) -> Self {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        self.0.insert(Question::Txt(name.to_owned()), Answer::Texts(texts));
        self
    }

    pub(in crate::domain_dns) fn addresses(mut self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        self.0.insert(Question::Addresses(name.to_owned()), Answer::Addresses(addresses));
        self
    }

    pub(in crate::domain_dns) fn mx(mut self, name: &str, hosts: &[&str]) -> Self {
        let record = |host: &&str| MxRecord { preference: 10, exchange: (*host).to_owned() };
        self.0.insert(Question::Mx(name.to_owned()), Answer::Exchanges(hosts.iter().map(record).collect()));
        self
    }

    pub(in crate::domain_dns) fn answer(mut self, question: Question, answer: Answer) -> Self {
        self.0.insert(question, answer);
        self
    }

    /// Asks until everything is known.
    pub(in crate::domain_dns) fn judge<T>(&self, judge: impl Fn(&mut Lookups<'_>) -> T) -> T {
        let mut known = Answers::default();
        for _ in 0..100 {
            match decide(&known, &judge) {
                Ok(result) => return result,
                Err(open) => {
                    for question in open {
                        let answer = self.0.get(&question).cloned();
                        known.insert(question, answer.unwrap_or(Answer::None));
                    }
                }
            }
        }
        panic!("no end of questions");
    }

    fn tree(&self, domain: &str) -> SpfTree {
        self.judge(|lookups| SpfTree::build(domain, lookups))
    }
}

fn codes(tree: &SpfTree) -> Vec<(&'static str, String)> {
    tree.all_problems().into_iter().map(|problem| (problem.code.as_str(), problem.domain.clone())).collect()
}

fn result(tree: &SpfTree, address: &str) -> SpfResult {
    tree.judge(address.parse().unwrap()).result
}

#[test]
fn follows_and_counts_what_a_receiver_follows_and_counts() {
    let world = World::default()
        .txt("a.test", &["other", "v=spf1 a mx:mail.test include:b.test exists:%{ir}.x.test -all"])
        .txt("b.test", &["v=spf1 ip4:192.0.2.0/24 include:c.test ?all"])
        .txt("c.test", &["v=spf1 ip6:2001:db8::/32 redirect=d.test"])
        .txt("d.test", &["v=spf1 a:host.test/30 ~all"])
        .addresses("a.test", &["198.51.100.1"])
        .addresses("host.test", &["203.0.113.4"])
        .mx("mail.test", &["mx1.test", "mx2.test"])
        .addresses("mx1.test", &["198.51.100.7", "2001:db8:1::7"]);
    let tree = world.tree("A.test.");
    assert_eq!(codes(&tree), []);
    // a, mx, include b (with include c, redirect d, a:host) and exists.
    assert_eq!((tree.total_lookups(), tree.void_lookups()), (7, 0));
    for (address, expected) in [
        ("198.51.100.1", SpfResult::Pass),
        ("198.51.100.7", SpfResult::Pass),
        ("::ffff:198.51.100.7", SpfResult::Pass),
        ("2001:db8:1::7", SpfResult::Pass),
        ("192.0.2.200", SpfResult::Pass),
        ("203.0.113.6", SpfResult::Pass),
        ("203.0.113.9", SpfResult::Fail),
    ] {
        assert_eq!(result(&tree, address), expected, "{address}");
    }
    let verdict = tree.judge("203.0.113.6".parse().unwrap());
    assert_eq!(verdict.term.as_deref(), Some("include:b.test"));
    assert!(!verdict.is_uncertain && tree.judge("203.0.113.9".parse().unwrap()).is_uncertain);
}

#[test]
fn more_than_ten_look_ups_are_told_and_followed() {
    let includes = |names: std::ops::Range<u32>| {
        let terms: Vec<_> = names.map(|n| format!("include:n{n}.test")).collect();
        format!("v=spf1 {} -all", terms.join(" "))
    };
    let mut world = World::default();
    for n in 0..11 {
        world = world.txt(&format!("n{n}.test"), &["v=spf1 ip4:192.0.2.1 -all"]);
    }
    let world = world.txt("ten.test", &[&includes(0..10)]).txt("eleven.test", &[&includes(0..11)]);
    assert_eq!(codes(&world.tree("ten.test")), []);
    let tree = world.tree("eleven.test");
    assert_eq!(codes(&tree), [("max_lookups", "eleven.test".to_owned())]);
    assert_eq!(tree.total_lookups(), 11);
    assert!(tree.nodes.iter().take(11).all(|node| node.beneath.is_some()));
}

#[test]
fn look_ups_that_find_nothing_are_counted() {
    let two = World::default().txt("a.test", &["v=spf1 a:x.test exists:y.test -all"]);
    let tree = two.tree("a.test");
    assert_eq!((tree.void_lookups(), codes(&tree)), (2, vec![]));
    let three = World::default().txt("a.test", &["v=spf1 a:x.test mx:y.test exists:z.test -all"]);
    assert_eq!(codes(&three.tree("a.test")), [("max_void_lookups", "a.test".to_owned())]);
}

#[test]
fn an_include_without_a_record_spoils_everything() {
    let world = World::default().txt("a.test", &["v=spf1 include:gone.test ip4:192.0.2.1 -all"]);
    let tree = world.tree("a.test");
    assert_eq!(codes(&tree), [("spf_not_found", "gone.test".to_owned())]);
    assert_eq!((result(&tree, "192.0.2.1"), tree.void_lookups()), (SpfResult::PermError, 1));
}

#[test]
fn loops_and_depth_end() {
    let world = World::default()
        .txt("a.test", &["v=spf1 include:b.test -all"])
        .txt("b.test", &["v=spf1 redirect=A.test"])
        .txt("self.test", &["v=spf1 include:self.test"]);
    assert_eq!(codes(&world.tree("a.test")), [("loop_detected", "b.test".to_owned())]);
    assert_eq!(codes(&world.tree("self.test")), [("loop_detected", "self.test".to_owned())]);
    let mut deep = World::default();
    for n in 0..40 {
        deep = deep.txt(&format!("n{n}.test"), &[&format!("v=spf1 include:n{}.test -all", n + 1)]);
    }
    let found = codes(&deep.tree("n0.test"));
    assert!(found.iter().any(|(code, _)| *code == "resource_limit_exceeded"), "{found:?}");
    assert!(found.iter().any(|(code, _)| *code == "max_lookups"), "{found:?}");
}

#[test]
fn a_bush_of_includes_is_bounded() {
    let mut world = World::default();
    for n in 0..4 {
        let terms: Vec<_> = (0..100).map(|m| format!("include:n{}x{m}.test", n + 1)).collect();
        for m in 0..if n == 0 { 1 } else { 100 } {
            world = world.txt(&format!("n{n}x{m}.test"), &[&format!("v=spf1 {}", terms.join(" "))]);
        }
    }
    let tree = world.tree("n0x0.test");
    assert!(codes(&tree).iter().any(|(code, _)| *code == "resource_limit_exceeded"));
}

#[test]
fn several_records_or_none_are_told_apart() {
    let world = World::default()
        .txt("two.test", &["v=spf1 -all", "v=spf1 +all"])
        .txt("other.test", &["google-site-verification=1"])
        .txt("quoted.test", &["\"v=spf1 -all\""])
        .answer(Question::Txt("down.test".into()), Answer::Failed("SERVFAIL".into()));
    for (domain, code, expected) in [
        ("two.test", "multiple_spf", SpfResult::PermError),
        ("other.test", "spf_not_found", SpfResult::None),
        ("gone.test", "spf_not_found", SpfResult::None),
        ("quoted.test", "invalid_spf", SpfResult::None),
        ("down.test", "lookup_failed", SpfResult::TempError),
        ("nonsense", "invalid_domain", SpfResult::None),
    ] {
        let tree = world.tree(domain);
        assert_eq!(codes(&tree), [(code, domain.to_owned())]);
        assert_eq!(result(&tree, "192.0.2.1"), expected, "{domain}");
    }
}

#[test]
fn nothing_behind_all_is_looked_at() {
    let world = World::default().txt("a.test", &["v=spf1 ~all include:b.test redirect=c.test"]);
    let tree = world.tree("a.test");
    assert_eq!((codes(&tree), tree.total_lookups()), (vec![], 0));
    assert_eq!(tree.nodes.iter().map(|node| node.is_ignored).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(result(&tree, "192.0.2.1"), SpfResult::SoftFail);
}

#[test]
fn wrong_syntax_is_a_permanent_error_beneath_too() {
    let world = World::default()
        .txt("a.test", &["v=spf1 ip4:192.0.2.1 include:b.test -all"])
        .txt("b.test", &["v=spf1 ipv4:198.51.100.1 -all"]);
    let tree = world.tree("a.test");
    let problem = tree.all_problems()[0];
    assert_eq!(
        (problem.code, problem.details.as_deref()),
        (Code::InvalidMechanism, Some("ipv4:198.51.100.1"))
    );
    assert_eq!(result(&tree, "192.0.2.1"), SpfResult::Pass);
    assert_eq!(result(&tree, "198.51.100.1"), SpfResult::PermError);
}

#[test]
fn the_inspection_has_the_shape_of_the_api() {
    let world = World::default()
        .txt("a.test", &["v=spf1 include:b.test mx ~all"])
        .txt("b.test", &["v=spf1 ip4:192.0.2.0/24 foo -all"])
        .mx("a.test", &["mx.test"])
        .addresses("mx.test", &["192.0.2.9"]);
    let json = serde_json::to_value(SpfInspection::from(&world.tree("a.test"))).unwrap();
    let expected = serde_json::json!({
        "domain": "a.test", "record": "v=spf1 include:b.test mx ~all", "total_lookups": 2,
        "components": [
            {"type": "include", "qualifier": "+", "value": "b.test", "text": "include:b.test", "position": 8,
             "lookups": 1, "ignored": false,
             "inspection": {"domain": "b.test", "record": "v=spf1 ip4:192.0.2.0/24 foo -all", "total_lookups": 0,
                "components": [
                    {"type": "ip4", "qualifier": "+", "value": "192.0.2.0/24", "text": "ip4:192.0.2.0/24",
                     "position": 8, "lookups": 0, "ignored": false},
                    {"type": "all", "qualifier": "-", "text": "-all", "position": 29, "lookups": 0, "ignored": false},
                ]}},
            {"type": "mx", "qualifier": "+", "text": "mx", "position": 23, "lookups": 1, "ignored": false,
             "addresses": ["192.0.2.9"]},
            {"type": "all", "qualifier": "~", "text": "~all", "position": 26, "lookups": 0, "ignored": false},
        ],
        "errors": [{"code": "invalid_mechanism", "domain": "b.test",
            "message": "\"foo\" at character 25: there is no such mechanism", "details": "foo"}],
    });
    assert_eq!(json, expected);
}
