//! What is looked after: sending domains and routing zones, by what they have in common.

use super::{checker::CheckerSettings, keys, looks::Looks, records::RecordSettings};
use crate::{clock, metrics as names, sending::DomainChecker};
use mailwright_engine::{
    address::Domain,
    domain_dns::{
        DnsRecord, DomainReport, DomainState, Lookups, Purpose, RecordState, RecordStatus, RoutingReport,
        check_domain, check_routing,
    },
};
use mailwright_storage::control::{
    By, Control, ControlError, KeyStage, ObjectId, RoutingZone, SendingDomain, StoredKey,
};
use std::{fmt::Debug, sync::Arc, time::Duration};

/// Something whose records are looked for in the DNS.
pub trait Watched: Sized + Debug + Send + Sync + 'static {
    /// What a look at it finds.
    type Report: Debug + Send + Sync + 'static;
    /// The counter of looks, by what was found.
    const CHECKS: &'static str;

    /// The one with this id.
    fn find(control: &Control, id: &ObjectId) -> Option<Arc<Self>>;
    /// Every one.
    fn all(control: &Control) -> Vec<Arc<Self>>;
    /// By what it is known.
    fn id(&self) -> &ObjectId;
    /// Its domain, which says who takes updates for it.
    fn domain(&self) -> &Domain;
    /// Whether it is in use, so that it is looked at unasked.
    fn is_on(&self) -> bool;
    /// Whether somebody waits for it to be in order, so that it is looked at sooner.
    fn is_awaited(&self, last: Option<DomainState>) -> bool;
    /// Its keys.
    fn keys(&self) -> &[StoredKey];
    /// What is to be published for it.
    fn records(&self, settings: &RecordSettings) -> Vec<DnsRecord>;
    /// Whether records are gone that we are to put back.
    fn has_lost(&self, report: &Self::Report) -> bool;
    /// Looks at it.
    fn look(&self, settings: &RecordSettings, lookups: &mut Lookups<'_>) -> Self::Report;
    /// Where it stands.
    fn state(report: &Self::Report) -> DomainState;
    /// Makes it new keys. Blocks for a sync.
    ///
    /// # Errors
    /// When they cannot be made or stored.
    fn rotate(&self, control: &Control, settings: &CheckerSettings) -> Result<(), ControlError>;
    /// Does what follows from a look, before which it stood as `before` says. Blocks for a sync if anything does.
    ///
    /// # Errors
    /// When it is gone, or that cannot be stored.
    fn follow(
        &self,
        control: &Control,
        report: &Self::Report,
        before: Option<DomainState>,
        overlap: Duration,
    ) -> Result<(), ControlError>;
    /// Where the looks at its kind are kept.
    fn looks(checker: &mut DomainChecker) -> &mut Looks<Self>;
}

impl Watched for SendingDomain {
    type Report = DomainReport;
    const CHECKS: &'static str = names::DOMAIN_CHECKS;

    fn find(control: &Control, id: &ObjectId) -> Option<Arc<Self>> {
        control.sending_domain_tagged(id)
    }

    fn all(control: &Control) -> Vec<Arc<Self>> {
        control.sending_domains()
    }

    fn id(&self) -> &ObjectId {
        &self.tag
    }

    fn domain(&self) -> &Domain {
        &self.name
    }

    fn is_on(&self) -> bool {
        self.enabled
    }

    fn is_awaited(&self, _: Option<DomainState>) -> bool {
        self.verified.is_none() || have_waiting(&self.keys)
    }

    fn keys(&self) -> &[StoredKey] {
        &self.keys
    }

    fn records(&self, settings: &RecordSettings) -> Vec<DnsRecord> {
        settings.of(self)
    }

    /// Its owner publishes them, and is told.
    fn has_lost(&self, _: &DomainReport) -> bool {
        false
    }

    fn look(&self, settings: &RecordSettings, lookups: &mut Lookups<'_>) -> DomainReport {
        check_domain(&settings.describe(self), &settings.addresses, lookups)
    }

