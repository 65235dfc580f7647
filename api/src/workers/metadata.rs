//! What an upload says of a version: its part `metadata`, as the service's tools write it.

use super::{
    bindings::{Reader, Wanted, kind_of},
    form::{Form, Part},
};
use crate::{answer::ApiError, request};
use mailwright_engine::worker::{Binding, Limits, Module, ModuleKind};
use mailwright_storage::workers::{Code, NewVersion, Version};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The part that says what the others are.
const METADATA: &str = "metadata";
/// The runtime's behaviour when nobody says which.
const FIRST_DATE: &str = "2021-11-02";
/// What is kept of the version before when nobody says: what uploads cannot know.
const KEPT: [&str; 2] = ["secret_text", "secret_key"];
/// Most octets of an annotation.
const MAX_ANNOTATION: usize = 1_000;
/// What is told again but means nothing here.
const TOLD_AGAIN: [&str; 6] =
    ["observability", "logpush", "placement", "tags", "usage_model", "cache_options"];
/// What Workers can have elsewhere, by the field that asks for it.
const MISSING: [(&str, &str); 5] = [
    ("assets", "Static assets"),
    ("containers", "Containers"),
    ("migrations", "Durable Objects and their migrations"),
    ("tail_consumers", "Tail Workers"),
    ("streaming_tail_consumers", "Tail Workers"),
];

/// What an upload says. Fields that it may have and that mean nothing here are left alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    main_module: Option<String>,
    body_part: Option<String>,
    pub(super) bindings: Option<Vec<Map<String, Value>>>,
    keep_bindings: Option<Vec<String>>,
    compatibility_date: Option<String>,
    compatibility_flags: Option<Vec<String>>,
    limits: Option<LimitsBody>,
    annotations: Option<BTreeMap<String, Value>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LimitsBody {
    cpu_ms: Option<f64>,
}

/// An upload as it was read; what it takes over of the version before is not known yet.
#[derive(Debug)]
pub(super) struct Upload {
    main_module: String,
    modules: Vec<Module>,
    compatibility_date: String,
    compatibility_flags: Vec<String>,
    limits: Limits,
    annotations: BTreeMap<String, String>,
    extra: Value,
    pub(super) bindings: Bindings,
}

/// The bindings that a version is to have.
#[derive(Debug)]
pub(super) struct Bindings {
    wanted: Vec<Wanted>,
    /// Kinds that are kept of the version before where nothing else has their name.
    kept: Vec<String>,
}

impl Upload {
    /// Reads an upload.
    ///
    /// # Errors
    /// 400 for what makes no sense, and for what Workers have elsewhere and not here.
    pub(super) fn read(form: &Form) -> Result<Self, ApiError> {
        let part = form.part(METADATA).ok_or_else(|| {
            ApiError::upload(METADATA, "The request needs a part 'metadata' that says what the others are.")
        })?;
        let metadata: Metadata = request::parse(&part.content)?;
        metadata.refuse_what_is_missing()?;
        let main_module = metadata.main_module.clone().ok_or_else(|| match &metadata.body_part {
            Some(_) => ApiError::upload(
                "body_part",
                "This Worker is in service-worker syntax: write it as a module with 'export default'.",
            ),
            None => ApiError::upload("main_module", "'main_module' must name the part with the main module."),
        })?;
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method is of one lifetime of its type"
        )]
        let bindings = metadata.bindings(form, |reader| reader.read())?;
        let used = |part: &&Part| part.name != METADATA && !metadata.is_binding(part);
        let modules = form.parts.iter().filter(used).filter_map(|part| module(part).transpose());
        Ok(Self {
            modules: modules.collect::<Result<_, _>>()?,
            main_module,
            bindings,
            limits: metadata.limits()?,
            annotations: annotations(metadata.annotations.as_ref())?,
            extra: metadata.extra(),
            compatibility_date: date(metadata.compatibility_date.as_deref())?,
            compatibility_flags: metadata.compatibility_flags.unwrap_or_default(),
        })
    }

    /// The version that it is, after `before`.
    ///
    /// # Errors
    /// 400 when it takes over a binding that there is not.
    pub(super) fn version(self, before: Option<&Version>) -> Result<NewVersion, ApiError> {
        let known = before.map(|version| version.bindings.as_slice()).unwrap_or_default();
        Ok(NewVersion {
            bindings: self.bindings.resolve(known)?,
            main_module: self.main_module,
            code: Code::New(self.modules),
            compatibility_date: self.compatibility_date,
            compatibility_flags: self.compatibility_flags,
            limits: self.limits,
            handlers: Vec::new(),
            annotations: self.annotations,
            extra: self.extra,
        })
    }
}

