//! A client of HTTPS hosts that is told which address to ask, by what name, and whom to believe: Python's own.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::python;

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Fetch<'a> {
    /// The name in the handshake; `None` for none.
    pub name: Option<&'a str>,
    /// The Host field.
    pub host: &'a str,
    /// The path.
    pub path: &'a str,
    /// Who must vouch for the name; without anybody, any certificate is believed.
    pub authorities: Option<&'a Path>,
}

impl<'a> From<&'a str> for Fetch<'a> {
    /// Asks a host for its policy, and believes any certificate.
    fn from(host: &'a str) -> Self {
        Self { name: Some(host), host, path: "/.well-known/mta-sts.txt", authorities: None }
    }
}

/// One response.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its status.
    pub status: u64,
    /// The type of its body.
    pub content_type: String,
    /// Its body.
    pub body: String,
    /// The SHA-256 digest of the certificate that the server showed.
    pub certificate: String,
}

/// Makes one request of `server`.
///
/// # Errors
/// [`Error::Unexpected`] if there is no response, as when the certificate is not valid.
pub fn fetch(server: SocketAddr, fetch: &Fetch<'_>) -> Result<Fetched> {
    let job = json!({
        "address": [server.ip(), server.port()], "name": fetch.name, "host": fetch.host, "path": fetch.path,
        "authorities": fetch.authorities,
    });
    let answer = python::run("policy_client.py", [job.to_string()])?;
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    let read = || {
        Some(Fetched {
            status: answer["status"].as_u64()?,
            content_type: text("type")?,
            body: text("body")?,
            certificate: text("certificate")?,
        })
    };
    read().ok_or_else(|| Error::unexpected(format!("ask {}", fetch.host), answer.to_string()))
}

/// Does to `server`, the policy host of `name`, what clients ought not to do, and returns what it made of each.
///
/// # Errors
/// [`Error::Unexpected`] if the script fails.
pub fn misbehave(server: SocketAddr, name: &str, connections: usize) -> Result<Value> {
    let job = json!({"address": [server.ip(), server.port()], "name": name, "connections": connections});
    python::run("bad_policy_client.py", [job.to_string()])
}

/// Asks an SMTP server for TLS by `name`, and returns `certificate`, the SHA-256 digest of what it showed, or `error` if
/// `root` does not vouch for it.
///
/// # Errors
/// [`Error::Unexpected`] if the script fails.
pub fn starttls(server: SocketAddr, name: &str, root: &Path) -> Result<Value> {
    let job =
        json!({"address": [server.ip(), server.port()], "name": name, "starttls": true, "authorities": root});
    python::run("policy_client.py", [job.to_string()])
}
