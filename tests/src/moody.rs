//! A receiver whose mood the test sets while it runs: it takes mail, defers it, leaves at one point or another, or falls
//! silent. It counts its connections and remembers every message that it took in full.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::{Context, Error, Result};
use crate::wait;

/// Octets of a body that are read before a receiver in the mood to do so stops reading.
const READ_OF_BODY: usize = 100_000;

/// How a receiver treats its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It takes everything.
    Well,
    /// It answers each recipient with this.
    Says(&'static str),
    /// It greets with 421 and closes.
    LeavesAtGreeting,
    /// It answers MAIL with 421 and closes.
    LeavesAtMail,
    /// It answers the final dot with 421 and closes: the message is not taken.
    LeavesAfterDot,
    /// It stops reading in the middle of a body.
    StopsInBody,
    /// It takes the message and does not say so.
    SilentAfterDot,
}

/// What it remembers.
#[derive(Debug)]
struct Memory {
    mood: Mood,
    /// The recipients of what it took, one entry for each message.
    taken: Vec<String>,
}

#[derive(Debug)]
struct Shared {
    memory: Mutex<Memory>,
    changed: Condvar,
    connections: AtomicUsize,
    /// Sessions that have stopped, and wait for another mood.
    stopped: AtomicUsize,
}

/// A running receiver. Its threads end with their connections, the listener with the test's process.
#[derive(Clone, Debug)]
pub struct Moody {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Moody {
    /// Starts one on a free loopback port.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot listen.
    pub fn start(mood: Mood) -> Result<Self> {
        Self::serve(TcpListener::bind("127.0.0.1:0").context("listen")?, mood)
    }

