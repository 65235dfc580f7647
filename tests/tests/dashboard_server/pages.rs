//! The files of the dashboard.

use mailwright_tests::error::Result;
use mailwright_tests::http::{self, Answer};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Dev, Installation, Server};

use crate::world::header;

fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    http::bare(server.http, "GET", path, "", headers)
}

#[test]
fn the_page_is_strict_about_what_it_loads_and_who_shows_it() -> Result<()> {
    let dev = Dev::start()?;
    let page = get(&dev.server, "/", &[])?;
    assert_eq!((page.status, page.content_type.as_str()), (200, "text/html"));
    let policy = header(&page, "content-security-policy");
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.split(';').any(|one| one.trim() == rule), "{rule} in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let expected = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-cache"),
    ];
    for (name, value) in expected {
        assert_eq!(header(&page, name), value, "{name}");
    }
    assert!(header(&page, "permissions-policy").contains("camera=()"));
    Ok(())
}

#[test]
fn what_a_browser_has_is_not_sent_again() -> Result<()> {
    let dev = Dev::start()?;
    let page = get(&dev.server, "/", &[])?;
    let again = get(&dev.server, "/", &[("if-none-match", header(&page, "etag"))])?;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert!(!header(&again, "content-security-policy").is_empty(), "{:?}", again.headers);
    let other = get(&dev.server, "/", &[("if-none-match", "W/\"other\"")])?;
    assert_eq!((other.status, other.text), (200, page.text.clone()));

    let asset = page.text.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js"));
    let asset = asset.unwrap_or_else(|| panic!("no program in {}", page.text));
    let plain = get(&dev.server, asset, &[])?;
    assert_eq!((plain.status, plain.content_type.as_str()), (200, "text/javascript"));
    assert_eq!(header(&plain, "cache-control"), "public, max-age=31536000, immutable");
    let packed = get(&dev.server, asset, &[("accept-encoding", "br, gzip")])?;
    assert_eq!((header(&plain, "content-encoding"), header(&packed, "content-encoding")), ("", "gzip"));
    assert!(packed.text.len() < plain.text.len() && packed.text.starts_with('\u{1f}'));
    let head = http::bare(dev.server.http, "HEAD", asset, "", &[])?;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(header(&head, "content-length"), plain.text.len().to_string());
    Ok(())
}

#[test]
fn whatever_else_is_asked_for_answers_as_everywhere() -> Result<()> {
    let dev = Dev::start()?;
    for path in [
        "/assets/none.js",
        "/assets/..%2findex.html",
        "/index.html",
        "/activity",
        "/client/v4",
        "/client/v4/",
    ] {
        let answer = get(&dev.server, path, &[("accept", "text/html")])?;
        assert_eq!((answer.status, answer.error_code()), (404, 7003), "{path}");
    }
    let answer = http::bare(dev.server.http, "POST", "/", "", &[])?;
    assert_eq!((answer.status, header(&answer, "allow")), (405, "GET"));
    Ok(())
}

#[test]
fn where_nobody_wants_it_there_is_none() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let config = Config { http: "dashboard = false\n".into(), ..Config::to(sandbox.address) };
    let installation = Installation::new(&config)?;
    let server = installation.start()?;
    for path in ["/", "/session"] {
        let token = format!("Bearer {}", installation.account.token);
        let answer = get(&server, path, &[("authorization", &token)])?;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
    let body = format!("{{\"token\": \"{}\"}}", installation.account.token);
    let answer = http::bare(server.http, "POST", "/session", &body, &[("content-type", "application/json")])?;
    assert_eq!(answer.status, 404, "{}", answer.text);
    Ok(())
}
