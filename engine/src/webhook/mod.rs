//! Webhooks: telling an account's own servers what became of its mail, by the rules of
//! [Standard Webhooks](https://www.standardwebhooks.com).
//!
//! A call is a POST of a batch of [events](WebhookEvent) to an [address](EndpointUrl), [signed](signature_header)
//! with every [secret](WebhookSecret) that is good. What did not get an answer of success is called again by a
//! [schedule](CallSchedule) that gives up on endpoints in the end, not on events.

mod answer;
mod event;
mod schedule;
mod secret;
mod url;

pub use answer::{CallVerdict, judge, retry_after};
pub use event::{EventKind, InvalidEventKind, SmtpFacts, WebhookEvent, batch_body, test_body};
pub use schedule::{AfterFailure, CallSchedule, FailedCall, InvalidSchedule};
pub use secret::{InvalidSecret, WebhookSecret, signature_header};
pub use url::{EndpointUrl, InvalidUrl};
