//! The delivery engine's actors, and the network I/O around the pure sessions of `mailwright-engine`.
//!
//! ```text
//! Intake ─► Spool ─► Supervisor ─► Domain ─► Site ◄─► Connection ─► Ledger ─► Spool
//!                        ▲                                             │
//!                        └────────────── RetryScheduler ◄──────────────┘
//! ```
//! All delivery actors live on one arbiter, so that a message never crosses threads between its commit and
//! its outcome. Each actor's module says what it owns, what it never does and how its mailbox is bounded.

pub mod budget;
pub mod certificates;
pub mod clock;
pub mod connection;
pub mod control;
pub mod delivery;
pub mod dns;
pub mod dns_check;
pub mod dns_update;
pub mod domain;
pub mod engine;
pub mod https;
pub mod intake;
pub mod ledger;
pub mod metrics;
pub mod outcome;
pub mod outgoing;
pub mod places;
pub mod probe;
pub mod reroutes;
pub mod retry_scheduler;
pub mod sending;
pub mod settings;
pub mod shaping;
pub mod signing;
pub mod site;
pub mod smtp;
pub mod sources;
pub mod supervisor;
pub mod suppressed;
pub mod suspensions;
pub mod tls;
pub mod trace;
pub mod watch;
pub mod webhooks;
