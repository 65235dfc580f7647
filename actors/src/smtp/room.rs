//! Memory for messages that are being received, shared by all SMTP sessions: without a common bound, each of two
//! thousand clients could leave its 25 MiB unfinished.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Octets of all messages under way at a time.
const MEMORY: usize = 256 << 20;
/// What a session may always have: whoever comes with a common message is not sent away for the large ones of others.
const OWN: usize = 64 << 10;

/// Octets of messages under way in all sessions.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// What one session holds; given back when dropped.
#[derive(Debug, Default)]
pub(super) struct Share(usize);

impl Share {
    /// Takes room for more octets; false if the session has to go.
    pub(super) fn take(&mut self, octets: usize) -> bool {
        self.0 += octets;
        let before = TAKEN.fetch_add(octets, Ordering::Relaxed);
        self.0 <= OWN || before + octets <= MEMORY
    }

    /// Gives everything back.
    pub(super) fn give_back(&mut self) {
        TAKEN.fetch_sub(std::mem::take(&mut self.0), Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}
