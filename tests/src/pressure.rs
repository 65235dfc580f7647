//! Clients that push mail in as fast as they can, through both doors, and remember what each message was told.
//!
//! Their messages have numbers, in the form that [`crate::crowd`] reads, and are all for its domain 0.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::crowd::{Arrival, recipient};
use crate::error::{Error, Result};
use crate::http::Account;
use crate::http_connection::{HttpConnection, submission};
use crate::message::SENDER;
use crate::smtp::{SmtpClient, dot_stuffed};

/// What a client does that was refused for now, before it tries again: a polite one would wait much longer.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// The way in that a client uses.
#[derive(Clone, Debug)]
pub enum Door {
    /// The SMTP listener.
    Smtp(SocketAddr),
    /// The HTTP API.
    Http(SocketAddr, Account),
}

/// What a client was told of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// The server has taken responsibility.
    Acknowledged,
    /// Refused for now, with this code.
    Refused(u16),
}

/// What clients were told of all their messages.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The numbers of those that the server took responsibility for.
    pub acknowledged: Vec<usize>,
    /// How many were refused for now, by code: 4xx of SMTP; 429 and 503 of HTTP, with a Retry-After.
    pub refused: BTreeMap<u16, usize>,
    /// The numbers of those that got no answer or a senseless one, and what came instead.
    pub unclear: BTreeMap<usize, String>,
    /// Connections that ended before anything was sent over them, and how.
    pub cut: Vec<String>,
}

impl Told {
    fn note(&mut self, number: usize, fate: Result<Fate>) {
        match fate {
            Ok(Fate::Acknowledged) => self.acknowledged.push(number),
            Ok(Fate::Refused(code)) => *self.refused.entry(code).or_default() += 1,
            Err(error) => drop(self.unclear.insert(number, error.to_string())),
        }
    }

    fn add(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.unclear.extend(other.unclear);
        self.cut.extend(other.cut);
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
    }

    /// Asserts that all that was acknowledged has come, nothing but that and what is unclear, and each once.
    ///
    /// # Panics
    /// If it is not so.
    pub fn assert_delivered_once(&self, arrivals: &[Arrival]) {
        let came: HashSet<_> = arrivals.iter().map(|arrival| arrival.number).collect();
        let acknowledged: HashSet<_> = self.acknowledged.iter().copied().collect();
        let lost: Vec<_> = acknowledged.difference(&came).collect();
        assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acknowledged.len());
        let is_stranger =
            |number: &&usize| !acknowledged.contains(number) && !self.unclear.contains_key(number);
        let strangers: Vec<_> = came.iter().filter(is_stranger).collect();
        assert!(strangers.is_empty(), "refused and yet delivered: {strangers:?}");
        assert_eq!(arrivals.len() - came.len(), 0, "messages that came twice");
    }
}

/// Running clients, a thread each.
#[derive(Debug)]
pub struct Pressure {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Told>>,
}

