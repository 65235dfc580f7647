//! The delivery actors over a real spool, a name server of the test's own and a scripted receiver.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must fail")]

mod backlog;
mod connections;
mod drain;
mod lost;
mod names;
mod out_of_order;
mod peer;
mod restart;
mod retry_scheduler;
mod world;
