//! What a Worker is called.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Most octets of a name.
const MAX: usize = 63;

/// The name of a Worker within its account: 1 to 63 lower-case letters, digits, `-` and `_`, none of the last two at the
/// ends. It is part of host names and of file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScriptName(String);

/// Text that is no [`ScriptName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name for a Worker: 1 to 63 of a-z, 0-9, - and _, beginning and ending with a letter or digit"
)]
pub struct InvalidScriptName(String);

impl ScriptName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ScriptName {
    type Err = InvalidScriptName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let ends =
            bytes.first().zip(bytes.last()).is_some_and(|(first, last)| is_plain(*first) && is_plain(*last));
        let inside = bytes.iter().all(|byte| is_plain(*byte) || matches!(byte, b'-' | b'_'));
        if ends && inside && bytes.len() <= MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidScriptName(text.chars().take(80).collect()))
        }
    }
}

impl TryFrom<String> for ScriptName {
    type Error = InvalidScriptName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ScriptName> for String {
    fn from(name: ScriptName) -> Self {
        name.0
    }
}

impl fmt::Display for ScriptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_part_of_a_host_name_and_of_a_path() {
        for name in ["a", "email-processor", "x_1", &"a".repeat(63)] {
            assert_eq!(name.parse::<ScriptName>().unwrap().as_str(), name);
        }
        for name in ["", "-a", "a-", "A", "a.b", "../a", "a/b", "ä", "_a", &"a".repeat(64)] {
            assert!(name.parse::<ScriptName>().is_err(), "{name}");
        }
    }
}
