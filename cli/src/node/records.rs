//! What is kept beside the queue, and the threads that write it.

use super::{NodeError, workers::WorkerRecords};
use crate::config::Config;
use mailwright_actors::clock;
use mailwright_engine::envelope::Envelope;
use mailwright_storage::{
    Recovery, SpoolStarter, StateDir, StorageError,
    activity::{ActivityLog, ActivityThread},
    control::Control,
    events::{EventLog, EventLogThread},
    limits::Limits,
    reports::{JudgedFeed, JudgedThread, Reports},
    requests::KeyedRequests,
    suppressions::{SuppressionFeed, SuppressionThread, Suppressions},
    webhooks::{Outbox, OutboxThread},
};
use std::sync::Arc;

/// What is kept beside the queue.
pub(super) struct Records {
    pub(super) suppressions: Suppressions,
    /// What delivery tells the suppressions.
    pub(super) bounces: SuppressionFeed,
    pub(super) requests: KeyedRequests,
    pub(super) events: EventLog,
    pub(super) activity: ActivityLog,
    pub(super) outbox: Outbox,
    pub(super) reports: Reports,
    /// What is judged tells the reports.
    pub(super) judged: JudgedFeed,
    pub(super) workers: WorkerRecords,
    threads: Threads,
}

struct Threads {
    events: EventLogThread,
    activity: ActivityThread,
    outbox: OutboxThread,
    suppressions: SuppressionThread,
    /// None where no reports are sent.
    judged: Option<JudgedThread>,
}

impl Records {
    /// Opens everything and reads the queue back, whose mail some of it has to hear of.
    pub(super) fn open(
        config: &Config,
        state: &StateDir,
        control: &Arc<Control>,
    ) -> Result<(Self, SpoolStarter, Recovery), NodeError> {
        let suppressions = Suppressions::open(&state.suppressions_dir(), config.suppressions.settings()?)?;
        let limits = Limits::open(&state.limits_dir(), Arc::clone(control), config.limits.settings()?)?;
        let requests = KeyedRequests::open(&state.requests_dir(), config.requests()?, clock::now)?;
        let recall = |envelope: &Envelope| requests.recall(envelope);
        let (mut starter, recovery) = SpoolStarter::recover_counting(state, config.spool()?, limits, recall)?;
        // Times go on from those that were given out before, in whatever follows.
        clock::go_on_from(recovery.newest);
        remember(&mut starter, &requests)?;
        let (log, days) = (state.events_dir(), config.events.retention_days);
        let (activity, activity_thread) = ActivityLog::start(&log, &state.activity_dir(), days, clock::now)?;
        let (events, event_thread) = EventLog::start(&log, days)?;
        let (bounces, suppression_thread) = SuppressionFeed::start(suppressions.clone())?;
        let keep = config.webhooks.outbox()?;
        let (outbox, outbox_thread) = Outbox::start(&state.webhooks_dir(), keep, clock::now)?;
        let reports = Reports::open(&state.reports_dir(), config.reports()?)?;
        let (judged, judged_thread) = judged(config, &reports)?;
        let threads = Threads {
            judged: judged_thread,
            events: event_thread,
            activity: activity_thread,
            outbox: outbox_thread,
            suppressions: suppression_thread,
        };
        let workers = WorkerRecords::open(config, state)?;
        let records = Self {
            suppressions,
            bounces,
            requests,
            events,
            activity,
            outbox,
            reports,
            judged,
            workers,
            threads,
        };
        Ok((records, starter, recovery))
    }

    /// Writes what is still on its way and ends the threads; whoever tells them anything has to be gone.
    pub(super) fn close(self) {
        let Threads { events, activity, outbox, suppressions, judged } = self.threads;
        drop(self.events);
        events.close();
        activity.close();
        outbox.close();
        suppressions.close();
        judged.into_iter().for_each(JudgedThread::close);
        if let Err(error) = self.requests.flush() {
            tracing::error!(%error, "answers to requests with keys are lost with this process");
        }
    }
}

/// The way for judged mail, if anybody is told.
fn judged(config: &Config, reports: &Reports) -> Result<(JudgedFeed, Option<JudgedThread>), NodeError> {
    if config.reporter()?.is_none() {
        return Ok((JudgedFeed::disabled(), None));
    }
    let (feed, thread) = JudgedFeed::start(reports.clone())?;
    Ok((feed, Some(thread)))
}

/// Has requests with keys remembered: what the journal has of them now, and what comes.
fn remember(starter: &mut SpoolStarter, requests: &KeyedRequests) -> Result<(), StorageError> {
    requests.flush()?;
    let (accepted, stored) = (requests.clone(), requests.clone());
    starter.when_accepted(move |id| accepted.confirm(id));
    starter.before_checkpoint(move || {
        if let Err(error) = stored.flush() {
            tracing::error!(%error, "requests with keys are not safe: after a crash one could be carried out twice");
        }
    });
    Ok(())
}
