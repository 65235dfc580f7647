//! How a Worker gets to the server: as the service's own tool uploads it.

use super::{Project, modules::media_type};
use crate::{
    commands::{CommandError, account::word},
    control_client::{ControlClient, escaped, with_query},
};
use serde_json::{Value, json};

/// Between the parts of a form; no module has it in a line of its own, and one that has is refused.
const BOUNDARY: &str = "----mailwright-8f2d1c6b5a4e4f03";

/// What becomes of namespaces and queues that the server does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The deployment is refused.
    Refused,
    /// They are made; ids of namespaces are those of another server, and stand for namespaces of that title.
    Made,
}

/// What is deployed now.
#[derive(Debug)]
pub(crate) struct Deployed {
    /// The id of the version.
    pub(crate) version: String,
    /// Its modules, and their octets together.
    pub(crate) modules: usize,
    pub(crate) octets: usize,
    /// The version as the API has it.
    pub(crate) answer: Value,
}

/// Uploads a version of the Worker and has it take all events from now on.
///
/// # Errors
/// What cannot be read or bundled, and whatever the server refuses.
pub(crate) fn deploy(
    client: &ControlClient,
    account: &str,
    project: &Project,
    missing: Missing,
) -> Result<Deployed, CommandError> {
    let modules = project.modules()?.0;
    let mut bindings = project.bindings.clone();
    if missing == Missing::Made {
        make(client, account, project, &mut bindings)?;
    }
    let main = modules.first().map(|module| module.name.as_str()).unwrap_or_default();
    let mut form = Form::default();
    form.part("metadata", "application/json", project.metadata(main, &bindings).to_string().as_bytes())?;
    for module in &modules {
        form.part(&module.name, media_type(&module.name), &module.content)?;
    }
    let script = format!("accounts/{}/workers/scripts/{}", escaped(account), project.name);
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let answer: Value = client.put_octets(&script, &kind, form.end())?;
    consume(client, account, project)?;
    let public = json!({ "enabled": project.is_public(), "previews_enabled": false });
    client.post::<Value>(&format!("{script}/subdomain"), &public)?;
    let deployments: Value = client.get(&format!("{script}/deployments"))?;
    let octets = modules.iter().map(|module| module.content.len()).sum();
    let version = word(&deployments["deployments"][0]["versions"][0], "version_id");
    Ok(Deployed { version, modules: modules.len(), octets, answer })
}

/// Makes what the Worker is bound to and the server does not have.
fn make(
    client: &ControlClient,
    account: &str,
    project: &Project,
    bindings: &mut [Value],
) -> Result<(), CommandError> {
    for binding in bindings {
        match binding["type"].as_str() {
            Some("kv_namespace") => {
                let id = binding["namespace_id"].as_str().filter(|id| !id.is_empty());
                let title = id.or(binding["name"].as_str()).unwrap_or_default().to_owned();
                binding["namespace_id"] = namespace(client, account, &title)?.into();
            }
            Some("queue") => drop(queue(client, account, &word(binding, "queue_name"), Missing::Made)?),
            _ => {}
        }
    }
    for consumer in project.consumers() {
        for name in [Some(&consumer.queue), consumer.dead_letter_queue.as_ref()].into_iter().flatten() {
            queue(client, account, name, Missing::Made)?;
        }
    }
    Ok(())
}

/// The id of the namespace of this title, which is made if there is none.
fn namespace(client: &ControlClient, account: &str, title: &str) -> Result<String, CommandError> {
    let path = format!("accounts/{}/storage/kv/namespaces", escaped(account));
    let found = client.list(&path)?.into_iter().find(|namespace| namespace["title"] == title);
    let namespace = match found {
        Some(namespace) => namespace,
        None => client.post(&path, &json!({ "title": title }))?,
    };
    Ok(word(&namespace, "id"))
}

/// The queue of this name.
pub(crate) fn queue(
    client: &ControlClient,
    account: &str,
    name: &str,
    missing: Missing,
) -> Result<Value, CommandError> {
    let path = format!("accounts/{}/queues", escaped(account));
    let named = client.list(&with_query(&path, &[("name", Some(name))]))?;
    match (named.into_iter().find(|queue| queue["queue_name"] == name), missing) {
        (Some(queue), _) => Ok(queue),
        (None, Missing::Made) => Ok(client.post(&path, &json!({ "queue_name": name }))?),
        (None, Missing::Refused) => Err(CommandError::Invalid(format!(
            "there is no queue {name}; make it with `mailwright worker queue create {name}`"
        ))),
    }
}

/// Has messages of the queues that the configuration names come to the Worker.
fn consume(client: &ControlClient, account: &str, project: &Project) -> Result<(), CommandError> {
    let script = project.name.as_str();
    for consumer in project.consumers() {
        let queue = queue(client, account, &consumer.queue, Missing::Refused)?;
        let id = word(&queue, "queue_id");
        let path = format!("accounts/{}/queues/{}/consumers", escaped(account), escaped(&id));
        let is_ours = |one: &&Value| one["script"] == script || one["service"] == script;
        let own = queue["consumers"].as_array().into_iter().flatten().find(is_ours);
        let body = consumer.body(script);
        match own.and_then(|own| own["consumer_id"].as_str()) {
            Some(own) => client.put::<Value>(&format!("{path}/{}", escaped(own)), &body)?,
            None => client.post::<Value>(&path, &body)?,
        };
    }
    Ok(())
}

/// A form with files (RFC 7578).
#[derive(Default)]
struct Form(Vec<u8>);

impl Form {
    fn part(&mut self, name: &str, kind: &str, content: &[u8]) -> Result<(), CommandError> {
        let has = |text: &[u8]| text.windows(BOUNDARY.len()).any(|window| window == BOUNDARY.as_bytes());
        if name.contains(['"', '\r', '\n']) || has(content) {
            return Err(CommandError::Invalid(format!("the module {name:?} cannot be part of an upload")));
        }
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
             Content-Type: {kind}\r\n\r\n"
        );
        // What is no file has no file name.
        let head = if name == "metadata" { head.replace("; filename=\"metadata\"", "") } else { head };
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_its_parts_between_boundaries() {
        let mut form = Form::default();
        form.part("metadata", "application/json", b"{}").unwrap();
        form.part("index.js", "application/javascript+module", b"export default {}").unwrap();
        let text = String::from_utf8(form.end()).unwrap();
        let parts: Vec<_> = text.split(&format!("--{BOUNDARY}")).collect();
        assert_eq!(parts.len(), 4);
        assert!(parts[1].starts_with("\r\nContent-Disposition: form-data; name=\"metadata\"\r\n"), "{text}");
        assert!(parts[2].ends_with("\r\n\r\nexport default {}\r\n") && parts[3] == "--\r\n", "{text}");
    }

    #[test]
    fn nothing_breaks_out_of_its_part() {
        let mut form = Form::default();
        assert!(form.part("a\"\r\nX: y", "text/plain", b"").is_err());
        assert!(form.part("a.txt", "text/plain", format!("--{BOUNDARY}--").as_bytes()).is_err());
    }
}
