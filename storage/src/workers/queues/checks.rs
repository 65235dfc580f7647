//! What can be a queue, and what a consumer.

use super::{ConsumerDraft, MAX_BATCH, MAX_DELAY, MAX_RETENTION, QueueDraft, QueueError};

/// Most octets of a name.
const MAX_NAME: usize = 63;

/// Whether a queue can be called so.
pub(super) fn name(name: &str) -> Result<(), QueueError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let ends = [name.bytes().next(), name.bytes().next_back()];
    let are_plain = ends.iter().flatten().all(u8::is_ascii_alphanumeric);
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits) && are_plain {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    Err(QueueError::Invalid(format!(
        "{shown:?} is no name for a queue: 1 to {MAX_NAME} letters, digits, - and _, beginning and ending with a letter or digit"
    )))
}

/// Whether a queue can treat messages so.
pub(super) fn queue(draft: &QueueDraft) -> Result<(), QueueError> {
    within("the delivery delay", draft.delivery_delay, 0..=MAX_DELAY, "seconds")?;
    within("the retention", draft.retention, 60..=MAX_RETENTION, "seconds")
}

/// Whether a consumer can want messages so.
pub(super) fn consumer(draft: &ConsumerDraft) -> Result<(), QueueError> {
    within("the batch size", draft.batch_size, 1..=MAX_BATCH as u32, "messages")?;
    within("the batch timeout", draft.batch_timeout_ms, 0..=60_000, "milliseconds")?;
    within("the number of retries", draft.max_retries, 0..=100, "retries")?;
    within("the retry delay", draft.retry_delay, 0..=MAX_DELAY, "seconds")?;
    draft.max_concurrency.map_or(Ok(()), |most| within("the concurrency", most, 1..=250, "batches"))
}

fn within(
    what: &str,
    value: u32,
    bounds: std::ops::RangeInclusive<u32>,
    unit: &str,
) -> Result<(), QueueError> {
    if bounds.contains(&value) {
        return Ok(());
    }
    let (least, most) = (bounds.start(), bounds.end());
    Err(QueueError::Invalid(format!("{what} is {least} to {most} {unit}, not {value}")))
}
