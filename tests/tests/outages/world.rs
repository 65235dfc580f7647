//! A server that sends all its mail to one receiver of changing moods, and the law that holds at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::http;
use mailwright_tests::message::SENDER;
use mailwright_tests::metrics::{BOUNCED, IN_DOUBT, QUEUED, RESTARTS, until_queue_is_empty};
use mailwright_tests::moody::Moody;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::smtp::{Reply, SmtpClient};
use mailwright_tests::wait;
use tempfile::TempDir;

/// The longest that anything may take that is no matter of the outage.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);

/// A server and its only receiver.
pub(crate) struct World {
    pub(crate) receiver: Moody,
    pub(crate) server: Server,
    pub(crate) installation: Installation,
    pub(crate) sent: Vec<String>,
    /// How many domains mail goes to, in turn.
    pub(crate) domains: usize,
    _shaping: TempDir,
}

/// What a world is made of.
pub(crate) struct Plan<'a> {
    pub(crate) receiver: Moody,
    /// The shaping file.
    pub(crate) shaping: &'a str,
    /// Changes the configuration.
    pub(crate) config: &'a dyn Fn(&mut Config),
    /// Changes the command that starts the server.
    pub(crate) command: &'a dyn Fn(&mut Command),
    /// How many files the server may have open, if that is to be few.
    pub(crate) open_files: Option<u64>,
}

impl Plan<'_> {
    pub(crate) fn to(receiver: Moody) -> Self {
        Self { receiver, shaping: "", config: &|_| {}, command: &|_| {}, open_files: None }
    }

    pub(crate) fn start(self) -> Result<World> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let mut config = Config::to(self.receiver.address);
        if !self.shaping.is_empty() {
            let file = folder.path().join("shaping.toml");
            fs::write(&file, self.shaping).context("write shaping.toml")?;
            config.delivery = format!("shaping = {file:?}\n");
        }
        (self.config)(&mut config);
        let installation = Installation::new(&config)?;
        let server = match self.open_files {
            Some(most) => installation.start_with_open_files(most, most)?,
            None => installation.start_with(self.command)?,
        };
        Ok(World {
            receiver: self.receiver,
            server,
            installation,
            sent: Vec::new(),
            domains: 1,
            _shaping: folder,
        })
    }
}

impl World {
    /// Has so many messages accepted, with bodies of `size` octets.
    pub(crate) fn send(&mut self, messages: usize, size: usize) -> Result<()> {
        let mut client = SmtpClient::connect_and_greet(self.server.smtp)?;
        for _ in 0..messages {
            let reply = self.offer(&mut client, size)?;
            if reply.code != 250 {
                return Err(Error::unexpected("hand in mail", format!("{reply:?}")));
            }
        }
        Ok(())
    }

    /// Offers one message through a client that is there already.
    pub(crate) fn offer(&mut self, client: &mut SmtpClient, size: usize) -> Result<Reply> {
        let content = format!("Subject: x\r\n\r\n{}", "sixteen octets.\r\n".repeat(size / 17 + 1));
        let number = self.sent.len();
        let recipient = format!("m{number}@d{}.example", number % self.domains);
        let reply = client.send(SENDER, &recipient, content.as_bytes())?;
        if reply.code == 250 {
            self.sent.push(recipient);
        }
        Ok(reply)
    }

    /// Waits until all that was sent has come; returns how long that took.
    pub(crate) fn until_all_came(&self, limit: Duration) -> Result<Duration> {
        let start = Instant::now();
        let came = self.receiver.until_taken(self.sent.len(), limit);
        came.map_err(|error| Error::unexpected(error.to_string(), self.server.process.log_text()))?;
        Ok(start.elapsed())
    }

    /// Waits until a metric has come to so much.
    pub(crate) fn until_counted(&self, metric: &str, count: u64) -> Result<()> {
        wait::until(&format!("{metric} of {count}"), LIMIT, || {
            Ok((self.server.metrics()?.get(metric) >= count).then_some(()))
        })
    }

    /// Waits for a line of the log that has all of `parts`.
    pub(crate) fn logged(&self, parts: &[&str]) -> Result<String> {
        logged(&self.server, parts)
    }

    /// Asserts the law once the queue is empty.
    pub(crate) fn assert_law(&self) -> Result<()> {
        assert_law(&self.server, &self.sent, &self.receiver.taken())
    }
}

/// Waits for a line of a server's log that has all of `parts`.
pub(crate) fn logged(server: &Server, parts: &[&str]) -> Result<String> {
    let found = wait::until(&format!("a line of the log with {parts:?}"), LIMIT, || {
        let log = server.process.log_text();
        Ok(log.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned))
    });
    found.map_err(|error| Error::unexpected(error.to_string(), server.process.log_text()))
}

/// Asserts, once the queue is empty, that whatever was sent came exactly once unless the server has counted it as in
/// doubt, that nothing else came, nothing bounced, and the server is well.
pub(crate) fn assert_law(server: &Server, sent: &[String], taken: &[String]) -> Result<()> {
    let metrics = until_queue_is_empty(server.http, LIMIT)?;
    metrics.assert_all_accounted_for();
    assert_eq!((metrics.get(BOUNCED), metrics.get(QUEUED), metrics.get(RESTARTS)), (0, 0, 0));
    let mut copies: BTreeMap<&str, u64> = BTreeMap::new();
    taken.iter().for_each(|recipient| *copies.entry(recipient).or_default() += 1);
    let expected: BTreeSet<&str> = sent.iter().map(String::as_str).collect();
    assert_eq!(copies.keys().copied().collect::<BTreeSet<_>>(), expected, "what came and what was sent");
    let again: u64 = copies.values().map(|count| count - 1).sum();
    let in_doubt = metrics.get(IN_DOUBT);
    assert!(again <= in_doubt, "{again} came again, {in_doubt} are in doubt: {copies:?}");
    assert_eq!(http::get(server.http, "/health")?.status, 200);
    assert!(!server.process.log_text().contains("panicked"), "{}", server.process.log_text());
    Ok(())
}
