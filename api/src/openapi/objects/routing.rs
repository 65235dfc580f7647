//! Destination addresses.

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
