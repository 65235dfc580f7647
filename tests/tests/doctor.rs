//! `mailwright doctor` tells all that receivers see of a domain, from a name server's own words.

use std::process::Output;

use mailwright_tests::certificate::{Authority, Certificate};
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::https_host::HttpsHost;
use mailwright_tests::name_server::NameServer;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::server::mailwright;
use mailwright_tests::unbound::Unbound;
use mailwright_tests::zone::Zone;
use serde_json::{Value, json};

/// Short enough to stand in one string.
const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// What a domain has that is set up well, in the zone `example`.
const GOOD: &str = "
shop                MX  10 mx.shop
mx.shop             A   192.0.2.9
cf-bounce.shop      MX  10 mx1.mail
cf-bounce.shop      TXT \"v=spf1 include:_spf.mail.example ~all\"
s1._domainkey.shop  TXT \"v=DKIM1; k=ed25519; \" \"p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"
_dmarc.shop         TXT \"v=DMARC1; p=quarantine; rua=mailto:dmarc@shop.example\"
_smtp._tls.shop     TXT \"v=TLSRPTv1; rua=mailto:tls@shop.example\"
default._bimi.shop  TXT \"v=BIMI1; l=https://shop.example/logo.svg; a=\"
mx1.mail            A   192.0.2.1
_spf.mail           TXT \"v=spf1 a:out.mail.example ip6:2001:db8::/32 -all\"
out.mail            A   192.0.2.7
";

/// Names of addresses, and two lists of which one has the address 192.0.2.66.
const REVERSE: &str = "
7  PTR out.mail.example.
66 PTR nobody.example.
";
const LIST: &str = "
66.2.0.192 A   127.0.0.2
66.2.0.192 TXT \"see the list's page\"
";

fn world(records: &str) -> Result<NameServer> {
    NameServer::serving(&[
        Zone::new("example", records),
        Zone::new("2.0.192.in-addr.arpa", REVERSE),
        Zone::new("list.test", LIST),
    ])
}

struct Told {
    code: Option<i32>,
    text: String,
}

impl Told {
    fn of(output: &Output) -> Self {
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Self { code: output.status.code(), text }
    }

    fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text)
            .map_err(|error| Error::unexpected("doctor's JSON", format!("{error}: {}", self.text)))
    }

    fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.text.contains(part), "no {part:?} in:\n{}", self.text);
        }
    }
}

/// Runs it with what every case has, and with `args`.
fn doctor(resolver: std::net::SocketAddr, args: &[&str]) -> Result<Told> {
    let resolver = resolver.to_string();
    let selector = format!("s1={KEY}");
    let mut command = mailwright();
    command.args([
        "doctor",
        "--resolver",
        &resolver,
        "--selector",
        &selector,
        "--include",
        "_spf.mail.example",
    ]);
    command.args(["--mx", "mx1.mail.example"]).args(args);
    Ok(Told::of(&command.output().context("run the doctor")?))
}

/// The codes of what it found that is worse than a note.
fn found(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().into_iter().flatten();
    let bad = findings.filter(|finding| finding["severity"] != "note");
    bad.filter_map(|finding| finding["code"].as_str().map(str::to_owned)).collect()
}

/// No proofs are wanted of a name server that gives none.
fn without_dnssec(folder: &std::path::Path) -> Result<String> {
    let config = folder.join("mailwright.toml");
    std::fs::write(&config, "hostname = \"out.mail.example\"\n[delivery.tls]\ndnssec = \"off\"\n")
        .context("write")?;
    Ok(config.display().to_string())
}

#[test]
fn a_healthy_domain_is_told_to_be_healthy() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let (server, folder) = (world(GOOD)?, tempfile::tempdir().context("make a folder")?);
    let config = without_dnssec(folder.path())?;
    let args = [
        "shop.example",
        "--config",
        &config,
        "--address",
        "192.0.2.7",
        "--block-list",
        "list.test",
        "--json",
    ];
    let told = doctor(server.address, &args)?;
    let report = told.json()?;
    assert_eq!((found(&report), told.code), (vec![], Some(0)), "{report:#}");
    assert_eq!(report["sending"]["state"], "ready");
    assert_eq!(report["spf"]["total_lookups"], 2);
    assert_eq!(report["spf_results"][0]["result"], "pass");
    assert_eq!(report["reverse"][0]["confirmed"], json!(["out.mail.example"]));
    assert_eq!(report["block_lists"][0]["listed"], false);
    let told = doctor(server.address, &args[..7])?;
    assert_eq!(told.code, Some(0));
    told.says(&[
        "SPF: good\n  cf-bounce.shop.example, 2 of 10 look-ups:\n  v=spf1 include:_spf.mail.example ~all\n",
        "  ├─ include:_spf.mail.example  2 look-ups\n  │  ├─ a:out.mail.example  192.0.2.7  1 look-up\n",
        "  192.0.2.7 gets pass by include:_spf.mail.example\n",
        "DKIM: good\n  SELECTOR  KEY        RECORD\n  s1        published  v=DKIM1; k=ed25519;",
        "DMARC: good\n  _dmarc.shop.example: v=DMARC1; p=quarantine;",
        "DKIM aligns, SPF aligns (organizational domain shop.example)",
        "TLS-RPT: good\n  mailto:tls@shop.example\n",
        "BIMI: good\n",
        "192.0.2.7  out.mail.example  out.mail.example  yes\n",
        "192.0.2.7  list.test  not listed\n",
        "shop.example is ready to send: 0 to mend (!!), 0 could be better (!)\n",
    ]);
    Ok(())
}

