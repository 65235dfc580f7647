//! The start: reading journal and queue state back and making them agree.

use crate::{
    disk::{Disk, sync_dir},
    error::StorageError,
    journal::{
        record::Record,
        scan::{self, Bodies, DamagedRange, Found},
        segment::{Segment, Segments},
    },
    limits::Limits,
    metrics as names,
    queue::{
        change::Change,
        entry::{EntryKey, QueueEntry, RecipientResult},
        index::{Mode, QueueIndex},
        store::{QueueStore, Reflects},
    },
    state_dir::StateDir,
};
use mailwright_engine::{envelope::Envelope, time::UnixMillis};
use std::{path::Path, sync::Arc};

/// How many replayed changes may gather in memory.
const REPLAY_CHECKPOINT: usize = 32_768;

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Entries in the queue.
    pub entries: u64,
    /// When the message with the highest id was accepted, by the clock that ids are made from.
    pub newest: UnixMillis,
    /// Journal records read back on top of the stored queue state.
    pub replayed: u64,
    /// Why the queue state was rebuilt from the journal, if it was.
    pub rebuilt: Option<String>,
    /// Deliveries that were between final dot and recorded answer when the last process ended: each may
    /// reach its receiver twice.
    pub in_doubt: Vec<EntryKey>,
    /// Stretches of the journal that do not read though records follow them.
    pub damaged: Vec<DamagedRange>,
}

/// Most changes that are remembered as recent; a checkpoint comes long before as many.
const RECENT: usize = 65_536;

/// A change of mail of an account that the stored queue state did not reflect yet: what keeps track of such mail beside
/// the journal may not have heard of it when the last process ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentChange {
    /// The entry before the change.
    pub entry: QueueEntry,
    /// What an attempt did for its recipients; `None`: it was accepted.
    pub results: Option<Vec<RecipientResult>>,
}

/// The parts from which the spool's threads start.
pub(crate) struct Recovered {
    pub(crate) segments: Arc<Segments>,
    pub(crate) index: QueueIndex,
    /// Where the journal goes on.
    pub(crate) position: u64,
    /// Deliveries in doubt, counted.
    pub(crate) in_doubt: Vec<EntryKey>,
    /// In the order of the journal.
    pub(crate) recent: Vec<RecentChange>,
}

/// Whoever keeps track of messages beside the queue is told of every message that is replayed, perhaps again.
pub(crate) type Recall<'a> = &'a mut dyn FnMut(&Envelope);

/// Reads everything back. The journal's torn tail is cut off.
/// Accepted messages count in `limits`.
pub(crate) fn recover(
    state: &StateDir,
    disk: Arc<dyn Disk>,
    recall: Recall<'_>,
    limits: Option<&Limits>,
) -> Result<(Recovered, Recovery), StorageError> {
    let segments = Arc::new(Segments::open(disk, &state.spool_dir())?);
    let mut report = Recovery::default();
    let mut recent = Vec::new();
    let resumed = resume(&segments, &state.queue_dir(), &mut report, &mut recent, recall, limits)?;
    let (index, position) = match resumed {
        Ok(resumed) => resumed,
        Err(reason) => {
            // A state that was never stored says that nobody was sure to be told of anything; any other is old.
            let never_stored = reason.as_deref() == Some(NEVER_STORED);
            recent.clear();
            report = Recovery { rebuilt: reason, ..Recovery::default() };
            if report.rebuilt.is_some() {
                metrics::counter!(names::REBUILDS).increment(1);
            }
            let recent = never_stored.then_some(&mut recent);
            rebuild(&segments, &state.queue_dir(), &mut report, recent, recall, limits)?
        }
    };
    cut_tail(&segments, position)?;
    if let Some(limits) = limits {
        limits.store_replayed(position)?;
    }
    report.entries = index.count();
    report.newest = UnixMillis::new(index.last_id() / 1000);
    report.in_doubt = index.open_intents();
    metrics::counter!(names::IN_DOUBT).increment(report.in_doubt.len() as u64);
    let in_doubt = report.in_doubt.clone();
    Ok((Recovered { segments, index, position, in_doubt, recent }, report))
}

