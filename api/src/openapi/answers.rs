//! The envelopes of answers, and the refusals that many routes share.

use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{ObjectBuilder, Ref, RefOr, Response, Schema, schema::SchemaType},
};

/// A successful answer.
#[derive(Debug, ToSchema)]
pub struct Answer<T> {
    /// That it is one.
    #[schema(schema_with = yes)]
    pub success: bool,
    /// Nothing.
    #[schema(max_items = 0)]
    pub errors: Vec<ErrorEntry>,
    /// What a person should know besides.
    pub messages: Vec<String>,
    /// What was asked for.
    pub result: T,
}

/// A page of a list whose pages are numbered.
#[derive(Debug, ToSchema)]
pub struct PageOf<T> {
    /// That it is a successful answer.
    #[schema(schema_with = yes)]
    pub success: bool,
    /// Nothing.
    #[schema(max_items = 0)]
    pub errors: Vec<ErrorEntry>,
    /// Nothing so far.
    pub messages: Vec<String>,
    /// The objects of the page.
    pub result: Vec<T>,
    /// Which page it is.
    pub result_info: PageInfo,
}

/// A page of a list that goes on at a cursor.
#[derive(Debug, ToSchema)]
pub struct Stretch<T> {
    /// That it is a successful answer.
    #[schema(schema_with = yes)]
    pub success: bool,
    /// Nothing.
    #[schema(max_items = 0)]
    pub errors: Vec<ErrorEntry>,
    /// Nothing so far.
    pub messages: Vec<String>,
    /// The objects of the page.
    pub result: Vec<T>,
    /// Where the list goes on.
    pub result_info: StretchInfo,
}

/// Which page of a list it is.
#[derive(Debug, ToSchema)]
pub struct PageInfo {
    /// Its number, from 1.
    #[schema(minimum = 1)]
    pub page: u64,
    /// Most objects of a page.
    pub per_page: u64,
    /// Objects of this page.
    pub count: u64,
    /// Objects of all pages.
    pub total_count: u64,
    /// Pages.
    pub total_pages: u64,
}

/// Where a list goes on.
#[derive(Debug, ToSchema)]
pub struct StretchInfo {
    /// Objects of this page.
    pub count: u64,
    /// What to ask for the next page with; `null` on the last.
    pub cursor: Option<String>,
    /// The same, by the other name that clients know.
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
    /// Most objects of a page.
    pub per_page: u64,
}

/// A refusal.
#[derive(Debug, ToSchema)]
pub struct Refusal {
    /// That it is one.
    #[schema(schema_with = no)]
    pub success: bool,
    /// Why.
    #[schema(min_items = 1)]
    pub errors: Vec<ErrorEntry>,
    /// Nothing so far.
    pub messages: Vec<String>,
    /// Nothing.
    #[schema(schema_with = nothing)]
    pub result: Option<bool>,
}

/// Why something is refused.
#[derive(Debug, ToSchema)]
pub struct ErrorEntry {
    /// The service's number for it.
    pub code: u32,
    /// The service's name for it.
    pub message: String,
    /// The finer cause as one line.
    #[schema(nullable = false)]
    pub error_chain: Option<Vec<ErrorLink>>,
    /// The finer cause, for programs.
    #[schema(nullable = false, pattern = "^E_[A-Z_]+$")]
    pub reason: Option<String>,
    /// The finer cause, for people: what is wrong and what to do.
    #[schema(nullable = false)]
    pub detail: Option<String>,
    /// Where in the request.
    #[schema(nullable = false)]
    pub field: Option<String>,
    /// Which limit it is about.
    #[schema(nullable = false)]
    pub limit: Option<ErrorLimit>,
    /// After how many seconds to try again.
    #[schema(nullable = false)]
    pub retry_after: Option<u64>,
}

/// Which limit something is about.
#[derive(Debug, ToSchema)]
pub struct ErrorLimit {
    /// `account`, `domain`, `recipient` or `token`.
    pub scope: String,
    /// `second`, `hour` or `day`.
    pub window: String,
}

/// A finer cause.
#[derive(Debug, ToSchema)]
pub struct ErrorLink {
    /// The number of the error.
    pub code: u32,
    /// The finer cause and a sentence.
    pub message: String,
}

fn constant(value: Value) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some([value])).into()
}

fn yes() -> RefOr<Schema> {
    constant(true.into())
}

fn no() -> RefOr<Schema> {
    constant(false.into())
}

fn nothing() -> RefOr<Schema> {
    constant(Value::Null)
}

/// A refusal that many routes share, with the name it has in the document.
pub(super) struct Shared {
    pub(super) status: u16,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// Whether it says when to try again.
    pub(super) retry_after: bool,
}

const fn shared(status: u16, name: &'static str, description: &'static str) -> Shared {
    Shared { status, name, description, retry_after: matches!(status, 429 | 503) }
}

/// All of them.
pub(super) const SHARED: [Shared; 9] = [
    shared(400, "BadRequest", "What was sent makes no sense; `field` says where, `detail` what to do."),
    shared(401, "Unauthenticated", "No token, or none that is known."),
    shared(403, "Forbidden", "The token is not good for this, or the sender may not send."),
    shared(404, "NotFound", "There is no such object, or the token may not know of it."),
    shared(408, "TimedOut", "The request body did not come in time."),
    shared(409, "Conflict", "Not now: it is being worked on, or on its way already."),
    shared(422, "KeyReused", "The Idempotency-Key was used for another request."),
    shared(429, "TooMany", "Too much of it within a time."),
    shared(503, "Unavailable", "Not possible for now: too much work, no room, or the server is stopping."),
];

fn responses_with(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let wanted = SHARED.iter().filter(|shared| statuses.contains(&shared.status));
    wanted
        .map(|shared| (shared.status.to_string(), RefOr::Ref(Ref::from_response_name(shared.name))))
        .collect()
}

/// Declares refusals that routes name together.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $statuses:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                responses_with(&$statuses)
            }
        }
    )*};
}

refusals! {
    /// Of every route with a token.
    Known = [401, 403, 503];
    /// Of routes without a token that take nothing from other sites' pages.
    Guarded = [403, 404, 503];
    /// Of routes with ids.
    Lookup = [404];
    /// Of routes with something to read wrongly.
    Input = [400];
    /// Of routes with a body.
    Body = [400, 408];
    /// Of routes that carry a request out once.
    Once = [409, 422];
    /// Of routes that change what moves by itself.
    Moving = [409];
    /// Of routes with limits.
    Limited = [429];
}
