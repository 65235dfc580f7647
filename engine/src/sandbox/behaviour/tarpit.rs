//! `tarpit` and `stall`

use crate::sandbox::{
    behaviour::{Behave, Scene, settings},
    dice::Dice,
    event::{Answer, Event},
};
use std::time::Duration;

settings! {
    /// How sticky the pit is.
    TarpitSettings {
        /// Before each reply.
        base: Duration = Duration::from_millis(50),
        /// More before each reply, for every message that the connection has delivered.
        growth: Duration = Duration::from_millis(20),
        /// Longest wait for one reply.
        max: Duration = Duration::from_secs(10),
    }
}

/// Tarpitting, as Exchange (`TarpitInterval`) and Postfix (`smtpd_error_sleep_time`) do it to clients they
/// mistrust. A reply takes `(base + growth × messages of the connection) × open connections of the client`, so that
/// more connections bring nothing, and a new one is faster than an old one.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Tarpit {
    settings: TarpitSettings,
}

impl Behave for Tarpit {
    type Settings = TarpitSettings;
    const ABOUT: &'static str =
        "Every reply waits: longer on a connection that has delivered more, and with more connections open";

    fn new(settings: TarpitSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &TarpitSettings {
        &self.settings
    }

    fn on(&mut self, scene: Scene, event: &Event<'_>, _: &mut Dice) -> Answer {
        if event.stage().is_none() {
            return Answer::ACCEPT;
        }
        let TarpitSettings { base, growth, max } = self.settings;
        let delay = base.saturating_add(growth.saturating_mul(scene.messages)).saturating_mul(scene.open);
        Answer::tarpit(delay.min(max))
    }
}

settings! {
    /// How long the receiver thinks.
    StallSettings {
        /// Before each message is answered.
        pause: Duration = Duration::from_secs(1),
    }
}

/// A receiver that is slow to take responsibility: it scans, or its disk is.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Stall {
    settings: StallSettings,
}

impl Behave for Stall {
    type Settings = StallSettings;
    const ABOUT: &'static str = "A pause before each message is answered";

    fn new(settings: StallSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &StallSettings {
        &self.settings
    }

    fn on(&mut self, _: Scene, event: &Event<'_>, _: &mut Dice) -> Answer {
        match event {
            Event::Message => Answer::tarpit(self.settings.pause),
            _ => Answer::ACCEPT,
        }
    }
}
