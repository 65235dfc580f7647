//! A browser of sorts: it holds a cookie and says where its requests come from.

use mailwright_tests::error::Result;
use mailwright_tests::http::{self, Account, Answer, Api};
use mailwright_tests::server::Server;
use serde_json::{Value, json};

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

/// A token of the account with these permissions: its id and its value.
pub(crate) fn token(api: &Api, permission: &str) -> Result<(String, String)> {
    let groups = api.request("GET", "/client/v4/user/tokens/permission_groups", "", &[])?.result();
    let named = |group: &&Value| group["name"] == permission;
    let group = groups.as_array().and_then(|groups| groups.iter().find(named).cloned());
    let group = group.unwrap_or_else(|| panic!("no group {permission} in {groups}"));
    let resource = format!("com.cloudflare.api.account.{}", api.account.account_id);
    let policy = json!({ "effect": "allow", "permission_groups": [{ "id": group["id"] }], "resources": { resource: "*" } });
    let made =
        api.post("/client/v4/user/tokens", &json!({ "name": "t", "policies": [policy] }).to_string(), &[])?;
    let made = made.result();
    let text = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
    Ok((text("id"), text("value")))
}

/// A client of the API with a token of the account that has one permission.
pub(crate) fn client(server: &Server, api: &Api, permission: &str) -> Result<Api> {
    let account = Account { token: token(api, permission)?.1, ..api.account.clone() };
    Ok(Api::new(server.http, account))
}

/// A header field of an answer; empty if it has none.
pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", String::as_str)
}

/// Asserts that whoever opens this has it shut in: no origin, no scripts, nothing from elsewhere.
pub(crate) fn assert_shut_in(answer: &Answer) {
    let policy = header(answer, "content-security-policy");
    for rule in ["sandbox", "default-src 'none'", "frame-ancestors 'self'", "form-action 'none'"] {
        assert!(policy.split(';').any(|one| one.trim() == rule), "{rule} in {policy}");
    }
    assert!(!policy.contains("allow-") && !policy.contains("script-src"), "{policy}");
    assert_eq!(header(answer, "x-content-type-options"), "nosniff");
    assert_eq!(header(answer, "cache-control"), "no-store");
}
