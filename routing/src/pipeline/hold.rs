//! Messages whose Workers did not come to an end: their senders come again, or, where the operator says so, they are held
//! and shown to their Workers later.

use super::{
    Judged, Pipeline, What,
    act::{explained, rejection, unavailable},
    arrived::Arrived,
    notes,
    plan::Plan,
    report,
};
use crate::{
    addressee::Addressee,
    gate::Facts,
    metrics::{self, Action, Refusal},
};
use mailwright_actors::clock;
use mailwright_engine::{
    address::EmailAddress,
    smtp::reply::{EnhancedCode, Reply, ReplyClass, SmtpCode},
};
use mailwright_storage::{
    control::RouteAction,
    events::{Event, event::Released},
    held::{HeldMail, HeldStore},
};
use std::sync::Arc;

impl Pipeline {
    /// Answers for a message of which something has failed: nothing is done with it, or what failed is held and the rest
    /// done.
    pub(super) async fn not_handled(&self, judged: Judged, plan: Plan) -> What {
        let Some((address, error)) = plan.failed.first() else { return self.carry_out(judged, plan).await };
        let (later, why) = (unavailable(address, error), explained(error));
        let Some(store) = self.0.parts.held.clone() else {
            return self.refuse_because(&judged, Refusal::WorkerFailed, &why, later);
        };
        let failed: Vec<_> = plan.failed.iter().map(|(address, _)| address.clone()).collect();
        if let Err(error) = hold(store, held_mail(&judged, failed.clone())).await {
            tracing::error!(id = %judged.id, error, "a message cannot be held");
            return self.refuse_because(&judged, Refusal::WorkerFailed, &why, later);
        }
        failed.iter().for_each(|_| metrics::decided(Action::Held));
        let event = notes::held(&judged.mail, &judged.zone, &failed, &judged.judgement);
        if let Some(event) = event {
            self.0.parts.intake.note(judged.id, event);
        }
        // The name of the message is that of what is held: the rest has its own.
        let rest = Judged { id: self.0.parts.intake.next_id().0, ..judged };
        if !plan.is_taken() && plan.rejected.is_empty() {
            return What::Held;
        }
        match self.carry_out(rest, plan).await {
            What::Refused(_) => What::Held,
            what => what,
        }
    }

    /// Shows a message that is held to its Workers again. `recipients` are those that are still ours, with what their rules
    /// say now. Returns those it is still held for.
    pub(crate) async fn show_again(
        &self,
        held: &HeldMail,
        recipients: Vec<(EmailAddress, Addressee)>,
    ) -> Vec<EmailAddress> {
        let Some(judged) = self.judged(held, recipients) else { return Vec::new() };
        let plan = self.plan(&judged).await;
        let failed: Vec<_> = plan.failed.iter().map(|(address, _)| address.clone()).collect();
        let done: Vec<_> = judged
            .routed
            .iter()
            .map(|(address, _)| address)
            .filter(|one| !failed.contains(one))
            .cloned()
            .collect();
        if done.is_empty() {
            return failed;
        }
        // What comes of it has a name of its own: after a crash it may come of it twice.
        let id = self.0.parts.intake.next_id().0;
        let rejected = plan.rejected.iter().map(|(address, reason)| (address.clone(), rejection(reason)));
        let rejected: Vec<_> = rejected.collect();
        let what = self.carry_out(Judged { id, ..judged }, plan).await;
        let refused = match what {
            What::Refused(reply) if reply.class() != ReplyClass::Permanent => return held.recipients.clone(),
            What::Refused(reply) => done.iter().map(|address| (address.clone(), reply.clone())).collect(),
            _ => rejected,
        };
        report::send(&self.0, held, &refused).await;
        tracing::info!(id = %held.id, as_message = %id, "a message that was held has been shown to its Worker");
        let to = done.iter().map(ToString::to_string).collect();
        self.0.parts.intake.note(held.id, Event::Released(Released { to, as_message: id }));
        failed
    }

    /// Gives up a message that was held for as long as any is; `recipients` are those that are still ours.
    pub(crate) async fn give_up(&self, held: &HeldMail, recipients: Vec<(EmailAddress, Addressee)>) {
        let Some(judged) = self.judged(held, recipients) else { return };
        let text = "the program that takes mail for this address has not worked since it was taken";
        let given_up = Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(EnhancedCode::new(5, 3, 0)), text);
        let told = |(address, _): &(EmailAddress, RouteAction)| (address.clone(), given_up.clone());
        let refused: Vec<_> = judged.routed.iter().map(told).collect();
        self.refuse(&judged, Refusal::WorkerFailed, given_up);
        report::send(&self.0, held, &refused).await;
    }

    /// The message as it was, for those of its addresses that have rules; `None` if none has.
    fn judged(&self, held: &HeldMail, recipients: Vec<(EmailAddress, Addressee)>) -> Option<Judged> {
        let (mut zone, mut routed) = (None, Vec::new());
        for (address, addressee) in recipients {
            if let Addressee::Routed(of, action) = addressee {
                zone = Some(of);
                routed.push((address, action));
            }
        }
        let zone = zone?;
        let judgement = Arc::new(held.judgement.clone());
        let can_be_forwarded = self.can_be_forwarded(&judgement);
        let mail = Arrived {
            peer: held.peer,
            helo: held.helo.clone(),
            with: held.with,
            cipher: held.cipher.clone(),
            sender: held.sender.clone(),
            smtputf8: held.smtputf8,
            facts: Facts::default(),
            content: held.content.clone(),
            spam: held.spam,
        };
        Some(Judged { id: held.id, mail, zone, routed, judgement, can_be_forwarded })
    }
}

/// What is kept of a message for these of its addresses.
fn held_mail(judged: &Judged, recipients: Vec<EmailAddress>) -> HeldMail {
    let mail = &judged.mail;
    HeldMail {
        id: judged.id,
        taken: clock::wall(),
        peer: mail.peer,
        helo: mail.helo.clone(),
        with: mail.with,
        cipher: mail.cipher.clone(),
        sender: mail.sender.clone(),
        recipients,
        smtputf8: mail.smtputf8,
        spam: mail.spam,
        judgement: (*judged.judgement).clone(),
        content: mail.content.clone(),
    }
}

/// Has a message safe, off the thread that clients are served on.
async fn hold(store: HeldStore, mail: HeldMail) -> Result<(), String> {
    match tokio::task::spawn_blocking(move || store.hold(&mail)).await {
        Ok(held) => held.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}
