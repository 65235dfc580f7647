//! Servers and clients that others wrote bring mail, under TLS.

use std::time::Duration;

use mailwright_tests::error::Result;
use mailwright_tests::exim::Exim;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::postfix::Postfix;
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::swaks::swaks;
use mailwright_tests::wait;

use crate::world::World;

const LIMIT: Duration = Duration::from_secs(30);
const MESSAGE: &[u8] = b"From: ann@example.net\r\nSubject: hello\r\n\r\n.dot\r\n..\r\nhello\r\n";

/// Messages that have reached our address and were of no other use.
const ARRIVED: &str = "mailwright_return_path_total{kind=\"other\",result=\"ignored\"}";

/// Hands the server at `address` a message for `world`, and waits until `log` says that it has gone.
fn sent_on(
    world: &World,
    address: std::net::SocketAddr,
    log: impl Fn() -> String,
    gone: &[&str],
) -> Result<()> {
    let reply = SmtpClient::connect_and_greet(address)?.send("ann@example.net", &world.ours, MESSAGE)?;
    assert_eq!(reply.code, 250, "{reply:?}");
    let sent = wait::until("the message at the MX", LIMIT, || {
        let text = log();
        Ok(gone.iter().all(|words| text.contains(words)).then_some(()))
    });
    assert!(sent.is_ok(), "{}", log());
    Ok(())
}

#[test]
fn postfix_exim_and_swaks_bring_mail_under_tls() -> Result<()> {
    if skip_without(&[Need::Postfix, Need::Exim, Need::Swaks]) {
        return Ok(());
    }
    let world = World::start("")?;
    let postfix = Postfix::sending(world.mx)?;
    sent_on(
        &world,
        postfix.address,
        || postfix.log_text(),
        &["status=sent (250 2.0.0", "TLS connection established"],
    )?;
    assert_eq!(world.series(ARRIVED)?, 1);
    let exim = Exim::sending(world.mx)?;
    sent_on(&world, exim.address, || exim.log_text(), &[" => ", " X=TLS1", "C=\"250 2.0.0"])?;
    assert_eq!(world.series(ARRIVED)?, 2);

    let (ip, port) = (world.mx.ip().to_string(), world.mx.port().to_string());
    let to = |recipient| {
        [
            "--server",
            &ip,
            "--port",
            &port,
            "--from",
            "ann@example.net",
            "--to",
            recipient,
            "--tls",
            "--helo",
            "client.example.net",
        ]
        .map(str::to_owned)
    };
    let (is_taken, said) = swaks(to(&world.ours).iter().map(String::as_str))?;
    assert!(is_taken && said.contains("=== TLS started"), "{said}");
    assert_eq!(world.series(ARRIVED)?, 3);
    let (is_taken, said) = swaks(to("victim@example.net").iter().map(String::as_str))?;
    assert!(!is_taken && said.contains("550 5.7.1 ") && said.contains("/postmaster#5.7.1"), "{said}");
    Ok(())
}
