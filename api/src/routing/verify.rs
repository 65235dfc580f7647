//! `/verify/{secret}`: the page behind the link in a verification mail.
//!
//! Opening it confirms nothing, since programs that look for malice open every link in a mail. The button does.

use crate::{answer::ApiError, manage::change, server::AppState};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web,
};
use mailwright_actors::clock;
use mailwright_storage::control::By;

/// Nothing is loaded, run or framed, and the form goes nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; \
                      base-uri 'none'";

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}\
                     button{font:inherit;padding:.5rem 1.5rem}";

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
    let body = format!(
        "<h1>Verify {email}</h1><p>{account} would like to send mail to this address. If it is yours and you \
         agree, confirm it.</p><form method=\"post\"><button>Verify email address</button></form>"
    );
    page(StatusCode::OK, &body)
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
    Ok(page(StatusCode::OK, &format!("<h1>Thank you</h1><p>{email} is verified.</p>")))
}

fn over() -> HttpResponse {
    let body = "<h1>This link is not good any more</h1><p>It was used, it is older than a day, or there is a newer \
                one. Ask whoever wanted to write to you for another.</p>";
    page(StatusCode::NOT_FOUND, body)
}

fn page(status: StatusCode, body: &str) -> HttpResponse {
    HttpResponseBuilder::new(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("X-Robots-Tag", "noindex"))
        .body(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>Verify an email address</title>\
             <style>{STYLE}</style>{body}</html>"
        ))
}

/// Text that means nothing in HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_no_html() {
        assert_eq!(escaped("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }
}
