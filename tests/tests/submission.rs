//! Submission: clients that others wrote log in with an API token and send; whoever cannot prove a right to it is
//! kept out.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use tempfile::TempDir;

use mailwright_tests::certificate::Certificate;
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::message::{SENDER, header};
use mailwright_tests::metrics::ACCEPTED;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

const NEEDS: &[Need] = &[Need::Python, Need::Openssl];
/// The name that our certificates are for.
const NAME: &str = "mx.example.com";
const MESSAGE: &str = "From: sender@example.com\r\nSubject: submitted\r\n\r\nHello\r\n";

/// A server with submission, and a sandbox that receives what it sends.
struct Setup {
    server: Server,
    installation: Installation,
    sandbox: Sandbox,
    certificate: Certificate,
    _files: TempDir,
}

impl Setup {
    /// Starts both; `more` goes into the section `[submission]`.
    fn new(more: &str) -> Result<Self> {
        let (sandbox, files) = (Sandbox::start()?, tempfile::tempdir().context("make a folder")?);
        let certificate = Certificate::self_signed(files.path(), NAME)?;
        let section = format!(
            "[submission]\nlisten = [\"127.0.0.1:0\"]\nlisten_tls = [\"127.0.0.1:0\"]\n\
             certificate = {:?}\nkey = {:?}\n{more}\n",
            certificate.certificate, certificate.key
        );
        let installation = Installation::new(&Config { more: section, ..Config::to(sandbox.address) })?;
        let server = installation.start()?;
        Ok(Self { server, installation, sandbox, certificate, _files: files })
    }

    fn address(&self, mode: &str) -> Result<SocketAddr> {
        let address = if mode == "tls" { self.server.submission_tls } else { self.server.submission };
        address.ok_or_else(|| Error::unexpected("find the submission listener", mode))
    }

    /// Runs `submit.py` with a job that only connects, changed by `changes`.
    fn submit(&self, mode: &str, changes: &Value) -> Result<Value> {
        let address = self.address(mode)?;
        let mut job = json!({
            "host": address.ip().to_string(), "port": address.port(), "name": NAME, "mode": mode,
            "ca": self.certificate.certificate, "mechanism": "", "attempts": 1,
            "mail_from": SENDER, "to": ["you@example.net"], "message": MESSAGE
        });
        for (key, value) in changes.as_object().into_iter().flatten() {
            job[key] = value.clone();
        }
        python::run("submit.py", [job.to_string()])
    }

    /// Logs in and sends one message, changed by `changes`.
    fn send(&self, mode: &str, changes: &Value) -> Result<Value> {
        let mut job = json!({"user": "token", "token": self.installation.account.token, "count": 1});
        for (key, value) in changes.as_object().into_iter().flatten() {
            job[key] = value.clone();
        }
        self.submit(mode, &job)
    }

    /// Waits until the server's log holds `words`.
    fn until_it_says(&self, words: &str) -> Result<()> {
        wait::until(words, Duration::from_secs(20), || {
            Ok(self.server.process.log_text().contains(words).then_some(()))
        })
    }

    /// What a client that connects is shown.
    fn shown(&self) -> Result<String> {
        let report = self.submit("tls", &json!({}))?;
        Ok(report["certificate"].as_str().unwrap_or_default().to_owned())
    }
}

#[test]
fn takes_mail_by_every_road_and_signs_it() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let setup = Setup::new("")?;
    let account = setup.installation.account.account_id.clone();
    for (number, (mode, mechanism, user)) in [
        ("starttls", "PLAIN", "token"),
        ("starttls", "LOGIN", &account),
        ("tls", "PLAIN", &account),
        ("tls", "", "me"),
    ]
    .into_iter()
    .enumerate()
    {
        let to = format!("road{number}@example.net");
        let job = json!({"mechanism": mechanism, "user": user, "to": [to]});
        let report = setup.send(mode, &job)?;
        assert_eq!((&report["logins"], &report["sent"]), (&json!([235]), &json!([250])), "{mode}: {report}");
        let mail = setup.sandbox.mailbox.wait_for(&to)?;
        assert_eq!(mail.mail_from, SENDER);
        let field = |name: &str| header(&mail.message, name).unwrap_or_default();
        let received = field("Received");
        let cipher = report["cipher"].as_str().unwrap_or_default();
        assert!(received.contains("with ESMTPSA id") && received.contains(cipher), "{cipher}: {received}");
        assert!(!field("Date").is_empty() && field("Message-ID").ends_with("@mx.example.com>"));
        let dkim = setup.installation.state().join("dkim.json");
        let signatures = python::run("verify_dkim.py", [dkim, mail.path.clone()])?;
        let valid: Vec<_> = signatures[0].as_array().into_iter().flatten().map(|one| &one["valid"]).collect();
        assert_eq!(valid, [true, true], "{signatures}");
    }
    Ok(())
}

