//! `connection-cap`

use crate::{
    sandbox::{
        behaviour::{Behave, Scene, settings},
        clients::PerClient,
        dice::Dice,
        event::{Answer, Event},
    },
    smtp::reply::EnhancedCode,
    time::UnixMillis,
};
use std::time::Duration;

settings! {
    /// How many connections are too many, and what follows.
    ConnectionCapSettings {
        /// Open connections that one address may have.
        connections: u32 = 10,
        /// Connections above that after which none is taken any more; forgotten after `penalty` without one.
        strikes: u32 = 5,
        /// How long none is taken then.
        penalty: Duration = Duration::from_secs(60),
    }
}

/// Comcast, Orange, GMX: 421 instead of the greeting. Orange says "Too many connections, slow down. OFR004_104" and
/// suspends whoever goes on, for longer each time (<https://bentonow.com/smtp-errors/orange/ofr004-104>); Cox allows ten
/// connections (<https://forums.cox.com/discussions/internet/mail-being-blocked-from-500-pm-to-700-am---error-cxcnct/136938>).
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct ConnectionCap {
    settings: ConnectionCapSettings,
    clients: PerClient<Record>,
}

/// What stands against a client.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    strikes: u32,
    last_strike: UnixMillis,
    banned_until: Option<UnixMillis>,
}

impl Behave for ConnectionCap {
    type Settings = ConnectionCapSettings;
    const ABOUT: &'static str =
        "Comcast, Orange, GMX: 421 for a connection too many; after some of them 421 for every connection";

    fn new(settings: ConnectionCapSettings) -> Self {
        Self { settings, clients: PerClient::default() }
    }

    fn settings(&self) -> &ConnectionCapSettings {
        &self.settings
    }

    fn on(&mut self, scene: Scene, event: &Event<'_>, _: &mut Dice) -> Answer {
        let Event::Connect = event else { return Answer::ACCEPT };
        let record = self.clients.of(scene.client);
        if record.banned_until.is_some_and(|until| scene.now < until) {
            return refusal("Service not available for your address for now", scene);
        }
        if scene.open <= self.settings.connections {
            return Answer::ACCEPT;
        }
        record.strike(scene.now, &self.settings);
        refusal("Too many connections, slow down.", scene)
    }
}

impl Record {
    fn strike(&mut self, now: UnixMillis, settings: &ConnectionCapSettings) {
        if now.since(self.last_strike) >= settings.penalty {
            self.strikes = 0;
        }
        self.strikes += 1;
        self.last_strike = now;
        if self.strikes >= settings.strikes {
            self.strikes = 0;
            self.banned_until = Some(now.saturating_add(settings.penalty));
        }
    }
}

fn refusal(why: &str, scene: Scene) -> Answer {
    Answer::close(EnhancedCode::new(4, 7, 0), format!("{why} [{}] (sandbox)", scene.client))
}
