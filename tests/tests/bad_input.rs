//! Whatever comes in, the answer is an envelope of JSON with an agreed code, and nothing is queued.

use std::process::Output;

use serde_json::{Value, json};

use mailwright_tests::error::{Context, Result};
use mailwright_tests::http::{Account, Api};
use mailwright_tests::metrics::{ACCEPTED, QUEUED};
use mailwright_tests::server::{Config, Dev, Installation, run_to_end};

/// `invalid_request_schema`.
const SCHEMA: u64 = 10001;
/// `email.invalid`.
const INVALID: u64 = 10200;
/// `email.no_content_length`.
const NO_CONTENT: u64 = 10201;
/// `email.too_big`.
const TOO_BIG: u64 = 10202;

/// A request that is accepted as it stands; every case changes one thing in it.
fn good() -> Value {
    json!({
        "from": {"address": "sender@example.com", "name": "Sender"},
        "to": ["you@example.net"],
        "reply_to": {"address": "answers@example.com", "name": "Answers"},
        "subject": "subject",
        "text": "text",
        "headers": {"X-Mark": "1"},
        "attachments": [{"content": "AAEC", "content_id": "id", "filename": "a.bin", "type": "application/octet-stream", "disposition": "inline"}]
    })
}

/// Returns the good request with the value at a JSON pointer changed; null removes a key.
fn with(pointer: &str, value: Value) -> Value {
    let mut request = good();
    let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
    match request.pointer_mut(parent) {
        Some(Value::Object(object)) if value.is_null() => drop(object.remove(key)),
        Some(Value::Object(object)) => drop(object.insert(key.into(), value)),
        Some(array) => array[key.parse::<usize>().unwrap_or_default()] = value,
        None => panic!("no {parent} in the request"),
    }
    request
}

/// Runs `case` against a fresh server and checks that it has taken nothing.
fn nothing_queued(case: impl FnOnce(&Dev) -> Result<()>) -> Result<()> {
    let dev = Dev::start()?;
    case(&dev)?;
    let metrics = dev.server.metrics()?;
    assert_eq!((metrics.get(ACCEPTED), metrics.get(QUEUED)), (0, 0));
    assert!(dev.mailbox.list()?.is_empty());
    Ok(())
}

#[test]
fn the_unchanged_request_is_accepted() -> Result<()> {
    let dev = Dev::start()?;
    dev.api.send(&good())?.result();
    Ok(())
}

#[test]
fn refuses_what_is_not_the_schema() -> Result<()> {
    nothing_queued(|dev| {
        let path = dev.api.sending_path("send");
        let deep = "[".repeat(100_000);
        let bodies = ["", "{", "null", "[]", "\"text\"", "{\"from\": 1}", "\u{0}", deep.as_str()];
        for body in bodies {
            let answer = dev.api.post(&path, body, &[])?;
            assert_eq!((answer.status, answer.error_code()), (400, SCHEMA), "{:.40}", body);
        }
        for (pointer, value) in
            [("/from", json!(7)), ("/to", json!({"x": 1})), ("/text", json!([])), ("/headers", json!("X"))]
        {
            let answer = dev.api.send(&with(pointer, value))?;
            assert_eq!((answer.status, answer.error_code()), (400, SCHEMA), "{pointer}");
        }
        Ok(())
    })
}

#[test]
fn refuses_what_misses_something() -> Result<()> {
    nothing_queued(|dev| {
        for pointer in ["/from", "/to", "/subject", "/text"] {
            let answer = dev.api.send(&with(pointer, Value::Null))?;
            assert_eq!(answer.status, 400, "without {pointer}");
            assert!(
                [SCHEMA, INVALID, NO_CONTENT].contains(&answer.error_code()),
                "without {pointer}: {answer:?}"
            );
        }
        for (pointer, value) in
            [("/text", json!("")), ("/to", json!([])), ("/attachments/0/content", Value::Null)]
        {
            let answer = dev.api.send(&with(pointer, value))?;
            assert_eq!(answer.status, 400, "{pointer}");
            assert!([SCHEMA, INVALID, NO_CONTENT].contains(&answer.error_code()), "{pointer}: {answer:?}");
        }
        Ok(())
    })
}

