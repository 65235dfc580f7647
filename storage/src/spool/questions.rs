//! What is asked of the queue.
//!
//! Questions go through the journal, so that an answer reflects everything handed in before it was asked.

use super::Spool;
use crate::{
    error::StorageError,
    journal::committer::Request,
    queue::{
        entry::{DueClasses, DueEntries, EntryKey, EntryPlace, QueueEntry},
        view::QueueView,
        worker::{Command, Reply},
    },
};
use mailwright_engine::{address::Domain, class::QueueClass, id::QueueId, time::UnixMillis};
use tokio::sync::oneshot;

impl Spool {
    /// The entries of `class` in `domain` due at `now`, earliest first, at most `limit`.
    ///
    /// # Errors
    /// When the queue state failed.
    pub async fn due_in_domain(
        &self,
        domain: Domain,
        class: QueueClass,
        now: UnixMillis,
        limit: usize,
    ) -> Result<DueEntries, StorageError> {
        self.ask(|reply| Command::DueInDomain { domain, class, now, limit, reply }).await
    }

    /// The classes of `domain` after `after` (all of them if `None`) with entries due at `now`, in their order,
    /// at most `limit`. Costs some microseconds
    /// for each, however many entries wait.
    ///
    /// # Errors
    /// When the queue state failed.
    pub async fn classes_due(
        &self,
        domain: Domain,
        after: Option<QueueClass>,
        now: UnixMillis,
        limit: usize,
    ) -> Result<DueClasses, StorageError> {
        self.ask(|reply| Command::ClassesDue { domain, after, now, limit, reply }).await
    }

    /// The places due from `from` (inclusive) to `to` (exclusive), earliest first, at most `limit`.
    ///
    /// # Errors
    /// When the queue state failed.
    pub async fn due_between(
        &self,
        from: UnixMillis,
        to: UnixMillis,
        limit: usize,
    ) -> Result<Vec<EntryPlace>, StorageError> {
        self.ask(|reply| Command::DueBetween { from, to, limit, reply }).await
    }

    /// Every domain with entries, and when its first is due. Read on a thread of the runtime's blocking pool.
    ///
    /// # Errors
    /// When the queue state failed.
    pub async fn domains(&self) -> Result<Vec<(Domain, UnixMillis)>, StorageError> {
        let view = self.view().await?;
        let read = tokio::task::spawn_blocking(move || view.domains());
        read.await.map_err(|_| StorageError::Closed)?
    }

    /// Up to `limit` entries of `domain` whose messages have a lifetime of their own that is over at `now`. Read on a
    /// thread of the runtime's blocking pool; see [`QueueView::outlived`].
    ///
    /// # Errors
    /// When the queue state failed.
    pub async fn outlived(
        &self,
        domain: Domain,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<QueueEntry>, StorageError> {
        let view = self.view().await?;
        let read = tokio::task::spawn_blocking(move || view.outlived(&domain, now, limit));
        read.await.map_err(|_| StorageError::Closed)?
    }

    /// What operators look through: sums and lists that do not hold up delivery.
    ///
    /// # Errors
    /// When the queue state failed.
    pub async fn view(&self) -> Result<QueueView, StorageError> {
        self.ask(|reply| Command::View { reply }).await
    }

    /// The entries of a message as they are now, by their groups.
    ///
    /// # Errors
    /// When the queue state failed.
    pub async fn entries_of(&self, id: QueueId) -> Result<Vec<QueueEntry>, StorageError> {
        self.ask(|reply| Command::EntriesOf { id, reply }).await
    }

    /// The entry with this name as it is now.
    ///
    /// # Errors
    /// When the queue state failed.
    pub async fn get(&self, key: EntryKey) -> Result<Option<QueueEntry>, StorageError> {
        self.ask(|reply| Command::Get { key, reply }).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, StorageError> {
        let (reply, answer) = oneshot::channel();
        self.journal.send(Request::Ask(command(reply))).map_err(|_| StorageError::Closed)?;
        answer.await.map_err(|_| StorageError::Closed)?
    }
}
