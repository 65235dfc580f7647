//! `rate-limit`

use crate::{
    sandbox::{
        behaviour::{Behave, Scene, settings},
        clients::PerClient,
        dice::Dice,
        event::{Answer, Event},
        settings::At,
        throttle::{Admission, Throttle},
    },
    shaping::Rate,
    smtp::reply::EnhancedCode,
};
use std::time::Duration;

settings! {
    /// When mail is too much, and what follows.
    RateLimitSettings {
        /// Messages that are taken from one address.
        rate: Rate = Rate { count: 60, per: Duration::from_secs(60) },
        /// How long none is taken then, from the last that was tried.
        penalty: Duration = Duration::from_secs(30),
        /// Where it is said.
        at: At = At::Dot,
    }
}

/// Gmail: 421 4.7.28 in answer to the final dot, as senders report it on the mailop list ("Gmail has detected an
/// unusual rate of unsolicited mail", <https://mail-archive.com/mailop@mailop.org/msg20199.html>) and Google in
/// its list of SMTP errors (<https://support.google.com/a/answer/3726730>).
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct RateLimit {
    settings: RateLimitSettings,
    clients: PerClient<Throttle>,
}

impl Behave for RateLimit {
    type Settings = RateLimitSettings;
    const ABOUT: &'static str = "Gmail: 421 4.7.28 for mail above the rate, until the sender pauses";

    fn new(settings: RateLimitSettings) -> Self {
        Self { settings, clients: PerClient::default() }
    }

    fn settings(&self) -> &RateLimitSettings {
        &self.settings
    }

    fn on(&mut self, scene: Scene, event: &Event<'_>, _: &mut Dice) -> Answer {
        let RateLimitSettings { rate, penalty, at } = self.settings;
        if !matches!((event, at), (Event::Mail(_), At::Mail) | (Event::Message, At::Dot)) {
            return Answer::ACCEPT;
        }
        match self.clients.of(scene.client).admit(scene.now, rate, penalty) {
            Admission::Admitted => Answer::ACCEPT,
            Admission::Punished => Answer::close(EnhancedCode::new(4, 7, 28), text(scene)),
        }
    }
}

fn text(scene: Scene) -> String {
    format!(
        "Gmail has detected an unusual rate of unsolicited mail originating\n\
         from your IP address [{}]. To protect our users from spam, mail sent\n\
         from your IP address has been temporarily rate limited. (sandbox)",
        scene.client
    )
}
