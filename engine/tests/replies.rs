//! The built-in bounce rules against replies of real receivers.
//!
//! `replies/known.txt` was in view when the rules were written, `replies/held-out.txt` was not. What the
//! rules get wrong is listed in `replies/misses.md`; run with `UPDATE_MISSES=1` to write it anew.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must fail")]

use mailwright_engine::{
    classify::{BounceClass, BounceRules},
    smtp::{
        reply::{Reply, ReplyParser},
        verdict::{Fault, Outcome, Phase},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// One line of the corpus.
struct Case {
    section: String,
    phase: Phase,
    class: BounceClass,
    outcome: Outcome,
    /// As in the file.
    text: String,
    reply: Reply,
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replies").join(name)
}

fn load(name: &str) -> Vec<Case> {
    let text = fs::read_to_string(path(name)).unwrap();
    // What stands before the first empty line explains the file.
    let (_, body) = text.split_once("\n\n").unwrap();
    let mut section = "";
    let mut cases = Vec::new();
    for line in body.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("# ") {
            Some(heading) => section = heading.split_once(": ").map_or(heading, |(name, _)| name),
            None => cases.push(case(section, line)),
        }
    }
    cases
}

fn case(section: &str, line: &str) -> Case {
    let (phase, rest) = column(line);
    let (class, rest) = column(rest);
    let (outcome, text) = column(rest);
    Case {
        section: section.to_owned(),
        phase: PHASES.into_iter().find(|known| known.as_str() == phase).expect(line),
        class: BounceClass::ALL.into_iter().find(|known| known.as_str() == class).expect(line),
        outcome: match outcome {
            "soft" => Outcome::Soft,
            "hard" => Outcome::Hard,
            other => panic!("{other}: {line}"),
        },
        text: text.to_owned(),
        reply: reply(text),
    }
}

const PHASES: [Phase; 7] =
    [Phase::Greeting, Phase::Ehlo, Phase::StartTls, Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Dot];

/// The first word and what follows the spaces after it.
fn column(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(' ').expect(line);
    (word, rest.trim_start())
}

/// The reply as the client's own parser reads it from the wire.
fn reply(text: &str) -> Reply {
    let mut parser = ReplyParser::default();
    parser.feed(format!("{}\r\n", text.replace("\\n", "\r\n")).as_bytes());
    let reply = parser.next_reply().expect(text).expect(text);
    assert!(!parser.has_leftovers(), "more than one reply: {text}");
    reply
}

/// Cases that the rules get wrong, in the order of the file, with what they say instead.
fn misses<'a>(rules: &BounceRules, cases: &'a [Case]) -> Vec<(&'a Case, String)> {
    let wrong = |case: &'a Case| {
        let found = rules.classify(case.phase, &case.reply);
        let right = (found.class, found.outcome) == (case.class, case.outcome);
        let said = format!("{} {:?} by {}", found.class, found.outcome, found.rule).to_lowercase();
        (!right).then_some((case, said))
    };
    cases.iter().filter_map(wrong).collect()
}

/// `misses.md` as it should be.
fn report(known: (usize, &[(&Case, String)]), held_out: (usize, &[(&Case, String)])) -> String {
    let mut text = "# What the built-in bounce rules get wrong\n".to_owned();
    for (name, (all, misses)) in [("Known replies", known), ("Held-out replies", held_out)] {
        let right = all - misses.len();
        let percent = right * 1_000 / all;
        let _ = writeln!(text, "\n## {name}: {right} of {all} right ({}.{} %)", percent / 10, percent % 10);
        text.push_str(if misses.is_empty() { "" } else { "\n" });
        for (case, said) in misses {
            let expected = format!("{} {:?}", case.class, case.outcome).to_lowercase();
            let start: String = case.text.chars().take(110).collect();
            let _ = writeln!(text, "- {}, {}: `{start}` is {expected}, not {said}", case.section, case.phase);
        }
    }
    text
}

#[test]
fn nineteen_of_twenty_replies_are_understood() {
    let rules = BounceRules::builtin();
    let (known, held_out) = (load("known.txt"), load("held-out.txt"));
    let (known_misses, held_out_misses) = (misses(&rules, &known), misses(&rules, &held_out));
    let report = report((known.len(), &known_misses), (held_out.len(), &held_out_misses));
    if std::env::var_os("UPDATE_MISSES").is_some() {
        fs::write(path("misses.md"), &report).unwrap();
    }
    let committed = fs::read_to_string(path("misses.md")).unwrap_or_default();
    assert_eq!(committed, report, "misses.md is out of date; run with UPDATE_MISSES=1");
    let (all, wrong) = (known.len() + held_out.len(), known_misses.len() + held_out_misses.len());
    assert!(wrong * 20 <= all, "{wrong} of {all} wrong");
    assert!(held_out_misses.len() * 10 <= held_out.len(), "more than a tenth of the held-out replies wrong");
}

#[test]
fn the_corpus_is_large_varied_and_without_duplicates() {
    let cases: Vec<_> = ["known.txt", "held-out.txt"].into_iter().flat_map(load).collect();
    let distinct: BTreeSet<_> = cases.iter().map(|case| case.text.to_lowercase()).collect();
    assert_eq!(distinct.len(), cases.len());
    assert!(cases.len() >= 400, "{}", cases.len());
    let mut by_class = BTreeMap::<_, usize>::new();
    for case in &cases {
        *by_class.entry(case.class).or_default() += 1;
    }
    for class in BounceClass::ALL {
        assert!(by_class.get(&class).is_some_and(|&count| count >= 5), "{class}: {by_class:?}");
    }
}

#[test]
fn only_a_failure_of_the_address_is_blamed_on_it() {
    let rules = BounceRules::builtin();
    for case in ["known.txt", "held-out.txt"].into_iter().flat_map(load) {
        let found = rules.classify(case.phase, &case.reply);
        let blamed = found.fault == Fault::Recipient;
        // An address of a private relay that its owner switched off is as good as gone.
        let allowed = found.class.is_about_address() || found.rule == "icloud/private-relay";
        assert!(allowed || !blamed, "{}: {found:?}", case.text);
    }
}

/// Run with `--release -- --ignored --nocapture`; a debug build is ten times as slow.
#[test]
#[ignore = "a measurement"]
fn a_reply_costs_less_than_twenty_microseconds() {
    const ROUNDS: u32 = 20;
    let rules = BounceRules::builtin();
    let cases = load("known.txt");
    let run = || cases.iter().for_each(|case| drop(rules.classify(case.phase, &case.reply)));
    run();
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| run());
    let each = start.elapsed() / ROUNDS / u32::try_from(cases.len()).unwrap();
    println!("{each:?} a reply");
    assert!(each.as_micros() < 20, "{each:?}");
}
