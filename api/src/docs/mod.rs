//! The documentation at `/docs`: the files of the folder `docs/`, as pages that load nothing from anywhere else.
//!
//! [`source`] holds the files and says which page each is, [`markdown`] turns one into HTML, [`contents`] reads the order of
//! the pages out of `docs/README.md`, [`layout`] puts what surrounds a page, [`site`] makes them all, once.

mod contents;
mod layout;
mod markdown;
mod site;
mod slug;
mod source;

use crate::{answer::ApiError, embedded::ASKED_FOR};
use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use site::SITE;

/// Adds the pages. They are for people: the description of the API does not name them.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::resource(["/docs", "/docs/{path:.*}"])
            .route(web::get().to(show))
            .route(web::head().to(show))
            .default_service(web::to(wrong_method)),
    );
}

/// `GET /docs/{path}`.
async fn show(http: HttpRequest) -> HttpResponse {
    let path = http.match_info().query("path").trim_end_matches('/');
    match SITE.files.get(path) {
        Some(file) => file.answer(&http, StatusCode::OK, ASKED_FOR),
        None => SITE.missing.answer(&http, StatusCode::NOT_FOUND, ASKED_FOR),
    }
}

async fn wrong_method() -> HttpResponse {
    let mut answer = ApiError::method_not_allowed().error_response();
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    answer
}

#[cfg(test)]
mod tests;
