//! The envelope of every answer, errors included.

use crate::{health, openapi};
use actix_web::{
    HttpRequest, HttpResponse, Resource, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use mailwright_actors::{
    clock, control::OrderError, intake::IntakeError, outgoing::UnsubscribeError, suppressed::SuppressedError,
};
use mailwright_engine::{
    limits::{Refusal, Scope, Window},
    message::{SendError, SendErrorCode},
};
use mailwright_storage::control::{ControlError, RuleError, SenderError};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{borrow::Cow, fmt, time::Duration};

/// When a client that met a full disk or an overload should try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What the service says of whoever is too fast.
const THROTTLED: &str = "email.sending.error.throttled";

/// A successful answer around `result`.
pub fn success(result: impl Serialize) -> HttpResponse {
    success_noting(result, None)
}

/// A successful answer that has something more to tell a person.
pub(crate) fn success_noting(result: impl Serialize, note: Option<String>) -> HttpResponse {
    let messages: Vec<_> = note.into_iter().collect();
    HttpResponse::Ok().json(json!({ "success": true, "errors": [], "messages": messages, "result": result }))
}

/// One page of a list, with where the next begins.
pub(crate) fn page(
    result: impl Serialize,
    count: usize,
    cursor: Option<&str>,
    per_page: usize,
) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "success": true, "errors": [], "messages": [], "result": result,
        "result_info": { "count": count, "cursor": cursor, "per_page": per_page },
    }))
}

/// A refusal: an HTTP status, the service's number and name for it, and what a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: u32,
    message: Cow<'static, str>,
    /// The finer cause: published code, field, sentence.
    cause: Option<SendError>,
    retry_after: Option<Duration>,
    /// Which limit it is about.
    limit: Option<(Scope, Window)>,
}

impl ApiError {
    pub(crate) const fn new(status: StatusCode, code: u32, message: &'static str) -> Self {
        Self { status, code, message: Cow::Borrowed(message), cause: None, retry_after: None, limit: None }
    }

    /// The same with its finer cause.
    pub(crate) fn because(
        mut self,
        code: SendErrorCode,
        field: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        self.cause = Some(SendError::new(code, field, why));
        self
    }

    /// The same with its sentence as message, for clients that look there.
    pub(crate) fn said_by_its_message(mut self) -> Self {
        self.message = Cow::Owned(self.detail().to_owned());
        self
    }

