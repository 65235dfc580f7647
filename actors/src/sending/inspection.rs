//! Looks at the DNS that somebody asks for: what a zone publishes, and where an SPF record leads.

use super::DomainChecker;
use actix::{Handler, Message, ResponseFuture};
use mailwright_engine::domain_dns::{
    DomainExamination, Published, RoutingReport, RoutingZone, check_routing, examine_domain, published,
    spf::{SpfInspection, SpfTree},
};
use mailwright_storage::control;
use std::{rc::Rc, sync::Arc};

/// Looks at what a zone publishes about its mail.
#[derive(Debug, Message)]
#[rtype(result = "Published")]
pub struct LookAtZone {
    /// The zone's name.
    pub zone: String,
    /// Whole names of keys.
    pub key_names: Vec<String>,
}

/// Follows an SPF record to its ends.
#[derive(Debug, Message)]
#[rtype(result = "SpfInspection")]
pub struct InspectSpf {
    /// Whose record it is.
    pub domain: String,
    /// The record.
    pub record: String,
}

/// Looks at whether the DNS has what is described here, and nothing follows from it.
#[derive(Debug, Message)]
#[rtype(result = "RoutingReport")]
pub struct LookAtRouting(pub RoutingZone);

/// Looks at everything that receivers see of a sending domain, and nothing follows from it.
#[derive(Debug, Message)]
#[rtype(result = "DomainExamination")]
pub struct Examine {
    /// The domain.
    pub domain: Arc<control::SendingDomain>,
    /// The zone that takes mail for it, if one does.
    pub routing: Option<Arc<control::RoutingZone>>,
}

impl Handler<Examine> for DomainChecker {
    type Result = ResponseFuture<DomainExamination>;

    fn handle(&mut self, Examine { domain, routing }: Examine, _: &mut Self::Context) -> Self::Result {
        let (check, settings) = (Rc::clone(&self.check), Rc::clone(&self.settings));
        Box::pin(async move {
            let domain = settings.records.describe(&domain);
            let routing = routing.map(|zone| settings.records.describe_routing(&zone));
            let addresses = &settings.records.addresses;
            check.run(|lookups| examine_domain(&domain, routing.as_ref(), addresses, lookups)).await
        })
    }
}

impl Handler<LookAtRouting> for DomainChecker {
    type Result = ResponseFuture<RoutingReport>;

    fn handle(&mut self, LookAtRouting(zone): LookAtRouting, _: &mut Self::Context) -> Self::Result {
        let (check, settings) = (Rc::clone(&self.check), Rc::clone(&self.settings));
        Box::pin(async move {
            check.run(|lookups| check_routing(&zone, &settings.records.addresses, lookups)).await
        })
    }
}

impl Handler<LookAtZone> for DomainChecker {
    type Result = ResponseFuture<Published>;

    fn handle(&mut self, LookAtZone { zone, key_names }: LookAtZone, _: &mut Self::Context) -> Self::Result {
        let check = Rc::clone(&self.check);
        Box::pin(async move { check.run(|lookups| published(&zone, &key_names, lookups)).await })
    }
}

impl Handler<InspectSpf> for DomainChecker {
    type Result = ResponseFuture<SpfInspection>;

    fn handle(&mut self, InspectSpf { domain, record }: InspectSpf, _: &mut Self::Context) -> Self::Result {
        let check = Rc::clone(&self.check);
        Box::pin(async move {
            let tree = check.run(|lookups| SpfTree::of_record(&domain, &record, lookups)).await;
            SpfInspection::from(&tree)
        })
    }
}