/// Why a state cannot be used that the last process began and never stored.
const NEVER_STORED: &str = "the queue state is empty";

type Resumed = Result<(QueueIndex, u64), Option<String>>;

/// Takes up the stored queue state and replays what the journal has beyond it. The inner error is why the
/// state cannot be used; `None` when there simply is none yet.
fn resume(
    segments: &Arc<Segments>,
    dir: &Path,
    report: &mut Recovery,
    recent: &mut Vec<RecentChange>,
    recall: Recall<'_>,
    limits: Option<&Limits>,
) -> Result<Resumed, StorageError> {
    let journal_is_empty = segments.all().is_empty();
    if !dir.exists() {
        return Ok(Err((!journal_is_empty).then(|| "there is no queue state".to_owned())));
    }
    let (store, reflects) = match open(dir) {
        Ok(Some(stored)) => stored,
        Ok(None) if journal_is_empty => return Ok(Err(None)),
        Ok(None) => return Ok(Err(Some(NEVER_STORED.to_owned()))),
        Err(error) => return Ok(Err(Some(error.to_string()))),
    };
    let from = reflects.position;
    let holds = segments.containing(from).map(|segment| segment.base);
    let Some(first) = holds else {
        return Ok(Err(Some(format!("the queue state reflects position {from}, before the journal begins"))));
    };
    if !same_journal(segments, &reflects)? {
        return Ok(Err(Some(format!("at position {from} the journal is not what the queue state reflects"))));
    }
    let index = match trusted(&store, &reflects, segments) {
        Ok(index) => index,
        Err(error) => return Ok(Err(Some(error.to_string()))),
    };
    let mut replay = Replay { index, report, end: from, recent: Some(recent), recall, limits };
    for segment in segments.all().into_iter().filter(|segment| segment.base >= first) {
        let start = segment.base.max(from);
        match replay.segment(&segment, start, Bodies::Verified) {
            Err(StorageError::Database { reason, .. } | StorageError::Format { reason, .. }) => {
                return Ok(Err(Some(reason.to_string())));
            }
            done => done?,
        }
    }
    let Replay { index, end, .. } = replay;
    Ok(Ok((index, end)))
}

/// Whether the journal is the one that the state reflects, as far as its position. Where the octets before it are gone
/// with their segment, the next one must have begun right there.
fn same_journal(segments: &Segments, reflects: &Reflects) -> Result<bool, StorageError> {
    let now = segments.mark(reflects.position)?;
    let begins = || segments.all().iter().any(|segment| segment.base == reflects.position);
    Ok(now == reflects.mark || (now.is_none() && begins()))
}

/// Opens the stored state and asks what it reflects; nothing if it is empty.
fn open(dir: &Path) -> Result<Option<(QueueStore, Reflects)>, StorageError> {
    let store = QueueStore::open(dir)?;
    let reflects = store.reflects()?;
    Ok(reflects.map(|reflects| (store, reflects)))
}

/// The index over a stored state. One that a process closed in good order is taken as it is; of any other each key is
/// read and compared, since sled may have lost some or brought some back.
fn trusted(
    store: &QueueStore,
    reflects: &Reflects,
    segments: &Arc<Segments>,
) -> Result<QueueIndex, StorageError> {
    let closed = store.take_closed()?.filter(|closed| closed.position == reflects.position);
    let mut index = QueueIndex::new(store.clone(), reflects.clone(), Arc::clone(segments), Mode::Replay);
    match closed {
        Some(closed) => index.set_live(closed.live),
        None => store.verify(reflects, &mut |location| index.count_live(location))?,
    }
    Ok(index)
}

