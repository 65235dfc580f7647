//! Rules, on messages that show what they are for.

use super::*;
use std::net::Ipv4Addr;

const HEAD: &str = "From: Ann <ann@a.example>\r\nSubject: Hello\r\n";

fn rules(text: &str) -> SpamRules {
    SpamRules::parse(&format!("spam_at = 5\n{text}")).unwrap()
}

fn mail(content: &str) -> SpamMail<'_> {
    SpamMail { content: content.as_bytes(), ..SpamMail::default() }
}

/// The names of the rules of `file` that fit.
fn hits(file: &str, mail: &SpamMail<'_>) -> Vec<String> {
    let rules = rules(file);
    let verdict = rules.decide(&rules.look(mail), &UriAnswers::new());
    verdict.hits.into_iter().map(|hit| hit.name).collect()
}

/// Whether a rule with this condition fits.
fn fits(condition: &str, mail: &SpamMail<'_>) -> bool {
    let rule = format!("[[rule]]\nname = \"r\"\npoints = 1\ndescription = \"d\"\n{condition}");
    hits(&rule, mail) == ["r"]
}

#[test]
fn each_condition_sees_what_it_is_for() {
    let content = format!(
        "{HEAD}X-Many: =?utf-8?Q?caf=C3=A9?=\r\nX-Many: 2\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n<p class=3Dx>gro=DFe\r\n W=ADorte</p>\
         <a href=3D\"https://L.example/p\">x</a>\r\n--b\r\n\
         Content-Type: application/zip; name=\"=?utf-8?Q?r=C3=A9sum=C3=A9.zip?=\"\r\n\r\nPK\r\n--b--\r\n"
    );
    let lists = ["bl.example".to_owned()];
    let mail = SpamMail {
        sender: "bounce@other.example",
        helo: "client",
        client_name: "dyn-1.isp.example",
        client_lists: &lists,
        authentication: AuthResults { spf: "fail", dkim: "none", dmarc: "", arc: "none", iprev: "fail" },
        ..mail(&content)
    };
    let cases = [
        ("header = { name = \"x-many\", matches = '^café$' }", true),
        ("header = { name = \"x-many\", matches = '^3$' }", false),
        ("header = { name = \"X-Many\", more_than = 1 }", true),
        ("header = { name = \"X-Many\", more_than = 2 }", false),
        ("header = { name = \"Date\", absent = true }", true),
        ("header = { name = \"From\", absent = true }", false),
        ("subject = '^hello$'", true),
        ("subject = '(?-i)^hello$'", false),
        ("body = 'große worte'", true),
        ("body = 'class'", false),
        ("html = '<p class=x>'", true),
        ("raw = 'gro=DFe'", true),
        ("uri = '^https://l\\.example/'", true),
        ("attachment_name = '^résumé\\.zip$'", true),
        ("part_type = '^application/zip$'", true),
        ("from = '^ann@a\\.example$'", true),
        ("from_name = '^ann$'", true),
        ("sender = '@other'", true),
        ("sender = '^$'", false),
        ("helo = '^[^.]+$'", true),
        ("client_name = '^dyn-'", true),
        ("client_list = '^bl\\.'", true),
        ("sender_differs = true", true),
        ("spf = [\"softfail\", \"fail\"]", true),
        ("dkim = [\"pass\"]", false),
        ("dmarc = [\"none\"]", false),
        ("arc = [\"none\"]", true),
        ("iprev = [\"fail\"]", true),
        ("spf = [\"fail\"]\ndkim = [\"pass\"]", false),
    ];
    for (condition, expected) in cases {
        assert_eq!(fits(condition, &mail), expected, "{condition}");
    }
}

#[test]
fn senders_of_the_same_registered_domain_do_not_differ() {
    let content = format!("{HEAD}\r\n");
    for (sender, differs) in
        [("b@mail.a.example", false), ("b@A.EXAMPLE", false), ("", false), ("b@b.example", true)]
    {
        let mail = SpamMail { sender, ..mail(&content) };
        assert_eq!(fits("sender_differs = true", &mail), differs, "{sender}");
    }
}

#[test]
fn rules_combine_rules_above_them() {
    let file = r#"
        [[rule]]
        name = "hello"
        points = 0
        description = "d"
        subject = 'hello'
        [[rule]]
        name = "bye"
        points = 0
        description = "d"
        subject = 'bye'
        [[rule]]
        name = "all"
        points = 1
        description = "d"
        all = ["hello", "bye"]
        [[rule]]
        name = "any"
        points = 2
        description = "d"
        any = ["hello", "bye"]
        [[rule]]
        name = "none"
        points = -3
        description = "d"
        any = ["any"]
        none = ["all", "bye"]
    "#;
    assert_eq!(hits(file, &mail(&format!("{HEAD}\r\n"))), ["none", "any"]);
}

