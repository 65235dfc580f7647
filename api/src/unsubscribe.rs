//! `/unsubscribe/{token}`: hosted links to unsubscribe (RFC 8058), for people and for the programs of their mail
//! providers.
//!
//! Filters open every link of a message, so GET changes nothing: it shows a page with a button. What the button sends is
//! what providers send for one click.

use crate::{
    answer,
    delivery::blocking,
    html::{escaped, page},
    server::AppState,
};
use actix_web::{HttpResponse, http::StatusCode, web};
use mailwright_engine::return_path::token::UnsubscribeToken;
use mailwright_routing::return_path::Unsubscribed;

/// Most octets of what is sent; providers send 26.
const MAX_BODY: usize = 16 << 10;

/// The routes; without a token.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service(
        answer::resource("/unsubscribe/{token}")
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .route(web::get().to(ask))
            .route(web::post().to(unsubscribe)),
    );
}

/// `GET /unsubscribe/{token}`: asks whoever follows a hosted link whether to unsubscribe; changes nothing.
#[utoipa::path(
    get, path = "/unsubscribe/{token}", tag = "Server", operation_id = "ask_to_unsubscribe", security(()),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 404, body = String, content_type = "text/html"),
    ),
)]
pub(crate) async fn ask(token: web::Path<String>, state: web::Data<AppState>) -> HttpResponse {
    match state.returns.read_link(&token) {
        Ok(link) => page(StatusCode::OK, "Unsubscribe", &question(&link)),
        Err(_) => invalid(),
    }
}

/// `POST /unsubscribe/{token}`: unsubscribes; `List-Unsubscribe=One-Click` in a form of either kind (RFC 8058).
#[utoipa::path(
    post, path = "/unsubscribe/{token}", tag = "Server", operation_id = "unsubscribe", security(()),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 400, body = String, content_type = "text/html"),
        (status = 404, body = String, content_type = "text/html"),
        (status = 503, body = String, content_type = "text/html"),
    ),
)]
pub(crate) async fn unsubscribe(
    token: web::Path<String>,
    state: web::Data<AppState>,
    body: Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    let Ok(link) = state.returns.read_link(&token) else { return invalid() };
    if !body.is_ok_and(|body| is_one_click(&body)) {
        let why = "<p>The request does not say what it wants: a form with List-Unsubscribe=One-Click \
                   (RFC 8058) is expected.</p>";
        return page(StatusCode::BAD_REQUEST, "Nothing was changed", why);
    }
    let (returns, domain) = (state.returns.clone(), escaped(link.domain.as_str()));
    match blocking(move || Ok(returns.unsubscribe(&link))).await {
        Ok(Ok(Unsubscribed::Done)) => {
            let text = format!("<p>You will get no more such mail from <b>{domain}</b>.</p>");
            page(StatusCode::OK, "Unsubscribed", &text)
        }
        Ok(Ok(Unsubscribed::Gone)) => invalid(),
        Ok(Err(error)) => {
            tracing::error!(%error, "somebody could not be unsubscribed");
            later()
        }
        Err(_) => later(),
    }
}

fn later() -> HttpResponse {
    let why = "<p>That could not be noted just now. Please try again in a minute.</p>";
    page(StatusCode::SERVICE_UNAVAILABLE, "Not yet unsubscribed", why)
}

/// Whether a form holds the pair, URL-encoded or as `multipart/form-data` (RFC 7578).
fn is_one_click(body: &[u8]) -> bool {
    let holds = |words: &[u8]| body.windows(words.len()).any(|window| window == words);
    holds(b"List-Unsubscribe=One-Click") || (holds(b"\"List-Unsubscribe\"") && holds(b"One-Click"))
}

fn question(link: &UnsubscribeToken) -> String {
    let (domain, recipient) = (escaped(link.domain.as_str()), escaped(link.recipient.as_str()));
    format!(
        "<p>Stop such mail from <b>{domain}</b> to <b>{recipient}</b>?</p>\
         <form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\
         <button>Unsubscribe</button></form>"
    )
}

fn invalid() -> HttpResponse {
    let why = "<p>This is no valid link to unsubscribe. Perhaps a part of it is missing: try it from the message \
               again.</p>";
    page(StatusCode::NOT_FOUND, "Link not valid", why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::{
        address::{Domain, EmailAddress},
        class::TenantName,
        id::QueueId,
    };

    #[test]
    fn either_kind_of_form_is_one_click_and_nothing_else() {
        let multipart =
            b"--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--";
        assert!(is_one_click(b"List-Unsubscribe=One-Click") && is_one_click(multipart));
        for other in [&b""[..], b"List-Unsubscribe=", b"list=One-Click", b"\xff\xfe"] {
            assert!(!is_one_click(other), "{other:?}");
        }
    }

    #[test]
    fn an_address_is_shown_as_text() {
        let link = UnsubscribeToken {
            message: QueueId::from_raw(1),
            account: TenantName::parse("shop").unwrap(),
            domain: Domain::parse("example.org").unwrap(),
            recipient: EmailAddress::parse("\"<script>\"@example.net").unwrap(),
        };
        let shown = question(&link);
        assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script>"), "{shown}");
    }
}
