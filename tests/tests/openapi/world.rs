//! A server with one of everything that the API has, and what it says of itself.

use serde_json::{Value, json};

use mailwright_tests::bad_name_server::{BadNameServer, Trouble};
use mailwright_tests::calendar::ahead;
use mailwright_tests::error::Result;
use mailwright_tests::http::{Account, Api, get};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, free_address};
use mailwright_tests::worker::Worker;

const ACCOUNT: &str = "com.cloudflare.api.account.";

/// A server, and whoever operates it.
pub(crate) struct World {
    pub(crate) installation: Installation,
    pub(crate) server: Server,
    /// The operator's client.
    pub(crate) api: Api,
    _sandbox: Sandbox,
    _names: BadNameServer,
}

impl World {
    pub(crate) fn new() -> Result<Self> {
        let sandbox = Sandbox::start()?;
        // It refuses at once: what looks at the DNS is not to wait for that of this machine.
        let dns = free_address()?;
        let names = BadNameServer::start(dns, Trouble::Refuses)?;
        let config = Config {
            more: format!(
                "[webhooks]\nprivate_hosts = true\ntimeout = \"2s\"\n[dns]\nservers = [\"{dns}\"]\n"
            ),
            log_level: "error".into(),
            ..Config::to(sandbox.address)
        };
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { installation, server, api, _sandbox: sandbox, _names: names })
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        Ok(self.api.post(&format!("/client/v4/{path}"), &body.to_string(), &[])?.result())
    }

    /// Makes an object and returns its id.
    pub(crate) fn make(&self, path: &str, body: &Value) -> Result<Value> {
        let made = self.post(path, body)?;
        Ok(made.get("id").or_else(|| made.get("tag")).cloned().unwrap_or_default())
    }

    /// Sends a message, at a time or now, and returns its id.
    fn send(&self, at: Option<&str>) -> Result<Value> {
        let mut message =
            json!({ "from": "a@example.com", "to": "b@example.net", "subject": "s", "text": "t" });
        if let Some(at) = at {
            message["send_at"] = at.into();
        }
        let sent = self.api.send(&message)?.result();
        let id = || sent["message_id"].as_str().and_then(|id| id.split('.').next());
        Ok(sent["scheduled_id"].as_str().or_else(id).into())
    }

    /// The policy of a token that has these permissions.
    pub(crate) fn policy(&self, permissions: &[&str], resource: &str) -> Result<Value> {
        let path = "/client/v4/user/tokens/permission_groups";
        let groups = self.api.request("GET", path, "", &[])?.result();
        let groups = groups.as_array().into_iter().flatten();
        let groups: Vec<_> = groups
            .filter(|group| permissions.iter().any(|name| group["name"] == *name))
            .map(|group| json!({ "id": group["id"] }))
            .collect();
        let resource = format!("{ACCOUNT}{resource}");
        Ok(json!({ "effect": "allow", "permission_groups": groups, "resources": { resource: "*" } }))
    }

    /// Makes one object of each kind, named after `name`, and returns the ids by path parameter.
    pub(crate) fn objects(&self, name: &str) -> Result<Value> {
        let Account { account_id, zone_id, .. } = &self.api.account;
        let sending = format!("accounts/{account_id}/email/sending");
        let policy = self.policy(&["send"], account_id)?;
        let account = json!({ "id": account_id });
        // Nobody there speaks TLS: calls fail, and at once.
        let webhook = json!({ "url": format!("https://{}/{name}", self.server.http) });
        Ok(json!({
            "account_id": self.make("accounts", &json!({ "name": name }))?,
            "zone_id": self.make("zones", &json!({ "name": format!("{name}.example"), "account": account }))?,
            "tag": self.make(
                &format!("zones/{zone_id}/email/sending/subdomains"),
                &json!({ "name": format!("{name}.example.com") }),
            )?,
            "token_id": self.make("user/tokens", &json!({ "name": name, "policies": [policy] }))?,
            "webhook_id": self.make(&format!("{sending}/webhooks"), &webhook)?,
            "scheduled_id": self.send(Some(&ahead(86_400)))?,
            "suppression_id": self.make(
                &format!("{sending}/suppressions"),
                &json!({ "email": format!("{name}@example.org") }),
            )?,
            "rule_id": self.make(
                &format!("zones/{zone_id}/email/routing/rules"),
                &json!({
                    "matchers": [{ "type": "literal", "field": "to", "value": format!("{name}@example.com") }],
                    "actions": [{ "type": "drop" }],
                }),
            )?,
            "script_name": self.worker(name)?["id"],
            "version_id": self.version(name)?,
            "secret_name": "KEY",
            "tail_id": self.make(&format!("accounts/{account_id}/workers/scripts/{name}/tails"), &json!({}))?,
            "namespace_id": self.namespace(name)?,
            "key_name": name,
            "queue_id": self.queue(name)?["queue_id"],
            "consumer_id": self.queue_consumer(name)?,
            "address_id": self.make(
                &format!("accounts/{account_id}/email/routing/addresses"),
                &json!({ "email": format!("{name}@example.net") }),
            )?,
        }))
    }

    /// Uploads a Worker with a secret.
    fn worker(&self, name: &str) -> Result<Value> {
        let secret = json!({ "name": "KEY", "type": "secret_text", "text": "hush" });
        let worker = Worker::new(name, "export default { async email() {} }").with(secret);
        let (media_type, body) = worker.form();
        let path = format!("{}/scripts/{name}", self.workers());
        Ok(self.api.upload("PUT", &path, &media_type, body)?.result())
    }

    fn workers(&self) -> String {
        format!("/client/v4/accounts/{}/workers", self.api.account.account_id)
    }

    /// The id of the version of a Worker that runs.
    fn version(&self, name: &str) -> Result<Value> {
        let path = format!("{}/scripts/{name}/deployments", self.workers());
        let deployments = self.api.request("GET", &path, "", &[])?.result();
        Ok(deployments["deployments"][0]["versions"][0]["version_id"].clone())
    }

    /// Makes a namespace with a key of its name, and returns its id.
    fn namespace(&self, name: &str) -> Result<Value> {
        let namespaces = format!("accounts/{}/storage/kv/namespaces", self.api.account.account_id);
        let id = self.make(&namespaces, &json!({ "title": name }))?;
        let path = format!("/client/v4/{namespaces}/{}/values/{name}", id.as_str().unwrap_or_default());
        self.api.request("PUT", &path, "value", &[])?.result();
        Ok(id)
    }

    /// The queue of this name, which is made with the Worker of this name as consumer if it is not there.
    fn queue(&self, name: &str) -> Result<Value> {
        let queues = format!("accounts/{}/queues", self.api.account.account_id);
        let found = self.api.request("GET", &format!("/client/v4/{queues}?name={name}"), "", &[])?.result();
        if let Some(queue) = found.get(0) {
            return Ok(queue.clone());
        }
        let queue = self.post(&queues, &json!({ "queue_name": name }))?;
        let consumers = format!("{queues}/{}/consumers", queue["queue_id"].as_str().unwrap_or_default());
        self.post(&consumers, &json!({ "type": "worker", "script_name": name }))?;
        Ok(queue)
    }

    fn queue_consumer(&self, name: &str) -> Result<Value> {
        Ok(self.queue(name)?["consumers"][0]["consumer_id"].clone())
    }

    /// What `api_hooks.py` reads: objects that stay and objects that may go.
    pub(crate) fn told(&self) -> Result<Value> {
        let Account { account_id, zone_id, .. } = &self.api.account;
        let mut objects = self.objects("stays")?;
        (objects["account_id"], objects["zone_id"]) = (json!(account_id), json!(zone_id));
        objects["id"] = self.send(None)?;
        let spare = self.objects("goes")?;
        let spares = spare.as_object().into_iter().flatten();
        let spares: Value = spares.map(|(name, id)| (name.clone(), json!([id]))).collect();
        Ok(json!({
            "objects": objects, "spares": spares, "sender": "a@example.com",
            "policy": self.policy(&["send"], account_id)?, "foreign": false,
        }))
    }

    /// A client with a token of its own that has every permission of an account.
    pub(crate) fn admin_of(&self, account: &str) -> Result<Api> {
        let suppressions = ["suppression_read", "suppression_edit"];
        let all = [&suppressions[..], &["send", "routing_read", "routing_edit", "analytics_read", "admin"]]
            .concat();
        let policy = self.policy(&all, account)?;
        let token = self.post("user/tokens", &json!({ "name": "admin", "policies": [policy] }))?;
        let token = token["value"].as_str().unwrap_or_default().to_owned();
        let account = Account { account_id: account.to_owned(), token, ..self.api.account.clone() };
        Ok(Api::new(self.server.http, account))
    }

    /// Every route that needs a token and answers at once, as the server describes it.
    pub(crate) fn routes(&self) -> Result<Vec<Route>> {
        let description = get(self.server.http, "/client/v4/openapi.json")?.json();
        let mut found = Vec::new();
        for (path, routes) in description["paths"].as_object().into_iter().flatten() {
            for (method, route) in routes.as_object().into_iter().flatten() {
                let is_open = route["security"] == json!([{}]);
                let is_stream = route.pointer("/responses/200/content/application~1json").is_none();
                if !is_open && !is_stream {
                    found.push(Route::new(&description, method, path, route));
                }
            }
        }
        assert!(found.len() > 60, "{} routes", found.len());
        Ok(found)
    }
}

