//! DMARC aggregate reports: what they say, summed up by where mail came from.

use super::{MAX_RECORDS, Unreadable, shown};
use crate::{address::Domain, time::UnixMillis};
use mail_auth::report::{
    ActionDisposition, DKIMAuthResult, DkimResult, DmarcResult, Record, Report, SPFAuthResult, SpfResult,
};
use memchr::{memchr_iter, memmem};
use std::{collections::BTreeMap, net::IpAddr};

/// Most tags of a document: a record has some thirty.
const MAX_TAGS: usize = 1_000_000;
/// Most characters that are kept of a name or an id.
const MAX_WORDS: usize = 200;

/// A report on a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DmarcReceived {
    /// Who reports, in his words.
    pub organization: String,
    /// Whom to ask about it, as he writes it.
    pub email: String,
    /// His name for the report.
    pub id: String,
    /// The domain whose policy it is about.
    pub domain: Domain,
    /// The policy that he saw: `none`, `quarantine` or `reject`.
    pub policy: &'static str,
    /// The time that it covers.
    pub begin: UnixMillis,
    /// Its end.
    pub end: UnixMillis,
    /// Where mail came from, each place once.
    pub sources: Vec<SourceRow>,
}

/// Mail from one place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceRow {
    /// The address; `None` where the report names none that can be read.
    pub ip: Option<IpAddr>,
    /// A domain that proved that mail was its own, by DKIM or SPF: one of another owner if there is, for it tells who
    /// sent for the domain.
    pub name: Option<String>,
    /// Messages.
    pub total: u64,
    /// Those that passed DMARC.
    pub aligned: u64,
    /// Those with an aligned signature that passed.
    pub dkim: u64,
    /// Those that passed aligned SPF.
    pub spf: u64,
    /// Those that were distrusted.
    pub quarantined: u64,
    /// Those that were refused.
    pub rejected: u64,
}

impl DmarcReceived {
    /// Messages in all.
    pub fn total(&self) -> u64 {
        self.sources.iter().fold(0, |total, source| total.saturating_add(source.total))
    }

    /// Messages that passed.
    pub fn aligned(&self) -> u64 {
        self.sources.iter().fold(0, |total, source| total.saturating_add(source.aligned))
    }
}

/// Reads a document in UTF-8.
pub(super) fn read(xml: &[u8]) -> Result<DmarcReceived, Unreadable> {
    // Before anything is made of it: each tag takes many times its octets in memory.
    let records = memmem::find_iter(xml, b"<record").take(MAX_RECORDS + 1).count();
    if records > MAX_RECORDS || memchr_iter(b'<', xml).take(MAX_TAGS + 1).count() > MAX_TAGS {
        return Err(Unreadable::TooLarge);
    }
    let report = Report::parse_xml(xml).map_err(|error| Unreadable::Malformed(shown(&error, MAX_WORDS)))?;
    let domain = Domain::parse(report.domain().trim().trim_end_matches('.'));
    let domain = domain.map_err(|_| Unreadable::Malformed("its policy has no domain".to_owned()))?;
    let seconds = |seconds: u64| UnixMillis::new(seconds.saturating_mul(1_000));
    let (begin, end) = (seconds(report.date_range_begin()), seconds(report.date_range_end()));
    if begin.as_secs() == 0 || end < begin {
        return Err(Unreadable::Malformed("it does not say what time it is about".to_owned()));
    }
    let id = shown(report.report_id(), MAX_WORDS);
    if id.is_empty() {
        return Err(Unreadable::Malformed("it has no id".to_owned()));
    }
    Ok(DmarcReceived {
        organization: shown(report.org_name(), MAX_WORDS),
        email: shown(report.email(), MAX_WORDS),
        id,
        policy: policy(&report),
        begin,
        end,
        sources: sources(&domain, report.records()),
        domain,
    })
}

fn policy(report: &Report) -> &'static str {
    use mail_auth::report::Disposition;
    match report.p() {
        Disposition::Quarantine => "quarantine",
        Disposition::Reject => "reject",
        Disposition::None | Disposition::Unspecified => "none",
    }
}

fn sources(domain: &Domain, records: &[Record]) -> Vec<SourceRow> {
    let mut sources: BTreeMap<Option<IpAddr>, SourceRow> = BTreeMap::new();
    for record in records {
        // `::ffff:192.0.2.1` is 192.0.2.1.
        let ip = record.source_ip().map(|ip| ip.to_canonical());
        let row = sources.entry(ip).or_default();
        row.ip = ip;
        row.count(record);
        let name = name(domain, record);
        let is_better = |old: &String| is_within(old, domain);
        if row.name.as_ref().is_none_or(is_better) && name.is_some() {
            row.name = name;
        }
    }
    sources.into_values().filter(|row| row.total > 0).collect()
}

impl SourceRow {
    fn count(&mut self, record: &Record) {
        let count = u64::from(record.count());
        let dkim = record.dmarc_dkim_result() == DmarcResult::Pass;
        let spf = record.dmarc_spf_result() == DmarcResult::Pass;
        let add = |sum: &mut u64, counts: bool| *sum = sum.saturating_add(if counts { count } else { 0 });
        add(&mut self.total, true);
        add(&mut self.aligned, dkim || spf);
        add(&mut self.dkim, dkim);
        add(&mut self.spf, spf);
        add(&mut self.quarantined, record.action_disposition() == ActionDisposition::Quarantine);
        add(&mut self.rejected, record.action_disposition() == ActionDisposition::Reject);
    }
}

/// Who sent, by what he proved.
fn name(domain: &Domain, record: &Record) -> Option<String> {
    let dkim = record.dkim_auth_result().iter().filter(|result| result.result() == DkimResult::Pass);
    let spf = record.spf_auth_result().iter().filter(|result| result.result() == SpfResult::Pass);
    let names = dkim.map(DKIMAuthResult::domain).chain(spf.map(SPFAuthResult::domain));
    let names: Vec<_> = names.filter_map(|name| Domain::parse(name.trim()).ok()).collect();
    let other = names.iter().find(|name| !is_within(name.as_str(), domain));
    other.or_else(|| names.first()).map(|name| name.as_str().to_owned())
}

fn is_within(name: &str, domain: &Domain) -> bool {
    Domain::parse(name).is_ok_and(|name| name == *domain || name.is_subdomain_of(domain))
}
