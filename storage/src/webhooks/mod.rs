//! The outbox of webhooks: events that endpoints are to be told, kept until they have them, and for a while after.
//!
//! A database of its own (SQLite), written by a thread of its own, which gathers what waits into one transaction and
//! one sync. [`WebhookFeed`] is what those who know events hold: it asks the control data whether any endpoint wants
//! one and never waits. [`Outbox`] is what the sender of calls asks.
//!
//! Each endpoint has its events in the order in which they were fed, and one place in them: what is before it is
//! told. Events are sent in batches, and a batch is put down before it is sent: sent again, even by the next process,
//! it is the same. Told or not, an event is kept for [`OutboxSettings::keep`], and the newest
//! [`OutboxSettings::max_events`] of each endpoint are; what leaves untold is counted. What is kept can be told again.

mod feed;
mod outbox;
mod store;

pub use feed::WebhookFeed;
pub use outbox::{Outbox, OutboxThread};
pub use store::{Attempt, Batch, Claim, EndpointStatus, OutboxSettings, fresh_batch_id};
