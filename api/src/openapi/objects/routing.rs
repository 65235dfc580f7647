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
