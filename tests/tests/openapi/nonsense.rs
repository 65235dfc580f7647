//! Whatever stands in a request, the answer is an envelope, and no fault of ours.

use std::io::Read;
use std::net::Shutdown;

use serde_json::{Value, json};

use mailwright_tests::error::{Context, Result};
use mailwright_tests::http::Answer;
use mailwright_tests::http_connection::HttpConnection;

use crate::world::{Route, World};

/// What no field is prepared for.
fn wrong_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(18_446_744_073_709_551_615_u64),
        json!(1e308),
        json!(""),
        json!("\u{0}"),
        json!("\u{202e}\u{10ffff}"),
        json!("x".repeat(100_000)),
        json!("9".repeat(400)),
        json!([]),
        json!([[[[]]]]),
        json!(vec![0; 10_000]),
        json!(vec!["x@example.org"; 10_000]),
        json!({}),
        json!({ "id": { "id": [] }, "type": 7, "address": null }),
    ]
}

/// What follows a `?name=`.
const WRONG_TEXTS: [&str; 10] = [
    "",
    "-1",
    "0",
    "18446744073709551616",
    "1e400",
    "null",
    "%00",
    "%FF%FE",
    "%F0%9F%92%A9",
    "2026-13-41T99:99:99Z",
];

/// A body that a route could take, apart from what stands in it.
fn plausible(route: &Route) -> Value {
    let mut body = json!({});
    for field in route.fields.iter().flatten() {
        body[field] = match field.as_str() {
            "name" => json!("plausible.example.com"),
            "email" => json!("plausible@example.org"),
            "account" => json!({ "id": "0".repeat(32) }),
            "from" | "to" | "recipients" => json!("a@example.com"),
            "items" | "messages" | "policies" | "events" => json!([]),
            "url" => json!("https://127.0.0.1:1/"),
            _ => continue,
        };
    }
    body
}

/// Checks that an answer is no fault of ours, and an envelope whatever it says.
fn check(answer: &Answer, at: &str) {
    assert!(answer.status < 500, "{at}: {} {}", answer.status, answer.text);
    if answer.status != 200 {
        let said = answer.json();
        assert!(
            said["errors"][0]["message"].is_string() && said["success"] == false,
            "{at}: {}",
            answer.text
        );
    }
}

#[test]
fn no_value_of_a_field_or_parameter_is_too_strange() -> Result<()> {
    let world = World::new()?;
    let ids = &world.told()?["objects"];
    for route in world.routes()? {
        // What is removed would be missing for the rest.
        let path = if route.method == "DELETE" { route.with(&Value::Null) } else { route.with(ids) };
        for query in &route.queries {
            for text in WRONG_TEXTS {
                let path = format!("{path}?{query}={text}");
                check(
                    &world.api.request(&route.method, &path, "", &[])?,
                    &format!("{} {path}", route.method),
                );
            }
        }
        for field in route.fields.iter().flatten() {
            for value in wrong_values() {
                let mut body = plausible(&route);
                body[field] = value;
                let body = body.to_string();
                let at = format!("{} {path} {}", route.method, &body[..body.len().min(200)]);
                check(&world.api.request(&route.method, &path, &body, &[])?, &at);
            }
        }
    }
    Ok(())
}

#[test]
fn every_body_that_is_no_object_is_refused() -> Result<()> {
    let world = World::new()?;
    let ids = &world.told()?["objects"];
    let deep = "[".repeat(100_000);
    let bodies = ["[]", "7", "\"\"", "{\"a\":", "{} {}", "nul", deep.as_str()];
    for route in world.routes()?.iter().filter(|route| route.fields.is_some()) {
        let path = route.with(ids);
        for body in bodies {
            let answer = world.api.request(&route.method, &path, body, &[])?;
            let at = format!("{} {path} {}", route.method, &body[..body.len().min(40)]);
            check(&answer, &at);
            // A list is what that route takes.
            let is_fine = path.ends_with("/schedules") && body == "[]";
            let is_told = answer.status == 400 || path.ends_with("/preflight") || is_fine;
            assert!(is_told, "{at}: {} {}", answer.status, answer.text);
        }
    }
    Ok(())
}

