//! What a zone publishes about its mail, in the form of `GET /zones/{zone_id}/email/auth/dmarc-reports`.

use super::{
    answers::{Found, Lookups, normal},
    dmarc::DmarcRecord,
    spf::{Mechanism, SpfTree, TermKind, is_spf},
    tags::has_version,
};
use serde::Serialize;

/// Most addresses that are shown of one approved source.
const MAX_ADDRESSES: usize = 100;

/// The records of a zone by their purpose. A list that was looked for and not found is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PublishedRecords {
    /// SPF records of the zone's own name.
    pub spf_records: Vec<PublishedRecord>,
    /// Keys at the selectors that were asked for.
    pub dkim_records: Vec<PublishedRecord>,
    /// DMARC records of the zone's own.
    pub dmarc_records: Vec<PublishedRecord>,
    /// BIMI records.
    pub bimi_records: Vec<PublishedRecord>,
    /// An alias in the place of the SPF record.
    pub cname_spf_records: Vec<PublishedRecord>,
    /// Aliases in the place of keys.
    pub cname_dkim_records: Vec<PublishedRecord>,
    /// An alias in the place of the DMARC record.
    pub cname_dmarc_records: Vec<PublishedRecord>,
    /// The DMARC records that the alias leads to.
    pub resolved_dmarc_records: Vec<PublishedRecord>,
}

/// A record as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedRecord {
    /// `TXT` or `CNAME`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The text, or the name that an alias leads to.
    pub content: String,
    /// The texts of that kind which an alias leads to; `None` for a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Vec<String>>,
}

/// What is wrong with where reports about a zone's mail go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportStatus {
    /// There is no DMARC record.
    MissingDmarcReport,
    /// There is more than one, so that none counts (RFC 9989 section 4.10).
    MultipleDmarcReports,
    /// It names nobody to report to.
    MissingDmarcRua,
    /// An alias in its place leads to none.
    CnameOnDmarcRecord,
    /// It names somebody elsewhere who has not agreed to that (RFC 9990 section 4).
    UnauthorizedReportingDomain,
}

/// Somebody who may send for a zone, by an `include` of its SPF record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovedSource {
    /// The domain that is included.
    pub domain: String,
    /// The networks that its record names.
    pub ips: Vec<String>,
}

/// What a zone publishes, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The records.
    pub records: PublishedRecords,
    /// `None` if reports arrive, or nobody knows because a look-up failed.
    pub status: Option<ReportStatus>,
    /// Who may send.
    pub sources: Vec<ApprovedSource>,
}

/// Looks at `zone`, and for keys at the whole names `key_names`.
pub fn published(zone: &str, key_names: &[String], lookups: &mut Lookups<'_>) -> Published {
    let zone = normal(zone);
    let spf = found_at(&zone, is_spf, lookups);
    let dmarc = found_at(&format!("_dmarc.{zone}"), |text| has_version(text, "DMARC1"), lookups);
    let bimi = found_at(&format!("default._bimi.{zone}"), |text| has_version(text, "BIMI1"), lookups);
    let (mut keys, mut key_aliases) = (Vec::new(), Vec::new());
    for name in key_names {
        let key = found_at(name, |text| text.contains("p="), lookups);
        keys.extend(key.texts);
        key_aliases.extend(key.alias);
    }
    let status = status(&zone, &dmarc, lookups);
    let sources = sources(&zone, lookups);
    let records = PublishedRecords {
        resolved_dmarc_records: dmarc.behind_alias(),
        spf_records: spf.texts,
        dkim_records: keys,
        dmarc_records: dmarc.texts,
        bimi_records: bimi.texts,
        cname_spf_records: spf.alias.into_iter().collect(),
        cname_dkim_records: key_aliases,
        cname_dmarc_records: dmarc.alias.into_iter().collect(),
    };
    Published { records, status, sources }
}

/// What stands at a name: texts of a kind, or an alias and the texts behind it.
struct Place {
    texts: Vec<PublishedRecord>,
    alias: Option<PublishedRecord>,
    /// Whether a look-up failed.
    unknown: bool,
}

