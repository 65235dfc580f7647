//! `by-address`: the recipient's name says what becomes of the message.

use crate::{
    sandbox::{
        behaviour::{Behave, Scene, settings},
        dice::Dice,
        event::{Answer, Event},
    },
    smtp::reply::{EnhancedCode, SmtpCode},
};

settings! {
    /// Nothing.
    ByAddressSettings {}
}

/// A receiver for trying things out: `bounce@`, `blocked@`, `defer@` and `full@` any domain are refused.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct ByAddress {
    settings: ByAddressSettings,
}

impl Behave for ByAddress {
    type Settings = ByAddressSettings;
    const ABOUT: &'static str = "Refuses bounce@ (550 5.1.1), blocked@ (554 5.7.1), defer@ (451 4.7.1) and full@ (452 4.2.2) any domain, \
                                 also as bounce+tag@";

    fn new(settings: ByAddressSettings) -> Self {
        Self { settings }
    }

    fn settings(&self) -> &ByAddressSettings {
        &self.settings
    }

    fn on(&mut self, _: Scene, event: &Event<'_>, _: &mut Dice) -> Answer {
        let Event::Rcpt { recipient, .. } = event else { return Answer::ACCEPT };
        let name = recipient.local().split('+').next().unwrap_or_default();
        let (code, (class, subject, detail), why) = match name.to_ascii_lowercase().as_str() {
            "bounce" => (SmtpCode::MAILBOX_UNAVAILABLE, (5, 1, 1), "no such mailbox"),
            "blocked" => (SmtpCode::TRANSACTION_FAILED, (5, 7, 1), "message refused as spam"),
            "defer" => (SmtpCode::LOCAL_ERROR, (4, 7, 1), "try again later"),
            "full" => (SmtpCode::INSUFFICIENT_STORAGE, (4, 2, 2), "mailbox full"),
            _ => return Answer::ACCEPT,
        };
        let text = format!("{recipient}: {why} (sandbox)");
        Answer::refuse(code, EnhancedCode::new(class, subject, detail), text)
    }
}
