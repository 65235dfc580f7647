//! The HTTP client of the generator: single sends on one kept-alive connection.
//!
//! As much of HTTP/1.1 (RFC 9112) as our own API speaks: responses with a Content-Length. A general client
//! would spend on itself the processor time that is to be measured elsewhere.

use crate::{
    Error, Result,
    error::Context,
    generator::Client,
    message::{self, Domains, SENDER},
};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// The longest header line and the longest body that are read.
const MAX_LINE: u64 = 8 * 1024;
const MAX_BODY: u64 = 64 * 1024;

/// An account that may send.
#[derive(Debug, Clone)]
pub struct Credentials {
    account: String,
    token: String,
}

impl Credentials {
    /// Reads what `mailwright bootstrap` prints.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if account or token is missing.
    pub fn from_json(output: &[u8]) -> Result<Self> {
        let wrong = |detail: String| Error::unexpected("the credentials of bootstrap", detail);
        let value: Value = serde_json::from_slice(output).map_err(|error| wrong(error.to_string()))?;
        let field = |name: &str| {
            let text = value.get(name).and_then(Value::as_str).map(str::to_owned);
            text.ok_or_else(|| wrong(format!("no {name}")))
        };
        Ok(Self { account: field("account_id")?, token: field("token")? })
    }
}

/// What all connections of a load send.
#[derive(Debug, Clone)]
pub struct Script {
    request: Arc<[u8]>,
}

impl Script {
    /// Single sends of messages with a text of `size` octets, answered as soon as they are safe on disk.
    #[must_use]
    pub fn new(credentials: &Credentials, size: usize) -> Self {
        let body = json!({
            "from": SENDER,
            "to": Domains::ONE.recipient(0),
            "subject": "one of many",
            "text": message::text(size),
        })
        .to_string();
        let Credentials { account, token } = credentials;
        let request = format!(
            "POST /client/v4/accounts/{account}/email/sending/send HTTP/1.1\r\n\
             Host: localhost\r\n\
             Authorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n\
             Content-Length: {}\r\n\
             Prefer: respond-async\r\n\
             \r\n\
             {body}",
            body.len()
        );
        Self { request: request.into_bytes().into() }
    }
}

impl Script {
    /// A question of GraphQL, over and over.
    #[must_use]
    pub fn question(credentials: &Credentials, query: &str) -> Self {
        let Credentials { account, token } = credentials;
        let body = json!({ "query": query, "variables": { "account": account } }).to_string();
        let request = format!(
            "POST /client/v4/graphql HTTP/1.1\r\n\
             Host: localhost\r\n\
             Authorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n\
             Content-Length: {}\r\n\
             \r\n\
             {body}",
            body.len()
        );
        Self { request: request.into_bytes().into() }
    }
}

/// A connection.
#[derive(Debug)]
pub struct HttpClient {
    stream: BufReader<TcpStream>,
    script: Script,
}

impl HttpClient {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Io`] if there is nobody.
    pub async fn connect(server: SocketAddr, script: Script) -> Result<Self> {
        let stream = TcpStream::connect(server).await.context("connect by HTTP")?;
        stream.set_nodelay(true).context("set TCP_NODELAY")?;
        Ok(Self { stream: BufReader::new(stream), script })
    }

    /// Asks whether the server is well.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it is not, [`Error::Io`] if the connection fails.
    pub async fn health(server: SocketAddr) -> Result<()> {
        let request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let script = Script { request: request.as_bytes().into() };
        Self::connect(server, script).await?.submit(0).await
    }

    /// Reads a response and expects it to be a success.
    async fn expect_success(&mut self) -> Result<()> {
        let status = self.line().await?;
        let mut length = 0;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            if let Some(value) = content_length(&line) {
                length = value?;
            }
        }
        let mut body = Vec::new();
        (&mut self.stream).take(length.min(MAX_BODY)).read_to_end(&mut body).await.context("an answer")?;
        if is_success(&status) {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&body);
        Err(Error::unexpected("a send", format!("{status}\n{body}")))
    }

    /// Reads a line of the header, without its CRLF.
    async fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        (&mut self.stream).take(MAX_LINE).read_until(b'\n', &mut line).await.context("an answer")?;
        if line.last() != Some(&b'\n') {
            return Err(Error::unexpected("an answer", "the connection was closed"));
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

/// The value of a Content-Length field; `None` if the line is another field.
fn content_length(line: &str) -> Option<Result<u64>> {
    let (name, value) = line.split_once(':')?;
    let wrong = |_| Error::unexpected("an answer", format!("{line:?}"));
    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().map_err(wrong))
}

fn is_success(status_line: &str) -> bool {
    status_line.split(' ').nth(1).is_some_and(|code| code.starts_with('2'))
}

impl Client for HttpClient {
    async fn submit(&mut self, _: u64) -> Result<()> {
        self.stream.get_mut().write_all(&self.script.request).await.context("a send")?;
        self.expect_success().await
    }

    async fn close(self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A server that answers each request that it reads with the next of `answers`.
    async fn server(answers: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in answers {
                assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    async fn client(answers: &'static [&'static str]) -> HttpClient {
        let credentials = Credentials::from_json(br#"{"account_id":"a","token":"t"}"#).unwrap();
        HttpClient::connect(server(answers).await, Script::new(&credentials, 10)).await.unwrap()
    }

    #[tokio::test]
    async fn a_connection_is_used_again() {
        const OK: &str = "HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\nx: y\r\n\r\n{}";
        let mut client = client(&[OK, OK]).await;
        client.submit(0).await.unwrap();
        client.submit(1).await.unwrap();
    }

    #[tokio::test]
    async fn a_refusal_is_shown_with_its_body() {
        let mut client = client(&["HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull"]).await;
        let error = client.submit(0).await.unwrap_err();
        assert_eq!(error.to_string(), "a send: HTTP/1.1 503 Service Unavailable\nfull");
    }

    #[tokio::test]
    async fn a_connection_closed_in_the_header_is_an_error() {
        let mut client = client(&["HTTP/1.1 200 OK\r\nContent-Le"]).await;
        assert!(client.submit(0).await.is_err());
    }

    #[test]
    fn credentials_need_account_and_token() {
        for output in [&b"not json"[..], br#"{"token":"t"}"#, br#"{"account_id":"a"}"#] {
            assert!(Credentials::from_json(output).is_err());
        }
    }
}