impl Metadata {
    fn refuse_what_is_missing(&self) -> Result<(), ApiError> {
        let is_asked = |field: &str| match self.rest.get(field) {
            None | Some(Value::Null) => false,
            Some(Value::Array(list)) => !list.is_empty(),
            Some(_) => true,
        };
        match MISSING.iter().find(|(field, _)| is_asked(field)) {
            None => Ok(()),
            Some((field, what)) => {
                let why = format!("{what} are not part of this server: leave '{field}' out.");
                Err(ApiError::upload(*field, why))
            }
        }
    }

    /// Whether it says anything that a version has.
    pub(super) fn changes_version(&self) -> bool {
        self.bindings.is_some()
            || self.compatibility_date.is_some()
            || self.compatibility_flags.is_some()
            || self.limits.is_some()
    }

    /// A version with what is said in place of what it was; bindings are not looked at.
    ///
    /// # Errors
    /// 400 for what makes no sense.
    pub(super) fn amend(self, version: NewVersion) -> Result<NewVersion, ApiError> {
        self.refuse_what_is_missing()?;
        Ok(NewVersion {
            limits: if self.limits.is_some() { self.limits()? } else { version.limits },
            compatibility_date: match self.compatibility_date.as_deref() {
                Some(text) => date(Some(text))?,
                None => version.compatibility_date,
            },
            compatibility_flags: self.compatibility_flags.unwrap_or(version.compatibility_flags),
            ..version
        })
    }

    /// The bindings, each read by `read`.
    pub(super) fn bindings(
        &self,
        form: &Form,
        read: fn(&Reader<'_>) -> Result<Wanted, ApiError>,
    ) -> Result<Bindings, ApiError> {
        let part = |name: &str| {
            let is_it = |part: &&Part| part.name == name || part.file_name.as_deref() == Some(name);
            form.parts.iter().find(is_it).map(|part| part.content.to_vec())
        };
        let mut wanted: Vec<Wanted> = Vec::new();
        for (index, fields) in self.bindings.iter().flatten().enumerate() {
            let reader = Reader { at: format!("bindings[{index}]"), fields, part: &part };
            let one = read(&reader)?;
            if wanted.iter().any(|other| other.name() == one.name()) {
                let why = format!("There are two bindings of the name {}.", one.name());
                return Err(ApiError::binding(format!("bindings[{index}].name"), why));
            }
            wanted.push(one);
        }
        let kept = self.keep_bindings.clone();
        Ok(Bindings { wanted, kept: kept.unwrap_or_else(|| KEPT.map(ToOwned::to_owned).to_vec()) })
    }

    /// Whether a part is the content of a binding, so no module.
    fn is_binding(&self, part: &Part) -> bool {
        let mut named = self.bindings.iter().flatten().filter_map(|fields| fields.get("part")?.as_str());
        named.any(|name| name == part.name)
    }

    fn limits(&self) -> Result<Limits, ApiError> {
        let Some(cpu_ms) = self.limits.as_ref().and_then(|limits| limits.cpu_ms) else {
            return Ok(Limits::default());
        };
        if cpu_ms.fract() == 0.0 && (1.0..=300_000.0).contains(&cpu_ms) {
            // Within the bounds of its type, and whole.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
            return Ok(Limits { cpu_ms: Some(cpu_ms as u32) });
        }
        Err(ApiError::upload("limits.cpu_ms", "'limits.cpu_ms' must be 1 to 300000 whole milliseconds."))
    }

    fn extra(&self) -> Value {
        let known = |(name, value): (&String, &Value)| {
            TOLD_AGAIN.contains(&name.as_str()).then(|| (name.clone(), value.clone()))
        };
        Value::Object(self.rest.iter().filter_map(known).collect())
    }
}

impl Bindings {
    /// The same, but with nothing kept.
    pub(super) fn only(mut self) -> Self {
        self.kept.clear();
        self
    }

