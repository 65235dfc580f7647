//! Workers, their versions and deployments, and what is said of them.

use crate::{
    delivery::model::Moment,
    openapi::text::{Id, Uuid},
};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::SchemaType},
};

/// Nothing: that it was done is all there is to say.
#[derive(Debug, Clone, Copy)]
pub struct Nothing;

impl PartialSchema for Nothing {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some([Value::Null])).into()
    }
}

impl ToSchema for Nothing {}

/// What is uploaded: `metadata`, and beside it a part for each module, with the name by which others import it.
#[derive(Debug, ToSchema)]
pub struct WorkerUpload {
    /// JSON: `main_module`, `bindings`, `compatibility_date`, `compatibility_flags`, `keep_bindings`, `limits`,
    /// `annotations`.
    pub metadata: String,
}

/// A Worker.
#[derive(Debug, ToSchema)]
pub struct Worker {
    /// Its name.
    pub id: String,
    /// Its own name, the same through all versions.
    pub tag: Id,
    /// When it was first uploaded.
    pub created_on: Moment,
    /// When it was last changed.
    pub modified_on: Moment,
    /// `standard`.
    pub usage_model: String,
    /// That it is made of modules.
    pub has_modules: bool,
    /// Never.
    pub has_assets: bool,
    /// Never.
    pub logpush: bool,
    /// None.
    pub tail_consumers: Vec<String>,
    /// What it is marked with.
    pub tags: Vec<String>,
    /// The checksum of what runs.
    pub etag: Option<String>,
    /// What it handles, as far as it is known.
    pub handlers: Vec<String>,
    /// The tool by which it was last changed.
    pub last_deployed_from: Option<String>,
    /// The day whose behaviour of the runtime it wants.
    pub compatibility_date: Option<String>,
    /// Changes of that behaviour.
    pub compatibility_flags: Vec<String>,
}

/// A Worker after an upload.
#[derive(Debug, ToSchema)]
pub struct UploadedWorker {
    /// The Worker.
    #[serde(flatten)]
    #[schema(inline)]
    pub worker: Worker,
    /// Its main module.
    pub entry_point: String,
    /// The id of the version that runs from now on, without hyphens.
    pub deployment_id: Id,
    /// How long it took to start, in milliseconds; 0 where that could not be tried.
    pub startup_time_ms: u64,
    /// Whether it answers under its own host name.
    pub available_on_subdomain: bool,
}

/// A Worker as older routes show it.
#[derive(Debug, ToSchema)]
pub struct WorkerService {
    /// Its name.
    pub id: String,
    /// All there is of it.
    pub default_environment: WorkerEnvironment,
    /// The same.
    pub environments: Vec<WorkerEnvironment>,
    /// When it was first uploaded.
    pub created_on: Moment,
    /// When it was last changed.
    pub modified_on: Moment,
    /// `standard`.
    pub usage_model: String,
}

/// See [`WorkerService`].
#[derive(Debug, ToSchema)]
pub struct WorkerEnvironment {
    /// `production`.
    pub environment: String,
    /// The Worker's own name.
    pub script_tag: Id,
    /// The Worker.
    pub script: Worker,
    /// When it was first uploaded.
    pub created_on: Moment,
    /// When it was last changed.
    pub modified_on: Moment,
}

/// Another Worker that has to do with one.
#[derive(Debug, ToSchema)]
pub struct Reference {
    /// Its name.
    pub service: String,
}

/// Who needs a Worker; nobody does.
#[derive(Debug, ToSchema)]
pub struct WorkerReferences {
    /// By service bindings.
    pub services: ServiceReferences,
    /// By Durable Objects.
    pub durable_objects: Vec<Reference>,
    /// By dispatch namespaces.
    pub dispatch_outbounds: Vec<Reference>,
}

/// See [`WorkerReferences`].
#[derive(Debug, ToSchema)]
pub struct ServiceReferences {
    /// Who calls it.
    pub incoming: Vec<Reference>,
    /// Whom it calls.
    pub outgoing: Vec<Reference>,
    /// Never.
    pub pages_function: bool,
}

/// Versions of a Worker.
#[derive(Debug, ToSchema)]
pub struct WorkerVersions {
    /// The newest first.
    pub items: Vec<WorkerVersion>,
}

/// A version of a Worker.
#[derive(Debug, ToSchema)]
pub struct WorkerVersion {
    /// Its id.
    pub id: Uuid,
    /// Its number, from 1.
    pub number: u64,
    /// Who made it.
    pub metadata: VersionMetadata,
    /// What it says of itself: `workers/message`, `workers/tag`.
    pub annotations: BTreeMap<String, String>,
}

/// Who made a version, when and with what.
#[derive(Debug, ToSchema)]
pub struct VersionMetadata {
    /// When.
    pub created_on: Moment,
    /// When.
    pub modified_on: Moment,
    /// With what: `wrangler`, `api`.
    pub source: String,
    /// Who.
    pub author_id: String,
    /// Who.
    pub author_email: String,
    /// Never.
    pub has_preview: bool,
    /// Never.
    #[schema(rename = "hasPreview")]
    pub has_preview_too: bool,
}

/// A version of a Worker, with what it may use.
#[derive(Debug, ToSchema)]
pub struct WholeVersion {
    /// The version.
    #[serde(flatten)]
    #[schema(inline)]
    pub version: WorkerVersion,
    /// What it has.
    pub resources: VersionResources,
    /// How long it took to start, in milliseconds, in the answer that makes it; 0 where that could not be tried.
    #[schema(nullable = false)]
    pub startup_time_ms: Option<u64>,
}