    /// The body is not what the route takes.
    pub fn schema(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 10001, "email.sending.error.invalid_request_schema").because(
            SendErrorCode::ValidationError,
            field,
            why,
        )
    }

    /// No Content-Length.
    pub fn no_content_length() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 10201, "email.sending.error.email.no_content_length").because(
            SendErrorCode::ValidationError,
            "",
            "The request has no Content-Length header.",
        )
    }

    /// More than a message may hold.
    pub fn too_big(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 10202, "email.sending.error.email.too_big").because(
            SendErrorCode::ContentTooLarge,
            "",
            why,
        )
    }

    /// The sender's domain is not set up.
    pub fn sending_disabled(code: SendErrorCode, field: &str, why: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, 10203, "email.sending.error.email.sending_disabled")
            .because(code, field, why)
    }

    /// No token, or none that we know.
    pub const fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 10000, "Authentication error")
    }

    /// The same with a sentence, for what is refused for one cause only.
    pub(crate) fn with_detail(self, why: &'static str) -> Self {
        self.because(SendErrorCode::ValidationError, "", why)
    }

    /// The session of a browser, shown by another page than the dashboard's.
    pub(crate) fn from_elsewhere() -> Self {
        Self::forbidden().with_detail(
            "A session is good for the dashboard's own page only; other programs send Authorization: Bearer TOKEN.",
        )
    }

    /// A token that is not good for this.
    pub const fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, 10000, "Authentication error")
    }

    /// A suppression's scope is what it was made with.
    pub(crate) fn scope_immutable() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 10001, "scope_immutable").because(
            SendErrorCode::ValidationError,
            "scope",
            "The scope of a suppression cannot be changed: delete it and create another.",
        )
    }

    /// It is the service's to change.
    pub(crate) fn read_only(why: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, 10001, "read_only").because(SendErrorCode::ValidationError, "", why)
    }

    /// Too much of it within a time; the next may be after `pause`.
    pub(crate) fn throttled(why: impl Into<String>, pause: Duration) -> Self {
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, 10004, THROTTLED).because(
            SendErrorCode::RateLimitExceeded,
            "",
            why,
        );
        error.retry_after = Some(pause);
        error
    }

    /// A limit: when to try again, or that the message has to be split.
    pub(crate) fn limited(refusal: &Refusal) -> Self {
        let why = sentence(&refusal.to_string());
        let code = match (refusal.again, refusal.window) {
            (None, _) => return SendError::new(SendErrorCode::TooManyRecipients, "to", why).into(),
            (Some(_), Window::Day) => SendErrorCode::DailyLimitExceeded,
            (Some(_), Window::Second | Window::Hour) => SendErrorCode::RateLimitExceeded,
        };
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, 10004, THROTTLED).because(code, "", why);
        error.retry_after = refusal.again.map(|again| again.since(clock::now()));
        error.limit = Some((refusal.scope, refusal.window));
        error
    }

    /// What a person should know; empty if the message says it all.
    pub(crate) fn detail(&self) -> &str {
        self.cause.as_ref().map_or("", |cause| &cause.message)
    }

    /// An operator asked for something that makes no sense; `field` says where.
    pub(crate) fn senseless(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 10001, "delivery.error.invalid_request").because(
            SendErrorCode::ValidationError,
            field,
            why,
        )
    }

    /// There is no such object, or none that the caller may know of.
    pub(crate) fn no_object(kind: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 7003, "Object not found").because(
            SendErrorCode::ValidationError,
            "",
            format!("There is no {kind} with this id, or this token may not see it."),
        )
    }

    /// There is one already.
    pub(crate) fn taken(why: impl Into<String>) -> Self {
        // Not 409, which the service's clients take for a reason to try again.
        Self::new(StatusCode::BAD_REQUEST, 1061, "Object already exists").because(
            SendErrorCode::ValidationError,
            "name",
            why,
        )
    }

    /// A request with this key is being worked on.
    pub(crate) fn key_under_way() -> Self {
        let mut error =
            Self::new(StatusCode::CONFLICT, 10409, "email.sending.error.idempotency_key_in_use").because(
                SendErrorCode::ValidationError,
                "Idempotency-Key",
                "A request with this Idempotency-Key is being worked on: ask again in a moment for its answer.",
            );
        error.retry_after = Some(Duration::from_secs(1));
        error
    }

    /// The key was used for something else.
    pub(crate) fn key_reused() -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, 10422, "email.sending.error.idempotency_key_reused")
            .because(
                SendErrorCode::ValidationError,
                "Idempotency-Key",
                "This Idempotency-Key was used for another request: give each request a key of its own.",
            )
    }

    /// It is too late for that.
    pub(crate) fn too_late(why: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, 10410, "email.sending.error.already_due").because(
            SendErrorCode::ValidationError,
            "",
            why,
        )
    }

    /// An operator asked for something that is not there.
    pub(crate) fn nothing_there(why: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, 10404, "delivery.error.not_found").because(
            SendErrorCode::ValidationError,
            "",
            why,
        )
    }

    /// No such route.
    pub const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, 7003, "No route for that URI")
    }

    /// The route does not take this method.
    pub const fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 10405, "Method not allowed for this URI")
    }

    /// A fault of ours; `why` must hold nothing secret.
    pub fn internal(why: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 10002, "email.sending.error.internal_server").because(
            SendErrorCode::InternalServerError,
            "",
            why,
        )
    }

    /// The body did not come in time.
    pub fn timed_out() -> Self {
        let mut error = Self::schema("", "The request body did not come in time.");
        error.status = StatusCode::REQUEST_TIMEOUT;
        error
    }

    /// A fault of ours that passes; `why` must hold nothing secret.
    pub(crate) fn unavailable(why: impl Into<String>) -> Self {
        let mut error = Self::internal(why);
        error.status = StatusCode::SERVICE_UNAVAILABLE;
        error.retry_after = Some(RETRY_AFTER);
        error
    }

    /// The published code of what is wrong, if it has one.
    pub(crate) fn send_code(&self) -> Option<SendErrorCode> {
        self.cause.as_ref().map(|cause| cause.code)
    }

    /// The error as lists of errors have it.
    pub(crate) fn entry(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), self.code.into());
        error.insert("message".into(), self.message.as_ref().into());
        if let Some(SendError { code, field, message }) = &self.cause {
            let chain = json!([{ "code": self.code, "message": format!("{code}: {message}") }]);
            error.insert("error_chain".into(), chain);
            error.insert("reason".into(), code.as_str().into());
            error.insert("detail".into(), message.as_str().into());
            if !field.is_empty() {
                error.insert("field".into(), field.as_str().into());
            }
        }
        if let Some((scope, window)) = self.limit {
            error.insert("limit".into(), json!({ "scope": scope, "window": window }));
        }
        if let Some(pause) = self.retry_after {
            error.insert("retry_after".into(), whole_seconds(pause).into());
        }
        error.into()
    }

    fn body(&self) -> Value {
        json!({ "success": false, "errors": [self.entry()], "messages": [], "result": null })
    }
}

