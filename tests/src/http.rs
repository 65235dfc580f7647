//! A client of the HTTP API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, Response};

use crate::error::{Error, Result};

/// The longest a single exchange may take; past it the server is taken to hang.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(60);

/// Whose mail is sent: the ids and the token that `dev` and `bootstrap` print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account's id.
    pub account_id: String,
    /// The id of the zone example.com.
    pub zone_id: String,
    /// The API token.
    pub token: String,
}

impl Account {
    /// Reads the three values from an object of JSON.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if one of them is missing.
    pub fn from_json(object: &Value) -> Result<Self> {
        let text = |key: &str| {
            let found = object.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
            found.ok_or_else(|| Error::unexpected("read the account", format!("no {key} in {object}")))
        };
        Ok(Self { account_id: text("account_id")?, zone_id: text("zone_id")?, token: text("token")? })
    }
}

/// An answer of the server, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type, without its parameters.
    pub content_type: String,
    /// After how many seconds the client is to try again (RFC 9110 section 10.2.3), if it is told.
    pub retry_after: Option<u64>,
    /// Whether it says that it was given before (`Idempotency-Replayed`).
    pub replayed: bool,
    /// All its header fields, their names in small letters; of several with one name the last.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub text: String,
}

impl Answer {
    fn read(what: &str, mut response: Response<ureq::Body>) -> Result<Self> {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = header("content-type").and_then(|value| value.split(';').next());
        let content_type = content_type.unwrap_or_default().trim().to_owned();
        let retry_after = header("retry-after").and_then(|value| value.parse().ok());
        let replayed = header("idempotency-replayed") == Some("true");
        let status = response.status().as_u16();
        let shown = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), shown(value))).collect();
        let body = response.body_mut().read_to_vec().map_err(|source| failed(what, source))?;
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok(Self { status, content_type, retry_after, replayed, headers, text })
    }

    /// Returns the body as JSON.
    ///
    /// # Panics
    /// If it is not JSON: no answer of the API may be anything else.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("status {}: {error} in {:?}", self.status, self.text))
    }

    /// Returns the `result` of a successful answer.
    ///
    /// # Panics
    /// If the answer is not a success.
    pub fn result(&self) -> Value {
        let body = self.json();
        assert!(self.status == 200 && body["success"] == true, "status {}: {body}", self.status);
        body["result"].clone()
    }

    /// Returns the code of the first error, after checking that the envelope is that of a failure.
    ///
    /// # Panics
    /// If the envelope is any other.
    pub fn error_code(&self) -> u64 {
        let body = self.json();
        assert_eq!(self.content_type, "application/json", "{body}");
        assert!(
            body["success"] == false && body["messages"].is_array() && body["result"].is_null(),
            "{body}"
        );
        assert!(body["errors"][0]["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        body["errors"][0]["code"].as_u64().unwrap_or_else(|| panic!("no code in {body}"))
    }
}

/// A client with a connection of its own, acting for one account.
#[derive(Clone, Debug)]
pub struct Api {
    base: String,
    agent: Agent,
    /// Whose mail is sent.
    pub account: Account,
}

impl Api {
    /// Makes a client for the server at `address`.
    #[must_use]
    pub fn new(address: SocketAddr, account: Account) -> Self {
        Self { base: format!("http://{address}"), agent: agent(), account }
    }

    /// Returns the URL of the server, without a slash at its end.
    #[must_use]
    pub fn server_url(&self) -> &str {
        &self.base
    }

    /// Returns the base URL that a published SDK is given.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/client/v4", self.base)
    }

    /// Returns the path of an operation of Email Sending (`send`, `send_raw`).
    #[must_use]
    pub fn sending_path(&self, operation: &str) -> String {
        format!("/client/v4/accounts/{}/email/sending/{operation}", self.account.account_id)
    }

    /// Sends a message and waits for its first outcomes.
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn send(&self, message: &Value) -> Result<Answer> {
        self.post(&self.sending_path("send"), &message.to_string(), &[])
    }

    /// Sends a message without waiting for outcomes (`Prefer: respond-async`, RFC 7240 section 4.1).
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn submit(&self, message: &Value) -> Result<Answer> {
        self.post(&self.sending_path("send"), &message.to_string(), &[("prefer", "respond-async")])
    }

    /// Sends a finished MIME message.
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn send_raw(&self, from: &str, recipients: &[&str], mime_message: &str) -> Result<Answer> {
        let body = serde_json::json!({"from": from, "recipients": recipients, "mime_message": mime_message});
        self.post(&self.sending_path("send_raw"), &body.to_string(), &[])
    }

    /// Posts any body as JSON, with more headers.
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        self.request("POST", path, body, headers)
    }

    /// Makes any request with the account's token.
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn request(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        self.exchange(method, path, "application/json", body.into(), headers)
    }

    /// Makes any request with a body of any media type.
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn upload(&self, method: &str, path: &str, media_type: &str, body: Vec<u8>) -> Result<Answer> {
        self.exchange(method, path, media_type, body, &[])
    }

    /// Makes any request as to the host `host`, without a token.
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn ask(&self, host: &str, method: &str, path: &str, media_type: &str, body: &[u8]) -> Result<Answer> {
        let what = format!("{method} http://{host}{path}");
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let request = request.header("host", host).header("content-type", media_type).body(body.to_vec());
        let request = request.map_err(|source| failed(&what, source.into()))?;
        let response = self.agent.run(request).map_err(|source| failed(&what, source))?;
        Answer::read(&what, response)
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let what = format!("{method} {path}");
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.account.token))
            .header("content-type", media_type);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).map_err(|source| failed(&what, source.into()))?;
        let response = self.agent.run(request).map_err(|source| failed(&what, source))?;
        Answer::read(&what, response)
    }
}

/// Makes any request with these header fields and no token.
///
/// # Errors
/// [`Error::Http`] if there is no answer.
pub fn bare(
    server: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Result<Answer> {
    let what = format!("{method} {path}");
    let request = Request::builder().method(method).uri(format!("http://{server}{path}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(body.to_owned()).map_err(|source| failed(&what, source.into()))?;
    let response = agent().run(request).map_err(|source| failed(&what, source))?;
    Answer::read(&what, response)
}

/// Asks for a page that needs no token.
///
/// # Errors
/// [`Error::Http`] if there is no answer.
pub fn get(server: SocketAddr, path: &str) -> Result<Answer> {
    let response =
        agent().get(format!("http://{server}{path}")).call().map_err(|source| failed(path, source))?;
    Answer::read(path, response)
}

fn agent() -> Agent {
    // A method that makes no sense for a path is one of the things to be tested.
    let config = Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true);
    config.timeout_global(Some(EXCHANGE_LIMIT)).build().new_agent()
}

fn failed(what: &str, source: ureq::Error) -> Error {
    Error::Http { what: what.into(), source: Box::new(source) }
}
