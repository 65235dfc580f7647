//! `greylist`

use crate::{
    address::{EmailAddress, ReversePath},
    sandbox::{
        behaviour::{Behave, Scene, settings},
        dice::Dice,
        event::{Answer, Event},
    },
    smtp::reply::{EnhancedCode, SmtpCode},
    time::UnixMillis,
};
use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

/// Most triplets remembered, at 16 octets each; one more, and all are strangers again.
const MAX_TRIPLETS: usize = 1_000_000;

settings! {
    /// How long a stranger waits.
    GreylistSettings {
        /// From its first try until it is welcome.
        wait: Duration = Duration::from_secs(60),
    }
}

/// Greylisting (RFC 6647): the first try of a sender, a recipient and a network that were never seen together is
/// deferred; whoever tries again after the wait is a mail server, and known from then on.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Greylist {
    settings: GreylistSettings,
    /// When each triplet was first seen, by its hash: a collision lets somebody in early, no more.
    first_seen: HashMap<u64, UnixMillis>,
}

impl Behave for Greylist {
    type Settings = GreylistSettings;
    const ABOUT: &'static str =
        "451 4.7.1 for a sender, recipient and network (/24, /64) not seen together before";

    fn new(settings: GreylistSettings) -> Self {
        Self { settings, first_seen: HashMap::new() }
    }

    fn settings(&self) -> &GreylistSettings {
        &self.settings
    }

    fn on(&mut self, scene: Scene, event: &Event<'_>, _: &mut Dice) -> Answer {
        let Event::Rcpt { sender, recipient } = event else { return Answer::ACCEPT };
        let triplet = triplet(scene.client, sender, recipient);
        if self.first_seen.len() >= MAX_TRIPLETS && !self.first_seen.contains_key(&triplet) {
            self.first_seen.clear();
        }
        let since = scene.now.since(*self.first_seen.entry(triplet).or_insert(scene.now));
        let left = self.settings.wait.saturating_sub(since);
        if left.is_zero() {
            return Answer::ACCEPT;
        }
        // Rounded up: a client that waits for so many seconds is to find the door open.
        let seconds = left.as_millis().div_ceil(1_000);
        let text = format!("Greylisted, please try again in {seconds} seconds (sandbox)");
        Answer::refuse(SmtpCode::LOCAL_ERROR, EnhancedCode::new(4, 7, 1), text)
    }
}

fn triplet(client: IpAddr, sender: &ReversePath, recipient: &EmailAddress) -> u64 {
    let mut hasher = DefaultHasher::new();
    (network(client), sender, recipient).hash(&mut hasher);
    hasher.finish()
}

/// The network that one operator's servers share.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(address) => (address & Ipv4Addr::new(255, 255, 255, 0)).into(),
        IpAddr::V6(address) => (address & Ipv6Addr::from_bits(u128::MAX << 64)).into(),
    }
}