#[test]
fn refuses_addresses_that_are_none() -> Result<()> {
    let long = format!("{}@example.net", "x".repeat(65));
    let addresses = [
        "",
        "you",
        "@example.net",
        "you@",
        "you@@example.net",
        "a b@example.net",
        "you@exa mple.net",
        "you@-.net",
        "you@example..net",
        "<you@example.net",
        long.as_str(),
    ];
    nothing_queued(|dev| {
        for address in addresses {
            for pointer in ["/from", "/to", "/to/0", "/cc", "/bcc", "/reply_to"] {
                let answer = dev.api.send(&with(pointer, json!(address)))?;
                assert_eq!(answer.status, 400, "{pointer} = {address:?}: {answer:?}");
                assert!(
                    [SCHEMA, INVALID].contains(&answer.error_code()),
                    "{pointer} = {address:?}: {answer:?}"
                );
            }
            let answer = dev.api.send_raw(
                "sender@example.com",
                &[address],
                "From: sender@example.com\r\n\r\nx\r\n",
            )?;
            assert_eq!(answer.status, 400, "recipient {address:?}: {answer:?}");
        }
        Ok(())
    })
}

#[test]
fn refuses_header_injection_through_every_field() -> Result<()> {
    let fields = [
        ("/subject", ""),
        ("/from", "sender@example.com"),
        ("/from/address", "sender@example.com"),
        ("/from/name", "Sender"),
        ("/to", "you@example.net"),
        ("/to/0", "you@example.net"),
        ("/cc", "you@example.net"),
        ("/bcc", "you@example.net"),
        ("/reply_to", "answers@example.com"),
        ("/reply_to/name", "Answers"),
        ("/headers/X-Mark", "1"),
        ("/attachments/0/filename", "a.bin"),
        ("/attachments/0/type", "text/plain"),
        ("/attachments/0/content_id", "id"),
    ];
    nothing_queued(|dev| {
        for (pointer, start) in fields {
            for injected in [
                "\r\nBcc: evil@example.org",
                "\nBcc: evil@example.org",
                "\rBcc: evil@example.org",
                "\0",
                "\r\n\r\nbody",
            ] {
                let answer = dev.api.send(&with(pointer, json!(format!("{start}{injected}"))))?;
                assert_eq!(answer.status, 400, "{pointer} with {injected:?}: {answer:?}");
                assert!(
                    [SCHEMA, INVALID].contains(&answer.error_code()),
                    "{pointer} with {injected:?}: {answer:?}"
                );
            }
        }
        Ok(())
    })
}

#[test]
fn refuses_header_names_that_are_not_the_callers() -> Result<()> {
    let names = [
        "X-A\r\nBcc",
        "X-A: b\nBcc",
        "X A",
        "",
        "X-Ü",
        "From",
        "bcc",
        "Subject",
        "DKIM-Signature",
        "Received",
        "Return-Path",
        "Content-Type",
        "Date",
        "Unknown",
    ];
    nothing_queued(|dev| {
        for name in names {
            let answer = dev.api.send(&with("/headers", json!({name: "value"})))?;
            assert_eq!(answer.status, 400, "{name:?}: {answer:?}");
            assert!([SCHEMA, INVALID].contains(&answer.error_code()), "{name:?}: {answer:?}");
        }
        Ok(())
    })
}

#[test]
fn refuses_raw_envelopes_with_line_ends() -> Result<()> {
    let message = "From: sender@example.com\r\nTo: you@example.net\r\nSubject: s\r\n\r\nbody\r\n";
    nothing_queued(|dev| {
        for end in ["\r\n", "\n", "\r", "\0", ">\r\nRCPT TO:<evil@example.org"] {
            let from =
                dev.api.send_raw(&format!("sender@example.com{end}"), &["you@example.net"], message)?;
            assert_eq!(from.status, 400, "from with {end:?}: {from:?}");
            let to = dev.api.send_raw("sender@example.com", &[&format!("you@example.net{end}")], message)?;
            assert_eq!(to.status, 400, "recipient with {end:?}: {to:?}");
        }
        Ok(())
    })
}

