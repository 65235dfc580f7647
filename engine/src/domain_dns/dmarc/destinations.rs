//! Who gets aggregate reports, and has agreed to.

use super::{At, DmarcRecord, at, organizational_domain};
use crate::{
    address::{Domain, EmailAddress},
    domain_dns::{
        answers::{Found, Lookups},
        tags::has_version,
    },
};

/// Who is to be sent reports about mail in the name of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportWish {
    /// Nobody: there is no record, it asks for none, or whom it names has not agreed.
    Nobody,
    /// It could not be found out.
    Unknown(String),
    /// These, each once.
    Wanted(Vec<ReportAddress>),
}

/// Where aggregate reports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportAddress {
    /// The address.
    pub address: EmailAddress,
    /// The largest report that it takes, in octets (RFC 7489 section 6.2; RFC 9990 no longer knows of it).
    pub most: Option<u64>,
}

/// Most addresses that are sent a report about a domain.
const MAX_DESTINATIONS: usize = 5;

/// Who wants reports about `domain`, at which a policy stands, and may be sent them (RFC 9990 section 4).
pub fn report_destinations(domain: &str, lookups: &mut Lookups<'_>) -> ReportWish {
    let record = match at(domain, lookups) {
        At::One(text) => DmarcRecord::parse(&text).ok(),
        At::None | At::Several(_) => None,
        At::Failed(why) => return ReportWish::Unknown(why),
    };
    let mut wanted: Vec<ReportAddress> = Vec::new();
    let named = record.into_iter().flat_map(|record| record.reports);
    for destination in named.filter_map(|uri| report_address(&uri)) {
        let is_new = wanted.iter().all(|other| other.address != destination.address);
        if is_new && wanted.len() < MAX_DESTINATIONS {
            wanted.push(destination);
        }
    }
    let organizational = organizational_domain(domain, lookups);
    let mut unknown = None;
    wanted.retain(|destination| {
        let host = destination.address.domain();
        if organizational_domain(host.as_str(), lookups) == organizational {
            return true;
        }
        match consent(domain, host, lookups) {
            Found::Some(agreed) => agreed,
            Found::None => false,
            Found::Failed(why) => {
                unknown = Some(why);
                false
            }
        }
    });
    match unknown {
        Some(why) => ReportWish::Unknown(why),
        None if wanted.is_empty() => ReportWish::Nobody,
        None => ReportWish::Wanted(wanted),
    }
}

/// Whether `host` takes reports about `place`.
pub(super) fn consent(place: &str, host: &Domain, lookups: &mut Lookups<'_>) -> Found<bool> {
    match lookups.txt(&format!("{place}._report._dmarc.{host}")) {
        Found::Some(texts) => Found::Some(texts.iter().any(|text| has_version(text, "DMARC1"))),
        Found::None => Found::None,
        Found::Failed(why) => Found::Failed(why),
    }
}

/// Reads `mailto:reports@example.org!10m`.
fn report_address(uri: &str) -> Option<ReportAddress> {
    let (_, rest) = uri.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("mailto"))?;
    let (address, most) = match rest.split_once('!') {
        Some((address, most)) => (address, Some(octets(most.trim())?)),
        None => (rest, None),
    };
    let address = EmailAddress::parse(address.split('?').next()?.trim()).ok()?;
    address.domain().literal().is_none().then_some(ReportAddress { address, most })
}

/// Reads `10m`: a number with k, m, g or t for powers of 1,024.
fn octets(text: &str) -> Option<u64> {
    let (number, factor) = match text.char_indices().next_back()? {
        (at, unit) if unit.is_ascii_alphabetic() => {
            let power = "kmgt".find(unit.to_ascii_lowercase())? + 1;
            (text.get(..at)?, 1024_u64.pow(u32::try_from(power).ok()?))
        }
        _ => (text, 1),
    };
    Some(number.parse::<u64>().ok()?.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_dns::spf::tree_tests::World;

    fn wish(record: &str, consents: &[(&str, &[&str])]) -> ReportWish {
        let world = World::default().txt("_dmarc.example.net", &[record]);
        let world = consents.iter().fold(world, |world, (name, texts)| world.txt(name, texts));
        world.judge(|lookups| report_destinations("example.net", lookups))
    }

    fn addresses(record: &str, consents: &[(&str, &[&str])]) -> Vec<String> {
        match wish(record, consents) {
            ReportWish::Wanted(wanted) => wanted.iter().map(|one| one.address.to_string()).collect(),
            ReportWish::Nobody => Vec::new(),
            ReportWish::Unknown(why) => panic!("{why}"),
        }
    }

    #[test]
    fn others_get_reports_only_if_they_agreed() {
        let record = "v=DMARC1; p=none; rua=mailto:a@example.net, mailto:b@sub.example.net,mailto:c@agreed.test,\
                      mailto:d@silent.test,mailto:e@other.test,https://example.net/x,mailto:a@example.net";
        let consents: &[(&str, &[&str])] = &[
            ("example.net._report._dmarc.agreed.test", &["v=DMARC1;"]),
            ("example.net._report._dmarc.other.test", &["v=spf1 -all"]),
        ];
        assert_eq!(addresses(record, consents), ["a@example.net", "b@sub.example.net", "c@agreed.test"]);
        assert_eq!(wish("v=DMARC1; p=reject", &[]), ReportWish::Nobody);
        assert_eq!(wish("v=spf1 -all", &[]), ReportWish::Nobody);
    }

    #[test]
    fn a_size_that_is_asked_for_is_read() {
        let size = |uri: &str| report_address(uri).map(|one| one.most);
        assert_eq!(size("mailto:a@example.net"), Some(None));
        assert_eq!(size("MAILTO:a@example.net!500"), Some(Some(500)));
        assert_eq!(size("mailto:a@example.net!10m"), Some(Some(10 << 20)));
        assert_eq!(size("mailto:a@example.net!2K"), Some(Some(2048)));
        for wrong in
            ["mailto:a@example.net!m", "mailto:a@example.net!", "mailto:a", "https://example.net", "a@b.c"]
        {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }
}
