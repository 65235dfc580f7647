//! Spam scores of any message: in bounded time and with bounded questions, told in a header that stays one, and without
//! what the message said of itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    message::{fields, split_header},
    spam::{FIELDS, SpamMail, SpamRules, UriAnswers, without_spam_fields},
};
use std::sync::LazyLock;

static RULES: LazyLock<SpamRules> = LazyLock::new(|| {
    let list = "[[uri_list]]\nname = \"l\"\nzone = \"l.test\"\npoints = 1\ndescription = \"d\"\n";
    SpamRules::parse(&format!("{}\n{list}", include_str!("../../config/spam-rules.toml"))).expect("they ship")
});

fuzz_target!(|data: &[u8]| {
    let mail = SpamMail { content: data, ..SpamMail::default() };
    let looked = RULES.look(&mail);
    assert!(looked.questions().count() <= 20);
    assert!(looked.questions().all(|name| name.ends_with(".l.test") && name.is_ascii()));
    let answers: UriAnswers =
        looked.questions().map(|name| (name.to_owned(), vec![[127, 0, 0, 2].into()])).collect();
    let verdict = RULES.decide(&looked, &answers);
    let header = verdict.header();
    assert!(fields(header.as_bytes()).all(|field| FIELDS.iter().any(|name| field.is(name))), "{header}");
    let clean = without_spam_fields(data);
    let (header, _) = split_header(&clean);
    assert!(!fields(header).any(|field| FIELDS.iter().any(|name| field.is(name))));
});
