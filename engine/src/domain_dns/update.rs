//! From what a zone has to what it is to have, without touching what others have put there.
//!
//! Every change depends on the sets that it touches being still as they were read, so that two who change a zone at
//! once do not undo each other: the second is refused, reads again and plans again.

use super::{
    change::{Change, FoundRecord, Prerequisite, RecordSet, Update},
    record::{DnsRecord, Purpose, RecordType},
    spf,
};
use crate::tls::StsRecord;
use std::collections::{BTreeMap, BTreeSet};

/// What an authoritative server has at the names concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Current {
    sets: BTreeMap<RecordSet, Vec<FoundRecord>>,
    aliases: BTreeSet<String>,
    addressed: BTreeSet<String>,
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

    /// Notes that a name has addresses, beside which it cannot become an alias.
    pub fn insert_addressed(&mut self, name: String) {
        self.addressed.insert(name);
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
    /// To take them out, but for what is the owner's to say (DMARC, TLS-RPT), and who else may send (SPF of a name
    /// that mail is routed for).
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
    /// A name that is to be an alias has addresses.
    #[error("{0} has addresses, beside which no alias (CNAME) may stand; take them out first")]
    Addressed(String),
}

/// What to do, and what was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublishingPlan {
    /// The change.
    pub update: Update,
    /// Records of others that were found in the place of ours, do as well and stay.
    pub kept: Vec<DnsRecord>,
}

/// Plans how `wanted` gets published where there is `current`. Of what is there, `former` are records of ours that
/// are out of date, which go. What is the owner's to say always stays ([`Purpose::is_the_owners`]), and counts as done.
/// An SPF record that is shared ([`Purpose::SharedSpf`]) has our terms added to it; there is never a second one.
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
        if set.kind == RecordType::Cname {
            if current.addressed.contains(&set.name) {
                return Err(PlanError::Addressed(set.name));
            }
        } else if current.aliases.contains(&set.name) {
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

/// What is to become of a record that is there and not wanted as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is about something else.
    Stays,
    /// It does as well as this one of ours.
    DoesAsWell,
    /// It is to become part of ours.
    Joins,
    /// It is a former one of ours.
    Goes,
    /// It is somebody else's, in the way.
    InTheWay,
}

fn fate(there: &DnsRecord, wanted: &[&DnsRecord]) -> Fate {
    match there.kind {
        // A host of ours, in another place.
        RecordType::Mx if wanted.iter().any(|wanted| wanted.content == there.content) => return Fate::Goes,
        RecordType::Mx | RecordType::Cname if wanted.is_empty() => return Fate::Stays,
        RecordType::Mx | RecordType::Cname => return Fate::InTheWay,
        RecordType::Txt => {}
    }
    let served = wanted.iter().map(|wanted| wanted.purpose).find(|p| p.is_served_by(&there.content));
    match served {
        None => Fate::Stays,
        Some(purpose) if purpose.is_the_owners() => Fate::DoesAsWell,
        Some(Purpose::SharedSpf) => Fate::Joins,
        Some(Purpose::MtaSts) if is_our_policy(&there.content) => Fate::Goes,
        Some(_) => Fate::InTheWay,
    }
}

/// Whether a record names a policy of MTA-STS as ours are named, of which there can have been others before.
fn is_our_policy(text: &str) -> bool {
    StsRecord::find([text.as_bytes()]).is_ok_and(|found| found.is_some_and(|record| record.is_digest()))
}

