use super::*;
use crate::disk::RealDisk;
use crate::journal::{
    record::Record,
    scan::{self, Bodies},
};
use crate::queue::entry::EntryKey;

/// Positions after each batch.
#[derive(Default)]
struct Committed(Vec<u64>);

impl CommitListener for Committed {
    fn committed(&mut self, _: Vec<Change>, position: u64) {
        self.0.push(position);
    }
    fn asked(&mut self, _: Command) {}
    fn failed(&mut self) {}
    fn closed(&mut self) {}
}

const LIMITS: CommitLimits = CommitLimits { segment_size: 320 << 10, min_free: 0 };

fn committer(dir: &std::path::Path) -> Committer<Committed> {
    let segments = Arc::new(Segments::open(Arc::new(RealDisk), dir).unwrap());
    Committer::new(segments, LIMITS, 0, Committed::default()).unwrap()
}

/// A record of about ten octets for each of its keys.
fn append(keys: usize, waiter: Waiter) -> Append {
    let keys = vec![EntryKey::FIRST; keys];
    Append::bare(Record::DoubtSettled(keys.clone()).encode().unwrap(), Change::DoubtSettled(keys), waiter)
}

fn records(committer: &Committer<Committed>) -> usize {
    let mut records = 0;
    for segment in committer.segments.all() {
        let mut count = |_| {
            records += 1;
            Ok(())
        };
        scan::scan_segment(&segment, segment.base, Bodies::Verified, &mut count).unwrap();
    }
    records
}

#[test]
fn nothing_overtakes_an_outcome_that_found_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut committer = committer(dir.path());
    committer.current_size = RESERVE;
    let (waiter, mut answer) = oneshot::channel();
    let large = usize::try_from(RESERVE).unwrap();
    let batch = vec![
        append(1, Waiter::Nobody),
        append(large, Waiter::Nobody),
        append(2, Waiter::Nobody),
        append(3, Waiter::Correction),
        append(4, Waiter::Intent(waiter)),
    ];
    let full = StorageError::DiskFull { dir: dir.path().to_path_buf(), min_free: 0 };
    let lengths = |batch: &[Append]| batch.iter().map(|a| a.meta.len()).collect::<Vec<_>>();
    let expected = lengths(&batch);
    let kept = committer.squeeze(batch, &full);
    assert_eq!(lengths(&kept), expected[..1]);
    assert_eq!(lengths(&committer.held), expected[1..4]);
    assert!(matches!(answer.try_recv(), Ok(Err(StorageError::DiskFull { .. }))));
}

#[test]
fn more_records_than_the_system_takes_at_once_are_all_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut committer = committer(dir.path());
    committer.held = std::iter::repeat_with(|| append(1, Waiter::Nobody)).take(3_000).collect();
    let (sender, requests) = crossbeam_channel::unbounded();
    sender.send(Request::Close).unwrap();
    let batch = committer.next_batch(&requests);
    committer.commit(batch);
    assert_eq!(records(&committer), 3_000);
    assert_eq!(committer.listener.0, [committer.position]);
}

#[test]
fn a_first_record_larger_than_its_segment_makes_the_segment_larger() {
    let dir = tempfile::tempdir().unwrap();
    let mut committer = committer(dir.path());
    let inode = |segment: &Segment| std::os::unix::fs::MetadataExt::ino(&segment.path.metadata().unwrap());
    let before = inode(&committer.current);
    committer.commit(vec![append(100_000, Waiter::Relocation), append(1, Waiter::Nobody)]);
    assert_eq!(inode(&committer.current), before);
    assert!(committer.current.file_len().unwrap() >= committer.position + RESERVE);
    assert_eq!(records(&committer), 2);
}

#[test]
fn below_the_minimum_there_is_room_for_outcomes_and_none_for_mail() {
    let dir = tempfile::tempdir().unwrap();
    let mut committer = committer(dir.path());
    committer.limits.min_free = u64::MAX;
    let mut answers = Vec::new();
    for _ in 0..400 {
        let (waiter, answer) = oneshot::channel();
        answers.push(answer);
        let accept = Append { body_crc: 0, ..append(9_000, Waiter::Acceptance(waiter)) };
        committer.commit(vec![accept, append(1_000, Waiter::Nobody)]);
    }
    let accepted = answers.into_iter().filter_map(|mut a| a.try_recv().ok()).filter(Result::is_ok).count();
    // What the first segment holds beside its reserve is given out before the disk counts as full.
    assert!(accepted < 4, "{accepted} messages accepted");
    assert!(committer.held.is_empty());
    assert_eq!(records(&committer), 400 + accepted);
}

#[test]
fn a_failed_journal_refuses_everything_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut committer = committer(dir.path());
    // A descriptor that cannot be written stands for a disk that broke.
    let path = committer.current.path.clone();
    let file = std::fs::File::open(&path).unwrap();
    committer.current = Arc::new(Segment { base: 0, path, file: Box::new(file) });
    for _ in 0..2 {
        let (waiter, mut answer) = oneshot::channel();
        committer.commit(vec![append(1, Waiter::Acceptance(waiter))]);
        assert!(matches!(answer.try_recv(), Ok(Err(error)) if !error.is_disk_full()));
    }
    assert!(matches!(committer.failed, Some(StorageError::JournalFailed { .. })));
    assert_eq!((committer.listener.0.len(), records(&committer)), (0, 0));
}
