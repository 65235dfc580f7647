//! What is true of the file that comes with mailwright.

use super::*;
use crate::{
    classify::{BounceClass, BounceRules, Judged},
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        verdict::{Phase, judge},
    },
};

const SHIPPED: &str = include_str!("../../../../config/shaping.toml");

/// A provider's domain, what its receivers say, and the first rule that has to count it.
const REPLIES: &[(&str, &str, &str)] = &[
    (
        "gmail.com",
        "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail.",
        "google-unusual-rate",
    ),
    (
        "gmail.com",
        "421 4.7.0 [192.0.2.1 15] Our system has detected an unusual rate of unsolicited mail originating \
         from your IP address.",
        "google-unusual-rate-for-long",
    ),
    (
        "yahoo.com",
        "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user \
         complaints - 4.16.55.1",
        "yahoo-deferred",
    ),
    (
        "aol.com",
        "421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT \
         succeed.",
        "yahoo-deferred",
    ),
    (
        "hotmail.com",
        "451 4.7.651 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. \
         (S3114)",
        "outlook-rate-limited",
    ),
    (
        "hotmail.com",
        "451 4.7.652 The mail server [192.0.2.1] has exceeded the maximum number of connections.",
        "outlook-too-many-connections",
    ),
    (
        "outlook.com",
        "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet \
         service provider since part of their network is on our block list (S3150).",
        "outlook-block-list",
    ),
    ("icloud.com", "451 4.7.1 Service unavailable - try again later", "icloud-busy"),
    ("comcast.net", "421 Too many sessions opened", "comcast-too-many-sessions"),
    (
        "web.de",
        "421 web.de (mxweb113) Nemesis ESMTP Service not available\nService unavailable\nToo many messages \
         have been received in a short period of time. Please try again in a few hours and reduce the \
         sending rate.",
        "gmx-too-many-messages",
    ),
    (
        "gmx.net",
        "554 gmx.net (mxgmx104) Nemesis ESMTP Service not available\nNo SMTP service\nIP address is block \
         listed.",
        "gmx-block-listed",
    ),
    (
        "wanadoo.fr",
        "421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, \
         slow down. OFR004_104",
        "orange-too-many-connections",
    ),
    (
        "orange.fr",
        "421 mwinf5c04 ME Service refuse. Veuillez essayer plus tard. Service refused, please try later. \
         OFR_999",
        "orange-service-refused",
    ),
    ("libero.it", "421 smtp-19.iol.local Too many connections, slow down", "libero-too-many-connections"),
    ("mail.ru", "421 4.7.0 IP frequency limit exceeded", "mailru-frequency-limit"),
    ("yandex.ru", "451 4.7.1 too many connections from your host", "yandex-too-many-connections"),
    ("qq.com", "550 Ip frequency limited. http://service.mail.qq.com/cgi-bin/help", "qq-address-frequency"),
    ("163.com", "421 HL:ICC 163 mx1,abc http://mail.163.com/help/", "netease-too-many-connections"),
    ("naver.com", "421 4.3.1 You send too many messages.", "naver-too-many-messages"),
    ("a.example", "421 4.7.0 Error: too many connections from 192.0.2.1", "too-many-connections"),
    (
        "a.example",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "blocklisted",
    ),
];

/// A reply as it comes, its lines apart and each code said once.
fn reply(text: &str) -> Reply {
    let (code, rest) = text.split_at(4);
    let code = SmtpCode::new(code.trim().parse().unwrap()).unwrap();
    let (first, tail) = rest.split_once(' ').unwrap();
    match first.parse::<EnhancedCode>() {
        Ok(enhanced) => Reply::new(code, Some(enhanced), tail),
        Err(_) => Reply::new(code, None, rest),
    }
}

#[test]
fn the_commented_defaults_are_the_true_ones_and_all_of_them() {
    let text: String = SHIPPED
        .lines()
        .skip_while(|line| *line != "[default]")
        .take_while(|line| !line.starts_with("[["))
        .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).or(Some("\n")))
        .fold("[default]\n".to_owned(), |text, line| text + line + "\n");
    let shaping = parse(&text);
    assert_eq!(*shaping.resolve(&SiteFacts::default()).limits, Limits::default());
    for key in &keys::KEYS {
        assert!(shaping.default.sets(key.name), "{} is not documented", key.name);
    }
}

