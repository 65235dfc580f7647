use super::*;
use data_encoding::BASE64_MIME;
use flate2::{Compression, write::GzEncoder};
use std::io::{Cursor, Write};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// As Google writes them.
const GOOGLE: &str = r#"<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
  <version>1.0</version>
  <report_metadata>
    <org_name>google.com</org_name>
    <email>noreply-dmarc-support@google.com</email>
    <extra_contact_info>https://support.google.com/a/answer/2466580</extra_contact_info>
    <report_id>16480915239217530982</report_id>
    <date_range>
      <begin>1795219200</begin>
      <end>1795305599</end>
    </date_range>
  </report_metadata>
  <policy_published>
    <domain>example.com</domain>
    <adkim>r</adkim>
    <aspf>r</aspf>
    <p>quarantine</p>
    <sp>quarantine</sp>
    <pct>100</pct>
    <np>quarantine</np>
  </policy_published>
  <record>
    <row>
      <source_ip>192.0.2.10</source_ip>
      <count>12</count>
      <policy_evaluated>
        <disposition>none</disposition>
        <dkim>pass</dkim>
        <spf>fail</spf>
      </policy_evaluated>
    </row>
    <identifiers>
      <header_from>example.com</header_from>
    </identifiers>
    <auth_results>
      <dkim>
        <domain>example.com</domain>
        <result>pass</result>
        <selector>s1</selector>
      </dkim>
      <dkim>
        <domain>mailer.test</domain>
        <result>pass</result>
        <selector>x</selector>
      </dkim>
      <spf>
        <domain>bounce.mailer.test</domain>
        <result>pass</result>
      </spf>
    </auth_results>
  </record>
  <record>
    <row>
      <source_ip>2001:db8::5</source_ip>
      <count>3</count>
      <policy_evaluated>
        <disposition>quarantine</disposition>
        <dkim>fail</dkim>
        <spf>fail</spf>
        <reason><type>local_policy</type><comment>arc=fail</comment></reason>
      </policy_evaluated>
    </row>
    <identifiers><header_from>example.com</header_from></identifiers>
    <auth_results><spf><domain>example.com</domain><result>softfail</result></spf></auth_results>
  </record>
</feedback>"#;

/// As Microsoft writes them: on one line, with a namespace, a mark at the beginning and self-closing elements.
const MICROSOFT: &str = "\u{feff}<?xml version=\"1.0\"?><feedback xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><version>1.0</version><report_metadata><org_name>Enterprise Outlook</org_name><email>dmarcreport@microsoft.com</email><report_id>b2a4c4e1</report_id><date_range><begin>1795219200</begin><end>1795305600</end></date_range></report_metadata><policy_published><domain>example.com</domain><adkim>r</adkim><aspf>r</aspf><p>reject</p><sp>reject</sp><pct>100</pct><fo>0</fo></policy_published><record><row><source_ip>::ffff:198.51.100.7</source_ip><count>1</count><policy_evaluated><disposition>reject</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row><identifiers><envelope_to>example.net</envelope_to><envelope_from /><header_from>example.com</header_from></identifiers><auth_results><dkim /><spf><domain>spammer.test</domain><scope>mfrom</scope><result>pass</result></spf></auth_results></record></feedback>";

/// As Yahoo writes them: tabs, no version, upper-case names of domains, an element that nobody knows.
const YAHOO: &str = "<?xml version=\"1.0\"?>\t\n<feedback>\t\n  <report_metadata>\t\n    <org_name>Yahoo</org_name>\t\n    <email>dmarchelp@yahooinc.com</email>\t\n    <report_id>1795300000.123456</report_id>\t\n    <date_range>\t\n      <begin>1795219200</begin>\t\n      <end>1795305599 </end>\t\n    </date_range>\t\n  </report_metadata>\t\n  <policy_published>\t\n    <domain>EXAMPLE.COM</domain>\t\n    <p>none</p>\t\n    <later><than>this</than></later>\t\n  </policy_published>\t\n  <record>\t\n    <row>\t\n      <source_ip>192.0.2.10</source_ip>\t\n      <count>2</count>\t\n      <policy_evaluated>\t\n        <disposition>none</disposition>\t\n        <dkim>pass</dkim>\t\n        <spf>pass</spf>\t\n      </policy_evaluated>\t\n    </row>\t\n    <identifiers><header_from>Example.com</header_from></identifiers>\t\n    <auth_results><dkim><domain>example.com</domain><selector>s1</selector><result>pass</result></dkim></auth_results>\t\n  </record>\t\n</feedback>\n";

