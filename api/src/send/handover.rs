//! From a draft to an accepted message, and its outcomes as they come.

use super::{
    SendResult,
    draft::{Draft, Provenance},
};
use crate::{answer::ApiError, server::AppState};
use mailwright_actors::{
    intake::{Intake, NewMessage},
    watch::Watch,
};
use mailwright_engine::{id::QueueId, request_mark::RequestMark, smtp::verdict::Outcome};
use mailwright_storage::requests::{KeptMessage, Ticket};
use std::{collections::HashMap, time::Duration};

/// A message that is safe, and what is known of its recipients.
pub(super) struct Accepted {
    /// `None` if nothing more is to be expected.
    watch: Option<Watch>,
    message: KeptMessage,
    outcomes: HashMap<u16, Outcome>,
}

/// Hands a message in, as number `item` of a request that has a key. Watched from before it is accepted, so that no
/// outcome is missed.
pub(super) async fn hand_in(
    state: &AppState,
    draft: Draft,
    request: Option<(&Ticket, u16)>,
) -> Result<Accepted, ApiError> {
    let watch = state.board.watch(draft.id);
    let id = draft.id;
    let mark = request.map(|(ticket, item)| ticket.announce(item, draft.left_out.clone(), draft.kept()));
    let accepted = accept(&state.intake, &state.settings.hostname, draft, mark).await;
    let kept = accepted.inspect_err(|_| {
        if let Some((ticket, _)) = request {
            ticket.withdraw(id);
        }
    })?;
    // Nothing comes of what is scheduled while anybody waits.
    let watch = kept.send_at.is_none().then_some(watch);
    Ok(Accepted { watch, message: kept, outcomes: HashMap::new() })
}

/// Has a message accepted: it is safe when this returns.
///
/// # Errors
/// When intake refuses it.
pub(super) async fn accept(
    intake: &Intake,
    hostname: &str,
    draft: Draft,
    mark: Option<RequestMark>,
) -> Result<KeptMessage, ApiError> {
    let trace = draft.trace(hostname);
    let from = intake.outgoing().sender(draft.id, draft.recipients.len(), &draft.domain);
    let from = from.map_err(|error| ApiError::internal(error.to_string()))?;
    let kept = draft.kept();
    let Provenance { origin, token, priority } = draft.provenance;
    let message = NewMessage {
        smtputf8: draft.smtputf8,
        asked: draft.asked,
        default_priority: priority,
        account: draft.domain.account_id.tenant(),
        token,
        trace,
        signed_by: Some(draft.domain),
        request: mark.map(Box::new),
        ..NewMessage::new(draft.id, from, draft.recipients, origin, draft.content)
    };
    intake.accept(message).await?;
    intake.note_left_out(kept.id, kept.recipients.len(), &kept.left_out);
    Ok(kept)
}

impl Accepted {
    /// Waits for the first outcome of each recipient, as far as they come within `patience`.
    pub(super) async fn wait(&mut self, patience: Duration) {
        let Some(watch) = &mut self.watch else { return };
        let collect = async {
            while self.outcomes.len() < self.message.recipients.len() {
                let Some(result) = watch.next().await else { break };
                self.outcomes.insert(result.recipient, result.verdict.outcome);
            }
        };
        // Running out of patience is no error: what is missing is queued.
        let _ = tokio::time::timeout(patience, collect).await;
    }

    /// A message that was accepted when its request came before.
    pub(super) fn before(message: &KeptMessage) -> Self {
        Self { watch: None, message: message.clone(), outcomes: HashMap::new() }
    }

    /// The message's name in the queue.
    pub(super) const fn id(&self) -> QueueId {
        self.message.id
    }

    /// What became of each recipient by now.
    pub(super) fn result(self) -> SendResult {
        let KeptMessage { id, message_id, recipients, left_out, send_at } = self.message;
        let mut result = SendResult {
            message_id,
            suppressed_recipients: left_out,
            scheduled_id: send_at.map(|_| id.to_string()),
            scheduled_for: send_at.map(|at| at.to_string()),
            ..SendResult::default()
        };
        for (index, recipient) in (0u16..).zip(recipients) {
            let list = match self.outcomes.get(&index) {
                Some(Outcome::Delivered) => &mut result.delivered,
                Some(Outcome::Hard) => &mut result.permanent_bounces,
                Some(Outcome::Soft) | None => &mut result.queued,
            };
            list.push(recipient);
        }
        result
    }
}
