//! Mechanisms (RFC 7208 section 5).

use super::names::{has_good_macros, is_domain_name};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A name in a term, in which macros may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSpec(String);

impl DomainSpec {
    /// Reads a name.
    ///
    /// # Errors
    /// In words, when it is neither a domain name nor made of macros.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("it names no domain");
        }
        if text.contains('%') {
            let is_right = has_good_macros(text);
            return if is_right { Ok(Self(text.to_owned())) } else { Err("it has a malformed macro") };
        }
        if is_domain_name(text) {
            Ok(Self(text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase()))
        } else {
            Err("what it names is no domain name")
        }
    }

    /// As it stands in the record.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name, unless macros make another one of it for each message.
    pub fn name(&self) -> Option<&str> {
        (!self.0.contains('%')).then_some(self.0.as_str())
    }
}

/// A network of IPv4 addresses; a single one with 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkV4 {
    /// An address in it.
    pub address: Ipv4Addr,
    /// How many leading bits of it count, at most 32.
    pub bits: u8,
}

/// A network of IPv6 addresses; a single one with 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkV6 {
    /// An address in it.
    pub address: Ipv6Addr,
    /// How many leading bits of it count, at most 128.
    pub bits: u8,
}

/// What a term asks about the sending host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mechanism {
    /// Nothing: it is meant (section 5.1).
    All,
    /// Whether the record of another domain lets it pass (section 5.2).
    Include(DomainSpec),
    /// Whether it shares so many leading bits, of IPv4 and of IPv6, with an address of the name, or of the domain
    /// itself (section 5.3).
    A(Option<DomainSpec>, u8, u8),
    /// The same for the mail exchangers of the name (section 5.4).
    Mx(Option<DomainSpec>, u8, u8),
    /// Whether its own name lies in the name; not to be used (section 5.5).
    Ptr(Option<DomainSpec>),
    /// Whether it is in the network (section 5.6).
    Ip4(NetworkV4),
    /// Whether it is in the network (section 5.6).
    Ip6(NetworkV6),
    /// Whether the name has an IPv4 address (section 5.7).
    Exists(DomainSpec),
}

impl Mechanism {
    /// Reads a mechanism without its qualifier.
    ///
    /// # Errors
    /// In words.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let end = text.find([':', '/']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let value = rest.strip_prefix(':');
        match name.to_ascii_lowercase().as_str() {
            "all" if rest.is_empty() => Ok(Self::All),
            "all" => Err("nothing may follow all"),
            "include" => named(value).map(Self::Include),
            "exists" => named(value).map(Self::Exists),
            "a" => with_lengths(rest).map(|(domain, four, six)| Self::A(domain, four, six)),
            "mx" => with_lengths(rest).map(|(domain, four, six)| Self::Mx(domain, four, six)),
            "ptr" if rest.is_empty() => Ok(Self::Ptr(None)),
            "ptr" => named(value).map(|domain| Self::Ptr(Some(domain))),
            "ip4" => network_v4(value.unwrap_or_default()).map(Self::Ip4),
            "ip6" => network_v6(value.unwrap_or_default()).map(Self::Ip6),
            _ => Err("there is no such mechanism"),
        }
    }

    /// Whether it costs a look-up (section 4.6.4).
    pub fn costs_lookup(&self) -> bool {
        !matches!(self, Self::All | Self::Ip4(_) | Self::Ip6(_))
    }

    /// Its name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Include(_) => "include",
            Self::A(..) => "a",
            Self::Mx(..) => "mx",
            Self::Ptr(_) => "ptr",
            Self::Ip4(_) => "ip4",
            Self::Ip6(_) => "ip6",
            Self::Exists(_) => "exists",
        }
    }

    /// The name in it, if it has one.
    pub fn domain(&self) -> Option<&DomainSpec> {
        match self {
            Self::Include(domain) | Self::Exists(domain) => Some(domain),
            Self::A(domain, ..) | Self::Mx(domain, ..) | Self::Ptr(domain) => domain.as_ref(),
            Self::All | Self::Ip4(_) | Self::Ip6(_) => None,
        }
    }
}

fn named(value: Option<&str>) -> Result<DomainSpec, &'static str> {
    DomainSpec::parse(value.unwrap_or_default())
}

