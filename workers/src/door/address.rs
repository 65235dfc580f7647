//! Which Worker a host name means.

use hyper::{Uri, header::HeaderMap};

/// The two names in front of the door's own in `NAME.SUBDOMAIN.DOMAIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The Worker's name.
    pub(super) script: String,
    /// What its account is called.
    pub(super) subdomain: String,
}

/// The host that a request is for, in lower case, without a port. What stands in the target goes before the Host field
/// (RFC 9112 section 3.2.2).
pub(super) fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let field = || headers.get(hyper::header::HOST).and_then(|field| field.to_str().ok());
    let host = uri.authority().map(hyper::http::uri::Authority::as_str).or_else(field)?;
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = without_port.strip_suffix('.').unwrap_or(without_port);
    (!name.is_empty()).then(|| name.to_ascii_lowercase())
}

/// Takes a host name below `domain` apart; `None` if it is not of the form.
pub(super) fn place(host: &str, domain: &str) -> Option<Place> {
    let names = host.strip_suffix(domain)?.strip_suffix('.')?;
    let (script, subdomain) = names.split_once('.')?;
    let is_label = |label: &str| !label.is_empty() && !label.contains('.');
    (is_label(script) && is_label(subdomain))
        .then(|| Place { script: script.to_owned(), subdomain: subdomain.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HOST, HeaderValue};

    #[test]
    fn a_host_name_is_a_worker_an_account_and_our_domain() {
        let found = place("my-worker.acme.workers.example.com", "workers.example.com").unwrap();
        assert_eq!((&*found.script, &*found.subdomain), ("my-worker", "acme"));
        for host in [
            "workers.example.com",
            "acme.workers.example.com",
            "a.b.c.workers.example.com",
            "my-worker.acme.workers.example.org",
            "my-worker.acmeworkers.example.com",
            ".acme.workers.example.com",
            "x..workers.example.com",
        ] {
            assert_eq!(place(host, "workers.example.com"), None, "{host}");
        }
    }

    #[test]
    fn the_target_goes_before_the_field_and_case_and_port_do_not_matter() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("A.B.Example.COM.:8787"));
        assert_eq!(host(&Uri::from_static("/x"), &headers).as_deref(), Some("a.b.example.com"));
        assert_eq!(host(&Uri::from_static("http://c.d.example/x"), &headers).as_deref(), Some("c.d.example"));
        assert_eq!(host(&Uri::from_static("/x"), &HeaderMap::new()), None);
    }
}
