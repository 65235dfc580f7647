//! Certificates expire, a receiver's and our own, and are renewed.

use std::net::Ipv4Addr;

use mailwright_tests::certificate::Certificate;
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::https_host::HttpsHost;
use mailwright_tests::message::SENDER;
use mailwright_tests::metrics::{BOUNCED, DELIVERED, QUEUED, until_queue_is_empty};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::tls_receiver::{Manners, TlsReceiver};
use mailwright_tests::tls_world::{Plan, World};
use mailwright_tests::zone::Zone;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::world::{LIMIT, logged};

const NEEDS: &[Need] = &[Need::Nsd, Need::Python, Need::Openssl, Need::Cc];
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Two domains at one host, of which the first has a policy.
const RECORDS: &str = "
good MX 10 mx
_mta-sts.good TXT \"v=STSv1; id=1;\"
mta-sts.good A 127.0.0.1
neighbour MX 10 mx
mx A 127.0.0.2
";

/// A world whose host mx.example shows an expired certificate, and good.example's policy asks for a valid one.
fn world() -> Result<(World, HttpsHost, TlsReceiver)> {
    let mut plan = Plan::new()?;
    let name = "mta-sts.good.example";
    let policy = Certificate::signed_by(&plan.folder("policy")?, name, &plan.authority)?;
    let mut host = HttpsHost::start(&[(name, &policy)])?;
    let body = "version: STSv1\r\nmode: enforce\r\nmx: mx.example\r\nmax_age: 86400\r\n";
    host.answer(name, "/.well-known/mta-sts.txt", json!({"status": 200, "body": body}))?;
    plan.zones = vec![Zone::new("example", RECORDS)];
    plan.tls = format!("mta_sts = true\npolicy_port = {}\nprivate_policy_hosts = true\n", host.port);
    let expired = Certificate::expired(&plan.folder("mx")?, "mx.example", &plan.authority)?;
    let receiver = TlsReceiver::start(SECOND, plan.port, &Manners::showing(&expired))?;
    Ok((plan.start()?, host, receiver))
}

#[test]
fn a_receivers_expired_certificate_keeps_only_mail_waiting_that_must_have_a_valid_one() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let (world, _host, receiver) = world()?;
    world.send("user@neighbour.example")?;
    assert!(receiver.wait_for("user@neighbour.example")?.tls.is_some(), "encrypted all the same");
    world.send("user@good.example")?;
    let line = world.logged(&["TLS policy not met", "mx.example"])?;
    assert!(line.contains("expired"), "{line}");
    let metrics = world.server.metrics()?;
    assert_eq!((metrics.get(QUEUED), metrics.get(BOUNCED)), (1, 0));
    assert!(receiver.taken().iter().all(|taken| !taken.is_for("user@good.example")));
    drop(receiver);

    let renewed = Certificate::signed_by(&world.plan.folder("mx")?, "mx.example", &world.plan.authority)?;
    let receiver = TlsReceiver::start(SECOND, world.plan.port, &Manners::showing(&renewed))?;
    receiver.wait_for("user@good.example")?;
    world.logged(&["delivered", "user@good.example", "verified by a public authority (mta-sts)"])?;
    let metrics = until_queue_is_empty(world.server.http, LIMIT)?;
    metrics.assert_all_accounted_for();
    assert_eq!((metrics.get(DELIVERED), metrics.get(BOUNCED), receiver.taken().len()), (2, 0, 1));
    Ok(())
}

/// The name that our certificate is for.
const NAME: &str = "mx.example.com";

/// A server whose certificate for submission has expired, and what it sends to.
struct Submission {
    installation: Installation,
    server: Server,
    ours: Certificate,
    sandbox: Sandbox,
    _files: TempDir,
}

impl Submission {
    fn new() -> Result<Self> {
        let (sandbox, files) = (Sandbox::start()?, tempfile::tempdir().context("make a folder")?);
        let ours = Certificate::self_signed(files.path(), NAME)?;
        ours.let_expire(NAME)?;
        let more = format!(
            "[submission]\nlisten_tls = [\"127.0.0.1:0\"]\ncertificate = {:?}\nkey = {:?}\n",
            ours.certificate, ours.key
        );
        let installation = Installation::new(&Config { more, ..Config::to(sandbox.address) })?;
        let server = installation.start()?;
        Ok(Self { installation, server, ours, sandbox, _files: files })
    }

    /// Submits a message as a client that verifies our certificate.
    fn submit(&self) -> Result<Value> {
        let address = self.server.submission_tls;
        let address = address.ok_or_else(|| Error::unexpected("submission", "not listening"))?;
        let job = json!({
            "host": address.ip().to_string(), "port": address.port(), "name": NAME, "mode": "tls",
            "ca": self.ours.certificate, "mechanism": "", "attempts": 1, "user": "token",
            "token": self.installation.account.token, "count": 1, "mail_from": SENDER,
            "to": ["you@example.net"], "message": format!("From: {SENDER}\r\nSubject: x\r\n\r\nHello\r\n")
        });
        python::run("submit.py", [job.to_string()])
    }
}

#[test]
fn our_own_expired_certificate_gives_way_to_the_renewed_one_without_a_restart() -> Result<()> {
    if skip_without(&[Need::Python, Need::Openssl, Need::Cc]) {
        return Ok(());
    }
    let submission = Submission::new()?;
    let refused = submission.submit().err().map(|error| error.to_string());
    assert!(refused.as_ref().is_some_and(|why| why.contains("certificate has expired")), "{refused:?}");
    submission.ours.renew(NAME)?;
    logged(&submission.server, &["certificate replaced"])?;
    assert_eq!(submission.submit()?["sent"], json!([250]));
    submission.sandbox.mailbox.wait_for("you@example.net")?;
    Ok(())
}

#[test]
fn operators_are_told_that_our_own_certificate_has_expired() -> Result<()> {
    if skip_without(&[Need::Openssl, Need::Cc]) {
        return Ok(());
    }
    logged(&Submission::new()?.server, &["WARN", "expired"]).map(drop)
}
