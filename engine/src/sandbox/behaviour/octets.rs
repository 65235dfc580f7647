//! `slow-octets`, `split-replies`, `stop-reading` and `huge-reply`: faults of the wire, which say nothing wrong.

use crate::sandbox::{
    behaviour::{Behave, settings},
    event::Stage,
    settings::Octets,
    wire::{StopReading, Wire},
};
use std::time::Duration;

settings! {
    /// How slow.
    SlowOctetsSettings {
        /// Pause after each octet of a reply.
        interval: Duration = Duration::from_secs(1),
    }
}

/// One octet after the other, as OpenBSD's spamd(8) does it to spammers (its `-s`, one second).
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct SlowOctets {
    settings: SlowOctetsSettings,
}

impl Behave for SlowOctets {
    type Settings = SlowOctetsSettings;
    const ABOUT: &'static str = "OpenBSD spamd: replies octet by octet, with a pause after each";

    fn new(settings: SlowOctetsSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &SlowOctetsSettings {
        &self.settings
    }

    fn shape(&self, wire: &mut Wire) {
        wire.octet_interval = Some(self.settings.interval);
    }
}

settings! {
    /// Nothing to set.
    SplitRepliesSettings {}
}

/// Replies cut at every octet: what a client must not mind, since TCP knows no lines.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct SplitReplies {
    settings: SplitRepliesSettings,
}

impl Behave for SplitReplies {
    type Settings = SplitRepliesSettings;
    const ABOUT: &'static str = "Each octet of a reply in a TCP segment of its own";

    fn new(settings: SplitRepliesSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &SplitRepliesSettings {
        &self.settings
    }

    fn shape(&self, wire: &mut Wire) {
        wire.octet_interval = Some(wire.octet_interval.unwrap_or(Duration::ZERO));
    }
}

settings! {
    /// Where, and for how long.
    StopReadingSettings {
        /// Octets of a message that are still read.
        after: Octets = Octets(1_000),
        /// How long the connection then stays open.
        pause: Duration = Duration::from_secs(600),
    }
}

/// A receiver that hangs in the middle of a message; its system goes on buffering for a while.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct StopsReading {
    settings: StopReadingSettings,
}

impl Behave for StopsReading {
    type Settings = StopReadingSettings;
    const ABOUT: &'static str = "Stops reading in the middle of a message, and hangs up after the pause";

    fn new(settings: StopReadingSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &StopReadingSettings {
        &self.settings
    }

    fn shape(&self, wire: &mut Wire) {
        let StopReadingSettings { after: Octets(after), pause } = self.settings;
        wire.stop_reading = Some(StopReading { after, pause });
    }
}

settings! {
    /// Which, and how long.
    HugeReplySettings {
        /// Octets of the reply.
        size: Octets = Octets(100_000),
        /// What it answers.
        to: Stage = Stage::Dot,
    }
}

/// A reply of very many lines; RFC 5321 sets no limit to their number.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct HugeReply {
    settings: HugeReplySettings,
}

impl Behave for HugeReply {
    type Settings = HugeReplySettings;
    const ABOUT: &'static str =
        "A reply of many lines to greeting, ehlo, mail, rcpt, data, dot, rset or quit";

    fn new(settings: HugeReplySettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &HugeReplySettings {
        &self.settings
    }

    fn shape(&self, wire: &mut Wire) {
        let HugeReplySettings { size: Octets(size), to } = self.settings;
        wire.huge = Some((to, size));
    }
}
