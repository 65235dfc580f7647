//! What the Workers of a message's addresses say of it. Whatever they ask for is checked here, and done by nobody before all
//! of them have come to an end.

use super::{
    Judged, Shared,
    plan::{Plan, WorkerReply},
};
use crate::metrics::{self, Step};
use futures_util::{StreamExt, stream};
use mailwright_actors::{clock, intake::Intake};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    id::QueueId,
    message::{RawDefaults, RawMessage, ReceivedWith, extension_fields, split_header},
    worker::{ActionError, Answered, EmailEvent, Forward, Reply, ScriptName, check_reply, event_headers},
};
use mailwright_storage::control::{Control, RoutingZone};
use mailwright_workers::{EmailDone, EventDesk, EventError, Workers};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// Workers that look at one message at a time.
const ABREAST: usize = 8;
/// Most destinations that a Worker may send one message to.
const MAX_FORWARDS: usize = 100;
/// Most addresses that a Worker is told of, so that it need not ask.
const SHOWN: usize = 32;

/// Has a Worker look at a message for each of these addresses, and puts what they say into `plan`.
pub(super) async fn ask(
    shared: &Shared,
    judged: &Judged,
    asked: Vec<(EmailAddress, String)>,
    plan: &mut Plan,
) {
    if asked.is_empty() {
        return;
    }
    let began = Instant::now();
    let message = Message::new(shared, judged);
    let answers = stream::iter(asked).map(|(address, name)| message.ask(address, name));
    let answers: Vec<_> = answers.buffered(ABREAST).collect().await;
    for (address, answer) in answers {
        match answer {
            Ok(handled) => handled.enter(plan, &address),
            Err(error) => {
                tracing::warn!(id = %judged.id, to = %address, %error, "a Worker did not come to an end");
                plan.failed.push((address, error));
            }
        }
    }
    metrics::step(Step::Worker, began.elapsed());
}

/// A message as Workers get it.
struct Message<'a> {
    workers: Option<&'a Workers>,
    intake: &'a Intake,
    control: &'a Arc<Control>,
    id: QueueId,
    sender: &'a ReversePath,
    zone: &'a Arc<RoutingZone>,
    /// Whether its sender may be answered.
    may_be_answered: bool,
    can_be_forwarded: bool,
    headers: Vec<(String, String)>,
    raw: Arc<[u8]>,
}

/// What a Worker wants, checked.
#[derive(Debug)]
struct Handled {
    forwards: Vec<(EmailAddress, String)>,
    reply: Option<WorkerReply>,
    reject: Option<String>,
}

impl<'a> Message<'a> {
    fn new(shared: &'a Shared, judged: &'a Judged) -> Self {
        let content = &judged.mail.content;
        Self {
            workers: shared.parts.workers.as_ref(),
            intake: &shared.parts.intake,
            control: &shared.parts.control,
            id: judged.id,
            sender: &judged.mail.sender,
            zone: &judged.zone,
            // What comes by the door for local tests comes from whoever writes the Worker.
            may_be_answered: judged.judgement.dmarc.result.is_pass()
                || judged.mail.with == ReceivedWith::Http,
            can_be_forwarded: judged.can_be_forwarded,
            headers: event_headers(split_header(content).0),
            raw: content.as_slice().into(),
        }
    }

    async fn ask(&self, address: EmailAddress, name: String) -> (EmailAddress, Result<Handled, EventError>) {
        let handled = self.run(&address, &name).await;
        (address, handled)
    }

    async fn run(&self, address: &EmailAddress, name: &str) -> Result<Handled, EventError> {
        let Some(workers) = self.workers else {
            return Err(EventError::NoRuntime("Workers are switched off ([workers] enabled)".to_owned()));
        };
        let script: ScriptName = name.parse().map_err(|error| {
            EventError::NotStarted(format!("no Worker can have the name of its rule: {error}"))
        })?;
        let desk = Arc::new(self.desk(address));
        let event = EmailEvent {
            id: self.id.to_string(),
            from: self.sender.as_str().to_owned(),
            to: address.to_string(),
            headers: self.headers.clone(),
            raw: Arc::clone(&self.raw),
            can_be_forwarded: self.can_be_forwarded,
        };
        let asks: Arc<dyn EventDesk> = Arc::<Desk>::clone(&desk);
        let done = workers.email(&self.zone.account_id, &script, event, asks).await?;
        desk.checked(done)
    }

