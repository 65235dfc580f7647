//! `volume`

use crate::{
    sandbox::{
        behaviour::{Behave, Scene, settings},
        clients::PerClient,
        dice::Dice,
        event::{Answer, Event},
        throttle::{Admission, Throttle},
    },
    shaping::Rate,
    smtp::reply::EnhancedCode,
};
use std::time::Duration;

settings! {
    /// How much is too much, and what makes it good again.
    VolumeSettings {
        /// Messages that are taken from one address.
        rate: Rate = Rate { count: 100, per: Duration::from_secs(60) },
        /// How long the address must then be silent: a connection is noise already.
        quiet: Duration = Duration::from_secs(60),
    }
}

/// Yahoo: 421 4.7.0 \[TSS04\] in answer to MAIL, once for all mail of the address
/// (<https://senders.yahooinc.com/smtp-error-codes/>; the wording as Exim logs it,
/// <https://support.cpanel.net/hc/en-us/articles/4403952239511>).
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Volume {
    settings: VolumeSettings,
    clients: PerClient<Throttle>,
}

impl Behave for Volume {
    type Settings = VolumeSettings;
    const ABOUT: &'static str = "Yahoo: 421 4.7.0 [TSS04] for everything, until the sender has been silent";

    fn new(settings: VolumeSettings) -> Self {
        Self { settings, clients: PerClient::default() }
    }

    fn settings(&self) -> &VolumeSettings {
        &self.settings
    }

    fn on(&mut self, scene: Scene, event: &Event<'_>, _: &mut Dice) -> Answer {
        let VolumeSettings { rate, quiet } = self.settings;
        let throttle = self.clients.of(scene.client);
        let admission = match event {
            Event::Mail(_) => throttle.admit(scene.now, rate, quiet),
            Event::Connect => {
                throttle.disturb(scene.now, quiet);
                Admission::Admitted
            }
            _ => Admission::Admitted,
        };
        match admission {
            Admission::Admitted => Answer::ACCEPT,
            Admission::Punished => Answer::close(EnhancedCode::new(4, 7, 0), text(scene)),
        }
    }
}

fn text(scene: Scene) -> String {
    format!(
        "[TSS04] Messages from {} temporarily deferred due to unexpected volume or user complaints - \
         4.16.55.1 (sandbox)",
        scene.client
    )
}
