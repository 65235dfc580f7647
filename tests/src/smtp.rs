//! A small scripted SMTP client: it sends exactly the bytes it is told to, which a real client would not.

use std::io::{BufRead, BufReader, Error as IoError, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::error::{Context, Error, Result};
use crate::tcp::has_input;

/// The longest wait for a reply; past it the server is taken to hang.
const REPLY_LIMIT: Duration = Duration::from_secs(60);

/// A reply of the server (RFC 5321 section 4.2).
#[derive(Clone, Debug)]
pub struct Reply {
    /// The three-digit code.
    pub code: u16,
    /// The text of each line, code and separator removed.
    pub lines: Vec<String>,
}

impl Reply {
    /// Says whether the server has taken what it was offered (2xx or 3xx).
    #[must_use]
    pub fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// Says whether an answer to EHLO announces an extension, whatever its parameters.
    #[must_use]
    pub fn announces(&self, keyword: &str) -> bool {
        let first_word = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
        self.lines.iter().skip(1).any(|line| first_word(line).eq_ignore_ascii_case(keyword))
    }
}

/// A connection to an SMTP server.
#[derive(Debug)]
pub struct SmtpClient {
    stream: BufReader<TcpStream>,
}

impl SmtpClient {
    /// Connects and reads the greeting.
    ///
    /// # Errors
    /// [`Error::Io`] if nobody listens, [`Error::Unexpected`] if the greeting is not 220.
    pub fn connect(server: SocketAddr) -> Result<Self> {
        Self::over(TcpStream::connect(server).context(format!("connect to {server}"))?)
    }

    /// Does the same from an address of the test's choice: each of 127/8 is ours.
    ///
    /// # Errors
    /// Those of [`Self::connect`].
    pub fn connect_from(source: Ipv4Addr, server: SocketAddr) -> Result<Self> {
        Self::over(dial_from(source, server)?)
    }

    fn over(stream: TcpStream) -> Result<Self> {
        stream.set_read_timeout(Some(REPLY_LIMIT)).context("set the read limit")?;
        stream.set_write_timeout(Some(REPLY_LIMIT)).context("set the write limit")?;
        stream.set_nodelay(true).context("switch off Nagle's delay")?;
        let mut client = Self { stream: BufReader::new(stream) };
        match client.read_reply()? {
            Reply { code: 220, .. } => Ok(client),
            other => Err(Error::unexpected("greeting", format!("{other:?}"))),
        }
    }

    /// Connects and says EHLO.
    ///
    /// # Errors
    /// Those of [`Self::connect`], and [`Error::Unexpected`] if EHLO is refused.
    pub fn connect_and_greet(server: SocketAddr) -> Result<Self> {
        let mut client = Self::connect(server)?;
        match client.command("EHLO client.example.com")? {
            Reply { code: 250, .. } => Ok(client),
            other => Err(Error::unexpected("EHLO", format!("{other:?}"))),
        }
    }

    /// Sends one command line and reads its reply.
    ///
    /// # Errors
    /// [`Error::Io`] if the connection fails, [`Error::Unexpected`] if the reply is malformed.
    pub fn command(&mut self, line: &str) -> Result<Reply> {
        self.write(format!("{line}\r\n").as_bytes())?;
        self.read_reply()
    }

    /// Sends a message in pipelined commands (RFC 2920) and returns the decisive reply: that of the final
    /// dot, or the first refusal.
    ///
    /// # Errors
    /// Those of [`Self::command`]; the message is then of unknown fate.
    pub fn send(&mut self, from: &str, to: &str, message: &[u8]) -> Result<Reply> {
        self.write(format!("MAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n").as_bytes())?;
        let replies = [self.read_reply()?, self.read_reply()?, self.read_reply()?];
        if let Some(refusal) = replies.into_iter().find(|reply| !reply.is_positive()) {
            self.command("RSET")?;
            return Ok(refusal);
        }
        self.write(&dot_stuffed(message))?;
        self.read_reply()
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// [`Error::Io`] if the connection fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).context("write to the SMTP server")
    }

    /// Says whether a reply, or the end of the connection, is there to be read.
    ///
    /// # Errors
    /// [`Error::Io`] if the connection has failed.
    pub fn is_answered(&self) -> Result<bool> {
        has_input(self.stream.get_ref())
    }

    /// Returns the connection itself, for clients that no longer wait for replies.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// Reads one reply.
    ///
    /// # Errors
    /// [`Error::Io`] if the connection fails or ends, [`Error::Unexpected`] if the reply is malformed.
    pub fn read_reply(&mut self) -> Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self.read_line()?;
            let malformed = || Error::unexpected("SMTP reply", format!("malformed line {line:?}"));
            let code = line.get(..3).and_then(|digits| digits.parse().ok()).ok_or_else(malformed)?;
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            match line.as_bytes().get(3) {
                Some(b'-') => {}
                Some(b' ') | None => return Ok(Reply { code, lines }),
                Some(_) => return Err(malformed()),
            }
        }
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).context("read from the SMTP server")?;
        if read == 0 {
            return Err(Error::unexpected("SMTP reply", "the connection was closed"));
        }
        match line.strip_suffix("\r\n") {
            Some(text) => Ok(text.to_owned()),
            None => Err(Error::unexpected("SMTP reply", format!("line without CRLF: {line:?}"))),
        }
    }
}

/// Connects from an address of the test's choice.
///
/// # Errors
/// [`Error::Io`] if nobody listens.
pub fn dial_from(source: Ipv4Addr, server: SocketAddr) -> Result<TcpStream> {
    let dial = || {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &SocketAddrV4::new(source, 0))?;
        connect(&socket, &server)?;
        Ok(socket.into())
    };
    dial()
        .map_err(|error: rustix::io::Errno| IoError::from(error))
        .context(format!("connect to {server} from {source}"))
}

/// Doubles the dot of every line that begins with one and adds the final dot (RFC 5321 section 4.5.2).
/// `message` ends in CRLF.
#[must_use]
pub fn dot_stuffed(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + 64);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_leading_dots_only() {
        assert_eq!(dot_stuffed(b".a\r\nb.\r\n..\r\n"), b"..a\r\nb.\r\n...\r\n.\r\n");
    }

    #[test]
    fn finds_extensions_by_their_first_word() {
        let reply =
            Reply { code: 250, lines: vec!["SIZE.example".into(), "size 100".into(), "8BITMIME".into()] };
        assert!(reply.announces("SIZE") && reply.announces("8bitmime") && !reply.announces("SIZE.example"));
    }
}
