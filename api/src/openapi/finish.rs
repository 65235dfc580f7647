//! What all routes have in common, added to their descriptions.

use super::answers::{Refusal, SHARED, Shared};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{PartialSchema, ToSchema};

/// Where the schemas of a document are.
const SCHEMAS: &str = "#/components/schemas/";

/// The document of all routes as it is published.
pub(super) fn finished(mut routes: utoipa::openapi::OpenApi) -> Value {
    let components = routes.components.get_or_insert_default();
    let mut shared = vec![(Refusal::name().into_owned(), Refusal::schema())];
    Refusal::schemas(&mut shared);
    components.schemas.extend(shared);
    // Strings, numbers and maps with strings as keys: they always serialise.
    let mut document = serde_json::to_value(&routes).unwrap_or_default();
    document["info"] = info();
    document["tags"] = tags();
    document["security"] = json!([{ "token": [] }, { "email": [], "key": [] }]);
    document["components"]["securitySchemes"] = security_schemes();
    document["components"]["responses"] = SHARED.iter().map(refusal).collect::<Map<_, _>>().into();
    for (path, routes) in fields(&mut document["paths"]) {
        for (_, route) in fields(routes) {
            finish_route(path, route);
        }
    }
    refer_to_what_has_a_name(&mut document["components"]["schemas"]);
    demand_what_is_always_there(&mut document);
    document
}

fn info() -> Value {
    json!({
        "title": "mailwright",
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        "description": "A self-hosted email service. Every answer is JSON in the same envelope unless its route says \
            otherwise. Routes that there are not answer 404, methods that a route does not take 405 with `Allow`.",
    })
}

fn tags() -> Value {
    let chapters = [
        ("Sending", "Messages, and what became of them."),
        ("Sending domains", "From which domains an account sends, and what the DNS is to say about them."),
        ("Activity", "What became of each message and recipient, for as many days as the server keeps it."),
        ("Analytics", "Mail counted, by GraphQL."),
        ("Suppressions", "Whom an account must not write to."),
        ("Routing rules", "What becomes of mail from the world."),
        ("Email routing", "Zones that take mail, and what they are to have in the DNS."),
        ("Destination addresses", "Addresses whose owners have agreed to be written to."),
        ("Workers", "People's own code for their mail."),
        ("Workers KV", "Keys and values that Workers keep."),
        ("Queues", "Queues of messages for Workers."),
        ("Webhooks", "Where an account wants to be told what became of its mail."),
        ("Accounts", "Accounts, and who changed what."),
        ("Zones", "The domains that accounts own."),
        ("Tokens", "Who may do what."),
        ("Delivery", "The queue and the delivery engine; for tokens with the permission `operator`."),
        (
            "Sandbox",
            "What the sandbox of `mailwright dev` has received; for tokens with the permission `operator`.",
        ),
        ("Dashboard", "Pages for people, and their sessions."),
        ("Server", "How the server is; for everybody who reaches it."),
    ];
    chapters.map(|(name, description)| json!({ "name": name, "description": description })).to_vec().into()
}

fn security_schemes() -> Value {
    json!({
        "token": { "type": "http", "scheme": "bearer", "description": "An API token." },
        "email": {
            "type": "apiKey", "in": "header", "name": "X-Auth-Email",
            "description": "Any address; the older way, together with `X-Auth-Key`.",
        },
        "key": { "type": "apiKey", "in": "header", "name": "X-Auth-Key", "description": "An API token." },
    })
}

fn refusal(shared: &Shared) -> (String, Value) {
    let schema = json!({ "$ref": format!("{SCHEMAS}{}", Refusal::name()) });
    let mut refusal = json!({
        "description": shared.description, "content": { "application/json": { "schema": schema } },
    });
    if shared.retry_after {
        refusal["headers"]["Retry-After"] = json!({
            "description": "After how many seconds to try again.", "required": true,
            "schema": { "type": "integer", "minimum": 0 },
        });
    }
    (shared.name.to_owned(), refusal)
}

fn finish_route(path: &str, route: &mut Value) {
    let name = route["operationId"].as_str().unwrap_or_default().replace('_', " ");
    let text = [&route["summary"], &route["description"]].map(|text| text.as_str().unwrap_or_default());
    let description = description(&text.join("\n"));
    route["summary"] = capitalised(&name).into();
    match description.as_str() {
        "" => drop(route.as_object_mut().and_then(|route| route.remove("description"))),
        text => route["description"] = text.into(),
    }
    for (_, response) in fields(&mut route["responses"]) {
        if response.get("$ref").is_none() {
            response["description"] = "What was asked for.".into();
        }
    }
    finish_parameters(path, route);
}

