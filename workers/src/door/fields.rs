//! Header fields on their way through the door.

use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use std::net::IpAddr;

/// Where a request came from, as a Worker reads it.
const CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Takes out what is between two neighbours only (RFC 9110 section 7.6.1).
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|list| list.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let known =
        [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    let further = ["keep-alive", "proxy-connection"].map(HeaderName::from_static);
    for name in named.into_iter().chain(known).chain(further) {
        headers.remove(name);
    }
}

/// Puts what we know of the client in the place of what it says of itself. A proxy on the machine itself is believed:
/// it is the operator's, and has the client's address and scheme from the connection that it took.
pub(super) fn tell_of_client(headers: &mut HeaderMap, peer: IpAddr) {
    let told = peer.is_loopback().then(|| forwarded(headers)).flatten();
    let scheme = headers.get(FORWARDED_PROTO).filter(|scheme| peer.is_loopback() && *scheme == "https");
    let scheme = HeaderValue::from_static(if scheme.is_some() { "https" } else { "http" });
    headers.insert(FORWARDED_PROTO, scheme);
    if let Ok(client) = HeaderValue::from_str(&told.unwrap_or(peer).to_canonical().to_string()) {
        for name in [CONNECTING_IP, REAL_IP, FORWARDED_FOR] {
            headers.insert(name, client.clone());
        }
    }
}

/// The client that a proxy names: the last, which is the one that it saw itself.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED_FOR).iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_is_between_neighbours_goes_no_further() {
        let mut headers = fields(&[
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("keep-alive", "timeout=5"),
            ("accept", "*/*"),
        ]);
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }

    #[test]
    fn a_client_cannot_say_who_it_is() {
        let mut headers = fields(&[("cf-connecting-ip", "1.1.1.1"), ("x-forwarded-for", "1.1.1.1")]);
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
        tell_of_client(&mut headers, "192.0.2.7".parse().unwrap());
        for name in ["cf-connecting-ip", "x-forwarded-for", "x-real-ip"] {
            assert_eq!(headers[name], "192.0.2.7");
        }
        assert_eq!(headers["x-forwarded-proto"], "http");
    }

    #[test]
    fn a_proxy_on_the_machine_is_believed() {
        let mut headers =
            fields(&[("x-forwarded-for", "6.6.6.6, 192.0.2.9"), ("x-forwarded-proto", "https")]);
        tell_of_client(&mut headers, "::1".parse().unwrap());
        assert_eq!(headers["cf-connecting-ip"], "192.0.2.9");
        assert_eq!(headers["x-forwarded-proto"], "https");
    }
}
