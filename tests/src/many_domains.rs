//! A server that sends to very many domains, each with a mail exchanger at an address of its own in the DNS.

use std::fs;
use std::net::SocketAddr;
use std::ops::Range;
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::crowd::{self, Closed, Crowd};
use crate::error::{Context, Error, Result};
use crate::name_server::NameServer;
use crate::server::{Config, Destination, Installation};
use crate::smtp::SmtpClient;

/// Clients that hand in mail at a time.
const CLIENTS: usize = 16;

/// Messages by which a time to delivery is measured.
pub const MEASURED: usize = 60;
/// The pause between two of them.
const PACE: Duration = Duration::from_millis(15);

/// What every message begins with.
const CONTENT: &str = "Subject: one of many\r\n\r\n";

/// The installation, and the name server that it asks.
#[derive(Debug)]
pub struct ManyDomains {
    /// The name server.
    pub name_server: NameServer,
    _shaping: TempDir,
    /// The server, not started yet.
    pub installation: Installation,
}

impl ManyDomains {
    /// Sets up a server for `domains` domains, whose exchangers are behind `door`, with this shaping file. `more`
    /// are keys of the table `delivery`.
    ///
    /// # Errors
    /// If name server or server cannot be set up.
    pub fn new(domains: usize, door: &Closed, shaping: &str, more: &str) -> Result<Self> {
        let name_server = NameServer::start(&crowd::records(domains))?;
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let file = folder.path().join("shaping.toml");
        fs::write(&file, shaping).context("write shaping.toml")?;
        let destination = Destination::Exchangers { name_server: name_server.address, port: door.port };
        let mut config = Config::with(destination);
        config.delivery = format!("shaping = {file:?}\n{more}\n");
        config.log_level = "warn".into();
        let installation = Installation::new(&config)?;
        Ok(Self { name_server, _shaping: folder, installation })
    }
}

/// Has messages accepted at `server`, each for the domain that `domain_of` its number says, those of one domain in
/// the order of their numbers.
///
/// # Errors
/// If one is refused.
pub fn feed(
    server: SocketAddr,
    numbers: Range<usize>,
    domain_of: impl Fn(usize) -> usize + Sync,
) -> Result<()> {
    let (domain_of, numbers) = (&domain_of, &numbers);
    thread::scope(|scope| {
        let client = |client: usize| {
            let mine = numbers.clone().map(|number| (number, domain_of(number)));
            let mine = mine.filter(move |(_, domain)| domain % CLIENTS == client);
            scope.spawn(move || feed_one(server, mine))
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let panicked = |_| Err(Error::unexpected("a feeding client", "panicked"));
        clients.into_iter().try_for_each(|client| client.join().unwrap_or_else(panicked))
    })
}

fn feed_one(server: SocketAddr, messages: impl Iterator<Item = (usize, usize)>) -> Result<()> {
    let content = format!("{CONTENT}{}", "sixteen octets.\r\n".repeat(30));
    let mut client = SmtpClient::connect_and_greet(server)?;
    for (number, domain) in messages {
        // While the server is behind it says 4xx; what it has accepted it keeps.
        loop {
            let reply = client.send("", &crowd::recipient(number, domain), content.as_bytes())?;
            match reply.code {
                250 => break,
                400..500 => thread::sleep(PACE),
                _ => return Err(Error::unexpected("hand in mail", format!("{reply:?}"))),
            }
        }
    }
    Ok(())
}

/// Sends messages one after the other, numbered from `first`, and returns the median of the times until they came.
///
/// # Errors
/// If one is refused or does not come in half a minute.
pub fn time_to_delivery(
    server: SocketAddr,
    crowd: &Crowd,
    first: usize,
    domain_of: impl Fn(usize) -> usize,
) -> Result<Duration> {
    let mut client = SmtpClient::connect_and_greet(server)?;
    let (before, mut begun) = (crowd.count(), Vec::new());
    for number in first..first + MEASURED {
        begun.push(SystemTime::now());
        let reply = client.send("", &crowd::recipient(number, domain_of(number)), CONTENT.as_bytes())?;
        if reply.code != 250 {
            return Err(Error::unexpected("hand in mail", format!("{reply:?}")));
        }
        thread::sleep(PACE);
    }
    crowd.wait_for(before + MEASURED, Duration::from_secs(30))?;
    let begin_of = |number: usize| number.checked_sub(first).and_then(|index| begun.get(index));
    let mut times: Vec<_> = (crowd.arrivals().iter())
        .filter_map(|arrival| Some(arrival.at.duration_since(*begin_of(arrival.number)?).unwrap_or_default()))
        .collect();
    times.sort_unstable();
    match times.get(times.len() / 2) {
        Some(median) if times.len() == MEASURED => Ok(*median),
        _ => Err(Error::unexpected("measure times", format!("{} of {MEASURED} came", times.len()))),
    }
}

/// Measures until a time is within `bound`, three times at most, and returns the shortest: what else the machine did
/// meanwhile is not the server's. `measure` is told how many times were measured before.
///
/// # Errors
/// Those of `measure`.
pub fn shortest(bound: Duration, mut measure: impl FnMut(usize) -> Result<Duration>) -> Result<Duration> {
    let mut shortest = Duration::MAX;
    for round in 0..3 {
        shortest = shortest.min(measure(round)?);
        if shortest <= bound {
            break;
        }
    }
    Ok(shortest)
}

/// Allows this process, and what it starts, as many open files as the system lets it have.
///
/// # Errors
/// [`Error::Unexpected`] if that is less than `needed`.
pub fn allow_open_files(needed: u64) -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile).maximum;
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit });
    raised.context("raise the limit of open files")?;
    match limit {
        Some(limit) if limit < needed => {
            Err(Error::unexpected("open files", format!("{limit} are allowed, {needed} needed: ulimit -Hn")))
        }
        _ => Ok(()),
    }
}
