//! The world misbehaves for a while: the DNS is gone, the clock is set, links go down, receivers turn everybody away,
//! certificates expire, file descriptors run out. Mail that only an outage touched is delivered once soon after it, and
//! the books balance.
//!
//! `MAILWRIGHT_LONG=1` adds outages that take minutes to show: a clock that is set while a dead site rests.

mod busy;
mod certificates;
mod clock;
mod clock_clients;
mod clock_holds;
mod descriptors;
mod links;
mod names;
mod world;
