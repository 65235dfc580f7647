//! `defer`, `reject` and `drop`: faults that strike at random.

use crate::{
    sandbox::{
        behaviour::{Behave, Scene, settings},
        dice::Dice,
        event::{Answer, Event},
        settings::{At, Share},
    },
    smtp::reply::{EnhancedCode, SmtpCode},
};

settings! {
    /// How often.
    DeferSettings {
        /// Recipients it happens to.
        share: Share = Share(10),
    }
}

/// A receiver that cannot deliver just now.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Defer {
    settings: DeferSettings,
}

impl Behave for Defer {
    type Settings = DeferSettings;
    const ABOUT: &'static str = "451 4.2.0 for a share of recipients";

    fn new(settings: DeferSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &DeferSettings {
        &self.settings
    }

    fn on(&mut self, _: Scene, event: &Event<'_>, dice: &mut Dice) -> Answer {
        match event {
            Event::Rcpt { recipient, .. } if dice.happens(self.settings.share) => {
                let text = format!("{recipient}: try again later (sandbox)");
                Answer::refuse(SmtpCode::LOCAL_ERROR, EnhancedCode::new(4, 2, 0), text)
            }
            _ => Answer::ACCEPT,
        }
    }
}

settings! {
    /// How often.
    RejectSettings {
        /// Recipients it happens to.
        share: Share = Share(10),
    }
}

/// A receiver that does not know everybody.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Reject {
    settings: RejectSettings,
}

impl Behave for Reject {
    type Settings = RejectSettings;
    const ABOUT: &'static str = "550 5.1.1 for a share of recipients";

    fn new(settings: RejectSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &RejectSettings {
        &self.settings
    }

    fn on(&mut self, _: Scene, event: &Event<'_>, dice: &mut Dice) -> Answer {
        match event {
            Event::Rcpt { recipient, .. } if dice.happens(self.settings.share) => {
                let text = format!("{recipient}: no such mailbox (sandbox)");
                Answer::refuse(SmtpCode::MAILBOX_UNAVAILABLE, EnhancedCode::new(5, 1, 1), text)
            }
            _ => Answer::ACCEPT,
        }
    }
}

settings! {
    /// How often, and where.
    DropSettings {
        /// Messages it happens to.
        share: Share = Share(10),
        /// At MAIL, before anything was said of the message; or after the dot, when the message has been kept
        /// and the client never learns it (RFC 1047).
        at: At = At::Dot,
    }
}

/// A receiver whose connections break.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Dropping {
    settings: DropSettings,
}

impl Behave for Dropping {
    type Settings = DropSettings;
    const ABOUT: &'static str = "Hangs up without a word at mail, or at the dot after keeping the message";

    fn new(settings: DropSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &DropSettings {
        &self.settings
    }

    fn on(&mut self, _: Scene, event: &Event<'_>, dice: &mut Dice) -> Answer {
        let here =
            matches!((event, self.settings.at), (Event::Mail(_), At::Mail) | (Event::Message, At::Dot));
        if here && dice.happens(self.settings.share) { Answer::HANG_UP } else { Answer::ACCEPT }
    }
}
