//! Samples that send mail of their own when they are called by HTTP.

use mailwright_tests::error::Result;
use mailwright_tests::message::header;
use mailwright_tests::worker::Bundles;
use mailwright_tests::worker_world::WorkerWorld;
use serde_json::{Value, json};

const DOMAIN: &str = "yourdomain.com";

fn bundles() -> Result<Bundles> {
    let attachments: &[&str] =
        &["attachments.ts", "attachments-pdf.ts", "attachments-inline.ts", "attachments-upload.ts"];
    Bundles::of(&[
        ("overview", &["overview.ts"]),
        ("first", &["send-first.ts"]),
        ("legacy", &["send-legacy.ts"]),
        ("blog", &["blog-send.js"]),
        ("failing", &["send-errors.ts"]),
        ("local", &["sending-worker.js"]),
        ("attachments", attachments),
        ("magic-link", &["magic-link.ts"]),
        ("signup", &["signup.ts"]),
        ("=multiple", &["send-multiple.ts"]),
        ("=copies", &["send-cc-bcc.ts"]),
        ("=pdf", &["send-pdf.ts"]),
        ("=inline", &["send-inline.ts"]),
        ("=fields", &["send-headers.ts"]),
    ])
}

fn text(message: &[u8]) -> String {
    String::from_utf8_lossy(message).into_owned()
}

#[test]
fn they_send_in_every_form() -> Result<()> {
    let Some(world) = WorkerWorld::start(&[DOMAIN], "")? else { return Ok(()) };
    let bundles = bundles()?;
    for name in
        ["overview", "first", "legacy", "failing", "local", "multiple", "copies", "pdf", "inline", "fields"]
    {
        world.deploy(&bundles.worker(name)?.with_email())?;
    }
    world.deploy(&bundles.worker("blog")?.with(json!({ "type": "send_email", "name": "EMAIL_OUT" })))?;
    let get = |name: &str| world.fetch(name, "GET", "/", "text/plain", b"");

    assert_eq!(get("overview")?.text, "Email sent successfully");
    world.arrived("user@example.com", "Welcome to our service!")?;
    let said = get("first")?.text;
    let mail = world.arrived("recipient@example.com", "Welcome to our service!")?;
    let id = said.strip_prefix("Email sent: ").unwrap_or_default().trim_matches(['<', '>']);
    assert!(
        !id.is_empty() && header(&mail.message, "Message-ID").is_some_and(|header| header.contains(id)),
        "{said}"
    );
    assert_eq!(get("legacy")?.text, "Legacy email sent");
    let legacy = world.arrived("recipient@example.com", "=?utf-8?B?TGVnYWN5IEVtYWls?=")?;
    assert!(text(&legacy.message).contains("<h1>Hello from legacy API</h1>"));
    assert_eq!(get("blog")?.text, "email sent!");
    let blog =
        world.arrived("mary@domain.example", "=?utf-8?B?QW4gZW1haWwgZ2VuZXJhdGVkIGluIGEgd29ya2Vy?=")?;
    assert!(text(&blog.message).contains("Congratulations, you just sent an email from a worker."));
    let failing = get("failing")?;
    assert!(failing.json()["success"] == true && failing.json()["emailId"].is_string(), "{failing:?}");

    assert!(get("multiple")?.json()["messageId"].is_string());
    for user in ["user1@example.com", "user2@example.com", "user3@example.com"] {
        let mail = world.arrived(user, "Monthly Newsletter")?.message;
        assert!(
            header(&mail, "From").is_some_and(|from| from.contains("Newsletter Team")),
            "{}",
            text(&mail)
        );
    }
    assert!(get("copies")?.json()["messageId"].is_string());
    for recipient in ["customer@example.com", "manager@company.com", "archive@company.com"] {
        let mail = world.arrived(recipient, "Order Confirmation #12345")?.message;
        assert_eq!(header(&mail, "Reply-To").as_deref(), Some("<support@yourdomain.com>"));
        assert!(!text(&mail).contains("archive@company.com"), "who gets a blind copy is nobody's business");
    }
    assert!(get("fields")?.json()["messageId"].is_string());
    let mail = world.arrived("user@example.com", "Your weekly digest")?.message;
    assert_eq!(header(&mail, "X-Campaign-ID").as_deref(), Some("weekly-digest-2026-03"));
    assert_eq!(header(&mail, "In-Reply-To").as_deref(), Some("<original-message-id@yourdomain.com>"));
    // What the documentation leaves out of the files, by three dots, is not base64.
    for name in ["pdf", "inline"] {
        let said = get(name)?;
        assert_eq!((said.status, &said.json()["code"]), (500, &json!("E_VALIDATION_ERROR")), "{}", said.text);
    }
    local(&world)
}

/// The Worker of the chapter on local development sends what it is given.
fn local(world: &WorkerWorld) -> Result<()> {
    let letter = json!({
        "to": "recipient@example.com", "from": "sender@yourdomain.com", "subject": "Test Email",
        "html": "<h1>Hello from Wrangler!</h1>", "text": "Hello from Wrangler!",
    });
    let sent = world.post("local", "/", &letter)?;
    assert!(sent.json()["success"] == true && sent.json()["id"].is_string(), "{sent:?}");
    world.arrived("recipient@example.com", "Test Email")?;
    let foreign =
        json!({ "to": "a@example.com", "from": "a@elsewhere.example", "subject": "s", "text": "t" });
    let refused = world.post("local", "/", &foreign)?;
    assert_eq!((refused.status, &refused.json()["success"]), (500, &json!(false)), "{refused:?}");
    assert!(
        refused.json()["error"].as_str().is_some_and(|error| error.contains("elsewhere.example")),
        "{refused:?}"
    );
    assert_eq!(world.fetch("local", "GET", "/", "text/plain", b"")?.status, 405);
    Ok(())
}

