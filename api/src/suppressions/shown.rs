//! Suppressions as the service shows them.

use actix_web::HttpResponse;
use mailwright_storage::suppressions::{ListPage, Scope, Suppression};
use serde_json::{Value, json};

/// A row.
pub(super) fn row(row: &Suppression) -> Value {
    json!({
        "id": row.id.to_string(), "email": row.email.as_str(), "reason": row.reason.as_str(),
        "scope": scope(&row.scope), "created_at": row.created.to_string(),
        "expires_at": row.expires.map(|at| at.to_string()), "note": row.note, "read_only": row.read_only,
    })
}

/// What is left of a row that is gone.
pub(super) fn name(row: &Suppression) -> Value {
    json!({ "id": row.id.to_string(), "scope": scope(&row.scope) })
}

/// Where a row applies.
pub(super) fn scope(scope: &Scope) -> Value {
    match scope {
        Scope::Account => json!({ "type": "account" }),
        Scope::SendingDomain(domain) => json!({ "type": "sending_domain", "value": domain.as_str() }),
    }
}

/// A page. Where the next begins has the name that clients read and the one that the service documents.
pub(super) fn page(page: &ListPage, per_page: usize) -> HttpResponse {
    let rows: Vec<_> = page.rows.iter().map(row).collect();
    let next = page.next.as_ref().map(ToString::to_string);
    HttpResponse::Ok().json(json!({
        "success": true, "errors": [], "messages": [], "result": rows,
        "result_info": { "count": rows.len(), "cursor": next, "next_cursor": next, "per_page": per_page },
    }))
}