/// What a handler's documentation says beside its route, which comes first: "`GET /zones`: all of them."
fn description(text: &str) -> String {
    let said = text.strip_prefix('`').and_then(|text| text.split_once('`')).map_or(text, |(_, said)| said);
    capitalised(said.trim_start_matches([':', ',', '.', ' ', '\n']).trim_end())
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// Adds the parameters in the path. No other can be `null`: it is there, or it is not.
fn finish_parameters(path: &str, route: &mut Value) {
    let mut parameters: Vec<Value> = route["parameters"].as_array().cloned().unwrap_or_default();
    for parameter in &mut parameters {
        if let Some(kinds) = parameter["schema"]["type"].as_array().cloned() {
            let kind = kinds.into_iter().find(|kind| kind != "null");
            parameter["schema"]["type"] = kind.unwrap_or_default();
        }
    }
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    parameters.extend(names.map(|name| {
        let (schema, description) = path_parameter(path, name);
        json!({ "name": name, "in": "path", "required": true, "schema": schema, "description": description })
    }));
    if !parameters.is_empty() {
        route["parameters"] = parameters.into();
    }
}

fn path_parameter(path: &str, name: &str) -> (Value, &'static str) {
    let reference = |name: &str| json!({ "$ref": format!("{SCHEMAS}{name}") });
    match name {
        "account_id" => (reference("Id"), "The account's id."),
        "zone_id" => (reference("Id"), "The zone's id."),
        "tag" => (reference("Id"), "The sending domain's tag."),
        "token_id" => (reference("Id"), "The token's id."),
        "rule_id" => (reference("Id"), "The rule's id; the catch-all's is the zone's."),
        "address_id" => (reference("Id"), "The destination address's id."),
        "script_name" => {
            let schema = json!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$" });
            (schema, "The Worker's name.")
        }
        "version_id" => (reference("Uuid"), "The version's id."),
        "secret_name" => (json!({ "type": "string", "minLength": 1 }), "The secret's name."),
        "tail_id" => (reference("Id"), "The tail's id."),
        "namespace_id" => (reference("Id"), "The namespace's id."),
        "key_name" => {
            (json!({ "type": "string", "minLength": 1, "maxLength": 512 }), "The key, percent-encoded.")
        }
        "queue_id" => (reference("Id"), "The queue's id."),
        "consumer_id" => (reference("Id"), "The consumer's id."),
        "secret" => (json!({ "type": "string", "minLength": 1 }), "What the link in the mail ends in."),
        "suppression_id" => (reference("Uuid"), "The suppression's id."),
        "token" => (json!({ "type": "string", "minLength": 1 }), "What stands in the link."),
        "id" if path.contains("/sandbox/") => (
            json!({ "type": "string", "pattern": "^[0-9]{6,}-[0-9a-f]+$" }),
            "The message's id in the sandbox.",
        ),
        "number" => (json!({ "type": "integer", "minimum": 0 }), "Which file, from 0."),
        "name" => (json!({ "type": "string", "minLength": 1 }), "The file's name."),
        _ if path.contains("/webhooks/") => (reference("Id"), "The webhook's id."),
        _ => {
            (json!({ "type": "string", "pattern": "^[0-9a-fA-F]{14,16}$" }), "The message's id in the queue.")
        }
    }
}

/// Says the schemas that stand in others in full by their names: envelopes have what they are around written out.
fn refer_to_what_has_a_name(schemas: &mut Value) {
    let named: BTreeMap<String, String> = (fields(schemas))
        .filter(|(_, schema)| schema.get("properties").is_some() || schema.get("enum").is_some())
        .map(|(name, schema)| (schema.to_string(), name.clone()))
        .collect();
    for (_, schema) in fields(schemas) {
        inner_values(schema).for_each(|part| refer(part, &named));
    }
}

fn refer(part: &mut Value, named: &BTreeMap<String, String>) {
    match named.get(&part.to_string()) {
        Some(name) => *part = json!({ "$ref": format!("{SCHEMAS}{name}") }),
        None => inner_values(part).for_each(|part| refer(part, named)),
    }
}

/// The values in an object or an array.
fn inner_values(value: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match value {
        Value::Object(object) => Box::new(object.values_mut()),
        Value::Array(values) => Box::new(values.iter_mut()),
        _ => Box::new(std::iter::empty()),
    }
}

/// In answers, what may be missing is never `null`: so whatever may be `null` is always there.
fn demand_what_is_always_there(document: &mut Value) {
    let (mut answered, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for (_, routes) in fields(&mut document["paths"].clone()) {
        for (_, route) in fields(routes) {
            named_in(document, &route["responses"], &mut answered);
            named_in(document, &route["requestBody"], &mut asked);
        }
    }
    for name in answered.difference(&asked) {
        demand_in(&mut document["components"]["schemas"][name.as_str()]);
    }
}

fn demand_in(schema: &mut Value) {
    let nullable = |(_, property): &(&String, &Value)| {
        let kinds = property["type"].as_array().into_iter().flatten();
        let forms = property["oneOf"].as_array().into_iter().flatten().map(|form| &form["type"]);
        kinds.chain(forms).any(|kind| kind == "null")
    };
    let found: Vec<Value> = (schema["properties"].as_object().into_iter().flatten())
        .filter(nullable)
        .map(|(name, _)| name.as_str().into())
        .collect();
    if !found.is_empty() {
        let mut required = schema["required"].as_array().cloned().unwrap_or_default();
        required.retain(|name| !found.contains(name));
        required.extend(found);
        schema["required"] = required.into();
    }
    let parts = schema.get_mut("allOf").and_then(Value::as_array_mut);
    parts.into_iter().flatten().for_each(demand_in);
}

/// The names of the schemas that `part` of a document refers to, and of those that they refer to.
fn named_in(document: &Value, part: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(object) => {
            if let Some(name) =
                object.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix(SCHEMAS))
                && names.insert(name.to_owned())
            {
                named_in(document, &document["components"]["schemas"][name], names);
            }
            object.values().for_each(|value| named_in(document, value, names));
        }
        Value::Array(values) => values.iter().for_each(|value| named_in(document, value, names)),
        _ => {}
    }
}

fn fields(object: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    object.as_object_mut().into_iter().flatten()
}
