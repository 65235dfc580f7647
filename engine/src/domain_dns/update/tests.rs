//! Plans, and what a server makes of them.

use super::*;
use crate::domain_dns::{
    record::{records, tests::domain},
    routing::{routing_records, tests::zone_with_policy},
};

fn wanted() -> Vec<DnsRecord> {
    records(&domain("example.com"))
}

fn txt(name: &str, content: &str) -> DnsRecord {
    let (name, content, kind) = (name.to_owned(), content.to_owned(), RecordType::Txt);
    DnsRecord { kind, name, content, priority: None, ttl: 1, purpose: Purpose::ReturnPath }
}

fn found(record: &DnsRecord) -> FoundRecord {
    FoundRecord { record: record.clone(), strings: Vec::new() }
}

/// A zone that has these records.
fn zone(records: &[DnsRecord]) -> Current {
    let mut current = Current::default();
    for record in records {
        current.sets.entry(RecordSet::of(record)).or_default().push(found(record));
    }
    current
}

/// Does a change as RFC 2136 section 3 says, or nothing.
fn apply(update: &Update, zone: &Current) -> Option<Current> {
    for prerequisite in &update.prerequisites {
        let holds = match prerequisite {
            Prerequisite::Absent(set) => zone.of(set).is_empty(),
            Prerequisite::NoAlias(name) => !zone.aliases.contains(name),
            Prerequisite::Unused(name) => {
                !zone.addressed.contains(name) && zone.sets.keys().all(|set| set.name != *name)
            }
            Prerequisite::Exactly(records) => {
                let there = zone.of(&RecordSet::of(&records[0].record));
                there.len() == records.len() && records.iter().all(|record| there.contains(record))
            }
        };
        if !holds {
            return None;
        }
    }
    let mut zone = zone.clone();
    for change in &update.changes {
        match change {
            Change::Add(record) => {
                zone.sets.entry(RecordSet::of(record)).or_default().push(found(record));
            }
            Change::Remove(gone) => {
                let set = zone.sets.entry(RecordSet::of(&gone.record)).or_default();
                set.retain(|found| found != gone);
            }
        }
    }
    Some(zone)
}

fn all(zone: &Current) -> Vec<String> {
    let mut all: Vec<_> = zone
        .sets
        .values()
        .flatten()
        .map(|found| format!("{} {}", found.record.name, found.record.content))
        .collect();
    all.sort();
    all
}

#[test]
fn publishing_twice_and_taking_out_leaves_the_zone_as_it_was() {
    let other = txt("cf-bounce.example.com", "google-site-verification=1");
    let before = zone(std::slice::from_ref(&other));
    let plan = plan_publishing(&wanted(), &[], &before, OnForeign::Refuse).unwrap();
    let after = apply(&plan.update, &before).unwrap();
    assert_eq!(all(&after).len(), wanted().len() + 1);
    let again = plan_publishing(&wanted(), &[], &after, OnForeign::Refuse).unwrap();
    assert!(again.update.is_empty() && again.kept.is_empty());
    let removed = apply(&plan_removal(&wanted(), &after), &after).unwrap();
    assert_eq!(all(&removed), all(&before));
    assert!(plan_removal(&wanted(), &removed).is_empty());
}

#[test]
fn what_others_put_there_is_in_the_way_or_stays() {
    let name = "cf-bounce.example.com";
    let mx = DnsRecord { kind: RecordType::Mx, priority: Some(5), ..txt(name, "mx.other.test") };
    let foreign = [txt(name, "v=spf1 -all"), txt("r1._domainkey.example.com", "v=DKIM1; p=AAAA"), mx];
    for record in foreign {
        let zone = zone(std::slice::from_ref(&record));
        let refused = plan_publishing(&wanted(), &[], &zone, OnForeign::Refuse).unwrap_err();
        assert!(refused.to_string().contains(&record.content), "{refused}");
        let plan = plan_publishing(&wanted(), &[], &zone, OnForeign::Replace).unwrap();
        let after = apply(&plan.update, &zone).unwrap();
        assert_eq!(all(&after).len(), wanted().len());
        assert!(plan_removal(&wanted(), &zone).is_empty());
    }
    let policy = zone(&[txt("_dmarc.example.com", "v=DMARC1; p=none")]);
    let plan = plan_publishing(&wanted(), &[], &policy, OnForeign::Refuse).unwrap();
    assert_eq!((plan.kept.len(), plan.update.changes.len()), (1, wanted().len() - 1));
}

#[test]
fn a_former_record_of_ours_gives_way() {
    let former = txt("r1._domainkey.example.com", "v=DKIM1; p=OLD");
    let zone = zone(std::slice::from_ref(&former));
    let plan = plan_publishing(&wanted(), &[former], &zone, OnForeign::Refuse).unwrap();
    assert_eq!(all(&apply(&plan.update, &zone).unwrap()).len(), wanted().len());
}

