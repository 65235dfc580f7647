//! A client of Server-Sent Events (WHATWG HTML, section 9.2) that keeps what it hears.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::error::{Context, Error, Result};
use crate::wait;

/// The longest that an event may take to come.
const LIMIT: Duration = Duration::from_secs(30);

/// An event as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEvent {
    /// Its id, with which a client says what it has.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What it says.
    pub data: Value,
}

/// A stream that is listened to.
#[derive(Debug)]
pub struct EventStream {
    socket: TcpStream,
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl EventStream {
    /// Asks for `path` and waits until it is told that nothing is missed from here on.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no connection, [`Error::Timeout`] if it is not welcomed.
    pub fn open(server: SocketAddr, token: &str, path: &str, last: Option<&str>) -> Result<Self> {
        let mut socket = TcpStream::connect(server).context("connect to the API")?;
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n\
             {last}\r\n"
        );
        socket.write_all(request.as_bytes()).context("ask for a stream")?;
        let text = Arc::<Mutex<String>>::default();
        let (heard, mut source) = (Arc::clone(&text), socket.try_clone().context("share a socket")?);
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4_096];
            loop {
                match source.read(&mut piece) {
                    Ok(0) => return,
                    Ok(count) => {
                        let piece = String::from_utf8_lossy(piece.get(..count).unwrap_or_default());
                        heard.lock().unwrap_or_else(PoisonError::into_inner).push_str(&piece);
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => return,
                }
            }
        });
        let stream = Self { socket, text, reader: Some(reader) };
        wait::until("the welcome of a stream", LIMIT, || {
            let text = stream.text();
            if !text.is_empty() && !"HTTP/1.1 200".starts_with(text.get(..12).unwrap_or(&text)) {
                return Err(Error::unexpected("open a stream", text));
            }
            Ok(text.contains(": from here on").then_some(()))
        })?;
        Ok(stream)
    }

    /// Returns all that came, head and chunk sizes included.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the events that came.
    #[must_use]
    pub fn events(&self) -> Vec<StreamEvent> {
        let (mut events, mut id, mut kind) = (Vec::new(), String::new(), String::new());
        for line in self.text().lines() {
            match line.split_once(": ") {
                Some(("id", text)) => text.clone_into(&mut id),
                Some(("event", text)) => text.clone_into(&mut kind),
                Some(("data", text)) => {
                    let Ok(data) = serde_json::from_str(text) else { continue };
                    events.push(StreamEvent { id: id.clone(), kind: kind.clone(), data });
                }
                _ => {}
            }
        }
        events
    }

    /// Waits for an event that `wanted` accepts.
    ///
    /// # Errors
    /// [`Error::Timeout`] if none comes.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&StreamEvent) -> bool) -> Result<StreamEvent> {
        wait::until(what, LIMIT, || Ok(self.events().into_iter().find(&wanted)))
    }

    /// Waits until the server has ended the stream.
    ///
    /// # Errors
    /// [`Error::Timeout`] if it does not.
    pub fn wait_for_end(&self) -> Result<()> {
        let ended = || self.reader.as_ref().is_none_or(JoinHandle::is_finished);
        wait::until("the end of a stream", LIMIT, || Ok(ended().then_some(())))
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        // One that is closed already is what is wanted.
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
