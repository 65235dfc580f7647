//! More of everything than the server can use: mail that comes in faster than it goes out, thousands of clients,
//! clients that waste its time, and the end of the process in the middle of it all.
//!
//! Two minutes; with `MAILWRIGHT_LONG=1 ./check --only overload` mail comes in for ten minutes, domains for one, two
//! thousand HTTP clients send in the same moment, and silent clients are waited for: half an hour. Accounts that
//! share a receiver by weights are in `fairness`, a full disk in `disk_full`, clients that use up all file descriptors
//! also in `many_connections`.

mod flood;
mod limits;
mod many_clients;
mod pressure;
mod slow;
mod start;
mod stop;
mod world;