const TLS: &str = r#"{"organization-name":"Google Inc.","date-range":{"start-datetime":"2026-11-21T00:00:00Z","end-datetime":"2026-11-21T23:59:59Z"},"contact-info":"smtp-tls-reporting@google.com","report-id":"2026-11-21T00:00:00Z_example.com","policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: enforce","mx: mx.example.com","max_age: 86400"],"policy-domain":"example.com","mx-host":["mx.example.com"]},"summary":{"total-successful-session-count":90,"total-failure-session-count":10},"failure-details":[{"result-type":"certificate-expired","sending-mta-ip":"192.0.2.1","receiving-mx-hostname":"mx.example.com","failed-session-count":7},{"result-type":"invented","failed-session-count":400}]}]}"#;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

fn zip(content: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    zip.start_file("report.xml", options).unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap().into_inner()
}

/// A mail with a file.
fn attached(media_type: &str, name: &str, content: &[u8]) -> Vec<u8> {
    format!(
        "From: r@example.net\r\nSubject: Report Domain: example.com\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n\
         --b\r\nContent-Type: {media_type}; name=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        BASE64_MIME.encode(content)
    )
    .into_bytes()
}

/// A mail that is the file.
fn alone(media_type: &str, content: &[u8]) -> Vec<u8> {
    let body = BASE64_MIME.encode(content);
    format!("Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}").into_bytes()
}