#[test]
fn refuses_a_message_past_the_limit() -> Result<()> {
    nothing_queued(|dev| {
        let answer = dev.api.send(&with("/text", json!("a line of text\n".repeat(26 * 1024 * 1024 / 15))))?;
        assert_eq!((answer.status, answer.error_code()), (400, TOO_BIG));
        let recipients: Vec<String> = (0..51).map(|number| format!("r{number}@example.net")).collect();
        let answer = dev.api.send(&with("/to", json!(recipients)))?;
        assert_eq!(answer.status, 400);
        assert!([SCHEMA, INVALID].contains(&answer.error_code()), "{answer:?}");
        Ok(())
    })
}

#[test]
fn refuses_strangers() -> Result<()> {
    nothing_queued(|dev| {
        let account = dev.api.account.clone();
        for token in ["", "wrong", "almost a token"] {
            let api = Api::new(dev.server.http, Account { token: token.into(), ..account.clone() });
            let answer = api.send(&good())?;
            assert!(matches!(answer.status, 401 | 403), "{token:?}: {answer:?}");
            assert_eq!(answer.error_code(), 10000, "{token:?}");
        }
        let other = Account { account_id: "0".repeat(32), ..account };
        let answer = Api::new(dev.server.http, other).send(&good())?;
        assert!(matches!(answer.status, 403 | 404), "{answer:?}");
        answer.error_code();
        Ok(())
    })
}

#[test]
fn refuses_senders_of_other_domains() -> Result<()> {
    nothing_queued(|dev| {
        let answer = dev.api.send(&with("/from", json!("sender@example.org")))?;
        assert!(matches!(answer.status, 400 | 403), "{answer:?}");
        answer.error_code();
        Ok(())
    })
}

#[test]
fn answers_unknown_paths_and_methods_in_the_same_envelope() -> Result<()> {
    nothing_queued(|dev| {
        let send = dev.api.sending_path("send");
        for (method, path, status) in [
            ("GET", "/client/v4/nothing", 404),
            ("GET", "/nothing", 404),
            ("GET", send.as_str(), 405),
            ("PUT", send.as_str(), 405),
            ("DELETE", send.as_str(), 405),
            ("GET", "/client/v4/%00%ff/../..", 404),
        ] {
            let answer = dev.api.request(method, path, "", &[])?;
            assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
            answer.error_code();
        }
        Ok(())
    })
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

#[test]
fn a_state_folder_in_use_is_refused_by_name() -> Result<()> {
    let dev = Dev::start()?;
    let state = dev.state().to_string_lossy().into_owned();
    let second = run_to_end(["dev", "--http", "0", "--smtp", "0", "--sandbox", "0", "--state", &state])?;
    let said = text_of(&second);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains(&state) && said.contains(&dev.server.process.id().to_string()), "{said}");
    Ok(())
}

#[test]
fn an_unknown_key_of_the_configuration_is_named_with_its_line() -> Result<()> {
    let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let installation = Installation::new(&Config::to(nowhere))?;
    let config = Config::to(nowhere).toml().replace("[delivery]\nport", "[delivery]\nprot");
    let line = config.lines().position(|line| line.starts_with("prot = ")).map_or(0, |index| index + 1);
    let file = tempfile::NamedTempFile::new().context("make a file")?;
    std::fs::write(file.path(), config).context("write the configuration")?;
    let (file, state) = (file.path().to_string_lossy(), installation.state().to_string_lossy());
    let output = run_to_end(["serve", "--config", &file, "--state", &state])?;
    let said = text_of(&output);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("prot"), "{said}");
    assert!(
        said.contains(&format!("line {line}")) || said.contains(&format!(":{line}")),
        "line {line} in {said}"
    );
    Ok(())
}
