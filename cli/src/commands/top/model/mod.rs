//! What is known of the server and how it changes. Pure: it is told what was read and when.

pub(super) mod numbers;
pub(super) mod pane;
pub(super) mod rows;
pub(super) mod trouble;

use mailwright_api::{
    delivery::model::{QueueSummary, SuspensionRow},
    health::{Ready, Version},
};
use mailwright_engine::time::UnixMillis;
use numbers::{History, Numbers};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};
use trouble::Failure;

/// Failures that are remembered.
const FAILURES: usize = 500;

/// What was read of the server at one time.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// When, by a clock that is never set.
    pub(super) at: Instant,
    /// The same, by the server's kind of time.
    pub(super) now: UnixMillis,
    pub(super) numbers: Numbers,
    pub(super) version: Version,
    pub(super) ready: Ready,
    /// Asked for less often where the queue is long.
    pub(super) lists: Option<Lists>,
}

/// What waits, where, and what is suspended.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    pub(super) queue: QueueSummary,
    pub(super) suspensions: Vec<SuspensionRow>,
}

/// What is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) history: History,
    pub(super) version: Option<Version>,
    pub(super) ready: Option<Ready>,
    pub(super) lists: Option<Lists>,
    /// The newest first.
    pub(super) failures: VecDeque<Failure>,
    /// Failures that came too fast to be told of.
    pub(super) untold: u64,
    /// Why failures are not told of now, if they are not.
    pub(super) deaf: Option<String>,
    /// Why the server does not answer, if it does not.
    pub(super) lost: Option<String>,
    /// When it last answered, by both clocks.
    heard: Option<(Instant, UnixMillis)>,
}

impl Model {
    /// Takes in what was read.
    pub(super) fn take(&mut self, sample: Sample) {
        self.lost = None;
        self.heard = Some((sample.at, sample.now));
        let is_new = self.version.as_ref().is_some_and(|known| known.started_at != sample.version.started_at);
        if is_new {
            // Another process counts from zero.
            self.history = History::default();
        }
        self.history.push(sample.at, sample.numbers);
        (self.version, self.ready) = (Some(sample.version), Some(sample.ready));
        if sample.lists.is_some() {
            self.lists = sample.lists;
        }
    }

    /// Takes in that the server did not answer.
    pub(super) fn lose(&mut self, why: String) {
        self.lost = Some(why);
    }

    /// Takes in a failure.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.deaf = None;
        self.failures.push_front(failure);
        self.failures.truncate(FAILURES);
    }

    /// For how long the server has not answered.
    pub(super) fn silence(&self, now: Instant) -> Option<Duration> {
        self.heard.map(|(at, _)| now.saturating_duration_since(at))
    }

    /// The server's time when it last answered; what waits is told by it.
    pub(super) fn time(&self) -> UnixMillis {
        self.heard.map_or(UnixMillis::new(0), |(_, now)| now)
    }
}
