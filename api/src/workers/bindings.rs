//! What a Worker may use, as uploads have it.

use crate::answer::ApiError;
use mailwright_engine::{
    address::EmailAddress,
    worker::{Binding, BindingKind, SendRules},
};
use serde_json::{Map, Value, json};

/// Most octets of a binding's name.
const MAX_NAME: usize = 128;
/// Kinds of bindings that there are here.
const KINDS: &str = "plain_text, json, secret_text, send_email, kv_namespace, queue, analytics_engine, data_blob, \
    text_blob, version_metadata and inherit";

/// A binding of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This one.
    New(Binding),
    /// That which the version before has at `from`, whatever it is, or only if it is of a kind.
    Inherited {
        /// The name that it has from now on.
        name: String,
        /// The name that it had.
        from: String,
        /// The word for its kind, where that is said.
        kind: Option<String>,
    },
}

impl Wanted {
    /// The name in `env`.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::New(binding) => &binding.name,
            Self::Inherited { name, .. } => name,
        }
    }
}

/// A binding of a request: `at` is where it stands, `part` what stands in parts of the body.
pub(super) struct Reader<'a> {
    pub(super) at: String,
    pub(super) fields: &'a Map<String, Value>,
    pub(super) part: &'a dyn Fn(&str) -> Option<Vec<u8>>,
}

impl Reader<'_> {
    /// What is wanted.
    ///
    /// # Errors
    /// 400 that names the binding: for what is malformed, and for kinds that there are not here.
    pub(super) fn read(&self) -> Result<Wanted, ApiError> {
        let name = self.name()?;
        let kind = self.text("type")?;
        if kind == "inherit" {
            let from = self.optional_text("old_name")?.unwrap_or(&name).to_owned();
            return Ok(Wanted::Inherited { name, from, kind: None });
        }
        let kind = self.kind(kind, &name)?;
        Ok(Wanted::New(Binding { name, kind }))
    }

    /// The same where a binding with nothing but name and kind is that which there is.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub(super) fn read_change(&self) -> Result<Wanted, ApiError> {
        let says_nothing = self.fields.keys().all(|key| key == "name" || key == "type");
        let kind = self.text("type")?;
        if says_nothing && !matches!(kind, "inherit" | "version_metadata" | "send_email") {
            let name = self.name()?;
            return Ok(Wanted::Inherited { from: name.clone(), name, kind: Some(kind.to_owned()) });
        }
        self.read()
    }

    fn kind(&self, kind: &str, name: &str) -> Result<BindingKind, ApiError> {
        Ok(match kind {
            "plain_text" => BindingKind::PlainText(self.text("text")?.to_owned()),
            "secret_text" => BindingKind::SecretText(self.text("text")?.to_owned()),
            "json" => BindingKind::Json(self.fields.get("json").unwrap_or(&Value::Null).to_string()),
            "data_blob" => BindingKind::Data(self.content()?),
            "text_blob" => {
                let text = String::from_utf8(self.content()?);
                BindingKind::PlainText(text.map_err(|_| self.refused("part", "is not UTF-8"))?)
            }
            "send_email" => BindingKind::SendEmail(self.send_rules()?),
            "kv_namespace" => BindingKind::Kv(self.text("namespace_id")?.to_owned()),
            "queue" => BindingKind::Queue { name: self.text("queue_name")?.to_owned(), delay: self.delay()? },
            "analytics_engine" => {
                BindingKind::Analytics(self.optional_text("dataset")?.unwrap_or(name).to_owned())
            }
            "version_metadata" => BindingKind::VersionMetadata,
            other => return Err(self.unknown(other, name)),
        })
    }

    fn name(&self) -> Result<String, ApiError> {
        let name = self.text("name")?;
        let mut letters = name.chars();
        let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || "_$".contains(first));
        if begins
            && letters.all(|letter| letter.is_ascii_alphanumeric() || "_$".contains(letter))
            && name.len() <= MAX_NAME
        {
            return Ok(name.to_owned());
        }
        Err(self.refused(
            "name",
            "must be a name of JavaScript of 128 letters at most: letters, digits, _ and $, not beginning with a digit",
        ))
    }

    fn text(&self, field: &str) -> Result<&str, ApiError> {
        self.optional_text(field)?.ok_or_else(|| self.refused(field, "is required"))
    }

    fn optional_text(&self, field: &str) -> Result<Option<&str>, ApiError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.refused(field, "must be a string")),
        }
    }

    fn delay(&self) -> Result<u32, ApiError> {
        match self.fields.get("delivery_delay") {
            None | Some(Value::Null) => Ok(0),
            Some(delay) => {
                let seconds = delay.as_u64().and_then(|delay| u32::try_from(delay).ok());
                seconds
                    .filter(|seconds| *seconds <= 43_200)
                    .ok_or_else(|| self.refused("delivery_delay", "must be 0 to 43200 seconds"))
            }
        }
    }

    fn content(&self) -> Result<Vec<u8>, ApiError> {
        (self.part)(self.text("part")?).ok_or_else(|| self.refused("part", "names no part of the request"))
    }

    fn send_rules(&self) -> Result<SendRules, ApiError> {
        let destination = self.optional_text("destination_address")?.filter(|text| !text.is_empty());
        let destination = destination.map(|text| self.address("destination_address", text)).transpose()?;
        Ok(SendRules {
            allowed_senders: self.addresses("allowed_sender_addresses")?,
            destination,
            allowed_destinations: self.addresses("allowed_destination_addresses")?,
        })
    }

    fn addresses(&self, field: &str) -> Result<Vec<String>, ApiError> {
        let list = match self.fields.get(field) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(self.refused(field, "must be a list of addresses")),
        };
        let one = |item: &Value| {
            self.address(
                field,
                item.as_str().ok_or_else(|| self.refused(field, "must be a list of addresses"))?,
            )
        };
        list.iter().map(one).collect()
    }

    fn address(&self, field: &str, text: &str) -> Result<String, ApiError> {
        let address =
            EmailAddress::parse(text).map_err(|error| self.refused(field, &format!("is wrong: {error}")))?;
        Ok(address.to_string())
    }

    fn refused(&self, field: &str, why: &str) -> ApiError {
        ApiError::binding(format!("{}.{field}", self.at), format!("'{}.{field}' {why}.", self.at))
    }

    fn unknown(&self, kind: &str, name: &str) -> ApiError {
        let kind: String = kind.chars().take(40).collect();
        let what = match kind.as_str() {
            "wasm_module" => "Modules of WebAssembly are imported: put the part among the modules".to_owned(),
            _ => format!("There are {KINDS}"),
        };
        let why = format!("The binding {name} is of the type {kind}, which there is not here. {what}.");
        ApiError::binding(format!("{}.type", self.at), why)
    }
}