#[test]
fn lists_are_asked_about_registered_domains_and_count_by_their_answers() {
    let rules = rules(
        r#"
        [[uri_list]]
        name = "list"
        zone = "DBL.example"
        points = 4
        description = "d"
        answers = ["127.0.1.2-127.0.1.99"]
        [[uri_list]]
        name = "any"
        zone = "any.example"
        points = 1
        description = "d"
        [[rule]]
        name = "both"
        points = 0.5
        description = "d"
        all = ["list", "any"]
    "#,
    );
    let content =
        format!("{HEAD}\r\nhttp://www.bad.example/ and https://x.bad.example and http://192.0.2.1/\r\n");
    let looked = rules.look(&mail(&content));
    let asked: Vec<_> = looked.questions().collect();
    assert_eq!(asked, ["bad.example.any.example", "bad.example.dbl.example"]);
    let decide = |dbl: [u8; 4], any: [u8; 4]| {
        let answers = [("bad.example.dbl.example", dbl), ("bad.example.any.example", any)];
        let answers = answers.map(|(name, answer)| (name.to_owned(), vec![Ipv4Addr::from(answer)]));
        rules.decide(&looked, &answers.into()).score.to_string()
    };
    assert_eq!(decide([127, 0, 1, 2], [127, 0, 0, 2]), "5.5");
    // An error of who asks is no listing.
    assert_eq!(decide([127, 255, 255, 254], [127, 255, 255, 254]), "0.0");
    assert_eq!(decide([127, 0, 1, 255], [127, 0, 0, 1]), "0.0");
    assert_eq!(rules.decide(&looked, &UriAnswers::new()).score, Score::default());
}

#[test]
fn faults_are_told_with_line_rule_and_what_to_do() {
    let rule =
        |rest: &str| format!("spam_at = 5\n[[rule]]\nname = \"r\"\npoints = 1\ndescription = \"d\"\n{rest}");
    let cases = [
        (String::new(), "line 1: missing field `spam_at`"),
        ("spam_at = 5000".into(), "line 1: `spam_at` 5000 is not from"),
        ("spam_at = 5\n[[rules]]".into(), "line 2: unknown field `rules`"),
        (rule(""), "line 2, rule r: it has no condition"),
        (rule("bodi = 'x'"), "line 6: unknown field `bodi`"),
        (rule("body = ''"), "line 6, rule r: the pattern is empty"),
        (rule("body = '('"), "line 6, rule r: error: unclosed group"),
        (rule("header = { name = \"A\" }"), "line 2, rule r: `header` needs one of"),
        (rule("header = { name = \"A:\", absent = true }"), "line 6, rule r: `header` \"A:\" is no name"),
        (rule("spf = [\"broken\"]"), "line 6, rule r: `spf` has no result \"broken\"; those there are: none,"),
        (rule("all = [\"r\"]"), "line 6, rule r: `all` names \"r\", and there is no list, and no rule above"),
        (rule("subject = 'a'").replace("\"r\"", "\"R\""), "line 2, rule R: `name` is no name"),
        (rule("subject = 'a'").replace("\"d\"", "\"\\n\""), "line 2, rule r: `description` stands in a header"),
        (rule("subject = 'a'").replace("= 1", "= 1e9"), "line 4, rule r: `points` 1000000000 is not from"),
        (rule("subject = 'a'\n") + &rule("subject = 'b'")[12..], "line 7, rule r: there is a rule or list"),
        (
            "spam_at = 5\n[[uri_list]]\nname = \"l\"\nzone = \"a b\"\npoints = 1\ndescription = \"d\"".into(),
            "line 4, rule l: `zone` \"a b\" is no domain name",
        ),
        (
            "spam_at = 5\n[[uri_list]]\nname = \"l\"\nzone = \"a\"\npoints = 1\ndescription = \"d\"\nanswers = [\"2\"]"
                .into(),
            "line 7, rule l: `answers` \"2\" is no answer",
        ),
    ];
    for (text, expected) in cases {
        let error = SpamRules::parse(&text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}\n{text}");
    }
}

#[test]
fn a_pattern_sees_no_more_than_its_share_of_a_huge_message() {
    let content = format!("{HEAD}\r\n{}needle", "x ".repeat(1 << 20));
    assert!(!fits("body = 'needle'", &mail(&content)) && !fits("raw = 'needle'", &mail(&content)));
    assert!(fits("body = '^x x'", &mail(&content)));
}

#[test]
fn the_refusal_tells_the_score_and_no_rules() {
    let verdict = SpamVerdict {
        score: Score::new(11.5).unwrap(),
        spam_at: Score::new(5.0).unwrap(),
        hits: vec![Hit { name: "secret".into(), points: Score::new(11.5).unwrap(), description: "d".into() }],
    };
    let refusal = verdict.refusal(Score::new(10.0).unwrap());
    assert!(refusal.contains("score 11.5, limit 10.0") && !refusal.contains("secret"), "{refusal}");
    assert_eq!(verdict.summary(), "+11.5 secret");
}
