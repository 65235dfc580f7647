//! A receiver that remembers who came: the address each connection came from, and what it called itself.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::{Context, Result};
use crate::wait;

/// One message that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Where it came from.
    pub peer: IpAddr,
    /// The name given in EHLO.
    pub ehlo: String,
    /// The recipient, without angle brackets; the last if there were several.
    pub recipient: String,
    /// Whether it was taken.
    pub taken: bool,
}

/// What a recorder says to RCPT: `None` lets the message in.
pub type Judge = fn(&Offer) -> Option<String>;

/// A running receiver. Its threads end with their connections, the listener with the test's process.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// Where it listens.
    pub address: SocketAddr,
    offers: Arc<Mutex<Vec<Offer>>>,
}

impl Recorder {
    /// Starts one that takes everything, on a free port of `ip`.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if it cannot listen.
    pub fn start(ip: IpAddr) -> Result<Self> {
        Self::judging(SocketAddr::new(ip, 0), |_| None)
    }

    /// Starts one that refuses what `judge` refuses.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if it cannot listen.
    pub fn judging(address: SocketAddr, judge: Judge) -> Result<Self> {
        let listener = TcpListener::bind(address).context(format!("listen on {address}"))?;
        let address = listener.local_addr().context("ask for the address")?;
        let recorder = Self { address, offers: Arc::default() };
        let serving = recorder.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                // A client that goes away in the middle has nothing more to say.
                thread::spawn(move || drop(serving.serve(&stream, judge)));
            }
        });
        Ok(recorder)
    }

    /// Returns what was offered so far, in the order of decisions.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        self.lock().clone()
    }

    /// Waits until so many messages were taken and returns what was offered.
    ///
    /// # Errors
    /// [`crate::Error::Timeout`] after `limit`.
    pub fn until_taken(&self, count: usize, limit: Duration) -> Result<Vec<Offer>> {
        wait::until(&format!("{count} messages"), limit, || {
            let offers = self.offers();
            Ok((offers.iter().filter(|offer| offer.taken).count() >= count).then_some(offers))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Offer>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: &TcpStream, judge: Judge) -> std::io::Result<()> {
        let mut offer = Offer {
            peer: stream.peer_addr()?.ip().to_canonical(),
            ehlo: String::new(),
            recipient: String::new(),
            taken: false,
        };
        stream.set_nodelay(true)?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let say = |text: &str| (&*stream).write_all(format!("{text}\r\n").as_bytes());
        say("220 recorder ESMTP")?;
        while let Some(line) = lines.next() {
            let line = line?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    offer.ehlo = line.split(' ').nth(1).unwrap_or_default().to_owned();
                    say("250 recorder")?;
                }
                "RCPT" => {
                    offer.recipient = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    match judge(&offer) {
                        Some(refusal) => {
                            self.lock().push(Offer { taken: false, ..offer.clone() });
                            say(&refusal)?;
                        }
                        None => say("250 ok")?,
                    }
                }
                "DATA" => {
                    say("354 go on")?;
                    for line in lines.by_ref() {
                        if line? == "." {
                            break;
                        }
                    }
                    self.lock().push(Offer { taken: true, ..offer.clone() });
                    say("250 taken")?;
                }
                "QUIT" => return say("221 bye"),
                _ => say("250 ok")?,
            }
        }
        Ok(())
    }
}
