//! A server that takes what comes back, and a sandbox that takes what it sends.

use std::net::SocketAddr;
use std::time::Duration;

use mailwright_tests::error::{Error, Result};
use mailwright_tests::http::{self, Api};
use mailwright_tests::mailbox::Received;
use mailwright_tests::message::SENDER;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::smtp::{Reply, SmtpClient};
use mailwright_tests::wait;
use serde_json::{Value, json};

/// The longest that anything here may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Where the domain's bounces go.
pub(crate) const RETURN_PATH: &str = "cf-bounce.example.com";

/// What our links to unsubscribe begin with.
pub(crate) const PUBLIC_URL: &str = "https://mail.example.com";

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) installation: Installation,
    pub(crate) sandbox: Sandbox,
}

/// A configuration that takes what comes back.
pub(crate) fn config(next_hop: SocketAddr) -> Config {
    let http = format!("public_url = \"{PUBLIC_URL}\"");
    let more = "[inbound]\nlisten = [\"127.0.0.1:0\"]\nmax_message_size = \"2MiB\"\n".to_owned();
    Config { http, more, ..Config::to(next_hop) }
}

impl World {
    pub(crate) fn start() -> Result<Self> {
        Self::start_with(|_| {})
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let mut config = config(sandbox.address);
        change(&mut config);
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        Ok(Self { server, installation, sandbox })
    }

    pub(crate) fn api(&self) -> Api {
        self.installation.api(&self.server)
    }

    /// Sends a message with these further fields, and returns what the recipients' server got.
    pub(crate) fn send(&self, to: &[&str], more: &Value) -> Result<Received> {
        let mut message = json!({ "from": SENDER, "to": to, "subject": "hello", "text": "hello" });
        for (key, value) in more.as_object().into_iter().flatten() {
            message[key] = value.clone();
        }
        self.api().send(&message)?.result();
        self.sandbox.mailbox.wait_for(to.first().copied().unwrap_or_default())
    }

    /// Brings `message` to `address`, from nobody.
    pub(crate) fn bring(&self, address: &str, message: &[u8]) -> Result<Reply> {
        let inbound = self.server.inbound.ok_or_else(|| Error::unexpected("find inbound", "it is off"))?;
        SmtpClient::connect_and_greet(inbound)?.send("", address, message)
    }

    /// Brings it, and sees to it that it is taken.
    pub(crate) fn tell(&self, address: &str, message: &[u8]) -> Result<()> {
        let reply = self.bring(address, message)?;
        assert_eq!(reply.code, 250, "{reply:?}");
        Ok(())
    }

    /// The suppression list.
    pub(crate) fn suppressed(&self) -> Result<Vec<Value>> {
        let api = self.api();
        let list = api.request("GET", &api.sending_path("suppressions"), "", &[])?.result();
        Ok(list.as_array().cloned().unwrap_or_default())
    }

    /// What happened to a message, by kind.
    pub(crate) fn events(&self, id: &str, kind: &str) -> Result<Vec<Value>> {
        let path = format!("/client/v4/delivery/queue/messages/{id}");
        let timeline = self.api().request("GET", &path, "", &[])?.result()["timeline"].clone();
        let all = timeline.as_array().cloned().unwrap_or_default();
        Ok(all.into_iter().filter(|event| event["event"] == kind).collect())
    }

    /// Waits until the activity log shows the first recipient of a message as `is_so` wants it.
    pub(crate) fn until_shown(&self, id: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        let api = self.api();
        let path = api.sending_path(&format!("messages/{id}"));
        wait::until("what came back in the activity log", LIMIT, || {
            let message = api.request("GET", &path, "", &[])?.json();
            Ok(Some(message["result"]["recipients"][0].clone()).filter(&is_so))
        })
    }

    /// How often something came back, of that kind and with that result.
    pub(crate) fn counted(&self, kind: &str, result: &str) -> Result<u64> {
        let text = http::get(self.server.http, "/metrics")?.text;
        let series = format!("mailwright_return_path_total{{kind=\"{kind}\",result=\"{result}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&series)).unwrap_or("0");
        value.parse().map_err(|_| Error::unexpected("read a metric", value))
    }

    /// Waits until the suppression list has a row for `email`.
    pub(crate) fn until_suppressed(&self, email: &str) -> Result<Value> {
        wait::until(&format!("the suppression of {email}"), LIMIT, || {
            Ok(self.suppressed()?.into_iter().find(|row| row["email"] == email))
        })
    }
}

/// The name of the message in the queue, from its envelope sender.
pub(crate) fn queue_id(mail: &Received) -> &str {
    mail.mail_from.split('-').nth(1).unwrap_or_default()
}

/// A report by RFC 3464.
pub(crate) fn report(recipient: &str, status: &str, words: &str) -> Vec<u8> {
    format!(
        "From: MAILER-DAEMON@mx.example.net\r\nTo: you\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"=b\"\r\n\r\n\
         --=b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n\
         --=b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: {status}\r\n\
         Remote-MTA: dns; store.example.net\r\nDiagnostic-Code: smtp; {words}\r\n\r\n--=b--\r\n"
    )
    .into_bytes()
}

/// A report on spam by RFC 5965, with the header of the message it is about.
pub(crate) fn complaint(about: &Received) -> Vec<u8> {
    let text = String::from_utf8_lossy(&about.message).into_owned();
    let header = text.split("\r\n\r\n").next().unwrap_or_default();
    format!(
        "From: fbl@example.net\r\nTo: you\r\nSubject: FW: hello\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=\"=c\"\r\n\r\n\
         --=c\r\nContent-Type: text/plain\r\n\r\nThis is spam.\r\n\
         --=c\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\n\
         Version: 1\r\n\r\n--=c\r\nContent-Type: text/rfc822-headers\r\n\r\n{header}\r\n\r\n--=c--\r\n"
    )
    .into_bytes()
}
