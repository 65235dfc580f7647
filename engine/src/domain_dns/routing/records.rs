//! The records of a routing zone.

use super::RoutingZone;
use crate::{
    domain_dns::record::{DnsRecord, Maker, Purpose, spf_text, uri_encoded},
    tls::{mta_sts, report},
};

/// Lists what is to be published for `zone`: for each of its names MX and SPF, and the records of MTA-STS and TLS-RPT
/// where it is to have them, since a policy is of one name and not of those beneath (RFC 8461 section 3.1); then its
/// keys. What the description leaves open is left out.
pub fn routing_records(zone: &RoutingZone) -> Vec<DnsRecord> {
    let make = Maker { ttl: zone.ttl };
    let mut records = Vec::new();
    for name in &zone.names {
        let at = name.as_str();
        records.extend(make.mx(Purpose::Routing, at, &zone.mx));
        let spf = zone.spf.as_ref().map(spf_text);
        records.extend(spf.map(|text| make.text(Purpose::SharedSpf, at, text)));
        if let Some(wish) = &zone.mta_sts {
            let announced = wish.policy.record().to_string();
            records.push(make.text(Purpose::MtaSts, &mta_sts::record_name(name), announced));
            records.push(make.alias(Purpose::PolicyHost, &mta_sts::policy_host(name), &wish.host));
        }
        if let Some(address) = &zone.tls_reports {
            let text = format!("v=TLSRPTv1; rua=mailto:{};", uri_encoded(address.as_str()));
            records.push(make.text(Purpose::TlsRpt, &report::record_name(name), text));
        }
    }
    records.extend(make.keys(&zone.zone, &zone.keys));
    records
}
