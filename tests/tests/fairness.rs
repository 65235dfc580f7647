//! Whose mail goes first: urgent mail passes a newsletter, bulk mail still moves, accounts share by weight, and
//! mail of one kind goes in order.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::message::SENDER;
use mailwright_tests::metrics::{DELIVERED, QUEUED};
use mailwright_tests::needs::{self, tell};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, free_address};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(180);
/// Clients that submit at the same time.
const CLIENTS: usize = 8;

/// A site that rests between tries must not rest for minutes, since receivers come up late here.
const PATIENT: &str = "[default]\nbreaker_failures = 1000\n";

struct World {
    installation: Installation,
    server: Server,
}

impl World {
    /// A server whose configuration is made from the id of its account.
    fn new(to: SocketAddr, shaping: &Path, delivery: impl Fn(&str) -> String) -> Result<Self> {
        let mut config = Config {
            more: "[submission]\nlisten = [\"127.0.0.1:0\"]\nallow_plain_auth_on_loopback = true\n\
                   messages_per_minute = 0\n"
                .into(),
            ..Config::to(to)
        };
        let installation = Installation::new(&config)?;
        config.delivery = format!("shaping = {shaping:?}\n{}", delivery(&installation.account.account_id));
        let file = installation.state().with_file_name("mailwright.toml");
        fs::write(&file, config.toml()).context("write the configuration")?;
        let server = installation.start()?;
        Ok(Self { installation, server })
    }

    /// A client that has logged in: what it sends is the account's.
    fn client(&self) -> Result<SmtpClient> {
        let missing = || Error::unexpected("find the submission listener", "it is off");
        let mut client = SmtpClient::connect_and_greet(self.server.submission.ok_or_else(missing)?)?;
        let secret = BASE64.encode(format!("\0token\0{}", self.installation.account.token).as_bytes());
        let reply = client.command(&format!("AUTH PLAIN {secret}"))?;
        assert_eq!(reply.code, 235, "{reply:?}");
        Ok(client)
    }

    /// Has the account send so many messages to `NAME-0@example.net` and so on, in no order.
    fn send_many(&self, name: &str, count: usize, fields: &str) -> Result<()> {
        thread::scope(|scope| {
            let send = |first: usize| {
                scope.spawn(move || {
                    let mut client = self.client()?;
                    let mut numbers = (first..count).step_by(CLIENTS);
                    numbers.try_for_each(|number| send(&mut client, SENDER, name, number, fields))
                })
            };
            let clients: Vec<_> = (0..CLIENTS).map(send).collect();
            let panicked = |_| Err(Error::unexpected("a client", "panicked"));
            clients.into_iter().try_for_each(|client| client.join().unwrap_or_else(panicked))
        })
    }

    /// Has one message accepted through the API and waits for its delivery; how long both took.
    fn send_one(&self, to: &str, headers: &serde_json::Value) -> Result<Duration> {
        let api = self.installation.api(&self.server);
        let request =
            json!({"from": SENDER, "to": to, "subject": "Your password", "text": "x", "headers": headers});
        let start = Instant::now();
        let path = api.sending_path("send");
        let answer = api.post(&path, &request.to_string(), &[("prefer", "wait=20")])?;
        let took = start.elapsed();
        assert_eq!(answer.result()["delivered"], json!([to]), "{}", answer.text);
        Ok(took)
    }
}

fn send(client: &mut SmtpClient, from: &str, name: &str, number: usize, fields: &str) -> Result<()> {
    let to = format!("{name}-{number}@example.net");
    let message = format!("From: {from}\r\nTo: {to}\r\nSubject: x\r\n{fields}\r\nbody\r\n");
    let reply = client.send(from, &to, message.as_bytes())?;
    assert_eq!(reply.code, 250, "{reply:?}");
    Ok(())
}

fn shaping(folder: &Path, text: &str) -> Result<std::path::PathBuf> {
    let path = folder.join("shaping.toml");
    fs::write(&path, text).context("write the shaping file")?;
    Ok(path)
}

/// The names of the first messages that were received, in order: `high` of `high-17@example.net`.
fn first_received(sandbox: &Sandbox, count: usize) -> Result<Vec<String>> {
    wait::until(&format!("{count} messages"), LIMIT, || {
        thread::sleep(Duration::from_millis(100)); // Asking is work for the sandbox too.
        Ok((sandbox.stats()?.accepted >= count as u64).then_some(()))
    })?;
    let received = sandbox.mailbox.deliveries()?.into_iter().take(count);
    Ok(received.filter_map(|to| Some(to.split_once('@')?.0.to_owned())).collect())
}