fn plan_set(
    set: &RecordSet,
    wanted: &[DnsRecord],
    former: &[DnsRecord],
    found: &[FoundRecord],
    on_foreign: OnForeign,
    plan: &mut PublishingPlan,
) -> Result<(), PlanError> {
    let wanted: Vec<_> = wanted.iter().filter(|record| RecordSet::of(record) == *set).collect();
    let is_wanted = |found: &FoundRecord| wanted.iter().any(|wanted| is_same(&found.record, wanted));
    let (mut joining, mut is_done) = (Vec::new(), false);
    for there in found.iter().filter(|found| !is_wanted(found)) {
        let record = &there.record;
        let is_former = former.iter().any(|former| is_same(record, former));
        match fate(record, &wanted) {
            _ if is_former => plan.update.changes.push(Change::Remove(there.clone())),
            Fate::Stays => {}
            Fate::DoesAsWell => {
                is_done = true;
                plan.kept.push(record.clone());
            }
            Fate::Joins => joining.push(there),
            Fate::InTheWay if on_foreign == OnForeign::Refuse => {
                return Err(PlanError::Foreign { set: set.clone(), found: record.content.clone() });
            }
            Fate::Goes | Fate::InTheWay => plan.update.changes.push(Change::Remove(there.clone())),
        }
    }
    for record in wanted {
        let is_there = found.iter().any(|found| is_same(&found.record, record));
        match record.purpose {
            Purpose::SharedSpf => join(set, record, &joining, found, on_foreign, plan)?,
            purpose if purpose.is_the_owners() && is_done => {}
            _ if is_there => {}
            _ => plan.update.changes.push(Change::Add(record.clone())),
        }
    }
    Ok(())
}

/// Plans how an SPF record comes to let our hosts send, beside those that `others` let.
fn join(
    set: &RecordSet,
    ours: &DnsRecord,
    others: &[&FoundRecord],
    found: &[FoundRecord],
    on_foreign: OnForeign,
    plan: &mut PublishingPlan,
) -> Result<(), PlanError> {
    let own = found.iter().find(|found| is_same(&found.record, ours));
    match (own, others) {
        (Some(_), []) => return Ok(()),
        (None, [other]) if spf::covers(&other.record.content, &ours.content) => {
            plan.kept.push(other.record.clone());
            return Ok(());
        }
        _ => {}
    }
    let texts: Vec<_> = others.iter().map(|other| other.record.content.as_str()).collect();
    let merged = spf::merged(&ours.content, &texts);
    let is_simple = merged.is_some() && others.len() <= 1;
    if !is_simple && on_foreign == OnForeign::Refuse {
        return Err(PlanError::Foreign { set: set.clone(), found: texts.join("\" and \"") });
    }
    let gone = others.iter().copied().chain(own);
    plan.update.changes.extend(gone.map(|found| Change::Remove(found.clone())));
    let content = merged.unwrap_or_else(|| ours.content.clone());
    plan.update.changes.push(Change::Add(DnsRecord { content, ..ours.clone() }));
    Ok(())
}

/// Plans how `ours` get taken out. What is not exactly ours stays, but for our terms in an SPF record that is shared.
pub fn plan_removal(ours: &[DnsRecord], current: &Current) -> Update {
    let mut update = Update::default();
    let sets: BTreeSet<_> = ours.iter().map(RecordSet::of).collect();
    for set in sets {
        let before = update.changes.len();
        let ours: Vec<_> = ours.iter().filter(|our| RecordSet::of(our) == set).collect();
        for found in current.of(&set) {
            let is_it = |our: &&&DnsRecord| is_same(&found.record, our) || is_within(our, &found.record);
            if let Some(our) = ours.iter().find(is_it) {
                take_out(our, found, &mut update);
            }
        }
        if update.changes.len() > before {
            require(&set, current, &mut update);
        }
    }
    update
}

/// Whether `there` is an SPF record of others to which `our` terms were added.
fn is_within(our: &DnsRecord, there: &DnsRecord) -> bool {
    let is_shared = our.purpose == Purpose::SharedSpf && our.purpose.is_served_by(&there.content);
    is_shared && spf::covers(&there.content, &our.content)
}

fn take_out(our: &DnsRecord, found: &FoundRecord, update: &mut Update) {
    update.changes.push(Change::Remove(found.clone()));
    if our.purpose == Purpose::SharedSpf
        && let Some(content) = spf::without(&found.record.content, &our.content)
    {
        update.changes.push(Change::Add(DnsRecord { content, ..our.clone() }));
    }
}

/// Makes the change depend on `set` being as it was read.
fn require(set: &RecordSet, current: &Current, update: &mut Update) {
    let found = current.of(set);
    let is_new_name = |prerequisite: &Prerequisite| *prerequisite == Prerequisite::NoAlias(set.name.clone());
    if !found.is_empty() {
        update.prerequisites.push(Prerequisite::Exactly(found.to_vec()));
    } else if set.kind == RecordType::Cname {
        update.prerequisites.push(Prerequisite::Unused(set.name.clone()));
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

#[cfg(test)]
mod tests;
