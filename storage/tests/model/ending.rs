//! The ways a process may end and what may happen to its files before the next one.

use crate::common::{Server, copy_dir, files_below, journal};
use proptest::{prelude::*, sample::Index};
use std::path::{Path, PathBuf};

/// How a process ends.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    /// In good order.
    Closed,
    /// In good order; then the queue folder is deleted.
    ClosedWithoutQueue,
    /// Killed.
    Killed,
    /// Killed, and the queue folder is deleted.
    KilledWithoutQueue,
    /// Killed, and the queue folder is replaced by an older copy.
    KilledWithOlderQueue,
    /// Killed, and octets in the queue's files change.
    KilledWithGarbledQueue(Vec<(Index, Index, u8)>),
    /// Killed, and the unused room at the journal's end is cut.
    KilledWithCutRoom(Index),
    /// Killed while a record was written: it begins well and then goes wrong.
    KilledInRecord { kept: Index, rest: Vec<u8> },
    /// Killed, and octets of any kind follow the last record.
    KilledWithRubbish(Vec<u8>),
}

pub(crate) fn ending() -> impl Strategy<Value = Ending> {
    let rubbish = || prop::collection::vec(any::<u8>(), 1..300);
    let garble = (any::<Index>(), any::<Index>(), 1u8..);
    prop_oneof![
        2 => Just(Ending::Closed),
        1 => Just(Ending::ClosedWithoutQueue),
        2 => Just(Ending::Killed),
        1 => Just(Ending::KilledWithoutQueue),
        2 => Just(Ending::KilledWithOlderQueue),
        2 => prop::collection::vec(garble, 1..30).prop_map(Ending::KilledWithGarbledQueue),
        1 => any::<Index>().prop_map(Ending::KilledWithCutRoom),
        2 => (any::<Index>(), rubbish()).prop_map(|(kept, rest)| Ending::KilledInRecord { kept, rest }),
        1 => rubbish().prop_map(Ending::KilledWithRubbish),
    ]
}

impl Ending {
    /// Ends `server` and leaves its folder, as it then is, at `next`.
    pub(crate) fn end(&self, server: Server, next: &Path, old_queue: &mut Option<PathBuf>) {
        if let Self::Closed | Self::ClosedWithoutQueue = self {
            let dir = server.dir.clone();
            server.close();
            std::fs::rename(dir, next).unwrap();
        } else {
            server.killed_copy(next);
        }
        let queue = next.join("queue");
        match self {
            Self::ClosedWithoutQueue | Self::KilledWithoutQueue => std::fs::remove_dir_all(&queue).unwrap(),
            Self::KilledWithOlderQueue => put_back(&queue, old_queue.as_deref()),
            Self::KilledWithGarbledQueue(changes) => garble(&queue, changes),
            Self::KilledWithCutRoom(at) => cut_room(next, at),
            Self::KilledInRecord { kept, rest } => half_a_record(next, kept, rest),
            Self::KilledWithRubbish(octets) => {
                let (path, end) = journal::end(next);
                journal::overwrite(&path, end, octets);
            }
            Self::Closed | Self::Killed => keep(&queue, next, old_queue),
        }
    }
}

/// Keeps a copy of the queue folder for a later [`Ending::KilledWithOlderQueue`].
fn keep(queue: &Path, next: &Path, old_queue: &mut Option<PathBuf>) {
    let copy = next.with_extension("queue");
    copy_dir(queue, &copy);
    *old_queue = Some(copy);
}

fn put_back(queue: &Path, old_queue: Option<&Path>) {
    std::fs::remove_dir_all(queue).unwrap();
    if let Some(old) = old_queue {
        copy_dir(old, queue);
    }
}

fn garble(queue: &Path, changes: &[(Index, Index, u8)]) {
    let files: Vec<_> = files_below(queue).into_iter().filter(|f| f.metadata().unwrap().len() > 0).collect();
    for (file, at, mask) in changes {
        let path = file.get(&files);
        let mut octets = std::fs::read(path).unwrap();
        let at = at.index(octets.len());
        octets[at] ^= mask;
        std::fs::write(path, octets).unwrap();
    }
}

fn cut_room(state: &Path, at: &Index) {
    let (path, end) = journal::end(state);
    let room = path.metadata().unwrap().len() - end;
    journal::cut(&path, end + at.index(usize::try_from(room).unwrap() + 1) as u64);
}

/// Writes the first part of a record that would have come next, then octets that do not belong to it.
fn half_a_record(state: &Path, kept: &Index, rest: &[u8]) {
    let (path, end) = journal::end(state);
    let Some(model) = journal::records_of(&path).pop() else { return };
    let octets = std::fs::read(&path).unwrap();
    let from = usize::try_from(model.at).unwrap();
    let mut next = octets[from..from + usize::try_from(model.len()).unwrap()].to_vec();
    let lsn = model.lsn + model.len();
    next[16..24].copy_from_slice(&lsn.to_le_bytes());
    next.truncate(kept.index(next.len()));
    next.extend_from_slice(rest);
    journal::overwrite(&path, end, &next);
}
