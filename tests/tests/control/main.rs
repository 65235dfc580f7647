//! Operators see what waits and why, hold it, let it go, cancel it and send it elsewhere: by commands and by the
//! REST API.

mod access;
mod orders;
mod places;
mod queue;
mod shaping;
mod suspensions;
mod trace;
mod why;
mod world;
