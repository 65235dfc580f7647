//! Sessions in place of tokens.

use std::time::{Duration, Instant};

use mailwright_tests::error::Result;
use mailwright_tests::http::{self, Account};
use mailwright_tests::server::{Dev, Server};
use serde_json::{Value, json};

use crate::world::{Cookie, OURS, sign_in, token};

/// What may be asked with any token.
const ACCOUNTS: &str = "/client/v4/accounts";

/// The status of an answer to a request with the cookie.
fn status(
    server: &Server,
    cookie: &Cookie,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<u16> {
    Ok(cookie.ask(server, method, path, headers)?.status)
}

#[test]
fn a_browser_signs_in_does_what_the_token_may_and_signs_out() -> Result<()> {
    let dev = Dev::start()?;
    let server = &dev.server;
    assert_eq!(http::get(server.http, "/session")?.status, 401);
    let answer = sign_in(server, &dev.api.account.token)?;
    let set = answer.headers.get("set-cookie").cloned().unwrap_or_default();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.split(';').any(|one| one.trim() == part), "{part} in {set}");
    }
    assert!(!set.contains("Secure") && !set.contains(&dev.api.account.token), "{set}");
    assert_eq!(answer.result()["mode"], "dev");

    let cookie = Cookie::of(server, &dev.api.account.token)?;
    let session = cookie.ask(server, "GET", "/session", &[])?.result();
    assert_eq!((&session["operator"], &session["token"]["zones"]), (&json!(true), &Value::Null), "{session}");
    assert_eq!(session["token"]["accounts"], Value::Null);
    assert_eq!(status(server, &cookie, "GET", ACCOUNTS, &[])?, 200);
    let mail =
        json!({ "from": "a@example.com", "to": "b@example.net", "subject": "s", "text": "t" }).to_string();
    assert_eq!(cookie.send(server, "POST", &dev.api.sending_path("send"), &mail, &[OURS])?.status, 200);

    let answer = cookie.ask(server, "DELETE", "/session", &[OURS])?;
    let set = answer.headers.get("set-cookie").cloned().unwrap_or_default();
    assert!(
        answer.status == 200 && set.starts_with("mailwright_session=;") && set.contains("Max-Age=0"),
        "{set}"
    );
    // Whoever has copied it has nothing.
    assert_eq!(status(server, &cookie, "GET", ACCOUNTS, &[])?, 401);
    assert_eq!(status(server, &cookie, "DELETE", "/session", &[OURS])?, 200);
    let log = dev.server.process.log_text();
    let secret = cookie.0.split('=').next_back().unwrap_or_default();
    assert!(log.contains("signed in") && !secret.is_empty() && !log.contains(secret), "{log}");
    Ok(())
}

#[test]
fn other_sites_can_do_nothing_with_it() -> Result<()> {
    let dev = Dev::start()?;
    let server = &dev.server;
    let cookie = Cookie::of(server, &dev.api.account.token)?;
    let (ours, evil) = (format!("http://{}", server.http), "http://evil.example".to_owned());
    let change = |headers: &[(&str, &str)]| -> Result<u16> {
        Ok(cookie.send(server, "POST", "/client/v4/zones", "{}", headers)?.status)
    };
    // 400: it was read.
    assert_eq!(change(&[OURS])?, 400);
    assert_eq!(change(&[("origin", &ours)])?, 400);
    for foreign in [
        &[][..],
        &[("origin", evil.as_str())],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", &ours)],
        &[("sec-fetch-site", "none")],
    ] {
        assert_eq!(change(foreign)?, 403, "{foreign:?}");
    }
    let upgrade = [("upgrade", "websocket"), ("connection", "upgrade")];
    assert_eq!(status(server, &cookie, "GET", ACCOUNTS, &upgrade)?, 403);
    assert_eq!(status(server, &cookie, "GET", ACCOUNTS, &[("sec-fetch-site", "cross-site")])?, 403);
    assert_eq!(status(server, &cookie, "GET", ACCOUNTS, &[("sec-fetch-site", "none")])?, 200);
    assert_eq!(status(server, &cookie, "DELETE", "/session", &[("origin", &evil)])?, 403);
    assert_eq!(status(server, &cookie, "GET", ACCOUNTS, &[])?, 200);
    // Nor sign somebody in as somebody else.
    let body = json!({ "token": dev.api.account.token }).to_string();
    let answer = http::bare(server.http, "POST", "/session", &body, &[("sec-fetch-site", "cross-site")])?;
    assert!(answer.status == 403 && !answer.headers.contains_key("set-cookie"), "{}", answer.text);
    Ok(())
}

