//! Looks at the DNS of sending domains, on a schedule and on demand, and does what follows from it.
//!
//! Owns the reports of the last looks. Runs on a thread of its own: it waits for name servers and for the disk, and
//! makes keys. If it ends, what was verified stays so; nothing new is verified before the next start.

use super::{keys, records::RecordSettings};
use crate::{
    clock,
    dns_check::DnsCheck,
    dns_update::{DnsUpdater, UpdateError},
    metrics as names,
};
use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseActFuture, ResponseFuture,
    WrapFuture,
};
use mailwright_engine::{
    address::Domain,
    domain_dns::{DomainReport, DomainState, OnForeign, PublishingPlan, Update, check_domain},
    time::UnixMillis,
};
use mailwright_storage::control::{By, Control, ControlError, ObjectId, SendingDomain, SendingNames};
use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

/// How often it looks which domains are due.
const ROUND: Duration = Duration::from_secs(30);
/// How soon a domain is looked at again while it is not verified, or keys wait: somebody is waiting.
const SOON: Duration = Duration::from_secs(300);
/// Looks under way at a time.
const AT_A_TIME: usize = 4;

/// How domains are looked after.
#[derive(Debug, Clone)]
pub struct CheckerSettings {
    /// What is to be published.
    pub records: RecordSettings,
    /// What keys are called.
    pub names: SendingNames,
    /// How often a domain that is well is looked at.
    pub interval: Duration,
    /// How long keys sign before others take over; `None` for ever.
    pub key_lifetime: Option<Duration>,
    /// How long a key stays published after it signed last.
    pub key_overlap: Duration,
    /// Zones whose name servers take updates from us.
    pub updaters: Vec<(Domain, DnsUpdater)>,
}

impl CheckerSettings {
    /// The name server that takes updates for `name`: that of the nearest zone above.
    fn updater(&self, name: &Domain) -> Option<&DnsUpdater> {
        let covering = self.updaters.iter().filter(|(zone, _)| name == zone || name.is_subdomain_of(zone));
        covering.max_by_key(|(zone, _)| zone.as_str().len()).map(|(_, updater)| updater)
    }
}

/// What was found at a domain, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedDomain {
    /// When it was looked at.
    pub at: UnixMillis,
    /// What was found.
    pub report: DomainReport,
}

/// Looks at a domain now.
#[derive(Debug, Message)]
#[rtype(result = "Result<Arc<CheckedDomain>, CheckError>")]
pub struct CheckDomain(pub ObjectId);

/// What the last look at a domain found; `None` if there was none since the start.
#[derive(Debug, Message)]
#[rtype(result = "Option<Arc<CheckedDomain>>")]
pub struct LastCheck(pub ObjectId);

/// Publishes a domain's records at the name server that takes updates for it.
#[derive(Debug, Message)]
#[rtype(result = "Result<PublishingPlan, CheckError>")]
pub struct PublishRecords {
    /// The domain.
    pub tag: ObjectId,
    /// What to do with records of others in their place.
    pub on_foreign: OnForeign,
}

/// Takes a domain's records out again, as they were when it was set up.
#[derive(Debug, Message)]
#[rtype(result = "Result<Update, CheckError>")]
pub struct RemoveRecords(pub Arc<SendingDomain>);

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no such domain any more.
    #[error("the sending domain is gone")]
    Gone,
    /// What follows could not be stored.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Nobody takes updates for it.
    #[error(
        "no name server for {0} is configured to take updates ([[sending.dns_updates]]): publish the records by hand"
    )]
    NoUpdater(Domain),
    /// The name server did not take it.
    #[error(transparent)]
    Update(#[from] UpdateError),
}

/// See the module.
pub struct DomainChecker {
    control: Arc<Control>,
    pub(super) check: Rc<DnsCheck>,
    settings: Rc<CheckerSettings>,
    last: HashMap<ObjectId, Arc<CheckedDomain>>,
    under_way: HashSet<ObjectId>,
}

impl DomainChecker {
    /// Looks after the sending domains of `control`.
    pub fn new(control: Arc<Control>, check: DnsCheck, settings: CheckerSettings) -> Self {
        let (last, under_way) = (HashMap::new(), HashSet::new());
        Self { control, check: Rc::new(check), settings: Rc::new(settings), last, under_way }
    }

    /// Begins with what is due, as far as there is room.
    fn round(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        let domains = self.control.sending_domains();
        self.last.retain(|tag, _| domains.iter().any(|domain| domain.tag == *tag));
        for domain in domains.iter().filter(|domain| domain.enabled) {
            if self.under_way.len() >= AT_A_TIME {
                break;
            }
            self.rotate(domain, now);
            if self.is_due(domain, now) {
                ctx.notify(CheckDomain(domain.tag.clone()));
                self.under_way.insert(domain.tag.clone());
            }
        }
    }

