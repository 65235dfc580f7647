//! A server whose mail all goes to one crowd.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mailwright_tests::crowd::{Closed, Crowd, recipient};
use mailwright_tests::error::{Context, Result};
use mailwright_tests::http_connection::{HttpConnection, submission};
use mailwright_tests::many_domains::allow_open_files;
use mailwright_tests::message::SENDER;
use mailwright_tests::metrics::RESTARTS;
use mailwright_tests::needs::tell;
use mailwright_tests::pressure::Door;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::smtp::SmtpClient;
use tempfile::TempDir;

/// The longest that anything here may take that has no time of its own.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Open files that these tests, and the servers that they start, may need.
const OPEN_FILES: u64 = 10_000;

/// All of these tests measure the machine that they run on: one after the other.
static ALONE: Mutex<()> = Mutex::new(());

/// A receiver, and a server that sends it everything.
pub(crate) struct World {
    pub(crate) crowd: Crowd,
    pub(crate) server: Server,
    pub(crate) installation: Installation,
    _shaping: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl World {
    /// Starts both, with changes to the configuration.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Result<Self> {
        Self::starting(change, Installation::start)
    }

    /// Does so with another way to start the server.
    pub(crate) fn starting(
        change: impl FnOnce(&mut Config),
        start: impl FnOnce(&Installation) -> Result<Server>,
    ) -> Result<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        allow_open_files(OPEN_FILES)?;
        let door = Closed::new()?;
        let shaping = tempfile::tempdir().context("make a temporary folder")?;
        let file = shaping.path().join("shaping.toml");
        fs::write(&file, "[default]\nconnections = 20\n").context("write shaping.toml")?;
        let mut config = Config::to(SocketAddr::from((Ipv4Addr::LOCALHOST, door.port)));
        config.delivery = format!("shaping = {file:?}\n");
        config.log_level = "warn".into();
        change(&mut config);
        let installation = Installation::new(&config)?;
        let server = start(&installation)?;
        Ok(Self { crowd: door.open()?, server, installation, _shaping: shaping, _alone: alone })
    }

    /// So many of each of the two doors.
    pub(crate) fn doors(&self, each: usize) -> Vec<Door> {
        let smtp = Door::Smtp(self.server.smtp);
        let http = Door::Http(self.server.http, self.installation.account.clone());
        [smtp, http].into_iter().cycle().take(2 * each).collect()
    }
}

/// How long a client waits that connects and sends one message: the medians by SMTP and by HTTP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    pub(crate) smtp: Duration,
    pub(crate) http: Duration,
}

/// Messages by which it is measured, through each door.
const MEASURED: usize = 30;

impl World {
    /// Measures it; every message has to be accepted.
    pub(crate) fn latency(&self) -> Result<Latency> {
        let (mut smtp, mut http) = (Vec::new(), Vec::new());
        for _ in 0..MEASURED {
            smtp.push(self.send_by_smtp()?);
            http.push(self.send_by_http()?);
        }
        smtp.sort_unstable();
        http.sort_unstable();
        Ok(Latency { smtp: smtp[MEASURED / 2], http: http[MEASURED / 2] })
    }

    fn send_by_smtp(&self) -> Result<Duration> {
        let start = Instant::now();
        let mut client = SmtpClient::connect_and_greet(self.server.smtp)?;
        let reply = client.send(SENDER, &recipient(0, 0), b"Subject: x\r\n\r\nx\r\n")?;
        assert_eq!(reply.code, 250, "{reply:?}");
        Ok(start.elapsed())
    }

    /// How long a client takes that connects and sends one message.
    pub(crate) fn send_by_http(&self) -> Result<Duration> {
        let start = Instant::now();
        let mut client = HttpConnection::open(self.server.http)?;
        client.write(&submission(&self.installation.account, &recipient(0, 0), "x"))?;
        let answer = client.read_answer()?;
        assert_eq!(answer.status, 200, "{answer:?}");
        Ok(start.elapsed())
    }

    /// Asserts that nothing has panicked and no actor has ended.
    pub(crate) fn assert_unharmed(&self) -> Result<()> {
        let log = self.server.process.log_text();
        assert!(!log.contains("panicked"), "{log}");
        assert_eq!(self.server.metrics()?.get(RESTARTS), 0, "actors that ended unasked");
        Ok(())
    }
}

/// What a time may gain beside threefold: the machine has other work too.
const SLACK: Duration = Duration::from_millis(50);

impl Latency {
    /// Asserts that a client waits hardly longer than with this.
    pub(crate) fn assert_hardly_more(self, beside: Self, whom: &str) {
        tell(&format!("a client's message takes {self:?} alone, {beside:?} beside {whom}"));
        assert!(beside.smtp <= self.smtp * 3 + SLACK && beside.http <= self.http * 3 + SLACK);
    }
}