    /// Starts one behind a listener that is there already.
    ///
    /// # Errors
    /// [`Error::Io`] if the listener does not know its address.
    pub fn serve(listener: TcpListener, mood: Mood) -> Result<Self> {
        let address = listener.local_addr().context("ask for the address")?;
        let memory = Mutex::new(Memory { mood, taken: Vec::new() });
        let (connections, stopped) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let shared = Arc::new(Shared { memory, changed: Condvar::new(), connections, stopped });
        let receiver = Self { address, shared };
        let serving = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serving.shared.connections.fetch_add(1, Ordering::Relaxed);
                let serving = serving.clone();
                // A client that goes away in the middle has nothing more to say.
                thread::spawn(move || drop(Session::new(&serving, &stream).and_then(Session::hold)));
            }
        });
        Ok(receiver)
    }

    /// Sets its mood, for sessions under way too.
    pub fn set(&self, mood: Mood) {
        self.memory().mood = mood;
        self.shared.changed.notify_all();
    }

    /// Returns how many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Returns the recipients of what it took, one entry for each message.
    #[must_use]
    pub fn taken(&self) -> Vec<String> {
        self.memory().taken.clone()
    }

    /// Waits until it has taken so many messages.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with their number after `limit`.
    pub fn until_taken(&self, messages: usize, limit: Duration) -> Result<()> {
        let came = wait::until(&format!("{messages} messages"), limit, || {
            Ok((self.taken().len() >= messages).then_some(()))
        });
        came.map_err(|error| Error::unexpected(error.to_string(), format!("{} came", self.taken().len())))
    }

    /// Waits until so many sessions have stopped in the middle.
    ///
    /// # Errors
    /// [`Error::Timeout`] after `limit`.
    pub fn until_stopped(&self, sessions: usize, limit: Duration) -> Result<()> {
        let stopped = || self.shared.stopped.load(Ordering::Relaxed);
        wait::until("a session to stop", limit, || Ok((stopped() >= sessions).then_some(())))
    }

    fn mood(&self) -> Mood {
        self.memory().mood
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sits out a mood.
    fn sit_out(&self, mood: Mood) {
        self.shared.stopped.fetch_add(1, Ordering::Relaxed);
        let waited = self.shared.changed.wait_while(self.memory(), |memory| memory.mood == mood);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// One client.
struct Session<'a> {
    receiver: &'a Moody,
    lines: BufReader<TcpStream>,
    stream: &'a TcpStream,
    recipients: Vec<String>,
}

/// Whether the session goes on.
type GoesOn = io::Result<bool>;

impl<'a> Session<'a> {
    fn new(receiver: &'a Moody, stream: &'a TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let lines = BufReader::new(stream.try_clone()?);
        Ok(Self { receiver, lines, stream, recipients: Vec::new() })
    }

    fn say(&self, line: &str) -> GoesOn {
        let mut stream = self.stream;
        stream.write_all(format!("{line}\r\n").as_bytes()).map(|()| true)
    }

    fn leave(&self) -> GoesOn {
        self.say("421 4.3.2 not now").map(|_| false)
    }

    fn hold(mut self) -> io::Result<()> {
        if self.receiver.mood() == Mood::LeavesAtGreeting {
            return self.leave().map(drop);
        }
        self.say("220 moody.example ESMTP")?;
        let mut line = String::new();
        while self.lines.read_line(&mut line)? > 0 {
            if !self.obey(line.trim_end())? {
                return Ok(());
            }
            line.clear();
        }
        Ok(())
    }

    fn obey(&mut self, line: &str) -> GoesOn {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match (verb.as_str(), self.receiver.mood()) {
            ("MAIL", Mood::LeavesAtMail) => self.leave(),
            ("MAIL" | "RSET", _) => {
                self.recipients.clear();
                self.say("250 2.0.0 ok")
            }
            ("RCPT", Mood::Says(reply)) => self.say(reply),
            ("RCPT", _) => {
                self.recipients.extend(line.split(['<', '>']).nth(1).map(ToOwned::to_owned));
                self.say("250 2.1.5 ok")
            }
            ("DATA", _) if self.recipients.is_empty() => self.say("554 5.5.1 nobody is to get it"),
            ("DATA", _) => self.data(),
            ("QUIT", _) => self.say("221 2.0.0 bye").map(|_| false),
            _ => self.say("250 moody.example"),
        }
    }

    fn data(&mut self) -> GoesOn {
        self.say("354 go on")?;
        if !self.body()? {
            return Ok(false);
        }
        let mood = self.receiver.mood();
        if mood == Mood::LeavesAfterDot {
            return self.leave();
        }
        self.receiver.memory().taken.append(&mut self.recipients);
        if mood == Mood::SilentAfterDot {
            self.receiver.sit_out(mood);
        }
        self.say("250 2.0.0 taken")
    }

    /// Reads a body to its final dot; false if it ends before.
    fn body(&mut self) -> GoesOn {
        let (mut line, mut octets) = (String::new(), 0);
        while line != ".\r\n" {
            if octets >= READ_OF_BODY && self.receiver.mood() == Mood::StopsInBody {
                self.receiver.sit_out(Mood::StopsInBody);
            }
            line.clear();
            match self.lines.read_line(&mut line)? {
                0 => return Ok(false),
                read => octets += read,
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::SmtpClient;

    #[test]
    fn takes_mail_only_when_well() -> Result<()> {
        let receiver = Moody::start(Mood::LeavesAtGreeting)?;
        assert!(SmtpClient::connect(receiver.address).is_err());
        receiver.set(Mood::LeavesAfterDot);
        let send = || SmtpClient::connect_and_greet(receiver.address)?.send("", "a@b.example", b"x\r\n");
        assert_eq!(send()?.code, 421);
        receiver.set(Mood::Says("451 4.2.0 later"));
        assert_eq!(send()?.code, 451);
        assert!(receiver.taken().is_empty());
        receiver.set(Mood::Well);
        assert_eq!(send()?.code, 250);
        assert_eq!((receiver.taken(), receiver.connections()), (vec!["a@b.example".to_owned()], 4));
        Ok(())
    }
}
