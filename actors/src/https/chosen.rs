//! Requests to a host that the operator chose, such as a collector of traces.

use super::{HttpsAnswer, HttpsError, Overlong, exchange_on};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Uri, header};
use rustls::{ClientConfig, pki_types::ServerName};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Makes requests to the host of a URL that the operator wrote: with or without TLS, at whatever address the system
/// finds, for the host may be one that only this machine knows. May be used on any thread.
#[derive(Debug, Clone)]
pub struct ChosenHost {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

impl ChosenHost {
    /// The host of `url`; `config` says who may vouch for it if the URL begins with `https`.
    ///
    /// # Errors
    /// When the URL names no host or another scheme, or nobody is trusted to vouch for it.
    pub fn of(url: &Uri, config: Option<Arc<ClientConfig>>) -> Result<Self, HttpsError> {
        let host = url.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| HttpsError::unreachable(format!("{url} names no host")))?;
        let (tls, usual) = match url.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => {
                (Some(config.ok_or_else(|| HttpsError::unreachable("no authority is trusted"))?), 443)
            }
            _ => return Err(HttpsError::unreachable(format!("{url} begins neither with http nor https"))),
        };
        Ok(Self { host: host.to_owned(), port: url.port_u16().unwrap_or(usual), tls })
    }

    /// One request on a connection of its own, and its response, of whose body at most `most` octets are read. Waits
    /// without end: the caller bounds it.
    ///
    /// # Errors
    /// When there is no response, or a longer one than may be.
    pub async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
        most: usize,
        overlong: Overlong,
    ) -> Result<HttpsAnswer, HttpsError> {
        let named = format!("{}:{}", self.host, self.port);
        let named = header::HeaderValue::try_from(named).map_err(HttpsError::unreachable)?;
        request.headers_mut().insert(header::HOST, named);
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, self.port)).await.map_err(HttpsError::unreachable)?;
        let Some(config) = &self.tls else { return exchange_on(stream, request, most, overlong).await };
        let name = ServerName::try_from(bare.to_owned()).map_err(HttpsError::unreachable)?;
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
        let stream = stream.map_err(|error| HttpsError::Certificate(error.to_string()))?;
        exchange_on(stream, request, most, overlong).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_taken_from_a_url_of_http_and_its_port_may_be_left_out() {
        let of = |url: &str| ChosenHost::of(&url.parse().unwrap(), None);
        let plain = of("http://127.0.0.1:4318/v1/traces").unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.tls.is_none()), ("127.0.0.1", 4318, true));
        assert_eq!(of("http://[::1]/").unwrap().port, 80);
        for wrong in ["/v1/traces", "ftp://collector.example/", "collector.example:4318"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        let nobody = of("https://collector.example/").unwrap_err().to_string();
        assert_eq!(nobody, "no authority is trusted");
    }
}
