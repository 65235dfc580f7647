//! `messages-per-connection` and `421-after`

use crate::{
    sandbox::{
        behaviour::{Behave, Scene, settings},
        dice::Dice,
        event::{Answer, Event, Stage},
    },
    smtp::reply::EnhancedCode,
};

settings! {
    /// How long a session may be.
    MessagesPerConnectionSettings {
        /// Messages that one connection may deliver.
        messages: u32 = 10,
    }
}

/// A cap on the messages of one connection, as Exim has it (`smtp_accept_max_per_connection`).
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct MessagesPerConnection {
    settings: MessagesPerConnectionSettings,
}

impl Behave for MessagesPerConnection {
    type Settings = MessagesPerConnectionSettings;
    const ABOUT: &'static str = "421 4.7.0 to the MAIL after so many messages on one connection";

    fn new(settings: MessagesPerConnectionSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &MessagesPerConnectionSettings {
        &self.settings
    }

    fn on(&mut self, scene: Scene, event: &Event<'_>, _: &mut Dice) -> Answer {
        match event {
            Event::Mail(_) if scene.messages >= self.settings.messages => {
                Answer::close(EnhancedCode::new(4, 7, 0), "Too many messages for this session (sandbox)")
            }
            _ => Answer::ACCEPT,
        }
    }
}

settings! {
    /// When the receiver leaves.
    GoodbyeAfterSettings {
        /// What it answers with 421.
        command: Stage = Stage::Mail,
    }
}

/// A receiver that shuts down whenever it gets a certain command; a server may say 421 at any point
/// (RFC 5321 section 3.8).
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct GoodbyeAfter {
    settings: GoodbyeAfterSettings,
}

impl Behave for GoodbyeAfter {
    type Settings = GoodbyeAfterSettings;
    const ABOUT: &'static str =
        "421 4.3.2 in answer to each greeting, ehlo, mail, rcpt, data, dot, rset or quit";

    fn new(settings: GoodbyeAfterSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &GoodbyeAfterSettings {
        &self.settings
    }

    fn on(&mut self, _: Scene, event: &Event<'_>, _: &mut Dice) -> Answer {
        if event.stage() != Some(self.settings.command) {
            return Answer::ACCEPT;
        }
        let text = format!("Shutting down, after {} (sandbox)", self.settings.command);
        Answer::close(EnhancedCode::new(4, 3, 2), text)
    }
}
