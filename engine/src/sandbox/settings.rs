//! The settings of a behaviour and their text form, `rate=60/min,penalty=30s`.

use super::event::Stage;
use crate::shaping::Rate;
use humantime_serde::re::humantime::{format_duration, parse_duration};
use std::{fmt, time::Duration};

/// Text that names no [`Personality`](super::Personality).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPersonality {
    /// The name is not in the catalogue.
    #[error("no behaviour is named {0:?}; the help of the sandbox lists them all")]
    UnknownBehaviour(String),
    /// The behaviour has no such setting.
    #[error("{behaviour} has no setting {setting:?}; written in full it is {example}")]
    UnknownSetting {
        /// The behaviour.
        behaviour: String,
        /// The word that was taken for a setting.
        setting: String,
        /// The behaviour with all its settings.
        example: String,
    },
    /// The setting cannot have this value.
    #[error("{setting} cannot be {value:?}; expected {expected}")]
    BadValue {
        /// The setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What can be given.
        expected: &'static str,
    },
}

/// A kind of value with a text form.
pub(super) trait Value: Sized {
    /// What to write, with an example.
    const EXPECTED: &'static str;

    /// Reads the text form.
    fn read(text: &str) -> Option<Self>;

    /// The text form.
    fn write(&self) -> String;
}

impl Value for u32 {
    const EXPECTED: &'static str = "a number from 1";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number| *number > 0)
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a duration, as 500ms, 30s or 2min";

    fn read(text: &str) -> Option<Self> {
        parse_duration(text).ok()
    }

    fn write(&self) -> String {
        format_duration(*self).to_string().replace(' ', "")
    }
}

impl Value for Rate {
    const EXPECTED: &'static str = "a number in a time, as 10/s, 60/min, 500/h or 20/10s";

    fn read(text: &str) -> Option<Self> {
        let (count, per) = text.split_once('/')?;
        let per = parse_duration(per).or_else(|_| parse_duration(&format!("1{per}"))).ok()?;
        Some(Self { count: u32::read(count)?, per }).filter(|rate| !rate.per.is_zero())
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Value for Stage {
    const EXPECTED: &'static str = "greeting, ehlo, mail, rcpt, data, dot, rset or quit";

    fn read(text: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(name, _)| *name == text).map(|(_, stage)| *stage)
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

/// A share of all cases, in per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share(pub(super) u8);

impl Value for Share {
    const EXPECTED: &'static str = "a share from 0% to 100%";

    fn read(text: &str) -> Option<Self> {
        let percent = text.strip_suffix('%').unwrap_or(text).parse().ok()?;
        Some(Self(percent)).filter(|share| share.0 <= 100)
    }

    fn write(&self) -> String {
        format!("{}%", self.0)
    }
}

/// A number of octets; `k` is 1,000 and `M` 1,000,000 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Octets(pub(super) usize);

impl Value for Octets {
    const EXPECTED: &'static str = "a number of octets, as 500, 100k or 5M";

    fn read(text: &str) -> Option<Self> {
        let (number, unit) = match (text.strip_suffix('k'), text.strip_suffix('M')) {
            (Some(number), _) => (number, 1_000),
            (_, Some(number)) => (number, 1_000_000),
            _ => (text, 1),
        };
        number.parse::<usize>().ok()?.checked_mul(unit).map(Self)
    }

    fn write(&self) -> String {
        match self.0 {
            0 => "0".to_owned(),
            octets if octets % 1_000_000 == 0 => format!("{}M", octets / 1_000_000),
            octets if octets % 1_000 == 0 => format!("{}k", octets / 1_000),
            octets => octets.to_string(),
        }
    }
}

/// At which of the two ends of a transaction something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// At MAIL, before the content was sent.
    Mail,
    /// After the final dot.
    Dot,
}

impl Value for At {
    const EXPECTED: &'static str = "mail or dot";

    fn read(text: &str) -> Option<Self> {
        match text {
            "mail" => Some(Self::Mail),
            "dot" => Some(Self::Dot),
            _ => None,
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Mail => "mail",
            Self::Dot => "dot",
        }
        .to_owned()
    }
}

/// The settings as written, taken one by one.
#[derive(Debug, Default)]
pub(super) struct Params<'a> {
    /// A first value without a name: it belongs to the first setting.
    unnamed: Option<&'a str>,
    named: Vec<(&'a str, &'a str)>,
}

impl<'a> Params<'a> {
    /// Splits `key=value,key=value`; the first of them may lack its key.
    pub(super) fn split(text: &'a str) -> Self {
        let mut params = Self::default();
        for (place, item) in text.split(',').map(str::trim).filter(|item| !item.is_empty()).enumerate() {
            match item.split_once('=') {
                Some((key, value)) => params.named.push((key.trim(), value.trim())),
                None if place == 0 => params.unnamed = Some(item),
                None => params.named.push((item, "")),
            }
        }
        params
    }

