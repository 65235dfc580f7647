//! Workers, versions and deployments as answers have them.

use super::bindings;
use mailwright_storage::workers::{Deployment, Origin, Script, Version};
use serde_json::{Value, json};
use std::time::Duration;

/// What the service says of a Worker wherever it names one.
pub(super) fn script(script: &Script) -> Value {
    let mut shown = json!({
        "id": script.name.as_str(), "tag": script.id, "created_on": script.created.to_string(),
        "modified_on": script.modified.to_string(), "usage_model": "standard", "has_modules": true,
        "has_assets": false, "logpush": false, "tail_consumers": [], "tags": tags(script),
        "etag": null, "handlers": [], "last_deployed_from": null, "compatibility_date": null,
        "compatibility_flags": [],
    });
    if let Some(version) = &script.deployed {
        shown["etag"] = version.etag.as_str().into();
        shown["handlers"] = json!(version.handlers);
        shown["last_deployed_from"] = source(script, version).into();
        shown["compatibility_date"] = version.compatibility_date.as_str().into();
        shown["compatibility_flags"] = json!(version.compatibility_flags);
    }
    shown
}

/// The tool by which a Worker was last changed.
fn source<'a>(script: &'a Script, version: &'a Version) -> &'a str {
    script.deployment.as_ref().map_or(&version.origin.source, |deployment| &deployment.origin.source)
}

/// What a Worker is marked with.
pub(super) fn tags(script: &Script) -> Value {
    let tags = script.settings.get("tags").filter(|tags| tags.is_array());
    tags.cloned().unwrap_or_else(|| json!([]))
}

/// The answer to an upload.
pub(super) fn uploaded(known: &Script, version: &Version, startup: Duration) -> Value {
    let mut shown = script(known);
    shown["etag"] = version.etag.as_str().into();
    shown["handlers"] = json!(version.handlers);
    shown["entry_point"] = version.main_module.as_str().into();
    // Without hyphens, as tools take it apart again.
    shown["deployment_id"] = version.id.as_str().replace('-', "").into();
    shown["startup_time_ms"] = millis(startup).into();
    shown["available_on_subdomain"] = known.workers_dev.into();
    shown
}

/// Whole milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A version in short, as lists have it.
pub(super) fn version(version: &Version) -> Value {
    json!({
        "id": version.id.as_str(), "number": version.number, "metadata": metadata(&version.origin),
        "annotations": version.annotations,
    })
}

/// A version in full.
pub(super) fn whole_version(of: &Version) -> Value {
    let mut shown = version(of);
    shown["resources"] = json!({
        "bindings": of.bindings.iter().map(bindings::shown).collect::<Vec<_>>(),
        "script": {
            "etag": of.etag, "handlers": of.handlers, "last_deployed_from": of.origin.source, "named_handlers": [],
        },
        "script_runtime": {
            "compatibility_date": of.compatibility_date, "compatibility_flags": of.compatibility_flags,
            "usage_model": "standard", "limits": limits(of),
        },
    });
    shown
}

/// What a version may take.
pub(super) fn limits(version: &Version) -> Value {
    version.limits.cpu_ms.map_or_else(|| json!({}), |cpu_ms| json!({ "cpu_ms": cpu_ms }))
}

fn metadata(origin: &Origin) -> Value {
    let at = origin.at.to_string();
    json!({
        "created_on": at, "modified_on": at, "source": origin.source, "author_id": origin.author,
        "author_email": origin.author, "has_preview": false, "hasPreview": false,
    })
}

/// A deployment.
pub(super) fn deployment(deployment: &Deployment) -> Value {
    json!({
        "id": deployment.id.as_str(), "source": deployment.origin.source, "strategy": "percentage",
        "author_email": deployment.origin.author, "created_on": deployment.origin.at.to_string(),
        "annotations": deployment.annotations,
        "versions": [{ "version_id": deployment.version.as_str(), "percentage": 100 }],
    })
}