#[test]
fn what_is_no_utf8_is_refused_wherever_it_stands() -> Result<()> {
    let world = World::new()?;
    let (ids, token) = (&world.told()?["objects"], &world.api.account.token);
    let mut connection = HttpConnection::open(world.server.http)?;
    let mut send = |method: &str, path: &str, body: &[u8]| -> Result<Answer> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: mailwright\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.write(&[head.as_bytes(), body].concat())?;
        connection.read_answer()
    };
    for route in world.routes()? {
        let at = format!("{} {}", route.method, route.path);
        for id in route.ids() {
            let mut strange = ids.clone();
            strange[id] = json!("%FF%FE%00");
            let answer = send(&route.method, &route.with(&strange), b"")?;
            check(&answer, &at);
            assert!(matches!(answer.status, 400 | 404), "{at}: {} {}", answer.status, answer.text);
        }
        if route.fields.is_some() {
            for body in [&b"\xff\xfe{}"[..], b"{\"name\": \"\xff\"}", b"{\"\xc3\x28\": 1}"] {
                let answer = send(&route.method, &route.with(ids), body)?;
                check(&answer, &at);
                let is_told = answer.status == 400 || at.ends_with("/preflight");
                assert!(is_told, "{at}: {} {}", answer.status, answer.text);
            }
        }
    }
    Ok(())
}

#[test]
fn an_answer_given_before_the_body_has_come_does_not_break_the_connection() -> Result<()> {
    let world = World::new()?;
    let mut connection = HttpConnection::open(world.server.http)?;
    let body = vec![b'x'; 4 << 20];
    let head = format!(
        "DELETE /client/v4/zones/{:032}/email/routing/dns HTTP/1.1\r\nhost: mailwright\r\n\
         authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        0,
        world.api.account.token,
        body.len()
    );
    connection.write(head.as_bytes())?;
    assert_eq!(connection.read_answer()?.status, 404);
    connection.write(&body)?;
    let mut stream = connection.into_stream();
    stream.shutdown(Shutdown::Write).context("say that this is all")?;
    assert_eq!(stream.read(&mut [0]).context("read the end")?, 0);
    Ok(())
}

#[test]
fn a_body_is_read_as_json_whatever_its_type_is_said_to_be() -> Result<()> {
    let world = World::new()?;
    let account = world.make("accounts", &json!({ "name": "before" }))?;
    let path = format!("/client/v4/accounts/{}", account.as_str().unwrap_or_default());
    for kind in [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "x",
    ] {
        let body = json!({ "name": kind }).to_string();
        let renamed = world.api.request("PUT", &path, &body, &[("content-type", kind)])?.result();
        assert_eq!(renamed["name"], kind);
        let refused = world.api.request("PUT", &path, "name=x", &[("content-type", kind)])?;
        assert_eq!((refused.status, refused.error_code()), (400, 10001), "{kind}");
    }
    Ok(())
}

#[test]
fn lists_of_ten_thousand_are_refused_or_done() -> Result<()> {
    let world = World::new()?;
    let account = world.api.account.account_id.clone();
    let sending = format!("/client/v4/accounts/{account}/email/sending");
    let many = |value: Value| Value::Array(vec![value; 10_000]);
    let message = |field: &str, value: Value| {
        let mut message =
            json!({ "from": "a@example.com", "to": "b@example.net", "subject": "s", "text": "t" });
        message[field] = value;
        message
    };
    let headers: Value = (0..10_000).map(|at| (format!("X-{at}"), json!("x"))).collect();
    let file = json!({ "content": "", "filename": "f", "type": "a/b" });
    let policy = json!({ "effect": "allow", "permission_groups": [], "resources": {} });
    let zones: Value =
        (0..10_000).map(|at| (format!("com.cloudflare.api.account.zone.{at:032x}"), json!("*"))).collect();
    let zones = json!([{ "effect": "allow", "permission_groups": [], "resources": zones }]);
    let cases = [
        (format!("{sending}/send"), message("to", many(json!("b@example.net"))), 400),
        (format!("{sending}/send"), message("headers", headers), 400),
        (format!("{sending}/send"), message("attachments", many(file)), 200),
        (format!("{sending}/send/batch"), json!({ "messages": many(json!({})) }), 400),
        (
            format!("{sending}/send_raw"),
            json!({ "from": "a@example.com", "recipients": many(json!("b@example.net")), "mime_message": "x" }),
            400,
        ),
        (format!("{sending}/suppressions/bulk"), json!({ "items": many(json!({})) }), 400),
        ("/client/v4/user/tokens".to_owned(), json!({ "name": "t", "policies": many(policy) }), 400),
        ("/client/v4/user/tokens".to_owned(), json!({ "name": "t", "policies": zones }), 400),
        (
            format!("{sending}/webhooks"),
            json!({ "url": format!("https://{}/", world.server.http), "events": many(json!("message.delivered")) }),
            200,
        ),
    ];
    for (path, body, status) in cases {
        let answer = world.api.post(&path, &body.to_string(), &[])?;
        check(&answer, &path);
        assert_eq!(answer.status, status, "{path}: {}", &answer.text[..answer.text.len().min(500)]);
    }
    let long = format!("/client/v4/zones?{}", "name=x&".repeat(1_000));
    check(&world.api.request("GET", &long, "", &[])?, "a thousand names");
    Ok(())
}
