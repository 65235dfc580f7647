//! The names of our own addresses: what receivers look at before the first command is through.

use super::{
    answers::{Found, Lookups, normal},
    finding::{Area, Code, Finding},
};
use serde::Serialize;
use std::net::IpAddr;

/// What is known of an address's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReverseFacts {
    /// The address.
    pub address: IpAddr,
    /// The name that we say EHLO with.
    pub ehlo: String,
    /// Its names by the DNS (PTR).
    pub names: Vec<String>,
    /// Those of them that have the address.
    pub confirmed: Vec<String>,
    /// Whether the EHLO name has the address.
    pub ehlo_confirmed: bool,
}

/// Looks at `address`, from which we say EHLO with the name `ehlo`.
pub(super) fn check(
    address: IpAddr,
    ehlo: &str,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> ReverseFacts {
    let ehlo = normal(ehlo);
    let at = address.to_string();
    let mut tell = Teller { at: &at, findings };
    let names = match lookups.pointers(address) {
        Found::Some(names) => names.iter().map(|name| normal(name)).collect(),
        Found::None => {
            let message = format!(
                "{address} has no name; large receivers refuse its mail. Have a PTR record made that says {ehlo}."
            );
            tell.error(Code::PtrNotFound, message);
            Vec::new()
        }
        Found::Failed(why) => {
            tell.findings.push(Finding::unknown(Area::ReverseDns, &at, &why));
            Vec::new()
        }
    };
    let confirmed: Vec<String> =
        names.iter().filter(|name| leads_to(name, address, lookups)).cloned().collect();
    if !names.is_empty() && confirmed.is_empty() {
        let message = format!(
            "{address} is called {}, and no such name has that address; large receivers refuse its mail. Publish the \
             address there, or change the PTR record to {ehlo}.",
            names.join(", ")
        );
        tell.error(Code::PtrNotConfirmed, message);
    }
    if names.len() > 1 {
        let message = format!("{address} has {} names. Leave only {ehlo}.", names.len());
        tell.warning(Code::MultiplePtr, message);
    }
    let ehlo_confirmed = leads_to(&ehlo, address, lookups);
    if !ehlo_confirmed {
        let message =
            format!("We say EHLO {ehlo} from {address}, and {ehlo} has no such address. Publish it there.");
        tell.warning(Code::EhloNotConfirmed, message);
    } else if !confirmed.is_empty() && !confirmed.contains(&ehlo) {
        let message = format!(
            "We say EHLO {ehlo} from {address}, which is called {}. Use one name for both.",
            confirmed.join(", ")
        );
        tell.warning(Code::EhloMismatch, message);
    }
    ReverseFacts { address, ehlo, names, confirmed, ehlo_confirmed }
}

struct Teller<'a> {
    at: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Teller<'_> {
    fn error(&mut self, code: Code, message: String) {
        self.findings.push(Finding::error(Area::ReverseDns, code, self.at, message));
    }

    fn warning(&mut self, code: Code, message: String) {
        self.findings.push(Finding::warning(Area::ReverseDns, code, self.at, message));
    }
}

/// Whether `name` has `address`. A name that cannot be looked up is given the benefit of the doubt.
fn leads_to(name: &str, address: IpAddr, lookups: &mut Lookups<'_>) -> bool {
    match lookups.addresses(name) {
        Found::Some(addresses) => addresses.contains(&address),
        Found::None => false,
        Found::Failed(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_dns::{
        answers::{Answer, Question},
        spf::tree_tests::World,
    };

    fn look(names: &[&str], known: &[(&str, &str)]) -> Vec<Code> {
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let mut world = World::default().answer(Question::Pointer(address), Answer::Names(names));
        for (name, ip) in known {
            world = world.addresses(name, &[ip]);
        }
        let findings = world.judge(|lookups| {
            let mut findings = Vec::new();
            check(address, "Out.test", lookups, &mut findings);
            findings
        });
        findings.into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn address_name_and_ehlo_belong_together() {
        let ours = ("out.test", "192.0.2.1");
        assert_eq!(look(&["out.test"], &[ours]), []);
        assert_eq!(look(&[], &[ours]), [Code::PtrNotFound]);
        assert_eq!(look(&["host.isp.test"], &[ours]), [Code::PtrNotConfirmed]);
        assert_eq!(look(&["host.isp.test"], &[ours, ("host.isp.test", "192.0.2.1")]), [Code::EhloMismatch]);
        assert_eq!(look(&["OUT.test", "x.test"], &[ours]), [Code::MultiplePtr]);
        assert_eq!(
            look(&["out.test"], &[("out.test", "192.0.2.2")]),
            [Code::PtrNotConfirmed, Code::EhloNotConfirmed]
        );
    }
}
