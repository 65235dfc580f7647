//! The moments at which a test kills the process: before and after each step that touches the disk or a peer.
//!
//! `MAILWRIGHT_KILL_AT=after-sync:3` kills it as [`FailPoint::AfterSync`] is reached for the third time. Only builds
//! with debug assertions look at that; in others [`FailPoint::reached`] is nothing at all.

/// Makes [`FailPoint`] of its points, each with its name in `MAILWRIGHT_KILL_AT`.
macro_rules! fail_points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        /// A moment in the life of the process.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum FailPoint {
            $($(#[$doc])* $point,)*
        }

        impl FailPoint {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// Its name in `MAILWRIGHT_KILL_AT`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

fail_points! {
    /// A batch of records is about to be written to the journal.
    BeforeAppend = "before-append",
    /// It is written and not synced.
    AfterAppend = "after-append",
    /// It is synced, and nobody has been told.
    AfterSync = "after-sync",
    /// The next segment is about to be made.
    BeforeSegment = "before-segment",
    /// It is made, and the one before it is not trimmed.
    AfterSegment = "after-segment",
    /// What accepted messages add to the counts of limits is about to be stored.
    BeforeCounts = "before-counts",
    /// What is new of the queue is about to be stored.
    BeforeCheckpoint = "before-checkpoint",
    /// It is stored, and perhaps not flushed.
    AfterCheckpoint = "after-checkpoint",
    /// A message is about to be copied to the end of the journal.
    BeforeCopy = "before-copy",
    /// A segment in which nothing lives is about to be removed.
    BeforeRemoval = "before-removal",
    /// It is removed.
    AfterRemoval = "after-removal",
    /// A reply is about to be written to an SMTP client.
    BeforeReply = "before-reply",
    /// It is written.
    AfterReply = "after-reply",
    /// An answer is about to be given to an HTTP client whose message is accepted.
    BeforeAnswer = "before-answer",
    /// A delivery is about to be journalled as going past its final dot.
    BeforeIntent = "before-intent",
    /// That is safe, and the content is about to go out.
    AfterIntent = "after-intent",
    /// The content is out, with its final dot.
    AfterDot = "after-dot",
    /// The receiver has answered, and nobody has been told.
    AfterVerdict = "after-verdict",
    /// What came of a delivery is about to be journalled.
    BeforeOutcome = "before-outcome",
}

impl FailPoint {
    /// Kills the process if a test wants it killed here.
    pub fn reached(self) {
        #[cfg(debug_assertions)]
        armed::reached(self);
    }
}

#[cfg(debug_assertions)]
mod armed {
    use super::FailPoint;
    use rustix::process::{Signal, getpid, kill_process};
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    /// Where to kill, and how often that is still to be passed by.
    struct Order {
        at: FailPoint,
        passes: AtomicU64,
    }

    pub(super) fn reached(point: FailPoint) {
        static ORDER: OnceLock<Option<Order>> = OnceLock::new();
        let Some(order) = ORDER.get_or_init(order) else { return };
        if order.at == point && order.passes.fetch_sub(1, Ordering::Relaxed) == 0 {
            // As from outside: nothing is written, closed or told.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }

    fn order() -> Option<Order> {
        let text = std::env::var("MAILWRIGHT_KILL_AT").ok()?;
        let parsed = text.split_once(':').and_then(|(name, time)| {
            let at = *FailPoint::ALL.iter().find(|point| point.name() == name)?;
            let passes = time.parse::<u64>().ok()?.checked_sub(1)?;
            Some(Order { at, passes: AtomicU64::new(passes) })
        });
        let names: Vec<_> = FailPoint::ALL.iter().map(|point| point.name()).collect();
        assert!(
            parsed.is_some(),
            "MAILWRIGHT_KILL_AT={text}: NAME:TIMES is wanted, with one of {}",
            names.join(" ")
        );
        parsed
    }
}
