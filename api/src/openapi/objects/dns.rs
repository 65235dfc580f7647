//! DNS records, and what a look at them found.

use crate::{delivery::model::Moment, openapi::text::Id};
use serde::Serialize;
use std::net::IpAddr;
use utoipa::ToSchema;

/// A type of record.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// A mail exchanger.
    Mx,
    /// Text.
    Txt,
    /// An alias.
    Cname,
}

/// A record to publish.
#[derive(Debug, Serialize, ToSchema)]
pub struct DnsRecord {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// Its whole name.
    pub name: String,
    /// Its text, the host of an MX record, or where an alias leads.
    pub content: String,
    /// The preference of an MX record.
    #[schema(nullable = false)]
    pub priority: Option<u16>,
    /// Its time to live in seconds.
    pub ttl: u32,
}

/// Where a record stands.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum RecordState {
    /// It is there, or another that does as well.
    Locked,
    /// It is not there.
    NotFound,
    /// There is something else in its place.
    Conflict,
    /// Nobody looked yet, or the DNS gave no answer.
    Unknown,
}

/// A record of a zone and where it stands.
#[derive(Debug, ToSchema)]
pub struct ZoneRecord {
    /// Its type.
    #[schema(rename = "type")]
    pub kind: RecordType,
    /// Its whole name.
    pub name: String,
    /// Its text, or the host of an MX record.
    pub content: String,
    /// The preference of an MX record.
    #[schema(nullable = false)]
    pub priority: Option<u16>,
    /// Its time to live in seconds.
    pub ttl: u32,
    /// Where it stands.
    pub state: RecordState,
    /// Whether it is there.
    pub locked: bool,
    /// What needs it: `sending` or `routing`.
    pub service: String,
    /// The tag of the sending domain that needs it.
    pub sending_domain: Option<Id>,
    /// When it was looked for.
    pub checked_on: Option<Moment>,
}

/// What was done at the name server.
#[derive(Debug, ToSchema)]
pub struct RecordChanges {
    /// In order.
    pub changes: Vec<RecordChange>,
    /// What others published, which does as well.
    #[schema(nullable = false)]
    pub kept: Option<Vec<DnsRecord>>,
}

/// One thing that was done.
#[derive(Debug, ToSchema)]
pub struct RecordChange {
    /// `added` or `removed`.
    pub change: String,
    /// The record's type.
    #[schema(rename = "type")]
    pub kind: RecordType,
    /// Its name.
    pub name: String,
    /// What it says.
    pub content: String,
}

/// When a sending domain was looked at, and what was found.
#[derive(Debug, ToSchema)]
pub struct DomainCheck {
    /// When.
    pub checked_on: Option<Moment>,
    /// Since when it is known to be the account's own.
    pub verified: Option<Moment>,
    /// What was found; `null` before the first look.
    pub report: Option<DomainReport>,
}

/// Where a domain stands.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum DomainState {
    /// Everything that is needed is there.
    Ready,
    /// Nothing is published yet.
    Unconfigured,
    /// Something must be mended.
    Misconfigured,
    /// The DNS gave no answer for something that is needed.
    Unknown,
}

/// What came of looking at a domain.
#[derive(Debug, ToSchema)]
pub struct DomainReport {
    /// The domain, with `*.` for a wildcard.
    pub domain: String,
    /// Where it stands.
    pub state: DomainState,
    /// Its records.
    pub records: Vec<RecordStatus>,
    /// The hosts that take its bounces.
    pub return_path: MailHosts,
    /// Its keys.
    pub dkim: Vec<PublishedKey>,
    /// Its policy.
    pub dmarc: DmarcFacts,
    /// What to know and what to mend.
    pub findings: Vec<Finding>,
}

/// A record and where it stands.
#[derive(Debug, ToSchema)]
pub struct RecordStatus {
    /// Its type.
    #[schema(rename = "type")]
    pub kind: RecordType,
    /// Its whole name.
    pub name: String,
    /// Its text, or the host of an MX record.
    pub content: String,
    /// The preference of an MX record.
    #[schema(nullable = false)]
    pub priority: Option<u16>,
    /// Its time to live in seconds.
    pub ttl: u32,
    /// Where it stands.
    pub state: RecordState,
    /// What stands at its name now, of its type: texts, hosts with their preferences, or where an alias leads.
    pub found: Vec<String>,
}

/// Hosts that take mail.
#[derive(Debug, ToSchema)]
pub struct MailHosts {
    /// Best first.
    pub hosts: Vec<MailHost>,
    /// Whether the DNS gave no answer.
    pub unknown: bool,
}

/// A host that takes mail.
#[derive(Debug, ToSchema)]
pub struct MailHost {
    /// Lower is tried first.
    pub preference: u16,
    /// Its name.
    pub host: String,
    /// Its addresses.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<IpAddr>,
}

/// A key as the DNS has it.
#[derive(Debug, ToSchema)]
pub struct PublishedKey {
    /// Its selector.
    pub selector: String,
    /// Where it stands.
    pub name: String,
    /// The record there.
    pub record: Option<String>,
    /// What it is: `published`, `missing`, `multiple`, `invalid`, `mismatch`, `revoked` or `unknown`.
    pub state: String,
}

