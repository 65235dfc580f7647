//! Talking to the running server through the control socket in its state folder.

mod web_socket;

use crate::{config::Config, node::CONTROL_SOCKET};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    fmt::Write,
    io,
    path::{Path, PathBuf},
};
use tokio::net::UnixStream;

/// What every path begins with, but for those that begin with `/`.
const PREFIX: &str = "/client/v4/";

/// Which server, and how its answer is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// State folder of the server, instead of the configured one [default: /var/lib/mailwright]
    #[arg(long, value_name = "DIR", global = true)]
    state: Option<PathBuf>,
    /// Configuration file of the server, which names its state folder
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print JSON, as the REST API has it
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Place {
    /// The configuration, or the defaults where none was given.
    pub(crate) fn config(&self) -> Result<Config, crate::config::ConfigError> {
        let mut config = self.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        if let Some(state) = &self.state {
            config.state.clone_from(state);
        }
        Ok(config)
    }

    /// A client of the server.
    pub(crate) fn client(&self) -> Result<ControlClient, crate::config::ConfigError> {
        Ok(ControlClient::new(&self.config()?.state))
    }
}

/// Why there is no answer to go on with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlClientError {
    #[error("no server answers at {}: {source}. Is it running, and is this its state folder (--state, --config)?", socket.display())]
    NoServer { socket: PathBuf, source: io::Error },
    #[error("{0}")]
    Refused(String),
    #[error("the server's answer broke off: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the request could not be made: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("the server's answer is not understood; is it of another version? {0}")]
    Answer(#[from] serde_json::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl ControlClientError {
    /// Whether there is nobody to ask, as opposed to somebody who said no.
    pub(crate) fn is_no_server(&self) -> bool {
        matches!(self, Self::NoServer { .. })
    }
}

/// What a request carries.
struct Content {
    /// Its media type.
    kind: String,
    octets: Bytes,
}

impl Default for Content {
    fn default() -> Self {
        Self { kind: "application/json".to_owned(), octets: Bytes::new() }
    }
}

impl Content {
    fn json(body: Option<&Value>) -> Self {
        Self { octets: body.map(Value::to_string).unwrap_or_default().into(), ..Self::default() }
    }
}

/// A client of one server. Each request has a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct ControlClient {
    socket: PathBuf,
}

impl ControlClient {
    /// A client of the server that runs on the state folder `state`.
    pub(crate) fn new(state: &Path) -> Self {
        Self { socket: state.join(CONTROL_SOCKET) }
    }

