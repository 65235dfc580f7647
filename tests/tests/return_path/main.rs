//! Return path: what comes back after delivery changes a message's state and suppresses whom it should; what was made
//! up does nothing.

mod bounces;
mod complaints;
mod postfix;
mod refusals;
mod senders;
mod unsubscribe;
mod world;
