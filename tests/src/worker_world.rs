//! A server that hands mail to Workers: with a name server that has senders of every kind, a sandbox that takes what goes on,
//! and a front door for `fetch()` handlers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::http::{Answer, Api};
use crate::mailbox::Received;
use crate::message::header;
use crate::name_server::NameServer;
use crate::needs::{Need, skip_without};
use crate::sandbox::Sandbox;
use crate::server::{Config, Installation, Server};
use crate::smtp::{Reply, SmtpClient};
use crate::wait;
use crate::worker::Worker;
use crate::workerd;
use crate::zone::Zone;

/// The longest that anything here may take.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Who may send from here, and says what is to become of mail that fails: SPF and DMARC pass.
pub const SENDER: &str = "bob@good.example";

/// The same, but nothing is published for DMARC.
pub const PLAIN_SENDER: &str = "bob@plain.example";

/// Nobody answers for mail from here: neither SPF nor DKIM passes.
pub const SILENT_SENDER: &str = "bob@silent.example";

/// The domain below which Workers are reached by HTTP.
const DOMAIN: &str = "workers.test";

/// What the account is called there.
const SUBDOMAIN: &str = "trials";

const SENDERS: &str = r#"
good TXT "v=spf1 ip4:127.0.0.1 -all"
_dmarc.good TXT "v=DMARC1; p=none"
plain TXT "v=spf1 ip4:127.0.0.1 -all"
silent A 127.0.0.9
mx.mail A 127.0.0.1
inside A 127.0.0.1
inside AAAA ::1
meta A 169.254.169.254
"#;

/// Senders that samples name.
const COMMERCIAL: &str = r#"
company TXT "v=spf1 ip4:127.0.0.1 -all"
spam TXT "v=spf1 ip4:127.0.0.1 -all"
unwanted TXT "v=spf1 -all"
"#;

/// A running server with zones whose mail goes where rules of a scenario say.
#[derive(Debug)]
pub struct WorkerWorld {
    /// The server.
    pub server: Server,
    /// What it runs on.
    pub installation: Installation,
    /// Where all mail goes.
    pub sandbox: Sandbox,
    /// The zones of the account and their ids.
    zones: HashMap<String, String>,
    _names: NameServer,
}

impl WorkerWorld {
    /// Starts one with these zones beside `example.com`; `None` where what it needs is left out. `workers` are keys of the
    /// table `[workers]`.
    ///
    /// # Errors
    /// Whatever keeps it from coming up.
    pub fn start(zones: &[&str], workers: &str) -> Result<Option<Self>> {
        Self::with(zones, workers, |_| {})
    }