#[test]
fn fields_that_are_for_us_do_not_travel() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let setup = Setup::new("")?;
    let hints = "X-Mailwright-Priority: bulk\r\nX-Mailwright-Campaign: spring sale\r\nTLS-Required: No\r\n";
    let sent = setup.send("tls", &json!({"message": format!("{hints}{MESSAGE}")}))?;
    assert_eq!(sent["sent"], json!([250]), "{sent}");
    let mail = setup.sandbox.mailbox.wait_for("you@example.net")?;
    assert_eq!(header(&mail.message, "X-Mailwright-Priority"), None);
    assert_eq!(header(&mail.message, "X-Mailwright-Campaign"), None);
    assert_eq!(header(&mail.message, "TLS-Required").as_deref(), Some("No"));
    let wrong = setup.send("tls", &json!({"message": format!("X-Mailwright-Priority: now\r\n{MESSAGE}")}))?;
    assert_eq!(wrong["sent"], json!([554]), "{wrong}");
    Ok(())
}

#[test]
fn a_wrong_password_waits_and_too_many_are_turned_away() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let setup = Setup::new("max_auth_failures = 3")?;
    let wrong = json!({"token": "x".repeat(40), "attempts": 3, "count": 0, "mechanism": "PLAIN"});
    let report = setup.send("starttls", &wrong)?;
    assert_eq!(report["logins"], json!([535, 535, 421]), "{report}");
    let seconds = |index: usize| report["seconds"][index].as_f64().unwrap_or_default();
    assert!(seconds(0) >= 0.25 && seconds(1) >= 0.5, "{report}");
    let refused = SmtpClient::connect(setup.address("starttls")?).err().map(|error| error.to_string());
    assert!(refused.unwrap_or_default().contains("421"), "the address is not turned away");
    assert_eq!(setup.server.metrics()?.get(ACCEPTED), 0);
    Ok(())
}

#[test]
fn the_name_of_another_account_is_a_wrong_one() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let setup = Setup::new("")?;
    let stranger = setup.send("tls", &json!({"user": "0".repeat(32)}))?;
    assert_eq!(stranger["logins"], json!([235]), "only names of accounts that there are say something");
    let swapped = json!({"user": setup.installation.account.token, "token": "token", "count": 0});
    assert_eq!(setup.send("tls", &swapped)?["logins"], json!([535]));
    Ok(())
}

#[test]
fn nothing_is_asked_or_taken_before_tls() -> Result<()> {
    if skip_without(&[Need::Openssl]) {
        return Ok(());
    }
    let setup = Setup::new("")?;
    let mut client = SmtpClient::connect(setup.address("starttls")?)?;
    let hello = client.command("EHLO client.example.com")?;
    assert!(hello.announces("STARTTLS") && hello.announces("DSN"), "{hello:?}");
    assert!(!hello.announces("AUTH") && !hello.announces("REQUIRETLS"), "{hello:?}");
    assert_eq!(client.command("AUTH PLAIN AHVzZXIAc2VjcmV0")?.code, 538);
    assert_eq!(client.command("AUTH LOGIN")?.code, 538);
    assert_eq!(client.command("MAIL FROM:<sender@example.com>")?.code, 530);
    Ok(())
}

#[test]
fn offers_under_tls_what_submission_needs() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let setup = Setup::new("")?;
    for mode in ["starttls", "tls"] {
        let report = setup.submit(mode, &json!({}))?;
        let extensions: Vec<_> =
            report["extensions"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for extension in ["auth", "dsn", "requiretls", "8bitmime", "smtputf8", "pipelining", "size"] {
            assert!(extensions.contains(&extension), "{extension} by {mode} in {report}");
        }
        assert!(!extensions.contains(&"starttls"), "{report}");
    }
    Ok(())
}

