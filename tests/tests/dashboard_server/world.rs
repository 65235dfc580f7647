//! A browser of sorts: it holds a cookie and says where its requests come from.

use mailwright_tests::error::Result;
use mailwright_tests::http::{self, Answer};
use mailwright_tests::server::Server;
use serde_json::json;

/// The cookie of a session, as a browser sends it back.
pub(crate) struct Cookie(pub(crate) String);

impl Cookie {
    /// Signs in.
    pub(crate) fn of(server: &Server, token: &str) -> Result<Self> {
        let answer = sign_in(server, token)?;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let set = answer.headers.get("set-cookie").cloned().unwrap_or_default();
        Ok(Self(set.split(';').next().unwrap_or_default().to_owned()))
    }

    /// Makes a request with it, with more header fields.
    pub(crate) fn ask(
        &self,
        server: &Server,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        self.send(server, method, path, "", headers)
    }

    /// Does the same with a body.
    pub(crate) fn send(
        &self,
        server: &Server,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let cookie = [("cookie", self.0.as_str()), ("content-type", "application/json")];
        let headers: Vec<_> = cookie.iter().chain(headers).copied().collect();
        http::bare(server.http, method, path, body, &headers)
    }
}

/// What our own page says of itself.
pub(crate) const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

/// Asks for a session as our page does.
pub(crate) fn sign_in(server: &Server, token: &str) -> Result<Answer> {
    let headers = [("content-type", "application/json"), OURS];
    http::bare(server.http, "POST", "/session", &json!({ "token": token }).to_string(), &headers)
}
