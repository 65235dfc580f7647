//! Prometheus' own tool reads what we tell Prometheus, and the rules we give with it.

use std::path::{Path, PathBuf};

use mailwright_tests::error::Result;
use mailwright_tests::message::{SENDER, Token};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::server::Dev;
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::{http, promtool};

/// The alert rules for users to take, and their unit tests.
fn rules(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/prometheus")).join(name)
}

/// Series that come with their first event are there after mail has come and gone by every way.
#[test]
fn promtool_finds_nothing_wrong_with_the_metrics_of_a_server_at_work() -> Result<()> {
    if skip_without(&[Need::Promtool]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let (relayed, built) = (Token::new("metrics", 1), Token::new("metrics", 2));
    let reply = SmtpClient::connect_and_greet(dev.server.smtp)?.send(
        SENDER,
        &relayed.recipient(),
        &relayed.message("relayed\r\n"),
    )?;
    assert_eq!(reply.code, 250, "{reply:?}");
    assert_eq!(dev.api.submit(&built.request("built"))?.status, 200);
    for token in [&relayed, &built] {
        dev.mailbox.wait_for(&token.recipient())?;
    }
    let answer = http::get(dev.server.http, "/metrics")?;
    assert_eq!(answer.status, 200);
    promtool::check_metrics(&answer.text)
}

#[test]
fn the_alert_rules_read_and_do_what_their_tests_say() -> Result<()> {
    if skip_without(&[Need::Promtool]) {
        return Ok(());
    }
    let alerts = rules("alerts.yml");
    if !alerts.exists() {
        // There are none to judge; rules without tests, on the other hand, fail below.
        return Ok(());
    }
    promtool::check_rules(&alerts)?;
    promtool::test_rules(&rules("alerts.test.yml"))
}
