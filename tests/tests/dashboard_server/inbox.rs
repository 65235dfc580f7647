//! The inbox of the sandbox of `mailwright dev`.

use mailwright_tests::error::Result;
use mailwright_tests::event_stream::EventStream;
use mailwright_tests::http::{Answer, Api};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Dev, Installation};
use serde_json::{Value, json};

use crate::world::{assert_shut_in, client, header};

const INBOX: &str = "/client/v4/delivery/sandbox/messages";

fn ask(api: &Api, method: &str, rest: &str) -> Result<Answer> {
    api.request(method, &format!("{INBOX}{rest}"), "", &[])
}

fn send(api: &Api, to: &str, subject: &str) -> Result<()> {
    let html =
        "<p>Hello <a href=\"http://example.com/\">https://bank.example/</a><script>alert(1)</script></p>";
    let message = json!({
        "from": "a@example.com", "to": to, "subject": subject, "html": html, "campaign": "november",
        "attachments": [{ "content": "PGI+eDwvYj4=", "filename": "page.html", "type": "text/html", "disposition": "attachment" }],
    });
    assert_eq!(api.send(&message)?.result()["delivered"], json!([to]));
    Ok(())
}

#[test]
fn what_arrives_is_listed_found_read_and_removed() -> Result<()> {
    let dev = Dev::start()?;
    assert_eq!(ask(&dev.api, "GET", "")?.result(), json!([]));
    for (to, subject) in
        [("ann@example.net", "First"), ("bob@example.net", "Second"), ("carol@example.net", "Third")]
    {
        send(&dev.api, to, subject)?;
    }
    let listed = ask(&dev.api, "GET", "?per_page=2")?;
    let info = &listed.json()["result_info"];
    assert_eq!((&info["total_count"], &info["count"]), (&json!(3), &json!(2)), "{info}");
    let listed = listed.result();
    assert_eq!((&listed[0]["subject"], &listed[1]["subject"]), (&json!("Third"), &json!("Second")));
    assert_eq!(
        (&listed[0]["recipients"], &listed[0]["from"]),
        (&json!(["carol@example.net"]), &json!("<a@example.com>"))
    );
    for search in ["FIRST", "ann@"] {
        let found = ask(&dev.api, "GET", &format!("?search={search}"))?.result();
        assert_eq!(
            (found.as_array().map(Vec::len), &found[0]["subject"]),
            (Some(1), &json!("First")),
            "{search}"
        );
    }
    assert_eq!(ask(&dev.api, "GET", "?search=nobody")?.result(), json!([]));

    let id = listed[0]["id"].as_str().unwrap_or_default();
    let read = ask(&dev.api, "GET", &format!("/{id}"))?.result();
    assert_eq!(
        (&read["source"], &read["subject"], &read["mail_from"]),
        (&json!("sandbox"), &json!("Third"), &listed[0]["mail_from"])
    );
    assert!(
        read["size"].as_u64().is_some_and(|size| size > 500) && read["received_at"].is_string(),
        "{read}"
    );
    let found: Vec<&str> =
        read["checks"].as_array().into_iter().flatten().filter_map(|check| check["id"].as_str()).collect();
    assert_eq!(found, ["no-list-unsubscribe", "no-text", "http-links", "posing-link"], "{}", read["checks"]);

    assert_eq!(ask(&dev.api, "DELETE", &format!("/{id}"))?.result()["id"], *id);
    assert_eq!(ask(&dev.api, "DELETE", &format!("/{id}"))?.error_code(), 7003);
    assert_eq!(ask(&dev.api, "GET", &format!("/{id}"))?.error_code(), 7003);
    assert_eq!(ask(&dev.api, "DELETE", "")?.result(), json!({ "removed": 2 }));
    assert_eq!(ask(&dev.api, "GET", "")?.result(), json!([]));
    Ok(())
}

#[test]
fn html_and_files_of_a_message_are_shut_in() -> Result<()> {
    let dev = Dev::start()?;
    send(&dev.api, "ann@example.net", "Shut in")?;
    let id = ask(&dev.api, "GET", "")?.result()[0]["id"].as_str().unwrap_or_default().to_owned();
    let html = ask(&dev.api, "GET", &format!("/{id}/html"))?;
    assert!(html.content_type == "text/html" && html.text.contains("<script>"), "{}", html.text);
    assert_shut_in(&html);
    for (rest, media_type, name) in
        [("raw", "message/rfc822", ".eml"), ("attachments/0", "application/octet-stream", "page.html")]
    {
        let file = ask(&dev.api, "GET", &format!("/{id}/{rest}"))?;
        assert_eq!((file.status, file.content_type.as_str()), (200, media_type));
        let saved = header(&file, "content-disposition");
        assert!(saved.starts_with("attachment;") && saved.ends_with(name), "{saved}");
        assert_shut_in(&file);
    }
    assert_eq!(ask(&dev.api, "GET", &format!("/{id}/attachments/0"))?.text, "<b>x</b>");
    for nothing in ["/attachments/1", "/attachments/x", "/attachments/-1"] {
        assert_eq!(ask(&dev.api, "GET", &format!("/{id}{nothing}"))?.error_code(), 7003);
    }
    for nothing in ["000001-0", "..%2f..%2fdev.json", "x"] {
        for rest in ["", "/html", "/raw"] {
            assert_eq!(
                ask(&dev.api, "GET", &format!("/{nothing}{rest}"))?.error_code(),
                7003,
                "{nothing}{rest}"
            );
        }
    }
    Ok(())
}

#[test]
fn it_is_told_live_and_to_operators_alone() -> Result<()> {
    let dev = Dev::start()?;
    let stream =
        EventStream::open(dev.server.http, &dev.api.account.token, &format!("{INBOX}/stream"), None)?;
    send(&dev.api, "ann@example.net", "Live")?;
    let event = stream.wait_for("the message", |event| event.kind == "message")?;
    let listed = ask(&dev.api, "GET", "")?.result();
    assert_eq!((&event.data, event.id.as_str()), (&listed[0], listed[0]["id"].as_str().unwrap_or_default()));
    let admin = client(&dev.server, &dev.api, "admin")?;
    for rest in ["", "/stream", "/000001-0"] {
        assert_eq!(ask(&admin, "GET", rest)?.status, 403, "{rest}");
    }
    Ok(())
}

#[test]
fn where_mail_goes_to_the_world_there_is_none() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let installation = Installation::new(&Config::to(sandbox.address))?;
    let server = installation.start()?;
    let api = installation.api(&server);
    for (method, rest) in [("GET", ""), ("DELETE", ""), ("GET", "/stream"), ("GET", "/000001-0")] {
        let answer = ask(&api, method, rest)?;
        let detail: Value = answer.json()["errors"][0]["detail"].clone();
        assert_eq!(answer.status, 404, "{method} {rest}: {}", answer.text);
        assert!(detail.as_str().is_some_and(|text| text.contains("mailwright dev")), "{detail}");
    }
    Ok(())
}