    /// The `result` of a GET.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ControlClientError> {
        self.result(Method::GET, path, None)
    }

    /// The `result` of a POST of `body`.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, ControlClientError> {
        self.result(Method::POST, path, Some(body))
    }

    /// The `result` of a PUT of `body`.
    pub(crate) fn put<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, ControlClientError> {
        self.result(Method::PUT, path, Some(body))
    }

    /// The `result` of a PATCH of `body`.
    pub(crate) fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, ControlClientError> {
        self.result(Method::PATCH, path, Some(body))
    }

    /// The `result` of a PUT of octets of the media type `kind`.
    pub(crate) fn put_octets<T: DeserializeOwned>(
        &self,
        path: &str,
        kind: &str,
        octets: Vec<u8>,
    ) -> Result<T, ControlClientError> {
        let content = Content { kind: kind.to_owned(), octets: octets.into() };
        Ok(serde_json::from_value(self.call(Method::PUT, path, content)?["result"].take())?)
    }

    /// The objects of a list, page by page.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<Value>, ControlClientError> {
        let mut objects = Vec::new();
        for number in 1u64.. {
            let number_text = number.to_string();
            let page = [("page", Some(number_text.as_str())), ("per_page", Some("1000"))];
            let envelope = self.envelope(&with_query(path, &page))?;
            objects.extend(envelope["result"].as_array().into_iter().flatten().cloned());
            if envelope["result_info"]["total_pages"].as_u64().is_none_or(|pages| number >= pages) {
                break;
            }
        }
        Ok(objects)
    }

    /// The `result` of a DELETE.
    pub(crate) fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ControlClientError> {
        self.result(Method::DELETE, path, None)
    }

    /// The whole envelope of a GET, for lists with a cursor.
    pub(crate) fn envelope(&self, path: &str) -> Result<Value, ControlClientError> {
        self.call(Method::GET, path, Content::default())
    }

    /// What a GET answers to whoever wants text.
    pub(crate) fn text(&self, path: &str) -> Result<String, ControlClientError> {
        Ok(String::from_utf8_lossy(&self.octets(path, "text/plain")?).into_owned())
    }

    /// What a GET answers to whoever wants the media type `kind`.
    pub(crate) fn octets(&self, path: &str, kind: &str) -> Result<Bytes, ControlClientError> {
        block_on(async {
            let answer = self.send(Method::GET, path, Content::default(), kind).await?;
            let (status, body) = (answer.status(), answer.into_body().collect().await?.to_bytes());
            if status.is_success() { Ok(body) } else { Err(refusal(&body)) }
        })
    }

    /// What a page answers, whatever its status.
    pub(crate) fn page(&self, path: &str) -> Result<Bytes, ControlClientError> {
        block_on(async {
            let answer = self.send(Method::GET, path, Content::default(), "application/json").await?;
            Ok(answer.into_body().collect().await?.to_bytes())
        })
    }

    /// Hands each Server-Sent Event of a GET to `event`, by its name and what it says, until the server or `event` ends
    /// it.
    pub(crate) fn events<E: From<ControlClientError>>(
        &self,
        path: &str,
        mut event: impl FnMut(&str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut name = String::new();
        self.lines(path, |line| {
            let line = String::from_utf8_lossy(line);
            match line.split_once(": ") {
                Some(("event", text)) => text.clone_into(&mut name),
                Some(("data", text)) => event(&name, text)?,
                _ => {}
            }
            Ok(())
        })
    }

    /// Hands each line of a GET that goes on for ever to `line`, until the server or `line` ends it.
    pub(crate) fn lines<E: From<ControlClientError>>(
        &self,
        path: &str,
        mut line: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        block_on(async {
            let answer = self.send(Method::GET, path, Content::default(), "application/x-ndjson").await?;
            let status = answer.status();
            let mut body = answer.into_body();
            if !status.is_success() {
                let body = body.collect().await.map_err(ControlClientError::from)?.to_bytes();
                return Err(refusal(&body).into());
            }
            let mut unfinished = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(ControlClientError::from)?;
                unfinished.extend_from_slice(&frame.into_data().unwrap_or_default());
                while let Some(end) = unfinished.iter().position(|octet| *octet == b'\n') {
                    let whole: Vec<u8> = unfinished.drain(..=end).collect();
                    line(whole.trim_ascii_end())?;
                }
            }
            Ok(())
        })
    }

    fn result<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, ControlClientError> {
        let mut envelope = self.call(method, path, Content::json(body))?;
        Ok(serde_json::from_value(envelope.get_mut("result").map(Value::take).unwrap_or_default())?)
    }

    fn call(&self, method: Method, path: &str, content: Content) -> Result<Value, ControlClientError> {
        block_on(async {
            let answer = self.send(method, path, content, "application/json").await?;
            let (status, body) = (answer.status(), answer.into_body().collect().await?.to_bytes());
            if status.is_success() { Ok(serde_json::from_slice(&body)?) } else { Err(refusal(&body)) }
        })
    }

    /// Sends a request; the connection is driven until the answer has been read.
    async fn send(
        &self,
        method: Method,
        path: &str,
        content: Content,
        accept: &str,
    ) -> Result<Response<Incoming>, ControlClientError> {
        let no_server = |source| ControlClientError::NoServer { socket: self.socket.clone(), source };
        let stream = UnixStream::connect(&self.socket).await.map_err(no_server)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // What goes wrong with it is seen by whoever reads the answer.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(whole(path))
            .header(header::HOST, "localhost")
            .header(header::ACCEPT, accept)
            .header(header::CONTENT_TYPE, content.kind)
            .header(header::CONTENT_LENGTH, content.octets.len())
            .body(Full::new(content.octets))?;
        Ok(sender.send_request(request).await?)
    }
}

/// The path as the server has it.
fn whole(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{PREFIX}{path}") }
}

/// Runs on this thread: a command does one thing at a time.
fn block_on<T, E: From<ControlClientError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(ControlClientError::from)?.block_on(work)
}

/// The sentence of a refusal.
fn refusal(body: &[u8]) -> ControlClientError {
    let envelope: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| envelope.pointer(&format!("/errors/0/{key}")).and_then(Value::as_str);
    let said = text("detail").or_else(|| text("message")).unwrap_or("it refused without a reason");
    let field = text("field").map(|field| format!("{field}: ")).unwrap_or_default();
    ControlClientError::Refused(format!("{field}{said}"))
}

/// A path with a query of those `fields` that have a value.
pub(crate) fn with_query(path: &str, fields: &[(&str, Option<&str>)]) -> String {
    let mut whole = path.to_owned();
    for (name, value) in fields {
        if let Some(value) = value {
            let separator = if whole.contains('?') { '&' } else { '?' };
            let _ = write!(whole, "{separator}{name}={}", escaped(value));
        }
    }
    whole
}

/// Text as a part of a URI (RFC 3986 section 2): everything that may mean something is escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            escaped.push(char::from(octet));
        } else {
            let _ = write!(escaped, "%{octet:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_what_was_given_and_nothing_that_means_anything() {
        let fields = [("domain", None), ("scope", Some("site:[192.0.2.1],ä b&c")), ("x", Some("1"))];
        assert_eq!(with_query("a", &fields), "a?scope=site%3A%5B192.0.2.1%5D%2C%C3%A4%20b%26c&x=1");
    }

    #[test]
    fn a_refusal_says_what_the_server_said() {
        let body = br#"{"errors":[{"code":1,"message":"m","detail":"No such domain.","field":"domain"}]}"#;
        assert_eq!(refusal(body).to_string(), "domain: No such domain.");
        assert_eq!(refusal(br#"{"errors":[{"message":"m"}]}"#).to_string(), "m");
        assert_eq!(refusal(b"<html>").to_string(), "it refused without a reason");
    }
}
