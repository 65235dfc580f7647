//! The catalogue of behaviours, each in one type.

mod by_address;
mod chance;
mod connection_cap;
mod goodbye;
mod greylist;
mod mixed;
mod octets;
mod rate_limit;
mod tarpit;
mod volume;

use super::{
    dice::Dice,
    event::{Answer, Event},
    settings::{InvalidPersonality, Params, Settings, settings, write_settings},
    wire::Wire,
};
use crate::time::UnixMillis;
use by_address::ByAddress;
use chance::{Defer, Dropping, Reject};
use connection_cap::ConnectionCap;
use goodbye::{GoodbyeAfter, MessagesPerConnection};
use greylist::Greylist;
use mixed::Mixed;
use octets::{HugeReply, SlowOctets, SplitReplies, StopsReading};
use rate_limit::RateLimit;
use std::{fmt, net::IpAddr};
use tarpit::{Stall, Tarpit};
use volume::Volume;

/// What a behaviour may know when it decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    /// The time.
    pub(super) now: UnixMillis,
    /// Whose event it is.
    pub(super) client: IpAddr,
    /// Connections that the client has open, with this one; at least 1.
    pub(super) open: u32,
    /// Messages taken on this connection.
    pub(super) messages: u32,
}

/// One way to misbehave: settings, and what it remembers.
pub(super) trait Behave {
    /// What can be set.
    type Settings: Settings;
    /// One line for the help.
    const ABOUT: &'static str;

    /// The behaviour before its first client.
    fn new(settings: Self::Settings) -> Self;

    /// What it was made with.
    fn settings(&self) -> &Self::Settings;

    /// What it does about an event.
    fn on(&mut self, _: Scene, _: &Event<'_>, _: &mut Dice) -> Answer {
        Answer::ACCEPT
    }

    /// What it does to the wire.
    fn shape(&self, _: &mut Wire) {}
}

/// Declares [`Behaviour`], in the order of the help.
macro_rules! catalogue {
    ($($name:literal => $kind:ident,)*) => {
        /// Any of the behaviours, with its state.
        #[derive(Debug, Clone)]
        pub(super) enum Behaviour {
            $($kind($kind),)*
        }

        impl Behaviour {
            /// Names and one-line descriptions.
            pub(super) const CATALOGUE: &[(&'static str, &'static str)] = &[$(($name, $kind::ABOUT),)*];

            fn read(name: &str, params: &mut Params<'_>) -> Result<Self, InvalidPersonality> {
                match name {
                    $($name => Ok(Self::$kind($kind::new(Settings::read(params)?))),)*
                    _ => Err(InvalidPersonality::UnknownBehaviour(name.to_owned())),
                }
            }

            /// The name in the catalogue.
            pub(super) fn name(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $name,)*
                }
            }

            /// What it does about an event.
            pub(super) fn on(&mut self, scene: Scene, event: &Event<'_>, dice: &mut Dice) -> Answer {
                match self {
                    $(Self::$kind(behaviour) => behaviour.on(scene, event, dice),)*
                }
            }

            /// What it does to the wire.
            pub(super) fn shape(&self, wire: &mut Wire) {
                match self {
                    $(Self::$kind(behaviour) => behaviour.shape(wire),)*
                }
            }
        }

        impl fmt::Display for Behaviour {
            /// `name:setting=value,setting=value`, with all settings.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())?;
                match self {
                    $(Self::$kind(behaviour) => write_settings(behaviour.settings(), f),)*
                }
            }
        }
    };
}

catalogue! {
    "rate-limit" => RateLimit,
    "volume" => Volume,
    "connection-cap" => ConnectionCap,
    "mixed" => Mixed,
    "greylist" => Greylist,
    "tarpit" => Tarpit,
    "messages-per-connection" => MessagesPerConnection,
    "defer" => Defer,
    "reject" => Reject,
    "by-address" => ByAddress,
    "drop" => Dropping,
    "stall" => Stall,
    "421-after" => GoodbyeAfter,
    "slow-octets" => SlowOctets,
    "split-replies" => SplitReplies,
    "stop-reading" => StopsReading,
    "huge-reply" => HugeReply,
}

impl Behaviour {
    /// Reads `name` or `name:setting=value,…`; what is not set has its default.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPersonality> {
        let (name, settings) = text.split_once(':').unwrap_or((text, ""));
        let mut params = Params::split(settings);
        let behaviour = Self::read(name.trim(), &mut params)?;
        match params.left() {
            None => Ok(behaviour),
            Some(setting) => Err(InvalidPersonality::UnknownSetting {
                behaviour: name.trim().to_owned(),
                setting: setting.to_owned(),
                example: behaviour.to_string(),
            }),
        }
    }
}
