//! Looks at the DNS of sending domains and routing zones, on a schedule and on demand, and does what follows from it.
//!
//! Owns the reports of the last looks. Runs on a thread of its own: it waits for name servers and for the disk, and
//! makes keys. If it ends, what was verified stays so; nothing new is verified before the next start.

use super::{
    keys,
    looks::{Checked, Looks},
    records::RecordSettings,
    watched::Watched,
};
use crate::{
    clock,
    dns_check::DnsCheck,
    dns_update::{DnsUpdater, UpdateError},
};
use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseActFuture, ResponseFuture,
    WrapFuture,
};
use mailwright_engine::{
    address::Domain,
    domain_dns::{DomainState, OnForeign, PublishingPlan, Update},
    time::UnixMillis,
};
use mailwright_storage::control::{Control, ControlError, RoutingZone, SendingDomain, SendingNames};
use std::{rc::Rc, sync::Arc, time::Duration};

/// How often it looks which domains are due.
const ROUND: Duration = Duration::from_secs(30);
/// Looks under way at a time.
const AT_A_TIME: usize = 4;

/// How domains and zones are looked after.
#[derive(Debug, Clone)]
pub struct CheckerSettings {
    /// What is to be published.
    pub records: RecordSettings,
    /// What keys are called.
    pub names: SendingNames,
    /// How often one that is well is looked at.
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

/// Looks at something now.
#[derive(Debug, Message)]
#[rtype(result = "Result<Arc<Checked<W::Report>>, CheckError>")]
pub struct Check<W: Watched>(pub Arc<W>);

/// What the last look at something found; `None` if there was none since the start.
#[derive(Debug, Message)]
#[rtype(result = "Option<Arc<Checked<W::Report>>>")]
pub struct LastCheck<W: Watched>(pub Arc<W>);

/// Publishes the records of something at the name server that takes updates for it.
#[derive(Debug, Message)]
#[rtype(result = "Result<PublishingPlan, CheckError>")]
pub struct PublishRecords<W: Watched> {
    /// Whose.
    pub of: Arc<W>,
    /// What to do with records of others in their place.
    pub on_foreign: OnForeign,
}

/// Takes the records of something out again.
#[derive(Debug, Message)]
#[rtype(result = "Result<Update, CheckError>")]
pub struct RemoveRecords<W: Watched> {
    /// Whose, as it was when they were published.
    pub of: Arc<W>,
    /// What it is now, if it is to have some of them still.
    pub but: Option<Arc<W>>,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no such domain any more.
    #[error("what was to be looked at is gone")]
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
    pub(super) settings: Rc<CheckerSettings>,
    pub(super) sending: Looks<SendingDomain>,
    pub(super) routing: Looks<RoutingZone>,
}

impl DomainChecker {
    /// Looks after the sending domains and routing zones of `control`.
    pub fn new(control: Arc<Control>, check: DnsCheck, settings: CheckerSettings) -> Self {
        let (sending, routing) = (Looks::default(), Looks::default());
        Self { control, check: Rc::new(check), settings: Rc::new(settings), sending, routing }
    }

    /// Begins with what is due, as far as there is room.
    fn round(&mut self, ctx: &mut Context<Self>) {
        self.begin_due::<RoutingZone>(ctx);
        self.begin_due::<SendingDomain>(ctx);
    }

    fn begin_due<W: Watched>(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        let all = W::all(&self.control);
        W::looks(self).retain(&all);
        for watched in all.iter().filter(|watched| watched.is_on()) {
            if self.sending.under_way() + self.routing.under_way() >= AT_A_TIME {
                break;
            }
            self.rotate(&**watched, now);
            let interval = self.settings.interval;
            if W::looks(self).is_due(watched, interval, now) {
                W::looks(self).begin(watched.id());
                ctx.notify(Check(Arc::clone(watched)));
            }
        }
    }

    /// Makes new keys where the old have signed long enough.
    fn rotate<W: Watched>(&self, watched: &W, now: UnixMillis) {
        let is_due = |lifetime| keys::are_due(watched.keys(), lifetime, now);
        if !self.settings.key_lifetime.is_some_and(is_due) {
            return;
        }
        let domain = watched.domain();
        match watched.rotate(&self.control, &self.settings) {
            Ok(()) => tracing::info!(%domain, "new keys were made; they sign once they are published"),
            Err(error) => tracing::warn!(%domain, %error, "no new keys were made"),
        }
    }

