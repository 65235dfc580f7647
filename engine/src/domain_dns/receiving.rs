//! What a domain publishes about the mail it takes, and its brand: MTA-STS (RFC 8461), TLS-RPT (RFC 8460), DANE
//! (RFC 7672) and BIMI.

use super::{
    answers::{Found, Lookups},
    dmarc::{DmarcFacts, DmarcPolicy},
    finding::{Area, Code, Finding},
    mx::MxFacts,
    tags::{TagList, has_version},
};
use crate::{
    address::Domain,
    tls::{
        DaneDecision, DaneLookup, StsMode, StsPolicy, StsRecord, mta_sts,
        report::{self, ReportDestination, TlsRptRecord},
    },
};
use serde::Serialize;

/// Which of our checks can find out about a domain's mail hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ReceivingFacts {
    /// MTA-STS.
    pub mta_sts: StsFacts,
    /// Who gets reports about TLS.
    pub tls_rpt: Vec<String>,
    /// DANE.
    pub dane: DaneFacts,
    /// BIMI.
    pub bimi: BimiFacts,
}

/// MTA-STS of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StsFacts {
    /// The id in the TXT record.
    pub id: Option<String>,
    /// The policy's mode.
    pub mode: Option<String>,
    /// The hosts it allows.
    pub mx: Vec<String>,
}

/// DANE of a domain's mail hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DaneFacts {
    /// Each host with what its records ask.
    pub hosts: Vec<DaneHost>,
}

/// DANE of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DaneHost {
    /// Its name.
    pub host: String,
    /// How many usable TLSA records it has, with proof.
    pub records: usize,
}

/// BIMI of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BimiFacts {
    /// The record at the selector `default`.
    pub record: Option<String>,
    /// Where the logo is.
    pub logo: Option<String>,
    /// Where the certificate is that says whose it is.
    pub evidence: Option<String>,
}

