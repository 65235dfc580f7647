//! What becomes of messages by what their consumer said, or how it failed.

use crate::{EventError, QueueDone};
use mailwright_storage::{
    control::ObjectId,
    workers::{Leased, MAX_DELAY, Settled, Settlement},
};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// What is to be done with a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// With each of its messages.
    pub(super) settlements: Vec<Settlement>,
    /// Whether it was not even tried, so that there is no use in trying at once again.
    pub(super) is_untried: bool,
}

/// The name of a leased message, and its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    id: ObjectId,
    lease: u64,
}

impl Held {
    /// Of each message of a batch.
    pub(super) fn of(batch: &[Leased]) -> Vec<Self> {
        batch.iter().map(|message| Self { id: message.id.clone(), lease: message.lease }).collect()
    }
}

/// Judges a batch by its end.
pub(super) fn judge(batch: Vec<Held>, ended: &Result<QueueDone, EventError>) -> Outcome {
    match ended {
        Ok(done) => by_word(batch, done),
        Err(error) if is_untried(error) => all(batch, Settled::Return, true),
        Err(_) => all(batch, Settled::Retry { delay: None }, false),
    }
}

/// Whether the messages have not been seen by any code: that is no failure of theirs, and does not count as one.
fn is_untried(error: &EventError) -> bool {
    match error {
        EventError::NotDeployed(_)
        | EventError::NoRuntime(_)
        | EventError::NoHandler(_)
        | EventError::NotStarted(_)
        | EventError::Busy => true,
        EventError::Threw(_)
        | EventError::TimedOut(_)
        | EventError::CpuExceeded(_)
        | EventError::MemoryExceeded(_)
        | EventError::Crashed(_) => false,
    }
}

fn all(batch: Vec<Held>, outcome: Settled, is_untried: bool) -> Outcome {
    let settlement = |Held { id, lease }| Settlement { id, lease, outcome };
    Outcome { settlements: batch.into_iter().map(settlement).collect(), is_untried }
}

/// What was said of a message goes before what was said of all; a handler that ended well has handled the rest.
fn by_word(batch: Vec<Held>, done: &QueueDone) -> Outcome {
    let acked: HashSet<&str> = done.acked.iter().map(String::as_str).collect();
    let retried: HashMap<&str, Option<Duration>> =
        done.retried.iter().map(|(id, delay)| (id.as_str(), *delay)).collect();
    let of = |id: &ObjectId| match (retried.get(id.as_str()), done.retry_all) {
        (Some(delay), _) => Settled::Retry { delay: delay.map(seconds) },
        (None, Some(delay)) if !acked.contains(id.as_str()) && !done.ack_all => {
            Settled::Retry { delay: delay.map(seconds) }
        }
        _ => Settled::Ack,
    };
    let settlement = |Held { id, lease }| Settlement { outcome: of(&id), id, lease };
    Outcome { settlements: batch.into_iter().map(settlement).collect(), is_untried: false }
}

/// Seconds, as many as may be.
fn seconds(delay: Duration) -> u32 {
    u32::try_from(delay.as_secs()).unwrap_or(u32::MAX).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(name: char) -> Held {
        Held { id: name.to_string().repeat(32).parse().unwrap(), lease: 7 }
    }

    fn id(name: char) -> String {
        name.to_string().repeat(32)
    }

    fn outcomes(ended: &Result<QueueDone, EventError>) -> Vec<Settled> {
        let settlements = judge(vec![held('a'), held('b'), held('c')], ended).settlements;
        settlements.into_iter().map(|settlement| settlement.outcome).collect()
    }

    const AGAIN: Settled = Settled::Retry { delay: None };

    #[test]
    fn a_handler_that_ends_well_has_handled_what_it_says_nothing_of() {
        let done = QueueDone {
            acked: vec![id('a')],
            retried: vec![(id('b'), Some(Duration::from_secs(7)))],
            ..QueueDone::default()
        };
        assert_eq!(outcomes(&Ok(done)), [Settled::Ack, Settled::Retry { delay: Some(7) }, Settled::Ack]);
    }

    #[test]
    fn what_is_said_of_one_goes_before_what_is_said_of_all() {
        let all_again = QueueDone { acked: vec![id('a')], retry_all: Some(None), ..QueueDone::default() };
        assert_eq!(outcomes(&Ok(all_again)), [Settled::Ack, AGAIN, AGAIN]);
        let all_done = QueueDone { retried: vec![(id('c'), None)], ack_all: true, ..QueueDone::default() };
        assert_eq!(outcomes(&Ok(all_done)), [Settled::Ack, Settled::Ack, AGAIN]);
    }

    #[test]
    fn a_delay_is_twelve_hours_at_most() {
        let done = QueueDone { retry_all: Some(Some(Duration::MAX)), ..QueueDone::default() };
        assert_eq!(outcomes(&Ok(done))[0], Settled::Retry { delay: Some(MAX_DELAY) });
    }

    #[test]
    fn a_failure_counts_only_if_the_code_has_seen_the_messages() {
        assert_eq!(outcomes(&Err(EventError::Threw("Error: x".into()))), [AGAIN; 3]);
        assert_eq!(outcomes(&Err(EventError::Crashed("killed".into()))), [AGAIN; 3]);
        let untried = judge(vec![held('a')], &Err(EventError::Busy));
        assert!(untried.is_untried && untried.settlements[0].outcome == Settled::Return);
    }
}
