//! The dashboard: its page at `/`, what the page is made of under `/assets/`, and [`session`]s, so that a browser holds no
//! token.
//!
//! It is one page; which part of it is shown stands behind the `#` of its address. So no path below `/` is taken from the
//! API, and whatever there is not answers as everywhere.

mod files;
mod session;

pub(crate) use session::SignIns;

use crate::{
    answer::{self, ApiError},
    embedded::{ASKED_FOR, FOR_EVER},
    openapi::Lookup,
    server::AppState,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use utoipa::OpenApi;

/// What its page may do: run and load what is ours, and show mail in frames that sandbox themselves. Nothing inline, nothing
/// from elsewhere, and nobody else may show it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      font-src 'self'; frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
/// What no page of ours needs of a device.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()";

/// What the routes are, for the description of the API.
#[derive(OpenApi)]
#[openapi(paths(page, asset, session::begin, session::show, session::end))]
pub(crate) struct Described;

/// The routes.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(answer::resource("/").route(web::get().to(page)).route(web::head().to(page)))
        .service(answer::resource("/assets/{name}").route(web::get().to(asset)).route(web::head().to(asset)))
        .service(
            answer::resource("/session")
                .app_data(web::PayloadConfig::new(session::MAX_BODY))
                .route(web::post().to(session::begin))
                .route(web::get().to(session::show))
                .route(web::delete().to(session::end)),
        );
}

/// `GET /`: the dashboard's page.
#[utoipa::path(
    get, path = "/", tag = "Dashboard", operation_id = "get_dashboard", security(()),
    responses((status = 200, body = String, content_type = "text/html"), (status = 304), Lookup),
)]
async fn page(http: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    let mut answer = file(&http, &state, "index.html", ASKED_FOR)?;
    let headers = answer.headers_mut();
    for (name, value) in [("content-security-policy", POLICY), ("permissions-policy", PERMISSIONS)] {
        headers.insert(header::HeaderName::from_static(name), header::HeaderValue::from_static(value));
    }
    Ok(answer)
}

/// `GET /assets/{name}`: what the page is made of.
#[utoipa::path(
    get, path = "/assets/{name}", tag = "Dashboard", operation_id = "get_asset", security(()),
    responses((status = 200, body = String, content_type = "*/*"), (status = 304), Lookup),
)]
async fn asset(
    http: HttpRequest,
    name: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    file(&http, &state, &format!("assets/{name}"), FOR_EVER)
}

fn file(
    http: &HttpRequest,
    state: &AppState,
    path: &str,
    caching: &'static str,
) -> Result<HttpResponse, ApiError> {
    is_on(state)?;
    let file = files::find(path).ok_or_else(ApiError::not_found)?;
    Ok(file.answer(http, StatusCode::OK, caching))
}

/// # Errors
/// 404 where the dashboard is turned off.
fn is_on(state: &AppState) -> Result<(), ApiError> {
    if state.settings.dashboard { Ok(()) } else { Err(ApiError::not_found()) }
}
