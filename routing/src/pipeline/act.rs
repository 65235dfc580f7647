//! Doing what was decided, once all of it is decided: what goes on is in the journal before its sender hears that it was
//! taken.

use super::{
    Judged, Pipeline, What,
    arrived::Arrived,
    forward::{self, Onward},
    in_session::{InSession, UnderWay},
    notes,
    plan::{Group, Plan},
    reason, reply, worker,
};
use crate::metrics::{self, Action, Refusal, Step};
use mailwright_actors::smtp::handover::reply_of;
use mailwright_engine::{
    address::EmailAddress,
    authentication::Judgement,
    id::QueueId,
    smtp::reply::{EnhancedCode, Reply, SmtpCode},
};
use mailwright_storage::control::{RouteAction, RoutingZone};
use mailwright_workers::EventError;
use std::{sync::Arc, time::Instant};

/// Most characters of a Worker's reason to refuse a message.
const MAX_REASON: usize = 400;

/// The names under which the log has the parts of a message: its own first, then fresh ones.
struct Names<'a> {
    pipeline: &'a Pipeline,
    first: Option<QueueId>,
}

impl Names<'_> {
    fn next(&mut self) -> QueueId {
        self.first.take().unwrap_or_else(|| self.pipeline.0.parts.intake.next_id().0)
    }
}

impl Pipeline {
    /// Does what rules and Workers say with a message that is taken.
    pub(super) async fn act(&self, judged: Judged) -> What {
        let plan = self.plan(&judged).await;
        if !plan.failed.is_empty() {
            return self.not_handled(judged, plan).await;
        }
        self.carry_out(judged, plan).await
    }

    /// What rules and Workers say; nothing is done yet.
    pub(super) async fn plan(&self, judged: &Judged) -> Plan {
        let (mut plan, mut asked) = (Plan::default(), Vec::new());
        for (address, action) in &judged.routed {
            match action {
                RouteAction::Forward(destinations) => {
                    for destination in destinations {
                        plan.go_on("", destination.clone(), address);
                    }
                }
                RouteAction::Drop => plan.dropped.push(address.clone()),
                RouteAction::Worker(name) => asked.push((address.clone(), name.clone())),
            }
        }
        worker::ask(&self.0, judged, asked, &mut plan).await;
        plan
    }

    /// Does all that a plan says but for what has failed.
    pub(super) async fn carry_out(&self, judged: Judged, plan: Plan) -> What {
        if let (false, Some((_, reason))) = (plan.is_taken(), plan.rejected.first()) {
            return self.refuse(&judged, Refusal::Worker, rejection(reason));
        }
        let mut names = Names { pipeline: self, first: Some(judged.id) };
        let ids: Vec<_> = plan.onward.iter().map(|_| names.next()).collect();
        self.note_kept(&judged, &plan, &mut names);
        let kept = if plan.processed.is_empty() { What::Dropped } else { What::Processed };
        let has_kept = !(plan.processed.is_empty() && plan.dropped.is_empty());
        let Judged { id, mail, zone, judgement, .. } = judged;
        let groups = ids.into_iter().zip(plan.onward).collect();
        let what = self.send_all(mail, &zone, &judgement, groups).await;
        if !matches!(what, Some(What::Refused(_))) || has_kept {
            for answer in plan.replies {
                reply::send(&self.0, id, &zone, answer).await;
            }
        }
        match what {
            Some(What::Refused(_)) | None if has_kept => kept,
            Some(what) => what,
            None => What::Dropped,
        }
    }

    /// Notes for their owner what became of addresses from which nothing goes on.
    fn note_kept(&self, judged: &Judged, plan: &Plan, names: &mut Names<'_>) {
        let Judged { mail, zone, judgement, .. } = judged;
        let kept = [
            (&plan.processed, Action::Processed, notes::processed as notes::Kept),
            (&plan.dropped, Action::Dropped, notes::dropped as notes::Kept),
        ];
        for (addresses, action, event) in kept {
            addresses.iter().for_each(|_| metrics::decided(action));
            if let Some(event) =
                (!addresses.is_empty()).then(|| event(mail, zone, addresses, judgement)).flatten()
            {
                self.0.parts.intake.note(names.next(), event);
            }
        }
        for (address, reason) in &plan.rejected {
            metrics::decided(Action::Rejected);
            let event = notes::refused(mail, zone, &[address], judgement, &rejection(reason));
            if let Some(event) = event {
                self.0.parts.intake.note(names.next(), event);
            }
        }
    }

