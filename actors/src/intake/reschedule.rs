//! Giving a scheduled message another time.

use super::{Intake, IntakeError, scheduled};
use crate::clock;
use mailwright_engine::{
    envelope::{Envelope, Schedule},
    message::{fields, redate},
    time::UnixMillis,
};
use mailwright_storage::{
    Content, QueueEntry, StoredMessage,
    control::SendingDomain,
    events::{Event, event::Rerouted},
};
use std::sync::Arc;

/// A scheduled message and the time that it is to have.
#[derive(Debug)]
pub struct Rescheduled {
    /// The message as it is in the queue.
    pub message: StoredMessage,
    /// All its entries; at least one, none of them tried yet.
    pub entries: Vec<QueueEntry>,
    /// When it is to go, by the wall clock.
    pub at: UnixMillis,
    /// The domain whose keys sign it.
    pub signed_by: Arc<SendingDomain>,
    /// Who says so.
    pub by: String,
}

impl Intake {
    /// Puts a message with another time in the place of one that is scheduled: dated and signed for that time, and by
    /// one record of the journal, so that there is never both or neither. On return that is safe from a power cut.
    ///
    /// # Errors
    /// See [`IntakeError`]; the message is as it was then.
    pub async fn reschedule(&self, change: Rescheduled) -> Result<(), IntakeError> {
        let id = change.message.envelope.id;
        self.try_reschedule(change).await.inspect_err(|error| error.tell(id))
    }

    async fn try_reschedule(&self, change: Rescheduled) -> Result<(), IntakeError> {
        let Rescheduled { message, entries, at, signed_by, by } = change;
        let StoredMessage { envelope, content, .. } = message;
        let (now, wall) = (clock::now(), clock::wall());
        let old = envelope.schedule.unwrap_or(Schedule { at: wall, on_top: 0, first_group: 0 });
        let groups = u16::try_from(envelope.groups().len()).unwrap_or(u16::MAX);
        let first_group = old.first_group.checked_add(groups).filter(|first| *first <= u16::MAX - groups);
        let first_group = first_group.ok_or(IntakeError::ChangedTooOften)?;
        let (trace, content) = as_it_came(&content, old, at);
        let content = self.finish(trace, "", content, Some(&signed_by), at)?;
        let schedule = Some(scheduled(at, content.head.len(), first_group));
        let envelope = Envelope { schedule, ..waiting(envelope, &entries) };
        let due = now.saturating_add(at.since(wall));
        for entry in &entries {
            let (group, pool) = (entry.key().group, entry.place.class.pool.clone());
            let event = Event::Rerouted(Rerouted { group, pool, due, by: by.clone() });
            self.events.record(now, Some(envelope.id), event);
        }
        let replaces = entries.iter().map(QueueEntry::key).collect();
        Ok(self.spool.accept_instead(envelope, content, due, replaces).await?)
    }
}

/// The trace, and the message beneath it and our signatures, dated `at`.
fn as_it_came(content: &Content, old: Schedule, at: UnixMillis) -> (String, Vec<u8>) {
    let whole = [&content.head[..], &content.body[..]].concat();
    let on_top = usize::try_from(old.on_top).unwrap_or(usize::MAX).min(whole.len());
    let (on_top, message) = whole.split_at(on_top);
    let trace = fields(on_top).filter(|field| !field.is("DKIM-Signature"));
    let trace = trace.map(|field| String::from_utf8_lossy(field.raw()).into_owned()).collect();
    (trace, redate(message, old.at, at))
}

/// The envelope with those recipients only that still wait.
fn waiting(envelope: Envelope, entries: &[QueueEntry]) -> Envelope {
    let waits = |index: u16| entries.iter().any(|entry| entry.pending.contains(&index));
    let kept = |index: &usize| u16::try_from(*index).is_ok_and(waits);
    let Envelope { recipients, recipients_dsn, .. } = &envelope;
    let recipients = recipients.iter().enumerate().filter(|(at, _)| kept(at)).map(|(_, one)| one.clone());
    let dsn = recipients_dsn.iter().enumerate().filter(|(at, _)| kept(at)).map(|(_, one)| one.clone());
    let (recipients, recipients_dsn) = (recipients.collect(), dsn.collect());
    Envelope { recipients, recipients_dsn, ..envelope }
}