#[test]
fn everything_wrong_is_told_and_the_exit_code_says_so() -> Result<()> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let wrong = "
cf-bounce.shop      MX  10 mx.other.example.
cf-bounce.shop      TXT \"v=spf1 include:_spf.mail.example inclde:x.example ~all\"
cf-bounce.shop      TXT \"v=spf1 -all\"
s1._domainkey.shop  TXT \"v=DKIM1; p=\"
_dmarc.shop         TXT \"v=DMARC1; p=reject; adkim=s; aspf=s\"
";
    let (server, folder) = (world(wrong)?, tempfile::tempdir().context("make a folder")?);
    let config = without_dnssec(folder.path())?;
    let args = ["shop.example", "--config", &config, "--address", "192.0.2.66", "--block-list", "list.test"];
    let told = doctor(server.address, &[&args[..], &["--json"]].concat())?;
    assert_eq!(told.code, Some(1), "{}", told.text);
    let report = told.json()?;
    let expected = [
        "mx_unusable",
        "mx_conflict",
        "multiple_spf",
        "dkim_revoked",
        "dmarc_too_strict",
        "mx_not_found",
        "ptr_not_confirmed",
        "ehlo_not_confirmed",
        "listed",
    ];
    assert_eq!(found(&report), expected, "{report:#}");
    assert_eq!(report["sending"]["state"], "misconfigured");
    let told = doctor(server.address, &args)?;
    told.says(&[
        "DKIM: must be mended\n",
        "  !! s1._domainkey.shop.example: The key is published as revoked",
    ]);
    told.says(&[
        "192.0.2.66 is on list.test (127.0.0.2: see the list's page)",
        "shop.example is set up wrongly:",
    ]);
    Ok(())
}

#[test]
fn mta_sts_and_dane_are_looked_at_with_their_proofs() -> Result<()> {
    if skip_without(&[Need::Nsd, Need::Unbound, Need::Python, Need::Openssl]) {
        return Ok(());
    }
    let folder = tempfile::tempdir().context("make a folder")?;
    let authority = Authority::new(folder.path())?;
    let certificate = Certificate::signed_by(folder.path(), "mta-sts.shop.example", &authority)?;
    let mut host = HttpsHost::start(&[("mta-sts.shop.example", &certificate)])?;
    let policy = "version: STSv1\nmode: enforce\nmx: other.example\nmax_age: 86400\n";
    host.answer("mta-sts.shop.example", "/.well-known/mta-sts.txt", json!({"status": 200, "body": policy}))?;
    let more = format!(
        "{GOOD}\n_mta-sts.shop TXT \"v=STSv1; id=7;\"\nmta-sts.shop A 127.0.0.1\n_25._tcp.mx.shop TLSA 3 1 1 {}\n",
        "ab".repeat(32)
    );
    let signed = Zone::new("example", &more).sign()?;
    let server = NameServer::serving(std::slice::from_ref(&signed.zone))?;
    let resolver = Unbound::start(&server, &[&signed.dnskey])?;
    let anchors = folder.path().join("anchors");
    std::fs::write(&anchors, format!("{}\n", signed.dnskey)).context("write the anchors")?;
    let config = folder.path().join("mailwright.toml");
    let text = format!(
        "[delivery.tls]\ndnssec = {anchors:?}\nauthorities = {:?}\npolicy_port = {}\nprivate_policy_hosts = true\n",
        authority.certificate, host.port
    );
    std::fs::write(&config, text).context("write the configuration")?;
    let config = config.display().to_string();
    let told =
        doctor(resolver.address, &["shop.example", "--config", &config, "--no-block-lists", "--json"])?;
    let report = told.json()?;
    assert_eq!((found(&report), told.code), (vec!["mta_sts_mismatch".to_owned()], Some(1)), "{report:#}");
    assert_eq!(
        report["receiving"]["mta_sts"],
        json!({"id": "7", "mode": "enforce", "mx": ["other.example"]})
    );
    assert_eq!(report["receiving"]["dane"]["hosts"], json!([{"host": "mx.shop.example", "records": 1}]));
    Ok(())
}

#[test]
fn what_cannot_be_looked_at_is_an_error_of_its_own() -> Result<()> {
    let told = Told::of(&mailwright().args(["doctor", "not a domain"]).output().context("run the doctor")?);
    assert_eq!(told.code, Some(2));
    told.says(&["not a domain"]);
    Ok(())
}