fn found_at(name: &str, is_meant: impl Fn(&str) -> bool, lookups: &mut Lookups<'_>) -> Place {
    let (alias, texts) = (lookups.alias(name), lookups.txt(name));
    let unknown = matches!(alias, Found::Failed(_)) || matches!(texts, Found::Failed(_));
    let texts = match texts {
        Found::Some(texts) => texts.into_iter().filter(|text| is_meant(text)).collect(),
        Found::None | Found::Failed(_) => Vec::new(),
    };
    let record = |kind, content, resolved| PublishedRecord { kind, name: name.to_owned(), content, resolved };
    let target = match alias {
        Found::Some(names) => names.into_iter().next(),
        Found::None | Found::Failed(_) => None,
    };
    match target {
        Some(target) => {
            Place { texts: Vec::new(), alias: Some(record("CNAME", target, Some(texts))), unknown }
        }
        None => {
            let texts = texts.into_iter().map(|text| record("TXT", text, None)).collect();
            Place { texts, alias: None, unknown }
        }
    }
}

impl Place {
    /// The texts behind the alias, at the name that was asked for.
    fn behind_alias(&self) -> Vec<PublishedRecord> {
        let alias = self.alias.iter();
        let texts = alias.flat_map(|alias| alias.resolved.iter().flatten().map(|text| (&alias.name, text)));
        let record = |(name, text): (&String, &String)| PublishedRecord {
            kind: "TXT",
            name: name.clone(),
            content: text.clone(),
            resolved: None,
        };
        texts.map(record).collect()
    }
}

fn status(zone: &str, dmarc: &Place, lookups: &mut Lookups<'_>) -> Option<ReportStatus> {
    let behind = dmarc.behind_alias();
    let records = if dmarc.alias.is_some() { &behind } else { &dmarc.texts };
    match records.as_slice() {
        _ if dmarc.unknown => None,
        [] if dmarc.alias.is_some() => Some(ReportStatus::CnameOnDmarcRecord),
        [] => Some(ReportStatus::MissingDmarcReport),
        [record] => reports_status(zone, &record.content, lookups),
        _ => Some(ReportStatus::MultipleDmarcReports),
    }
}

fn reports_status(zone: &str, record: &str, lookups: &mut Lookups<'_>) -> Option<ReportStatus> {
    let reports = DmarcRecord::parse(record).map(|record| record.reports).unwrap_or_default();
    if reports.is_empty() {
        return Some(ReportStatus::MissingDmarcRua);
    }
    // Asked about all at once.
    let refused: Vec<_> = reports.iter().filter(|uri| !agrees(zone, uri, lookups)).collect();
    (!refused.is_empty()).then_some(ReportStatus::UnauthorizedReportingDomain)
}

/// Whether whoever is behind `uri` takes reports about `zone`, as far as anybody knows.
fn agrees(zone: &str, uri: &str, lookups: &mut Lookups<'_>) -> bool {
    let mail = uri.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("mailto"));
    let Some((_, domain)) = mail.and_then(|(_, address)| address.rsplit_once('@')) else { return true };
    // A largest size may follow.
    let domain = normal(domain.split('!').next().unwrap_or_default());
    let is_own = domain == zone || domain.ends_with(&format!(".{zone}"));
    is_own
        || match lookups.txt(&format!("{zone}._report._dmarc.{domain}")) {
            Found::Some(texts) => texts.iter().any(|text| has_version(text, "DMARC1")),
            Found::None => false,
            Found::Failed(_) => true,
        }
}

fn sources(zone: &str, lookups: &mut Lookups<'_>) -> Vec<ApprovedSource> {
    let tree = SpfTree::build(zone, lookups);
    let included = tree.nodes.iter().filter_map(|node| match &node.term.kind {
        TermKind::Mechanism(_, Mechanism::Include(domain)) if !node.is_ignored => {
            let mut ips = Vec::new();
            networks(node.beneath.as_deref(), &mut ips);
            Some(ApprovedSource { domain: domain.as_str().to_owned(), ips })
        }
        _ => None,
    });
    included.collect()
}

