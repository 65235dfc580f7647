//! What is said of Workers, keys and queues that there are not or that make no sense, by the service's numbers.

use crate::answer::ApiError;
use actix_web::http::StatusCode;
use mailwright_engine::message::SendErrorCode;

const INVALID: SendErrorCode = SendErrorCode::ValidationError;

impl ApiError {
    /// There is no Worker of this name.
    pub(super) fn no_worker() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10007, "workers.api.error.script_not_found").because(
            INVALID,
            "",
            "There is no Worker of this name in the account: wrangler deploy makes it.",
        )
    }

    /// The same, as the older routes say it.
    pub(super) fn no_service() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10090, "workers.api.error.service_not_found").because(
            INVALID,
            "",
            "There is no Worker of this name in the account: wrangler deploy makes it.",
        )
    }

    /// It has nothing of this name or id.
    pub(super) fn nothing_of_worker(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 10056, "workers.api.error.not_found").because(
            INVALID,
            "",
            format!("The Worker has no {what} of this name."),
        )
    }

    /// What was uploaded is no Worker.
    pub(super) fn upload(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 10021, "").because(INVALID, field, why).said_by_its_message()
    }

    /// A binding makes no sense.
    pub(super) fn binding(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::upload(field, why)
    }

    /// There is nothing to take over.
    pub(super) fn inherit(name: &str) -> Self {
        let why = format!("inherit binding '{name}' is invalid: the version before has no such binding.");
        Self::new(StatusCode::BAD_REQUEST, 10057, "").because(INVALID, "bindings", why).said_by_its_message()
    }

    /// There is no such key.
    pub(super) fn no_key() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10009, "get: 'key not found'").because(
            INVALID,
            "",
            "There is no such key in the namespace, or it has expired.",
        )
    }

    /// There is no such namespace.
    pub(super) fn no_namespace() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10013, "namespace not found").because(
            INVALID,
            "",
            "There is no namespace of keys with this id in the account.",
        )
    }

    /// There is no such queue.
    pub(super) fn no_queue() -> Self {
        Self::new(StatusCode::NOT_FOUND, 11000, "queue not found").because(
            INVALID,
            "",
            "There is no queue with this id in the account.",
        )
    }

    /// There is one of this title or name already.
    pub(super) fn name_taken(code: u32, field: &str, why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "").because(INVALID, field, why).said_by_its_message()
    }
}
