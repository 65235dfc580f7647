//! HTTPS to hosts that a stranger named: policy hosts of MTA-STS and takers of reports.
//!
//! The certificate must be valid for the host by the public roots, the address a public one, and redirects are not
//! followed (RFC 8461 section 3.3): whoever publishes a record could otherwise have us talk to machines that only we
//! reach.

use crate::dns::{Dns, HostAnswer};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::Arc,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Which addresses may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AllowedHosts {
    /// Those that everybody can reach.
    #[default]
    Public,
    /// Private and loopback addresses too; for tests and closed networks.
    Any,
}

impl AllowedHosts {
    fn allow(self, ip: IpAddr) -> bool {
        self == Self::Any || is_public(ip)
    }
}

/// Makes single requests. Used on one thread.
pub(super) struct Https {
    dns: Rc<dyn Dns>,
    config: Option<Arc<ClientConfig>>,
    allowed: AllowedHosts,
}

/// A response, read to its end.
pub(super) struct HttpsAnswer {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) body: Bytes,
}

/// Why there is no response. Holds the reason.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpsError {
    /// Nobody answered, or not with HTTP.
    #[error("{0}")]
    Unreachable(String),
    /// TLS failed, mostly for want of a valid certificate.
    #[error("{0}")]
    Certificate(String),
}

impl HttpsError {
    fn unreachable(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unreachable(why.into().to_string())
    }
}

impl Https {
    /// Requests with `config`; `None` when no authority is trusted.
    pub(super) fn new(dns: Rc<dyn Dns>, config: Option<Arc<ClientConfig>>, allowed: AllowedHosts) -> Self {
        Self { dns, config, allowed }
    }

    /// One request to `host` and its response, of whose body at most `most` octets are read. Waits without end:
    /// the caller bounds it.
    pub(super) async fn exchange(
        &self,
        host: &str,
        port: u16,
        mut request: Request<Full<Bytes>>,
        most: usize,
    ) -> Result<HttpsAnswer, HttpsError> {
        let named = if port == 443 { host.to_owned() } else { format!("{host}:{port}") };
        let named = header::HeaderValue::try_from(named).map_err(HttpsError::unreachable)?;
        request.headers_mut().insert(header::HOST, named);
        request.headers_mut().insert(header::USER_AGENT, header::HeaderValue::from_static("mailwright"));
        exchange_on(self.connect(host, port).await?, request, most).await
    }

    async fn connect(&self, host: &str, port: u16) -> Result<TlsStream<TcpStream>, HttpsError> {
        let ip = self.address(host).await.map_err(HttpsError::Unreachable)?;
        let config = self.config.clone();
        let config = config.ok_or_else(|| HttpsError::unreachable("no authority is trusted"))?;
        let name = ServerName::try_from(host.to_owned()).map_err(HttpsError::unreachable)?;
        let stream = TcpStream::connect(SocketAddr::new(ip, port)).await.map_err(HttpsError::unreachable)?;
        let stream = TlsConnector::from(config).connect(name, stream).await;
        stream.map_err(|error| HttpsError::Certificate(error.to_string()))
    }

    /// One address of the host, asked for once: what was checked is what is connected to.
    async fn address(&self, host: &str) -> Result<IpAddr, String> {
        let addresses = match self.dns.addresses(host).await.answer {
            HostAnswer::Addresses(addresses) => addresses,
            HostAnswer::NoAddresses => return Err(format!("{host} has no address")),
            HostAnswer::Failed(why) => return Err(why),
        };
        // Most networks have IPv4; a host with one family only is found all the same.
        let best = addresses.into_iter().filter(|ip| self.allowed.allow(*ip)).min_by_key(IpAddr::is_ipv6);
        best.ok_or_else(|| format!("{host} has no public address"))
    }
}

async fn exchange_on(
    stream: TlsStream<TcpStream>,
    request: Request<Full<Bytes>>,
    most: usize,
) -> Result<HttpsAnswer, HttpsError> {
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(HttpsError::unreachable)?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(HttpsError::unreachable)?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let body = Limited::new(response.into_body(), most).collect().await;
        Ok(HttpsAnswer { status, content_type, body: body.map_err(HttpsError::unreachable)?.to_bytes() })
    };
    let driven = async move {
        match connection.await {
            // Its end is for the answer to judge: the last octets may still be on their way to it.
            Ok(()) => std::future::pending().await,
            Err(error) => HttpsError::unreachable(error),
        }
    };
    tokio::select! {
        answer = answer => answer,
        error = driven => Err(error),
    }
}

/// Whether everybody can reach the address, and not only who is on our network.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmark = a == 198 && (18..20).contains(&b);
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_broadcast()
                || a == 0
                || a >= 240
                || shared
                || benchmark)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_asked() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "0.0.0.0",
        ] {
            let ip = private.parse().unwrap();
            assert!(!AllowedHosts::Public.allow(ip) && AllowedHosts::Any.allow(ip), "{private}");
        }
        for public in ["192.0.2.1", "8.8.8.8", "2001:db8::1", "100.128.0.1"] {
            assert!(AllowedHosts::Public.allow(public.parse().unwrap()), "{public}");
        }
    }
}
