//! Mail from the world and what became of it.

use crate::{
    delivery::model::Moment,
    openapi::text::{CheckResult, RoutingStatus},
};
use utoipa::ToSchema;

/// A message from the world for an address of ours and one destination, and what became of it.
#[derive(Debug, ToSchema)]
pub struct RoutedLine {
    /// The message's id.
    pub id: String,
    /// Whose address it came for.
    pub account_id: Option<String>,
    /// The zone of that address.
    pub zone_id: Option<String>,
    /// Its Message-ID without the angle brackets; empty if it has none, or was refused.
    pub message_id: String,
    /// Address of its author; empty if there is none.
    pub from: String,
    /// Sender of its envelope, as the client gave it; empty for the null sender.
    pub envelope_from: String,
    /// Domain of its author, or of the envelope's sender where it has none.
    pub sending_domain: String,
    /// What it is about.
    pub subject: Option<String>,
    /// Octets of content; 0 of what was refused.
    pub size: u64,
    /// When it came.
    pub accepted_at: Moment,
    /// Address of the client that handed it in.
    pub client_address: Option<String>,
    /// The name that the client gave in EHLO.
    pub helo: Option<String>,
    /// SPF, of the envelope sender or of the name in EHLO.
    pub spf: Option<CheckResult>,
    /// DKIM: the best of the signatures.
    pub dkim: Option<CheckResult>,
    /// DMARC of the author's domain.
    pub dmarc: Option<CheckResult>,
    /// ARC.
    pub arc: Option<CheckResult>,
    /// Its spam score in points; `null` if it was not scored.
    pub spam_score: Option<f64>,
    /// The address of ours that it was for.
    pub to: Option<String>,
    /// Where it goes on to; `null` for what was dropped or refused.
    pub destination: Option<String>,
    /// How it stands.
    pub status: RoutingStatus,
    /// Class of the last failure; empty if there was none.
    pub class: String,
    /// Status code of the last attempt or of a refusal (RFC 3463); empty before the first attempt.
    pub code: String,
    /// The last reply of the destination, shortened, or why it was refused.
    pub reply: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt_at: Option<Moment>,
    /// When something last became of it.
    pub updated_at: Moment,
    /// Whether it failed after the destination's server had taken it.
    pub bounced_late: bool,
}

/// A message from the world, and what became of it for each address of ours.
#[derive(Debug, ToSchema)]
pub struct RoutedMessage {
    /// The message's id.
    pub id: String,
    /// Whose address it came for.
    pub account_id: Option<String>,
    /// The zone of that address.
    pub zone_id: Option<String>,
    /// Its Message-ID without the angle brackets; empty if it has none, or was refused.
    pub message_id: String,
    /// Address of its author; empty if there is none.
    pub from: String,
    /// Sender of its envelope, as the client gave it; empty for the null sender.
    pub envelope_from: String,
    /// Domain of its author, or of the envelope's sender where it has none.
    pub sending_domain: String,
    /// What it is about.
    pub subject: Option<String>,
    /// Octets of content; 0 of what was refused.
    pub size: u64,
    /// When it came.
    pub accepted_at: Moment,
    /// Address of the client that handed it in.
    pub client_address: Option<String>,
    /// The name that the client gave in EHLO.
    pub helo: Option<String>,
    /// SPF, of the envelope sender or of the name in EHLO.
    pub spf: Option<CheckResult>,
    /// DKIM: the best of the signatures.
    pub dkim: Option<CheckResult>,
    /// DMARC of the author's domain.
    pub dmarc: Option<CheckResult>,
    /// ARC.
    pub arc: Option<CheckResult>,
    /// Its spam score in points; `null` if it was not scored.
    pub spam_score: Option<f64>,
    /// How many destinations it has; of what goes nowhere, how many addresses of ours it was for.
    pub recipient_count: u32,
    /// What became of it, the first thousand.
    pub recipients: Vec<RoutedState>,
}

/// What became of a message for an address of ours and one destination.
#[derive(Debug, ToSchema)]
pub struct RoutedState {
    /// The address of ours that it was for.
    pub to: Option<String>,
    /// Where it goes on to; `null` for what was dropped or refused.
    pub destination: Option<String>,
    /// How it stands.
    pub status: RoutingStatus,
    /// Class of the last failure; empty if there was none.
    pub class: String,
    /// Status code of the last attempt or of a refusal (RFC 3463); empty before the first attempt.
    pub code: String,
    /// The last reply of the destination, shortened, or why it was refused.
    pub reply: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt_at: Option<Moment>,
    /// When something last became of it.
    pub updated_at: Moment,
    /// Whether it failed after the destination's server had taken it.
    pub bounced_late: bool,
}
