//! Everything that receivers see of a domain and of our addresses: what `mailwright doctor` tells.

use super::{
    answers::Lookups,
    block_list::{self, BlockLists, Listing},
    check::{DomainReport, check_domain},
    description::SendingDomain,
    finding::{Area, Code, Finding, Severity},
    mx::{self, MxFacts},
    receiving::{self, ReceivingFacts},
    reverse::{self, ReverseFacts},
    routing::{RoutingReport, RoutingZone, check_routing},
    spf::{SpfInspection, SpfVerdict},
};
use serde::Serialize;
use std::net::IpAddr;

/// An address of ours that mail goes out from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddress {
    /// The address as receivers see it.
    pub address: IpAddr,
    /// The name we say EHLO with.
    pub ehlo: String,
}

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The domain.
    pub domain: SendingDomain,
    /// The zone that takes mail for it, if one does.
    pub routing: Option<RoutingZone>,
    /// Our addresses, as far as they are known.
    pub addresses: Vec<OwnAddress>,
    /// The block lists to ask.
    pub block_lists: BlockLists,
}

/// What SPF makes of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnSpf {
    /// The address.
    pub address: IpAddr,
    /// What SPF makes of it.
    #[serde(flatten)]
    pub verdict: SpfVerdict,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Examination {
    /// What sending needs. Its findings stand in [`Self::findings`] too.
    pub sending: DomainReport,
    /// What routing needs, if the domain takes mail. Its findings stand in [`Self::findings`] too.
    pub routing: Option<RoutingReport>,
    /// The SPF record of the return-path domain with all it leads to.
    pub spf: SpfInspection,
    /// What SPF makes of each of our addresses.
    pub spf_results: Vec<OwnSpf>,
    /// The hosts that take mail for the domain itself.
    pub mx: MxFacts,
    /// What the domain publishes for those who send to it.
    pub receiving: ReceivingFacts,
    /// The names of our addresses.
    pub reverse: Vec<ReverseFacts>,
    /// What the block lists say.
    pub block_lists: Vec<Listing>,
    /// All that was found.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// Whether something must be mended.
    pub fn must_be_mended(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// What receivers see of a domain by its own DNS.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DomainExamination {
    /// What sending needs. Its findings stand in [`Self::findings`] too.
    pub sending: DomainReport,
    /// What routing needs, if the domain takes mail. Its findings stand in [`Self::findings`] too.
    pub routing: Option<RoutingReport>,
    /// The SPF record of the return-path domain with all it leads to.
    pub spf: SpfInspection,
    /// The hosts that take mail for the domain itself.
    pub mx: MxFacts,
    /// What the domain publishes for those who send to it.
    pub receiving: ReceivingFacts,
    /// All that was found.
    pub findings: Vec<Finding>,
}

/// Looks at `domain`, with the zone that takes mail for it; mail goes out from `addresses`.
pub fn examine_domain(
    domain: &SendingDomain,
    routing: Option<&RoutingZone>,
    addresses: &[IpAddr],
    lookups: &mut Lookups<'_>,
) -> DomainExamination {
    let sending = check_domain(domain, addresses, lookups);
    let mut findings = sending.findings.clone();
    let routing = routing.map(|zone| check_routing(zone, addresses, lookups));
    for finding in routing.iter().flat_map(|report| &report.findings) {
        // What both say is told once.
        if !findings.contains(finding) {
            findings.push(finding.clone());
        }
    }
    let base = domain.name.base();
    let mx = mx::check_domain(base, lookups, &mut findings);
    let receiving = receiving::check(base, &mx, &sending.dmarc, lookups, &mut findings);
    let spf = SpfInspection::from(&sending.spf);
    DomainExamination { sending, routing, spf, mx, receiving, findings }
}

/// Looks at everything.
pub fn examine(subject: &Subject, lookups: &mut Lookups<'_>) -> Examination {
    let addresses: Vec<IpAddr> = subject.addresses.iter().map(|own| own.address).collect();
    let base = subject.domain.name.base();
    let seen = examine_domain(&subject.domain, subject.routing.as_ref(), &addresses, lookups);
    let DomainExamination { sending, routing, spf, mx, receiving, mut findings } = seen;
    let own = subject.addresses.iter();
    let reverse = own.map(|own| reverse::check(own.address, &own.ehlo, lookups, &mut findings)).collect();
    if addresses.is_empty() {
        let message = "It is not known from which addresses mail goes out, so their names and listings were not \
                       looked at. Name them.";
        findings.push(Finding::note(Area::ReverseDns, Code::AddressUnknown, base.as_str(), message));
    }
    let block_lists = block_list::check(&subject.block_lists, &addresses, base, lookups, &mut findings);
    let spf_of = |address: &IpAddr| OwnSpf { address: *address, verdict: sending.spf.judge(*address) };
    let spf_results = addresses.iter().map(spf_of).collect();
    Examination { sending, routing, spf, spf_results, mx, receiving, reverse, block_lists, findings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_dns::{
        answers::{Answer, Question},
        record::tests::domain,
        routing::tests::zone_with_policy,
        spf::tree_tests::World,
    };

    #[test]
    fn all_parts_are_told_together() {
        let address: IpAddr = "192.0.2.77".parse().unwrap();
        let world = World::default()
            .txt("cf-bounce.example.com", &["v=spf1 ip4:192.0.2.77 ~all"])
            .answer(Question::Pointer(address), Answer::Names(vec!["out.test".into()]))
            .addresses("out.test", &["192.0.2.77"])
            .addresses("77.2.0.192.bl.test", &["127.0.0.2"]);
        let subject = Subject {
            domain: domain("example.com"),
            routing: Some(zone_with_policy()),
            addresses: vec![OwnAddress { address, ehlo: "out.test".into() }],
            block_lists: BlockLists { addresses: vec!["bl.test".into()], domains: Vec::new() },
        };
        let report = world.judge(|lookups| examine(&subject, lookups));
        let areas: std::collections::BTreeSet<_> =
            report.findings.iter().map(|finding| finding.area).collect();
        let expected = [
            Area::ReturnPath,
            Area::Spf,
            Area::Dkim,
            Area::Dmarc,
            Area::Mx,
            Area::RoutingMx,
            Area::MtaSts,
            Area::TlsRpt,
            Area::Bimi,
            Area::BlockList,
        ];
        assert_eq!(areas.into_iter().collect::<Vec<_>>(), expected);
        let missing = |finding: &&Finding| finding.code == Code::MissingDmarc;
        assert_eq!(report.findings.iter().filter(missing).count(), 1, "told once");
        assert!(report.must_be_mended());
        assert_eq!(report.spf_results[0].verdict.result.as_str(), "pass");
    }
}