/// Looks at everything that `domain` publishes for those who send to it.
pub(super) fn check(
    domain: &Domain,
    mx: &MxFacts,
    dmarc: &DmarcFacts,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> ReceivingFacts {
    ReceivingFacts {
        mta_sts: mta_sts(domain, mx, lookups, findings),
        tls_rpt: tls_rpt(domain, lookups, findings),
        dane: dane(mx, lookups, findings),
        bimi: bimi(domain, dmarc, lookups, findings),
    }
}

fn mta_sts(
    domain: &Domain,
    mx: &MxFacts,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> StsFacts {
    let name = mta_sts::record_name(domain);
    let mut facts = StsFacts::default();
    let texts = match lookups.txt(&name) {
        Found::Some(texts) => texts,
        Found::None => Vec::new(),
        Found::Failed(why) => {
            findings.push(Finding::unknown(Area::MtaSts, &name, &why));
            return facts;
        }
    };
    match StsRecord::find(texts.iter().map(String::as_bytes)) {
        Ok(Some(record)) => facts.id = Some(record.id().to_owned()),
        Ok(None) => {
            let message = "There is no MTA-STS policy: mail to the domain may be read on its way.";
            findings.push(Finding::note(Area::MtaSts, Code::MtaStsNotEnforced, &name, message));
            return facts;
        }
        Err(error) => {
            let message = format!("The MTA-STS record does not count: {error}. Mend it.");
            findings.push(Finding::error(Area::MtaSts, Code::MtaStsInvalid, &name, message));
            return facts;
        }
    }
    match lookups.sts_policy(domain) {
        Found::Some(Ok(policy)) => {
            facts.mode = Some(policy.mode().as_str().to_owned());
            facts.mx = policy.mx().iter().map(|pattern| pattern.as_str().to_owned()).collect();
            judge_policy(domain, &policy, mx, findings);
        }
        Found::Some(Err(error)) => {
            let at = mta_sts::policy_url(domain);
            let message = format!("The record announces an MTA-STS policy, and {at} gives none: {error}.");
            findings.push(Finding::error(Area::MtaSts, Code::MtaStsInvalid, &name, message));
        }
        Found::None => {}
        Found::Failed(why) => {
            let message = format!("The MTA-STS policy was not fetched: {why}.");
            findings.push(Finding::warning(Area::MtaSts, Code::LookupFailed, &name, message));
        }
    }
    facts
}

fn judge_policy(domain: &Domain, policy: &StsPolicy, mx: &MxFacts, findings: &mut Vec<Finding>) {
    if policy.mode() != StsMode::None {
        for host in mx.hosts.iter().map(|host| &host.host).filter(|host| !policy.matches(host)) {
            let message = format!(
                "The MTA-STS policy leaves out {host}, to which MX records lead: add \"mx: {host}\" to it, and a new id \
                 to its TXT record."
            );
            let code = Code::MtaStsMismatch;
            findings.push(match policy.mode() {
                StsMode::Enforce => Finding::error(Area::MtaSts, code, domain.as_str(), message),
                _ => Finding::warning(Area::MtaSts, code, domain.as_str(), message),
            });
        }
    }
    if policy.mode() != StsMode::Enforce {
        let message =
            format!("The MTA-STS policy has the mode {}: it protects nothing yet.", policy.mode().as_str());
        findings.push(Finding::note(Area::MtaSts, Code::MtaStsNotEnforced, domain.as_str(), message));
    }
}

pub(super) fn tls_rpt(
    domain: &Domain,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<String> {
    let name = report::record_name(domain);
    let texts = match lookups.txt(&name) {
        Found::Some(texts) => texts,
        Found::None => Vec::new(),
        Found::Failed(why) => {
            findings.push(Finding::unknown(Area::TlsRpt, &name, &why));
            return Vec::new();
        }
    };
    match TlsRptRecord::find(texts.iter().map(String::as_bytes)) {
        Ok(Some(record)) => {
            let destinations = record.destinations().iter().map(|destination| match destination {
                ReportDestination::Mail(address) => format!("mailto:{}", address.as_str()),
                ReportDestination::Https(url) => url.clone(),
            });
            destinations.collect()
        }
        Ok(None) => {
            let message = "Nobody is told when TLS to the domain's hosts fails (no TLS-RPT record).";
            findings.push(Finding::note(Area::TlsRpt, Code::TlsRptNotFound, &name, message));
            Vec::new()
        }
        Err(error) => {
            let message = format!("The TLS-RPT record does not count: {error}. Mend it.");
            findings.push(Finding::warning(Area::TlsRpt, Code::TlsRptInvalid, &name, message));
            Vec::new()
        }
    }
}

fn dane(mx: &MxFacts, lookups: &mut Lookups<'_>, findings: &mut Vec<Finding>) -> DaneFacts {
    let mut facts = DaneFacts::default();
    for host in mx.hosts.iter().map(|host| &host.host) {
        let lookup = match lookups.tlsa(host) {
            Found::Some(lookup) => lookup,
            Found::None => DaneLookup::Insecure,
            Found::Failed(why) => DaneLookup::Failed(why),
        };
        let records = match DaneDecision::from(lookup) {
            DaneDecision::Authenticate(records) => records.len(),
            DaneDecision::NotUsed => 0,
            DaneDecision::Encrypt => {
                let message = format!(
                    "{host} has TLSA records, and none that can be used. Publish one of usage 3 or 2."
                );
                findings.push(Finding::warning(Area::Dane, Code::DaneInvalid, host, message));
                0
            }
            DaneDecision::Defer(why) => {
                let message = format!(
                    "The TLSA records of {host} cannot be proved ({why}): senders that use DANE hold its mail back."
                );
                findings.push(Finding::error(Area::Dane, Code::DaneInvalid, host, message));
                0
            }
        };
        facts.hosts.push(DaneHost { host: host.clone(), records });
    }
    let without: Vec<_> =
        facts.hosts.iter().filter(|host| host.records == 0).map(|host| host.host.as_str()).collect();
    if without.len() < facts.hosts.len() && !without.is_empty() {
        let message = format!(
            "Some mail hosts have TLSA records, and {} none: who wants to listen chooses these.",
            without.join(", ")
        );
        findings.push(Finding::warning(Area::Dane, Code::DanePartial, without[0], message));
    } else if let Some(first) = without.first() {
        let message = "No mail host has TLSA records in a signed zone (DANE).";
        findings.push(Finding::note(Area::Dane, Code::DaneNotFound, first, message));
    }
    facts
}

fn bimi(
    domain: &Domain,
    dmarc: &DmarcFacts,
    lookups: &mut Lookups<'_>,
    findings: &mut Vec<Finding>,
) -> BimiFacts {
    let name = format!("default._bimi.{domain}");
    let texts = match lookups.txt(&name) {
        Found::Some(texts) => texts,
        Found::None => Vec::new(),
        Found::Failed(why) => {
            findings.push(Finding::unknown(Area::Bimi, &name, &why));
            return BimiFacts::default();
        }
    };
    let records: Vec<_> = texts.iter().filter(|text| has_version(text, "BIMI1")).collect();
    let mut invalid = |message: String| {
        findings.push(Finding::warning(Area::Bimi, Code::BimiInvalid, &name, message));
        BimiFacts::default()
    };
    let text = match records.as_slice() {
        [] => {
            let message = "There is no BIMI record: receivers show no logo.";
            findings.push(Finding::note(Area::Bimi, Code::BimiNotFound, &name, message));
            return BimiFacts::default();
        }
        [text] => *text,
        several => return invalid(format!("There are {} BIMI records. Leave one.", several.len())),
    };
    let tags = match TagList::parse(text) {
        Ok(tags) => tags,
        Err(error) => return invalid(format!("The BIMI record does not count: {error}.")),
    };
    let value = |name: &str| tags.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let facts = BimiFacts { record: Some(text.clone()), logo: value("l"), evidence: value("a") };
    let is_https = |url: &Option<String>| url.as_deref().is_none_or(|url| url.starts_with("https://"));
    if !is_https(&facts.logo) || !is_https(&facts.evidence) {
        invalid("The BIMI record's l= and a= must be https: addresses.".to_owned());
    }
    if facts.logo.is_some() && !matches!(dmarc.policy, Some(DmarcPolicy::Quarantine | DmarcPolicy::Reject)) {
        let message = "The BIMI record has no effect before DMARC asks for quarantine or reject.";
        findings.push(Finding::warning(Area::Bimi, Code::BimiIneffective, &name, message));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain_dns::{
            answers::{Answer, Question},
            finding::Severity,
            mx::MailHost,
            spf::tree_tests::World,
        },
        tls::{RawTlsa, mta_sts::StsFetchError},
    };

    fn look(world: &World, policy: DmarcPolicy) -> (ReceivingFacts, Vec<(Code, Severity)>) {
        let domain = Domain::parse("a.test").unwrap();
        let host = |name: &str| MailHost { preference: 10, host: name.to_owned(), addresses: Vec::new() };
        let mx = MxFacts { hosts: vec![host("mx1.test"), host("mx2.test")], is_unknown: false };
        let dmarc = DmarcFacts { policy: Some(policy), ..DmarcFacts::default() };
        let (facts, findings) = world.judge(|lookups| {
            let mut findings = Vec::new();
            (check(&domain, &mx, &dmarc, lookups, &mut findings), findings)
        });
        (facts, findings.into_iter().map(|finding| (finding.code, finding.severity)).collect())
    }

    fn sts(policy: Result<&str, StsFetchError>) -> World {
        let policy = policy.map(|text| StsPolicy::parse(text.as_bytes()).unwrap());
        let question = Question::StsPolicy(Domain::parse("a.test").unwrap());
        World::default()
            .txt("_mta-sts.a.test", &["v=STSv1; id=7"])
            .answer(question, Answer::StsPolicy(policy))
    }

    fn tlsa(world: World, host: &str, usage: u8) -> World {
        let record = RawTlsa { usage, selector: 1, matching: 1, data: vec![7; 32] };
        world.answer(Question::Tlsa(host.to_owned()), Answer::Dane(DaneLookup::Secure(vec![record])))
    }

    #[test]
    fn nothing_published_is_nothing_wrong() {
        let found = look(&World::default(), DmarcPolicy::None).1;
        let notes = [Code::MtaStsNotEnforced, Code::TlsRptNotFound, Code::DaneNotFound, Code::BimiNotFound];
        assert_eq!(found, notes.map(|code| (code, Severity::Note)));
    }

    #[test]
    fn everything_published_well_is_told() {
        let world = sts(Ok("version: STSv1\nmode: enforce\nmax_age: 86400\nmx: *.test\n"))
            .txt("_smtp._tls.a.test", &["v=TLSRPTv1; rua=mailto:t@a.test"])
            .txt("default._bimi.a.test", &["v=BIMI1; l=https://a.test/logo.svg; a="]);
        let world = tlsa(tlsa(world, "mx1.test", 3), "mx2.test", 2);
        let (facts, found) = look(&world, DmarcPolicy::Reject);
        assert_eq!(found, []);
        assert_eq!(facts.mta_sts.mode.as_deref(), Some("enforce"));
        assert_eq!(facts.tls_rpt, ["mailto:t@a.test"]);
        assert_eq!(facts.dane.hosts.iter().map(|host| host.records).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(
            (facts.bimi.logo.as_deref(), facts.bimi.evidence),
            (Some("https://a.test/logo.svg"), None)
        );
    }

    #[test]
    fn each_is_told_when_it_is_wrong() {
        let has = |world: &World, code, severity| {
            let found = look(world, DmarcPolicy::None).1;
            assert!(found.contains(&(code, severity)), "{code}: {found:?}");
        };
        let (error, warning) = (Severity::Error, Severity::Warning);
        let enforce = "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: mx1.test\n";
        has(&sts(Ok(enforce)), Code::MtaStsMismatch, error);
        has(&sts(Ok(&enforce.replace("enforce", "testing"))), Code::MtaStsMismatch, warning);
        has(&sts(Err(StsFetchError::Status(404))), Code::MtaStsInvalid, error);
        has(&World::default().txt("_mta-sts.a.test", &["v=STSv1;"]), Code::MtaStsInvalid, error);
        has(&World::default().txt("_smtp._tls.a.test", &["v=TLSRPTv1;"]), Code::TlsRptInvalid, warning);
        has(&tlsa(World::default(), "mx1.test", 3), Code::DanePartial, warning);
        has(&tlsa(World::default(), "mx1.test", 1), Code::DaneInvalid, warning);
        let bogus = Answer::Dane(DaneLookup::Failed("bogus".into()));
        has(&World::default().answer(Question::Tlsa("mx1.test".into()), bogus), Code::DaneInvalid, error);
        let bimi = |text: &str| World::default().txt("default._bimi.a.test", &[text]);
        has(&bimi("v=BIMI1; l=http://a.test/x.svg"), Code::BimiInvalid, warning);
        has(&bimi("v=BIMI1; l=https://a.test/x.svg"), Code::BimiIneffective, warning);
        has(&bimi("v=BIMI1; l"), Code::BimiInvalid, warning);
    }
}
