//! The MX records of names whose mail is to come to us, and of those that send.

use super::{
    answers::{Found, Lookups},
    finding::{Area, Code, Finding},
};
use crate::{address::Domain, mx::MxRecord};
use serde::Serialize;
use std::net::IpAddr;

/// What is known of the hosts that take a domain's mail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct MxFacts {
    /// The hosts, best first.
    pub hosts: Vec<MailHost>,
    /// Whether the DNS gave no answer.
    #[serde(rename = "unknown")]
    pub is_unknown: bool,
}

/// A host that takes mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailHost {
    /// Lower is tried first.
    pub preference: u16,
    /// Its name.
    pub host: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A name whose mail is to come to us.
pub(super) struct OwnMx<'a> {
    /// [`Area::ReturnPath`] or [`Area::RoutingMx`].
    pub(super) area: Area,
    pub(super) name: &'a Domain,
    /// Our hosts; where there are none, any will do.
    pub(super) hosts: &'a [Domain],
}

impl OwnMx<'_> {
    fn nothing(&self) -> &'static str {
        match self.area {
            Area::ReturnPath => "There are no MX records, so bounces and complaints are lost. Publish ours.",
            _ => "There are no MX records, so no mail comes in to be routed. Publish ours.",
        }
    }

    fn conflict(&self, foreign: &str) -> String {
        match self.area {
            Area::ReturnPath => format!(
                "Bounces also go to {foreign}, where nobody waits for them. Take these MX records out, or use another \
                 return-path domain."
            ),
            _ => format!(
                "Mail also goes to {foreign}, where our rules do not hold. Take these MX records out, or have mail \
                 routed for a subdomain of its own."
            ),
        }
    }
}

/// Looks at where mail for a name goes that is to come to us.
pub(super) fn check_own(own: &OwnMx<'_>, lookups: &mut Lookups<'_>, findings: &mut Vec<Finding>) -> MxFacts {
    let OwnMx { area, hosts: ours, .. } = *own;
    let name = own.name.as_str();
    let Some(facts) = hosts(area, name, lookups, findings) else {
        return MxFacts { is_unknown: true, ..MxFacts::default() };
    };
    if facts.hosts.is_empty() {
        findings.push(Finding::error(area, Code::MxNotFound, name, own.nothing()));
        return facts;
    }
    if ours.is_empty() {
        return facts;
    }
    let is_ours = |host: &str| ours.iter().any(|our| our.as_str() == host);
    let foreign: Vec<_> =
        facts.hosts.iter().map(|host| host.host.as_str()).filter(|host| !is_ours(host)).collect();
    let missing: Vec<_> = ours
        .iter()
        .map(Domain::as_str)
        .filter(|our| !facts.hosts.iter().any(|host| host.host == *our))
        .collect();
    if !foreign.is_empty() {
        let message = own.conflict(&foreign.join(", "));
        findings.push(Finding::error(area, Code::MxConflict, name, message));
    } else if !missing.is_empty() {
        let message = format!("The MX records leave out {}. Publish all of ours.", missing.join(", "));
        findings.push(Finding::warning(area, Code::MxIncomplete, name, message));
    }
    facts
}