    fn is_due(&self, domain: &SendingDomain, now: UnixMillis) -> bool {
        let somebody_waits = domain.verified.is_none() || domain.signing_keys().count() < domain.keys.len();
        let pause = if somebody_waits { SOON.min(self.settings.interval) } else { self.settings.interval };
        let is_old = |checked: &Arc<CheckedDomain>| now.since(checked.at) >= pause;
        !self.under_way.contains(&domain.tag) && self.last.get(&domain.tag).is_none_or(is_old)
    }

    /// Makes a domain new keys when its own have signed long enough.
    fn rotate(&self, domain: &SendingDomain, now: UnixMillis) {
        let is_due = |lifetime| keys::are_due(domain, lifetime, now);
        if !self.settings.key_lifetime.is_some_and(is_due) {
            return;
        }
        match self.control.begin_key_rotation(&domain.tag, &self.settings.names, &By::server(now)) {
            Ok(rotated) => {
                tracing::info!(domain = %rotated.pattern(), "new keys were made; they sign once they are published");
            }
            Err(error) => tracing::warn!(domain = %domain.pattern(), %error, "no new keys were made"),
        }
    }

    /// Does what follows from a look.
    fn note(&mut self, tag: ObjectId, report: DomainReport) -> Result<Arc<CheckedDomain>, CheckError> {
        let now = clock::now();
        let state = match report.state {
            DomainState::Ready => "ready",
            DomainState::Unconfigured => "unconfigured",
            DomainState::Misconfigured => "misconfigured",
            DomainState::Unknown => "unknown",
        };
        ::metrics::counter!(names::DOMAIN_CHECKS, "state" => state).increment(1);
        let before = self.control.sending_domain_tagged(&tag).ok_or(CheckError::Gone)?;
        let after = self.control.update_sending_domain(&tag, &By::server(now), |domain| {
            keys::advance(domain, &report, self.settings.key_overlap, now);
        })?;
        if before.verified.is_none() && after.verified.is_some() {
            tracing::info!(domain = %after.pattern(), "the sending domain is verified");
        } else if after.verified.is_some() && report.state == DomainState::Misconfigured {
            tracing::warn!(domain = %after.pattern(), "records of a sending domain must be mended");
        }
        let checked = Arc::new(CheckedDomain { at: now, report });
        self.last.insert(tag, Arc::clone(&checked));
        Ok(checked)
    }

    /// The domain with its records, and who takes updates for it.
    fn update_of(&self, domain: &SendingDomain) -> Result<DnsUpdater, CheckError> {
        let updater = self.settings.updater(&domain.name);
        updater.cloned().ok_or_else(|| CheckError::NoUpdater(domain.name.clone()))
    }
}

impl Actor for DomainChecker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.round(ctx);
        ctx.run_interval(ROUND, Self::round);
    }
}

impl Handler<CheckDomain> for DomainChecker {
    type Result = ResponseActFuture<Self, Result<Arc<CheckedDomain>, CheckError>>;

    fn handle(&mut self, CheckDomain(tag): CheckDomain, _: &mut Self::Context) -> Self::Result {
        let domain = self.control.sending_domain_tagged(&tag);
        let (check, settings) = (Rc::clone(&self.check), Rc::clone(&self.settings));
        let look = async move {
            let described = settings.records.describe(&*domain?);
            Some(check.run(|lookups| check_domain(&described, &settings.records.addresses, lookups)).await)
        };
        Box::pin(look.into_actor(self).map(|report, checker, ctx| {
            checker.under_way.remove(&tag);
            let noted = report.ok_or(CheckError::Gone).and_then(|report| checker.note(tag, report));
            // There is room for the next.
            checker.round(ctx);
            noted
        }))
    }
}

impl Handler<LastCheck> for DomainChecker {
    type Result = Option<Arc<CheckedDomain>>;

    fn handle(&mut self, LastCheck(tag): LastCheck, _: &mut Self::Context) -> Self::Result {
        self.last.get(&tag).cloned()
    }
}

impl Handler<PublishRecords> for DomainChecker {
    type Result = ResponseFuture<Result<PublishingPlan, CheckError>>;

    fn handle(&mut self, message: PublishRecords, _: &mut Self::Context) -> Self::Result {
        let domain = self.control.sending_domain_tagged(&message.tag).ok_or(CheckError::Gone);
        let order =
            domain.and_then(|domain| Ok((self.update_of(&domain)?, self.settings.records.of(&domain))));
        Box::pin(async move {
            let (updater, records) = order?;
            Ok(updater.publish(&records, &[], message.on_foreign).await?)
        })
    }
}

impl Handler<RemoveRecords> for DomainChecker {
    type Result = ResponseFuture<Result<Update, CheckError>>;

    fn handle(&mut self, RemoveRecords(domain): RemoveRecords, _: &mut Self::Context) -> Self::Result {
        let order = self.update_of(&domain).map(|updater| (updater, self.settings.records.of(&domain)));
        Box::pin(async move {
            let (updater, records) = order?;
            Ok(updater.remove(&records).await?)
        })
    }
}
