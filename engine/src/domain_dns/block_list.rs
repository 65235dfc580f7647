//! DNS block lists (RFC 5782).

use super::{
    answers::{Found, Lookups},
    finding::{Area, Code, Finding},
};
use crate::address::Domain;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr};

/// The lists to ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockLists {
    /// Zones with lists of addresses.
    pub addresses: Vec<String>,
    /// Zones with lists of domains.
    pub domains: Vec<String>,
}

/// What a list says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The zone of the list.
    pub list: String,
    /// The address or the domain.
    pub subject: String,
    /// Whether it is listed; unknown where the list does not answer us.
    pub listed: Option<bool>,
    /// The codes that the list answers with, and its reason where it gives one.
    pub detail: String,
}

/// The name to ask the list `zone` for about an address (sections 2.1 and 2.4); an IPv4 address mapped into IPv6 counts as
/// IPv4.
pub fn list_query(address: IpAddr, zone: &str) -> String {
    let label = match address.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}")
        }
        IpAddr::V6(ip) => {
            let nibbles = ip.octets().into_iter().rev().flat_map(|octet| [octet & 0xf, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}")).collect::<Vec<_>>().join(".")
        }
    };
    format!("{label}.{zone}")
}

/// Asks every list about `addresses` and `domain`.
pub(super) fn check(
    lists: &BlockLists,
    addresses: &[IpAddr],
    domain: &Domain,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<Listing> {
    let mut listings = Vec::new();
    for list in &lists.addresses {
        for address in addresses {
            let name = list_query(*address, list);
            listings.push(ask(&name, list, &address.to_string(), lookups, findings));
        }
    }
    for list in &lists.domains {
        let name = format!("{domain}.{list}");
        listings.push(ask(&name, list, domain.as_str(), lookups, findings));
    }
    listings
}

fn ask(
    name: &str,
    list: &str,
    subject: &str,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> Listing {
    let listing =
        |listed, detail| Listing { list: list.to_owned(), subject: subject.to_owned(), listed, detail };
    let codes = match lookups.addresses(name) {
        Found::Some(addresses) => addresses,
        Found::None => return listing(Some(false), String::new()),
        Found::Failed(why) => {
            findings.push(Finding::note(
                Area::BlockList,
                Code::BlockListRefused,
                list,
                format!("{list} gave no answer: {why}."),
            ));
            return listing(None, why);
        }
    };
    let detail = codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if !codes.iter().any(is_listing) {
        let message = format!(
            "{list} answers {detail}, which says nothing about {subject}: most lists refuse questions that come \
             through a public resolver. Ask with a resolver of your own."
        );
        findings.push(Finding::note(Area::BlockList, Code::BlockListRefused, list, message));
        return listing(None, detail);
    }
    let reason = match lookups.txt(name) {
        Found::Some(texts) => texts.first().map(|text| text.chars().take(200).collect::<String>()),
        Found::None | Found::Failed(_) => None,
    };
    let detail = reason.map_or(detail.clone(), |reason| format!("{detail}: {reason}"));
    let message = format!(
        "{subject} is on {list} ({detail}). Find out why mail from it was complained of, end that, and ask the list \
         to take it off."
    );
    findings.push(Finding::error(Area::BlockList, Code::Listed, subject, message));
    listing(Some(true), detail)
}

/// Whether an answer means "listed": an address of 127/8 that is neither an error of the asker (127.255.255/24 by
/// common usage) nor 127.0.0.1, which RFC 5782 section 5 has no list use.
pub fn is_listing(answer: &IpAddr) -> bool {
    let IpAddr::V4(ip) = answer else { return false };
    let [first, second, third, _] = ip.octets();
    first == 127 && (second, third) != (255, 255) && *ip != Ipv4Addr::LOCALHOST
}

/// Whether an answer means that the list does not answer who asks, by common usage: 127.255.255/24.
pub fn is_refusal(answer: &IpAddr) -> bool {
    matches!(answer, IpAddr::V4(ip) if matches!(ip.octets(), [127, 255, 255, _]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_dns::spf::tree_tests::World;

    #[test]
    fn a_listing_is_told_from_a_refusal() {
        let lists = BlockLists { addresses: vec!["bl.test".into()], domains: vec!["dbl.test".into()] };
        let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1"].map(|ip| ip.parse().unwrap());
        let world = World::default()
            .addresses("1.2.0.192.bl.test", &["127.0.0.2", "127.0.0.4"])
            .txt("1.2.0.192.bl.test", &["see https://bl.test/?192.0.2.1"])
            .addresses(
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test",
                &["127.255.255.254"],
            )
            .addresses("example.com.dbl.test", &["192.0.2.80"]);
        let domain = Domain::parse("example.com").unwrap();
        let (listings, findings) = world.judge(|lookups| {
            let mut findings = Vec::new();
            (check(&lists, &addresses, &domain, lookups, &mut findings), findings)
        });
        let listed: Vec<_> = listings.iter().map(|listing| listing.listed).collect();
        assert_eq!(listed, [Some(true), Some(false), None, None]);
        assert_eq!(listings[0].detail, "127.0.0.2, 127.0.0.4: see https://bl.test/?192.0.2.1");
        let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [Code::Listed, Code::BlockListRefused, Code::BlockListRefused]);
    }
}
