//! Who asks, by their token or by a session that was begun with one.

use crate::{answer::ApiError, patient::Requests, server::AppState};
use actix_web::{
    HttpRequest,
    http::{Method, header, uri::Authority},
};
use mailwright_actors::clock;
use mailwright_storage::control::Token;
use std::{rc::Rc, sync::Arc};

/// The cookie of the dashboard's sessions.
pub(crate) const COOKIE: &str = "mailwright_session";

/// The token of a request.
///
/// Takes `Authorization: Bearer TOKEN` and the older pair `X-Auth-Email` and `X-Auth-Key`, with the token as key; from the
/// dashboard's own page also the cookie of a session, if there is nothing else.
///
/// # Errors
/// 401 without a token we know; 403 for a session from another page.
pub(crate) fn token(request: &HttpRequest, state: &AppState) -> Result<Arc<Token>, ApiError> {
    let now = clock::now();
    let known = match bearer(request).or_else(|| key(request)) {
        Some(secret) => state.control.authenticate(secret, now),
        None => of_session(request, state)?,
    };
    let token = known.ok_or_else(ApiError::unauthenticated)?;
    if let Some(requests) = request.conn_data::<Rc<Requests>>() {
        requests.trust();
    }
    Ok(token)
}

/// The token of the session whose cookie a request has.
fn of_session(request: &HttpRequest, state: &AppState) -> Result<Option<Arc<Token>>, ApiError> {
    let Some(cookie) = session(request).filter(|_| state.settings.dashboard) else { return Ok(None) };
    let Some(token) = state.control.session(cookie, clock::now()) else { return Ok(None) };
    if may_come_from_anywhere(request) || is_from_our_page(request) {
        Ok(Some(token))
    } else {
        Err(ApiError::from_elsewhere())
    }
}

/// What the cookie of a session holds (RFC 6265 section 4.2).
pub(crate) fn session(request: &HttpRequest) -> Option<&str> {
    let cookies = request.headers().get_all(header::COOKIE).filter_map(|cookies| cookies.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// Whether a request changes nothing and opens nothing that would: what is told to it, another site cannot read.
fn may_come_from_anywhere(request: &HttpRequest) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && !request.headers().contains_key(header::UPGRADE)
        && !is_from_elsewhere(request)
}

/// Whether the browser says that our own page asks: by Fetch Metadata, which it adds where it trusts the connection, or by
/// `Origin`, which no page can set.
fn is_from_our_page(request: &HttpRequest) -> bool {
    says(request, "sec-fetch-site").map_or_else(|| has_our_origin(request), |site| site == "same-origin")
}

/// Whether the browser says that somebody else's page asks.
pub(crate) fn is_from_elsewhere(request: &HttpRequest) -> bool {
    match says(request, "sec-fetch-site") {
        // `none` is the person at the browser.
        Some(site) => site != "same-origin" && site != "none",
        None => says(request, "origin").is_some() && !has_our_origin(request),
    }
}

fn has_our_origin(request: &HttpRequest) -> bool {
    let (Some(origin), Some(host)) = (says(request, "origin"), says(request, "host")) else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default = if scheme == "https" { 443 } else { 80 };
    place(authority, default).is_some_and(|place| Some(place) == self::place(host, default))
}

/// Host and port.
fn place(authority: &str, default: u16) -> Option<(String, u16)> {
    let authority: Authority = authority.parse().ok()?;
    Some((authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default)))
}

fn says<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn request(method: Method, headers: &[(&'static str, &'static str)]) -> HttpRequest {
        let request = TestRequest::default().method(method).insert_header(("host", "mail.example:8787"));
        headers.iter().fold(request, |request, header| request.insert_header(*header)).to_http_request()
    }

    #[test]
    fn a_change_is_taken_from_our_page_alone() {
        let is_ours =
            |headers: &[(&'static str, &'static str)]| is_from_our_page(&request(Method::POST, headers));
        assert!(is_ours(&[("sec-fetch-site", "same-origin")]));
        // A proxy may have another name for us than the browser: what the browser says of its own page counts.
        assert!(is_ours(&[("sec-fetch-site", "same-origin"), ("origin", "https://else.example")]));
        assert!(is_ours(&[("origin", "http://mail.example:8787")]));
        assert!(is_ours(&[("origin", "https://MAIL.example:8787")]));
        for foreign in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://mail.example")],
            &[("origin", "http://mail.example:8787.evil.example")],
            &[("origin", "http://evil.example:8787")],
            &[("origin", "mail.example:8787")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://mail.example:8787")],
        ] {
            assert!(!is_ours(foreign), "{foreign:?}");
        }
    }

    #[test]
    fn what_only_reads_may_be_asked_by_the_address_bar_but_by_no_other_page() {
        let may = |method, headers: &[(&'static str, &'static str)]| {
            may_come_from_anywhere(&request(method, headers))
        };
        assert!(may(Method::GET, &[]) && may(Method::HEAD, &[("sec-fetch-site", "none")]));
        assert!(!may(Method::GET, &[("sec-fetch-site", "cross-site")]));
        assert!(!may(Method::GET, &[("origin", "http://evil.example")]));
        assert!(!may(Method::POST, &[]) && !may(Method::GET, &[("upgrade", "websocket")]));
    }

    #[test]
    fn the_usual_port_need_not_be_said() {
        let request = TestRequest::default().insert_header(("host", "mail.example"));
        let request = request.insert_header(("origin", "https://mail.example:443")).to_http_request();
        assert!(has_our_origin(&request));
    }
}
