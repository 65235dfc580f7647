//! Changes of a database that share a sync: whoever gets to write takes along everything that waits.
//!
//! There is no thread for it. A caller leaves its change in a list; one who finds that nobody leads does, makes all changes
//! of the list in one transaction, tells the others what came of theirs, and hands the lead to the first of those that came
//! meanwhile. A caller alone waits for nobody; of sixteen callers each shares its sync with those that came while the one
//! before was under way.

use super::database;
use crate::error::StorageError;
use crossbeam_channel::{Sender, bounded};
use rusqlite::{Connection, TransactionBehavior};
use std::{
    collections::VecDeque,
    fmt, mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Changes of one transaction: what those that come after it wait for.
const TOGETHER: usize = 256;

/// The writing side of a database.
pub(super) struct Commits {
    /// What the database is called in errors.
    name: &'static str,
    waiting: Mutex<Line>,
    writer: Mutex<Connection>,
}

/// Who waits. While nobody leads, nobody does.
#[derive(Default)]
struct Line {
    changes: VecDeque<Box<dyn Change>>,
    is_led: bool,
}

/// What somebody who waits is told.
enum Word<T> {
    /// It is his turn to lead.
    Lead,
    /// What came of his change.
    Answer(T),
}

/// The lead, which goes to the next who waits when it is dropped, by a panic too.
struct Lead<'a>(&'a Commits);

/// A change with somebody who waits for it.
trait Change: Send {
    /// Makes it; says whether anything of it is to stay.
    fn make(&mut self, db: &Connection) -> bool;

    /// Gives the lead to who waits, if he is there.
    fn lead(&self) -> bool;

    /// Tells who waits, once it is known whether what stays is on disk.
    fn tell(self: Box<Self>, committed: Result<(), StorageError>);
}

struct Waiting<T, E, F> {
    change: Option<F>,
    made: Option<Result<T, E>>,
    answer: Sender<Word<Result<T, E>>>,
}

impl<T, E, F> Change for Waiting<T, E, F>
where
    T: Send,
    E: Send + From<StorageError>,
    F: FnOnce(&Connection) -> Result<T, E> + Send,
{
    fn make(&mut self, db: &Connection) -> bool {
        self.made = self.change.take().map(|change| change(db));
        matches!(self.made, Some(Ok(_)))
    }

    fn lead(&self) -> bool {
        self.answer.send(Word::Lead).is_ok()
    }

    fn tell(self: Box<Self>, committed: Result<(), StorageError>) {
        let answer = match (committed, self.made) {
            (Err(error), _) => Err(error.into()),
            (Ok(()), Some(made)) => made,
            (Ok(()), None) => Err(StorageError::Closed.into()),
        };
        // Who waited has panicked if nobody is there.
        let _gone = self.answer.send(Word::Answer(answer));
    }
}

impl Commits {
    /// Changes by way of `writer`.
    pub(super) fn new(name: &'static str, writer: Connection) -> Self {
        Self { name, waiting: Mutex::default(), writer: Mutex::new(writer) }
    }

    /// Makes a change, safe from a power cut on return; one that fails has changed nothing. It may be made on the thread
    /// of another caller, so it holds what it needs. Blocks for a sync.
    pub(super) fn change<T, E, F>(&self, change: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + From<StorageError> + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = bounded(1);
        let mut leads = self.join(Box::new(Waiting { change: Some(change), made: None, answer }));
        loop {
            if leads {
                let _lead = Lead(self);
                self.commit();
            }
            match answered.recv() {
                Ok(Word::Answer(answer)) => return answer,
                Ok(Word::Lead) => leads = true,
                // A change has panicked on the thread that had this one too.
                Err(_) => return Err(StorageError::Closed.into()),
            }
        }
    }

    /// Lets a change wait; says whether its owner leads.
    fn join(&self, change: Box<dyn Change>) -> bool {
        let mut line = lock(&self.waiting);
        line.changes.push_back(change);
        !mem::replace(&mut line.is_led, true)
    }

