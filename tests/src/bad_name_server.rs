//! A name server in trouble: it answers nothing, or every question with an error.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::error::{Context, Result};
use crate::wait;

/// The longest wait for an address that is being given up.
const FREE_LIMIT: Duration = Duration::from_secs(5);
/// How often it looks whether it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is the matter with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It takes questions and says nothing.
    Deaf,
    /// It answers SERVFAIL.
    Fails,
    /// It answers REFUSED.
    Refuses,
}

impl Trouble {
    /// The response code (RFC 1035 section 4.1.1).
    const fn code(self) -> Option<u8> {
        match self {
            Self::Deaf => None,
            Self::Fails => Some(2),
            Self::Refuses => Some(5),
        }
    }
}

/// A running one, over UDP. Dropping it ends it and frees its address.
#[derive(Debug)]
pub struct BadNameServer {
    stop: Arc<AtomicBool>,
    questions: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl BadNameServer {
    /// Starts one at `address`.
    ///
    /// # Errors
    /// [`crate::Error::Timeout`] if the address is taken and stays so.
    pub fn start(address: SocketAddr, trouble: Trouble) -> Result<Self> {
        let socket = socket(address)?;
        socket.set_read_timeout(Some(LOOK_EVERY)).context("set the read limit")?;
        let (stop, questions) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&questions));
        let thread = thread::spawn(move || {
            let mut question = [0; 4096];
            while !stopped.load(Ordering::Relaxed) {
                match socket.recv_from(&mut question) {
                    Ok((length, client)) => {
                        counted.fetch_add(1, Ordering::Relaxed);
                        let answer = trouble.code().and_then(|code| answer(question.get(..length)?, code));
                        // A client that is gone needs no answer.
                        answer.map(|answer| socket.send_to(&answer, client));
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        });
        Ok(Self { stop, questions, thread: Some(thread) })
    }

    /// Returns how often it was asked.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }
}

impl Drop for BadNameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has freed its address as well.
            let _ = thread.join();
        }
    }
}

/// A socket on an address that another of this process may have had a moment ago. A child that is being started
/// keeps what its parent has closed until it runs its own program (`O_CLOEXEC`, open(2)).
fn socket(address: SocketAddr) -> Result<UdpSocket> {
    wait::until(&format!("the address {address}"), FREE_LIMIT, || match UdpSocket::bind(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(None),
        bound => bound.map(Some).context(format!("listen on {address}")),
    })
}

/// The question as an answer without records: header and question, and nothing of the additional section.
fn answer(question: &[u8], code: u8) -> Option<Vec<u8>> {
    let name = question.get(12..)?;
    let end = 12 + name.iter().position(|octet| *octet == 0)? + 5;
    let mut answer = question.get(..end)?.to_vec();
    *answer.get_mut(2)? |= 0x80;
    *answer.get_mut(3)? = code;
    answer.get_mut(6..12)?.fill(0);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns_query::{SOA, ask};
    use crate::server::free_address;

    #[test]
    fn answers_with_its_code() -> Result<()> {
        for (trouble, code) in [(Trouble::Fails, 2), (Trouble::Refuses, 5)] {
            let address = free_address()?;
            let server = BadNameServer::start(address, trouble)?;
            assert_eq!(
                ask(address, "a.example", SOA).map(|answer| (answer.code, answer.records)),
                Some((code, 0))
            );
            assert_eq!(server.questions(), 1);
            drop(server);
            BadNameServer::start(address, Trouble::Deaf)?;
        }
        Ok(())
    }
}
