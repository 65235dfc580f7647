//! Clients that submit mail as fast as they can and remember what was acknowledged.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::error::{Error, Result};
use crate::http::Api;
use crate::message::{SENDER, Token};
use crate::smtp::SmtpClient;

/// What the clients have done, shared between them.
#[derive(Debug, Default)]
pub struct Ledger {
    batch: String,
    numbers: AtomicUsize,
    attempted: Mutex<HashSet<Token>>,
    acknowledged: Mutex<HashSet<Token>>,
}

impl Ledger {
    /// Makes an empty ledger whose tokens begin with `batch`.
    #[must_use]
    pub fn new(batch: &str) -> Arc<Self> {
        Arc::new(Self { batch: batch.into(), ..Self::default() })
    }

    /// Returns the tokens whose acceptance the server has confirmed.
    #[must_use]
    pub fn acknowledged(&self) -> HashSet<Token> {
        lock(&self.acknowledged).clone()
    }

    /// Returns the tokens that were sent at all.
    #[must_use]
    pub fn attempted(&self) -> HashSet<Token> {
        lock(&self.attempted).clone()
    }

    /// Takes a token that was never used.
    #[must_use]
    pub fn next(&self) -> Token {
        let token = Token::new(&self.batch, self.numbers.fetch_add(1, Ordering::Relaxed));
        lock(&self.attempted).insert(token.clone());
        token
    }

    /// Notes that the server has taken responsibility for a message.
    pub fn acknowledge(&self, token: Token) {
        lock(&self.acknowledged).insert(token);
    }
}

/// A set is whole between any two of its operations, so that a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The way in that a client uses.
#[derive(Clone, Debug)]
pub enum Door {
    /// The SMTP listener.
    Smtp(SocketAddr),
    /// The HTTP API.
    Http(Api),
}

impl Door {
    /// Opens it.
    ///
    /// # Errors
    /// If there is no connection, or no greeting.
    pub fn open(&self) -> Result<Entrance> {
        match self {
            Self::Smtp(address) => SmtpClient::connect_and_greet(*address).map(Entrance::Smtp),
            Self::Http(api) => Ok(Entrance::Http(api.clone())),
        }
    }
}

/// The outcome of one submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// Accepted: the server has taken responsibility.
    Acknowledged,
    /// Refused for now (4xx of SMTP; 429 or 503 of HTTP, with a Retry-After), with the code.
    RefusedForNow(u16),
}

/// An open [`Door`].
#[derive(Debug)]
pub enum Entrance {
    /// A greeted SMTP connection.
    Smtp(SmtpClient),
    /// An HTTP client.
    Http(Api),
}

impl Entrance {
    /// Submits one message to `token`'s recipient.
    ///
    /// # Errors
    /// If the connection fails (the fate of the message is then unknown), or if the message is refused for
    /// good, which none of ours deserves.
    pub fn submit(&mut self, token: &Token, body: &str) -> Result<Submitted> {
        let (code, retry_after) = match self {
            Self::Smtp(client) => (client.send(SENDER, &token.recipient(), &token.message(body))?.code, None),
            Self::Http(api) => {
                let answer = api.submit(&token.request(body))?;
                (answer.status, answer.retry_after)
            }
        };
        match (&*self, code, retry_after) {
            (Self::Smtp(_), 250, _) | (Self::Http(_), 200, _) => Ok(Submitted::Acknowledged),
            (Self::Smtp(_), 400..500, _) | (Self::Http(_), 429 | 503, Some(_)) => {
                Ok(Submitted::RefusedForNow(code))
            }
            _ => Err(Error::unexpected(format!("submit {}", token.as_str()), format!("refused with {code}"))),
        }
    }
}

/// Running clients, a thread each.
#[derive(Debug)]
pub struct Feeders {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Feeders {
    /// Starts one client at each door.
    #[must_use]
    pub fn start(ledger: &Arc<Ledger>, doors: &[Door]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |door: &Door| {
            let (ledger, door, stop) = (Arc::clone(ledger), door.clone(), Arc::clone(&stop));
            thread::spawn(move || feed(&ledger, &door, &stop))
        };
        let threads = doors.iter().map(start).collect();
        Self { stop, threads }
    }

    /// Lets the clients finish what they are at, after the server was killed: connection failures are
    /// expected then.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if a message was refused for good.
    pub fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let outcome = thread.join().map_err(|_| Error::unexpected("a feeding client", "panicked"))?;
            match outcome {
                Err(Error::Unexpected { what, detail }) if what.starts_with("submit ") => {
                    return Err(Error::Unexpected { what, detail });
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// Submits messages until told to stop or until the connection fails.
fn feed(ledger: &Ledger, door: &Door, stop: &AtomicBool) -> Result<()> {
    let mut entrance = door.open()?;
    while !stop.load(Ordering::Relaxed) {
        let token = ledger.next();
        if entrance.submit(&token, "one of many\r\n")? == Submitted::Acknowledged {
            ledger.acknowledge(token);
        }
    }
    Ok(())
}

/// Submits `count` messages through one door and expects each to be accepted.
///
/// # Errors
/// If one is not, for whatever reason.
pub fn submit_all(ledger: &Ledger, door: &Door, count: usize, body: &str) -> Result<()> {
    let mut entrance = door.open()?;
    for _ in 0..count {
        let token = ledger.next();
        match entrance.submit(&token, body)? {
            Submitted::Acknowledged => ledger.acknowledge(token),
            Submitted::RefusedForNow(code) => {
                return Err(Error::unexpected(
                    format!("submit {}", token.as_str()),
                    format!("refused with {code}"),
                ));
            }
        }
    }
    Ok(())
}

/// Shares `count` messages between the doors, a thread each, and expects each to be accepted.
///
/// # Errors
/// If one is not, for whatever reason.
pub fn submit_through_all(ledger: &Ledger, doors: &[Door], count: usize, body: &str) -> Result<()> {
    let each = count.div_ceil(doors.len().max(1));
    thread::scope(|scope| {
        let clients: Vec<_> =
            doors.iter().map(|door| scope.spawn(|| submit_all(ledger, door, each, body))).collect();
        let panicked = |_| Err(Error::unexpected("a feeding client", "panicked"));
        clients.into_iter().try_for_each(|client| client.join().unwrap_or_else(panicked))
    })
}
