//! Accounts, zones, and who changed what.

use crate::{
    delivery::model::Moment,
    openapi::text::{Id, PermissionName},
};
use serde_json::Value;
use std::net::IpAddr;
use utoipa::ToSchema;

/// An account.
#[derive(Debug, ToSchema)]
pub struct Account {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its kind: there is one only.
    #[schema(rename = "type")]
    pub kind: String,
    /// When it was made.
    pub created_on: Moment,
}

/// What is left of something that was removed.
#[derive(Debug, ToSchema)]
pub struct Removed {
    /// What its id was.
    pub id: Id,
}

/// The caller as a user.
#[derive(Debug, ToSchema)]
pub struct User {
    /// The id of its token.
    pub id: Option<Id>,
    /// Nothing: there are no users here.
    pub email: Option<String>,
    /// Who it is.
    pub first_name: String,
    /// Nothing.
    pub last_name: Option<String>,
    /// Who it is.
    pub username: String,
    /// Never.
    pub suspended: bool,
    /// Never.
    pub two_factor_authentication_enabled: bool,
    /// The accounts that it sees.
    pub organizations: Vec<Account>,
}

/// What the caller is in an account.
#[derive(Debug, ToSchema)]
pub struct Membership {
    /// The account's id.
    pub id: Id,
    /// The account.
    pub account: Account,
    /// Always `accepted`.
    pub status: String,
    /// Always.
    pub api_access_enabled: bool,
    /// What the caller may do.
    pub roles: Vec<PermissionName>,
    /// Nothing.
    pub permissions: NoFields,
}

/// An object without fields.
#[derive(Debug, ToSchema)]
#[schema(max_properties = 0)]
pub struct NoFields {}

/// A change of the configuration.
#[derive(Debug, ToSchema)]
pub struct AuditRecord {
    /// Its id.
    pub id: Id,
    /// When.
    pub when: Moment,
    /// What was done.
    pub action: AuditAction,
    /// Who did it.
    pub actor: AuditActor,
    /// By which way: `API`, `CLI` or `server`.
    pub interface: String,
    /// Nothing.
    pub metadata: NoFields,
    /// Whose object it was.
    pub owner: AuditOwner,
    /// What object.
    pub resource: AuditResource,
    /// How it was, as text.
    #[schema(rename = "oldValue")]
    pub old_value: Option<String>,
    /// How it is, as text.
    #[schema(rename = "newValue")]
    pub new_value: Option<String>,
    /// How it was, without secrets; `null` for what was made.
    #[schema(rename = "oldValueJson", value_type = Value)]
    pub old_value_json: Value,
    /// How it is, without secrets; `null` for what was removed.
    #[schema(rename = "newValueJson", value_type = Value)]
    pub new_value_json: Value,
}

/// What was done.
#[derive(Debug, ToSchema)]
pub struct AuditAction {
    /// `create`, `update` or `delete`.
    #[schema(rename = "type")]
    pub kind: String,
    /// That it was done.
    pub result: bool,
}

/// Who changed something.
#[derive(Debug, ToSchema)]
pub struct AuditActor {
    /// `user`, or `system` for the server itself.
    #[schema(rename = "type")]
    pub kind: String,
    /// A token's id, or a user of the server's machine.
    pub id: Option<String>,
    /// A token's name.
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// From where; `null` on the server's machine.
    #[schema(value_type = Option<String>)]
    pub ip: Option<IpAddr>,
}

/// Whose object was changed.
#[derive(Debug, ToSchema)]
pub struct AuditOwner {
    /// The account's; `null` for what is the server's.
    pub id: Option<Id>,
}

/// What was changed.
#[derive(Debug, ToSchema)]
pub struct AuditResource {
    /// What kind of object, as `zone`.
    #[schema(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// A zone: a domain that an account owns.
#[derive(Debug, ToSchema)]
pub struct Zone {
    /// Its id.
    pub id: Id,
    /// The domain.
    pub name: String,
    /// Whose it is.
    pub account: ZoneAccount,
    /// Nothing: zones are accounts'.
    pub owner: ZoneOwner,
    /// Always the same.
    pub plan: ZonePlan,
    /// Always the same.
    pub meta: ZoneMeta,
    /// Always `active`.
    pub status: String,
    /// Never.
    pub paused: bool,
    /// Always `partial`: its DNS is elsewhere.
    #[schema(rename = "type")]
    pub kind: String,
    /// Never.
    pub development_mode: u32,
    /// None: its DNS is elsewhere.
    pub name_servers: Vec<String>,
    /// Nothing.
    pub original_name_servers: Option<Vec<String>>,
    /// Nothing.
    pub original_registrar: Option<String>,
    /// Nothing.
    pub original_dnshost: Option<String>,
    /// What can be done with zones.
    pub permissions: Vec<String>,
    /// When it was made.
    pub created_on: Moment,
    /// The same: zones do not change.
    pub modified_on: Moment,
    /// The same.
    pub activated_on: Moment,
}

/// Whose a zone is.
#[derive(Debug, ToSchema)]
pub struct ZoneAccount {
    /// The account's id.
    pub id: Id,
    /// Its name.
    pub name: Option<String>,
}

/// Nobody.
#[derive(Debug, ToSchema)]
pub struct ZoneOwner {
    /// Nothing.
    pub id: Option<Id>,
    /// Nothing.
    pub name: Option<String>,
    /// `user`.
    #[schema(rename = "type")]
    pub kind: String,
}

/// What was bought.
#[derive(Debug, ToSchema)]
pub struct ZonePlan {
    /// `self_hosted`.
    pub id: String,
    /// The same for people.
    pub name: String,
}

/// What the service knows of zones.
#[derive(Debug, ToSchema)]
pub struct ZoneMeta {
    /// Always.
    pub dns_only: bool,
    /// Never.
    pub phishing_detected: bool,
    /// None.
    pub step: u32,
}

/// Who has signed in to the dashboard.
#[derive(Debug, ToSchema)]
pub struct Session {
    /// The token that the session stands for; `null` for whoever asks by the control socket.
    pub token: Option<SessionToken>,
    /// Whether it may do everything on this server.
    pub operator: bool,
    /// `dev` or `serve`: how the server was started.
    #[schema(pattern = "^(dev|serve)$")]
    pub mode: String,
}

/// What a session may do.
#[derive(Debug, ToSchema)]
pub struct SessionToken {
    /// The token's id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub permissions: Vec<PermissionName>,
    /// The zones it is good for; `null` for all.
    pub zones: Option<Vec<Id>>,
    /// The accounts it is good for; `null` for all.
    pub accounts: Option<Vec<Id>>,
}
