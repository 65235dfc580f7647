//! The fixtures themselves: the third-party receivers receive, the third-party verifiers can say no.
//! None of these needs the server.

use std::fs;
use std::time::Duration;

use mailwright_tests::error::{Context, Result};
use mailwright_tests::mailbox::assert_wire_form;
use mailwright_tests::message::{SENDER, Token};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::postfix::{Announce, Postfix};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::smtp_sink::SmtpSink;
use mailwright_tests::tmpfs::Tmpfs;
use mailwright_tests::{python, wait};

const LIMIT: Duration = Duration::from_secs(20);

/// A message signed with RSA and Ed25519 by another program (dkimpy), and the records of its keys.
const SIGNED: &str = include_str!("data/signed.eml");
const RECORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/dkim.json");

#[test]
fn postfix_stores_what_it_receives() -> Result<()> {
    if skip_without(&[Need::Postfix]) {
        return Ok(());
    }
    for announce in [Announce::Everything, Announce::NoPipeliningNoChunking, Announce::StartTls] {
        let postfix = Postfix::start(announce)?;
        let mut client = SmtpClient::connect(postfix.address)?;
        let offer = client.command("EHLO client.example.com")?;
        assert_eq!(offer.announces("PIPELINING"), announce != Announce::NoPipeliningNoChunking);
        assert_eq!(offer.announces("CHUNKING"), announce != Announce::NoPipeliningNoChunking);
        assert_eq!(offer.announces("STARTTLS"), announce == Announce::StartTls);
        let token = Token::new("harness", 1);
        let reply = client.send(SENDER, &token.recipient(), &token.message(".\r\nline\r\n"))?;
        assert_eq!(reply.code, 250, "{}", postfix.log_text());
        let stored = wait::until("the mail", LIMIT, || Ok(postfix.received()?.pop()))?;
        assert!(stored.ends_with(b"\n\n.\nline\n"), "{}", String::from_utf8_lossy(&stored));
    }
    Ok(())
}

#[test]
fn smtp_sink_keeps_what_it_receives() -> Result<()> {
    if skip_without(&[Need::Postfix]) {
        return Ok(());
    }
    let sink = SmtpSink::start()?;
    let token = Token::new("harness", 2);
    let mut client = SmtpClient::connect_and_greet(sink.address)?;
    assert_eq!(client.send(SENDER, &token.recipient(), &token.message(".\r\nline\r\n"))?.code, 250);
    let stored = wait::until("the mail", LIMIT, || Ok(sink.received()?.pop()))?;
    assert!(stored.ends_with(b"\n\n.\nline\n"), "{}", String::from_utf8_lossy(&stored));
    Ok(())
}

#[test]
fn dkim_verifier_accepts_the_signed_message_and_no_other() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let folder = tempfile::tempdir().context("make a folder")?;
    let (good, bad) = (folder.path().join("good.eml"), folder.path().join("bad.eml"));
    fs::write(&good, SIGNED).context("write")?;
    fs::write(&bad, SIGNED.replace("twice", "thrice")).context("write")?;
    let found = python::run("verify_dkim.py", [RECORDS.as_ref(), good.as_os_str(), bad.as_os_str()])?;
    let verdicts = |index: usize| [&found[index][0]["valid"], &found[index][1]["valid"]];
    assert_eq!(verdicts(0), [true, true], "{found}");
    assert_eq!(verdicts(1), [false, false], "{found}");
    Ok(())
}

#[test]
fn mime_parser_reports_defects() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let folder = tempfile::tempdir().context("make a folder")?;
    let (good, bad) = (folder.path().join("good.eml"), folder.path().join("bad.eml"));
    fs::write(&good, SIGNED).context("write")?;
    fs::write(&bad, "Content-Type: multipart/mixed; boundary=b\r\n\r\nno boundary\r\n").context("write")?;
    let found = python::run("parse_mime.py", [good, bad])?;
    assert_eq!(found[0]["defects"].as_array().map(Vec::len), Some(0), "{found}");
    assert_ne!(found[1]["defects"].as_array().map(Vec::len), Some(0), "{found}");
    assert_wire_form(SIGNED.as_bytes());
    Ok(())
}

#[test]
fn the_small_disk_fills_up_and_is_unmounted() -> Result<()> {
    if skip_without(&[Need::Root]) {
        return Ok(());
    }
    let disk = Tmpfs::mount(4)?;
    let folder = disk.path().to_owned();
    let filler = disk.take(3)?;
    assert!(fs::write(folder.join("more"), vec![0; 2 << 20]).is_err());
    Tmpfs::give_back(&filler)?;
    fs::write(folder.join("more"), vec![0; 2 << 20]).context("write after room was made")?;
    drop(disk);
    assert!(!folder.exists(), "{} is still there", folder.display());
    Ok(())
}
