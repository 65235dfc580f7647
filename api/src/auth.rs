//! Who asks, by their token.

use crate::{answer::ApiError, patient::Requests, server::AppState};
use actix_web::{HttpRequest, http::header};
use mailwright_actors::clock;
use mailwright_storage::control::Token;
use std::{rc::Rc, sync::Arc};

/// The token of a request.
///
/// Takes `Authorization: Bearer TOKEN` and the older pair `X-Auth-Email` and `X-Auth-Key`, with the token as
/// key.
///
/// # Errors
/// 401 without a token we know.
pub(crate) fn token(request: &HttpRequest, state: &AppState) -> Result<Arc<Token>, ApiError> {
    let secret = bearer(request).or_else(|| key(request)).ok_or_else(ApiError::unauthenticated)?;
    let token = state.control.authenticate(secret, clock::now()).ok_or_else(ApiError::unauthenticated)?;
    if let Some(requests) = request.conn_data::<Rc<Requests>>() {
        requests.trust();
    }
    Ok(token)
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn key(request: &HttpRequest) -> Option<&str> {
    request.headers().get("x-auth-email")?;
    request.headers().get("x-auth-key")?.to_str().ok()
}
