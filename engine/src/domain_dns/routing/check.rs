//! Whether the DNS has what a routing zone needs.

use super::{PolicyWish, RoutingZone, routing_records};
use crate::{
    address::Domain,
    domain_dns::{
        answers::{Found, Lookups},
        check::{DomainState, domain_state},
        dkim::{self, DkimFacts},
        dmarc::{self, DmarcFacts, Sender},
        finding::{Area, Code, Finding},
        mx::{self, MxFacts, OwnMx},
        own_spf, receiving,
        spf::SpfTree,
        state::{Judged, RecordState, RecordStatus, alias_state, stand},
    },
    tls::{StsRecord, mta_sts},
};
use serde::Serialize;
use std::net::IpAddr;

/// What came of looking at a routing zone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoutingReport {
    /// The zone.
    pub zone: String,
    /// Where it stands.
    pub state: DomainState,
    /// Our records.
    pub records: Vec<RecordStatus>,
    /// Its names, and who takes their mail.
    pub names: Vec<RoutedName>,
    /// Its keys.
    pub dkim: Vec<DkimFacts>,
    /// Its policy.
    pub dmarc: DmarcFacts,
    /// What was found, in the order of the areas.
    pub findings: Vec<Finding>,
}

/// A name whose mail is routed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoutedName {
    /// The name.
    pub name: String,
    /// The hosts that take its mail.
    pub mx: MxFacts,
    /// How many look-ups its SPF record costs.
    pub spf_lookups: u32,
}

/// Looks at `zone`, whose forwarded mail goes out from `addresses`, as far as these are known.
pub fn check_routing(zone: &RoutingZone, addresses: &[IpAddr], lookups: &mut Lookups<'_>) -> RoutingReport {
    let (mut findings, mut names, mut spoilt_spf) = (Vec::new(), Vec::new(), Vec::new());
    for name in &zone.names {
        let own = OwnMx { area: Area::RoutingMx, name, hosts: &zone.mx };
        let mx = mx::check_own(&own, lookups, &mut findings);
        let spf = SpfTree::build(name.as_str(), lookups);
        if !own_spf::check(zone.spf.as_ref(), &spf, addresses, &mut findings) {
            spoilt_spf.push(name.to_string());
        }
        names.push(RoutedName { name: name.to_string(), mx, spf_lookups: spf.total_lookups() });
        if let Some(wish) = &zone.mta_sts {
            check_policy(name, wish, lookups, &mut findings);
        }
        if zone.tls_reports.is_some() {
            receiving::tls_rpt(name, lookups, &mut findings);
        }
    }
    let needs = dkim::needs(&zone.keys);
    let keys = zone.keys.iter().zip(&needs);
    let dkim: Vec<_> =
        keys.map(|(key, need)| dkim::check(&zone.zone, key, *need, lookups, &mut findings)).collect();
    let dmarc = dmarc::check(&owner(zone), lookups, &mut findings);
    let judged = Judged { findings: &findings, spoilt_spf: &spoilt_spf };
    let records = stand(routing_records(zone), &judged, lookups);
    let areas = [Area::RoutingMx, Area::Spf, Area::Dkim, Area::MtaSts];
    let state = domain_state(&areas, &records, dkim::has_unknown(&needs, &dkim), &findings);
    RoutingReport { zone: zone.zone.to_string(), state, records, names, dkim, dmarc, findings }
}

/// The zone's owner as a sender, for advice about the zone's policy: how mail of the owner is signed is not known here,
/// and what we forward is judged by its author's policy.
fn owner(zone: &RoutingZone) -> Sender<'_> {
    Sender { domain: &zone.zone, is_wildcard: false, return_path: &zone.zone, has_dkim: true, has_spf: true }
}

/// Whether what the DNS says of the policy of `name` fits the policy that we serve.
fn check_policy(name: &Domain, wish: &PolicyWish, lookups: &mut Lookups<'_>, findings: &mut Vec<Finding>) {
    let at = mta_sts::record_name(name);
    let texts = match lookups.txt(&at) {
        Found::Some(texts) => texts,
        Found::None => Vec::new(),
        Found::Failed(why) => return findings.push(Finding::unknown(Area::MtaSts, &at, &why)),
    };
    let ours = wish.policy.record();
    match StsRecord::find(texts.iter().map(String::as_bytes)) {
        Ok(None) => {
            let message = format!("Nobody learns of the MTA-STS policy that we serve. Publish \"{ours}\".");
            return findings.push(Finding::warning(Area::MtaSts, Code::MtaStsNotEnforced, &at, message));
        }
        Ok(Some(found)) if found != ours => {
            let message = format!(
                "The MTA-STS record has another id than the policy that we serve, so that senders go on with the old \
                 one. Publish \"{ours}\"."
            );
            findings.push(Finding::error(Area::MtaSts, Code::MtaStsMismatch, &at, message));
        }
        Ok(Some(_)) => {}
        Err(error) => {
            let message = format!("The MTA-STS record does not count: {error}. Publish \"{ours}\".");
            findings.push(Finding::error(Area::MtaSts, Code::MtaStsInvalid, &at, message));
        }
    }
    let host = mta_sts::policy_host(name);
    if matches!(
        alias_state(&host, wish.host.as_str(), lookups),
        RecordState::NotFound | RecordState::Conflict
    ) {
        let message = format!(
            "The DNS announces an MTA-STS policy, and {host}, where senders look for it, does not lead to us. Make it an \
             alias (CNAME) of {}.",
            wish.host
        );
        findings.push(Finding::error(Area::MtaSts, Code::MtaStsInvalid, &host, message));
    }
}
