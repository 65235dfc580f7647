//! Zones that take mail, and destination addresses.

use crate::{delivery::model::Moment, openapi::text::Id};
use utoipa::ToSchema;

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
    /// `forwarded` (the next server has it), `queued`, `dropped`, `heard` (news of sent mail, acted on) or `refused`.
    #[schema(inline)]
    pub outcome: LocalOutcome,
    /// What a client of SMTP would have been told.
    pub reply: String,
    /// The name under which the log has it; `null` if its recipient was not taken.
    pub message_id: Option<String>,
    /// What was found about its sender; `null` if it did not come so far.
    pub authentication: Option<AuthenticationSummary>,
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

/// A zone by how it takes mail from the world.
#[derive(Debug, ToSchema)]
pub struct RoutingZone {
    /// The zone's id.
    pub id: Id,
    /// The same.
    pub tag: Id,
    /// Its domain.
    pub name: String,
    /// Whether it takes mail.
    pub enabled: bool,
    /// Whether `user+detail` is looked for as `user`, too.
    pub support_subaddress: bool,
    /// When that was first said.
    pub created: Moment,
    /// When it was last changed.
    pub modified: Moment,
}
