//! A personality: the behaviours of one sandbox, as text.

use super::{behaviour::Behaviour, settings::InvalidPersonality};
use std::{
    fmt::{self, Write},
    str::FromStr,
};

/// How a sandbox treats its clients: any number of behaviours, the first of which that objects has the word.
///
/// Its text form is that of its behaviours joined by `+`, `greylist:wait=5s+split-replies`; the empty text is a
/// receiver without whims. The value of a behaviour's first setting needs no name: `defer:30%`.
#[derive(Debug, Clone, Default)]
pub struct Personality(pub(super) Vec<Behaviour>);

impl FromStr for Personality {
    type Err = InvalidPersonality;

    fn from_str(text: &str) -> Result<Self, InvalidPersonality> {
        let behaviours = text.split('+').map(str::trim).filter(|behaviour| !behaviour.is_empty());
        behaviours.map(Behaviour::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Personality {
    /// In full, with all settings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, behaviour) in self.0.iter().enumerate() {
            let joint = if place == 0 { "" } else { "+" };
            write!(f, "{joint}{behaviour}")?;
        }
        Ok(())
    }
}

impl Personality {
    /// What can be asked for: each behaviour in full, with its default settings, and in words.
    pub fn help() -> String {
        let mut help = String::new();
        for (name, about) in Behaviour::CATALOGUE {
            let Ok(behaviour) = Behaviour::parse(name) else { continue };
            // A String takes everything.
            let _ = writeln!(help, "  {behaviour}\n      {about}");
        }
        help
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        text.parse::<Personality>().unwrap().to_string()
    }

    #[test]
    fn what_is_written_in_full_is_read_back() {
        for (name, _) in Behaviour::CATALOGUE {
            let full = written(name);
            assert!(full.starts_with(name), "{full}");
            assert_eq!(written(&full), full);
        }
    }

    #[test]
    fn the_help_has_every_behaviour() {
        let help = Personality::help();
        assert_eq!(help.lines().count(), 2 * Behaviour::CATALOGUE.len());
        assert!(help.contains("  rate-limit:rate=60/min,penalty=30s,at=dot\n"), "{help}");
    }

    #[test]
    fn settings_may_be_left_out_and_the_first_one_unnamed() {
        let cases = [
            ("", ""),
            ("rate-limit:rate=10/s", "rate-limit:rate=10/s,penalty=30s,at=dot"),
            ("rate-limit:10/s,at=mail", "rate-limit:rate=10/s,penalty=30s,at=mail"),
            ("421-after:rset", "421-after:command=rset"),
            (" defer:30% + stall:200ms+split-replies ", "defer:share=30%+stall:pause=200ms+split-replies"),
            ("drop:20,at=mail", "drop:share=20%,at=mail"),
            ("huge-reply:5k", "huge-reply:size=5k,to=dot"),
        ];
        for (text, full) in cases {
            assert_eq!(written(text), full, "{text}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let cases = [
            ("grumpy", r#"no behaviour is named "grumpy"; the help of the sandbox lists them all"#),
            (
                "greylist:delay=5s",
                r#"greylist has no setting "delay"; written in full it is greylist:wait=1m"#,
            ),
            ("greylist:wait=soon", r#"wait cannot be "soon"; expected a duration, as 500ms, 30s or 2min"#),
            (
                "split-replies:yes",
                r#"split-replies has no setting "yes"; written in full it is split-replies"#,
            ),
            ("drop:5%,mail", r#"drop has no setting "mail"; written in full it is drop:share=5%,at=dot"#),
        ];
        for (text, message) in cases {
            assert_eq!(text.parse::<Personality>().unwrap_err().to_string(), message, "{text}");
        }
    }
}