/// Adds the networks that a record and those beneath it name.
fn networks(tree: Option<&SpfTree>, ips: &mut Vec<String>) {
    for node in tree.into_iter().flat_map(|tree| &tree.nodes) {
        if ips.len() >= MAX_ADDRESSES {
            return;
        }
        if let TermKind::Mechanism(_, Mechanism::Ip4(_) | Mechanism::Ip6(_)) = &node.term.kind
            && let Some((_, network)) = node.term.text.split_once(':')
        {
            ips.push(network.to_owned());
        }
        ips.extend(node.addresses.iter().map(ToString::to_string));
        networks(node.beneath.as_deref(), ips);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_dns::{Answer, Answers, Question, decide};

    /// Names, and what stands there.
    type Rows<'a> = &'a [(&'a str, &'a str)];

    /// What is published by a zone with these texts and aliases.
    fn look(texts: Rows<'_>, aliases: Rows<'_>) -> Published {
        let mut answers = Answers::default();
        let judge = |lookups: &mut Lookups<'_>| {
            published("A.example", &["s._domainkey.a.example".to_owned()], lookups)
        };
        loop {
            let open = match decide(&answers, judge) {
                Ok(published) => return published,
                Err(open) => open,
            };
            for question in open {
                let answer = match &question {
                    Question::Txt(name) => {
                        let at = texts.iter().filter(|(at, _)| at == name);
                        Answer::Texts(at.map(|(_, text)| (*text).to_owned()).collect())
                    }
                    Question::Alias(name) => {
                        let at = aliases.iter().filter(|(at, _)| at == name);
                        Answer::Names(at.map(|(_, target)| (*target).to_owned()).collect())
                    }
                    _ => Answer::None,
                };
                answers.insert(question, answer);
            }
        }
    }

    #[test]
    fn says_what_is_wrong_with_where_reports_go() {
        const AT: &str = "_dmarc.a.example";
        let good = "v=DMARC1; p=none; rua=mailto:d@a.example";
        let cases: [(Rows<'_>, Rows<'_>, Option<ReportStatus>); 8] = [
            (&[], &[], Some(ReportStatus::MissingDmarcReport)),
            (&[(AT, "other text")], &[], Some(ReportStatus::MissingDmarcReport)),
            (&[(AT, good)], &[], None),
            (&[(AT, good), (AT, good)], &[], Some(ReportStatus::MultipleDmarcReports)),
            (&[(AT, "v=DMARC1; p=none")], &[], Some(ReportStatus::MissingDmarcRua)),
            (&[], &[(AT, "d.b.example")], Some(ReportStatus::CnameOnDmarcRecord)),
            (&[(AT, good)], &[(AT, "d.b.example")], None),
            (
                &[(AT, "v=DMARC1; p=none; rua=mailto:d@b.example!10m")],
                &[],
                Some(ReportStatus::UnauthorizedReportingDomain),
            ),
        ];
        for (texts, aliases, expected) in cases {
            assert_eq!(look(texts, aliases).status, expected, "{texts:?} {aliases:?}");
        }
        let agreed = [
            (AT, "v=DMARC1; p=none; rua=mailto:d@b.example"),
            ("a.example._report._dmarc.b.example", "v=DMARC1"),
        ];
        assert_eq!(look(&agreed, &[]).status, None);
    }

    #[test]
    fn lists_records_by_their_purpose_and_sources_with_their_networks() {
        let texts = [
            ("a.example", "v=spf1 include:mail.b.example -all"),
            ("a.example", "something else"),
            ("mail.b.example", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"),
            ("s._domainkey.a.example", "v=DKIM1; p=abc"),
            ("_dmarc.a.example", "v=DMARC1; p=none"),
        ];
        let Published { records, sources, .. } = look(&texts, &[("_dmarc.a.example", "d.b.example")]);
        let contents = |records: &[PublishedRecord]| {
            records.iter().map(|record| record.content.clone()).collect::<Vec<_>>()
        };
        assert_eq!(contents(&records.spf_records), ["v=spf1 include:mail.b.example -all"]);
        assert_eq!(contents(&records.dkim_records), ["v=DKIM1; p=abc"]);
        assert_eq!(contents(&records.dmarc_records), [""; 0]);
        assert_eq!(contents(&records.cname_dmarc_records), ["d.b.example"]);
        assert_eq!(contents(&records.resolved_dmarc_records), ["v=DMARC1; p=none"]);
        assert_eq!(records.cname_dmarc_records[0].resolved, Some(vec!["v=DMARC1; p=none".to_owned()]));
        let ips = vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()];
        assert_eq!(sources, [ApprovedSource { domain: "mail.b.example".to_owned(), ips }]);
    }
}
