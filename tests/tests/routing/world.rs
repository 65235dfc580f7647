//! A server that takes mail for `example.com`, a name server with senders of every kind, and a sandbox that takes what
//! goes on.

use std::time::Duration;

use mailwright_tests::error::{Error, Result};
use mailwright_tests::http::{Answer, Api};
use mailwright_tests::mailbox::Received;
use mailwright_tests::message::header;
use mailwright_tests::name_server::NameServer;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::smtp::{Reply, SmtpClient};
use mailwright_tests::wait;
use serde_json::{Value, json};

/// The longest that anything here may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A domain that may send from here.
pub(crate) const GOOD: &str = "good.example";

/// Senders: one that may send from here, one that may not and has mail like this refused, one that says nothing.
const SENDERS: &str = r#"
good TXT "v=spf1 ip4:127.0.0.1 -all"
good MX 10 mx.good
strict TXT "v=spf1 -all"
_dmarc.strict TXT "v=DMARC1; p=reject"
suspect TXT "v=spf1 -all"
_dmarc.suspect TXT "v=DMARC1; p=quarantine"
silent A 127.0.0.9
box MX 10 mx.box
"#;

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) installation: Installation,
    pub(crate) sandbox: Sandbox,
    _names: NameServer,
}

impl World {
    /// `None` where there is no name server to be had.
    pub(crate) fn start() -> Result<Option<Self>> {
        Self::to("", |_| {})
    }

    /// The same, with a receiver of this personality.
    pub(crate) fn to(personality: &str, change: impl FnOnce(&mut Config)) -> Result<Option<Self>> {
        if skip_without(&[Need::Nsd]) {
            return Ok(None);
        }
        let names = NameServer::start(SENDERS)?;
        let sandbox = Sandbox::with(&[personality])?;
        let more = format!(
            "[inbound]\nlisten = [\"127.0.0.1:0\"]\n[dns]\nservers = [\"{}\"]\n[routing]\nin_session = \"20s\"\n",
            names.address
        );
        let mut config = Config { more, ..Config::to(sandbox.address) };
        change(&mut config);
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        let world = Self { server, installation, sandbox, _names: names };
        world.zone("POST", "/enable", &json!({}))?.result();
        Ok(Some(world))
    }

    pub(crate) fn api(&self) -> Api {
        self.installation.api(&self.server)
    }

    /// A call about routing of the zone.
    pub(crate) fn zone(&self, method: &str, path: &str, body: &Value) -> Result<Answer> {
        let api = self.api();
        let path = format!("/client/v4/zones/{}/email/routing{path}", api.account.zone_id);
        api.request(method, &path, &body.to_string(), &[])
    }

    /// A destination address whose owner has agreed.
    pub(crate) fn destination(&self, email: &str) -> Result<()> {
        let api = self.api();
        let path = format!("/client/v4/accounts/{}/email/routing/addresses", api.account.account_id);
        let made = api.post(&path, &json!({ "email": email }).to_string(), &[])?.result();
        let path = format!("{path}/{}", made["id"].as_str().unwrap_or_default());
        api.request("PATCH", &path, r#"{"status":"verified"}"#, &[])?.result();
        Ok(())
    }

    /// A rule that sends mail for `address` on to `destinations`, whose owners have agreed.
    pub(crate) fn forward(&self, address: &str, destinations: &[&str]) -> Result<()> {
        for destination in destinations {
            self.destination(destination)?;
        }
        self.rule(address, &json!([{ "type": "forward", "value": destinations }]))
    }

    /// A rule for `address`.
    pub(crate) fn rule(&self, address: &str, actions: &Value) -> Result<()> {
        let matchers = json!([{ "type": "literal", "field": "to", "value": address }]);
        self.zone("POST", "/rules", &json!({ "matchers": matchers, "actions": actions }))?.result();
        Ok(())
    }

    /// A client of inbound that has said EHLO.
    pub(crate) fn client(&self) -> Result<SmtpClient> {
        let inbound = self.server.inbound.ok_or_else(|| Error::unexpected("find inbound", "it is off"))?;
        SmtpClient::connect_and_greet(inbound)
    }

    /// Brings a message of `from`, an address or nobody, to `to`.
    pub(crate) fn bring(&self, from: &str, to: &str, message: &[u8]) -> Result<Reply> {
        self.client()?.send(from, to, message)
    }

    /// What has arrived for `recipient`, once it has.
    pub(crate) fn arrived(&self, recipient: &str) -> Result<Received> {
        wait::until(&format!("mail for {recipient}"), LIMIT, || {
            let is_for = |mail: &Received| mail.recipients.iter().any(|to| to.contains(recipient));
            Ok(self.passed_on()?.into_iter().find(is_for))
        })
    }

    /// All that has arrived, but for what we write to owners of addresses ourselves.
    pub(crate) fn passed_on(&self) -> Result<Vec<Received>> {
        let mut all = self.sandbox.mailbox.list()?;
        all.retain(|mail| header(&mail.message, "Auto-Submitted").is_none());
        Ok(all)
    }

    /// Who it was for.
    pub(crate) fn deliveries(&self) -> Result<Vec<String>> {
        let mut all: Vec<_> = self.passed_on()?.into_iter().flat_map(|mail| mail.recipients).collect();
        all.iter_mut().for_each(|to| *to = to.trim_matches(['<', '>']).to_owned());
        all.sort();
        Ok(all)
    }

    /// Waits until a counter of routing has that value.
    pub(crate) fn until_counted(&self, series: &str, value: u64) -> Result<()> {
        wait::until(&format!("{series} {value}"), LIMIT, || {
            let text = mailwright_tests::http::get(self.server.http, "/metrics")?.text;
            let found = text.lines().find_map(|line| line.strip_prefix(&format!("{series} ")));
            Ok((found == Some(value.to_string().as_str())).then_some(()))
        })
    }

    /// The line of the routing log that `filter` finds, once it has this status.
    pub(crate) fn logged(&self, filter: &str, status: &str) -> Result<Value> {
        let api = self.api();
        let path = format!("/client/v4/zones/{}/email/routing/messages?{filter}", api.account.zone_id);
        wait::until(&format!("{filter} as {status} in the routing log"), LIMIT, || {
            let lines = api.request("GET", &path, "", &[])?.result();
            Ok(Some(lines[0].clone()).filter(|line| line["status"] == status))
        })
    }
}

/// A message by `from`.
pub(crate) fn message(from: &str) -> Vec<u8> {
    format!(
        "From: Somebody <{from}>\r\nTo: you\r\nSubject: Gr\u{fc}\u{df}e\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <1@good.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nF\u{fc}r dich.  \r\n\r\n.. two dots\r\n\r\n\r\n"
    )
    .into_bytes()
}