impl From<SendError> for ApiError {
    fn from(cause: SendError) -> Self {
        let base = match cause.code {
            SendErrorCode::ContentTooLarge => Self::too_big(""),
            SendErrorCode::ValidationError | SendErrorCode::FieldMissing => Self::schema("", ""),
            _ => Self::new(StatusCode::BAD_REQUEST, 10200, "email.sending.error.email.invalid"),
        };
        Self { cause: Some(cause), ..base }
    }
}

impl From<IntakeError> for ApiError {
    fn from(error: IntakeError) -> Self {
        match &error {
            IntakeError::TooManyRecipients(_) => {
                SendError::new(SendErrorCode::TooManyRecipients, "to", error.to_string()).into()
            }
            IntakeError::ChangedTooOften => Self::too_late(sentence(&error.to_string())),
            IntakeError::NotAllowed(_) => {
                let why = sentence(&error.to_string());
                SendError::new(SendErrorCode::RecipientNotAllowed, "to", why).into()
            }
            IntakeError::Limited(refusal) => Self::limited(refusal),
            IntakeError::Hint(_) => {
                SendError::new(SendErrorCode::HeaderValueInvalid, "headers", error.to_string()).into()
            }
            IntakeError::Unsubscribe(error) => Self::from(*error),
            IntakeError::Signing(_) => Self::internal("The message could not be signed."),
            IntakeError::QueueFull => Self::unavailable("The queue is full; try again later."),
            IntakeError::Busy => Self::unavailable("Too much mail is waiting; try again in a moment."),
            // What the disk said is for our log: it names folders.
            IntakeError::Storage(storage) if storage.is_disk_full() => {
                Self::unavailable("There is no room for more mail; try again later.")
            }
            IntakeError::Storage(_) => {
                Self::unavailable("The message could not be stored for now; try again later.")
            }
        }
    }
}

impl From<UnsubscribeError> for ApiError {
    fn from(error: UnsubscribeError) -> Self {
        Self::schema("unsubscribe", sentence(&error.to_string()))
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::NotFound { kind, .. } => Self::no_object(kind),
            ControlError::Taken(_) => Self::taken(format!("{error}.")),
            ControlError::NoName(_)
            | ControlError::OutsideZone { .. }
            | ControlError::Name
            | ControlError::Address(_) => Self::schema("name", format!("{error}.")),
            ControlError::InUse(_) | ControlError::Full { .. } => Self::schema("", format!("{error}.")),
            ControlError::NoPermission => Self::schema("policies", format!("{error}.")),
            ControlError::Rule(error) => Self::schema(field_of(&error), format!("{error}.")),
            ControlError::Storage(_) | ControlError::Key(_) | ControlError::Randomness => {
                tracing::error!(%error, "the configuration was not changed");
                Self::unavailable("The change could not be stored; the server's log says why.")
            }
        }
    }
}