#[test]
fn every_value_of_the_shipped_file_says_where_it_comes_from() {
    let shaping = parse(SHIPPED);
    let sourced = |note: Option<&str>| {
        note.is_some_and(|note| ["https://", "http://", "guess"].iter().any(|start| note.starts_with(start)))
    };
    let layers = shaping.providers.iter().map(|provider| (provider.name.as_str(), &provider.layer));
    for (name, layer) in layers.chain([("default", &shaping.default)]) {
        for key in keys::KEYS.iter().filter(|key| layer.sets(key.name)) {
            assert!(sourced(layer.note(key.name)), "{name}: {}", key.name);
        }
    }
    let rules = shaping.providers.iter().flat_map(|provider| &provider.rules).chain(&shaping.default_rules);
    for noted in rules {
        assert!(sourced(noted.note.as_deref()), "{}", noted.rule.name);
    }
}

#[test]
fn the_shipped_file_knows_the_large_providers() {
    let shaping = Shaping::builtin();
    let cases: &[(&[&str], &str)] = &[
        (&["gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com"], "google"),
        (&["aspmx.l.google.com", "aspmx2.googlemail.com"], "google"),
        (&["mta5.am0.yahoodns.net"], "yahoo"),
        (&["mx-aol.mail.gm0.yahoodns.net"], "yahoo"),
        (&["outlook-com.olc.protection.outlook.com"], "outlook"),
        (&["contoso-com.mail.protection.outlook.com"], "microsoft365"),
        (&["contoso-com.o-v1.mx.microsoft"], "microsoft365"),
        (&["mx01.mail.icloud.com", "mx02.mail.icloud.com"], "icloud"),
        (&["mx1a1.comcast.net", "mx2a1.comcast.net"], "comcast"),
        (&["mx00.gmx.net", "mx01.gmx.net"], "gmx"),
        (&["mx-ha02.web.de", "mx-ha03.web.de"], "gmx"),
        (&["smtp-in.orange.fr"], "orange"),
        (&["mx1.free.fr", "mx2.free.fr"], "free"),
        (&["smtp-in.libero.it"], "libero"),
        (&["mxs.mail.ru"], "mailru"),
        (&["mx.yandex.ru"], "yandex"),
        (&["mx1.qq.com", "mx2.qq.com", "mx3.qq.com"], "qq"),
        (&["163mx01.mxmail.netease.com", "163mx02.mxmail.netease.com"], "netease"),
        (&["mx1.naver.com", "mx2.naver.com", "mx3.naver.com"], "naver"),
        (&["mx.notgoogle.com"], "other"),
        (&["google.com.example.net"], "other"),
        (&["somebody.hd.free.fr"], "other"),
    ];
    for (mx, expected) in cases {
        assert_eq!(provider(&shaping, mx), *expected, "{mx:?}");
    }
}

fn class_of(reply: &Reply) -> Option<BounceClass> {
    Judged::new(judge(Phase::Dot, reply), &BounceRules::builtin()).class
}

#[test]
fn shipped_rules_fit_what_receivers_really_say() {
    for &(domain, text, expected) in REPLIES {
        let rules = resolve(&Shaping::builtin(), domain, &[], "").rules;
        let reply = reply(text);
        let class = class_of(&reply);
        let first = rules.iter().find(|rule| rule.when.matches(&reply, class)).map(|rule| rule.name.as_str());
        assert_eq!(first, Some(expected), "{text}");
    }
}

#[test]
fn shipped_rules_leave_replies_about_a_recipient_alone() {
    for text in [
        "550 5.1.1 The email account that you tried to reach does not exist.",
        "452 4.2.2 The recipient's inbox is out of storage space.",
        "450 4.2.0 Recipient address rejected: Greylisted, try again later",
        "550 5.1.8 Sender domain not found in DNS",
    ] {
        for domain in ["gmail.com", "yahoo.com", "hotmail.com", "web.de", "qq.com", "a.example"] {
            let rules = resolve(&Shaping::builtin(), domain, &[], "").rules;
            let reply = reply(text);
            let class = class_of(&reply);
            let counted = rules.iter().find(|rule| rule.when.matches(&reply, class));
            assert!(counted.is_none(), "{domain}: {text}: {counted:?}");
        }
    }
}
