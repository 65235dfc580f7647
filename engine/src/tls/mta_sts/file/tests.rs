use super::*;
use proptest::prelude::*;

const EXAMPLE: &str = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n\
                       mx: backupmx.example.com\r\nmax_age: 604800\r\n";

fn parse(file: &str) -> Result<StsPolicy, StsPolicyError> {
    StsPolicy::parse(file.as_bytes())
}

#[test]
fn reads_the_example_of_the_rfc() {
    let policy = parse(EXAMPLE).unwrap();
    assert_eq!((policy.mode(), policy.max_age()), (StsMode::Enforce, Duration::from_secs(604_800)));
    let patterns: Vec<_> = policy.mx().iter().map(MxPattern::as_str).collect();
    assert_eq!(patterns, ["mail.example.com", "*.example.net", "backupmx.example.com"]);
    assert_eq!(policy.to_string(), EXAMPLE);
}

#[test]
fn line_ends_order_spaces_and_unknown_fields_do_not_matter() {
    let expected = parse(EXAMPLE).unwrap();
    let cases = [
        EXAMPLE.replace("\r\n", "\n"),
        EXAMPLE.trim_end().to_owned(),
        EXAMPLE.replace(": ", " \t:"),
        EXAMPLE.replace("\r\n", " \t\r\n"),
        format!("\r\n{EXAMPLE}\r\n\n"),
        format!("x-new.field_1: \"ü\"\r\n{EXAMPLE}"),
        format!("{EXAMPLE}mode: none\r\nmax_age: 1\r\nversion: STSv2\r\n"),
        "max_age:604800\nmx:MAIL.example.com\nmx:*.example.NET\nmx:backupmx.example.com.\n\
         mode:enforce\nversion:STSv1"
            .to_owned(),
    ];
    for file in cases {
        assert_eq!(parse(&file).as_ref(), Ok(&expected), "{file:?}");
    }
}

#[test]
fn says_what_is_wrong() {
    let many = format!("{EXAMPLE}{}", "mx: a.example\n".repeat(MAX_MX_PATTERNS));
    let cases = [
        ("", "has no version field"),
        ("version: STSv1\nmode: none", "has no max_age field"),
        ("version: STSv1\nmax_age: 1", "has no mode field"),
        ("version: STSv1\nmode: testing\nmax_age: 1", "has no mx field"),
        ("version: STSv2", "version: \"STSv2\", which must be STSv1"),
        ("version: STSv1\nmode: Enforce", "which must be enforce, testing or none"),
        ("version: STSv1\nmode: none\nmax_age: -1", "a number of seconds"),
        ("version: STSv1\nmode: none\nmax_age: 12345678901", "a number of seconds"),
        ("version: STSv1\nmode: none\nmax_age:", "a number of seconds"),
        ("version: STSv1\nmx: a.*.example", "an mx field that names no host"),
        ("version: STSv1\nmx: *", "an mx field that names no host"),
        ("version: STSv1\nmx: *.", "an mx field that names no host"),
        ("version: STSv1\n<html>", "line 2 of the policy, \"<html>\", is not of the form"),
        ("a b: c", "line 1"),
        ("a: b\rc", "line 1"),
        (&many, "more than 500 mx fields"),
    ];
    for (file, expected) in cases {
        let error = parse(file).unwrap_err().to_string();
        assert!(error.contains(expected), "{file:?}: {error}");
    }
    assert!(StsPolicy::parse(b"version: STSv1\nx: \xff").is_err());
}

#[test]
fn mode_none_needs_no_hosts() {
    assert!(parse("version: STSv1\nmode: none\nmax_age: 60").unwrap().mx().is_empty());
}

#[test]
fn a_policy_holds_for_a_year_at_most() {
    for (asked, given) in [("31557599", 31_557_599), ("31557601", 31_557_600), ("9999999999", 31_557_600)] {
        let policy = parse(&format!("version: STSv1\nmode: none\nmax_age: {asked}")).unwrap();
        assert_eq!(policy.max_age().as_secs(), given);
    }
}

