//! HTTPS to hosts that a stranger named: policy hosts of MTA-STS, takers of reports, and endpoints of webhooks; and to
//! the authority that we get certificates from.
//!
//! The certificate must be valid for the host by the public roots, the address a public one, and redirects are not
//! followed (RFC 8461 section 3.3): whoever publishes a record could otherwise have us talk to machines that only we
//! reach. The address that was looked at is the one that is connected to: a name cannot change in between.

mod chosen;

pub use chosen::ChosenHost;

use crate::dns::{Dns, HostAnswer};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, body::Incoming, header};
use hyper_util::rt::TokioIo;
use mailwright_engine::public_ip::is_public;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{
    error::Error,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    rc::Rc,
    sync::Arc,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
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
pub struct Https {
    dns: Rc<dyn Dns>,
    config: Option<Arc<ClientConfig>>,
    allowed: AllowedHosts,
}

/// A response, read to its end.
pub struct HttpsAnswer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, or its beginning.
    pub body: Bytes,
}

impl HttpsAnswer {
    /// A header's value, if it is there and is text.
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What becomes of a response whose body is longer than is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlong {
    /// There is no response.
    Refused,
    /// Its beginning will do.
    Cut,
}

/// Why a host has no address to connect to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAddress {
    /// It has none.
    #[error("{0} has no address")]
    None(String),
    /// Only some can reach it, by the one named.
    #[error("{host} has no public address: {ip} is of a private network")]
    Private {
        /// The host.
        host: String,
        /// The address.
        ip: IpAddr,
    },
    /// Nobody knows for now.
    #[error("{0}")]
    Unknown(String),
}

/// Why there is no response. Holds the reason.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
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
    pub fn new(dns: Rc<dyn Dns>, config: Option<Arc<ClientConfig>>, allowed: AllowedHosts) -> Self {
        Self { dns, config, allowed }
    }

    /// One request to `host` and its response, of whose body at most `most` octets are read. Waits without end:
    /// the caller bounds it.
    ///
    /// # Errors
    /// When there is no response, or a longer one than may be.
    pub async fn exchange(
        &self,
        host: &str,
        port: u16,
        mut request: Request<Full<Bytes>>,
        most: usize,
        overlong: Overlong,
    ) -> Result<HttpsAnswer, HttpsError> {
        let named = match (host.parse::<Ipv6Addr>(), port) {
            (Ok(_), 443) => format!("[{host}]"),
            (Ok(_), _) => format!("[{host}]:{port}"),
            (Err(_), 443) => host.to_owned(),
            (Err(_), _) => format!("{host}:{port}"),
        };
        let named = header::HeaderValue::try_from(named).map_err(HttpsError::unreachable)?;
        request.headers_mut().insert(header::HOST, named);
        request.headers_mut().insert(header::USER_AGENT, header::HeaderValue::from_static("mailwright"));
        exchange_on(self.connect(host, port).await?, request, most, overlong).await
    }

    async fn connect(&self, host: &str, port: u16) -> Result<TlsStream<TcpStream>, HttpsError> {
        let ip = self.address(host).await.map_err(HttpsError::unreachable)?;
        let config = self.config.clone();
        let config = config.ok_or_else(|| HttpsError::unreachable("no authority is trusted"))?;
        let name = ServerName::try_from(host.to_owned()).map_err(HttpsError::unreachable)?;
        let stream = TcpStream::connect(SocketAddr::new(ip, port)).await.map_err(HttpsError::unreachable)?;
        let stream = TlsConnector::from(config).connect(name, stream).await;
        stream.map_err(|error| HttpsError::Certificate(error.to_string()))
    }

    /// One address of the host, asked for once: what was checked is what is connected to.
    ///
    /// # Errors
    /// When it has none that may be connected to.
    pub async fn address(&self, host: &str) -> Result<IpAddr, NoAddress> {
        let addresses = match self.dns.addresses(host).await.answer {
            HostAnswer::Addresses(addresses) => addresses,
            HostAnswer::NoAddresses => return Err(NoAddress::None(host.to_owned())),
            HostAnswer::Failed(why) => return Err(NoAddress::Unknown(why)),
        };
        // Most networks have IPv4; a host with one family only is found all the same.
        let allowed = addresses.iter().copied().filter(|ip| self.allowed.allow(*ip));
        allowed.min_by_key(IpAddr::is_ipv6).ok_or_else(|| match addresses.first() {
            Some(ip) => NoAddress::Private { host: host.to_owned(), ip: *ip },
            None => NoAddress::None(host.to_owned()),
        })
    }
}

async fn exchange_on(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
    most: usize,
    overlong: Overlong,
) -> Result<HttpsAnswer, HttpsError> {
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(HttpsError::unreachable)?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(HttpsError::unreachable)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = read(response.into_body(), most, overlong).await?;
        Ok(HttpsAnswer { status, headers, body })
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

async fn read(mut body: Incoming, most: usize, overlong: Overlong) -> Result<Bytes, HttpsError> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(HttpsError::unreachable)?;
        let Some(data) = frame.data_ref() else { continue };
        let room = most - read.len();
        read.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return match overlong {
                Overlong::Refused => Err(HttpsError::unreachable("the answer is too long")),
                Overlong::Cut => Ok(read.into()),
            };
        }
    }
    Ok(read.into())
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
        for public in ["9.9.9.9", "8.8.8.8", "2001:4860:4860::8888", "100.128.0.1"] {
            assert!(AllowedHosts::Public.allow(public.parse().unwrap()), "{public}");
        }
    }
}
