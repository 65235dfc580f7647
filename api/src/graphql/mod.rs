//! Analytics by GraphQL, in the words of the service: `POST /client/v4/graphql`.
//!
//! [`schema`] is made of the table of dimensions that the activity log can be asked by, [`question`] reads arguments into
//! its model, [`resolve`] asks it, [`value`] shows what it says, [`slots`] bounds how much is asked. Answers have GraphQL's
//! own shape, with errors in it and the status 200; only who is not known gets the envelope of everything else.

mod names;
mod question;
mod resolve;
mod schema;
mod slots;
mod value;

pub(crate) use slots::AT_A_TIME;

use crate::{
    access::Caller,
    answer::{self, ApiError},
    openapi::{Body, Known},
    request::body,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use async_graphql::{Request, Response, ServerError, Variables, dynamic::Schema};
use mailwright_actors::clock;
use resolve::{Asked, PATH};
use schema::{MAX_DEPTH, MAX_FIELDS};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use slots::{BUDGET, Turn};
use std::sync::LazyLock;
use utoipa::{OpenApi, ToSchema};

/// What the route is, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(query))]
pub(crate) struct Described;

/// The route.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service(answer::resource("/client/v4/graphql").route(web::post().to(query)));
}

/// The schema, or why there is none: a fault of the program, which a test finds.
static SCHEMA: LazyLock<Result<Schema, String>> =
    LazyLock::new(|| schema::build().map_err(|error| error.to_string()));

/// The media type of answers by GraphQL's specification for HTTP.
const OF_SPECIFICATION: &str = "application/graphql-response+json";

/// A query.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = GraphqlQuery)]
struct QueryBody {
    /// The document.
    query: String,
    /// Values of its variables, by name.
    #[schema(value_type = Option<Object>)]
    variables: Option<serde_json::Map<String, Value>>,
    /// Which of its operations, if it has several.
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
}

/// What became of a query.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GraphqlAnswer)]
struct QueryAnswer {
    /// What was asked for; `null` when there is an error.
    #[schema(value_type = Option<Object>)]
    data: Value,
    /// What was wrong; `null` when nothing was, and left out for clients that accept `application/graphql-response+json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<QueryError>>)]
    errors: Option<Option<Vec<QueryError>>>,
}

/// What is wrong with a query.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GraphqlError)]
struct QueryError {
    /// A sentence that says it.
    message: String,
    /// Where in the document.
    locations: Vec<QueryPlace>,
    /// Which field of the answer.
    #[schema(value_type = Option<Vec<String>>)]
    path: Option<Value>,
    /// What kind of error it is (`code`), and when it was met (`timestamp`).
    #[schema(value_type = Object)]
    extensions: Value,
}

/// A place in a document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GraphqlPlace)]
struct QueryPlace {
    /// Line, from 1.
    line: usize,
    /// Column, from 1.
    column: usize,
}

/// `POST /client/v4/graphql`: analytics, by GraphQL.
#[utoipa::path(
    post, path = "/client/v4/graphql",
    tag = "Analytics", operation_id = "query_analytics",
    request_body = QueryBody,
    responses((status = 200, body = QueryAnswer), Known, Body),
)]
async fn query(
    http: HttpRequest,
    caller: Caller,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let QueryBody { query, variables, operation_name } = body(&http, &state, payload).await?;
    let schema = SCHEMA.as_ref().map_err(|error| {
        tracing::error!(%error, "there is no schema for analytics");
        ApiError::internal("The server has no schema for analytics.")
    })?;
    let variables = Variables::from_json(Value::Object(variables.unwrap_or_default()));
    let request = Request::new(query).variables(variables);
    let request = match operation_name {
        Some(name) => request.operation_name(name),
        None => request,
    };
    let asked = Asked { caller, state, turn: Turn::new() };
    let response = schema.execute(request.data(asked)).await;
    Ok(HttpResponse::Ok().json(shown(response, no_errors(&http))))
}

/// What says that there are no errors: `null` in the words of the service, nothing in those of GraphQL's own
/// specification, whose clients do not all read the former.
fn no_errors(http: &HttpRequest) -> Option<Option<Vec<QueryError>>> {
    let mut accepted = http.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    if accepted.any(|value| value.contains(OF_SPECIFICATION)) { None } else { Some(None) }
}

/// All or nothing, as the service does it: who is told a part might take it for the whole.
fn shown(response: Response, no_errors: Option<Option<Vec<QueryError>>>) -> QueryAnswer {
    if response.errors.is_empty() {
        // Maps with strings as keys always serialise.
        return QueryAnswer { data: response.data.into_json().unwrap_or_default(), errors: no_errors };
    }
    let errors = response.errors.iter().map(told).collect();
    QueryAnswer { data: Value::Null, errors: Some(Some(errors)) }
}

fn told(error: &ServerError) -> QueryError {
    let extension = |name: &str| {
        let found = error.extensions.as_ref().and_then(|extensions| extensions.get(name)).cloned();
        found.and_then(|value| value.into_json().ok())
    };
    let (path, code) = (extension(PATH), extension("code").unwrap_or_else(|| json!("parser")));
    let locations =
        error.locations.iter().map(|at| QueryPlace { line: at.line, column: at.column }).collect();
    let (message, code) = match error.message.as_str() {
        // What the library says leaves open what to do.
        "Query is nested too deep." => {
            (format!("the query is more than {MAX_DEPTH} fields deep: nest it less"), json!(BUDGET))
        }
        "Query is too complex." => {
            (format!("the query has more than {MAX_FIELDS} fields: split it"), json!(BUDGET))
        }
        message => (message.to_owned(), code),
    };
    let extensions = json!({ "code": code, "timestamp": clock::now().to_string() });
    QueryError { message, locations, path, extensions }
}

#[cfg(test)]
mod tests;
