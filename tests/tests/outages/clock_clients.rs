//! The clock is set back while clients of submission are held back for seconds.

use mailwright_tests::error::{Error, Result};
use mailwright_tests::moody::Mood;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;

use super::clock::{HOUR, SOON, world};
use super::world::World;

/// The section of the configuration that switches submission on.
const SUBMISSION: &str = "[submission]\nlisten = [\"127.0.0.1:0\"]\nallow_plain_auth_on_loopback = true\n";

#[test]
fn a_client_turned_away_for_seconds_is_not_for_hours_when_the_clock_steps_back() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let submission = format!("{SUBMISSION}max_auth_failures = 1\nauth_failure_memory = \"3s\"\n");
    let (world, clock) = world(Mood::Well, "", &|config| config.more = submission.clone())?;
    assert!(log_in(&world, "wrong").is_err() && log_in(&world, &world.installation.account.token).is_err());
    clock.set(-3 * HOUR)?;
    wait::until("a client to be let in again", SOON, || {
        Ok(log_in(&world, &world.installation.account.token).ok().map(drop))
    })
}

#[test]
fn a_clients_quota_is_a_rate_when_the_clock_steps_back() -> Result<()> {
    if skip_without(&[Need::Cc]) {
        return Ok(());
    }
    let submission = format!("{SUBMISSION}messages_per_minute = 30\n");
    let (world, clock) = world(Mood::Well, "", &|config| config.more = submission.clone())?;
    let mut client = log_in(&world, &world.installation.account.token)?;
    let mut code = submit(&mut client)?;
    while code == 250 {
        code = submit(&mut client)?;
    }
    assert_eq!(code, 450);
    clock.set(-3 * HOUR)?;
    wait::until("a client to be let in again", SOON, || Ok((submit(&mut client)? == 250).then_some(())))
}

/// Logs in at the submission listener.
fn log_in(world: &World, token: &str) -> Result<SmtpClient> {
    let address = world.server.submission;
    let address = address.ok_or_else(|| Error::unexpected("submission", "not listening"))?;
    let mut client = SmtpClient::connect_and_greet(address)?;
    let secret = format!("\0token\0{token}");
    let encoded = data_encoding::BASE64.encode(secret.as_bytes());
    let reply = client.command(&format!("AUTH PLAIN {encoded}"))?;
    if reply.code == 235 { Ok(client) } else { Err(Error::unexpected("log in", format!("{reply:?}"))) }
}

fn submit(client: &mut SmtpClient) -> Result<u16> {
    let message = b"From: sender@example.com\r\nSubject: x\r\n\r\nx\r\n";
    Ok(client.send("sender@example.com", "you@example.net", message)?.code)
}