fn count_of(received: &[String], name: &str) -> usize {
    received.iter().filter(|to| to.starts_with(name)).count()
}

#[test]
fn a_password_reset_passes_the_newsletter_of_its_own_account() -> Result<()> {
    let newsletter = if needs::long() { 1_000_000 } else { 20_000 };
    let files = tempfile::tempdir().context("make a folder")?;
    // Twenty connections, each of which takes a message in four tenths of a second: fifty a second.
    let sandbox = Sandbox::with(&["stall:pause=400ms"])?;
    let world =
        World::new(sandbox.address, &shaping(files.path(), "[default]\nconnections = 20\n")?, |_| {
            String::new()
        })?;
    world.send_many("news", newsletter, "X-Mailwright-Priority: bulk\r\n")?;
    let before = world.server.metrics()?;
    assert!(before.get(QUEUED) > newsletter as u64 / 2, "the newsletter is out: nothing would be tested");
    for (kind, headers) in [("high", json!({"X-Mailwright-Priority": "high"})), ("normal", json!({}))] {
        let mut times = Vec::new();
        for number in 0..5 {
            times.push(world.send_one(&format!("reset-{kind}-{number}@example.net"), &headers)?);
        }
        tell(&format!("behind {newsletter} bulk messages, {kind}: {times:?}"));
        let slow: Vec<_> = times.iter().filter(|took| **took > Duration::from_secs(1)).collect();
        assert!(slow.is_empty(), "{kind}: {times:?}");
    }
    let after = world.server.metrics()?;
    assert!(after.get(DELIVERED) > before.get(DELIVERED) + 10, "the newsletter stands still");
    Ok(())
}

#[test]
fn bulk_mail_moves_while_urgent_mail_never_ends() -> Result<()> {
    let files = tempfile::tempdir().context("make a folder")?;
    let address = free_address()?;
    let world = World::new(address, &shaping(files.path(), PATIENT)?, |_| String::new())?;
    world.send_many("bulk", 400, "X-Mailwright-Priority: bulk\r\n")?;
    world.send_many("high", 1_500, "X-Mailwright-Priority: high\r\n")?;
    let sandbox = Sandbox::on(address)?;
    let received = first_received(&sandbox, 1_000)?;
    // A hundredth, give or take what is under way at any time.
    let bulk = count_of(&received, "bulk");
    assert!((3..=60).contains(&bulk), "{bulk} of 1000");
    // Not all at the end or at the beginning, either.
    let early = count_of(&received[..500], "bulk");
    assert!(early >= 1 && early < bulk, "{early} of {bulk} in the first half");
    Ok(())
}

#[test]
fn accounts_share_a_site_by_their_weights() -> Result<()> {
    let files = tempfile::tempdir().context("make a folder")?;
    let address = free_address()?;
    let weights = |account: &str| format!("weights = {{ {account:?} = 3 }}\n");
    let world = World::new(address, &shaping(files.path(), PATIENT)?, weights)?;
    // Relayed mail of a domain that is no account's has the weight of one account.
    let mut relay = SmtpClient::connect_and_greet(world.server.smtp)?;
    (0..600).try_for_each(|number| send(&mut relay, "stranger@elsewhere.example", "relayed", number, ""))?;
    world.send_many("heavy", 600, "")?;
    let sandbox = Sandbox::on(address)?;
    let received = first_received(&sandbox, 400)?;
    let heavy = count_of(&received, "heavy");
    assert!((260..=340).contains(&heavy), "{heavy} of 400, not three quarters");
    Ok(())
}

#[test]
fn mail_of_one_kind_goes_in_the_order_of_its_arrival() -> Result<()> {
    // More than a domain holds in memory.
    const MESSAGES: usize = 1_500;
    let files = tempfile::tempdir().context("make a folder")?;
    let address = free_address()?;
    let one = format!("{PATIENT}connections = 1\n");
    let world = World::new(address, &shaping(files.path(), &one)?, |_| String::new())?;
    let mut client = world.client()?;
    (0..MESSAGES).try_for_each(|number| send(&mut client, SENDER, "n", number, ""))?;
    let sandbox = Sandbox::on(address)?;
    let received = first_received(&sandbox, MESSAGES)?;
    let expected: Vec<_> = (0..MESSAGES).map(|number| format!("n-{number}")).collect();
    let first_wrong = received.iter().zip(&expected).find(|(is, should)| is != should);
    assert_eq!(first_wrong, None);
    Ok(())
}
