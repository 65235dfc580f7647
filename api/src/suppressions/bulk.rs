//! Many suppressions in one request.

use super::{read::CreateBody, shown, with};
use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{Answer, Body, Known, Lookup, objects::suppressions::BulkReport},
    request::body,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::clock;
use mailwright_engine::time::UnixMillis;
use mailwright_storage::{
    control::Permission,
    suppressions::{AddressKey, NewSuppression, Recorded, Scope, Stored},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use utoipa::ToSchema;

/// Most items of a request.
const MAX_ITEMS: usize = 1_000;
/// The word for items that became rows, or were rows.
const PROCESSED: &str = "processed";
/// The word for items that make no sense.
const INVALID: &str = "invalid";
/// The word for items whose row is the service's.
const SKIPPED: &str = "skipped";

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SuppressionItems)]
struct BulkBody {
    /// Each as it comes: one that makes no sense does not spoil the others.
    #[schema(value_type = Vec<CreateBody>, max_items = 1_000)]
    items: Vec<Value>,
}

/// `POST …/suppressions/bulk {items:[{email, expires_at?, note?, scope?}]}`. All items that make sense are stored
/// together, or none.
#[utoipa::path(
    post, path = "/client/v4/accounts/{account_id}/email/sending/suppressions/bulk",
    tag = "Suppressions", operation_id = "import_suppressions",
    request_body = BulkBody, responses((status = 200, body = Answer<BulkReport>), Known, Lookup, Body),
)]
pub(super) async fn import(
    http: HttpRequest,
    caller: Caller,
    account: web::Path<String>,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account(&state, &account, Permission::SuppressionEdit)?;
    let BulkBody { items } = body(&http, &state, payload).await?;
    if items.len() > MAX_ITEMS {
        let why = format!("{} items given, maximum is {MAX_ITEMS}.", items.len());
        return Err(ApiError::schema("items", why));
    }
    let now = clock::now();
    let total = items.len();
    let (read, new) = read_all(items, now);
    let stored = with(&state, move |store| store.import(&account.id, new, now)).await?;
    Ok(answer::success(report(total, read, stored)))
}

/// An item that is not a repetition: its place, the address it names and, unless it is to be stored, what is wrong.
struct ReadItem {
    index: usize,
    email: Option<String>,
    wrong: Option<String>,
}

/// Reads items; those to be stored come second, in the order of those that nothing is wrong with. Repetitions are
/// left out.
fn read_all(items: Vec<Value>, now: UnixMillis) -> (Vec<ReadItem>, Vec<NewSuppression>) {
    let (mut read, mut valid) = (Vec::new(), Vec::new());
    let mut seen: HashSet<(AddressKey, Scope)> = HashSet::new();
    for (index, item) in items.into_iter().enumerate() {
        let email = item.get("email").and_then(Value::as_str).map(ToOwned::to_owned);
        let new = (item.is_object().then_some(item).ok_or_else(|| "The item is no object.".to_owned()))
            .and_then(|item| {
                let read = serde_path_to_error::deserialize::<_, CreateBody>(item);
                read.map_err(|error| format!("The item is not valid: {error}."))
            })
            .and_then(|item| item.read(now).map_err(|error| error.detail().to_owned()));
        match new {
            Ok(new) => {
                if seen.insert((AddressKey::of(&new.email), new.scope.clone())) {
                    read.push(ReadItem { index, email, wrong: None });
                    valid.push(new);
                }
            }
            Err(wrong) => read.push(ReadItem { index, email, wrong: Some(wrong) }),
        }
    }
    (read, valid)
}

/// What became of each item, and how many of each kind.
fn report(total: usize, read: Vec<ReadItem>, stored: Vec<Stored>) -> Value {
    let deduplicated = total - read.len();
    let mut stored = stored.into_iter();
    let items: Vec<Value> = read.into_iter().map(|item| outcome(item, &mut stored)).collect();
    let count = |status: &str| items.iter().filter(|item| item["status"] == status).count();
    json!({
        "total": total, "processed": count(PROCESSED), "skipped": count(SKIPPED), "invalid": count(INVALID),
        "deduplicated": deduplicated, "errors": 0, "items": items,
    })
}

fn outcome(item: ReadItem, stored: &mut impl Iterator<Item = Stored>) -> Value {
    let mut fields = Map::new();
    fields.insert("index".to_owned(), item.index.into());
    fields.insert("email".to_owned(), item.email.into());
    let stored = if item.wrong.is_none() { stored.next() } else { None };
    let (status, error) = match &stored {
        Some(Stored { row, recorded: Recorded::Unchanged }) if row.read_only => {
            let why = format!("The service manages this suppression already (reason {}).", row.reason);
            (SKIPPED, Some(why))
        }
        Some(Stored { row, .. }) => {
            fields.insert("id".to_owned(), row.id.to_string().into());
            (PROCESSED, None)
        }
        None => (INVALID, item.wrong),
    };
    if let Some(Stored { row, .. }) = &stored {
        fields.insert("scope".to_owned(), shown::scope(&row.scope));
    }
    fields.insert("status".to_owned(), status.into());
    if let Some(error) = error {
        fields.insert("error".to_owned(), error.into());
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_left_out_and_faults_are_told_by_item() {
        let items = vec![
            json!({"email": "Ann@example.org"}),
            json!({"email": "ann@EXAMPLE.org"}),
            json!({"email": "ann@example.org", "scope": {"type": "sending_domain", "value": "a.example"}}),
            json!({"email": "nobody"}),
            json!(7),
            json!(["dan@example.org"]),
            json!({"email": "bob@example.org", "scope": {"type": "sending_domain", "value": "a b"}}),
            json!({"email": "cid@example.org"}),
        ];
        let (read, new) = read_all(items, UnixMillis::new(0));
        let indexes: Vec<_> = read.iter().map(|item| (item.index, item.wrong.is_some())).collect();
        assert_eq!(indexes, [(0, false), (2, false), (3, true), (4, true), (5, true), (6, true), (7, false)]);
        let emails: Vec<_> = new.iter().map(|new| new.email.to_string()).collect();
        assert_eq!(emails, ["Ann@example.org", "ann@example.org", "cid@example.org"]);
        assert_eq!(read[2].email.as_deref(), Some("nobody"));
    }
}
