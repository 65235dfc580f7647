//! Reports by DMARC and about TLS: those on a zone are taken in and shown by source, those on mail that was judged here are
//! sent to who asks for them, once.

use std::fs;
use std::path::Path;
use std::time::Duration;

use mailwright_tests::control;
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::http::{self, Api};
use mailwright_tests::knot::Knot;
use mailwright_tests::message::header;
use mailwright_tests::metrics::until_queue_has;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;
use mailwright_tests::zone::Zone;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);
/// What customer.example asks for: reports to itself, to who agreed, and to who did not.
const RECORDS: &str =
    "customer TXT \"v=spf1 -all\"
_dmarc.customer TXT \"v=DMARC1; p=reject; aspf=s; rua=mailto:d@customer.example,mailto:d@desk.test.example,mailto:d@silent.test.example\"
_dmarc.desk.test TXT \"v=DMARC1; p=none; psd=n\"
_dmarc.silent.test TXT \"v=DMARC1; p=none; psd=n\"
_dmarc.example TXT \"v=DMARC1; p=none; psd=y\"
customer.example._report._dmarc.desk.test TXT \"v=DMARC1\"";

fn inbound(server: &Server) -> Result<std::net::SocketAddr> {
    server.inbound.ok_or_else(|| Error::unexpected("find inbound", "it is off"))
}

fn reports(api: &Api, zone: &str, path: &str) -> Result<Value> {
    let path = format!("/client/v4/zones/{zone}/email/auth/{path}");
    Ok(api.request("GET", &path, "", &[])?.result())
}

fn series(server: &Server, series: &str) -> Result<u64> {
    let text = http::get(server.http, "/metrics")?.text;
    let value = text.lines().find_map(|line| line.strip_prefix(series)).unwrap_or("0");
    value.trim().parse().map_err(|_| Error::unexpected("read a metric", value))
}

fn received(server: &Server, kind: &str, result: &str) -> Result<u64> {
    series(server, &format!("mailwright_reports_received_total{{kind=\"{kind}\",result=\"{result}\"}}"))
}

