//! Judged messages on their way to the disk: told by what judges, which waits for nothing, written by one thread.

use super::Reports;
use crate::{error::StorageError, metrics};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use mailwright_engine::dmarc_report::JudgedMail;
use std::{
    path::Path,
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Messages that may be on their way; more are left out and counted as lost.
const ON_THE_WAY: usize = 16_384;
/// Messages that are written with one sync.
const TOGETHER: usize = 4_096;
/// How long the first of them waits for others.
const GATHER: Duration = Duration::from_secs(1);

/// The way for judged messages. Clones are cheap and may be used from any thread.
#[derive(Debug, Clone)]
pub struct JudgedFeed {
    judged: Option<Sender<Box<JudgedMail>>>,
}

/// The thread that writes.
#[derive(Debug)]
pub struct JudgedThread {
    thread: JoinHandle<()>,
    /// Dropped, it tells the thread to end.
    until: Sender<()>,
}

impl JudgedFeed {
    /// A feed that leads nowhere: no reports are sent.
    pub fn disabled() -> Self {
        Self { judged: None }
    }

    /// A feed into `reports`.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(reports: Reports) -> Result<(Self, JudgedThread), StorageError> {
        let (judged, arriving) = bounded(ON_THE_WAY);
        let (until, ends) = bounded(0);
        let thread = std::thread::Builder::new().name("reports".to_owned());
        let thread = thread.spawn(move || write(&reports, &arriving, &ends));
        let failed = |error| StorageError::io("start the thread of", Path::new("reports"), error);
        let thread = thread.map_err(failed)?;
        Ok((Self { judged: Some(judged) }, JudgedThread { thread, until }))
    }

    /// Whether anybody is listening: if not, nothing need be made to be told.
    pub fn is_on(&self) -> bool {
        self.judged.is_some()
    }

    /// Tells how a message was judged by the policy of a domain that asks for reports; never waits.
    pub fn tell(&self, judged: JudgedMail) {
        let Some(way) = &self.judged else { return };
        if way.try_send(Box::new(judged)).is_err() {
            metrics::judged_lost(1);
        }
    }
}

impl JudgedThread {
    /// Writes what there is and ends the thread.
    pub fn close(self) {
        drop(self.until);
        if self.thread.join().is_err() {
            tracing::error!("the thread that counts for DMARC reports panicked");
        }
    }
}

fn write(reports: &Reports, arriving: &Receiver<Box<JudgedMail>>, ends: &Receiver<()>) {
    loop {
        let first = crossbeam_channel::select! {
            recv(arriving) -> first => first.ok(),
            recv(ends) -> _ => arriving.try_recv().ok(),
        };
        let Some(first) = first else { return };
        let judged = gather(*first, arriving, ends);
        let count = judged.len() as u64;
        match reports.count(&judged) {
            Ok(0) => {}
            Ok(lost) => metrics::judged_lost(lost),
            Err(error) => {
                metrics::judged_lost(count);
                tracing::error!(%error, count, "messages were not counted for DMARC reports");
            }
        }
    }
}

/// What comes within a second, or until there is enough, or all there is when it is to end.
fn gather(first: JudgedMail, arriving: &Receiver<Box<JudgedMail>>, ends: &Receiver<()>) -> Vec<JudgedMail> {
    let (mut judged, until) = (vec![first], Instant::now() + GATHER);
    while judged.len() < TOGETHER {
        let is_ending = matches!(ends.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected));
        let next = if is_ending {
            arriving.try_recv().map_err(|_| RecvTimeoutError::Timeout)
        } else {
            arriving.recv_timeout(until.saturating_duration_since(Instant::now()).min(GATHER / 10))
        };
        match next {
            Ok(next) => judged.push(*next),
            Err(RecvTimeoutError::Timeout) if !is_ending && Instant::now() < until => {}
            Err(_) => break,
        }
    }
    judged
}
