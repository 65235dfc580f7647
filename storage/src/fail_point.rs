//! The moments at which a test kills the process: before and after each step that touches the disk or a peer.
//!
//! `MAILWRIGHT_KILL_AT=after-sync:3` kills it as [`FailPoint::AfterSync`] is reached for the third time. Only builds
//! with debug assertions look at that; in others [`FailPoint::reached`] is nothing at all.

/// A moment in the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailPoint {
    /// A batch of records is about to be written to the journal.
    BeforeAppend,
    /// It is written and not synced.
    AfterAppend,
    /// It is synced, and nobody has been told.
    AfterSync,
    /// The next segment is about to be made.
    BeforeSegment,
    /// It is made, and the one before it is not trimmed.
    AfterSegment,
    /// What is new of the queue is about to be stored.
    BeforeCheckpoint,
    /// It is stored, and perhaps not flushed.
    AfterCheckpoint,
    /// A message is about to be copied to the end of the journal.
    BeforeCopy,
    /// A segment in which nothing lives is about to be removed.
    BeforeRemoval,
    /// It is removed.
    AfterRemoval,
    /// A reply is about to be written to an SMTP client.
    BeforeReply,
    /// It is written.
    AfterReply,
    /// An answer is about to be given to an HTTP client whose message is accepted.
    BeforeAnswer,
    /// A delivery is about to be journalled as going past its final dot.
    BeforeIntent,
    /// That is safe, and the content is about to go out.
    AfterIntent,
    /// The content is out, with its final dot.
    AfterDot,
    /// The receiver has answered, and nobody has been told.
    AfterVerdict,
    /// What came of a delivery is about to be journalled.
    BeforeOutcome,
}

impl FailPoint {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::BeforeAppend,
        Self::AfterAppend,
        Self::AfterSync,
        Self::BeforeSegment,
        Self::AfterSegment,
        Self::BeforeCheckpoint,
        Self::AfterCheckpoint,
        Self::BeforeCopy,
        Self::BeforeRemoval,
        Self::AfterRemoval,
        Self::BeforeReply,
        Self::AfterReply,
        Self::BeforeAnswer,
        Self::BeforeIntent,
        Self::AfterIntent,
        Self::AfterDot,
        Self::AfterVerdict,
        Self::BeforeOutcome,
    ];

    /// Its name in `MAILWRIGHT_KILL_AT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeAppend => "before-append",
            Self::AfterAppend => "after-append",
            Self::AfterSync => "after-sync",
            Self::BeforeSegment => "before-segment",
            Self::AfterSegment => "after-segment",
            Self::BeforeCheckpoint => "before-checkpoint",
            Self::AfterCheckpoint => "after-checkpoint",
            Self::BeforeCopy => "before-copy",
            Self::BeforeRemoval => "before-removal",
            Self::AfterRemoval => "after-removal",
            Self::BeforeReply => "before-reply",
            Self::AfterReply => "after-reply",
            Self::BeforeAnswer => "before-answer",
            Self::BeforeIntent => "before-intent",
            Self::AfterIntent => "after-intent",
            Self::AfterDot => "after-dot",
            Self::AfterVerdict => "after-verdict",
            Self::BeforeOutcome => "before-outcome",
        }
    }

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
            let at = FailPoint::ALL.into_iter().find(|point| point.name() == name)?;
            let passes = time.parse::<u64>().ok()?.checked_sub(1)?;
            Some(Order { at, passes: AtomicU64::new(passes) })
        });
        let names = FailPoint::ALL.map(FailPoint::name).join(" ");
        assert!(parsed.is_some(), "MAILWRIGHT_KILL_AT={text}: NAME:TIMES is wanted, with one of {names}");
        parsed
    }
}
