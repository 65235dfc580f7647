//! Names of the metrics this crate records.

/// Journal batches synced (counter).
pub const COMMIT_BATCHES: &str = "mailwright_journal_batches_total";
/// Records in a synced batch (histogram).
pub const COMMIT_BATCH_RECORDS: &str = "mailwright_journal_batch_records";
/// Seconds one write and sync of a batch took (histogram).
pub const COMMIT_SECONDS: &str = "mailwright_journal_commit_seconds";
/// Octets appended to the journal (counter).
pub const JOURNAL_BYTES: &str = "mailwright_journal_written_bytes_total";
/// Octets the journal's segments take on disk (gauge).
pub const JOURNAL_SIZE: &str = "mailwright_journal_size_bytes";
/// Octets of those that still belong to queued messages (gauge).
pub const JOURNAL_LIVE: &str = "mailwright_journal_live_bytes";
/// Messages copied forward so that an old segment could go (counter).
pub const RELOCATED: &str = "mailwright_journal_relocated_total";
/// Entries in the queue: one for each message and destination domain (gauge).
pub const QUEUE_ENTRIES: &str = "mailwright_queue_entries";
/// Seconds one checkpoint of the queue state took (histogram).
pub const CHECKPOINT_SECONDS: &str = "mailwright_queue_checkpoint_seconds";
/// Rebuilds of the queue state from the journal (counter).
pub const REBUILDS: &str = "mailwright_queue_rebuilds_total";
/// Deliveries that ended between final dot and its answer, by a lost connection or the end of a process: they
/// may be delivered twice (counter).
pub const IN_DOUBT: &str = "mailwright_deliveries_in_doubt_total";
/// Events written to the event log (counter).
pub const EVENTS_WRITTEN: &str = "mailwright_events_total";
/// Octets written to the event log (counter).
pub const EVENTS_BYTES: &str = "mailwright_events_written_bytes_total";
/// Events lost because the event log could not keep up or its disk refused (counter).
pub const EVENTS_DROPPED: &str = "mailwright_events_dropped_total";
