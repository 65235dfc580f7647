//! Where an endpoint is.

use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};
use url::{Host, Url};

/// The address of an endpoint: `https`, a host, perhaps a port, a path and a query; no user, no fragment.
///
/// Whether its host may be called ([`crate::public_ip`]) is another question: it is asked each time, because names
/// change their addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointUrl(Url);

/// Text that is no [`EndpointUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// No URL with a host at all; holds why.
    #[error("it is not a URL ({0}); give one like https://example.com/hooks/mail")]
    Malformed(String),
    /// Another scheme.
    #[error("it does not begin with https://; events are sent over TLS only")]
    NotHttps,
    /// A user or password.
    #[error("it holds a user name or password; calls are signed instead")]
    Credentials,
    /// A fragment.
    #[error("it has a part after '#', which no server is ever sent")]
    Fragment,
    /// Too long.
    #[error("it is longer than {max} characters", max = EndpointUrl::MAX_LEN)]
    TooLong,
}

impl EndpointUrl {
    /// The longest URL, in octets.
    pub const MAX_LEN: usize = 2_048;

    /// Reads a URL as browsers do: `https://0x7f.1/` is `https://127.0.0.1/`, and a name in Unicode is its A-labels.
    ///
    /// # Errors
    /// See [`InvalidUrl`].
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > Self::MAX_LEN {
            return Err(InvalidUrl::TooLong);
        }
        let url = Url::parse(text).map_err(|error| InvalidUrl::Malformed(error.to_string()))?;
        if url.scheme() != "https" {
            return Err(InvalidUrl::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidUrl::Fragment);
        }
        if url.as_str().len() > Self::MAX_LEN {
            return Err(InvalidUrl::TooLong);
        }
        Ok(Self(url))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host: a name without a final dot, or an address without brackets.
    pub fn host(&self) -> String {
        match self.0.host() {
            Some(Host::Domain(name)) => name.strip_suffix('.').unwrap_or(name).to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            // No https URL is without one.
            None => String::new(),
        }
    }

    /// The host's address, if it is written as one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
            Host::Domain(_) => None,
        }
    }

    /// The port, 443 unless it says otherwise.
    pub fn port(&self) -> u16 {
        self.0.port().unwrap_or(443)
    }

    /// What a request asks for: path and query.
    pub fn path_and_query(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }
}

impl FromStr for EndpointUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for EndpointUrl {
    type Error = InvalidUrl;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<EndpointUrl> for String {
    fn from(url: EndpointUrl) -> Self {
        url.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::public_ip::is_public;
    use proptest::prelude::*;

    #[test]
    fn says_what_to_connect_to_and_what_to_ask_for() {
        let url = EndpointUrl::parse("https://Hooks.Example.com:8443/mail/?k=a b").unwrap();
        let parts = (url.host(), url.port(), url.path_and_query());
        assert_eq!(parts, ("hooks.example.com".into(), 8443, "/mail/?k=a%20b".into()));
        assert_eq!(url.ip(), None);
        assert_eq!(EndpointUrl::parse("https://a.example").unwrap().path_and_query(), "/");
        assert_eq!(EndpointUrl::parse("https://a.example./").unwrap().host(), "a.example");
        assert_eq!(EndpointUrl::parse("https://bücher.example/").unwrap().host(), "xn--bcher-kva.example");
    }

    #[test]
    fn what_cannot_be_called_is_refused_with_the_reason() {
        let refused = |text: &str| EndpointUrl::parse(text).unwrap_err();
        assert_eq!(refused("http://a.example/"), InvalidUrl::NotHttps);
        assert_eq!(refused("file:///etc/passwd"), InvalidUrl::NotHttps);
        assert_eq!(refused("https://u:p@a.example/"), InvalidUrl::Credentials);
        assert_eq!(refused("https://a.example/#x"), InvalidUrl::Fragment);
        assert_eq!(refused(&format!("https://a.example/{}", "x".repeat(2_048))), InvalidUrl::TooLong);
        for text in ["", "a.example", "https://", "https://a b/", "https://[::1/", "https://a.example:99999/"]
        {
            assert!(matches!(refused(text), InvalidUrl::Malformed(_)), "{text}");
        }
    }

    #[test]
    fn no_way_of_writing_an_address_hides_it() {
        for disguised in [
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://0177.0.0.1/",
            "https://[::ffff:7f00:1]/",
            "https://[::1]/",
            "https://①②⑦.0.0.1/",
            "https://127.0.0.1./",
        ] {
            let ip = EndpointUrl::parse(disguised).unwrap().ip();
            assert!(ip.is_some_and(|ip| !is_public(ip)), "{disguised}: {ip:?}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(text in "https://[a-z0-9.:\\[\\]%@/?# é]{0,40}") {
            if let Ok(url) = EndpointUrl::parse(&text) {
                prop_assert_eq!(EndpointUrl::parse(url.as_str()).unwrap(), url);
            }
        }
    }
}