/// What a version has.
#[derive(Debug, ToSchema)]
pub struct VersionResources {
    /// What it may use.
    pub bindings: Vec<WorkerBinding>,
    /// Its code.
    pub script: VersionScript,
    /// How it is run.
    pub script_runtime: VersionRuntime,
}

/// What a Worker may use, at a name in its `env`; nothing of what is secret.
#[derive(Debug, ToSchema)]
pub struct WorkerBinding {
    /// The name.
    pub name: String,
    /// What stands there: `plain_text`, `kv_namespace`, …
    #[schema(rename = "type")]
    pub kind: String,
    /// What is said of that kind.
    #[serde(flatten)]
    pub fields: BTreeMap<String, Value>,
}

/// See [`VersionResources`].
#[derive(Debug, ToSchema)]
pub struct VersionScript {
    /// Its checksum.
    pub etag: String,
    /// What it handles, as far as it is known.
    pub handlers: Vec<String>,
    /// With what it was uploaded.
    pub last_deployed_from: String,
    /// None.
    pub named_handlers: Vec<String>,
}

/// See [`VersionResources`].
#[derive(Debug, ToSchema)]
pub struct VersionRuntime {
    /// The day whose behaviour of the runtime it wants.
    pub compatibility_date: String,
    /// Changes of that behaviour.
    pub compatibility_flags: Vec<String>,
    /// `standard`.
    pub usage_model: String,
    /// What it may take.
    pub limits: WorkerLimits,
}

/// What a Worker may take.
#[derive(Debug, ToSchema)]
pub struct WorkerLimits {
    /// Milliseconds of processor time for one event.
    #[schema(nullable = false)]
    pub cpu_ms: Option<u32>,
}

/// Deployments of a Worker.
#[derive(Debug, ToSchema)]
pub struct WorkerDeployments {
    /// The newest, which is in force, first.
    pub deployments: Vec<WorkerDeployment>,
}

/// From when on a version ran.
#[derive(Debug, ToSchema)]
pub struct WorkerDeployment {
    /// Its id.
    pub id: Uuid,
    /// With what it was made.
    pub source: String,
    /// `percentage`.
    pub strategy: String,
    /// Who made it.
    pub author_email: String,
    /// When.
    pub created_on: Moment,
    /// What is said of it: `workers/message`, `workers/triggered_by`.
    pub annotations: BTreeMap<String, String>,
    /// What runs: one version.
    pub versions: Vec<DeployedVersion>,
}

/// See [`WorkerDeployment`].
#[derive(Debug, ToSchema)]
pub struct DeployedVersion {
    /// Its id.
    pub version_id: Uuid,
    /// 100.
    pub percentage: u32,
}

/// A secret of a Worker, without what it says.
#[derive(Debug, ToSchema)]
pub struct WorkerSecret {
    /// Its name in `env`.
    pub name: String,
    /// `secret_text`.
    #[schema(rename = "type")]
    pub kind: String,
}

/// What is said of a Worker and means nothing here.
#[derive(Debug, ToSchema)]
pub struct WorkerScriptSettings {
    /// Whatever it says.
    #[schema(nullable = false)]
    pub logpush: Option<bool>,
    /// Whatever it says.
    #[schema(value_type = Option<Object>)]
    pub observability: Option<Value>,
    /// What it is marked with.
    #[schema(nullable = false)]
    pub tags: Option<Vec<String>>,
    /// None.
    #[schema(nullable = false)]
    pub tail_consumers: Option<Vec<Reference>>,
}

/// What is said of a Worker beside its code.
#[derive(Debug, ToSchema)]
pub struct WorkerSettings {
    /// What means nothing here.
    #[serde(flatten)]
    #[schema(inline)]
    pub script: WorkerScriptSettings,
    /// What it may use.
    #[schema(nullable = false)]
    pub bindings: Option<Vec<WorkerBinding>>,
    /// The day whose behaviour of the runtime it wants.
    #[schema(nullable = false)]
    pub compatibility_date: Option<String>,
    /// Changes of that behaviour.
    #[schema(nullable = false)]
    pub compatibility_flags: Option<Vec<String>>,
    /// What it may take.
    #[schema(nullable = false)]
    pub limits: Option<WorkerLimits>,
    /// `standard`.
    #[schema(nullable = false)]
    pub usage_model: Option<String>,
    /// Nothing.
    #[schema(nullable = false, value_type = Option<Object>)]
    pub placement: Option<Value>,
}

/// Whether a Worker answers requests.
#[derive(Debug, ToSchema)]
pub struct WorkerSubdomain {
    /// Under its own host name.
    pub enabled: bool,
    /// Its versions under theirs.
    pub previews_enabled: bool,
}

/// What the host names of an account's Workers end in.
#[derive(Debug, ToSchema)]
pub struct AccountSubdomain {
    /// A label.
    pub subdomain: String,
}

/// What holds for all Workers of an account.
#[derive(Debug, ToSchema)]
pub struct WorkersAccountSettings {
    /// `standard`.
    pub default_usage_model: String,
    /// Never.
    pub green_compute: bool,
}

/// When a Worker is called by the clock; never.
#[derive(Debug, ToSchema)]
pub struct WorkerSchedules {
    /// None.
    pub schedules: Vec<Schedule>,
}

/// See [`WorkerSchedules`].
#[derive(Debug, ToSchema)]
#[schema(as = WorkerSchedule)]
pub struct Schedule {
    /// When.
    pub cron: String,
}

/// What a Worker says while it runs.
#[derive(Debug, ToSchema)]
pub struct WorkerTail {
    /// Its id.
    pub id: Id,
    /// Where it is read, as a WebSocket; good once, and only in the answer that makes it.
    pub url: String,
    /// When it ends.
    pub expires_at: Moment,
}
