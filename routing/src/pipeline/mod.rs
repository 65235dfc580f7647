//! What becomes of mail from the world: judged, matched with the rules of its zone, and passed on, thrown away or refused.
//!
//! A message that goes on is in the journal before anything else happens to it. Its sender may wait for a while: if the
//! next server refuses it for good meanwhile, he is told so, as if he had talked to that server himself. Nobody is told
//! later, because the address he gave may be somebody else's.

mod act;
mod arrived;
mod content;
mod forward;
mod hold;
mod in_session;
mod notes;
mod plan;
mod reply;
mod report;
mod sealers;
mod worker;

pub use arrived::{Arrived, Fate, What};
pub use content::ContentChecks;

use crate::{
    addressee::Addressee,
    authentication::{Authenticator, Unjudged},
    metrics::{self, Action, Refusal, Step},
    reports,
};
use content::{Checked, Shown};
use forward::Onward;
use mailwright_actors::{
    intake::{Intake, IntakeError},
    smtp::handover::too_many_hops,
    watch::OutcomeBoard,
};
use mailwright_engine::{
    address::EmailAddress,
    authentication::{Cause, Decision, Judgement, Policy, decide},
    id::QueueId,
    smtp::reply::{Reply, ReplyClass, SmtpCode},
};
use mailwright_storage::{
    control::{Control, RouteAction, RoutingZone},
    held::HeldStore,
    reports::JudgedFeed,
};
use mailwright_workers::Workers;
use sealers::Sealers;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How mail from the world is treated.
#[derive(Debug, Clone)]
pub struct RoutingSettings {
    /// Our name in trace fields and results.
    pub hostname: Arc<str>,
    /// What has to hold of a message.
    pub policy: Policy,
    /// How long a sender may wait to hear what the next server says; zero: it is answered once the message is safe.
    pub in_session: Duration,
}

/// What the pipeline is made of.
pub struct PipelineParts {
    /// The door for what goes on.
    pub intake: Intake,
    /// Where it is heard what became of it.
    pub board: OutcomeBoard,
    /// Keys.
    pub control: Arc<Control>,
    /// Where it is counted for reports how mail was judged.
    pub judged: JudgedFeed,
    /// Who judges.
    pub authenticator: Authenticator,
    /// Who looks at the content.
    pub content: ContentChecks,
    /// Who runs Workers; `None` where that is switched off.
    pub workers: Option<Workers>,
    /// Where mail is held whose Workers cannot have it; `None` where its senders are to come again.
    pub held: Option<HeldStore>,
    /// How.
    pub settings: RoutingSettings,
    /// Turns true when the process stops: then nobody waits any more.
    pub stopping: watch::Receiver<bool>,
}

/// The pipeline. Clones share everything.
#[derive(Clone)]
pub struct Pipeline(Arc<Shared>);

struct Shared {
    parts: PipelineParts,
    sealers: Sealers,
}

/// A message whose sender is known as far as it can be.
struct Judged {
    id: QueueId,
    mail: Arrived,
    zone: Arc<RoutingZone>,
    /// Its recipients, all of the zone, and what their rules say.
    routed: Vec<(EmailAddress, RouteAction)>,
    judgement: Arc<Judgement>,
    /// Whether anybody answers for it. A Worker may have it all the same.
    can_be_forwarded: bool,
}

impl Judged {
    /// Whether code alone decides about it: what nobody answers for must not go on, and a Worker may look at it.
    fn is_for_workers(&self) -> bool {
        self.routed.iter().all(|(_, action)| matches!(action, RouteAction::Worker(_)))
    }
}

impl Pipeline {
    /// A pipeline of these parts.
    pub fn new(parts: PipelineParts) -> Self {
        Self(Arc::new(Shared { parts, sealers: Sealers::default() }))
    }

    /// Takes a message for recipients of one kind, each with what it is for.
    pub async fn take(&self, mail: Arrived, recipients: Vec<(EmailAddress, Addressee)>) -> Fate {
        let (id, _) = self.0.parts.intake.next_id();
        let addresses = recipients.iter().map(|(address, _)| address);
        if let Some(reply) = too_many_hops(&mail.content).or_else(|| mail.went_on_from(addresses)) {
            metrics::refused(Refusal::Loop);
            return Fate { id, what: What::Refused(reply), by_worker: false, judgement: None };
        }
        let (mut routed, mut back) = (Vec::new(), Vec::new());
        for (address, addressee) in recipients {
            match addressee {
                Addressee::Routed(zone, action) => routed.push((zone, (address, action))),
                Addressee::Sender(zone, to) => back.push((zone, (to, address))),
                Addressee::Returned(_) | Addressee::Reports(_) => {}
            }
        }
        match back.first().map(|(zone, _)| Arc::clone(zone)) {
            Some(zone) => {
                let to = back.into_iter().map(|(_, recipient)| recipient).collect();
                let what = self.send_on(id, mail, Onward::back(zone, to)).await;
                Fate { id, what, by_worker: false, judgement: None }
            }
            None => match routed.first().map(|(zone, _)| Arc::clone(zone)) {
                Some(zone) => {
                    let routed = routed.into_iter().map(|(_, recipient)| recipient).collect();
                    self.route(id, mail, zone, routed).await
                }
                None => Fate { id, what: What::Dropped, by_worker: false, judgement: None },
            },
        }
    }

