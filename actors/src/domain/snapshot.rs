//! A domain as operators see it.

use super::{DomainActor, plan::Plan};
use actix::prelude::*;
use mailwright_engine::class::QueueClass;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Asks a domain what it is doing.
#[derive(Message)]
#[rtype(result = "DomainSnapshot")]
pub struct DescribeDomain;

/// What a domain is doing.
#[derive(Debug, Clone, Serialize)]
pub struct DomainSnapshot {
    /// Its name.
    pub domain: String,
    /// Where its mail goes, as far as that is known.
    pub plan: PlanSnapshot,
    /// Entries in memory.
    pub ready: usize,
    /// Entries being delivered.
    pub in_flight: usize,
    /// Whether there may be more due entries on disk.
    pub more_on_disk: bool,
    /// Entries in memory, by class and source.
    pub lanes: Vec<LaneSnapshot>,
    /// What holds mail.
    pub holds: Vec<HoldSnapshot>,
    /// Classes none of whose sources may be used.
    pub waits_for_source: Vec<String>,
}

/// Where a domain's mail goes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum PlanSnapshot {
    /// Nobody has asked.
    Unknown,
    /// Being looked up.
    Asked,
    /// There.
    Known {
        /// The hosts, sorted, or the configured next hop.
        site: String,
        /// The hosts in the order they are tried.
        hosts: Vec<String>,
        /// Seconds until it is looked up again.
        valid_for: u64,
    },
}

/// Entries of one class that leave from one source.
#[derive(Debug, Clone, Serialize)]
pub struct LaneSnapshot {
    /// Their class.
    pub class: QueueClass,
    /// Their source.
    pub source: String,
    /// How many.
    pub ready: usize,
}

/// What kind of thing holds mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// DNS did not say where it goes.
    Dns,
    /// The site cannot be reached.
    Site,
    /// The site's servers do not do what a TLS policy asks.
    Policy,
    /// Our own disk.
    Storage,
}

/// Something that holds mail.
#[derive(Debug, Clone, Serialize)]
pub struct HoldSnapshot {
    /// What kind of thing it is.
    pub kind: HoldKind,
    /// Which source's mail; `None`: all.
    pub source: Option<String>,
    /// Seconds it still lasts.
    pub seconds: u64,
    /// Why.
    pub why: String,
}

impl DomainSnapshot {
    /// As it is after `time` in which nothing happened.
    pub(crate) fn aged(mut self, time: Duration) -> Self {
        let gone = time.as_secs();
        if let PlanSnapshot::Known { valid_for, .. } = &mut self.plan {
            *valid_for = valid_for.saturating_sub(gone);
        }
        for hold in &mut self.holds {
            hold.seconds = hold.seconds.saturating_sub(gone);
        }
        self
    }
}

impl DomainActor {
    pub(super) fn describe(&self) -> DomainSnapshot {
        let lanes = self.queue.lanes().map(|(lane, ready)| LaneSnapshot {
            class: lane.class.clone(),
            source: lane.source.to_string(),
            ready,
        });
        DomainSnapshot {
            domain: self.name.to_string(),
            plan: self.describe_plan(),
            ready: self.queue.len(),
            in_flight: self.outstanding.len(),
            more_on_disk: self.queue.more_on_disk(),
            lanes: lanes.collect(),
            holds: self.describe_holds(),
            waits_for_source: self.describe_unsourced(),
        }
    }

    fn describe_plan(&self) -> PlanSnapshot {
        match &self.plan {
            Plan::Unknown => PlanSnapshot::Unknown,
            Plan::Asked => PlanSnapshot::Asked,
            Plan::Known(known) => PlanSnapshot::Known {
                site: known.target.to_string(),
                hosts: known.target.host_names(),
                valid_for: seconds_until(known.until),
            },
        }
    }

    fn describe_unsourced(&self) -> Vec<String> {
        let describe = |class: &QueueClass| {
            let pool =
                class.pool.as_ref().map_or("the default pool".to_owned(), |pool| format!("pool {pool}"));
            let tenant = class.tenant.as_ref().map(|tenant| format!(" for {tenant}")).unwrap_or_default();
            format!("no source of {pool}{tenant} may be used now")
        };
        self.unsourced.keys().map(describe).collect()
    }

    fn describe_holds(&self) -> Vec<HoldSnapshot> {
        let of_all = self.held.iter().filter(|hold| !hold.is_over()).map(|hold| (None, hold));
        let of_sources = self.links.holds().map(|(source, hold)| (Some(source.to_string()), hold));
        let describe = |(source, hold): (Option<String>, &super::Hold)| HoldSnapshot {
            kind: hold.kind,
            source,
            seconds: seconds_until(hold.until),
            why: hold.why.clone(),
        };
        of_all.chain(of_sources).map(describe).collect()
    }
}

fn seconds_until(until: Instant) -> u64 {
    until.saturating_duration_since(Instant::now()).as_secs()
}

impl Handler<DescribeDomain> for DomainActor {
    type Result = MessageResult<DescribeDomain>;

    fn handle(&mut self, _: DescribeDomain, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.describe())
    }
}
