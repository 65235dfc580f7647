//! The harness of the end-to-end scenarios in `tests/tests/`: it runs the `mailwright` binary, feeds it
//! over HTTP and SMTP, gives it receivers to deliver to (its own sandbox, Postfix, Exim, OpenSMTPD, smtp-sink)
//! and reads what became of every message.
//!
//! Each scenario is one file named for what it proves. Every wait has a deadline, everything listens on
//! loopback with a port of its own, and every process that a test starts is ended by its id when the
//! value that owns it is dropped.
//!
//! Environment:
//! - `MAILWRIGHT_BIN`: the binary to test (otherwise the one beside the test's own build).
//! - `MAILWRIGHT_SKIP`: comma-separated needs that this machine cannot meet (`python`, `postfix`,
//!   `root`, `nsd`, `exim`, `opensmtpd`, `swaks`, `unbound`, `knot`, `pebble`, `promtool`, `rspamd`, `workerd`, `chromium`, `ipv6`, `openssl`, `cc`, `netns`); tests with such a need print `skipped: …` and pass. Without it a missing tool is a failure.
//! - `MAILWRIGHT_LONG=1`: the long form of the scenarios that have one.
//! - `MAILWRIGHT_SEED`: the seed of the randomised scenarios, which print the one they use.

pub mod bad_name_server;
pub mod browser;
pub mod calendar;
pub mod certificate;
pub mod control;
pub mod crowd;
pub mod dashboards;
mod dns_query;
pub mod durability;
pub mod error;
pub mod event_stream;
pub mod exim;
pub mod feeder;
mod fetched;
pub mod http;
pub mod http_connection;
pub mod https_host;
pub mod javascript;
pub mod knot;
pub mod mailbox;
mod maildir;
pub mod many_domains;
pub mod message;
pub mod metrics;
pub mod moody;
pub mod name_server;
pub mod needs;
pub mod network;
pub mod opensmtpd;
pub mod pebble;
pub mod policy_client;
pub mod postfix;
pub mod pressure;
pub mod process;
pub mod prometheus;
pub mod promtool;
pub mod python;
pub mod recorder;
pub mod rspamd;
pub mod sandbox;
pub mod server;
pub mod smtp;
pub mod smtp_sink;
mod stage;
pub mod stepped_clock;
pub mod swaks;
mod tcp;
pub mod terminal;
pub mod tls_receiver;
pub mod tls_world;
pub mod tmpfs;
pub mod trace_receiver;
pub mod unbound;
pub mod wait;
pub mod webhook_receiver;
pub mod worker;
pub mod worker_world;
pub mod workerd;
pub mod wrangler;
pub mod zone;

pub use error::{Error, Result};