/// What is known of a domain's DMARC policy.
#[derive(Debug, ToSchema)]
pub struct DmarcFacts {
    /// Where the policy stands that holds.
    pub name: Option<String>,
    /// The record there.
    pub record: Option<String>,
    /// `none`, `quarantine` or `reject`.
    pub policy: Option<String>,
    /// The organisational domain.
    pub organizational_domain: Option<String>,
    /// Whether our signatures align.
    pub dkim_aligned: bool,
    /// Whether our envelope senders align.
    pub spf_aligned: bool,
}

/// How much a finding matters.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Some receivers trust the mail less.
    Warning,
    /// Must be mended.
    Error,
}

/// One thing that was found.
#[derive(Debug, ToSchema)]
pub struct Finding {
    /// What it is about: `spf`, `dkim`, …
    pub area: String,
    /// What it says, for programs.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// The name or address concerned.
    pub name: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// What a zone publishes about its mail, and what its owner wants of reports.
#[derive(Debug, ToSchema)]
pub struct DmarcReporting {
    /// The zone.
    pub zone_id: Id,
    /// The zone, by the other name that clients know.
    pub tag: Id,
    /// Whether reports are wanted.
    pub enabled: bool,
    /// Whether the steps that lead there are not to be shown any more.
    pub skip_wizard: bool,
    /// What the addresses for reports begin with, once something was said about them.
    #[schema(nullable = false)]
    pub rua_prefix: Option<Id>,
    /// Where reports are taken while they are wanted, as `rua=` of the DMARC record and the TLS-RPT record has it.
    #[schema(nullable = false)]
    pub rua: Option<String>,
    /// When it was first said.
    #[schema(nullable = false)]
    pub created: Option<Moment>,
    /// The same.
    #[schema(nullable = false)]
    pub created_at: Option<Moment>,
    /// When it was last changed.
    #[schema(nullable = false)]
    pub modified: Option<Moment>,
    /// The same.
    #[schema(nullable = false)]
    pub modified_at: Option<Moment>,
    /// What is wrong with where reports go: `missing-dmarc-report`, `multiple-dmarc-reports`, `missing-dmarc-rua`,
    /// `cname-on-dmarc-record` or `unauthorized-reporting-domain`.
    #[schema(nullable = false)]
    pub status: Option<String>,
    /// Who may send, by the SPF record.
    #[schema(nullable = false)]
    pub approved_sources: Option<Vec<ApprovedSender>>,
    /// The records, by their purpose.
    pub records: MailRecords,
}

/// Somebody who may send for a zone.
#[derive(Debug, ToSchema)]
pub struct ApprovedSender {
    /// What the client calls it.
    pub tag: Id,
    /// The domain that the SPF record includes.
    pub domain: String,
    /// The same.
    pub name: String,
    /// The same without dots.
    pub slug: String,
    /// The networks that its record names.
    pub ips: Vec<String>,
}

/// Records of a zone by their purpose.
#[derive(Debug, ToSchema)]
pub struct MailRecords {
    /// SPF.
    pub spf_records: Vec<MailRecord>,
    /// Keys.
    pub dkim_records: Vec<MailRecord>,
    /// DMARC.
    pub dmarc_records: Vec<MailRecord>,
    /// BIMI.
    pub bimi_records: Vec<MailRecord>,
    /// An alias in the place of SPF.
    pub cname_spf_records: Vec<MailRecord>,
    /// Aliases in the place of keys.
    pub cname_dkim_records: Vec<MailRecord>,
    /// An alias in the place of DMARC.
    pub cname_dmarc_records: Vec<MailRecord>,
    /// What that alias leads to.
    pub resolved_dmarc_records: Vec<MailRecord>,
}

/// A record as it was found.
#[derive(Debug, ToSchema)]
pub struct MailRecord {
    /// What it is asked for by; what is found behind an alias has none.
    #[schema(nullable = false)]
    pub id: Option<Id>,
    /// `TXT` or `CNAME`.
    #[schema(rename = "type")]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The text, or the name that it leads to.
    pub content: String,
    /// The texts that an alias leads to.
    #[schema(nullable = false)]
    pub resolved: Option<Vec<String>>,
}

/// An SPF record with all that it leads to.
#[derive(Debug, ToSchema)]
pub struct SpfInspected {
    /// Whose record it is.
    pub domain: String,
    /// The record.
    pub record: String,
    /// Its terms, each with the record that it leads to.
    #[schema(value_type = Vec<Object>)]
    pub components: Vec<()>,
    /// How many look-ups it costs with all beneath it.
    pub total_lookups: u32,
    /// What is wrong, left out where nothing is.
    #[schema(nullable = false)]
    pub errors: Option<Vec<SpfFault>>,
}

/// Something wrong with an SPF record.
#[derive(Debug, ToSchema)]
pub struct SpfFault {
    /// What, for programs.
    pub code: String,
    /// Whose record it is in.
    pub domain: String,
    /// What and where, for people.
    pub message: String,
    /// The wrong text itself.
    #[schema(nullable = false)]
    pub details: Option<String>,
}