impl Pressure {
    /// Starts one client at each door, with messages of about `size` octets.
    #[must_use]
    pub fn start(doors: &[Door], size: usize) -> Self {
        let (stop, numbers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let start = |door: &Door| {
            let client = Client {
                door: door.clone(),
                text: "sixteen octets.\r\n".repeat(size / 17 + 1),
                numbers: Arc::clone(&numbers),
                stop: Arc::clone(&stop),
            };
            thread::spawn(move || client.push())
        };
        let threads = doors.iter().map(start).collect();
        Self { stop, threads }
    }

    /// Lets the clients finish what they are at and returns what they were told.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if one of them panicked.
    pub fn stop(self) -> Result<Told> {
        self.stop.store(true, Ordering::Relaxed);
        self.until_all_have_gone()
    }

    /// Waits until nobody listens any more, at which the clients give up, and returns what they were told.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if one of them panicked.
    pub fn until_all_have_gone(self) -> Result<Told> {
        let mut all = Told::default();
        for thread in self.threads {
            all.add(thread.join().map_err(|_| Error::unexpected("a pushing client", "panicked"))?);
        }
        Ok(all)
    }
}

struct Client {
    door: Door,
    text: String,
    numbers: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Client {
    /// Pushes until told to stop or until nobody listens any more.
    fn push(&self) -> Told {
        let mut told = Told::default();
        while !self.stop.load(Ordering::Relaxed) {
            let pushed = match &self.door {
                Door::Smtp(server) => self.push_by_smtp(*server, &mut told),
                Door::Http(server, account) => self.push_by_http(*server, account, &mut told),
            };
            if pushed.is_err() {
                break;
            }
        }
        told
    }

    /// Takes a number that was never used.
    fn next(&self) -> usize {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes what was told of a message; says whether the connection is still of use.
    fn goes_on(&self, told: &mut Told, number: usize, fate: Result<Fate>) -> bool {
        let goes_on = match &fate {
            Ok(Fate::Acknowledged) => true,
            Ok(Fate::Refused(code)) => *code != 421,
            Err(_) => false,
        };
        if fate.as_ref().is_ok_and(|fate| *fate != Fate::Acknowledged) {
            thread::sleep(AFTER_REFUSAL);
        }
        told.note(number, fate);
        goes_on && !self.stop.load(Ordering::Relaxed)
    }

    /// Pushes over one connection as long as that lasts.
    fn push_by_smtp(&self, server: SocketAddr, told: &mut Told) -> Result<()> {
        let mut client = match SmtpClient::connect_and_greet(server) {
            Ok(client) => client,
            Err(error) => return turned_away(error, told),
        };
        loop {
            let number = self.next();
            let fate = send_by_smtp(&mut client, &recipient(number, 0), &self.text);
            if !self.goes_on(told, number, fate) {
                return Ok(());
            }
        }
    }

    /// Pushes over one connection as long as that lasts.
    fn push_by_http(&self, server: SocketAddr, account: &Account, told: &mut Told) -> Result<()> {
        let mut connection = HttpConnection::open(server)?;
        loop {
            let number = self.next();
            let fate = send_by_http(&mut connection, account, &recipient(number, 0), &self.text);
            if !self.goes_on(told, number, fate) || connection.is_last() {
                return Ok(());
            }
        }
    }
}

/// Notes how a connection was refused, and whether there is anybody at all.
fn turned_away(error: Error, told: &mut Told) -> Result<()> {
    match error {
        // In so many words: for now.
        Error::Unexpected { detail, .. } if detail.contains("code: 421") => {
            *told.refused.entry(421).or_default() += 1;
        }
        Error::Io { what, source } if what.starts_with("connect to") => {
            return Err(Error::Io { what, source });
        }
        error => told.cut.push(error.to_string()),
    }
    thread::sleep(AFTER_REFUSAL);
    Ok(())
}

/// Sends a message in pipelined commands; the first refusal decides, wherever it comes.
fn send_by_smtp(client: &mut SmtpClient, to: &str, text: &str) -> Result<Fate> {
    // What has gone wrong with writing, reading tells: a goodbye may be waiting there.
    let _ = client.write(format!("MAIL FROM:<{SENDER}>\r\nRCPT TO:<{to}>\r\nDATA\r\n").as_bytes());
    let mut refusal = None;
    for _ in 0..3 {
        let reply = client.read_reply()?;
        if reply.code == 421 {
            return Ok(Fate::Refused(421));
        }
        refusal = refusal.or((!reply.is_positive()).then_some(reply.code));
    }
    if refusal.is_none() {
        let message = format!("From: {SENDER}\r\nTo: {to}\r\nSubject: one of many\r\n\r\n{text}");
        let _ = client.write(&dot_stuffed(message.as_bytes()));
        refusal = Some(client.read_reply()?.code).filter(|code| *code != 250);
    } else {
        client.command("RSET")?;
    }
    match refusal {
        None => Ok(Fate::Acknowledged),
        Some(code @ 400..500) => Ok(Fate::Refused(code)),
        Some(code) => Err(Error::unexpected("send by SMTP", format!("refused with {code}"))),
    }
}

fn send_by_http(connection: &mut HttpConnection, account: &Account, to: &str, text: &str) -> Result<Fate> {
    let _ = connection.write(&submission(account, to, text));
    let answer = connection.read_answer()?;
    match (answer.status, answer.retry_after) {
        (200, _) => Ok(Fate::Acknowledged),
        (code @ (429 | 503), Some(_)) => Ok(Fate::Refused(code)),
        _ => Err(Error::unexpected("send by HTTP", format!("{answer:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// Checks what two clients were told, whose messages 1 and 3 were acknowledged and 4 never answered.
    fn check(came: &[usize]) {
        let mut told = Told::default();
        told.note(1, Ok(Fate::Acknowledged));
        told.note(2, Ok(Fate::Refused(452)));
        let mut other = Told::default();
        other.note(3, Ok(Fate::Acknowledged));
        other.note(4, Err(Error::unexpected("HTTP answer", "the connection was closed")));
        other.note(5, Ok(Fate::Refused(452)));
        told.add(other);
        assert_eq!(told.refused, [(452, 2)].into());
        let arrival = |number: &usize| Arrival { number: *number, domain: 0, at: SystemTime::now() };
        told.assert_delivered_once(&came.iter().map(arrival).collect::<Vec<_>>());
    }

    #[test]
    fn is_content_with_what_was_acknowledged_and_with_what_nobody_knows() {
        check(&[3, 1]);
        check(&[4, 1, 3]);
    }

    #[test]
    #[should_panic(expected = "1 of 2 lost: [3]")]
    fn misses_what_was_acknowledged() {
        check(&[1, 4]);
    }

    #[test]
    #[should_panic(expected = "refused and yet delivered: [2]")]
    fn notices_what_was_refused() {
        check(&[1, 2, 3]);
    }

    #[test]
    #[should_panic(expected = "messages that came twice")]
    fn notices_what_came_twice() {
        check(&[1, 3, 3]);
    }
}