    /// The same with a change to the configuration.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn with(zones: &[&str], workers: &str, change: impl FnOnce(&mut Config)) -> Result<Option<Self>> {
        if skip_without(&[Need::Nsd, Need::JavaScript]) {
            return Ok(None);
        }
        let names = NameServer::serving(&[Zone::new("example", SENDERS), Zone::new("com", COMMERCIAL)])?;
        let sandbox = Sandbox::start()?;
        let runtime = if workers.contains("runtime") {
            String::new()
        } else {
            format!("runtime = {:?}\n", workerd::binary())
        };
        let more = format!(
            "[inbound]\nlisten = [\"127.0.0.1:0\"]\n[dns]\nservers = [\"{}\"]\n[sending]\nverify = false\n\
             [routing]\nin_session = \"20s\"\n\
             [workers]\nlisten = [\"127.0.0.1:0\"]\ndomain = \"{DOMAIN}\"\n{runtime}{workers}\n",
            names.address
        );
        let mut config = Config { more, ..Config::to(sandbox.address) };
        change(&mut config);
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        let mut world = Self { server, installation, sandbox, zones: HashMap::new(), _names: names };
        world.set_up(zones)?;
        Ok(Some(world))
    }

    fn set_up(&mut self, zones: &[&str]) -> Result<()> {
        let api = self.api();
        let account = &api.account.account_id;
        self.zones.insert("example.com".into(), api.account.zone_id.clone());
        for name in zones {
            let body = json!({ "name": name, "account": { "id": account } });
            let id = text(&self.call("POST", "zones", &body)?["id"]);
            self.call("POST", &format!("zones/{id}/email/sending/subdomains"), &json!({ "name": name }))?;
            self.zones.insert((*name).to_owned(), id);
        }
        for id in self.zones.values() {
            self.call("POST", &format!("zones/{id}/email/routing/enable"), &json!({}))?;
        }
        self.call(
            "PUT",
            &format!("accounts/{account}/workers/subdomain"),
            &json!({ "subdomain": SUBDOMAIN }),
        )?;
        Ok(())
    }

    /// A client of its API.
    #[must_use]
    pub fn api(&self) -> Api {
        self.installation.api(&self.server)
    }

    /// The result of a call of the API, which must succeed.
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Ok(self.api().request(method, &format!("/client/v4/{path}"), &body, &[])?.result())
    }

    /// The same below the account.
    ///
    /// # Errors
    /// Those of [`Self::call`].
    pub fn account(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.call(method, &format!("accounts/{}/{path}", self.installation.account.account_id), body)
    }

    /// Uploads and deploys a Worker, and has it reached by HTTP.
    ///
    /// # Errors
    /// Those of [`Self::call`].
    pub fn deploy(&self, worker: &Worker) -> Result<()> {
        self.upload(worker)?.result();
        let path = format!("workers/scripts/{}/subdomain", worker.name());
        self.account("POST", &path, &json!({ "enabled": true }))?;
        Ok(())
    }

    /// Uploads a Worker, whatever is answered.
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn upload(&self, worker: &Worker) -> Result<Answer> {
        let (media_type, body) = worker.form();
        let account = &self.installation.account.account_id;
        let path = format!("/client/v4/accounts/{account}/workers/scripts/{}", worker.name());
        self.api().upload("PUT", &path, &media_type, body)
    }

    /// Deploys a Worker that gets all mail for a zone.
    ///
    /// # Errors
    /// Those of [`Self::call`]; [`Error::Unexpected`] if there is no such zone.
    pub fn deploy_in(&self, zone: &str, worker: &Worker) -> Result<()> {
        self.deploy(worker)?;
        self.catch_all(zone, &json!([{ "type": "worker", "value": [worker.name()] }]))
    }

    /// What becomes of all mail for a zone.
    ///
    /// # Errors
    /// Those of [`Self::deploy_in`].
    pub fn catch_all(&self, zone: &str, actions: &Value) -> Result<()> {
        let none = || Error::unexpected("make a rule", format!("no zone {zone}"));
        let zone = self.zones.get(zone).ok_or_else(none)?;
        let rule = json!({ "enabled": true, "matchers": [{ "type": "all" }], "actions": actions });
        self.call("PUT", &format!("zones/{zone}/email/routing/rules/catch_all"), &rule)?;
        Ok(())
    }

    /// Destination addresses whose owners have agreed.
    ///
    /// # Errors
    /// Those of [`Self::call`].
    pub fn destinations(&self, emails: &[&str]) -> Result<()> {
        for email in emails {
            let made = self.account("POST", "email/routing/addresses", &json!({ "email": email }))?;
            let path = format!("email/routing/addresses/{}", text(&made["id"]));
            self.account("PATCH", &path, &json!({ "status": "verified" }))?;
        }
        Ok(())
    }

    /// Makes a namespace of keys and values, and returns its id.
    ///
    /// # Errors
    /// Those of [`Self::call`].
    pub fn namespace(&self, title: &str) -> Result<String> {
        let made = self.account("POST", "storage/kv/namespaces", &json!({ "title": title }))?;
        Ok(text(&made["id"]))
    }

    /// The names of the keys of a namespace.
    ///
    /// # Errors
    /// Those of [`Self::call`].
    pub fn keys(&self, namespace: &str) -> Result<Vec<String>> {
        let keys = self.account("GET", &format!("storage/kv/namespaces/{namespace}/keys"), &Value::Null)?;
        Ok(keys.as_array().into_iter().flatten().map(|key| text(&key["name"])).collect())
    }

    /// A value, if there is one.
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn value(&self, namespace: &str, key: &str) -> Result<Option<String>> {
        let account = &self.installation.account.account_id;
        let path = format!("/client/v4/accounts/{account}/storage/kv/namespaces/{namespace}/values/{key}");
        let answer = self.api().request("GET", &path, "", &[])?;
        Ok((answer.status == 200).then_some(answer.text))
    }

    /// A value of JSON, once there is one.
    ///
    /// # Errors
    /// [`Error::Timeout`] if there is none in time.
    pub fn stored(&self, namespace: &str, key: &str) -> Result<Value> {
        wait::until(&format!("a value at {key:?}"), LIMIT, || {
            let value = self.value(namespace, key)?;
            Ok(value.and_then(|text| serde_json::from_str(&text).ok()))
        })
    }

    /// Makes a queue, and returns its id.
    ///
    /// # Errors
    /// Those of [`Self::call`].
    pub fn queue(&self, name: &str) -> Result<String> {
        Ok(text(&self.account("POST", "queues", &json!({ "queue_name": name }))?["queue_id"]))
    }

    /// Has a Worker consume the messages of a queue.
    ///
    /// # Errors
    /// Those of [`Self::call`].
    pub fn consume(
        &self,
        queue: &str,
        worker: &str,
        settings: &Value,
        dead_letters: Option<&str>,
    ) -> Result<()> {
        let mut body = json!({ "type": "worker", "script_name": worker, "settings": settings });
        if let Some(dead_letters) = dead_letters {
            body["dead_letter_queue"] = json!(dead_letters);
        }
        self.account("POST", &format!("queues/{queue}/consumers"), &body)?;
        Ok(())
    }

    /// A client of inbound that has said EHLO.
    ///
    /// # Errors
    /// Those of [`SmtpClient::connect_and_greet`].
    pub fn client(&self) -> Result<SmtpClient> {
        let inbound = self.server.inbound.ok_or_else(|| Error::unexpected("find inbound", "it is off"))?;
        SmtpClient::connect_and_greet(inbound)
    }

    /// Brings a message.
    ///
    /// # Errors
    /// Those of [`SmtpClient::send`].
    pub fn bring(&self, from: &str, to: &str, message: &[u8]) -> Result<Reply> {
        self.client()?.send(from, to, message)
    }

    /// Makes an HTTP request of a Worker.
    ///
    /// # Errors
    /// [`Error::Http`] if there is no answer.
    pub fn fetch(
        &self,
        worker: &str,
        method: &str,
        path: &str,
        media_type: &str,
        body: &[u8],
    ) -> Result<Answer> {
        let host = format!("{worker}.{SUBDOMAIN}.{DOMAIN}");
        Api::new(self.door()?, self.installation.account.clone()).ask(&host, method, path, media_type, body)
    }

    /// Makes a request of JSON to a Worker.
    ///
    /// # Errors
    /// Those of [`Self::fetch`].
    pub fn post(&self, worker: &str, path: &str, body: &Value) -> Result<Answer> {
        self.fetch(worker, "POST", path, "application/json", body.to_string().as_bytes())
    }

    fn door(&self) -> Result<SocketAddr> {
        self.server.workers.ok_or_else(|| Error::unexpected("find the door of Workers", "there is none"))
    }

    /// All that has arrived, but for what we write to owners of addresses ourselves.
    ///
    /// # Errors
    /// Those of [`crate::mailbox::Mailbox::list`].
    pub fn passed_on(&self) -> Result<Vec<Received>> {
        let mut all = self.sandbox.mailbox.list()?;
        all.retain(|mail| {
            header(&mail.message, "Subject").is_none_or(|subject| !subject.starts_with("Verify"))
        });
        Ok(all)
    }

    /// What has arrived for `recipient` with this subject, once it has.
    ///
    /// # Errors
    /// [`Error::Timeout`] if it does not in time.
    pub fn arrived(&self, recipient: &str, subject: &str) -> Result<Received> {
        wait::until(&format!("{subject:?} for {recipient}"), LIMIT, || {
            let found = self.passed_on()?.into_iter().find(|mail| {
                let is_for = mail.recipients.iter().any(|to| to == recipient);
                is_for && header(&mail.message, "Subject").is_some_and(|line| line.contains(subject))
            });
            Ok(found)
        })
    }

    /// What the log says of mail to `address` that came in: each step of each message, as JSON.
    ///
    /// # Errors
    /// Those of [`Self::call`].
    pub fn mentioned(&self, address: &str) -> Result<String> {
        let found = self.account("GET", &format!("email/routing/messages?to={address}"), &Value::Null)?;
        let mut told = String::new();
        for message in found.as_array().into_iter().flatten() {
            let path = format!("email/routing/messages/{}/timeline", text(&message["id"]));
            told.push_str(&self.account("GET", &path, &Value::Null)?.to_string());
        }
        Ok(told)
    }

    /// Waits until the log of mail to `address` has these words.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with what it says if it does not have them in time.
    pub fn until_mentioned(&self, address: &str, words: &str) -> Result<()> {
        let mut said = String::new();
        let found = wait::until(&format!("{words:?} in the log"), LIMIT, || {
            said = self.mentioned(address)?;
            Ok(said.contains(words).then_some(()))
        });
        found.map_err(|error| Error::unexpected(error.to_string(), said))
    }

    /// How many have arrived for `recipient`.
    ///
    /// # Errors
    /// Those of [`Self::passed_on`].
    pub fn count_for(&self, recipient: &str) -> Result<usize> {
        Ok(self.passed_on()?.iter().filter(|mail| mail.recipients.iter().any(|to| to == recipient)).count())
    }
}

/// A short message with this subject, and with more header fields, each with its line end.
#[must_use]
pub fn letter(from: &str, to: &str, subject: &str, fields: &str) -> Vec<u8> {
    let mark = fastrand::u64(..);
    format!(
        "From: Bob <{from}>\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <{mark:x}@good.example>\r\n{fields}MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nHello there.\r\n"
    )
    .into_bytes()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