    fn state(report: &DomainReport) -> DomainState {
        report.state
    }

    fn rotate(&self, control: &Control, settings: &CheckerSettings) -> Result<(), ControlError> {
        control.begin_key_rotation(&self.tag, &settings.names, &By::server(clock::now())).map(drop)
    }

    fn follow(
        &self,
        control: &Control,
        report: &DomainReport,
        _: Option<DomainState>,
        overlap: Duration,
    ) -> Result<(), ControlError> {
        let now = clock::now();
        let after = control.update_sending_domain(&self.tag, &By::server(now), |domain| {
            keys::advance(domain, report, overlap, now);
        })?;
        if self.verified.is_none() && after.verified.is_some() {
            tracing::info!(domain = %after.pattern(), "the sending domain is verified");
        } else if after.verified.is_some() && report.state == DomainState::Misconfigured {
            tracing::warn!(domain = %after.pattern(), "records of a sending domain must be mended");
        }
        Ok(())
    }

    fn looks(checker: &mut DomainChecker) -> &mut Looks<Self> {
        &mut checker.sending
    }
}

impl Watched for RoutingZone {
    type Report = RoutingReport;
    const CHECKS: &'static str = names::ROUTING_CHECKS;

    fn find(control: &Control, id: &ObjectId) -> Option<Arc<Self>> {
        control.routing_zone(id)
    }

    fn all(control: &Control) -> Vec<Arc<Self>> {
        control.routing_zones()
    }

    fn id(&self) -> &ObjectId {
        &self.zone_id
    }

    fn domain(&self) -> &Domain {
        &self.name
    }

    fn is_on(&self) -> bool {
        self.enabled
    }

    fn is_awaited(&self, last: Option<DomainState>) -> bool {
        last != Some(DomainState::Ready) || have_waiting(&self.keys)
    }

    fn keys(&self) -> &[StoredKey] {
        &self.keys
    }

    fn records(&self, settings: &RecordSettings) -> Vec<DnsRecord> {
        settings.of_routing(self)
    }

    /// While they are locked; and a policy of MTA-STS that is announced by a former id.
    fn has_lost(&self, report: &RoutingReport) -> bool {
        let is_lost = |status: &RecordStatus| match status.state {
            RecordState::NotFound => true,
            RecordState::Conflict => status.record.purpose == Purpose::MtaSts,
            RecordState::Locked | RecordState::Unknown => false,
        };
        self.enabled && self.locked && report.records.iter().any(is_lost)
    }

    fn look(&self, settings: &RecordSettings, lookups: &mut Lookups<'_>) -> RoutingReport {
        check_routing(&settings.describe_routing(self), &settings.addresses, lookups)
    }

    fn state(report: &RoutingReport) -> DomainState {
        report.state
    }

    fn rotate(&self, control: &Control, _: &CheckerSettings) -> Result<(), ControlError> {
        control.begin_routing_key_rotation(&self.zone_id, &By::server(clock::now())).map(drop)
    }

    fn follow(
        &self,
        control: &Control,
        report: &RoutingReport,
        before: Option<DomainState>,
        overlap: Duration,
    ) -> Result<(), ControlError> {
        let is_news = before != Some(DomainState::Misconfigured);
        if self.enabled && is_news && report.state == DomainState::Misconfigured {
            tracing::warn!(zone = %self.name, "records of a routing zone must be mended");
        }
        let now = clock::now();
        let change = |zone: &mut Self| keys::change_over(&mut zone.keys, &report.dkim, overlap, now);
        control.update_routing_zone(&self.zone_id, &By::server(now), change).map(drop)
    }

    fn looks(checker: &mut DomainChecker) -> &mut Looks<Self> {
        &mut checker.routing
    }
}

fn have_waiting(keys: &[StoredKey]) -> bool {
    keys.iter().any(|key| key.stage == KeyStage::Waiting)
}