#[test]
fn a_change_in_between_stops_everything() {
    let before = Current::default();
    let plan = plan_publishing(&wanted(), &[], &before, OnForeign::Refuse).unwrap();
    for between in [txt("cf-bounce.example.com", "x"), txt("_dmarc.example.com", "v=DMARC1; p=none")] {
        assert_eq!(apply(&plan.update, &zone(&[between])), None);
    }
    let mut alias = Current::default();
    alias.insert_alias("_dmarc.example.com".into());
    assert_eq!(apply(&plan.update, &alias), None);
    let refused = plan_publishing(&wanted(), &[], &alias, OnForeign::Replace);
    assert_eq!(refused, Err(PlanError::Alias("_dmarc.example.com".into())));
}

/// The records of a routing zone with MTA-STS.
fn routed() -> Vec<DnsRecord> {
    routing_records(&zone_with_policy())
}

fn published(before: &Current, on_foreign: OnForeign) -> Vec<String> {
    let plan = plan_publishing(&routed(), &[], before, on_foreign).unwrap();
    let after = apply(&plan.update, before).unwrap();
    let again = plan_publishing(&routed(), &[], &after, OnForeign::Refuse).unwrap();
    assert!(again.update.is_empty(), "{again:?}");
    all(&after)
}

#[test]
fn an_spf_record_that_is_there_has_ours_added_and_gets_it_taken_out_again() {
    let theirs = txt("example.com", "v=spf1 include:_spf.google.com -all");
    let before = zone(&[theirs.clone(), txt("example.com", "google-site-verification=1")]);
    let after = published(&before, OnForeign::Refuse);
    let both = "example.com v=spf1 include:_spf.mail.test include:_spf.google.com -all";
    assert_eq!(after.iter().filter(|record| record.contains("v=spf1")).collect::<Vec<_>>(), [both]);
    let plan = plan_publishing(&routed(), &[], &before, OnForeign::Refuse).unwrap();
    let after = apply(&plan.update, &before).unwrap();
    let removed = apply(&plan_removal(&routed(), &after), &after).unwrap();
    assert_eq!(all(&removed), all(&before));
}

#[test]
fn spf_records_that_cannot_be_joined_are_told_and_replaced_only_on_demand() {
    let cases: [(&[&str], &str); 2] = [
        (&["v=spf1 a -all", "v=spf1 mx ~all"], "v=spf1 include:_spf.mail.test a mx -all"),
        (&["v=spf1 incldue:x.test -all"], "v=spf1 include:_spf.mail.test ~all"),
    ];
    for (theirs, replaced) in cases {
        let records: Vec<_> = theirs.iter().map(|text| txt("example.com", text)).collect();
        let before = zone(&records);
        let refused = plan_publishing(&routed(), &[], &before, OnForeign::Refuse).unwrap_err().to_string();
        assert!(theirs.iter().all(|text| refused.contains(text)), "{refused}");
        let after = published(&before, OnForeign::Replace);
        let spf = after.iter().filter(|record| record.contains("v=spf1")).collect::<Vec<_>>();
        assert_eq!(spf, [&format!("example.com {replaced}")]);
    }
}

#[test]
fn a_record_that_says_the_same_does_as_well() {
    let theirs = txt("example.com", "v=spf1 mx include:_spf.mail.test -all");
    let reports = txt("_smtp._tls.example.com", "v=TLSRPTv1; rua=https://reports.test/");
    let plan = plan_publishing(&routed(), &[], &zone(&[theirs.clone(), reports.clone()]), OnForeign::Refuse);
    let plan = plan.unwrap();
    assert_eq!(plan.kept, [reports, theirs]);
    assert_eq!(plan.update.changes.len(), routed().len() - 2);
}

#[test]
fn a_policy_of_ours_gives_way_to_the_next_and_a_policy_of_others_does_not() {
    let at = "_mta-sts.example.com";
    let old = txt(at, &format!("v=STSv1; id={};", "0".repeat(32)));
    assert_eq!(published(&zone(&[old]), OnForeign::Refuse).len(), routed().len());
    let theirs = zone(&[txt(at, "v=STSv1; id=20240101")]);
    assert!(plan_publishing(&routed(), &[], &theirs, OnForeign::Refuse).is_err());
    assert_eq!(published(&theirs, OnForeign::Replace).len(), routed().len());
}

#[test]
fn a_name_with_addresses_does_not_become_an_alias() {
    let mut current = Current::default();
    current.insert_addressed("mta-sts.example.com".into());
    let refused = plan_publishing(&routed(), &[], &current, OnForeign::Replace);
    assert_eq!(refused, Err(PlanError::Addressed("mta-sts.example.com".into())));
    let alias = |target: &str| DnsRecord { kind: RecordType::Cname, ..txt("mta-sts.example.com", target) };
    let theirs = zone(&[alias("policies.other.test")]);
    assert!(plan_publishing(&routed(), &[], &theirs, OnForeign::Refuse).is_err());
    assert_eq!(published(&theirs, OnForeign::Replace).len(), routed().len());
}

#[test]
fn our_hosts_in_another_order_are_put_right() {
    let mx = DnsRecord { kind: RecordType::Mx, priority: Some(20), ..txt("example.com", "mx1.mail.test") };
    assert_eq!(published(&zone(&[mx]), OnForeign::Refuse).len(), routed().len());
}