    /// What they come to, after a version with these.
    ///
    /// # Errors
    /// 400 when one is to be taken over that there is not.
    pub(super) fn resolve(self, before: &[Binding]) -> Result<Vec<Binding>, ApiError> {
        let is_named: Vec<String> = self.wanted.iter().map(|wanted| wanted.name().to_owned()).collect();
        let take_over = |wanted: Wanted| match wanted {
            Wanted::New(binding) => Ok::<_, ApiError>(binding),
            Wanted::Inherited { name, from, kind } => {
                let fits = |one: &&Binding| {
                    one.name == from && kind.as_deref().is_none_or(|kind| kind == kind_of(&one.kind))
                };
                let found = before.iter().find(fits).ok_or_else(|| ApiError::inherit(&from))?;
                Ok(Binding { name, kind: found.kind.clone() })
            }
        };
        let mut bindings = self.wanted.into_iter().map(take_over).collect::<Result<Vec<_>, _>>()?;
        let is_kept = |one: &&Binding| {
            self.kept.iter().any(|kind| kind == kind_of(&one.kind)) && !is_named.contains(&one.name)
        };
        bindings.extend(before.iter().filter(is_kept).cloned());
        Ok(bindings)
    }
}

/// The module in a part; `None` for what is there for people only.
fn module(part: &Part) -> Result<Option<Module>, ApiError> {
    let name = part.file_name.as_ref().unwrap_or(&part.name);
    let kind = match part.media_type.as_deref() {
        Some("application/javascript+module" | "text/javascript+module") => ModuleKind::EsModule,
        Some("application/javascript" | "text/javascript") => ModuleKind::CommonJs,
        Some("application/wasm") => ModuleKind::Wasm,
        Some("text/plain") => ModuleKind::Text,
        Some("application/octet-stream") => ModuleKind::Data,
        Some("application/json") => ModuleKind::Json,
        Some("application/source-map") => return Ok(None),
        Some("text/x-python" | "text/x-python-requirement") => {
            return Err(ApiError::upload(name, "Workers in Python are not part of this server."));
        }
        None | Some(_) => by_ending(name)?,
    };
    Ok(Some(Module { name: name.clone(), kind, content: part.content.to_vec() }))
}

fn by_ending(name: &str) -> Result<ModuleKind, ApiError> {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js" | "mjs") => Ok(ModuleKind::EsModule),
        Some("cjs") => Ok(ModuleKind::CommonJs),
        Some("wasm") => Ok(ModuleKind::Wasm),
        Some("json") => Ok(ModuleKind::Json),
        Some("txt" | "html") => Ok(ModuleKind::Text),
        Some("bin") => Ok(ModuleKind::Data),
        _ => {
            let why =
                "The part of a module needs a media type: application/javascript+module for an ES module.";
            Err(ApiError::upload(name, why))
        }
    }
}

/// What is said of a version or deployment. Only texts are: clients leave out what they do not know.
///
/// # Errors
/// 400 for more than anybody reads.
pub(super) fn annotations(
    said: Option<&BTreeMap<String, Value>>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let known = ["workers/message", "workers/tag", "workers/triggered_by", "workers/alias"];
    let said = said.into_iter().flatten().filter(|(name, _)| known.contains(&name.as_str()));
    let texts = said.filter_map(|(name, value)| Some((name, value.as_str()?)));
    let checked = texts.map(|(name, text)| {
        if text.len() <= MAX_ANNOTATION && !text.chars().any(char::is_control) {
            return Ok((name.clone(), text.to_owned()));
        }
        let why = format!("'annotations.{name}' has {MAX_ANNOTATION} printable octets at most.");
        Err(ApiError::upload(format!("annotations.{name}"), why))
    });
    checked.collect()
}

