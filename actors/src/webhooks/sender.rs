//! Sender: brings batches of events to endpoints.
//!
//! Owns a lane for each endpoint that has something coming: a task that claims a batch, calls the endpoint, notes what
//! became of it and goes on, until nothing waits. Never decides what waits (the outbox does), nor when to call again
//! (the schedule does). Started by the engine, on its arbiter; holds nothing that is not on disk, so a process that
//! dies in any line of it is continued by the next, which sends the batch that was under way again.
//!
//! Bound: one call an endpoint, [`CALLS`] in all; one batch in memory each.

use super::{
    WebhookSettings,
    call::{Call, Called, Caller},
    desk::{Question, UrlRefusal, WAITING, WebhookDesk},
};
use crate::{clock, https::NoAddress, metrics as names, supervisor::Deps};
use mailwright_engine::{
    time::UnixMillis,
    webhook::{AfterFailure, CallSchedule, CallVerdict, EndpointUrl, FailedCall, batch_body, test_body},
};
use mailwright_storage::{
    StorageError,
    control::{By, Control, ControlError, ObjectId, Webhook, WebhookChange, WebhookState},
    webhooks::{Attempt, Batch, Claim, Outbox, fresh_batch_id},
};
use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc, time::Duration};
use tokio::sync::{Notify, Semaphore, mpsc};

/// Calls at a time over all endpoints; each holds a connection and a batch of some 256 KiB.
const CALLS: usize = 64;
/// How long the first event of a lane waits for others to be sent with.
const GATHER: Duration = Duration::from_millis(100);
/// Pause after the outbox failed: its disk may be full for long.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Who calls endpoints.
struct Sender {
    control: Arc<Control>,
    outbox: Outbox,
    caller: Caller,
    schedule: CallSchedule,
    calls: Semaphore,
    /// What wakes the lanes that there are.
    lanes: RefCell<HashMap<ObjectId, Rc<Notify>>>,
}

/// How a lane goes on.
enum Step {
    /// At once.
    On,
    /// At that time, or when it is woken.
    Rest(UnixMillis),
    /// There is nothing to do.
    End,
}

/// Starts to call the endpoints of `deps`, beginning with what the last process left.
pub(crate) fn start(deps: &Deps, outbox: Outbox, settings: &WebhookSettings) -> WebhookDesk {
    let (questions, asked) = mpsc::channel(WAITING);
    let sender = Rc::new(Sender {
        control: Arc::clone(&deps.control),
        outbox,
        caller: Caller::new(deps.tls.https_to(settings.hosts), settings),
        schedule: settings.schedule,
        calls: Semaphore::new(CALLS),
        lanes: RefCell::default(),
    });
    actix_rt::spawn(sender.run(asked));
    WebhookDesk(questions)
}

impl Sender {
    /// Runs until nobody can ask any more.
    async fn run(self: Rc<Self>, mut asked: mpsc::Receiver<Question>) {
        // Those that are no more as well: their lanes clear up after them.
        match self.outbox.endpoints().await {
            Ok(endpoints) => endpoints.into_iter().for_each(|endpoint| self.wake(endpoint)),
            Err(error) => drop(failed(&error)),
        }
        loop {
            tokio::select! {
                given = self.outbox.given() => given.into_iter().for_each(|endpoint| self.wake(endpoint)),
                question = asked.recv() => match question {
                    Some(question) => drop(actix_rt::spawn(Rc::clone(&self).answer(question))),
                    None => return,
                },
            }
        }
    }

    /// Sees to it that somebody looks after an endpoint.
    fn wake(self: &Rc<Self>, endpoint: ObjectId) {
        let mut lanes = self.lanes.borrow_mut();
        if let Some(lane) = lanes.get(&endpoint) {
            return lane.notify_one();
        }
        let lane = Rc::new(Notify::new());
        lanes.insert(endpoint.clone(), Rc::clone(&lane));
        actix_rt::spawn(Rc::clone(self).look_after(endpoint, lane));
    }

    /// A lane. Being woken while it is under way lets it look once more before it ends.
    async fn look_after(self: Rc<Self>, endpoint: ObjectId, woken: Rc<Notify>) {
        tokio::time::sleep(GATHER).await;
        loop {
            let step = self.step(&endpoint).await.unwrap_or_else(|error| failed(&error));
            match step {
                Step::On => {}
                Step::Rest(until) => {
                    // Whether it is woken or has slept, it looks what there is.
                    let _ = tokio::time::timeout(until.since(clock::now()), woken.notified()).await;
                }
                Step::End if was_woken(&woken) => {}
                Step::End => {
                    self.lanes.borrow_mut().remove(&endpoint);
                    return;
                }
            }
        }
    }

    /// Sends one batch, if there is one to send.
    async fn step(&self, endpoint: &ObjectId) -> Result<Step, StorageError> {
        let Some(webhook) = self.control.find_webhook(endpoint) else {
            self.outbox.forget(endpoint).await?;
            return Ok(Step::End);
        };
        if !webhook.is_enabled() {
            return Ok(Step::End);
        }
        match self.outbox.claim(endpoint, clock::now()).await? {
            Claim::Nothing => Ok(Step::End),
            Claim::Later(due) => Ok(Step::Rest(due)),
            Claim::Now(batch) => self.send(&webhook, batch).await,
        }
    }

