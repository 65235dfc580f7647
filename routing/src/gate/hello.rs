//! What is wrong with the name that a client greets with. It need not be true, nor be in the DNS, and most clients of
//! firms and homes have names of no meaning (RFC 5321 section 4.1.4 forbids to refuse for that); but nobody has our name.

use std::{fmt, net::IpAddr};

/// A name that cannot be the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelloFault {
    /// Ours.
    OurName,
    /// An address without the brackets of an address literal.
    BareAddress,
    /// The literal of another address than its own.
    OtherAddress,
}

impl fmt::Display for HelloFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OurName => "the name of this server",
            Self::BareAddress => "an address without brackets",
            Self::OtherAddress => "an address that is not yours",
        })
    }
}

/// What is wrong with `name` from a client at `address`, to a host that is called `hostname`.
pub(super) fn fault(name: &str, address: IpAddr, hostname: &str) -> Option<HelloFault> {
    let name = name.trim_end_matches('.');
    if name.eq_ignore_ascii_case(hostname) {
        return Some(HelloFault::OurName);
    }
    if name.parse::<IpAddr>().is_ok() {
        return Some(HelloFault::BareAddress);
    }
    let literal = name.strip_prefix('[')?.strip_suffix(']')?;
    let tag = literal.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    let claimed = literal.get(tag.map_or(0, str::len)..)?.parse::<IpAddr>();
    let is_own = claimed.is_ok_and(|claimed| claimed.to_canonical() == address.to_canonical());
    (!is_own).then_some(HelloFault::OtherAddress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_our_name_or_the_address_of_another() {
        let cases = [
            ("192.0.2.1", "mail.example", None),
            ("192.0.2.1", "localhost", None),
            ("192.0.2.1", "WIN-4711", None),
            ("192.0.2.1", "[192.0.2.1]", None),
            ("::ffff:192.0.2.1", "[192.0.2.1]", None),
            ("2001:db8::1", "[IPv6:2001:DB8:0::1]", None),
            ("192.0.2.1", "MX.example.com.", Some(HelloFault::OurName)),
            ("192.0.2.1", "192.0.2.1", Some(HelloFault::BareAddress)),
            ("2001:db8::1", "2001:db8::1", Some(HelloFault::BareAddress)),
            ("192.0.2.1", "[192.0.2.2]", Some(HelloFault::OtherAddress)),
            ("192.0.2.1", "[127.0.0.1]", Some(HelloFault::OtherAddress)),
            ("192.0.2.1", "[]", Some(HelloFault::OtherAddress)),
            ("192.0.2.1", "[IPv6:]", Some(HelloFault::OtherAddress)),
        ];
        for (address, name, expected) in cases {
            assert_eq!(fault(name, address.parse().unwrap(), "mx.example.com"), expected, "{address} {name}");
        }
    }
}