    /// Judges a message and does what the rules of its recipients say.
    async fn route(
        &self,
        id: QueueId,
        mail: Arrived,
        zone: Arc<RoutingZone>,
        routed: Vec<(EmailAddress, RouteAction)>,
    ) -> Fate {
        let parts = &self.0.parts;
        let by_worker = routed.iter().any(|(_, action)| matches!(action, RouteAction::Worker(_)));
        let began = Instant::now();
        let unjudged = Unjudged {
            peer: mail.peer,
            helo: &mail.helo,
            sender: &mail.sender,
            content: &mail.content,
            host: &parts.settings.hostname,
        };
        let judgement = Arc::new(parts.authenticator.judge(&unjudged).await);
        metrics::step(Step::Authentication, began.elapsed());
        let decision = decide(&judgement, &parts.settings.policy);
        reports::judged(&parts.judged, &judgement, &decision);
        let can_be_forwarded = is_vouched_for(&decision);
        let judged = Judged { id, mail, zone, routed, judgement: Arc::clone(&judgement), can_be_forwarded };
        let what = match decision {
            Decision::Reject { cause: Cause::Unauthenticated, .. } if judged.is_for_workers() => {
                self.inspect(judged).await
            }
            Decision::Reject { cause, status, text } => {
                let reply = Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(status), text);
                self.refuse(&judged, cause.into(), reply)
            }
            Decision::Defer { status, text } => {
                let reply = Reply::new(SmtpCode::LOCAL_ERROR, Some(status), text);
                self.refuse(&judged, Refusal::Temperror, reply)
            }
            Decision::Take | Decision::Quarantine { .. } => self.inspect(judged).await,
        };
        Fate { id, what, by_worker, judgement: Some(judgement) }
    }

    /// Has the content of a message looked at that its sender answers for.
    async fn inspect(&self, mut judged: Judged) -> What {
        let parts = &self.0.parts;
        let Judged { id, mail, zone, routed, judgement, .. } = &mut judged;
        let shown = Shown {
            hostname: &parts.settings.hostname,
            id: *id,
            recipients: routed.iter().map(|(address, _)| address).collect(),
            judgement,
            spam_limit: zone.spam_limit,
        };
        match Box::pin(parts.content.check(mail, &shown)).await {
            Checked::Taken => self.act(judged).await,
            Checked::Discarded => {
                judged.routed.iter_mut().for_each(|(_, action)| *action = RouteAction::Drop);
                self.act(judged).await
            }
            Checked::Refused(reply, why) => self.refuse(&judged, why, reply),
        }
    }

    /// Whether somebody answers for a message of which this was found.
    fn can_be_forwarded(&self, judgement: &Judgement) -> bool {
        is_vouched_for(&decide(judgement, &self.0.parts.settings.policy))
    }

    /// Refuses a message for all its recipients, and notes that for their zone.
    fn refuse(&self, judged: &Judged, why: Refusal, reply: Reply) -> What {
        self.refuse_because(judged, why, &reply.clone(), reply)
    }

    /// Refuses a message for all its recipients, whose owner is told more than its sender.
    fn refuse_because(&self, judged: &Judged, why: Refusal, told: &Reply, reply: Reply) -> What {
        metrics::refused(why);
        let is_for_good = reply.class() == ReplyClass::Permanent;
        let action = if is_for_good { Action::Rejected } else { Action::Deferred };
        judged.routed.iter().for_each(|_| metrics::decided(action));
        let addressed: Vec<_> = judged.routed.iter().map(|(address, _)| address).collect();
        let event = notes::refused(&judged.mail, &judged.zone, &addressed, &judged.judgement, told);
        if let Some(event) = event {
            self.0.parts.intake.note(judged.id, event);
        }
        What::Refused(reply)
    }
}

/// Whether somebody answers for a message that was decided on so.
fn is_vouched_for(decision: &Decision) -> bool {
    matches!(decision, Decision::Take | Decision::Quarantine { .. })
}

/// For metrics: why a message could not be had safe.
fn reason(error: &IntakeError) -> Refusal {
    match error {
        IntakeError::Busy | IntakeError::QueueFull => Refusal::Busy,
        error if error.is_disk_full() => Refusal::Busy,
        _ => Refusal::Fault,
    }
}