/// A day: `2026-04-26`.
fn date(text: Option<&str>) -> Result<String, ApiError> {
    let Some(text) = text else { return Ok(FIRST_DATE.to_owned()) };
    if mailwright_engine::time::UnixMillis::from_date(text).is_some() && text.len() == FIRST_DATE.len() {
        return Ok(text.to_owned());
    }
    Err(ApiError::upload("compatibility_date", "'compatibility_date' must be a day such as 2026-04-26."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::worker::BindingKind;
    use serde_json::json;

    fn part(name: &str, media_type: Option<&str>, content: &str) -> Part {
        let media_type = media_type.map(ToOwned::to_owned);
        Part { name: name.into(), file_name: None, media_type, content: content.to_owned().into() }
    }

    fn read(metadata: &Value) -> Result<Upload, ApiError> {
        let parts = vec![
            part("metadata", None, &metadata.to_string()),
            part("a.js", Some("application/javascript+module"), "export default {}"),
            part("t.txt", Some("text/plain"), "text"),
            part("a.js.map", Some("application/source-map"), "{}"),
            part("blob", Some("application/octet-stream"), "octets"),
        ];
        Upload::read(&Form::of(parts))
    }

    fn secret(name: &str) -> Binding {
        Binding { name: name.into(), kind: BindingKind::SecretText("hush".into()) }
    }

    fn names(bindings: &[Binding]) -> Vec<&str> {
        bindings.iter().map(|binding| binding.name.as_str()).collect()
    }

    #[test]
    fn modules_are_the_parts_that_are_nothing_else() {
        let upload = read(&json!({
            "main_module": "a.js", "bindings": [{ "name": "B", "type": "data_blob", "part": "blob" }],
            "observability": { "enabled": true }, "unheard_of": 7, "limits": { "cpu_ms": 50 },
            "annotations": { "workers/message": "hi", "workers/tag": null },
        }));
        let version = upload.unwrap().version(None).unwrap();
        let Code::New(modules) = version.code else { panic!() };
        let found: Vec<_> = modules.iter().map(|module| (module.name.as_str(), module.kind)).collect();
        assert_eq!(found, [("a.js", ModuleKind::EsModule), ("t.txt", ModuleKind::Text)]);
        assert_eq!(version.extra, json!({ "observability": { "enabled": true } }));
        assert_eq!((version.compatibility_date.as_str(), version.limits.cpu_ms), (FIRST_DATE, Some(50)));
        assert_eq!(
            version.annotations.into_iter().collect::<Vec<_>>(),
            [("workers/message".into(), "hi".into())]
        );
    }

    #[test]
    fn secrets_stay_unless_something_else_is_said_and_the_rest_goes() {
        let plain = Binding { name: "P".into(), kind: BindingKind::PlainText("x".into()) };
        let before = [secret("S"), secret("T"), plain];
        let resolve = |metadata: Value| read(&metadata).unwrap().bindings.resolve(&before);
        let kept = resolve(json!({ "main_module": "a.js" })).unwrap();
        assert_eq!(names(&kept), ["S", "T"]);
        let none = resolve(json!({ "main_module": "a.js", "keep_bindings": [] })).unwrap();
        assert_eq!(names(&none), [""; 0]);
        let inherited = json!({
            "main_module": "a.js", "keep_bindings": ["plain_text"],
            "bindings": [{ "name": "NEW", "type": "inherit", "old_name": "S" }],
        });
        assert_eq!(names(&resolve(inherited).unwrap()), ["NEW", "P"]);
        let replaced = json!({
            "main_module": "a.js", "bindings": [{ "name": "S", "type": "plain_text", "text": "now open" }],
        });
        let replaced = resolve(replaced).unwrap();
        assert_eq!(names(&replaced), ["S", "T"]);
        assert_eq!(replaced[0].kind, BindingKind::PlainText("now open".into()));
        let missing = json!({ "main_module": "a.js", "bindings": [{ "name": "GONE", "type": "inherit" }] });
        let refused = resolve(missing).unwrap_err();
        // The words by which the service's tool finds out what is missing.
        assert!(refused.detail().starts_with("inherit binding 'GONE' is invalid"), "{refused:?}");
    }

    #[test]
    fn what_there_is_not_is_refused_with_a_sentence() {
        for (field, metadata) in [
            ("main_module", json!({})),
            ("body_part", json!({ "body_part": "a.js" })),
            ("assets", json!({ "main_module": "a.js", "assets": { "jwt": "x" } })),
            ("containers", json!({ "main_module": "a.js", "containers": [{ "class_name": "C" }] })),
            ("migrations", json!({ "main_module": "a.js", "migrations": { "new_tag": "v1" } })),
            ("tail_consumers", json!({ "main_module": "a.js", "tail_consumers": [{ "service": "x" }] })),
            ("limits.cpu_ms", json!({ "main_module": "a.js", "limits": { "cpu_ms": 0 } })),
            ("compatibility_date", json!({ "main_module": "a.js", "compatibility_date": "yesterday" })),
            (
                "bindings[1].name",
                json!({ "main_module": "a.js", "bindings": [
                { "name": "V", "type": "version_metadata" }, { "name": "V", "type": "version_metadata" },
            ] }),
            ),
        ] {
            let error = read(&metadata).unwrap_err();
            assert!(format!("{error:?}").contains(&format!("field: {field:?}")), "{field}: {error:?}");
            assert!(error.detail().ends_with('.'), "{error:?}");
        }
        let fine = json!({ "main_module": "a.js", "tail_consumers": [], "containers": null, "assets": null });
        assert!(read(&fine).is_ok());
    }
}
