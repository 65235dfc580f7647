//! The Workers that the service's documentation prints do here what it says of them, as they are printed: bundled as
//! `wrangler deploy` bundles them, uploaded, and driven by mail and by HTTP. Where each comes from is in
//! `tests/workers/samples/README.md`.

mod bounces;
mod forwarding;
mod replies;
mod sending;
mod storage;

use mailwright_tests::error::Result;
use mailwright_tests::smtp::Reply;
use mailwright_tests::worker_world::{SENDER, WorkerWorld, letter};

/// Brings a message of the usual sender and returns what the server says of it.
pub(crate) fn bring(world: &WorkerWorld, to: &str, subject: &str) -> Result<Reply> {
    world.bring(SENDER, to, &letter(SENDER, to, subject, ""))
}

/// The same with a message that must be taken.
pub(crate) fn brought(world: &WorkerWorld, to: &str, subject: &str) -> Result<()> {
    let reply = bring(world, to, subject)?;
    assert_eq!(reply.code, 250, "{to}, {subject:?}: {reply:?}");
    Ok(())
}

/// Asserts that a message is refused for good, with these words.
pub(crate) fn assert_refused(reply: &Reply, words: &str) {
    assert!(reply.code / 100 == 5 && reply.lines.join(" ").contains(words), "{words:?}: {reply:?}");
}
