//! One HTTP/1.1 connection, kept open, over which a client sends exactly the octets it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::{Context, Error, Result};
use crate::http::{Account, Answer};
use crate::message::SENDER;
use crate::tcp::has_input;

/// The longest wait for an answer; past it the server is taken to hang.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// A connection to an HTTP server.
#[derive(Debug)]
pub struct HttpConnection {
    stream: BufReader<TcpStream>,
    is_last: bool,
}

impl HttpConnection {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Io`] if nobody listens.
    pub fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).context(format!("connect to {server}"))?;
        stream.set_read_timeout(Some(ANSWER_LIMIT)).context("set the read limit")?;
        stream.set_write_timeout(Some(ANSWER_LIMIT)).context("set the write limit")?;
        stream.set_nodelay(true).context("switch off Nagle's delay")?;
        Ok(Self { stream: BufReader::new(stream), is_last: false })
    }

    /// Writes octets as they are.
    ///
    /// # Errors
    /// [`Error::Io`] if the connection fails.
    pub fn write(&mut self, octets: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(octets).context("write to the HTTP server")
    }

    /// Says whether the server has announced that the last answer was the last one (`Connection: close`).
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// Says whether an answer, or the end of the connection, is there to be read.
    ///
    /// # Errors
    /// [`Error::Io`] if the connection fails.
    pub fn is_answered(&self) -> Result<bool> {
        has_input(self.stream.get_ref())
    }

    /// Returns the connection itself, for clients that no longer wait for answers.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// Asks for a page and reads it.
    ///
    /// # Errors
    /// Those of [`Self::write`] and [`Self::read_answer`].
    pub fn get(&mut self, path: &str) -> Result<Answer> {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: mailwright\r\n\r\n").as_bytes())?;
        self.read_answer()
    }

    /// Reads one answer, whose length is told in its head.
    ///
    /// # Errors
    /// [`Error::Io`] if the connection fails, [`Error::Unexpected`] if it ends or the answer is malformed.
    pub fn read_answer(&mut self) -> Result<Answer> {
        let (mut answer, length) = self.read_head_and_length()?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).context("read the body of an HTTP answer")?;
        answer.text = String::from_utf8_lossy(&body).into_owned();
        Ok(answer)
    }

    /// Reads the answer to a HEAD request: none of the body that its head tells of.
    ///
    /// # Errors
    /// Those of [`Self::read_answer`].
    pub fn read_head(&mut self) -> Result<Answer> {
        self.read_head_and_length().map(|(answer, _)| answer)
    }

    fn read_head_and_length(&mut self) -> Result<(Answer, usize)> {
        let malformed = |line: &str| Error::unexpected("HTTP answer", format!("malformed line {line:?}"));
        let line = self.read_line()?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| malformed(&line))?;
        let (mut content_type, mut retry_after, mut length) = (String::new(), None, 0);
        let (mut replayed, mut headers) = (false, BTreeMap::new());
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            match name.to_ascii_lowercase().as_str() {
                "content-type" => {
                    content_type = value.split(';').next().unwrap_or_default().trim().to_owned();
                }
                "connection" => self.is_last = value.trim().eq_ignore_ascii_case("close"),
                "retry-after" => retry_after = value.trim().parse().ok(),
                "idempotency-replayed" => replayed = value.trim() == "true",
                "content-length" => length = value.trim().parse().map_err(|_| malformed(&line))?,
                _ => {}
            }
        }
        Ok((Answer { status, content_type, retry_after, replayed, headers, text: String::new() }, length))
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).context("read from the HTTP server")?;
        if read == 0 {
            return Err(Error::unexpected("HTTP answer", "the connection was closed"));
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// The octets of a request that sends a message from [`SENDER`] without waiting for outcomes.
#[must_use]
pub fn submission(account: &Account, to: &str, text: &str) -> Vec<u8> {
    let body =
        serde_json::json!({"from": SENDER, "to": to, "subject": "one of many", "text": text}).to_string();
    format!("{}{body}", submission_head(account, body.len())).into_bytes()
}

/// The head of such a request, whose body has `length` octets.
#[must_use]
pub fn submission_head(account: &Account, length: usize) -> String {
    let Account { account_id, token, .. } = account;
    format!(
        "POST /client/v4/accounts/{account_id}/email/sending/send HTTP/1.1\r\nhost: mailwright\r\n\
         authorization: Bearer {token}\r\ncontent-type: application/json\r\nprefer: respond-async\r\n\
         content-length: {length}\r\n\r\n"
    )
}
