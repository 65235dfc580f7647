//! From a draft to an accepted message, and its outcomes as they come.

use super::{SendResult, draft::Draft};
use crate::{access::Caller, answer::ApiError, server::AppState};
use mailwright_actors::{intake::NewMessage, watch::Watch};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    envelope::Origin,
    smtp::verdict::Outcome,
};
use std::{collections::HashMap, time::Duration};

/// A message that is safe, and what is known of its recipients.
pub(super) struct Accepted {
    watch: Watch,
    recipients: Vec<EmailAddress>,
    left_out: Vec<EmailAddress>,
    message_id: String,
    outcomes: HashMap<u16, Outcome>,
}

/// Hands a message in. Watched from before it is accepted, so that no outcome is missed.
pub(super) async fn hand_in(state: &AppState, caller: &Caller, draft: Draft) -> Result<Accepted, ApiError> {
    let watch = state.board.watch(draft.id);
    let trace = draft.trace(&state.settings.hostname);
    let bounces = format!("bounce-{}@{}", draft.id, draft.domain.return_path_domain);
    let bounces = EmailAddress::parse(&bounces).map_err(|error| ApiError::internal(error.to_string()))?;
    let (from, recipients) = (ReversePath::Address(bounces), draft.recipients.clone());
    let message = NewMessage {
        smtputf8: draft.smtputf8,
        asked: draft.asked,
        default_priority: caller.priority(),
        account: draft.domain.account_id.tenant(),
        trace,
        signed_by: Some(draft.domain),
        ..NewMessage::new(draft.id, from, draft.recipients, Origin::Api, draft.content)
    };
    state.intake.accept(message).await?;
    let (left_out, message_id, outcomes) = (draft.left_out, draft.message_id, HashMap::new());
    Ok(Accepted { watch, recipients, left_out, message_id, outcomes })
}

impl Accepted {
    /// Waits for the first outcome of each recipient, as far as they come within `patience`.
    pub(super) async fn wait(&mut self, patience: Duration) {
        let collect = async {
            while self.outcomes.len() < self.recipients.len() {
                let Some(result) = self.watch.next().await else { break };
                self.outcomes.insert(result.recipient, result.verdict.outcome);
            }
        };
        // Running out of patience is no error: what is missing is queued.
        let _ = tokio::time::timeout(patience, collect).await;
    }

    /// What became of each recipient by now.
    pub(super) fn result(self) -> SendResult {
        let suppressed_recipients = self.left_out.iter().map(ToString::to_string).collect();
        let mut result =
            SendResult { message_id: self.message_id, suppressed_recipients, ..SendResult::default() };
        for (index, recipient) in (0u16..).zip(&self.recipients) {
            let list = match self.outcomes.get(&index) {
                Some(Outcome::Delivered) => &mut result.delivered,
                Some(Outcome::Hard) => &mut result.permanent_bounces,
                Some(Outcome::Soft) | None => &mut result.queued,
            };
            list.push(recipient.to_string());
        }
        result
    }
}
