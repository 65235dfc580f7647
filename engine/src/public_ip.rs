//! Which addresses everybody can reach.
//!
//! What strangers name (the URL of a webhook, the policy host of a domain) is connected to at public addresses only:
//! behind the others are machines that trust whoever reaches them, and a stranger would reach them through us.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are not public (RFC 6890 and the registry it founded), as network and length of prefix.
const PRIVATE_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),        // this network (RFC 791)
    ([10, 0, 0, 0], 8),       // private (RFC 1918)
    ([100, 64, 0, 0], 10),    // shared between carrier and customer (RFC 6598)
    ([127, 0, 0, 0], 8),      // loopback (RFC 1122)
    ([168, 63, 129, 16], 32), // Azure's host, as its guests see it: a public number for a private machine
    ([169, 254, 0, 0], 16),   // link-local (RFC 3927), with the metadata services of most clouds
    ([172, 16, 0, 0], 12),    // private (RFC 1918)
    ([192, 0, 0, 0], 24),     // protocol assignments (RFC 6890)
    ([192, 0, 2, 0], 24),     // documentation (RFC 5737)
    ([192, 88, 99, 0], 24),   // relays of 6to4, given up (RFC 7526)
    ([192, 168, 0, 0], 16),   // private (RFC 1918)
    ([198, 18, 0, 0], 15),    // benchmarks (RFC 2544)
    ([198, 51, 100, 0], 24),  // documentation (RFC 5737)
    ([203, 0, 113, 0], 24),   // documentation (RFC 5737)
    ([224, 0, 0, 0], 4),      // multicast (RFC 5771)
    ([240, 0, 0, 0], 4),      // reserved, and broadcast (RFC 1112, RFC 8190)
];

/// Networks within 2000::/3, the global unicast addresses of IPv6 (RFC 4291), that are not public.
const PRIVATE_V6: &[([u16; 3], u32)] = &[
    ([0x2001, 0, 0], 23),     // protocol assignments, Teredo among them (RFC 2928, RFC 4380)
    ([0x2001, 0xdb8, 0], 32), // documentation (RFC 3849)
    ([0x3fff, 0, 0], 20),     // documentation (RFC 9637)
];

/// Whether everybody can reach the address, and not only who is on some network of ours.
///
/// An IPv4 address inside an IPv6 address counts as what it is: mapped (`::ffff:0:0/96`), by 6to4 (`2002::/16`) or by
/// NAT64 (`64:ff9b::/96`).
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => embedded(ip).map_or_else(|| is_public_v6(ip), is_public_v4),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let within = |(network, length): &([u8; 4], u32)| {
        (ip.to_bits() ^ Ipv4Addr::from(*network).to_bits()).leading_zeros() >= *length
    };
    !PRIVATE_V4.iter().any(within)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let within = |([a, b, c], length): &([u16; 3], u32)| {
        let network = Ipv6Addr::new(*a, *b, *c, 0, 0, 0, 0, 0);
        (ip.to_bits() ^ network.to_bits()).leading_zeros() >= *length
    };
    ip.segments()[0] >> 13 == 0b001 && !PRIVATE_V6.iter().any(within)
}

/// The IPv4 address that packets to `ip` reach in the end.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_only_some_can_reach_is_not_public() {
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:a9fe:a9fe::1",
            "2002:7f00:1::",
            "3fff:1::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip(private)), "{private}");
        }
    }

    #[test]
    fn neighbours_of_private_networks_are_public() {
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.17",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "3ffe::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(is_public(ip(public)), "{public}");
        }
    }

    proptest! {
        #[test]
        fn an_address_inside_another_counts_as_what_it_is(bits: u32, tail: u64) {
            let v4 = Ipv4Addr::from_bits(bits);
            let public = is_public(v4.into());
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            prop_assert_eq!(is_public(v4.to_ipv6_mapped().into()), public);
            let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
            prop_assert_eq!(is_public(nat64.into()), public);
            let six_to_four = Ipv6Addr::from_bits(0x2002 << 112 | u128::from(bits) << 80 | u128::from(tail));
            prop_assert_eq!(is_public(six_to_four.into()), public);
        }

        /// What the standard library calls private is never public, wherever in its network it is.
        #[test]
        fn nothing_that_the_standard_library_calls_private_is_public(bits: u32, wide: u128) {
            let v4 = Ipv4Addr::from_bits(bits);
            let private = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
                || v4.is_documentation() || v4.is_multicast() || v4.is_unspecified();
            prop_assert!(!(private && is_public(v4.into())), "{v4}");
            let v6 = Ipv6Addr::from_bits(wide);
            let private = v6.is_loopback() || v6.is_multicast() || v6.is_unique_local()
                || v6.is_unicast_link_local() || v6.is_unspecified();
            prop_assert!(!(private && is_public(v6.into())), "{v6}");
        }

        #[test]
        fn every_address_of_a_private_network_is_private(index in 0..PRIVATE_V4.len(), host: u32) {
            let (network, length) = PRIVATE_V4[index];
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            let ip = Ipv4Addr::from_bits(Ipv4Addr::from(network).to_bits() & mask | host & !mask);
            prop_assert!(!is_public(ip.into()), "{ip}");
        }

        #[test]
        fn only_global_unicast_addresses_of_ipv6_are_public(wide: u128) {
            let ip = Ipv6Addr::from_bits(wide & !(0b111 << 125) | 0b010 << 125);
            prop_assert!(!is_public(ip.into()), "{ip}");
        }
    }
}
