//! `/verify/{secret}`: the page behind the link in a verification mail.
//!
//! Opening it confirms nothing, since programs that look for malice open every link in a mail. The button does.

use crate::{
    answer::ApiError,
    html::{escaped, page},
    manage::change,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use mailwright_actors::clock;
use mailwright_storage::control::By;

/// `GET /verify/{secret}`: says what it is about, with a button.
#[utoipa::path(
    get, path = "/verify/{secret}", tag = "Destination addresses", operation_id = "ask_for_verification", security(()),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 404, body = String, content_type = "text/html"),
    ),
)]
pub(super) async fn ask(secret: web::Path<String>, state: web::Data<AppState>) -> HttpResponse {
    let Some(address) = state.control.destination_of_link(&secret, clock::now()) else { return over() };
    let account = state.control.account(address.account_id.as_str());
    let account = escaped(&account.map(|account| account.name).unwrap_or_default());
    let email = escaped(address.email.as_str());
    let content = format!(
        "<p>{account} would like to send mail to this address. If it is yours and you agree, confirm it.</p>\
         <form method=\"post\"><button>Verify email address</button></form>"
    );
    page(StatusCode::OK, &format!("Verify {email}"), &content)
}

/// `POST /verify/{secret}`: takes it for the owner's word.
#[utoipa::path(
    post, path = "/verify/{secret}", tag = "Destination addresses", operation_id = "confirm_verification", security(()),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 404, body = String, content_type = "text/html"),
    ),
)]
pub(super) async fn confirm(
    http: HttpRequest,
    secret: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let from = http.peer_addr().map(|peer| peer.ip());
    let by = By { from, ..By::server(clock::now()) };
    let verified = change(&state, move |control| control.verify_destination(&secret, &by)).await?;
    let Some(address) = verified else { return Ok(over()) };
    let email = escaped(address.email.as_str());
    Ok(page(StatusCode::OK, "Thank you", &format!("<p>{email} is verified.</p>")))
}

fn over() -> HttpResponse {
    let why = "<p>It was used, it is older than a day, or there is a newer one. Ask whoever wanted to write to you for \
               another.</p>";
    page(StatusCode::NOT_FOUND, "This link is not good any more", why)
}