    async fn send(&self, webhook: &Webhook, batch: Batch) -> Result<Step, StorageError> {
        // It is never closed.
        let _permit = self.calls.acquire().await;
        let call = Call {
            id: &batch.id,
            events: batch.events.len() as u64,
            body: batch_body(clock::wall(), batch.events.iter().map(String::as_str)),
        };
        let called = self.caller.call(webhook, call).await;
        let (id, events, took) = (&webhook.id, called.attempt.events, called.attempt.took);
        tracing::debug!(webhook = %id, events, ?took, error = called.attempt.error, "webhook called");
        match called.verdict {
            CallVerdict::Delivered => {
                count("delivered");
                self.outbox.delivered(id, called.attempt).await?;
                Ok(Step::On)
            }
            CallVerdict::Gone => {
                count("gone");
                let reason = "The endpoint answered 410 Gone: it wants no more events.";
                self.give_up(webhook, called.attempt, "gone", reason.to_owned()).await
            }
            CallVerdict::Failed => {
                count("failed");
                self.put_off(webhook, &batch, called).await
            }
        }
    }

    /// Lets an endpoint that failed rest, or gives it up.
    async fn put_off(&self, webhook: &Webhook, batch: &Batch, called: Called) -> Result<Step, StorageError> {
        let now = clock::now();
        let failing_since = batch.failing_since.unwrap_or(called.attempt.at);
        let failed = FailedCall {
            failures: batch.failures.saturating_add(1),
            failing_since,
            now,
            retry_after: called.retry_after,
            seed: seed(&webhook.id),
        };
        match self.schedule.after(&failed) {
            AfterFailure::CallAt(due) => {
                self.outbox.failed(&webhook.id, called.attempt, due).await?;
                Ok(Step::Rest(due))
            }
            AfterFailure::Disable => {
                let last = &called.attempt.error;
                let reason = format!("Every call since {failing_since} failed, the last with: {last}.");
                self.give_up(webhook, called.attempt, "failing", reason).await
            }
        }
    }

    /// Disables an endpoint.
    async fn give_up(
        &self,
        webhook: &Webhook,
        attempt: Attempt,
        cause: &'static str,
        reason: String,
    ) -> Result<Step, StorageError> {
        self.outbox.note(&webhook.id, attempt).await?;
        let (control, account, id) =
            (Arc::clone(&self.control), webhook.account_id.clone(), webhook.id.clone());
        tracing::warn!(webhook = %id, %account, url = %webhook.url, reason, "webhook disabled");
        let now = clock::now();
        let disable = move || {
            let state = Some(WebhookState::Disabled { reason, since: now });
            let change = WebhookChange { state, ..WebhookChange::default() };
            control.change_webhook(account.as_str(), id.as_str(), change, &By::server(now))
        };
        let disabled = tokio::task::spawn_blocking(disable).await.map_err(|_| StorageError::Closed)?;
        metrics::counter!(names::WEBHOOKS_DISABLED, "cause" => cause).increment(1);
        match disabled {
            // Taken away meanwhile, it is called no more either.
            Ok(_) | Err(ControlError::NotFound { .. }) => Ok(Step::End),
            Err(ControlError::Storage(error)) => Err(error),
            Err(error) => {
                tracing::error!(webhook = %webhook.id, %error, "a webhook was not disabled");
                Ok(Step::Rest(now.saturating_add(AFTER_FAILURE)))
            }
        }
    }

    /// Answers what others ask. Whoever asked may be gone.
    async fn answer(self: Rc<Self>, question: Question) {
        match question {
            Question::MayCall(url, tell) => {
                let _ = tell.send(self.may_call(&url).await);
            }
            Question::Try(webhook, tell) => {
                let _ = tell.send(self.try_call(&webhook).await);
            }
        }
    }

    async fn may_call(&self, url: &EndpointUrl) -> Result<(), UrlRefusal> {
        match self.caller.https().address(&url.host()).await {
            Ok(_) | Err(NoAddress::Unknown(_)) => Ok(()),
            Err(NoAddress::None(host)) => Err(UrlRefusal::NoAddress(host)),
            Err(NoAddress::Private { host, ip }) => Err(UrlRefusal::Private { host, ip }),
        }
    }

    /// Calls an endpoint without events. If that works, an endpoint that rests need not rest longer.
    async fn try_call(&self, webhook: &Webhook) -> Option<Attempt> {
        let id = fresh_batch_id().ok()?;
        let call = Call { id: &id, events: 0, body: test_body(clock::wall()) };
        let called = self.caller.call(webhook, call).await;
        count(match called.verdict {
            CallVerdict::Delivered => "delivered",
            CallVerdict::Gone => "gone",
            CallVerdict::Failed => "failed",
        });
        let noted = async {
            self.outbox.note(&webhook.id, called.attempt.clone()).await?;
            if called.verdict == CallVerdict::Delivered {
                self.outbox.resume(&webhook.id).await?;
            }
            Ok::<_, StorageError>(())
        };
        if let Err(error) = noted.await {
            tracing::warn!(webhook = %webhook.id, %error, "a test of a webhook was not noted");
        }
        Some(called.attempt)
    }
}

/// Whether a lane was woken since it last looked; forgets it.
fn was_woken(woken: &Notify) -> bool {
    use futures_util::FutureExt;
    woken.notified().now_or_never().is_some()
}

fn failed(error: &StorageError) -> Step {
    if matches!(error, StorageError::Closed) {
        // The process ends.
        return Step::End;
    }
    tracing::error!(%error, "a webhook was not served");
    Step::Rest(clock::now().saturating_add(AFTER_FAILURE))
}

fn count(outcome: &'static str) {
    metrics::counter!(names::WEBHOOK_CALLS, "outcome" => outcome).increment(1);
}

/// A number that is another for each endpoint: its id is random.
fn seed(id: &ObjectId) -> u64 {
    id.as_str().get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
}