/// A route as its description has it.
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The names of what may follow the `?`.
    pub(crate) queries: Vec<String>,
    /// The fields of the body, if it has one.
    pub(crate) fields: Option<Vec<String>>,
}

impl Route {
    fn new(description: &Value, method: &str, path: &str, route: &Value) -> Self {
        let parameters = route["parameters"].as_array().into_iter().flatten();
        let queries = parameters.filter(|one| one["in"] == "query").filter_map(|one| one["name"].as_str());
        let body = route.pointer("/requestBody/content/application~1json/schema");
        Self {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            queries: queries.map(ToOwned::to_owned).collect(),
            fields: body.map(|schema| fields(description, schema)),
        }
    }

    /// The names of the ids in the path, the outer one first.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let parts = self.path.split('/');
        parts
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| self.known_as(name))
            .collect()
    }

    /// The path with these ids in it; what is missing there is the id of nothing.
    pub(crate) fn with(&self, ids: &Value) -> String {
        let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => ids[self.known_as(name)].as_str().unwrap_or(nothing(name)).to_owned(),
            None => part.to_owned(),
        };
        self.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    fn known_as<'a>(&self, name: &'a str) -> &'a str {
        match name {
            "id" if self.path.contains("/webhooks/") => "webhook_id",
            "id" if self.path.contains("/scheduled/") => "scheduled_id",
            _ => name,
        }
    }
}

/// The id of nothing.
fn nothing(name: &str) -> &'static str {
    match name {
        "suppression_id" => "00000000-0000-4000-8000-000000000000",
        "id" => "00000000000000",
        _ => "00000000000000000000000000000000",
    }
}

fn fields(description: &Value, schema: &Value) -> Vec<String> {
    if let Some(to) = schema["$ref"].as_str() {
        return description
            .pointer(to.trim_start_matches('#'))
            .map_or(Vec::new(), |to| fields(description, to));
    }
    let parts = ["allOf", "oneOf"].into_iter().flat_map(|key| schema[key].as_array().into_iter().flatten());
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    own.chain(parts.flat_map(|part| fields(description, part))).collect()
}