#[test]
fn only_domains_of_the_account_send() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let setup = Setup::new("")?;
    let cases = [
        (json!({"mail_from": "x@other.example"}), 550),
        (json!({"message": MESSAGE.replace("example.com", "other.example")}), 550),
        (json!({"message": MESSAGE.replace("From:", "X-From:")}), 554),
        (json!({"message": format!("From: x@other.example\r\n{MESSAGE}")}), 554),
        (json!({"mail_from": ""}), 250),
    ];
    for (job, code) in cases {
        assert_eq!(setup.send("tls", &job)?["sent"], json!([code]), "{job}");
    }
    Ok(())
}

#[test]
fn a_suppressed_recipient_is_refused_by_name() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let setup = Setup::new("")?;
    let api = setup.installation.api(&setup.server);
    let body = json!({"email": "ann@example.net"}).to_string();
    api.post(&api.sending_path("suppressions"), &body, &[])?.result();
    let report = setup.send("tls", &json!({"to": ["Ann@example.net"]}))?;
    assert_eq!(report["sent"], json!([550]), "{report}");
    // With others beside it, these get the message.
    let report = setup.send("tls", &json!({"to": ["Ann@example.net", "bob@example.net"]}))?;
    assert_eq!(report["sent"], json!([250]), "{report}");
    Ok(())
}

#[test]
fn a_token_that_sends_too_fast_is_deferred() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let setup = Setup::new("messages_per_minute = 1")?;
    let report = setup.send("tls", &json!({"count": 2}))?;
    assert_eq!(report["sent"], json!([250, 450]), "{report}");
    Ok(())
}

#[test]
fn an_address_has_only_so_many_sessions() -> Result<()> {
    if skip_without(&[Need::Openssl]) {
        return Ok(());
    }
    let setup = Setup::new("max_sessions_per_address = 2")?;
    let address = setup.address("starttls")?;
    let _open = [SmtpClient::connect(address)?, SmtpClient::connect(address)?];
    let refused = SmtpClient::connect(address).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains("421") && refused.contains("from your address"), "{refused}");
    Ok(())
}

#[test]
fn a_replaced_certificate_is_shown_without_a_restart_and_a_broken_one_never() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let setup = Setup::new("")?;
    let first = setup.shown()?;
    fs::write(&setup.certificate.key, "no key").context("break the key")?;
    setup.until_it_says("the old certificate stays in use")?;
    // The file that the client trusts is still the first one.
    assert_eq!(setup.shown()?, first);
    setup.certificate.renew(NAME)?;
    setup.until_it_says("certificate replaced")?;
    assert_ne!(setup.shown()?, first);
    assert_eq!(setup.send("starttls", &json!({}))?["sent"], json!([250]));
    Ok(())
}

#[test]
fn on_loopback_a_login_may_do_without_tls_where_that_is_allowed() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let sandbox = Sandbox::start()?;
    let more = "[submission]\nlisten = [\"127.0.0.1:0\"]\nallow_plain_auth_on_loopback = true\n".to_owned();
    let installation = Installation::new(&Config { more, ..Config::to(sandbox.address) })?;
    let server = installation.start()?;
    let address =
        server.submission.ok_or_else(|| Error::unexpected("find the submission listener", "plain"))?;
    let job = json!({
        "host": address.ip().to_string(), "port": address.port(), "name": NAME, "mode": "plain", "mechanism": "",
        "attempts": 1, "user": "token", "token": installation.account.token, "count": 1,
        "mail_from": SENDER, "to": ["you@example.net"], "message": MESSAGE
    });
    let report = python::run("submit.py", [job.to_string()])?;
    assert_eq!((&report["logins"], &report["sent"]), (&json!([235]), &json!([250])), "{report}");
    let mail = sandbox.mailbox.wait_for("you@example.net")?;
    let received = header(&mail.message, "Received").unwrap_or_default();
    assert!(received.contains("with ESMTPA id"), "{received}");
    Ok(())
}
