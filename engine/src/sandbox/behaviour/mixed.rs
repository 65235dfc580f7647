//! `mixed`

use crate::{
    sandbox::{
        behaviour::{Behave, Scene, settings},
        clients::PerClient,
        dice::Dice,
        event::{Answer, Event},
        throttle::{Admission, Throttle},
    },
    shaping::Rate,
    smtp::reply::{EnhancedCode, SmtpCode},
};
use std::time::Duration;

settings! {
    /// What one address may do.
    MixedSettings {
        /// Open connections.
        connections: u32 = 10,
        /// Messages.
        rate: Rate = Rate { count: 60, per: Duration::from_secs(60) },
        /// How long no message is taken after one too many, from the last that was tried.
        penalty: Duration = Duration::from_secs(30),
    }
}

/// Microsoft: a cap on connections (421 4.3.2, the words of Exchange) together with a rate (451 4.7.500 in answer to
/// MAIL, which leaves the connection open; <https://bentonow.com/smtp-errors/microsoft/451-4-7-500-s77719>).
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Mixed {
    settings: MixedSettings,
    clients: PerClient<Throttle>,
}

impl Behave for Mixed {
    type Settings = MixedSettings;
    const ABOUT: &'static str =
        "Microsoft: 421 4.3.2 for a connection too many, 451 4.7.500 for mail above the rate";

    fn new(settings: MixedSettings) -> Self {
        Self { settings, clients: PerClient::default() }
    }

    fn settings(&self) -> &MixedSettings {
        &self.settings
    }

    fn on(&mut self, scene: Scene, event: &Event<'_>, _: &mut Dice) -> Answer {
        let MixedSettings { connections, rate, penalty } = self.settings;
        match event {
            Event::Connect if scene.open > connections => {
                let text = "The maximum number of concurrent connections has exceeded a limit, closing \
                            transmission channel (sandbox)";
                Answer::close(EnhancedCode::new(4, 3, 2), text)
            }
            Event::Mail(_) => match self.clients.of(scene.client).admit(scene.now, rate, penalty) {
                Admission::Admitted => Answer::ACCEPT,
                Admission::Punished => busy(scene),
            },
            _ => Answer::ACCEPT,
        }
    }
}

fn busy(scene: Scene) -> Answer {
    let text = format!("Server busy. Please try again later from [{}]. (S77719) (sandbox)", scene.client);
    Answer::refuse(SmtpCode::LOCAL_ERROR, EnhancedCode::new(4, 7, 500), text)
}