    /// Does what follows from a look.
    fn note<W: Watched>(
        &mut self,
        watched: &Arc<W>,
        report: W::Report,
        ctx: &mut Context<Self>,
    ) -> Result<Arc<Checked<W::Report>>, CheckError> {
        let state = match W::state(&report) {
            DomainState::Ready => "ready",
            DomainState::Unconfigured => "unconfigured",
            DomainState::Misconfigured => "misconfigured",
            DomainState::Unknown => "unknown",
        };
        ::metrics::counter!(W::CHECKS, "state" => state).increment(1);
        let now = W::find(&self.control, watched.id()).ok_or(CheckError::Gone)?;
        let before = W::looks(self).last(now.id()).map(|checked| checked.state);
        now.follow(&self.control, &report, before, self.settings.key_overlap)?;
        if now.has_lost(&report) {
            self.restore(&now, ctx);
        }
        Ok(W::looks(self).keep(now.id(), report))
    }

    /// Publishes records again that we are to keep and that are gone. The next look will find them.
    fn restore<W: Watched>(&self, watched: &Arc<W>, ctx: &mut Context<Self>) {
        let Ok(updater) = self.updater_of(&**watched) else { return };
        let (records, domain) = (watched.records(&self.settings.records), watched.domain().clone());
        let restoring = async move {
            match updater.publish(&records, &[], OnForeign::Refuse).await {
                Ok(plan) if plan.update.is_empty() => {}
                Ok(_) => tracing::warn!(%domain, "locked records were gone, and are published again"),
                Err(error) => {
                    tracing::info!(%domain, %error, "locked records are missing and cannot be published");
                }
            }
        };
        ctx.spawn(restoring.into_actor(self));
    }

    /// Who takes updates for it.
    fn updater_of<W: Watched>(&self, watched: &W) -> Result<DnsUpdater, CheckError> {
        let updater = self.settings.updater(watched.domain());
        updater.cloned().ok_or_else(|| CheckError::NoUpdater(watched.domain().clone()))
    }
}

impl Actor for DomainChecker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.round(ctx);
        ctx.run_interval(ROUND, Self::round);
    }
}

impl<W: Watched> Handler<Check<W>> for DomainChecker {
    type Result = ResponseActFuture<Self, Result<Arc<Checked<W::Report>>, CheckError>>;

    fn handle(&mut self, Check(watched): Check<W>, _: &mut Self::Context) -> Self::Result {
        let found = W::find(&self.control, watched.id());
        let (check, settings) = (Rc::clone(&self.check), Rc::clone(&self.settings));
        let look = async move {
            let found = found?;
            Some(check.run(|lookups| found.look(&settings.records, lookups)).await)
        };
        Box::pin(look.into_actor(self).map(move |report, checker, ctx| {
            W::looks(checker).end(watched.id());
            let noted = report.ok_or(CheckError::Gone).and_then(|report| checker.note(&watched, report, ctx));
            // There is room for the next.
            checker.round(ctx);
            noted
        }))
    }
}

impl<W: Watched> Handler<LastCheck<W>> for DomainChecker {
    type Result = Option<Arc<Checked<W::Report>>>;

    fn handle(&mut self, LastCheck(watched): LastCheck<W>, _: &mut Self::Context) -> Self::Result {
        W::looks(self).last(watched.id()).cloned()
    }
}

impl<W: Watched> Handler<PublishRecords<W>> for DomainChecker {
    type Result = ResponseFuture<Result<PublishingPlan, CheckError>>;

    fn handle(&mut self, message: PublishRecords<W>, _: &mut Self::Context) -> Self::Result {
        let found = W::find(&self.control, message.of.id()).ok_or(CheckError::Gone);
        let order =
            found.and_then(|found| Ok((self.updater_of(&*found)?, found.records(&self.settings.records))));
        Box::pin(async move {
            let (updater, records) = order?;
            Ok(updater.publish(&records, &[], message.on_foreign).await?)
        })
    }
}

impl<W: Watched> Handler<RemoveRecords<W>> for DomainChecker {
    type Result = ResponseFuture<Result<Update, CheckError>>;

    fn handle(&mut self, message: RemoveRecords<W>, _: &mut Self::Context) -> Self::Result {
        let RemoveRecords { of, but } = message;
        let kept = but.map(|but| but.records(&self.settings.records)).unwrap_or_default();
        let order = self.updater_of(&*of).map(|updater| {
            let mut records = of.records(&self.settings.records);
            records.retain(|record| !kept.contains(record));
            (updater, records)
        });
        Box::pin(async move {
            let (updater, records) = order?;
            Ok(updater.remove(&records).await?)
        })
    }
}
