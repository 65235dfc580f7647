//! How it greets, what it offers, and whom it sends away.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use mailwright_tests::certificate::Certificate;
use mailwright_tests::error::{Context, Result};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::smtp::{SmtpClient, dial_from};
use mailwright_tests::wait;

use crate::world::{HELP, World};

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn it_says_who_it_is_what_it_takes_and_where_refusals_are_explained() -> Result<()> {
    let world = World::start("")?;
    let mut greeting = String::new();
    let mut stream = TcpStream::connect(world.mx).context("connect")?;
    let mut octet = [0];
    while !greeting.ends_with("\r\n") {
        stream.read_exact(&mut octet).context("read the greeting")?;
        greeting.push(char::from(octet[0]));
    }
    assert_eq!(
        greeting,
        "220 mx.example.com ESMTP mailwright inbound, see https://mx.example.com/postmaster\r\n"
    );
    let mut client = SmtpClient::connect(world.mx)?;
    let offers = client.command("EHLO client.example.org")?;
    let extensions = [
        "PIPELINING",
        "SIZE",
        "8BITMIME",
        "SMTPUTF8",
        "CHUNKING",
        "ENHANCEDSTATUSCODES",
        "STARTTLS",
        "LIMITS",
    ];
    assert!(extensions.iter().all(|keyword| offers.announces(keyword)), "{offers:?}");
    assert!(offers.lines.contains(&"SIZE 26214400".to_owned()), "{offers:?}");
    assert!(
        offers.lines.contains(&"LIMITS RCPTMAX=100".to_owned()) && !offers.announces("AUTH"),
        "{offers:?}"
    );
    client.command("MAIL FROM:<ann@example.org> SMTPUTF8")?;
    for (recipient, status) in [("piñata@piñata.example", "5.6.7"), ("info@piñata.example", "5.7.1")] {
        let reply = client.command(&format!("RCPT TO:<{recipient}>"))?;
        assert!(reply.lines[0].starts_with(status), "{recipient}: {reply:?}");
        assert!(reply.lines[0].ends_with(&format!(" {HELP}{status}")), "{recipient}: {reply:?}");
    }
    assert!(client.command("WHAT")?.lines[0].ends_with(" https://mx.example.com/postmaster#5.5.1"));
    Ok(())
}

/// Says `words` at once and returns all that is answered.
fn blurt(stream: &mut TcpStream, words: &str) -> Result<String> {
    stream.set_read_timeout(Some(LIMIT)).context("set the read limit")?;
    stream.write_all(words.as_bytes()).context("write")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("read")?;
    Ok(answer)
}

#[test]
fn who_does_not_wait_its_turn_or_comes_too_often_is_sent_away() -> Result<()> {
    let world =
        World::start("greeting_delay = \"500ms\"\nconnections_per_minute = 4\nmessages_per_minute = 2")?;
    let from = |last: u8| Ipv4Addr::new(127, 0, 0, last);
    let early = blurt(&mut dial_from(from(2), world.mx)?, "EHLO client.example.org\r\n")?;
    assert!(early.starts_with("554 5.5.0 ") && early.ends_with("#5.5.0\r\n"), "{early}");
    let mut hasty = SmtpClient::connect_from(from(3), world.mx)?.into_stream();
    let said = blurt(&mut hasty, "EHLO client.example.org\r\nMAIL FROM:<>\r\n")?;
    let last = said.lines().last().unwrap_or_default();
    assert!(said.starts_with("250-mx.example.com\r\n") && last.starts_with("554 5.5.0 "), "{said}");
    for when in ["before_greeting", "before_reply"] {
        assert_eq!(world.series(&format!("mailwright_gate_early_talkers_total{{when=\"{when}\"}}"))?, 1);
    }
    let mut client = SmtpClient::connect_from(from(4), world.mx)?;
    client.command("EHLO client.example.org")?;
    for code in [250, 250, 450] {
        let reply = client.command("MAIL FROM:<>")?;
        assert_eq!(reply.code, code, "{reply:?}");
        client.command("RSET")?;
    }
    for _ in 0..3 {
        SmtpClient::connect_from(from(4), world.mx)?;
    }
    let refused = SmtpClient::connect_from(from(4), world.mx).err().map(|error| error.to_string());
    assert!(
        refused.clone().is_some_and(|text| text.contains("421") && text.contains("4.7.0")),
        "{refused:?}"
    );
    SmtpClient::connect_from(from(5), world.mx)?;
    Ok(())
}

#[test]
fn who_asks_for_names_that_there_are_not_is_slowed_down_and_sent_away() -> Result<()> {
    let world = World::start("max_unknown_recipients = 7")?;
    let mut client = SmtpClient::connect_and_greet(world.mx)?;
    client.command("MAIL FROM:<>")?;
    let domain = world.ours.rsplit('@').next().unwrap_or_default().to_owned();
    let codes: Vec<_> = (0..7)
        .map(|number| client.command(&format!("RCPT TO:<name{number}@{domain}>")).map(|reply| reply.code))
        .collect::<Result<_>>()?;
    assert_eq!(codes, [550, 550, 550, 550, 550, 550, 421]);
    assert!(SmtpClient::connect(world.mx).is_err());
    assert_eq!(world.series("mailwright_gate_refused_total{reason=\"recipients\"}")?, 2);
    Ok(())
}

/// The certificate that a client is shown that asks for `name`, in PEM.
fn shown(mx: SocketAddr, name: &str) -> Result<String> {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-starttls", "smtp", "-servername", name, "-connect"]).arg(mx.to_string());
    let output = client.stdin(Stdio::null()).output().context("run openssl s_client")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let begin = text.find("-----BEGIN CERTIFICATE-----").unwrap_or_default();
    let end = text.find("-----END CERTIFICATE-----").unwrap_or_default();
    Ok(text.get(begin..end).unwrap_or_default().to_owned())
}

fn on_disk(certificate: &Certificate) -> Result<String> {
    let text = fs::read_to_string(&certificate.certificate).context("read the certificate")?;
    Ok(text.split("-----END").next().unwrap_or_default().to_owned())
}

#[test]
fn it_shows_the_certificate_of_the_name_that_is_asked_for_and_a_new_one_without_a_restart() -> Result<()> {
    if skip_without(&[Need::Openssl]) {
        return Ok(());
    }
    let world = World::start("")?;
    let [first, second] = &world.certificates;
    for (name, certificate) in
        [("mx.example.com", first), ("mx.example.org", second), ("other.example", first)]
    {
        assert_eq!(shown(world.mx, name)?, on_disk(certificate)?, "{name}");
    }
    second.renew("mx.example.org")?;
    wait::until("the new certificate", LIMIT, || {
        Ok((shown(world.mx, "mx.example.org")? == on_disk(second)?).then_some(()))
    })?;
    assert_eq!(shown(world.mx, "mx.example.com")?, on_disk(first)?);
    Ok(())
}
