//! The policy host of MTA-STS (RFC 8461 section 3.3): `https://mta-sts.<domain>/.well-known/mta-sts.txt` for every
//! domain whose mail we take, and nothing else.
//!
//! All of them have the same policy, because all have the same mail hosts. It is open to the world and meets clients of
//! every kind, so a connection is for one request, has seconds for it, and each address has few. The challenges of
//! [`acme`](crate::acme) come in by the same door (RFC 8737).

mod server;

pub use server::{PolicyServer, PolicyServerParts};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    header::{CONTENT_TYPE, HOST, HeaderValue},
    http::uri::Authority,
};
use mailwright_actors::metrics as names;
use mailwright_engine::{
    address::Domain,
    tls::{StsPolicy, mta_sts::policy_host},
};
use mailwright_storage::control::Control;
use std::sync::Arc;

/// The path of a policy (section 3.2).
const PATH: &str = "/.well-known/mta-sts.txt";
/// What everybody else is told.
const NOTHING_HERE: &str = "There is no MTA-STS policy here: policies are at https://mta-sts.DOMAIN/.well-known/mta-sts.txt \
                            for domains whose mail this server takes.\n";

/// The domains whose mail we take.
pub trait RoutedDomains: Send + Sync {
    /// Whether `domain` is one of them.
    fn has(&self, domain: &Domain) -> bool;

    /// All of them.
    fn all(&self) -> Vec<Domain>;
}

impl RoutedDomains for Control {
    fn has(&self, domain: &Domain) -> bool {
        self.routing_zone_of_domain(domain).is_some()
    }

    fn all(&self) -> Vec<Domain> {
        let zones = self.routing_zones();
        let names = zones.iter().flat_map(|zone| {
            let below = zone.subdomains.iter().map(|below| &below.name);
            std::iter::once(&zone.name).chain(below).filter(|name| zone.takes(name))
        });
        names.cloned().collect()
    }
}

/// What is answered.
#[derive(Clone)]
pub struct PolicyHost {
    policy: Bytes,
    domains: Arc<dyn RoutedDomains>,
}

impl PolicyHost {
    /// Serves `policy` for each of `domains`.
    pub fn new(policy: &StsPolicy, domains: Arc<dyn RoutedDomains>) -> Self {
        Self { policy: policy.to_string().into(), domains }
    }

    /// The answer to a request. There are no redirects: nobody follows them (section 3.3).
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
        let is_there = is_get && request.uri().path() == PATH && self.serves(request);
        let (answer, status, body) = match is_there {
            true => ("policy", StatusCode::OK, self.policy.clone()),
            false => ("none", StatusCode::NOT_FOUND, Bytes::from_static(NOTHING_HERE.as_bytes())),
        };
        metrics::counter!(names::POLICY_REQUESTS, "answer" => answer).increment(1);
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response
    }

    /// Whether the host that is asked is a policy host of ours.
    fn serves<B>(&self, request: &Request<B>) -> bool {
        let host = asked_host(request).map(|host| host.to_ascii_lowercase());
        let domain = host.as_deref().and_then(|host| host.strip_prefix("mta-sts."));
        let domain = domain.and_then(|domain| Domain::parse(domain).ok());
        domain.is_some_and(|domain| self.domains.has(&domain))
    }
}

/// The name of the host in a request's target, or in its one Host field (RFC 9112 section 3.2).
fn asked_host<B>(request: &Request<B>) -> Option<String> {
    if let Some(host) = request.uri().host() {
        return Some(host.to_owned());
    }
    let mut fields = request.headers().get_all(HOST).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    let authority: Authority = field.to_str().ok()?.parse().ok()?;
    Some(authority.host().to_owned())
}

/// The policy hosts of `domains`, for which there must be certificates.
pub(crate) fn policy_hosts(domains: &dyn RoutedDomains) -> impl Iterator<Item = String> {
    domains.all().into_iter().filter(|domain| domain.literal().is_none()).map(|domain| policy_host(&domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::tls::{StsMode, mta_sts::MxPattern};
    use std::time::Duration;

    struct Ours;

    impl RoutedDomains for Ours {
        fn has(&self, domain: &Domain) -> bool {
            self.all().contains(domain)
        }

        fn all(&self) -> Vec<Domain> {
            ["example.com", "xn--bcher-kva.example"].map(|name| Domain::parse(name).unwrap()).to_vec()
        }
    }

    fn host() -> PolicyHost {
        let mx = MxPattern::parse("mx.example.net").unwrap();
        let policy = StsPolicy::new(StsMode::Enforce, [mx], Duration::from_secs(86_400)).unwrap();
        PolicyHost::new(&policy, Arc::new(Ours))
    }

    fn asked(method: &str, target: &str, hosts: &[&str]) -> StatusCode {
        let mut request = Request::builder().method(method).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        host().answer(&request.body(()).unwrap()).status()
    }

    #[test]
    fn a_policy_is_served_as_senders_read_it() {
        let request = Request::get(PATH).header(HOST, "mta-sts.example.com").body(()).unwrap();
        let response = host().answer(&request);
        assert_eq!(
            (response.status(), &response.headers()[CONTENT_TYPE]),
            (StatusCode::OK, &HeaderValue::from_static("text/plain"))
        );
        assert_eq!(
            host().policy,
            "version: STSv1\r\nmode: enforce\r\nmx: mx.example.net\r\nmax_age: 86400\r\n"
        );
        assert_eq!(
            StsPolicy::from_response(200, Some("text/plain"), &host().policy).unwrap().mode(),
            StsMode::Enforce
        );
    }

    #[test]
    fn the_host_is_known_however_it_is_written() {
        for host in [
            "mta-sts.example.com",
            "MTA-STS.Example.COM",
            "mta-sts.example.com:443",
            "mta-sts.xn--bcher-kva.example",
        ] {
            assert_eq!(asked("GET", PATH, &[host]), StatusCode::OK, "{host}");
        }
        assert_eq!(asked("HEAD", PATH, &["mta-sts.example.com"]), StatusCode::OK);
        assert_eq!(
            asked("GET", "https://mta-sts.example.com/.well-known/mta-sts.txt", &["x.example"]),
            StatusCode::OK
        );
    }

    #[test]
    fn everything_else_is_not_there() {
        let strangers = [
            &["example.com"][..],
            &["mta-sts.example.org"],
            &["mta-sts."],
            &["mta-sts.mta-sts.example.com"],
            &["mta-sts.example.com", "mta-sts.example.com"],
            &["mta-sts.example.com/"],
            &["mta-sts.[::1]"],
            &["mta-sts.ex ample.com"],
            &[""],
            &[],
        ];
        for hosts in strangers {
            assert_eq!(asked("GET", PATH, hosts), StatusCode::NOT_FOUND, "{hosts:?}");
        }
        for target in ["/", "/.well-known/mta-sts.txt/", "/.well-known/../.well-known/mta-sts.txt", "*"] {
            assert_eq!(asked("GET", target, &["mta-sts.example.com"]), StatusCode::NOT_FOUND, "{target}");
        }
        assert_eq!(asked("POST", PATH, &["mta-sts.example.com"]), StatusCode::NOT_FOUND);
    }
}