/// Looks at whether the domain itself takes mail; senders to which nobody can answer are trusted less.
pub(super) fn check_domain(
    domain: &Domain,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> MxFacts {
    let name = domain.as_str();
    let Some(facts) = hosts(Area::Mx, name, lookups, findings) else {
        return MxFacts { is_unknown: true, ..MxFacts::default() };
    };
    if facts.hosts.is_empty() {
        let has_addresses = matches!(lookups.addresses(name), Found::Some(_));
        let message = if has_addresses {
            "There are no MX records; mail for the domain goes to its own addresses, if somebody listens there."
        } else {
            "The domain takes no mail: it has neither MX records nor addresses. Nobody can answer, and some \
             receivers refuse such senders."
        };
        findings.push(if has_addresses {
            Finding::note(Area::Mx, Code::MxNotFound, name, message)
        } else {
            Finding::warning(Area::Mx, Code::MxNotFound, name, message)
        });
    }
    facts
}

/// The hosts of `name` with their addresses; `None` when the DNS does not say.
fn hosts(area: Area, name: &str, lookups: &mut Lookups<'_>, findings: &mut Vec<Finding>) -> Option<MxFacts> {
    let mut records = match lookups.mx(name) {
        Found::Some(records) => records,
        Found::None => Vec::new(),
        Found::Failed(why) => {
            findings.push(Finding::unknown(area, name, &why));
            return None;
        }
    };
    records.sort_by(|a, b| (a.preference, &a.exchange).cmp(&(b.preference, &b.exchange)));
    records.truncate(MAX_HOSTS);
    let hosts = records.into_iter().filter_map(|record| host(area, name, &record, lookups, findings));
    Some(MxFacts { hosts: hosts.collect(), is_unknown: false })
}

/// Most hosts that are looked at.
const MAX_HOSTS: usize = 20;

fn host(
    area: Area,
    name: &str,
    record: &MxRecord,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> Option<MailHost> {
    let host = record.exchange.to_ascii_lowercase();
    if host.is_empty() {
        let message = "The MX record says that the domain takes no mail (RFC 7505).";
        findings.push(match area {
            Area::ReturnPath | Area::RoutingMx => Finding::error(area, Code::MxUnusable, name, message),
            _ => Finding::warning(area, Code::MxUnusable, name, message),
        });
        return None;
    }
    let addresses = match lookups.addresses(&host) {
        Found::Some(addresses) => addresses,
        Found::Failed(why) => {
            findings.push(Finding::unknown(area, &host, &why));
            Vec::new()
        }
        Found::None => {
            let message = if host.parse::<IpAddr>().is_ok() {
                format!("The MX record of {name} names the address {host}; it has to name a host.")
            } else {
                format!("{host}, to which the MX record of {name} points, has no address.")
            };
            findings.push(Finding::error(area, Code::MxUnusable, name, message));
            Vec::new()
        }
    };
    Some(MailHost { preference: record.preference, host, addresses })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_dns::{
        answers::{Answer, Question},
        finding::Severity,
        spf::tree_tests::World,
    };

    fn look(world: &World) -> Vec<(Code, Severity)> {
        let name = Domain::parse("b.test").unwrap();
        let ours = ["mx1.test", "mx2.test"].map(|host| Domain::parse(host).unwrap());
        let findings = world.judge(|lookups| {
            let mut findings = Vec::new();
            check_own(&OwnMx { area: Area::ReturnPath, name: &name, hosts: &ours }, lookups, &mut findings);
            findings
        });
        findings.into_iter().map(|finding| (finding.code, finding.severity)).collect()
    }

    fn world(hosts: &[&str]) -> World {
        let ip = &["192.0.2.1"];
        World::default()
            .mx("b.test", hosts)
            .addresses("mx1.test", ip)
            .addresses("mx2.test", ip)
            .addresses("x.test", ip)
    }

    #[test]
    fn bounces_come_to_us_and_to_nobody_else() {
        assert_eq!(look(&world(&["mx2.test", "MX1.test"])), []);
        assert_eq!(look(&world(&[])), [(Code::MxNotFound, Severity::Error)]);
        assert_eq!(look(&world(&["mx1.test"])), [(Code::MxIncomplete, Severity::Warning)]);
        assert_eq!(look(&world(&["mx1.test", "mx2.test", "x.test"])), [(Code::MxConflict, Severity::Error)]);
        let unusable = (Code::MxUnusable, Severity::Error);
        let conflict = (Code::MxConflict, Severity::Error);
        assert_eq!(look(&world(&["gone.test"])), [unusable, conflict]);
        assert_eq!(look(&world(&["192.0.2.9"])), [unusable, conflict]);
        assert_eq!(look(&world(&[""])), [unusable, (Code::MxNotFound, Severity::Error)]);
        let down = World::default().answer(Question::Mx("b.test".into()), Answer::Failed("SERVFAIL".into()));
        assert_eq!(look(&down), [(Code::LookupFailed, Severity::Warning)]);
    }
}