    /// Makes what waits, as far as it is to be made together: the change of who leads is the first.
    fn commit(&self) {
        let mut writer = lock(&self.writer);
        let mut changes: Vec<_> = {
            let waiting = &mut lock(&self.waiting).changes;
            let together = waiting.len().min(TOGETHER);
            waiting.drain(..together).collect()
        };
        let committed = make(&mut writer, &mut changes).map_err(|error| database::failed(self.name, &error));
        for change in changes {
            change.tell(committed.clone());
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut line = lock(&self.0.waiting);
        while let Some(next) = line.changes.front() {
            if next.lead() {
                return;
            }
            line.changes.pop_front();
        }
        line.is_led = false;
    }
}

fn make(writer: &mut Connection, changes: &mut [Box<dyn Change>]) -> rusqlite::Result<()> {
    let mut transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for change in changes {
        // Dropped, it takes back what a change did before it failed.
        let savepoint = transaction.savepoint()?;
        if change.make(&savepoint) {
            savepoint.commit()?;
        }
    }
    transaction.commit()
}

impl fmt::Debug for Commits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commits").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A panic leaves a connection as it was: an open transaction is rolled back when it is dropped.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::Arc,
        thread,
    };

    type Changed<T> = Result<T, StorageError>;

    fn commits(dir: &tempfile::TempDir) -> Arc<Commits> {
        let db = Connection::open(dir.path().join("t.sqlite")).unwrap();
        db.pragma_update(None, "journal_mode", "wal").unwrap();
        db.execute_batch("CREATE TABLE t (v INTEGER)").unwrap();
        Arc::new(Commits::new("test", db))
    }

    fn add(commits: &Commits, value: i64) -> Changed<usize> {
        commits.change(move |db| db.execute("INSERT INTO t VALUES (?)", [value]).map_err(failed))
    }

    fn failed(error: rusqlite::Error) -> StorageError {
        StorageError::database("test", error)
    }

    fn values(dir: &tempfile::TempDir) -> Vec<i64> {
        let db = Connection::open(dir.path().join("t.sqlite")).unwrap();
        let mut select = db.prepare("SELECT v FROM t ORDER BY v").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Lets `changes` wait for the connection all at once, then gives it to them.
    fn together<T: Send>(commits: &Arc<Commits>, changes: Vec<impl FnOnce() -> T + Send>) -> Vec<T> {
        thread::scope(|scope| {
            let writer = lock(&commits.writer);
            let count = changes.len();
            let threads: Vec<_> = changes.into_iter().map(|change| scope.spawn(change)).collect();
            while lock(&commits.waiting).changes.len() < count {
                thread::yield_now();
            }
            drop(writer);
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn changes_that_wait_are_made_in_one_transaction() {
        let dir = tempfile::tempdir().unwrap();
        let commits = commits(&dir);
        let change = |value: i64| {
            let (commits, file) = (Arc::clone(&commits), dir.path().join("t.sqlite"));
            move || {
                commits.change::<_, StorageError, _>(move |db| {
                    db.execute("INSERT INTO t VALUES (?)", [value]).map_err(failed)?;
                    // What another connection sees is committed.
                    let other = Connection::open(&file).map_err(failed)?;
                    other.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).map_err(failed)
                })
            }
        };
        let seen = together(&commits, (0..8).map(change).collect());
        assert!(seen.into_iter().all(|seen| seen.unwrap() == 0));
        assert_eq!(values(&dir), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn a_change_that_fails_has_changed_nothing_and_keeps_nobody_from_his() {
        let dir = tempfile::tempdir().unwrap();
        let commits = commits(&dir);
        let change = |value: i64| {
            let commits = Arc::clone(&commits);
            move || {
                commits.change(move |db| {
                    db.execute("INSERT INTO t VALUES (?)", [value]).map_err(failed)?;
                    if value % 2 == 0 { Ok(value) } else { Err(StorageError::format("value", value)) }
                })
            }
        };
        let made = together(&commits, (0..9).map(change).collect());
        assert_eq!(made.into_iter().filter_map(Result::ok).collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
        assert_eq!(values(&dir), [0, 2, 4, 6, 8]);
    }

    #[test]
    fn after_a_panic_in_a_change_nobody_is_told_that_his_was_made_and_others_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let commits = commits(&dir);
        let change = |value: i64| {
            let commits = Arc::clone(&commits);
            move || {
                let made = catch_unwind(AssertUnwindSafe(|| {
                    commits.change(move |db| {
                        assert!(value != 3, "as wanted");
                        db.execute("INSERT INTO t VALUES (?)", [value]).map_err(failed)
                    })
                }));
                made.is_ok_and(|made| made.is_ok())
            }
        };
        let made = together(&commits, (0..6).map(change).collect());
        assert_eq!(values(&dir).len(), made.iter().filter(|made| **made).count());
        assert!(!made[3]);
        add(&commits, 10).unwrap();
        assert!(values(&dir).contains(&10));
    }
}