    fn desk(&self, address: &EmailAddress) -> Desk {
        Desk {
            control: Arc::clone(self.control),
            zone: Arc::clone(self.zone),
            raw: Arc::clone(&self.raw),
            sender: self.sender.clone(),
            recipient: address.clone(),
            dmarc_passed: self.may_be_answered,
            can_be_forwarded: self.can_be_forwarded,
            reply_id: self.intake.next_id().0,
            reply: Mutex::default(),
        }
    }
}

impl Handled {
    /// What is refused goes nowhere, whatever was asked for besides.
    fn enter(self, plan: &mut Plan, address: &EmailAddress) {
        if let Some(reason) = self.reject {
            plan.rejected.push((address.clone(), reason));
            return;
        }
        if self.forwards.is_empty() {
            plan.processed.push(address.clone());
        }
        for (destination, fields) in self.forwards {
            plan.go_on(&fields, destination, address);
        }
        plan.replies.extend(self.reply);
    }
}

/// Answers what a Worker asks while it has a message.
struct Desk {
    control: Arc<Control>,
    zone: Arc<RoutingZone>,
    raw: Arc<[u8]>,
    sender: ReversePath,
    recipient: EmailAddress,
    dmarc_passed: bool,
    can_be_forwarded: bool,
    reply_id: QueueId,
    reply: Mutex<Option<RawMessage>>,
}

impl Desk {
    /// What comes out of a process is checked, whatever was said to it before.
    fn checked(&self, done: EmailDone) -> Result<Handled, EventError> {
        if done.forwards.len() > MAX_FORWARDS {
            let text = format!("it forwards to {} addresses, and may to {MAX_FORWARDS}", done.forwards.len());
            return Err(EventError::Threw(text));
        }
        let forwards =
            done.forwards.iter().map(|forward| self.destination(forward)).collect::<Result<_, _>>();
        let forwards = forwards.map_err(|error| EventError::Threw(error.to_string()))?;
        let message = self.reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        let to = self.sender.address().cloned();
        let reply = message.zip(to).map(|(message, to)| WorkerReply { id: self.reply_id, to, message });
        Ok(Handled { forwards, reply, reject: done.reject })
    }

    fn destination(&self, forward: &Forward) -> Result<(EmailAddress, String), ActionError> {
        let to = self.may_go_to(&forward.to)?;
        let fields = extension_fields(&forward.headers).map_err(|error| ActionError {
            code: Some(error.code.as_str().to_owned()),
            message: error.message,
        })?;
        Ok((to, fields))
    }

    fn may_go_to(&self, to: &str) -> Result<EmailAddress, ActionError> {
        let refused = |message: String| ActionError { code: None, message };
        if !self.can_be_forwarded {
            return Err(refused(
                "The message cannot be forwarded: neither SPF nor DKIM has passed, so nobody answers for it."
                    .to_owned(),
            ));
        }
        let address = EmailAddress::parse(to).map_err(|error| ActionError {
            code: Some("E_VALIDATION_ERROR".to_owned()),
            message: format!("{to:?} is no address to forward to: {error}."),
        })?;
        if self.control.is_destination(&self.zone.account_id, &address) {
            Ok(address)
        } else {
            Err(refused(format!(
                "The message cannot be forwarded to {address}: it is no verified destination address of the account."
            )))
        }
    }
}

impl EventDesk for Desk {
    fn may_forward(&self, to: &str) -> Result<(), ActionError> {
        self.may_go_to(to).map(drop)
    }

    fn destinations(&self) -> Vec<String> {
        if !self.can_be_forwarded {
            return Vec::new();
        }
        let known = self.control.destinations(&self.zone.account_id);
        let verified = known.iter().filter(|address| address.verified.is_some());
        verified.take(SHOWN).map(|address| address.email.to_string()).collect()
    }

    fn reply(&self, from: &str, to: &str, raw: Vec<u8>) -> Result<(), ActionError> {
        let mut reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner);
        if reply.is_some() {
            let message = "The message has been replied to already, and can be once.".to_owned();
            return Err(ActionError { code: None, message });
        }
        let answered = Answered {
            header: split_header(&self.raw).0,
            sender: &self.sender,
            recipient: &self.recipient,
            dmarc_passed: self.dmarc_passed,
        };
        let message_id = format!("{}@{}", self.reply_id, self.recipient.domain());
        let defaults = RawDefaults { date: clock::wall(), message_id: &message_id };
        *reply = Some(check_reply(&answered, &Reply { from, to, raw: &raw }, &defaults)?);
        Ok(())
    }
}
