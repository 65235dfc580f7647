//! Suppressions.

use crate::{
    delivery::model::Moment,
    openapi::text::{SuppressionReason, Uuid},
};
use utoipa::ToSchema;

/// An address that an account must not write to.
#[derive(Debug, ToSchema)]
pub struct Suppression {
    /// Its id.
    pub id: Uuid,
    /// The address.
    pub email: String,
    /// Why.
    pub reason: SuppressionReason,
    /// Where it applies.
    pub scope: SuppressionScope,
    /// Since when.
    pub created_at: Moment,
    /// Until when.
    pub expires_at: Option<Moment>,
    /// What somebody noted.
    pub note: Option<String>,
    /// Whether only the service may change it.
    pub read_only: bool,
}

/// Where a suppression applies.
#[derive(Debug, ToSchema)]
pub struct SuppressionScope {
    /// `account` or `sending_domain`.
    #[schema(rename = "type")]
    pub kind: String,
    /// The domain, if it is of one.
    #[schema(nullable = false)]
    pub value: Option<String>,
}

/// What is left of a suppression that was removed.
#[derive(Debug, ToSchema)]
pub struct RemovedSuppression {
    /// What its id was.
    pub id: Uuid,
    /// Where it applied.
    pub scope: SuppressionScope,
}

/// What became of many suppressions.
#[derive(Debug, ToSchema)]
pub struct BulkReport {
    /// Items given.
    pub total: u64,
    /// Those that are suppressed now.
    pub processed: u64,
    /// Those that the service manages already.
    pub skipped: u64,
    /// Those that make no sense.
    pub invalid: u64,
    /// Those that repeat another.
    pub deduplicated: u64,
    /// None: all items are stored together.
    pub errors: u64,
    /// Each that is no repetition.
    pub items: Vec<BulkItem>,
}

/// What became of an item.
#[derive(Debug, ToSchema)]
pub struct BulkItem {
    /// Its place in the request, from 0.
    pub index: u64,
    /// The address that it names, if it names one.
    pub email: Option<String>,
    /// `processed`, `skipped` or `invalid`.
    pub status: String,
    /// The suppression's id.
    #[schema(nullable = false)]
    pub id: Option<Uuid>,
    /// Where it applies.
    #[schema(nullable = false)]
    pub scope: Option<SuppressionScope>,
    /// What is wrong.
    #[schema(nullable = false)]
    pub error: Option<String>,
}
