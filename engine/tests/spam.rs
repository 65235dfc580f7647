//! The rules that ship, on messages written by hand: what honest senders write stays below the limit however it came,
//! what others write does not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use mailwright_engine::spam::{AuthResults, SpamMail, SpamRules, SpamVerdict, UriAnswers};
use std::{fs, path::Path, sync::LazyLock};

static RULES: LazyLock<SpamRules> = LazyLock::new(SpamRules::builtin);

/// The messages of a folder beneath `tests/data/spam`, with CRLF line ends, by name.
fn messages(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/spam").join(folder);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(&path).unwrap().replace('\n', "\r\n").into_bytes())
    };
    let messages: Vec<_> = files.map(read).collect();
    assert!(messages.len() >= 10);
    messages
}

fn judge(content: &[u8], from: &SpamMail<'_>) -> SpamVerdict {
    let mail = SpamMail { content, ..*from };
    RULES.decide(&RULES.look(&mail), &UriAnswers::new())
}

/// As from a server in order.
fn in_order() -> SpamMail<'static> {
    let authentication = AuthResults { spf: "pass", dkim: "pass", dmarc: "pass", arc: "none", iprev: "pass" };
    SpamMail {
        sender: "a@a.example",
        helo: "mx.a.example",
        client_name: "mx.a.example",
        authentication,
        ..Default::default()
    }
}

/// As through a mailing list, or a forwarder that does not rewrite senders: everything is broken on the way.
fn on_a_detour() -> SpamMail<'static> {
    let authentication = AuthResults { spf: "fail", dkim: "fail", dmarc: "fail", arc: "none", iprev: "pass" };
    SpamMail { sender: "a@list.example", authentication, ..in_order() }
}

/// As from somebody's infected machine.
fn from_a_bot() -> SpamMail<'static> {
    let authentication =
        AuthResults { spf: "softfail", dkim: "none", dmarc: "none", arc: "none", iprev: "fail" };
    SpamMail { sender: "x@y.example", helo: "desktop", client_name: "", authentication, ..Default::default() }
}

#[test]
fn honest_mail_stays_below_the_limit() {
    for (name, content) in messages("ham") {
        for from in [in_order(), on_a_detour()] {
            let verdict = judge(&content, &from);
            assert!(!verdict.is_spam(), "{name}: {} = {}", verdict.score, verdict.summary());
        }
    }
}

#[test]
fn spam_passes_the_limit() {
    for (name, content) in messages("spam") {
        let verdict = judge(&content, &from_a_bot());
        assert!(verdict.is_spam(), "{name}: {} = {}", verdict.score, verdict.summary());
    }
}

#[test]
fn most_spam_is_known_by_its_content_alone() {
    let known = messages("spam").into_iter().filter(|(_, content)| judge(content, &in_order()).is_spam());
    let known: Vec<_> = known.map(|(name, _)| name).collect();
    assert!(known.len() >= 8, "{known:?}");
}

#[test]
fn a_bot_alone_is_not_enough() {
    let (_, content) = messages("ham").into_iter().find(|(name, _)| name == "short-reply.eml").unwrap();
    let verdict = judge(&content, &from_a_bot());
    assert!(!verdict.is_spam() && verdict.score.as_f64() > 2.0, "{}", verdict.summary());
}

#[test]
fn the_test_line_is_always_spam() {
    let line = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
    let content = format!("From: a@a.example\r\nSubject: test\r\n\r\n{line}\r\n");
    assert!(judge(content.as_bytes(), &in_order()).score.as_f64() >= 1_000.0);
}
