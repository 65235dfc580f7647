//! Asking the server, on threads of its own: the screen never waits for an answer.

use super::{
    details,
    input::Order,
    model::{Lists, Model, Sample, numbers::Numbers, rows::Key, trouble::Failure},
    text::{plain, plain_answer},
};
use crate::{
    commands::CommandError,
    control_client::{ControlClient, ControlClientError, with_query},
};
use mailwright_actors::clock;
use mailwright_api::delivery::model::OrderResult;
use mailwright_engine::time::UnixMillis;
use ratatui::crossterm::event::KeyEvent;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    io,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError},
    thread,
    time::{Duration, Instant},
};

/// Groups of each kind that are asked for: who has more filters.
const GROUPS: &str = "500";
/// What a queue costs to sum up is not spent more often than this part of the time.
const LISTS_PART: u32 = 10;
/// How long to wait before a stream that ended is opened again.
const AGAIN: Duration = Duration::from_secs(2);

/// What the screen is told.
pub(super) enum Happening {
    Key(KeyEvent),
    Resized,
    Sample(Box<Sample>),
    /// The server does not answer.
    Lost(String),
    Failure(Box<Failure>),
    /// So many failures came too fast to be told of.
    Untold(u64),
    /// Failures are not told of.
    Deaf(String),
    /// What came of an order.
    Done(String),
    /// What the server says about a row.
    Answer(Key, Vec<String>),
    /// Somebody told this process to end.
    Stop,
    /// A thread that should not has ended.
    Broken(io::Error),
}

/// Asks for everything; for what waits only if `with_lists`.
pub(super) fn sample(client: &ControlClient, with_lists: bool) -> Result<Sample, ControlClientError> {
    let numbers = Numbers::read(&client.text("/metrics")?);
    let (ready, version) = (page(client, "/ready")?, page(client, "/version")?);
    let lists = with_lists.then(|| lists(client)).transpose()?;
    Ok(Sample { at: Instant::now(), now: clock::now(), numbers, version, ready, lists })
}

fn lists(client: &ControlClient) -> Result<Lists, ControlClientError> {
    let queue = answer(client, &with_query("delivery/queue", &[("limit", Some(GROUPS))]))?;
    Ok(Lists { queue, suspensions: answer(client, "delivery/suspensions")? })
}

/// A page for machines, whatever it says.
fn page<T: DeserializeOwned>(client: &ControlClient, path: &str) -> Result<T, ControlClientError> {
    Ok(serde_json::from_value(plain_answer(serde_json::from_slice(&client.page(path)?)?))?)
}

fn answer<T: DeserializeOwned>(client: &ControlClient, path: &str) -> Result<T, ControlClientError> {
    Ok(serde_json::from_value(plain_answer(client.get::<Value>(path)?))?)
}

/// Asks every `interval`, and at once when poked; until nobody listens.
pub(super) fn poll(
    client: &ControlClient,
    interval: Duration,
    pokes: &Receiver<()>,
    told: &SyncSender<Happening>,
) {
    let mut lists_due = Instant::now();
    loop {
        let begun = Instant::now();
        let with_lists = begun >= lists_due;
        let happening = match sample(client, with_lists) {
            Ok(sample) => Happening::Sample(Box::new(sample)),
            Err(error) => Happening::Lost(plain(&error.to_string())),
        };
        let took = begun.elapsed();
        if with_lists {
            lists_due = begun + interval.max(took * LISTS_PART);
        }
        if told.send(happening).is_err() {
            return;
        }
        match pokes.recv_timeout(interval.saturating_sub(took)) {
            Ok(()) => lists_due = Instant::now(),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Tells of failures as they happen, for ever.
pub(super) fn listen(client: &ControlClient, told: &SyncSender<Happening>) {
    loop {
        let mut untold = 0;
        let ended = client.events("delivery/messages/stream?failures=true", |event, data| {
            let data = plain_answer(serde_json::from_str(data)?);
            let happening = match event {
                "missed" => Happening::Untold(data["count"].as_u64().unwrap_or_default()),
                _ => Happening::Failure(Box::new(serde_json::from_value(data)?)),
            };
            // A screen that does not keep up is told how much it has missed.
            match told.try_send(happening) {
                Ok(()) if untold > 0 => {
                    untold = told.try_send(Happening::Untold(untold)).map_or(untold, |()| 0);
                }
                Err(TrySendError::Full(_)) => untold += 1,
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            }
            Ok::<(), CommandError>(())
        });
        let why = ended.map_or_else(|error| plain(&error.to_string()), |()| "the server ended it".to_owned());
        if told.send(Happening::Deaf(why)).is_err() {
            return;
        }
        thread::sleep(AGAIN);
    }
}

/// Has the server do something; what came of it, in words.
pub(super) fn carry_out(client: &ControlClient, order: &Order) -> String {
    plain(&try_order(client, order).unwrap_or_else(|error| error.to_string()))
}

fn try_order(client: &ControlClient, order: &Order) -> Result<String, ControlClientError> {
    match order {
        Order::Retry(domain) => {
            let OrderResult { changed, in_flight } =
                client.post("delivery/queue/retry", &json!({ "domain": domain }))?;
            let busy = if in_flight > 0 { format!("; {in_flight} in flight") } else { String::new() };
            Ok(format!("{changed} entries to {domain} are tried now{busy}."))
        }
        Order::Suspend(scope) => {
            let body = json!({ "scope": scope, "reason": "from mailwright top" });
            client.post::<Value>("delivery/suspensions", &body)?;
            Ok(format!("{scope} is suspended."))
        }
        Order::Resume(scope) => {
            let path = with_query("delivery/suspensions", &[("scope", Some(scope))]);
            client.delete::<Value>(&path)?;
            Ok(format!("{scope} is no longer suspended."))
        }
    }
}

/// What the server says about a row.
pub(super) fn look(client: &ControlClient, key: &Key, now: UnixMillis) -> Vec<String> {
    details::ask(client, key, now)
}

impl Model {
    /// Takes in what the server said or did not say; gives back what is about the screen.
    pub(super) fn hear(&mut self, happening: Happening) -> Option<Happening> {
        match happening {
            Happening::Sample(sample) => self.take(*sample),
            Happening::Lost(why) => self.lose(why),
            Happening::Failure(failure) => self.fail(*failure),
            Happening::Untold(count) => self.untold += count,
            Happening::Deaf(why) => self.deaf = Some(why),
            other => return Some(other),
        }
        None
    }
}