/// Throws the queue state away and replays the whole journal.
fn rebuild(
    segments: &Arc<Segments>,
    dir: &Path,
    report: &mut Recovery,
    recent: Option<&mut Vec<RecentChange>>,
    recall: Recall<'_>,
    limits: Option<&Limits>,
) -> Result<(QueueIndex, u64), StorageError> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(|e| StorageError::io("remove", dir, e))?;
        // A power cut must not bring back what was found to be wrong.
        let parent = dir.parent().unwrap_or(dir);
        sync_dir(parent).map_err(|e| StorageError::io("sync", parent, e))?;
    }
    let store = QueueStore::open(dir)?;
    let index = QueueIndex::new(store, Reflects::default(), Arc::clone(segments), Mode::Rebuild);
    let mut replay = Replay { index, report, end: 0, recent, recall, limits };
    let all = segments.all();
    for (at, segment) in all.iter().enumerate() {
        // Only the last segment can hold a torn write; the others were synced when they were closed.
        let bodies = if at + 1 == all.len() { Bodies::Verified } else { Bodies::Trusted };
        replay.segment(segment, segment.base, bodies)?;
    }
    let Replay { index, end, .. } = replay;
    Ok((index, end))
}

/// A replay under way.
struct Replay<'a> {
    index: QueueIndex,
    report: &'a mut Recovery,
    end: u64,
    /// Where recent changes are noted, if they are.
    recent: Option<&'a mut Vec<RecentChange>>,
    recall: Recall<'a>,
    /// Where accepted messages count, if they do.
    limits: Option<&'a Limits>,
}

impl Replay<'_> {
    fn segment(&mut self, segment: &Segment, from: u64, bodies: Bodies) -> Result<(), StorageError> {
        let (index, recent, recall) = (&mut self.index, &mut self.recent, &mut self.recall);
        let limits = self.limits;
        let mut replayed = 0;
        let scanned = scan::scan_segment(segment, from, bodies, &mut |Found { location, record }| {
            replayed += 1;
            if let Record::Accepted { envelope, .. } | Record::Relocated { envelope, .. } = &record {
                recall(envelope);
            }
            if let (Some(limits), Record::Accepted { envelope, replaces, .. }) = (limits, &record)
                && replaces.is_empty()
            {
                limits.replayed(location.lsn, envelope);
            }
            let change = Change::from_record(record, location);
            if let Some(recent) = recent.as_deref_mut().filter(|recent| recent.len() < RECENT) {
                note(recent, index, &change)?;
            }
            index.apply(change)?;
            if index.unstored() >= REPLAY_CHECKPOINT {
                let position = location.lsn + u64::from(location.len);
                // A kill from now on finds a state that reflects these messages.
                limits.map_or(Ok(()), |limits| limits.store_replayed(position))?;
                index.checkpoint(position)?;
            }
            Ok(())
        })?;
        self.report.replayed += replayed;
        self.report.damaged.extend(&scanned.damaged);
        self.end = scanned.end.max(segment.base);
        Ok(())
    }
}

/// Notes a change that is about to be applied, if it is of an account's mail and not an operator's order.
fn note(recent: &mut Vec<RecentChange>, index: &QueueIndex, change: &Change) -> Result<(), StorageError> {
    let is_of_account = |entry: &QueueEntry| entry.place.class.tenant.is_some();
    match change {
        Change::Accepted { entries, .. } => {
            let entries = entries.iter().filter(|entry| is_of_account(entry)).cloned();
            recent.extend(entries.map(|entry| RecentChange { entry, results: None }));
        }
        Change::Outcome(outcome) if !outcome.results.is_empty() => {
            // What the stored state reflects already has happened to the entry it holds.
            if let Some(entry) = index.get(outcome.before.key)?.filter(is_of_account) {
                recent.push(RecentChange { entry, results: Some(outcome.results.clone()) });
            }
        }
        _ => {}
    }
    Ok(())
}

/// Cuts the last segment after the last whole record, or removes it when it has none: the journal goes on in
/// a fresh one.
fn cut_tail(segments: &Segments, position: u64) -> Result<(), StorageError> {
    match segments.all().last() {
        Some(last) if last.base == position => segments.remove(last.base),
        Some(last) if last.base + last.file_len()? > position => last.truncate(position - last.base),
        _ => Ok(()),
    }
}