/// `[":" domain] ["/" bits] ["//" bits]` (section 5.3).
fn with_lengths(rest: &str) -> Result<(Option<DomainSpec>, u8, u8), &'static str> {
    // A macro may hold a slash, so lengths are looked for behind the last brace.
    let from = rest.rfind('}').map_or(0, |at| at + 1);
    let cut = rest[from..].find('/').map_or(rest.len(), |at| from + at);
    let (domain, lengths) = rest.split_at(cut);
    let domain = domain.strip_prefix(':').map(DomainSpec::parse).transpose()?;
    let (four, six) = match lengths.split_once("//") {
        Some((four, six)) => (four, Some(six)),
        None => (lengths, None),
    };
    let four = four.strip_prefix('/').map_or(Ok(32), |digits| bits(digits, 32))?;
    let six = six.map_or(Ok(128), |digits| bits(digits, 128))?;
    Ok((domain, four, six))
}

fn bits(digits: &str, most: u8) -> Result<u8, &'static str> {
    const WRONG: &str = "its network length is no number from 0 to 32, or to 128 behind two slashes";
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let is_canonical = digits == "0" || !digits.starts_with('0');
    let number = digits.parse().ok().filter(|bits| *bits <= most && is_number && is_canonical);
    number.ok_or(WRONG)
}

fn network_v4(text: &str) -> Result<NetworkV4, &'static str> {
    let (address, length) = match text.split_once('/') {
        Some((address, digits)) => (address, bits(digits, 32)?),
        None => (text, 32),
    };
    let address = address.parse().map_err(|_| "it names no IPv4 address")?;
    Ok(NetworkV4 { address, bits: length })
}

fn network_v6(text: &str) -> Result<NetworkV6, &'static str> {
    let (address, length) = match text.split_once('/') {
        Some((address, digits)) => (address, bits(digits, 128)?),
        None => (text, 128),
    };
    let address = address.parse().map_err(|_| "it names no IPv6 address")?;
    Ok(NetworkV6 { address, bits: length })
}

/// Whether `a` and `b` are of one family and share their leading bits: `four` of them, or `six`.
pub(super) fn share_bits(a: IpAddr, b: IpAddr, four: u8, six: u8) -> bool {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let differing = a.to_bits() ^ b.to_bits();
            differing.checked_shr(32 - u32::from(four.min(32))).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let differing = a.to_bits() ^ b.to_bits();
            differing.checked_shr(128 - u32::from(six.min(128))).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_mechanism_of_the_rfc() {
        let name = |text: &str| DomainSpec::parse(text).unwrap();
        let cases = [
            ("all", Mechanism::All),
            ("INCLUDE:Example.com", Mechanism::Include(name("example.com"))),
            ("a", Mechanism::A(None, 32, 128)),
            ("a/24", Mechanism::A(None, 24, 128)),
            ("a:example.com/24//64", Mechanism::A(Some(name("example.com")), 24, 64)),
            ("mx//64", Mechanism::Mx(None, 32, 64)),
            ("a:%{d/}.example.com/8", Mechanism::A(Some(name("%{d/}.example.com")), 8, 128)),
            ("ptr:example.com", Mechanism::Ptr(Some(name("example.com")))),
            ("ip4:192.0.2.0/24", Mechanism::Ip4(NetworkV4 { address: [192, 0, 2, 0].into(), bits: 24 })),
            (
                "ip6:2001:db8::/32",
                Mechanism::Ip6(NetworkV6 { address: "2001:db8::".parse().unwrap(), bits: 32 }),
            ),
            ("exists:%{ir}.x.example", Mechanism::Exists(name("%{ir}.x.example"))),
        ];
        for (text, expected) in cases {
            assert_eq!(Mechanism::parse(text), Ok(expected), "{text}");
        }
        for wrong in [
            "all:x.y",
            "include",
            "include:",
            "include:x y",
            "a:",
            "a/33",
            "a//129",
            "a/024",
            "a/",
            "ip4:1.2.3",
            "ip4",
            "ip4:1.2.3.4/40",
            "ip6:1.2.3.4",
            "ip6",
            "exists",
            "ptr:",
            "foo",
            "",
            "a/24/64",
        ] {
            assert!(Mechanism::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_share_their_leading_bits() {
        let share =
            |a: &str, b: &str, four, six| share_bits(a.parse().unwrap(), b.parse().unwrap(), four, six);
        assert!(share("192.0.2.1", "192.0.2.255", 24, 128) && !share("192.0.2.1", "192.0.3.1", 24, 128));
        assert!(share("1.2.3.4", "9.9.9.9", 0, 128) && !share("1.2.3.4", "1.2.3.5", 32, 0));
        assert!(share("2001:db8::1", "2001:db8::2", 0, 64) && !share("2001:db8::1", "2001:db9::1", 0, 32));
        assert!(share("::1", "8000::", 32, 0) && !share("::1", "0.0.0.1", 0, 0));
    }
}
