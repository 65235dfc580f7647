//! How events get into a process: HTTP over its sockets.

mod answer;
mod body;
mod email;
mod fetch;
mod pool;
mod queue;

pub(crate) use email::{email, judge};
pub(crate) use fetch::{Outgoing, fetch};
pub(crate) use pool::{Broken, Pool};
pub(crate) use queue::queue;

pub use body::{BodyError, FetchBody};