#[test]
fn a_token_in_the_request_comes_before_the_cookie() -> Result<()> {
    let dev = Dev::start()?;
    let server = &dev.server;
    let cookie = Cookie::of(server, &dev.api.account.token)?;
    assert_eq!(status(server, &cookie, "GET", ACCOUNTS, &[("authorization", "Bearer wrong")])?, 401);
    let (_, reader) = token(&dev.api, "analytics_read")?;
    let reader = format!("Bearer {reader}");
    let session = cookie.ask(server, "GET", "/session", &[("authorization", &reader)])?.result();
    assert_eq!(
        (&session["operator"], &session["token"]["permissions"]),
        (&json!(false), &json!(["analytics_read"]))
    );
    assert_eq!(session["token"]["accounts"], json!([dev.api.account.account_id]));
    Ok(())
}

#[test]
fn over_tls_the_cookie_is_for_tls_alone() -> Result<()> {
    let dev = Dev::start()?;
    let body = json!({ "token": dev.api.account.token }).to_string();
    let origin = format!("https://{}", dev.server.http);
    let answer = http::bare(dev.server.http, "POST", "/session", &body, &[("origin", &origin), OURS])?;
    let set = answer.headers.get("set-cookie").cloned().unwrap_or_default();
    assert!(set.ends_with("; Secure"), "{set}");
    Ok(())
}

#[test]
fn it_outlives_a_restart_and_ends_with_its_token() -> Result<()> {
    let dev = Dev::start()?;
    let (id, value) = token(&dev.api, "analytics_read")?;
    let (own, others) = (Cookie::of(&dev.server, &value)?, Cookie::of(&dev.server, &dev.api.account.token)?);
    let dev = dev.restart()?;
    assert_eq!(status(&dev.server, &own, "GET", ACCOUNTS, &[])?, 200);
    assert_eq!(dev.api.request("DELETE", &format!("/client/v4/user/tokens/{id}"), "", &[])?.status, 200);
    assert_eq!(status(&dev.server, &own, "GET", ACCOUNTS, &[])?, 401);
    assert_eq!(status(&dev.server, &others, "GET", ACCOUNTS, &[])?, 200);
    // A change that a session makes is on record under the name of its token.
    let made = others.send(&dev.server, "POST", "/client/v4/zones", &zone(&dev.api.account), &[OURS])?;
    assert_eq!(made.status, 200, "{}", made.text);
    let path = format!("/client/v4/accounts/{}/audit_logs", dev.api.account.account_id);
    let records = dev.api.request("GET", &path, "", &[])?.result();
    let actor = others.ask(&dev.server, "GET", "/session", &[])?.result()["token"]["id"].clone();
    assert!(records[0].to_string().contains(actor.as_str().unwrap_or("no id")), "{}", records[0]);
    Ok(())
}

fn zone(account: &Account) -> String {
    json!({ "name": "session.example", "account": { "id": account.account_id } }).to_string()
}

#[test]
fn wrong_tokens_are_answered_ever_later() -> Result<()> {
    let dev = Dev::start()?;
    let mut took = Vec::new();
    for _ in 0..4 {
        let begun = Instant::now();
        let answer = sign_in(&dev.server, "wrong")?;
        assert_eq!(
            (answer.status, answer.headers.contains_key("set-cookie")),
            (401, false),
            "{}",
            answer.text
        );
        took.push(begun.elapsed());
    }
    assert!(took[2] >= Duration::from_millis(250) && took[3] >= Duration::from_millis(500), "{took:?}");
    // A right one is not.
    Cookie::of(&dev.server, &dev.api.account.token)?;
    for nonsense in ["", "[]", "{}", "{\"token\": 7}", "\u{0}"] {
        let answer = http::bare(dev.server.http, "POST", "/session", nonsense, &[OURS])?;
        assert_eq!(answer.status, 400, "{nonsense}: {}", answer.text);
    }
    let long = json!({ "token": "x".repeat(5_000) }).to_string();
    assert_eq!(http::bare(dev.server.http, "POST", "/session", &long, &[OURS])?.status, 400);
    Ok(())
}
