//! The log as programs read it: a line is an object, and what is about a message has its id.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mailwright_tests::error::{Error, Result};
use mailwright_tests::message::{SENDER, Token};
use mailwright_tests::metrics::until_queue_is_empty;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation};
use mailwright_tests::smtp::SmtpClient;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);
const MESSAGES: usize = 30;

#[test]
fn every_line_is_an_object_and_has_the_id_of_the_message_that_it_is_about() -> Result<()> {
    let trouble = "drop:20%,at=dot+defer:30%+reject:20%";
    let sandbox = Sandbox::with_tls(trouble)?;
    let installation =
        Installation::new(&Config { log_level: "debug".into(), ..Config::to(sandbox.address) })?;
    let text = installation.configuration()?.replace("format = \"text\"", "format = \"json\"");
    installation.configure(&text)?;
    let mut server = installation.start()?;
    let api = installation.api(&server);
    let mut client = SmtpClient::connect_and_greet(server.smtp)?;
    let mut ids = BTreeMap::new();
    for number in 0..MESSAGES {
        let token = Token::new("logs", number);
        let reply = client.send(SENDER, &token.recipient(), &token.message("text\r\n"))?;
        ids.insert(format!("{}@", token.as_str()), id_in(&reply.lines.join(" "))?);
    }
    // Their ids are not told to whoever sends them.
    assert_eq!(api.submit(&Token::new("api", 1).request("text"))?.status, 200);
    until_queue_is_empty(server.http, LIMIT)?;
    assert!(server.stop()?.success());

    let mut fates: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in server.process.log_text().lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let (fields, whole) = (&line["fields"], line.to_string());
        assert!(line["timestamp"].is_string() && line["level"].is_string() && fields["message"].is_string());
        for (token, id) in ids.iter().filter(|(token, _)| whole.contains(token.as_str())) {
            assert_eq!(fields["id"].as_str(), Some(id.as_str()), "{token}: {line}");
        }
        if let Some(id) = fields["id"].as_str() {
            assert_eq!(id_in(id)?, id, "{line}");
            let message = fields["message"].as_str().unwrap_or_default();
            if ["delivered", "deferred", "bounced"].contains(&message) {
                let to = fields["to"].as_str().and_then(|to| Some(to.split_once('@')?.1));
                assert_eq!(fields["domain"].as_str(), to, "{line}");
                assert!(fields["site"].is_string(), "{line}");
            }
            fates.entry(id.to_owned()).or_default().insert(message.to_owned());
        }
    }
    for (token, id) in &ids {
        let fates = fates.get(id).unwrap_or_else(|| panic!("nothing is said of {token}"));
        assert!(fates.contains("delivered") || fates.contains("bounced"), "{token}: {fates:?}");
    }
    let seen: BTreeSet<_> = fates.values().flatten().map(String::as_str).collect();
    assert!(["delivered", "deferred", "bounced"].iter().all(|fate| seen.contains(fate)), "{seen:?}");
    Ok(())
}

/// The name of a message in a text.
fn id_in(text: &str) -> Result<String> {
    let is_id = |word: &&str| word.len() == 14 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let found = text.split(|c: char| !c.is_ascii_alphanumeric()).find(is_id);
    found.map(ToOwned::to_owned).ok_or_else(|| Error::unexpected("an id", text))
}
