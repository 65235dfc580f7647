//! Email routing: mail comes in, is judged, and goes where the rules of its zone say, or is refused with a reason.

mod content;
mod forwarding;
mod local;
mod log;
mod refusals;
mod returning;
mod safety;
mod world;