#[test]
fn they_attach_files_sign_people_up_and_let_them_in() -> Result<()> {
    let Some(world) = WorkerWorld::start(&[DOMAIN], "")? else { return Ok(()) };
    let bundles = bundles()?;
    for name in ["attachments", "magic-link"] {
        world.deploy(&bundles.worker(name)?.with_email().with_text("DOMAIN", DOMAIN))?;
    }
    attachments(&world)?;
    let sent = world.post("magic-link", "/send-magic-link", &json!({ "email": "ann@example.net" }))?;
    assert_eq!(sent.json()["success"], true, "{sent:?}");
    let mail = text(&world.arrived("ann@example.net", "Your login link")?.message);
    assert!(mail.contains("https://yourdomain.com/login?token="), "{mail}");
    assert_eq!(world.post("magic-link", "/send-magic-link", &json!({ "email": "nonsense" }))?.status, 400);
    assert_eq!(world.post("magic-link", "/elsewhere", &json!({}))?.status, 404);

    let (users, tokens) = (world.namespace("users")?, world.namespace("tokens")?);
    let signup = bundles.worker("signup")?.with_email().with_kv("USERS", &users);
    let signup = signup.with_kv("VERIFICATION_TOKENS", &tokens).with_text("DOMAIN", DOMAIN);
    world.deploy(&signup.with_text("COMPANY_NAME", "Acme"))?;
    sign_up(&world, &users, &tokens)
}

fn attachments(world: &WorkerWorld) -> Result<()> {
    let invoice = json!({ "customerEmail": "ann@example.net", "invoiceData":
        { "number": 7, "customerName": "Ann", "date": "2026-11-01", "total": 12 } });
    assert_eq!(world.post("attachments", "/send-invoice", &invoice)?.json()["success"], true);
    let mail = text(&world.arrived("ann@example.net", "Invoice #7")?.message);
    // "%PDF-1.4", as base64.
    assert!(mail.contains("JVBERi0xLjQK") && mail.contains("invoice-7.pdf"), "{mail}");
    assert!(mail.contains("application/pdf"), "{mail}");

    let report = json!({ "recipientEmail": "ann@example.net", "reportData": { "title": "Report", "period": "May",
        "metrics": { "revenue": 1234, "users": 5, "growth": 6 } } });
    let _ = world.post("attachments", "/send-report", &report)?;
    let mail = text(&world.arrived("ann@example.net", "Report - May")?.message);
    for needed in ["Content-ID: <company-logo>", "Content-ID: <performance-chart>", "cid:company-logo"] {
        assert!(mail.contains(needed), "{needed}: {mail}");
    }

    let form = |file: &str, kind: &str, octets: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nann@example.net\r\n--b\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{file}\"\r\nContent-Type: {kind}\r\n\r\n\
             {octets}\r\n--b--\r\n"
        )
    };
    let upload = |form: String| {
        world.fetch(
            "attachments",
            "POST",
            "/upload-attachment",
            "multipart/form-data; boundary=b",
            form.as_bytes(),
        )
    };
    let sent = upload(form("notes.txt", "text/plain", "some notes"))?;
    assert_eq!(sent.json()["message"], "File notes.txt sent to ann@example.net", "{sent:?}");
    let mail = text(&world.arrived("ann@example.net", "File shared: notes.txt")?.message);
    assert!(mail.contains("c29tZSBub3Rlcw==") || mail.contains("some notes"), "{mail}");
    assert_eq!(upload(form("a.exe", "application/x-msdownload", "MZ"))?.status, 400);
    Ok(())
}

fn sign_up(world: &WorkerWorld, users: &str, tokens: &str) -> Result<()> {
    let person = json!({ "email": "ben@example.net", "firstName": "Ben" });
    let made = world.post("signup", "/signup", &person)?;
    assert_eq!((made.status, &made.json()["success"]), (201, &json!(true)), "{made:?}");
    world.arrived("ben@example.net", "Welcome to Acme!")?;
    world.arrived("ben@example.net", "Please verify your email address")?;
    assert_eq!(world.post("signup", "/signup", &person)?.status, 409);
    let keys = world.account("GET", &format!("storage/kv/namespaces/{tokens}/keys"), &Value::Null)?;
    let token = keys[0]["name"].as_str().unwrap_or_default();
    assert!(keys[0]["expiration"].is_number(), "it is good for an hour: {keys}");
    let verify =
        |token: &str| world.fetch("signup", "GET", &format!("/verify?token={token}"), "text/plain", b"");
    assert_eq!(verify("wrong")?.status, 400);
    let verified = verify(token)?;
    assert!(verified.status == 200 && verified.text.contains("Welcome Ben!"), "{verified:?}");
    assert_eq!(verify(token)?.status, 400, "it is good for once");
    assert_eq!(world.stored(users, "ben@example.net")?["verified"], true);
    Ok(())
}
