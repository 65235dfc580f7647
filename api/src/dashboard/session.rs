//! `/session`: signing in with a token, so that the browser need not hold it.
//!
//! What it holds instead is a cookie that scripts cannot read and other sites cannot send. [`auth`](crate::auth) takes it in
//! place of a token.

use super::is_on;
use crate::{
    access::Caller,
    answer::{self, ApiError},
    auth,
    delivery::blocking,
    openapi::{
        Answer, Body, Guarded, Known, Limited, Lookup,
        objects::accounts::{NoFields, Session},
    },
    request,
    server::AppState,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use mailwright_actors::{
    clock,
    smtp::guard::{AddressLimits, Guard, Penalty},
};
use mailwright_storage::control::{SESSION_LONGEST, SessionSecret, Token};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};
use utoipa::ToSchema;

/// Most octets of what is sent to sign in; a token has 40.
pub(super) const MAX_BODY: usize = 4 << 10;

/// What one address may try. Nobody finds a token by trying: this keeps whoever tries from being of weight.
const LIMITS: AddressLimits = AddressLimits {
    sessions: 20,
    failures: 100,
    at_once: 2,
    memory: Duration::from_secs(600),
    sessions_per_minute: 0,
    messages_per_minute: 0,
};

/// Who tries to sign in, shared by all workers.
#[derive(Debug, Clone)]
pub(crate) struct SignIns(Arc<Guard>);

impl Default for SignIns {
    fn default() -> Self {
        Self(Arc::new(Guard::new(LIMITS)))
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = SignIn)]
struct SignInBody {
    /// The value of an API token.
    token: String,
}

/// `POST /session {token}`: signs in; the answer sets a cookie that is good in place of the token.
#[utoipa::path(
    post, path = "/session", tag = "Dashboard", operation_id = "sign_in", security(()),
    request_body = SignInBody,
    responses((status = 200, body = Answer<Session>), Known, Lookup, Body, Limited),
)]
pub(super) async fn begin(
    http: HttpRequest,
    state: web::Data<AppState>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    is_on(&state)?;
    if auth::is_from_elsewhere(&http) {
        return Err(ApiError::from_elsewhere());
    }
    let SignInBody { token } = request::parse(&body.map_err(|error| answer::body_error(&error))?)?;
    let (token, secret) = try_in(&http, &state, token).await?;
    let mut answer = answer::success(shown(&state, Some(&token)));
    set_cookie(&http, &mut answer, secret.reveal(), SESSION_LONGEST);
    Ok(answer)
}

/// Begins a session, the later the more wrong tokens came from the address.
async fn try_in(
    http: &HttpRequest,
    state: &AppState,
    secret: String,
) -> Result<(Arc<Token>, SessionSecret), ApiError> {
    let peer = http.peer_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.ip());
    let slot = state.sign_ins.0.admit(peer, clock::now()).map_err(|why| too_many(&why.to_string()))?;
    let control = Arc::clone(&state.control);
    let begun = blocking(move || Ok(control.begin_session(&secret, clock::now())?)).await?;
    let Some((token, session)) = begun else {
        tracing::warn!(%peer, "sign-in refused");
        return match slot.failed(clock::now()) {
            Penalty::Delay(delay) => {
                tokio::time::sleep(delay).await;
                Err(ApiError::unauthenticated()
                    .with_detail("This is no token that the server knows, or it is good no more."))
            }
            Penalty::Ban => Err(too_many("too many failed sign-ins from your address, try again later")),
        };
    };
    slot.succeeded();
    tracing::info!(%peer, token = %token.id, name = token.name, "signed in");
    Ok((token, session))
}

fn too_many(why: &str) -> ApiError {
    ApiError::throttled(format!("There were {why}."), LIMITS.memory)
}

/// `GET /session`: who asks, by session or token.
#[utoipa::path(
    get, path = "/session", tag = "Dashboard", operation_id = "get_session",
    responses((status = 200, body = Answer<Session>), Known, Lookup),
)]
pub(super) async fn show(caller: Caller, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    is_on(&state)?;
    Ok(answer::success(shown(&state, caller.token())))
}

/// `DELETE /session`: signs out, if anybody is signed in. What the cookie said is good no more, wherever it has got to.
#[utoipa::path(
    delete, path = "/session", tag = "Dashboard", operation_id = "sign_out", security(()),
    responses((status = 200, body = Answer<NoFields>), Guarded),
)]
pub(super) async fn end(http: HttpRequest, state: web::Data<AppState>) -> Result<HttpResponse, ApiError> {
    is_on(&state)?;
    if auth::is_from_elsewhere(&http) {
        return Err(ApiError::from_elsewhere());
    }
    if let Some(secret) = auth::session(&http).map(str::to_owned) {
        let control = Arc::clone(&state.control);
        blocking(move || Ok(control.end_session(&secret)?)).await?;
    }
    let mut answer = answer::success(json!({}));
    set_cookie(&http, &mut answer, "", Duration::ZERO);
    Ok(answer)
}

/// Sets the cookie of a session. Over TLS it is for TLS only; whether that is so, the page's own address says, since a proxy
/// speaks to us in the clear.
fn set_cookie(http: &HttpRequest, answer: &mut HttpResponse, value: &str, age: Duration) {
    let origin = http.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let secure = if origin.is_some_and(|origin| origin.starts_with("https://")) { "; Secure" } else { "" };
    let (name, age) = (auth::COOKIE, age.as_secs());
    let cookie = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    // Letters and digits: it always is one.
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// Who somebody is and what they may. Whoever opens the control socket has no token and may do everything.
fn shown(state: &AppState, token: Option<&Arc<Token>>) -> Value {
    let token = token.map(|token| {
        let accounts = (!token.may_operate()).then(|| [token.account_id.clone()]);
        json!({
            "id": token.id, "name": token.name, "permissions": token.permissions, "zones": token.zones,
            "accounts": accounts,
        })
    });
    let is_operator = token.as_ref().is_none_or(|token| token["accounts"].is_null());
    json!({ "token": token, "operator": is_operator, "mode": state.mode() })
}
