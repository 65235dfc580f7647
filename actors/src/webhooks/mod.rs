//! Webhooks: calling endpoints of accounts with what became of their mail.
//!
//! ```text
//! Ledger, Intake ─► WebhookFeed ─► Outbox (disk) ─► Sender ─► endpoint
//! ```
//! Events get to the [outbox](mailwright_storage::webhooks) by a feed that never waits; the sender claims
//! them from there, one batch and one connection an endpoint at a time, so that events come in order. What is not
//! answered with success is sent again: the same batch, with the same id, whatever became of the process in between.

mod call;
mod desk;
mod recent;
mod sender;

pub use desk::{UrlRefusal, WebhookDesk};
pub(crate) use recent::tell_again;
pub(crate) use sender::start;

use crate::tls::AllowedHosts;
use mailwright_engine::webhook::CallSchedule;
use std::time::Duration;

/// How endpoints are called.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WebhookSettings {
    /// Which addresses may be called.
    pub hosts: AllowedHosts,
    /// How long a call may take, from look-up to answer.
    pub timeout: Duration,
    /// When those that fail are called again, and given up.
    pub schedule: CallSchedule,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            hosts: AllowedHosts::Public,
            timeout: Duration::from_secs(15),
            schedule: CallSchedule::default(),
        }
    }
}