    /// Has the message go on to each group; one answer for all, `None` if there is no group.
    async fn send_all(
        &self,
        mail: Arrived,
        zone: &Arc<RoutingZone>,
        judgement: &Arc<Judgement>,
        groups: Vec<(QueueId, Group)>,
    ) -> Option<What> {
        let copies = groups.len().saturating_sub(1);
        let mails = std::iter::repeat_n(mail.clone(), copies).chain(Some(mail));
        let mut under_way = Vec::with_capacity(groups.len());
        for (mail, (id, group)) in mails.zip(groups) {
            let Group { fields, recipients } = group;
            let onward = Onward::judged(Arc::clone(zone), recipients, Arc::clone(judgement), fields);
            match self.begin(id, mail, onward).await {
                Ok(sent) => under_way.push(sent),
                // Who is told that it was refused sends it again, and what goes on already goes twice: that is how SMTP
                // has it where something fails between two acceptances (RFC 5321 section 6.1).
                Err(refused) => return Some(refused),
            }
        }
        let heard = futures_util::future::join_all(under_way.into_iter().map(|sent| self.hear(sent))).await;
        heard.into_iter().reduce(better)
    }

    /// Has a message go on, and waits a while to hear of it.
    pub(super) async fn send_on(&self, id: QueueId, mail: Arrived, onward: Onward) -> What {
        match self.begin(id, mail, onward).await {
            Ok(sent) => self.hear(sent).await,
            Err(refused) => refused,
        }
    }

    /// Has a message safe and on its way; what is to be heard of it, unless nobody waits for that.
    async fn begin(&self, id: QueueId, mail: Arrived, onward: Onward) -> Result<Option<UnderWay>, What> {
        let parts = &self.0.parts;
        let (recipients, addresses) = (onward.recipients.clone(), onward.addresses());
        let watch = (!parts.settings.in_session.is_zero()).then(|| parts.board.watch(id));
        let message = forward::written(&self.0, id, mail, onward).await;
        let began = Instant::now();
        if let Err(error) = parts.intake.accept(message).await {
            metrics::refused(reason(&error));
            return Err(What::Refused(reply_of(&error)));
        }
        metrics::step(Step::Commit, began.elapsed());
        (0..addresses).for_each(|_| metrics::decided(Action::Forwarded));
        Ok(watch.map(|watch| UnderWay { watch, recipients }))
    }

    /// Waits a while for what the next server says of a message that is safe.
    async fn hear(&self, sent: Option<UnderWay>) -> What {
        let parts = &self.0.parts;
        let Some(under_way) = sent else { return What::Queued };
        let began = Instant::now();
        let mut stopping = parts.stopping.clone();
        let outcome = tokio::select! {
            outcome = under_way.outcome(parts.settings.in_session) => outcome,
            // It is safe: nobody has to wait for it.
            _ = stopping.wait_for(|stopping| *stopping) => InSession::Queued,
        };
        metrics::step(Step::Delivery, began.elapsed());
        match outcome {
            InSession::Delivered => What::Delivered,
            InSession::Queued => What::Queued,
            InSession::Refused(reply) => {
                metrics::refused(Refusal::Destination);
                What::Refused(reply)
            }
        }
    }
}

/// One answer for two groups: SMTP has no other. One who takes it is enough.
fn better(one: What, other: What) -> What {
    match (one, other) {
        (What::Refused(_), other) => other,
        (known, What::Refused(_)) => known,
        (What::Delivered, _) | (_, What::Delivered) => What::Delivered,
        (known, _) => known,
    }
}

/// The reply to a message that a Worker refuses, in its own words as far as SMTP has them.
pub(super) fn rejection(reason: &str) -> Reply {
    let text: String =
        reason.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).take(MAX_REASON).collect();
    let text = match text.trim() {
        "" => "the message was refused by the program that takes mail for this address",
        text => text,
    };
    Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(EnhancedCode::new(5, 7, 1)), text)
}

/// The reply while a Worker cannot have a message. Its exceptions are its owner's business.
pub(super) fn unavailable(address: &EmailAddress, error: &EventError) -> Reply {
    let why = match error {
        EventError::NotDeployed(_) | EventError::NoHandler(_) | EventError::NoRuntime(_) => "is not set up",
        EventError::TimedOut(_) | EventError::CpuExceeded(_) => "took too long",
        EventError::Busy => "has too much to do",
        EventError::NotStarted(_)
        | EventError::Threw(_)
        | EventError::MemoryExceeded(_)
        | EventError::Crashed(_) => "failed",
    };
    let text = format!("the program that takes mail for {address} {why}; try again later");
    Reply::new(SmtpCode::LOCAL_ERROR, Some(EnhancedCode::new(4, 3, 0)), text)
}

/// What the owner of the address is told of it.
pub(super) fn explained(error: &EventError) -> Reply {
    let text: String = error.to_string().chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
    Reply::new(SmtpCode::LOCAL_ERROR, Some(EnhancedCode::new(4, 3, 0)), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workers_reason_is_one_line_of_ascii_and_never_empty() {
        assert_eq!(rejection("no\r\n250 ok \u{1f6ab}").to_string(), "550 5.7.1 no  250 ok");
        assert!(rejection("\r\n").to_string().contains("refused by the program"));
        assert!(rejection(&"x".repeat(5_000)).to_string().len() < 420);
    }
}