/// What of a rule is wrong.
fn field_of(error: &RuleError) -> &'static str {
    match error {
        RuleError::OutsideZone { .. } | RuleError::LocalPart(_) => "matchers[0].value",
        RuleError::CatchAll => "matchers",
        RuleError::Destination(_) | RuleError::Destinations | RuleError::Worker => "actions[0].value",
        RuleError::Name => "name",
        RuleError::OwnerTag => "owner_worker_tag",
    }
}

impl From<SuppressedError> for ApiError {
    fn from(error: SuppressedError) -> Self {
        match error {
            SuppressedError::Refused(_) => {
                let why = sentence(&error.to_string());
                SendError::new(SendErrorCode::RecipientSuppressed, "to", why).into()
            }
            SuppressedError::Unknown(error) => error.into(),
        }
    }
}

impl From<SenderError> for ApiError {
    fn from(error: SenderError) -> Self {
        let code = match error {
            SenderError::NotAvailable(_) | SenderError::Disabled(_) => {
                SendErrorCode::SenderDomainNotAvailable
            }
            SenderError::NotVerified(_) => SendErrorCode::SenderNotVerified,
        };
        Self::sending_disabled(code, "from", sentence(&error.to_string()))
    }
}

/// Words as a sentence of their own.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).chain(['.']).collect()
}

impl From<OrderError> for ApiError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Invalid(why) => Self::senseless("", why),
            OrderError::Stopping => Self::unavailable("The server is stopping; try again after its restart."),
            OrderError::Storage(_) | OrderError::Control(_) => {
                tracing::error!(%error, "an order was not carried out");
                Self::unavailable("The queue could not be read or changed; the server's log says why.")
            }
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(pause) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, whole_seconds(pause)));
        }
        response.json(self.body())
    }
}

/// Rounded up: who comes back then does not come too early.
fn whole_seconds(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX)
}

/// Answers what no route matches.
pub(crate) async fn unknown_route() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found())
}

/// A path, on which methods without a route get an answer of their own.
pub(crate) fn resource(path: &str) -> Resource {
    #[cfg(test)]
    tests::PATHS.with_borrow_mut(|paths| paths.insert(path.to_owned()));
    web::resource(path).default_service(web::to(wrong_method))
}

/// Answers a known path with a method it does not take, and says which it takes (RFC 9110 section 15.5.6).
async fn wrong_method(http: HttpRequest) -> HttpResponse {
    let path = http.match_pattern().unwrap_or_default();
    let mut methods = openapi::methods(&path);
    if health::PATHS.contains(&path.as_str()) {
        methods.push("HEAD".to_owned());
    }
    let mut answer = ApiError::method_not_allowed().error_response();
    if let Ok(allowed) = HeaderValue::from_str(&methods.join(", ")) {
        answer.headers_mut().insert(header::ALLOW, allowed);
    }
    answer
}

/// Turns errors of the HTTP layer itself (a body that breaks off …) into envelopes.
pub(crate) fn body_error(error: &actix_web::Error) -> ApiError {
    ApiError::schema("", format!("The request body could not be read: {error}."))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use mailwright_storage::StorageError;
    use std::{cell::RefCell, collections::BTreeSet};

    thread_local! {
        /// The paths that were made on this thread.
        pub(crate) static PATHS: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
    }

    #[test]
    fn tells_clients_nothing_of_our_disk() {
        let dir = std::path::PathBuf::from("/var/lib/mailwright/spool");
        let failures = [
            StorageError::DiskFull { dir, min_free: 7 },
            StorageError::JournalFailed { reason: "sync /var/lib/mailwright/spool/0.journal: EIO".into() },
        ];
        for failure in failures {
            let error = ApiError::from(IntakeError::from(failure));
            assert!(!error.body().to_string().contains("/var"), "{error:?}");
            assert_eq!((error.status.as_u16(), error.retry_after), (503, Some(RETRY_AFTER)));
        }
    }
}