    /// Takes a setting out, or its default if it is not there.
    pub(super) fn take<T: Value>(
        &mut self,
        setting: &'static str,
        default: T,
    ) -> Result<T, InvalidPersonality> {
        let named = self.named.iter().position(|(key, _)| *key == setting).map(|at| self.named.remove(at).1);
        let Some(value) = self.unnamed.take().or(named) else { return Ok(default) };
        T::read(value).ok_or_else(|| InvalidPersonality::BadValue {
            setting,
            value: value.to_owned(),
            expected: T::EXPECTED,
        })
    }

    /// What nobody has taken.
    pub(super) fn left(&self) -> Option<&'a str> {
        self.unnamed.or(self.named.first().map(|(key, _)| *key))
    }
}

/// Settings with their defaults, made by [`settings!`].
pub(super) trait Settings: Sized {
    /// Reads them; what is not given has its default.
    fn read(params: &mut Params<'_>) -> Result<Self, InvalidPersonality>;

    /// Names and text forms of all of them.
    fn write(&self) -> Vec<(&'static str, String)>;
}

/// Writes settings as they are read: `:rate=60/min,penalty=30s`, or nothing if there are none.
pub(super) fn write_settings(settings: &impl Settings, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, (name, value)) in settings.write().into_iter().enumerate() {
        let mark = if place == 0 { ':' } else { ',' };
        write!(f, "{mark}{name}={value}")?;
    }
    Ok(())
}

/// Declares settings: a struct whose fields, their names in text and their defaults stand in one place.
macro_rules! settings {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $key:ident: $type:ty = $default:expr,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub(in crate::sandbox) struct $name {
            $($(#[$doc])* pub(in crate::sandbox) $key: $type,)*
        }

        impl $crate::sandbox::settings::Settings for $name {
            // Some have no setting at all.
            #[allow(unused_variables)]
            fn read(
                params: &mut $crate::sandbox::settings::Params<'_>,
            ) -> Result<Self, $crate::sandbox::settings::InvalidPersonality> {
                Ok(Self { $($key: params.take(stringify!($key), $default)?,)* })
            }

            fn write(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($key), $crate::sandbox::settings::Value::write(&self.$key)),)*]
            }
        }
    };
}

pub(super) use settings;

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<T: Value>(text: &str) -> Option<String> {
        T::read(text).map(|value| value.write())
    }

    #[test]
    fn values_are_written_as_they_are_read() {
        for text in ["10/s", "60/min", "500/h", "20/10s"] {
            assert_eq!(round_trip::<Rate>(text).as_deref(), Some(text));
        }
        for text in ["500ms", "30s", "1m30s", "0s"] {
            assert_eq!(round_trip::<Duration>(text).as_deref(), Some(text));
        }
        for text in ["0", "999", "100k", "5M", "1001"] {
            assert_eq!(round_trip::<Octets>(text).as_deref(), Some(text));
        }
        for (name, _) in Stage::NAMED {
            assert_eq!(round_trip::<Stage>(name).as_deref(), Some(name));
        }
        assert_eq!(round_trip::<Share>("30").as_deref(), Some("30%"));
        assert_eq!(round_trip::<At>("mail").as_deref(), Some("mail"));
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for text in ["", "60", "0/min", "-1/min", "60/0s", "60/fortnight"] {
            assert_eq!(round_trip::<Rate>(text), None, "{text}");
        }
        assert_eq!(round_trip::<u32>("0"), None);
        assert_eq!(round_trip::<Share>("101%"), None);
        assert_eq!(round_trip::<Octets>("1G"), None);
        assert_eq!(round_trip::<Octets>("99999999999999999999k"), None);
        assert_eq!(round_trip::<Stage>("other"), None);
    }
}