fn dmarc(message: &[u8]) -> DmarcReceived {
    match read(message) {
        Ok(ReportReceived::Dmarc(report)) => report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reports_are_found_however_they_are_packed() {
    let xml = GOOGLE.as_bytes();
    let expected = dmarc(&attached("application/gzip", "google.com!example.com!1!2.xml.gz", &gzip(xml)));
    for message in [
        attached("application/zip", "google.com!example.com!1!2.zip", &zip(xml)),
        attached("application/octet-stream", "report", &gzip(xml)),
        attached("application/x-zip-compressed", "report.dat", &zip(&gzip(xml))),
        attached("text/xml; charset=utf-8", "report.xml", xml),
        attached("application/tlsrpt+gzip", "wrongly-named.json.gz", &gzip(xml)),
        alone("application/gzip", &gzip(xml)),
        alone("application/zip", &zip(xml)),
        [b"Content-Type: text/xml\r\n\r\n", xml].concat(),
    ] {
        assert_eq!(dmarc(&message), expected);
    }
}

#[test]
fn rows_are_summed_up_by_source() {
    let report = dmarc(&alone("application/gzip", &gzip(GOOGLE.as_bytes())));
    assert_eq!((report.organization.as_str(), report.id.as_str()), ("google.com", "16480915239217530982"));
    assert_eq!((report.domain.as_str(), report.policy), ("example.com", "quarantine"));
    assert_eq!((report.begin.as_secs(), report.end.as_secs()), (1_795_219_200, 1_795_305_599));
    assert_eq!((report.total(), report.aligned()), (15, 12));
    let own = SourceRow {
        ip: Some("192.0.2.10".parse().unwrap()),
        name: Some("mailer.test".to_owned()),
        total: 12,
        aligned: 12,
        dkim: 12,
        ..SourceRow::default()
    };
    let other = SourceRow {
        ip: Some("2001:db8::5".parse().unwrap()),
        total: 3,
        quarantined: 3,
        ..SourceRow::default()
    };
    assert_eq!(report.sources, [own, other]);
}

#[test]
fn the_habits_of_others_are_understood() {
    let report = dmarc(&alone("text/xml", MICROSOFT.as_bytes()));
    assert_eq!((report.organization.as_str(), report.policy), ("Enterprise Outlook", "reject"));
    let source = &report.sources[0];
    assert_eq!(source.ip, Some("198.51.100.7".parse().unwrap()), "not as IPv6");
    assert_eq!((source.rejected, source.aligned, source.name.as_deref()), (1, 0, Some("spammer.test")));
    let report = dmarc(&alone("text/xml", YAHOO.as_bytes()));
    assert_eq!((report.domain.as_str(), report.total(), report.aligned()), ("example.com", 2, 2));
    assert_eq!(report.sources[0].name.as_deref(), Some("example.com"));
}

#[test]
fn other_character_sets_are_read() {
    let text = YAHOO.replace("<org_name>Yahoo<", "<org_name>Zürich<");
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> =
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for document in [utf16, big, latin, text.clone().into_bytes()] {
        assert_eq!(dmarc(&alone("application/gzip", &gzip(&document))).organization, "Zürich");
    }
}

#[test]
fn tls_reports_say_what_failed() {
    for message in [
        attached("application/tlsrpt+gzip", "r.json.gz", &gzip(TLS.as_bytes())),
        alone("application/tlsrpt+json", TLS.as_bytes()),
    ] {
        let Ok(ReportReceived::Tls(report)) = read(&message) else { panic!("not read") };
        assert_eq!(report.organization, "Google Inc.");
        let results: Vec<_> =
            report.results.iter().map(|r| (r.policy.as_str(), r.result.as_str(), r.sessions)).collect();
        // Of 400 sessions that failed for another cause there can have been but three.
        assert_eq!(results, [("sts", "certificate-expired", 7), ("sts", "other", 3), ("sts", "success", 90)]);
    }
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let nothing = vec![b' '; MAX_DOCUMENT + 1];
    let many = format!("<feedback>{}</feedback>", "<record></record>".repeat(MAX_RECORDS + 1));
    let tags = format!("<feedback>{}</feedback>", "<a/>".repeat(1_000_001));
    for document in [&nothing[..], many.as_bytes(), tags.as_bytes()] {
        assert_eq!(read(&alone("application/gzip", &gzip(document))), Err(Unreadable::TooLarge));
        assert_eq!(read(&alone("application/zip", &zip(document))), Err(Unreadable::TooLarge));
    }
    let half = vec![b' '; MAX_DOCUMENT / 2 + 1];
    let mut both = ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["one", "two"] {
        both.start_file(name, SimpleFileOptions::default()).unwrap();
        both.write_all(&half).unwrap();
    }
    let both = both.finish().unwrap().into_inner();
    assert_eq!(read(&alone("application/zip", &both)), Err(Unreadable::TooLarge));
    // Entities are not expanded.
    let lol = GOOGLE.replace("?>", "?><!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>");
    let lol = lol.replace("google.com<", "&b;&b;&b;<");
    assert!(dmarc(&alone("text/xml", lol.as_bytes())).organization.len() < 20);
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert!(matches!(read(&alone("application/json", deep.as_bytes())), Err(Unreadable::Malformed(_))));
}

#[test]
fn what_is_broken_is_refused_by_name() {
    let cut = |packed: Vec<u8>| packed[..packed.len() / 2].to_vec();
    let word = |message: &[u8]| read(message).err().map(|error| error.word());
    assert_eq!(word(&alone("application/gzip", &cut(gzip(GOOGLE.as_bytes())))), Some("packed"));
    assert_eq!(word(&alone("application/zip", &cut(zip(GOOGLE.as_bytes())))), Some("packed"));
    assert_eq!(word(&alone("text/xml", &GOOGLE.as_bytes()[..700])), Some("malformed"));
    assert_eq!(word(b"Subject: hello\r\n\r\nNothing here\r\n"), Some("none"));
    assert_eq!(word(b""), Some("none"));
    for (from, to) in [
        ("<domain>example.com</domain>\n    <adkim>", "<domain>not a domain</domain>\n    <adkim>"),
        ("<begin>1795219200</begin>", "<begin>soon</begin>"),
        ("<end>1795305599</end>", "<end>1</end>"),
        ("16480915239217530982", "  "),
    ] {
        let wrong = GOOGLE.replace(from, to);
        assert_ne!(wrong, GOOGLE);
        assert_eq!(word(&alone("text/xml", wrong.as_bytes())), Some("malformed"), "{to}");
    }
    let undated = TLS.replace("2026-11-21T00:00:00Z\",\"end", "never\",\"end");
    assert_eq!(word(&alone("application/tlsrpt+json", undated.as_bytes())), Some("malformed"));
}

proptest::proptest! {
    #[test]
    fn damage_anywhere_is_survived(at in 0usize..2_000, octet in proptest::prelude::any::<u8>()) {
        for packed in [gzip(GOOGLE.as_bytes()), zip(GOOGLE.as_bytes()), GOOGLE.into(), TLS.into()] {
            let mut damaged = packed;
            let place = at % damaged.len();
            damaged[place] = octet;
            // Whatever comes of it.
            let _ = read(&alone("application/octet-stream", &damaged));
        }
    }
}