/// The service's word for the kind of a binding.
pub(super) fn kind_of(kind: &BindingKind) -> &'static str {
    match kind {
        BindingKind::PlainText(_) => "plain_text",
        BindingKind::SecretText(_) => "secret_text",
        BindingKind::Json(_) => "json",
        BindingKind::Data(_) => "data_blob",
        BindingKind::SendEmail(_) => "send_email",
        BindingKind::Kv(_) => "kv_namespace",
        BindingKind::Queue { .. } => "queue",
        BindingKind::Analytics(_) => "analytics_engine",
        BindingKind::VersionMetadata => "version_metadata",
    }
}

/// A binding as answers have it: nothing of what is secret.
pub(super) fn shown(binding: &Binding) -> Value {
    let mut shown = json!({ "name": binding.name, "type": kind_of(&binding.kind) });
    match &binding.kind {
        BindingKind::SecretText(_) | BindingKind::VersionMetadata => {}
        BindingKind::PlainText(text) => shown["text"] = text.as_str().into(),
        BindingKind::Json(json) => shown["json"] = serde_json::from_str(json).unwrap_or_default(),
        BindingKind::Data(_) => shown["part"] = binding.name.as_str().into(),
        BindingKind::Kv(id) => shown["namespace_id"] = id.as_str().into(),
        BindingKind::Analytics(dataset) => shown["dataset"] = dataset.as_str().into(),
        BindingKind::Queue { name, delay } => {
            shown["queue_name"] = name.as_str().into();
            if *delay > 0 {
                shown["delivery_delay"] = (*delay).into();
            }
        }
        BindingKind::SendEmail(rules) => {
            if let Some(destination) = &rules.destination {
                shown["destination_address"] = destination.as_str().into();
            }
            for (field, list) in [
                ("allowed_destination_addresses", &rules.allowed_destinations),
                ("allowed_sender_addresses", &rules.allowed_senders),
            ] {
                if !list.is_empty() {
                    shown[field] = json!(list);
                }
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(fields: &Value) -> Result<Wanted, ApiError> {
        let part = |name: &str| (name == "blob").then(|| b"octets".to_vec());
        Reader { at: "bindings[0]".into(), fields: fields.as_object().unwrap(), part: &part }.read()
    }

    #[test]
    fn what_is_read_is_shown_again_but_for_secrets() {
        for fields in [
            json!({ "name": "A", "type": "plain_text", "text": "b" }),
            json!({ "name": "J", "type": "json", "json": { "x": [1, null] } }),
            json!({ "name": "MAIL", "type": "send_email", "destination_address": "a@b.example" }),
            json!({ "name": "M", "type": "send_email", "allowed_destination_addresses": ["a@b.example"],
                "allowed_sender_addresses": ["c@d.example"] }),
            json!({ "name": "KV", "type": "kv_namespace", "namespace_id": "0".repeat(32) }),
            json!({ "name": "Q", "type": "queue", "queue_name": "jobs", "delivery_delay": 3 }),
            json!({ "name": "AE", "type": "analytics_engine", "dataset": "d" }),
            json!({ "name": "VM", "type": "version_metadata" }),
        ] {
            let Wanted::New(binding) = reader(&fields).unwrap() else { panic!("{fields}") };
            assert_eq!(shown(&binding), fields);
        }
        let secret = json!({ "name": "S", "type": "secret_text", "text": "hush" });
        let Wanted::New(binding) = reader(&secret).unwrap() else { panic!() };
        assert_eq!(shown(&binding), json!({ "name": "S", "type": "secret_text" }));
        assert_eq!(binding.kind, BindingKind::SecretText("hush".into()));
    }

    #[test]
    fn parts_of_the_body_are_contents() {
        let blob = reader(&json!({ "name": "B", "type": "data_blob", "part": "blob" })).unwrap();
        assert_eq!(
            blob,
            Wanted::New(Binding { name: "B".into(), kind: BindingKind::Data(b"octets".to_vec()) })
        );
        let text = reader(&json!({ "name": "T", "type": "text_blob", "part": "blob" })).unwrap();
        assert_eq!(
            text,
            Wanted::New(Binding { name: "T".into(), kind: BindingKind::PlainText("octets".into()) })
        );
    }

    #[test]
    fn what_there_is_not_is_refused_by_its_name_with_what_there_is() {
        let kinds =
            ["durable_object_namespace", "d1", "r2_bucket", "ai", "service", "hyperdrive", "vectorize"];
        for kind in kinds {
            let error = reader(&json!({ "name": "DB", "type": kind })).unwrap_err();
            let said = error.detail();
            assert!(said.contains("DB") && said.contains(kind) && said.contains("kv_namespace"), "{said}");
        }
        for fields in [
            json!({}),
            json!({ "name": "1a", "type": "version_metadata" }),
            json!({ "name": "a b", "type": "version_metadata" }),
            json!({ "name": "A", "type": "plain_text" }),
            json!({ "name": "A", "type": "plain_text", "text": 7 }),
            json!({ "name": "A", "type": "send_email", "destination_address": "x" }),
            json!({ "name": "A", "type": "send_email", "allowed_sender_addresses": "a@b.example" }),
            json!({ "name": "A", "type": "queue", "queue_name": "q", "delivery_delay": -1 }),
            json!({ "name": "A", "type": "data_blob", "part": "none" }),
        ] {
            assert!(reader(&fields).is_err(), "{fields}");
        }
    }
}
