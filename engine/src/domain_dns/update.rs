//! From what a zone has to what it is to have, without touching what others have put there.
//!
//! Every change depends on the sets that it touches being still as they were read, so that two who change a zone at
//! once do not undo each other: the second is refused, reads again and plans again.

use super::{
    change::{Change, FoundRecord, Prerequisite, RecordSet, Update},
    record::{DnsRecord, Purpose, RecordType},
};
use std::collections::{BTreeMap, BTreeSet};

/// What an authoritative server has at the names concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Current {
    sets: BTreeMap<RecordSet, Vec<FoundRecord>>,
    aliases: BTreeSet<String>,
}

impl Current {
    /// Adds what was read of one set; MX hosts and names in lower case, without final dots.
    pub fn insert(&mut self, set: RecordSet, records: Vec<FoundRecord>) {
        self.sets.insert(set, records);
    }

    /// Notes that a name is an alias, beside which no other record may stand.
    pub fn insert_alias(&mut self, name: String) {
        self.aliases.insert(name);
    }

    fn of(&self, set: &RecordSet) -> &[FoundRecord] {
        self.sets.get(set).map_or(&[], Vec::as_slice)
    }
}

/// What to do about records of others that serve the purpose of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnForeign {
    /// To change nothing at all, and say so.
    Refuse,
    /// To take them out, but for DMARC policies.
    Replace,
}

/// Why nothing is planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Others have put something in the place of our records.
    #[error("{} {} is somebody else's: {found:?}. Take it out first, or allow it to be replaced", set.name, set.kind.as_str())]
    Foreign {
        /// Where.
        set: RecordSet,
        /// What stands there.
        found: String,
    },
    /// A name is an alias.
    #[error("{0} is an alias (CNAME), beside which nothing may stand; take it out first")]
    Alias(String),
}

/// What to do, and what was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublishingPlan {
    /// The change.
    pub update: Update,
    /// Policies of the domain's owner that were found in the place of ours and stay.
    pub kept: Vec<DnsRecord>,
}

/// Plans how `wanted` gets published where there is `current`. Of what is there, `former` are records of ours that
/// are out of date, which go. DMARC records of the owner always stay, and count as done: a policy is theirs to make.
///
/// # Errors
/// [`PlanError`] when something is in the way, unless `on_foreign` allows to replace it.
pub fn plan_publishing(
    wanted: &[DnsRecord],
    former: &[DnsRecord],
    current: &Current,
    on_foreign: OnForeign,
) -> Result<PublishingPlan, PlanError> {
    let mut plan = PublishingPlan::default();
    let sets: BTreeSet<_> = wanted.iter().chain(former).map(RecordSet::of).collect();
    for set in sets {
        if current.aliases.contains(&set.name) {
            return Err(PlanError::Alias(set.name));
        }
        let before = plan.update.changes.len();
        plan_set(&set, wanted, former, current.of(&set), on_foreign, &mut plan)?;
        if plan.update.changes.len() > before {
            require(&set, current, &mut plan.update);
        }
    }
    Ok(plan)
}

fn plan_set(
    set: &RecordSet,
    wanted: &[DnsRecord],
    former: &[DnsRecord],
    found: &[FoundRecord],
    on_foreign: OnForeign,
    plan: &mut PublishingPlan,
) -> Result<(), PlanError> {
    let in_set = |record: &&DnsRecord| RecordSet::of(record) == *set;
    let wanted: Vec<_> = wanted.iter().filter(in_set).collect();
    let mut is_dmarc_kept = false;
    for there in found.iter().filter(|found| !wanted.iter().any(|wanted| is_same(&found.record, wanted))) {
        let record = &there.record;
        let is_former = former.iter().any(|former| is_same(record, former));
        let is_in_the_way = wanted.iter().any(|wanted| collides(record, wanted));
        let is_policy = is_in_the_way && wanted.iter().any(|wanted| wanted.purpose == Purpose::Dmarc);
        if is_former || (is_in_the_way && !is_policy && on_foreign == OnForeign::Replace) {
            plan.update.changes.push(Change::Remove(there.clone()));
        } else if is_policy {
            is_dmarc_kept = true;
            plan.kept.push(record.clone());
        } else if is_in_the_way {
            return Err(PlanError::Foreign { set: set.clone(), found: record.content.clone() });
        }
    }
    let missing = wanted.iter().filter(|wanted| !found.iter().any(|found| is_same(&found.record, wanted)));
    let missing = missing.filter(|wanted| wanted.purpose != Purpose::Dmarc || !is_dmarc_kept);
    plan.update.changes.extend(missing.map(|record| Change::Add((*record).clone())));
    Ok(())
}

/// Plans how `ours` get taken out. What is not exactly ours stays.
pub fn plan_removal(ours: &[DnsRecord], current: &Current) -> Update {
    let mut update = Update::default();
    let sets: BTreeSet<_> = ours.iter().map(RecordSet::of).collect();
    for set in sets {
        let found =
            current.of(&set).iter().filter(|found| ours.iter().any(|our| is_same(&found.record, our)));
        let before = update.changes.len();
        update.changes.extend(found.map(|found| Change::Remove(found.clone())));
        if update.changes.len() > before {
            require(&set, current, &mut update);
        }
    }
    update
}

/// Makes the change depend on `set` being as it was read.
fn require(set: &RecordSet, current: &Current, update: &mut Update) {
    let found = current.of(set);
    let is_new_name = |prerequisite: &Prerequisite| *prerequisite == Prerequisite::NoAlias(set.name.clone());
    if !found.is_empty() {
        update.prerequisites.push(Prerequisite::Exactly(found.to_vec()));
    } else {
        update.prerequisites.push(Prerequisite::Absent(set.clone()));
        if !update.prerequisites.iter().any(is_new_name) {
            update.prerequisites.push(Prerequisite::NoAlias(set.name.clone()));
        }
    }
}

/// Whether two records say the same, whatever their time to live. The preference of an MX record is part of it.
fn is_same(a: &DnsRecord, b: &DnsRecord) -> bool {
    RecordSet::of(a) == RecordSet::of(b) && a.content == b.content && a.priority == b.priority
}

/// Whether `found` cannot stand beside `wanted`.
fn collides(found: &DnsRecord, wanted: &DnsRecord) -> bool {
    match wanted.kind {
        RecordType::Mx => true,
        RecordType::Txt => wanted.purpose.is_served_by(&found.content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain_dns::record::{records, tests::domain};

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
}