#[test]
fn reads_no_more_than_it_must() {
    let largest = format!("{EXAMPLE}{}", "\n".repeat(MAX_POLICY_BYTES - EXAMPLE.len()));
    assert!(parse(&largest).is_ok());
    assert_eq!(
        parse(&format!("{largest}\n")),
        Err(StsPolicyError::TooLarge { octets: MAX_POLICY_BYTES + 1 })
    );
    assert!(parse(&format!("{EXAMPLE}a: {}", "x".repeat(MAX_LINE - 3))).is_ok());
    let long = parse(&format!("{EXAMPLE}a: {}", "x".repeat(MAX_LINE - 2)));
    assert_eq!(long, Err(StsPolicyError::LineTooLong { line: 7 }));
}

#[test]
fn an_asterisk_stands_for_one_label() {
    let cases = [
        ("mail.example.com", "mail.example.com", true),
        ("mail.example.com", "MAIL.example.com.", true),
        ("mail.example.com", "a.mail.example.com", false),
        ("*.example.com", "mail.example.com", true),
        ("*.example.com", "Mail.Example.COM.", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", ".example.com", false),
        ("*.example.com", "a.b.example.com", false),
        ("*.example.com", "mail.badexample.com", false),
        ("*.example.com", "[192.0.2.1]", false),
        ("*.example.com", "", false),
        ("bücher.example", "xn--bcher-kva.example", true),
    ];
    for (pattern, host, expected) in cases {
        assert_eq!(MxPattern::parse(pattern).unwrap().matches(host), expected, "{pattern} {host}");
    }
}

#[test]
fn only_a_plain_text_200_is_a_policy() {
    let judge = |status, kind| StsPolicy::from_response(status, kind, EXAMPLE.as_bytes());
    for kind in ["text/plain", "Text/Plain; charset=utf-8", "text/plain ;x=y"] {
        assert_eq!(judge(200, Some(kind)), Ok(parse(EXAMPLE).unwrap()), "{kind}");
    }
    for status in [201, 204, 301, 302, 304, 404, 500] {
        assert_eq!(judge(status, Some("text/plain")), Err(StsFetchError::Status(status)));
    }
    for kind in [None, Some(""), Some("text/html"), Some("text/plainer")] {
        assert!(matches!(judge(200, kind), Err(StsFetchError::ContentType(_))), "{kind:?}");
    }
    let html = StsPolicy::from_response(200, Some("text/plain"), b"<html>");
    assert!(matches!(html, Err(StsFetchError::Invalid(_))));
}

#[test]
fn what_is_served_reads_back_and_its_id_follows_it() {
    let host = |name: &str| MxPattern::from(&Domain::parse(name).unwrap());
    let policy = |mode, mx: &[&str]| {
        StsPolicy::new(mode, mx.iter().map(|name| host(name)), Duration::from_secs(86_400))
    };
    let served = policy(StsMode::Enforce, &["mx1.example.com", "mx2.example.com"]).unwrap();
    let file =
        "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmax_age: 86400\r\n";
    assert_eq!(served.to_string(), file);
    assert_eq!(parse(file), Ok(served.clone()));
    assert_eq!(served.record().to_string(), "v=STSv1; id=dd640a87380e9e16b013ba30e3abcd5b;");
    assert_eq!(served.record(), parse(file).unwrap().record());
    let others = [
        policy(StsMode::Testing, &["mx1.example.com", "mx2.example.com"]),
        policy(StsMode::Enforce, &["mx1.example.com"]),
        policy(StsMode::None, &[]),
    ];
    for other in others {
        assert_ne!(served.record(), other.unwrap().record());
    }
    assert_eq!(policy(StsMode::Testing, &[]), Err(StsPolicyError::Missing("mx")));
    let many = vec!["mx.example.com"; MAX_MX_PATTERNS + 1];
    assert_eq!(policy(StsMode::Enforce, &many), Err(StsPolicyError::TooManyMx));
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(file in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = StsPolicy::parse(&file);
    }

    #[test]
    fn whatever_parses_is_its_own_normal_form(
        junk in "[ -~\\n]{0,40}",
        mode in "enforce|testing|none",
        mx in proptest::collection::vec("(\\*\\.)?[a-zA-Z]{1,8}\\.[a-z]{2,5}\\.?", 1..4),
        age in 0_u64..9_999_999_999,
    ) {
        let mx: String = mx.iter().map(|host| format!("mx: {host}\n")).collect();
        let file = format!("version: STSv1\nmode: {mode}\n{mx}max_age: {age}\nx: {junk}\n");
        if let Ok(policy) = parse(&file) {
            prop_assert_eq!(parse(&policy.to_string()), Ok(policy));
        }
    }
}
