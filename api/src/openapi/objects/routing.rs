//! Zones that take mail, and destination addresses.

use super::dns::{DmarcFacts, DnsRecord, DomainState, Finding, MailHosts, PublishedKey, RecordStatus};
use crate::{delivery::model::Moment, openapi::text::Id};
use serde::Serialize;
use utoipa::ToSchema;

/// How a zone takes mail.
#[derive(Debug, ToSchema)]
pub struct RoutingSettings {
    /// The zone's id.
    pub id: Id,
    /// The same.
    pub tag: Id,
    /// Its domain.
    pub name: String,
    /// Whether it takes mail.
    pub enabled: bool,
    /// `ready`, `unconfigured`, `misconfigured`, `misconfigured/locked` or `unlocked`.
    pub status: String,
    /// Whether its records are looked after.
    pub locked: bool,
    /// Whether the zone's owner wants no guide through setting it up.
    pub skip_wizard: bool,
    /// Whether `user+detail` is looked for as `user`, too.
    pub support_subaddress: bool,
    /// Above which spam score its mail is refused, ours; 0: never; null: as the server is configured.
    pub spam_limit: Option<f64>,
    /// Domains below it that take mail, or did.
    pub subdomains: Vec<RoutedSubdomain>,
    /// When this was first said.
    pub created: Option<Moment>,
    /// When it was last changed.
    pub modified: Option<Moment>,
}

/// A domain below a zone's own.
#[derive(Debug, ToSchema)]
pub struct RoutedSubdomain {
    /// The domain.
    pub name: String,
    /// Whether it takes mail.
    pub enabled: bool,
    /// When it first did.
    pub created: Moment,
    /// When that was last changed.
    pub modified: Moment,
}

/// The records of a zone, or those of one name with what is wrong with them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RoutingRecords {
    /// Without `subdomain`.
    All(Vec<DnsRecord>),
    /// With it.
    OfName(RecordsOfName),
}

/// The records of one name, and what the DNS lacks of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordsOfName {
    /// What is wrong.
    pub errors: Vec<RecordFault>,
    /// What is to be published.
    pub record: Vec<DnsRecord>,
}

/// What is wrong with a record.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordFault {
    /// `mx.missing`, `spf.conflict`, …
    pub code: String,
    /// The record that should be there.
    pub missing: DnsRecord,
    /// What is wrong and what to do.
    pub message: Option<String>,
}

/// When a routing zone was looked at, and what was found.
#[derive(Debug, ToSchema)]
pub struct RoutingCheck {
    /// When.
    pub checked_on: Option<Moment>,
    /// What was found; `null` before the first look.
    pub report: Option<RoutingReport>,
}

/// What came of looking at a routing zone.
#[derive(Debug, ToSchema)]
pub struct RoutingReport {
    /// The zone.
    pub zone: String,
    /// Where it stands.
    pub state: DomainState,
    /// Its records.
    pub records: Vec<RecordStatus>,
    /// Its names that take mail.
    pub names: Vec<RoutedName>,
    /// Its keys.
    pub dkim: Vec<PublishedKey>,
    /// Its policy.
    pub dmarc: DmarcFacts,
    /// What to know and what to mend.
    pub findings: Vec<Finding>,
}

/// A name whose mail is routed.
#[derive(Debug, ToSchema)]
pub struct RoutedName {
    /// The name.
    pub name: String,
    /// The hosts that take its mail.
    pub mx: MailHosts,
    /// How many look-ups its SPF record costs.
    pub spf_lookups: u32,
}

/// An address whose owner is asked, or has agreed, to be written to.
#[derive(Debug, ToSchema)]
pub struct DestinationAddress {
    /// Its id.
    pub id: Id,
    /// The same, by its older name.
    pub tag: Id,
    /// The address.
    pub email: String,
    /// When its owner agreed; `null` if that is not so yet.
    pub verified: Option<Moment>,
    /// When it was made.
    pub created: Moment,
    /// When it was last changed.
    pub modified: Moment,
}

/// What routing did with a message.
#[derive(Debug, ToSchema)]
pub struct LocalEmail {
    /// `forwarded` (the next server has it), `queued`, `dropped`, `processed` (by a Worker, which sent it
    /// nowhere), `held`, `heard` (news of sent mail, acted on) or `refused`.
    #[schema(inline)]
    pub outcome: LocalOutcome,
    /// What a client of SMTP would have been told.
    pub reply: String,
    /// The name under which the log has it; `null` if its recipient was not taken.
    pub message_id: Option<String>,
    /// What was found about its sender; `null` if it did not come so far.
    pub authentication: Option<AuthenticationSummary>,
    /// What the Worker did that has mail for the recipient; `null` if there is none.
    #[schema(inline)]
    pub worker: Option<LocalRun>,
}

/// What a Worker did with a message.
#[derive(Debug, ToSchema)]
pub struct LocalRun {
    /// Its name.
    pub script: String,
    /// The version that ran.
    pub version: String,
    /// How it ended: `ok`, `exception`, `exceededCpu`, `exceededMemory` or `canceled`.
    pub outcome: String,
    /// Milliseconds.
    pub wall_ms: u32,
    /// What it wrote with `console`, a line each: `level: text`.
    pub logs: Vec<String>,
    /// Exceptions that nobody caught.
    pub exceptions: Vec<String>,
}

/// See [`LocalEmail`].
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum LocalOutcome {
    /// The next server has it.
    Forwarded,
    /// It is in the queue.
    Queued,
    /// A rule threw it away.
    Dropped,
    /// A Worker took it, and sent it nowhere.
    Processed,
    /// A Worker is to have it later.
    Held,
    /// It was news of sent mail.
    Heard,
    /// It was not taken.
    Refused,
}

/// Results of authentication, in the words of RFC 8601.
#[derive(Debug, ToSchema)]
pub struct AuthenticationSummary {
    /// SPF of the envelope sender.
    pub spf: String,
    /// DKIM: the best of the signatures.
    pub dkim: String,
    /// DMARC of the author's domain.
    pub dmarc: String,
    /// ARC.
    pub arc: String,
}
