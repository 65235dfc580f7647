//! TLS reports (RFC 8460): the owner of a domain is told how TLS with its hosts went, by mail and over HTTPS.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use mailwright_tests::certificate::Certificate;
use mailwright_tests::error::{Context, Result};
use mailwright_tests::https_host::HttpsHost;
use mailwright_tests::message::header;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::tls_receiver::{Manners, TlsReceiver};
use mailwright_tests::tls_world::{LIMIT, Plan};
use mailwright_tests::wait;
use mailwright_tests::zone::Zone;
use serde_json::{Value, json};

const NEEDS: &[Need] = &[Need::Nsd, Need::Python, Need::Openssl];
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const THIRD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
const RECORDS: &str = "
good MX 10 mx
mx A 127.0.0.2
silent MX 10 mx
_mta-sts.good TXT \"v=STSv1; id=1;\"
mta-sts.good A 127.0.0.1
owner MX 10 desk
desk A 127.0.0.3
taker A 127.0.0.1
";

fn read(folder: &Path, content: &[u8]) -> Result<Value> {
    let path = folder.join("report");
    fs::write(&path, content).context("write the report")?;
    python::run("read_tls_report.py", [path])
}

/// What a report says happened under the only policy.
fn counts(report: &Value) -> (Option<u64>, Option<u64>) {
    let summary = &report["policies"][0]["summary"];
    let count = |key: &str| summary[key].as_u64();
    (count("total-successful-session-count"), count("total-failure-session-count"))
}

#[test]
fn an_owner_is_told_what_went_well_and_what_did_not() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut plan = Plan::new()?;
    let (folder, shown) = (plan.folder("hosts")?, plan.folder("mx")?);
    let policy = Certificate::signed_by(&folder, "mta-sts.good.example", &plan.authority)?;
    let taker = Certificate::signed_by(&folder, "taker.example", &plan.authority)?;
    let mut host = HttpsHost::start(&[("mta-sts.good.example", &policy), ("taker.example", &taker)])?;
    let body = "version: STSv1\nmode: testing\nmx: mx.example\nmax_age: 86400\n";
    host.answer("mta-sts.good.example", "/.well-known/mta-sts.txt", json!({"status": 200, "body": body}))?;
    host.answer("taker.example", "/v1?a=b", json!({"status": 201}))?;
    let rua = format!("mailto:tls@owner.example,https://taker.example:{}/v1?a=b", host.port);
    let records = format!("{RECORDS}_smtp._tls.good TXT \"v=TLSRPTv1; rua={rua}\"\n");
    plan.zones = vec![Zone::new("example", &records)];
    plan.tls = format!(
        "mta_sts = true\npolicy_port = {}\nprivate_policy_hosts = true\nreport_every = \"3s\"\n",
        host.port
    );
    let untrusted = Certificate::self_signed(&shown, "mx.example")?;
    let receiver = TlsReceiver::start(SECOND, plan.port, &Manners::showing(&untrusted))?;
    let desk = TlsReceiver::start(THIRD, plan.port, &Manners::plain())?;
    let world = plan.start()?;
    for recipient in ["user@good.example", "user@silent.example"] {
        world.send(recipient)?;
        receiver.wait_for(recipient)?;
    }
    let mail = desk.wait_for("tls@owner.example")?;
    let content = mail.message.as_bytes();
    let field = |name: &str| header(content, name).unwrap_or_default();
    assert_eq!(mail.mail.split_whitespace().nth(1), Some("FROM:<>"), "{}", mail.mail);
    assert_eq!(field("TLS-Report-Domain"), "good.example");
    assert_eq!(field("From"), "<tls-reports@example.com>");
    assert!(field("DKIM-Signature").contains("d=example.com"), "{}", mail.message);
    let read_mail = read(&shown, content)?;
    let report = &read_mail["report"];
    assert_eq!(counts(report), (Some(0), Some(1)), "{report}");
    let failure = &report["policies"][0]["failure-details"][0];
    assert_eq!(report["policies"][0]["policy"]["policy-type"], "sts", "{report}");
    assert_eq!(failure["result-type"], "certificate-not-trusted", "{report}");
    assert_eq!(failure["receiving-mx-hostname"], "mx.example");
    assert!(read_mail["file"].as_str().is_some_and(|name| name.starts_with("mx.example.com!good.example!")));
    // The other destination got the same.
    let posted = wait::until("the POST", LIMIT, || {
        Ok(host.requests().into_iter().find(|request| request.method == "POST"))
    })?;
    assert_eq!((posted.host.as_str(), posted.path.as_str()), ("taker.example", "/v1?a=b"));
    assert_eq!(posted.content_type.as_deref(), Some("application/tlsrpt+gzip"));
    assert_eq!(&read(&shown, &posted.body)?["report"], report);
    Ok(())
}

#[test]
fn what_was_counted_is_reported_after_a_restart() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut plan = Plan::new()?;
    let records = format!("{RECORDS}_smtp._tls.good TXT \"v=TLSRPTv1; rua=mailto:tls@owner.example\"\n");
    plan.zones = vec![Zone::new("example", &records)];
    plan.tls = "mta_sts = false\nreport_every = \"12s\"\n".to_owned();
    let folder = plan.folder("mx")?;
    let certificate = Certificate::self_signed(&folder, "mx.example")?;
    let receiver = TlsReceiver::start(SECOND, plan.port, &Manners::showing(&certificate))?;
    let desk = TlsReceiver::start(THIRD, plan.port, &Manners::plain())?;
    let mut world = plan.start()?;
    world.send("user@good.example")?;
    receiver.wait_for("user@good.example")?;
    world.server.stop()?;
    world.server = world.installation.start()?;
    let mail = desk.wait_for("tls@owner.example")?;
    let report = read(&folder, mail.message.as_bytes())?["report"].clone();
    assert_eq!(counts(&report), (Some(1), Some(0)), "{report}");
    assert_eq!(report["policies"][0]["policy"]["policy-type"], "no-policy-found", "{report}");
    Ok(())
}