#[test]
fn reports_on_a_zone_are_taken_and_shown_by_source() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let sandbox = Sandbox::start()?;
    let more = "[inbound]\nlisten = [\"127.0.0.1:0\"]\n[routing.reports]\ndomain = \"reports.mail.test\"\n";
    let installation = Installation::new(&Config { more: more.into(), ..Config::to(sandbox.address) })?;
    let mut server = installation.start()?;
    let (api, zone) = (installation.api(&server), installation.account.zone_id.clone());
    let path = format!("/client/v4/zones/{zone}/email/auth/dmarc-reports");
    let wanted = api.request("PATCH", &path, r#"{"enabled": true}"#, &[])?.result();
    let prefix = wanted["rua_prefix"].as_str().unwrap_or_default().to_owned();
    let address = format!("{prefix}@reports.mail.test");
    assert_eq!(wanted["rua"], format!("mailto:{address}"));

    let at = inbound(&server)?;
    let (host, port) = (at.ip().to_string(), at.port().to_string());
    let codes = python::run("bring_reports.py", [&host, &port, &address, "example.com"])?;
    let all_taken =
        codes.as_object().is_some_and(|codes| codes.len() == 7 && codes.values().all(|code| *code == 250));
    assert!(all_taken, "nobody's report bounces, whatever is in it: {codes}");
    for (kind, result, count) in [
        ("dmarc", "counted", 2),
        ("dmarc", "repeated", 1),
        ("dmarc", "foreign", 1),
        ("tls", "counted", 1),
        ("other", "too_large", 1),
        ("other", "packed", 1),
    ] {
        assert_eq!(received(&server, kind, result)?, count, "{kind} {result}");
    }

    // What was answered with 250 survives.
    server.process.kill()?;
    let server = installation.start()?;
    let api = installation.api(&server);
    let sources = reports(&api, &zone, "dmarc-reports/sources")?;
    let day = &sources[0]["first_day"];
    let none = |none, reject| json!({ "none": none, "quarantine": 0, "reject": reject });
    let expected = json!([
        { "source_ip": "192.0.2.1", "name": "mailer.test", "total": 15, "aligned": 15, "dkim_aligned": 15,
          "spf_aligned": 10, "disposition": none(15, 0), "first_day": day, "last_day": day },
        { "source_ip": "198.51.100.9", "name": "x.test", "total": 2, "aligned": 0, "dkim_aligned": 0,
          "spf_aligned": 0, "disposition": none(0, 2), "first_day": day, "last_day": day },
    ]);
    assert_eq!(sources, expected);
    let who = reports(&api, &zone, "dmarc-reports/reports?per_page=1&page=2")?;
    assert_eq!(
        (&who[0]["organization"], &who[0]["policy"], &who[0]["total"]),
        (&json!("one.test"), &json!("reject"), &json!(10))
    );
    let tls = reports(&api, &zone, "tls-reports")?;
    let failed =
        json!({ "day": day, "policy_type": "sts", "result_type": "certificate-expired", "sessions": 2 });
    assert_eq!((&tls[0], &tls[1]["sessions"]), (&failed, &json!(40)));
    assert_eq!(reports(&api, &zone, "dmarc-reports/sources?until=2026-01-01")?, json!([]));
    for (path, status) in [
        (format!("zones/{zone}/email/auth/tls-reports?since=never"), 400),
        (format!("zones/{zone}/email/auth/tls-reports?since=2026-01-02&until=2026-01-01"), 400),
        (format!("zones/{}/email/auth/dmarc-reports/sources", "0".repeat(32)), 404),
    ] {
        assert_eq!(api.request("GET", &format!("/client/v4/{path}"), "", &[])?.status, status, "{path}");
    }
    let table = control::text(installation.state(), &["dmarc", "example.com"])?;
    assert!(table.contains("192.0.2.1     mailer.test  15     15"), "{table}");
    let listed = control::json(installation.state(), &["dmarc", "example.com", "--tls"])?;
    assert_eq!(listed[0], failed);

    // Other addresses take nothing, nor does this one once no more reports are wanted.
    let at = inbound(&server)?;
    let rcpt = |to: &str| Ok::<_, Error>(SmtpClient::connect_and_greet(at)?.send("", to, b"x\r\n")?.code);
    assert_eq!(rcpt(&format!("{}@reports.mail.test", "0".repeat(32)))?, 550);
    assert_eq!(rcpt(&format!("{prefix}@elsewhere.test"))?, 550);
    assert_eq!(rcpt(&format!("{prefix}@example.com"))?, 250, "the zone itself takes them, too");
    api.request("PATCH", &path, r#"{"enabled": false}"#, &[])?.result();
    assert_eq!(rcpt(&address)?, 550);
    Ok(())
}

/// Whom the reports are from, and when: soon.
fn reporting(names: &Knot, every: &str) -> String {
    format!(
        "[inbound]\nlisten = [\"127.0.0.1:0\"]\n[dns]\nservers = [\"{}\"]\n[routing.reports]\nfrom = \"dmarc@example.com\"\n\
         organization = \"Example & Co\"\nevery = \"{every}\"\n",
        names.address
    )
}

#[test]
fn owners_that_ask_are_told_how_mail_in_their_name_was_judged() -> Result<()> {
    if skip_without(&[Need::Python, Need::Knot]) {
        return Ok(());
    }
    let (sandbox, names) = (Sandbox::start()?, Knot::start(&Zone::new("example", RECORDS))?);
    let installation =
        Installation::new(&Config { more: reporting(&names, "3s"), ..Config::to(sandbox.address) })?;
    let server = installation.start()?;
    let (api, zone) = (installation.api(&server), &installation.account.zone_id);
    let routing = |method: &str, path: &str, body: Value| {
        api.request(method, &format!("/client/v4/zones/{zone}/email/routing{path}"), &body.to_string(), &[])
    };
    routing("POST", "/enable", json!({}))?.result();
    let rule = json!({ "matchers": [{ "type": "literal", "field": "to", "value": "info@example.com" }],
                       "actions": [{ "type": "drop" }] });
    routing("POST", "/rules", rule)?.result();
    let forged = b"From: boss@customer.example\r\nSubject: x\r\n\r\nx\r\n";
    let mut client = SmtpClient::connect_and_greet(inbound(&server)?)?;
    let reply = client.send("boss@customer.example", "info@example.com", forged)?;
    assert_eq!(reply.code, 550, "{reply:?}");

    let mail = sandbox.mailbox.wait_for("d@customer.example")?;
    sandbox.mailbox.wait_for("d@desk.test.example")?;
    let told = sandbox.mailbox.deliveries()?;
    assert!(!told.contains(&"d@silent.test.example".to_owned()), "{told:?}");
    assert_eq!(mail.mail_from, "", "nobody is told when it cannot be delivered");
    let field = |name: &str| header(&mail.message, name).unwrap_or_default();
    assert!(field("DKIM-Signature").contains("d=example.com"), "{}", field("DKIM-Signature"));
    let file = installation.state().join("report");
    fs::write(&file, &mail.message).context("write the report")?;
    let report = python::run("read_dmarc_report.py", [&file])?;
    let name = report["file"].as_str().unwrap_or_default();
    assert!(name.starts_with("mx.example.com!customer.example!") && name.ends_with(".xml.gz"), "{name}");
    assert_eq!(report["order"], json!(["version", "report_metadata", "policy_published", "record"]));
    let subject = format!(
        "Report Domain: customer.example Submitter: mx.example.com Report-ID: <{}>",
        report["metadata"]["report_id"].as_str().unwrap_or_default()
    );
    assert_eq!(report["subject"], subject);
    assert_eq!(report["metadata"]["org_name"], "Example & Co");
    assert_eq!((&report["policy"]["p"], &report["policy"]["aspf"]), (&json!("reject"), &json!("s")));
    let record = &report["records"][0];
    let evaluated = json!({ "disposition": "reject", "dkim": "fail", "spf": "fail" });
    let row = json!({ "source_ip": "127.0.0.1", "count": "1", "policy_evaluated": evaluated });
    assert_eq!((&record["row"], &record["identifiers"]["header_from"]), (&row, &json!("customer.example")));
    assert_eq!(record["auth_results"]["spf"]["result"], "fail", "{record}");
    Ok(())
}

/// Has the reporter know of mail that was judged, while the server does not run.
fn judge(installation: &Installation) -> Result<()> {
    let database = installation.state().join("reports/reports.sqlite");
    python::run("judge_mail.py", [database.as_path(), Path::new("customer.example")]).map(drop)
}

#[test]
fn nobody_is_told_twice_even_if_the_process_ends_before_it_is_noted() -> Result<()> {
    if skip_without(&[Need::Python, Need::Knot]) {
        return Ok(());
    }
    let (sandbox, names) = (Sandbox::start()?, Knot::start(&Zone::new("example", RECORDS))?);
    let installation =
        Installation::new(&Config { more: reporting(&names, "24h"), ..Config::to(sandbox.address) })?;
    installation.start()?.stop()?;
    let queued = "mailwright_dmarc_reports_total{result=\"queued\"}";
    let accepted = "mailwright_messages_accepted_total{origin=\"report\"}";
    for reports in [2, 0] {
        judge(&installation)?;
        let mut server = installation.start()?;
        wait::until(
            "the note that it was sent",
            LIMIT,
            || Ok((series(&server, queued)? == 1).then_some(())),
        )?;
        assert_eq!(series(&server, accepted)?, reports, "accepted by this process");
        sandbox.mailbox.wait_for("d@customer.example")?;
        sandbox.mailbox.wait_for("d@desk.test.example")?;
        // A delivery of which nothing is noted is made again, which is not what this is about.
        until_queue_has(server.http, 0, LIMIT)?;
        server.process.kill()?;
    }
    let mut told = sandbox.mailbox.deliveries()?;
    told.sort();
    assert_eq!(told, ["d@customer.example", "d@desk.test.example"]);
    Ok(())
}
