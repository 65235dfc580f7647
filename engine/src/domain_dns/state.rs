//! Where single records stand.

use super::{
    answers::{Found, Lookups, normal},
    change::RecordSet,
    finding::{Area, Code, Finding, Severity},
    record::{DnsRecord, Purpose, RecordType},
};
use serde::Serialize;

/// Where one of our records stands, in the words of the service's dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordState {
    /// It is there, or another that does as well.
    Locked,
    /// It is not there.
    NotFound,
    /// There is something else in its place.
    Conflict,
    /// The DNS gave no answer.
    Unknown,
}

/// One of our records and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordStatus {
    /// The record.
    #[serde(flatten)]
    pub record: DnsRecord,
    /// Where it stands.
    pub state: RecordState,
    /// What stands at its name now, of its type.
    pub found: Vec<String>,
}

/// What was found already, by which records are judged.
pub(super) struct Judged<'a> {
    /// All that was found.
    pub(super) findings: &'a [Finding],
    /// The names whose SPF record does not let us send, for whatever is wrong with it or beneath it.
    pub(super) spoilt_spf: &'a [String],
}

/// Where each of `records` stands.
pub(super) fn stand(
    records: Vec<DnsRecord>,
    judged: &Judged<'_>,
    lookups: &mut Lookups<'_>,
) -> Vec<RecordStatus> {
    let states: Vec<_> = records.iter().map(|record| state_of(record, &records, judged, lookups)).collect();
    let status = |(record, state): (DnsRecord, RecordState)| {
        let found = found_at(&record, lookups);
        RecordStatus { record, state, found }
    };
    records.into_iter().zip(states).map(status).collect()
}

/// What stands in the place of a record: texts, hosts with their preferences, or where an alias leads.
fn found_at(record: &DnsRecord, lookups: &mut Lookups<'_>) -> Vec<String> {
    let found = match record.kind {
        RecordType::Mx => match lookups.mx(&record.name) {
            Found::Some(hosts) => {
                Found::Some(hosts.iter().map(|mx| format!("{} {}", mx.preference, mx.exchange)).collect())
            }
            Found::None | Found::Failed(_) => Found::None,
        },
        RecordType::Cname => lookups.alias(&record.name),
        RecordType::Txt => lookups.txt(&record.name),
    };
    if let Found::Some(found) = found { found } else { Vec::new() }
}

fn state_of(
    record: &DnsRecord,
    ours: &[DnsRecord],
    judged: &Judged<'_>,
    lookups: &mut Lookups<'_>,
) -> RecordState {
    match record.kind {
        RecordType::Mx => match lookups.mx(&record.name) {
            Found::Failed(_) => RecordState::Unknown,
            Found::None => RecordState::NotFound,
            Found::Some(found) => {
                let hosts: Vec<_> = found.iter().map(|mx| mx.exchange.to_ascii_lowercase()).collect();
                let is_here = |our: &DnsRecord| RecordSet::of(our) == RecordSet::of(record);
                let is_foreign = |host: &String| !ours.iter().any(|our| is_here(our) && our.content == *host);
                if hosts.contains(&record.content) {
                    RecordState::Locked
                } else if hosts.iter().any(is_foreign) {
                    RecordState::Conflict
                } else {
                    RecordState::NotFound
                }
            }
        },
        RecordType::Cname => alias_state(&record.name, &record.content, lookups),
        RecordType::Txt => match lookups.txt(&record.name) {
            Found::Failed(_) => RecordState::Unknown,
            Found::None => RecordState::NotFound,
            Found::Some(texts) if !texts.iter().any(|text| record.purpose.is_served_by(text)) => {
                RecordState::NotFound
            }
            Found::Some(_) => {
                if judged.has_fault_in(record) {
                    RecordState::Conflict
                } else {
                    RecordState::Locked
                }
            }
        },
    }
}

/// Whether `name` leads to `target`: as an alias, or by the same addresses.
pub(super) fn alias_state(name: &str, target: &str, lookups: &mut Lookups<'_>) -> RecordState {
    match lookups.alias(name) {
        Found::Failed(_) => return RecordState::Unknown,
        Found::Some(found) if found.iter().any(|found| normal(found) == target) => {
            return RecordState::Locked;
        }
        Found::Some(_) => return RecordState::Conflict,
        Found::None => {}
    }
    match (lookups.addresses(name), lookups.addresses(target)) {
        (Found::None, _) => RecordState::NotFound,
        (Found::Some(there), Found::Some(wanted)) if there.iter().all(|one| wanted.contains(one)) => {
            RecordState::Locked
        }
        (Found::Some(_), Found::Some(_) | Found::None) => RecordState::Conflict,
        (Found::Failed(_), _) | (_, Found::Failed(_)) => RecordState::Unknown,
    }
}

impl Judged<'_> {
    /// Whether what stands in the place of `record` does not do.
    fn has_fault_in(&self, record: &DnsRecord) -> bool {
        if matches!(record.purpose, Purpose::Spf | Purpose::SharedSpf) {
            return self.spoilt_spf.contains(&record.name);
        }
        self.findings.iter().any(|finding| finding.name == record.name && is_fault(finding, record.purpose))
    }
}

fn is_fault(finding: &Finding, purpose: Purpose) -> bool {
    let is_error_of = |area| finding.area == area && finding.severity == Severity::Error;
    match purpose {
        Purpose::Dkim => matches!(
            finding.code,
            Code::MultipleDkim
                | Code::InvalidDkim
                | Code::DkimSplit
                | Code::DkimMismatch
                | Code::DkimRevoked
                | Code::DkimRestricted
        ),
        Purpose::Dmarc => is_error_of(Area::Dmarc),
        Purpose::MtaSts => is_error_of(Area::MtaSts),
        Purpose::TlsRpt => finding.code == Code::TlsRptInvalid,
        Purpose::ReturnPath | Purpose::Routing | Purpose::PolicyHost | Purpose::Spf | Purpose::SharedSpf => {
            false
        }
    }
}
