//! The SMTP client of the generator: one command at a time, as Postfix's smtp-source does it.

use crate::{
    Error, Result,
    error::Context,
    generator::Client,
    message::{self, Domains, SENDER},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// The longest reply line that is read, CRLF included (RFC 5321 section 4.5.3.1.5).
const MAX_LINE: u64 = 512;

/// What all sessions of a load send.
#[derive(Debug, Clone)]
pub struct Script {
    domains: Domains,
    letter: Letter,
}

/// A message with its envelope.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The envelope sender.
    pub from: Arc<str>,
    /// The recipient; where a script spreads its mail over several domains it has others.
    pub to: Arc<str>,
    /// What follows DATA, the final dot included.
    pub data: Arc<[u8]>,
}

impl Script {
    /// Messages with bodies of `size` octets to recipients in `domains`.
    #[must_use]
    pub fn new(domains: Domains, size: usize) -> Self {
        let (from, to) = (SENDER.into(), Domains::ONE.recipient(0).into());
        Self { domains, letter: Letter { from, to, data: message::data(size).into() } }
    }

    /// This message again and again.
    #[must_use]
    pub fn of(letter: Letter) -> Self {
        Self { domains: Domains::ONE, letter }
    }

    fn recipient(&self, number: u64) -> String {
        match self.domains {
            Domains::ONE => self.letter.to.as_ref().to_owned(),
            several => several.recipient(number),
        }
    }
}

/// A greeted session.
#[derive(Debug)]
pub struct SmtpClient {
    stream: BufReader<TcpStream>,
    script: Script,
    line: Vec<u8>,
}

impl SmtpClient {
    /// Connects, is greeted and greets.
    ///
    /// # Errors
    /// [`Error::Io`] if the connection fails, [`Error::Unexpected`] if the server will not talk to us.
    pub async fn connect(server: SocketAddr, script: Script) -> Result<Self> {
        let stream = TcpStream::connect(server).await.context("connect by SMTP")?;
        stream.set_nodelay(true).context("set TCP_NODELAY")?;
        let mut client = Self { stream: BufReader::new(stream), script, line: Vec::new() };
        client.expect("the greeting", b'2').await?;
        client.command("EHLO generator.example.com", b'2').await?;
        Ok(client)
    }

    /// Sends a command and waits for a reply of this class (RFC 5321 section 4.2.1).
    async fn command(&mut self, command: &str, class: u8) -> Result<()> {
        // In one write: a segment without its CRLF would be answered a round trip later.
        let line = format!("{command}\r\n");
        self.stream.get_mut().write_all(line.as_bytes()).await.context(command)?;
        self.expect(command, class).await
    }

    /// Reads a reply, continued lines included.
    async fn expect(&mut self, what: &str, class: u8) -> Result<()> {
        loop {
            self.line.clear();
            let mut limited = (&mut self.stream).take(MAX_LINE);
            limited.read_until(b'\n', &mut self.line).await.context(what)?;
            match (self.line.first(), self.line.get(3)) {
                (Some(first), Some(b'-')) if *first == class => {}
                (Some(first), Some(_)) if *first == class => return Ok(()),
                _ => return Err(self.refused(what)),
            }
        }
    }

    fn refused(&self, what: &str) -> Error {
        let reply = String::from_utf8_lossy(&self.line);
        let reply = if reply.is_empty() { "the connection was closed" } else { reply.trim_end() };
        Error::unexpected(what, reply)
    }
}

impl Client for SmtpClient {
    async fn submit(&mut self, number: u64) -> Result<()> {
        let (from, recipient) = (Arc::clone(&self.script.letter.from), self.script.recipient(number));
        self.command(&format!("MAIL FROM:<{from}>"), b'2').await?;
        self.command(&format!("RCPT TO:<{recipient}>"), b'2').await?;
        self.command("DATA", b'3').await?;
        let what = "the message";
        self.stream.get_mut().write_all(&self.script.letter.data).await.context(what)?;
        self.expect(what, b'2').await
    }

    async fn close(mut self) -> Result<()> {
        self.command("QUIT", b'2').await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A server that says its piece and nothing else.
    async fn server(says: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(says.as_bytes()).await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        });
        address
    }

    async fn connect(says: &'static str) -> Result<SmtpClient> {
        SmtpClient::connect(server(says).await, Script::new(Domains::ONE, 10)).await
    }

    #[tokio::test]
    async fn continued_replies_are_one_reply() {
        let mut client =
            connect("220 hello\r\n250-one\r\n250-two\r\n250 three\r\n250 the next\r\n").await.unwrap();
        client.command("NOOP", b'2').await.unwrap();
        assert_eq!(client.line, b"250 the next\r\n");
    }

    #[tokio::test]
    async fn a_refusal_is_shown() {
        let error = connect("220 hello\r\n421 4.3.2 not now\r\n").await.unwrap_err();
        assert_eq!(error.to_string(), "EHLO generator.example.com: 421 4.3.2 not now");
    }
}
